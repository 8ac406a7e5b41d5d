"""Node-RED as a peer: a flow that consumes, translates, posts to each listener, and acks. It keeps nothing.

Node-RED is no part of this repository: `BENCH_NODE_RED` names a folder in which `npm install node-red@4 amqplib` was
run.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from bridge.localenv.process import free_port

HERE: Final = Path(__file__).parent
VARIABLE: Final = "BENCH_NODE_RED"
PREFETCH: Final = 100


def find() -> Path | None:
    """Give the folder with Node-RED; None where there is none."""
    folder = os.environ.get(VARIABLE)
    return Path(folder) if folder and _red(Path(folder)).is_file() and shutil.which("node") else None


def _red(folder: Path) -> Path:
    return folder / "node_modules" / "node-red" / "red.js"


@asynccontextmanager
async def running(
    folder: Path, broker_url: str, queue: str, listeners: Sequence[str]
) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """Run it without an editor, with a directory of its own."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        (home / "node_modules").symlink_to(folder / "node_modules")
        (home / "package.json").write_text(json.dumps({"dependencies": {"amqplib": "*"}}))
        (home / "flow.json").write_text(json.dumps(flow(broker_url, queue, listeners)))
        command = ["node", str(_red(folder)), "--userDir", directory, "--settings", str(HERE / "settings.js")]
        environ = os.environ | {"BENCH_PORT": str(free_port())}
        with subprocess.Popen(command, env=environ) as process:  # noqa: ASYNC220, S603 - at the start
            try:
                yield process
            finally:
                process.kill()


def flow(broker_url: str, queue: str, listeners: Sequence[str]) -> list[dict[str, Any]]:
    """Make the flow: one function node consumes and acks, one translates, and for each listener there is a request."""
    begin = _text("consume.js", URL=broker_url, QUEUE=queue, PREFETCH=PREFETCH)
    posts = [f"post-{number}" for number in range(len(listeners))]
    nodes = [
        _function("consume", _text("ack.js", LISTENERS=len(listeners)), ["translate"], begin),
        _function("translate", _text("translate.js"), posts),
        *(
            {"id": id_, "type": "http request", "method": "POST", "ret": "txt", "url": url, "persist": True}
            | {"paytoqs": "ignore", "wires": [["consume"]]}
            for id_, url in zip(posts, listeners, strict=True)
        ),
    ]
    placed = [node | {"z": "tab", "x": 100 * number, "y": 100} for number, node in enumerate(nodes, 1)]
    return [{"id": "tab", "type": "tab", "label": "events to webhooks"}, *placed]


def _function(id_: str, body: str, wires: list[str], begin: str = "") -> dict[str, Any]:
    libs = [{"var": "amqplib", "module": "amqplib"}] if begin else []
    done = {"outputs": 1, "finalize": "", "libs": libs, "wires": [wires]}
    return {"id": id_, "type": "function", "func": body, "initialize": begin, **done}


def _text(file: str, **values: object) -> str:
    text = (HERE / file).read_text()
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", str(value))
    return text
