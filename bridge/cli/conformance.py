"""`mef-bridge conformance`: holds a MEF 137 implementation to the standard, this bridge by default, or any other."""

import json
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console

from bridge.cli import loop
from bridge.cli.self_hosted import KNOBS, self_hosted
from bridge.conformance.findings import Failed
from bridge.conformance.hooks import MEANINGS, Hooks, parse_hook
from bridge.conformance.listener import Listener
from bridge.conformance.report import Report, Result
from bridge.conformance.requirements import BY_ID
from bridge.conformance.runner import run
from bridge.conformance.table import show
from bridge.conformance.target import Account, Accounts, Knobs, Target
from bridge.errors import PermanentError, TransientError
from bridge.localenv.broker import find_broker
from bridge.mef.enums import Irp
from bridge.telemetry import configure_logging

HOOKS_HELP = (
    "What the WFM side does, as name=command; repeat it. {job} stands for what create-job printed. "
    + " ".join(f"{hook}: {meaning}." for hook, meaning in MEANINGS.items())
)


_USUAL = Knobs()


class WrongOption(PermanentError):
    """The options do not fit together."""


class Unreachable(TransientError):
    """The system under test does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for on the command line."""

    url: str | None
    accounts: Accounts | None
    hooks: Hooks
    irp: Irp
    host: str
    port: int
    callback: str | None
    knobs: Knobs
    only: tuple[str, ...]


def conformance(
    url: Annotated[str | None, typer.Option(help="The system to test, up to /mefApi. Without it: this bridge.")] = None,
    token: Annotated[str, typer.Option(envvar="MEF_TOKEN", help="Bearer token of an entity with one Buyer.")] = "",
    other_token: Annotated[str, typer.Option(help="Token of an entity with another Buyer.")] = "",
    several_buyers_token: Annotated[str, typer.Option(help="Token of an entity with several Buyers.")] = "",
    buyer_id: Annotated[str, typer.Option(help="How the Buyer of --token is named in buyerId.")] = "",
    several_sellers_url: Annotated[str, typer.Option(help="A system with several Sellers, up to /mefApi.")] = "",
    several_sellers_token: Annotated[str, typer.Option(help="Token for --several-sellers-url.")] = "",
    seller_id: Annotated[str, typer.Option(help="A Seller of --several-sellers-url, as in sellerId.")] = "",
    irp: Annotated[Irp, typer.Option(help="The reference point to test.")] = Irp.SONATA,
    hook: Annotated[list[str] | None, typer.Option(help=HOOKS_HELP)] = None,
    listener_host: Annotated[str, typer.Option(help="Address of our callback listener.")] = "127.0.0.1",
    listener_port: Annotated[int, typer.Option(help="Port of our callback listener; 0 takes a free one.")] = 0,
    callback: Annotated[str | None, typer.Option(help="How the system reaches our listener, if otherwise.")] = None,
    patience: Annotated[float, typer.Option(help="Seconds that something may take to be seen.")] = _USUAL.patience,
    quiet: Annotated[float, typer.Option(help="Seconds to listen for what must not come.")] = _USUAL.quiet,
    retry: Annotated[
        float, typer.Option(help="Seconds that a refused notification may take to come again.")
    ] = _USUAL.retry,
    search_days: Annotated[int, typer.Option(help="Days ahead in which time slots are searched.")] = _USUAL.search_days,
    job_note: Annotated[str | None, typer.Option(help="A note that create-job puts on its jobs.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Check only this requirement (R12); repeat it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON instead of a table.")] = False,
) -> None:
    """Hold a MEF 137 implementation to R1-R64 and O1-O4, as a Buyer with a real callback listener.

    Exit code 0 only if nothing failed; without --url, also only if everything was exercised.
    """
    configure_logging("console", "error")
    options = Options(
        url=url,
        accounts=_accounts(
            url,
            buyer=_account(token),
            other=_account(other_token),
            several_buyers=_account(several_buyers_token, buyer_id=buyer_id or None),
            several_sellers=_account(
                several_sellers_token, url=several_sellers_url or None, seller_id=seller_id or None
            ),
        ),
        hooks=_hooks(hook or []),
        irp=irp,
        host=listener_host,
        port=listener_port,
        callback=callback,
        knobs=Knobs(patience=patience, quiet=quiet, retry=retry, search_days=search_days, job_note=job_note),
        only=_only(only or []),
    )
    report = _report(options, Console(stderr=True, highlight=False))
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        show(Console(highlight=False), report)
    if report.failed or (url is None and report.not_exercised):
        raise typer.Exit(1)


def _account(token: str, **named: str | None) -> Account | None:
    if any(named.values()) and not token:
        raise WrongOption(f"{', '.join(value for value in named.values() if value)} is given, but not the token for it")
    return Account(token=token, **named) if token else None


def _accounts(url: str | None, buyer: Account | None, **others: Account | None) -> Accounts | None:
    if url is None:
        if buyer or any(others.values()):
            raise WrongOption("tokens are for a system given with --url; without it, this bridge is tested")
        return None
    if buyer is None:
        raise WrongOption("--url needs --token (or MEF_TOKEN)")
    return Accounts(buyer=buyer, **others)


def _hooks(texts: list[str]) -> Hooks:
    try:
        return Hooks(dict(parse_hook(text) for text in texts))
    except ValueError as wrong:
        raise WrongOption(str(wrong)) from wrong


def _only(requirements: list[str]) -> tuple[str, ...]:
    unknown = [each for each in requirements if each not in BY_ID]
    if unknown:
        raise WrongOption(f"there is no requirement {', '.join(unknown)}; they are R1 to R64 and O1 to O4")
    return tuple(requirements)


def _report(options: Options, console: Console) -> Report:
    reports: list[Report] = []
    if options.accounts is not None:
        loop.run(_test(options, reports, console))
    else:
        with find_broker(allow_memory=True) as broker:
            console.print(f"bus: {broker.why}", soft_wrap=True, style="dim")
            loop.run(_test_ourselves(options, broker.url, reports, console))
    if not reports:
        raise typer.Exit(130)  # stopped
    return reports[0]


async def _test_ourselves(options: Options, broker_url: str | None, reports: list[Report], console: Console) -> None:
    async with self_hosted(broker_url, options.irp, KNOBS) as target:
        await _run(target, options, reports, console)


async def _test(options: Options, reports: list[Report], console: Console) -> None:
    if options.url is None or options.accounts is None:
        raise WrongOption("--url is missing")
    async with AsyncExitStack() as stack:
        listener = await stack.enter_async_context(Listener(options.host, options.port, options.callback))
        target = Target(options.url, options.accounts, options.hooks, listener, options.irp, options.knobs)
        await _run(await stack.enter_async_context(target), options, reports, console)


async def _run(target: Target, options: Options, reports: list[Report], console: Console) -> None:
    done: list[Result] = []
    with console.status("checking …") as status:

        def progress(result: Result) -> None:
            done.append(result)
            status.update(f"{len(done)} checks done; last: {result.check.requirement} {result.check.title}")

        try:
            reports.append(await run(target, options.only, progress=progress))
        except Failed as failed:
            raise Unreachable(str(failed)) from failed
