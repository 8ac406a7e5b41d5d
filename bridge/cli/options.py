"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="Settings file; else that of BRIDGE_CONFIG, else config/bridge.yaml. BRIDGE_* variables go over it.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for other programs.")]
