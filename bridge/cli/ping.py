"""`mef-bridge listeners ping`: whether a listener can be reached by the way that its notifications take."""

import asyncio

import typer

from bridge.app import listener_access
from bridge.cli.listeners import ListenerArgument, find
from bridge.cli.options import ConfigOption, JsonOption
from bridge.cli.rows import print_json
from bridge.delivery.reachability import is_reached, meaning
from bridge.flows.facts import attempt_facts
from bridge.settings import load_settings
from bridge.telemetry import configure_logging


def ping_listener(listener: ListenerArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Ask whether a listener can be reached, the way its notifications are sent: by OPTIONS, and without an event.

    The standard knows no message to a listener but notifications, so nothing is posted, and nothing is recorded. Any
    answer of an HTTP server shows that names, TLS, proxy and callback guard are right; it does not show that the
    listener takes what is posted. It is asked from where this command runs. Exit code 1 if it was not reached.
    """
    settings = load_settings(config)
    configure_logging(settings.log.format, "error")  # what came of it is printed
    attempt = asyncio.run(listener_access.ping_listener(settings, find(settings, listener).subscription))
    if as_json:
        print_json([{"listener": listener, **attempt_facts(attempt), "isReached": is_reached(attempt)}])
    else:
        typer.echo(f"{listener}: {meaning(attempt)}")
    if not is_reached(attempt):
        raise typer.Exit(1)
