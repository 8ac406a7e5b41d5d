"""`mef-bridge listeners`: how the Buyers' listeners are, and those that were disabled enabled again."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.messages import print_lines
from bridge.cli.options import ConfigOption, JsonOption
from bridge.delivery.signing import Ed25519Key, new_key, read_key
from bridge.errors import PermanentError
from bridge.flows.ports import ListenerReport, SubscriptionId

BY_OPERATOR = "an operator disabled it"

ListenerArgument = Annotated[str, typer.Argument(help="Its id, as `listeners list` shows it.")]


def list_listeners(
    config: ConfigOption = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Only those that are disabled.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the listeners, one a line: whose, whether they take what they are sent, and how much waits. Reads only."""
    found = with_store(
        given_settings(config), lambda store: store.listeners.reports(only_disabled=disabled), read_only=True
    )
    print_lines(json.dumps(asdict(report), default=_plain) if as_json else _line(report) for report in found)


def enable_listener(listener: ListenerArgument, config: ConfigOption = None) -> None:
    """Enable a listener: what was kept for it is sent, in order, with all attempts before it.

    A running bridge begins within half a minute.
    """
    settings = given_settings(config)
    waiting = with_store(settings, lambda store: store.listeners.enable(_id(listener), now()), read_only=False)
    if waiting is None:
        raise PermanentError(f"there is no listener {listener}")
    typer.echo(f"{listener}: enabled; {waiting} notifications will be sent")


def disable_listener(
    listener: ListenerArgument,
    config: ConfigOption = None,
    because: Annotated[str, typer.Option(help="Why, for whoever looks at it later.")] = BY_OPERATOR,
) -> None:
    """Disable a listener: it is sent nothing, and what it should hear is kept until it is enabled."""
    settings = given_settings(config)
    done = with_store(settings, lambda store: store.listeners.disable(_id(listener), because, now()), read_only=False)
    if not done:
        raise PermanentError(f"there is no listener {listener}, or it is disabled already")
    typer.echo(f"{listener}: disabled")


def make_key(
    ed25519: Annotated[
        bool,
        typer.Option(
            "--ed25519", help="A private key, and the public one for the Buyer, who can sign nothing with it."
        ),
    ] = False,
) -> None:
    """Make a key that signs notifications, and print it: for the Seller's settings and for the Buyer.

    Without --ed25519 it is a secret that both have (HMAC). It goes into `signing` of the buyers file, by a variable or
    a file; the old one stays beside it until the Buyer has the new one.
    """
    text = new_key(is_symmetric=not ed25519)
    typer.echo(text)
    key = read_key(text)
    if isinstance(key, Ed25519Key):
        typer.echo(f"{key.public}  for the Buyer", err=True)


def _id(listener: str) -> SubscriptionId:
    return SubscriptionId(listener)


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _line(report: ListenerReport) -> str:
    listener = report.subscription
    fields = [listener.id, listener.buyer, listener.api.value, listener.callback, _health(report), _waiting(report)]
    return "\t".join(" ".join(field.split()) for field in fields)


def _health(report: ListenerReport) -> str:
    if report.disabled_at is not None:
        return f"disabled {report.disabled_at:%Y-%m-%dT%H:%M:%SZ}: {report.disabled_because}"
    return f"failing since {report.failing_since:%Y-%m-%dT%H:%M:%SZ}" if report.failing_since else "enabled"


def _waiting(report: ListenerReport) -> str:
    since = f", since {report.waiting_since:%Y-%m-%dT%H:%M:%SZ}" if report.waiting_since else ""
    return f"{report.waiting} waiting{since}"
