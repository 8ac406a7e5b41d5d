"""`mef-bridge conformance` against a running system: its table, its JSON, its exit code, and its refusals."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from bridge.cli.conformance import HOOKS_HELP
from bridge.cli.main import main
from bridge.cli.self_hosted import KEYS, self_hosted
from bridge.conformance.hooks import Hook
from bridge.conformance.requirements import BY_ID
from bridge.conformance.target import Target

REPOSITORY = Path(__file__).parents[2]
DOCUMENT = REPOSITORY / "docs" / "conformance-suite.md"

pytestmark = [pytest.mark.integration]


@pytest.fixture
async def target(rabbitmq_url: str) -> AsyncIterator[Target]:
    async with self_hosted(rabbitmq_url) as target:
        yield target


@pytest.fixture
async def wfm_door(target: Target) -> AsyncIterator[str]:
    """An HTTP door to the WFM's hooks, for commands to call: `POST /<hook>/<job>`."""

    async def act(request: web.Request) -> web.Response:
        job = request.match_info["job"].removeprefix("-")
        return web.Response(text=await target.hooks.run(Hook(request.match_info["hook"]), job))

    app = web.Application()
    app.router.add_post("/{hook}/{job}", act)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def conformance(*arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "conformance", *arguments,
        cwd=REPOSITORY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


def only(*requirements: str) -> list[str]:
    return [part for each in requirements for part in ("--only", each)]


def post(door: str, hook: str, job: str = "-") -> str:
    """A command that calls the door; Python, because no machine must have curl."""
    url = f"'{door}/{hook}/'+sys.argv[1]"
    call = f"import sys,urllib.request as u; print(u.urlopen(u.Request({url},method='POST')).read().decode())"
    return f'{hook}={sys.executable} -c "{call}" {job}'


async def test_a_running_system_is_tested_with_hooks_that_are_commands(target: Target, wfm_door: str) -> None:
    """Passed checks give exit code 0, also where others could not be exercised; the JSON tells which and why."""
    hooks = [part for hook in ("create-job",) for part in ("--hook", post(wfm_door, hook))]
    asked = only("R19", "R29", "R52", "R63")
    code, out, _ = await conformance(
        "--url", target.url, "--token", KEYS["one"], *hooks, *asked, "--retry", "5", "--json"
    )
    results = {each["id"]: each for each in json.loads(out)["requirements"]}
    assert {each: results[each]["result"] for each in ("R19", "R29", "R52", "R63")} == {
        "R19": "passed", "R29": "not exercised", "R52": "passed", "R63": "passed",
    }  # fmt: skip
    assert results["R29"]["checks"][0]["reason"] == "needs --hook change-technician=…"
    assert code == 0


async def test_a_failure_is_shown_with_request_and_answer_and_ends_with_1(target: Target) -> None:
    code, out, _ = await conformance("--url", target.url, "--token", "not-a-known-key", *only("R52"))
    assert code == 1
    assert "R52: an unknown id is a 404" in out
    assert "404 is wanted, 401 came" in out
    assert "not-a-known-key" not in out
    assert "invalidCredentials" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--url", "http://127.0.0.1:9"], "--url needs --token"),
        (["--token", "x"], "tokens are for a system given with --url"),
        (["--hook", "fly=echo"], "there is no hook 'fly'"),
        (["--only", "R65"], "there is no requirement R65"),
        (["--url", "http://127.0.0.1:9", "--token", "x"], "no answer"),
        (["--url", "http://127.0.0.1:9", "--token", "x", "--buyer-id", "b"], "b is given, but not the token for it"),
    ],
)
def test_options_that_do_not_fit_are_refused_with_a_sentence(
    arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mef-bridge", "conformance", *arguments])
    monkeypatch.setattr("bridge.cli.conformance.configure_logging", lambda *_: None)  # of the whole process
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (1, "")
    assert sentence in said.err.replace("\n", " ")


def test_every_hook_is_explained_in_the_help_and_in_the_document() -> None:
    text = DOCUMENT.read_text()
    for hook in Hook:
        assert f"{hook}: " in HOOKS_HELP
        assert f"`{hook}`" in text


def test_the_document_names_no_requirement_that_there_is_not() -> None:
    assert set(re.findall(r"\b[RO]\d+\b", DOCUMENT.read_text())) <= BY_ID.keys()
