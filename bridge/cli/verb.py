"""A verb of the command line that is known by its name and a line of help, and imported only when it is used.

The parts of the bridge are heavy: whoever asks for help or for the version, or checks a pack, need not wait until the
server, the store and RabbitMQ's client are imported. For the same reason help is plain text: `rich` takes longer to
import than all the rest of it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption


class Verb(TyperCommand):
    """Stands among its neighbours for the function `where` (`module:name`)."""

    def __init__(self, name: str, where: str, summary: str) -> None:
        super().__init__(name, short_help=summary, rich_markup_mode=None)
        self.where = where

    def load(self) -> TyperCommand:
        """Import the function and make a command of it, with its options and its whole help."""
        module, _, function = self.where.partition(":")
        with _nothing_to_collect():
            found = getattr(import_module(module), function)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(self.name)(found)
        command = typer.main.get_command(alone)
        if not isinstance(command, TyperCommand):
            raise TypeError(f"{self.where} is not one command")
        return command

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Parse the words that follow; from here on the function itself is the command."""
        return self.load().make_context(*args, **extra)


class Verbs(TyperGroup):
    """A group of commands."""

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """Give `--help` as a flag that is false by itself: for one that is nothing, typer would import pydantic."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Import without the garbage collector: modules stay, and looking through them again and again takes a quarter."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def noun(name: str, summary: str, *verbs: Verb) -> Verbs:
    """Make the group of the verbs of a noun; without a verb it shows its help."""
    return Verbs(name=name, help=summary, commands=verbs, no_args_is_help=True, rich_markup_mode=None)
