"""What operators do by the command line: each act with a note."""

from typing import Annotated

import typer

from bridge.errors import PermanentError

NoteOption = Annotated[str, typer.Option("--note", help="Why, for whoever looks at it later.")]
WhyOption = Annotated[str, typer.Option("--note", help="Why; this cannot be undone.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


def said_why(note: str) -> str:
    """Give a note that must say something; raises `PermanentError` for one that does not."""
    if not note.strip():
        raise PermanentError("--note: say why, whoever reads it later has nothing else")
    return note.strip()
