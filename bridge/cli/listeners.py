"""`mef-bridge listeners`: how the Buyers' listeners are; they are paused, resumed and removed."""

from typing import Annotated

import typer

from bridge.app.process import now
from bridge.cli.acts import DryRunOption, NoteOption, WhyOption, said_why, writing
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.options import ConfigOption, JsonOption
from bridge.cli.rows import print_facts, print_json, print_rows, when
from bridge.delivery.signing import Ed25519Key, new_key, read_key
from bridge.errors import PermanentError
from bridge.flows.facts import listener_facts
from bridge.flows.operator import paused_because
from bridge.flows.ports.subscription import ListenerReport, SubscriptionId
from bridge.settings import Settings
from bridge.store import SqlStore

COLUMNS = ("id", "Buyer", "API", "to", "state", "waiting")

ListenerArgument = Annotated[str, typer.Argument(help="Its id, as `listeners list` shows it.")]


def list_listeners(
    config: ConfigOption = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Only those that are disabled.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the listeners: whose, whether they take what they are sent, and how much waits. Reads only."""
    found = with_store(
        given_settings(config), lambda store: store.listeners.reports(only_disabled=disabled), read_only=True
    )
    if as_json:
        print_json(map(listener_facts, found))
    else:
        print_rows(COLUMNS, map(_row, found))


def show_listener(listener: ListenerArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show one listener: its registration, how it is, and how much waits for it. Reads only."""
    print_facts(listener_facts(find(given_settings(config), listener)), as_json=as_json)


def resume_listener(listener: ListenerArgument, config: ConfigOption = None, note: NoteOption = "") -> None:
    """Resume a listener that was paused, or disabled because it failed: what was kept for it is sent, in order, with
    all attempts before it.

    A running bridge begins at once.
    """

    async def work(store: SqlStore) -> int:
        async with writing(store, "resume", f"listener {listener}", note) as result:
            waiting = await store.listeners.enable(_id(listener), now())
            if waiting is None:
                raise _unknown(listener)
            result.text = f"{waiting} to be sent"
            return waiting

    waiting = with_store(given_settings(config), work, read_only=False)
    typer.echo(f"{listener}: resumed; {waiting} notifications will be sent")


def pause_listener(listener: ListenerArgument, config: ConfigOption = None, note: NoteOption = "") -> None:
    """Pause a listener: it is sent nothing, and what it should hear is kept until it is resumed."""
    settings = given_settings(config)
    report = find(settings, listener)
    if report.disabled_at is not None:
        raise PermanentError(f"listener {listener} is disabled already: {report.disabled_because}")

    async def work(store: SqlStore) -> None:
        async with writing(store, "pause", f"listener {listener}", note):
            await store.listeners.disable(_id(listener), paused_because(note), now())

    with_store(settings, work, read_only=False)
    typer.echo(f"{listener}: paused")


def remove_listener(
    listener: ListenerArgument, note: WhyOption, config: ConfigOption = None, dry_run: DryRunOption = False
) -> None:
    """Remove a listener for good, as if its Buyer had: what waits for it is given up.

    The Buyer is not told; he has to register anew. `listeners pause` keeps what is to be sent.
    """
    said_why(note)
    settings = given_settings(config)
    waiting = find(settings, listener).waiting
    if dry_run:
        typer.echo(f"{listener}: would be removed; {waiting} notifications would be given up")
        return

    async def work(store: SqlStore) -> None:
        async with writing(store, "remove", f"listener {listener}", note) as result:
            if not await store.listeners.remove(_id(listener)):
                raise _unknown(listener)
            result.text = f"{waiting} given up"

    with_store(settings, work, read_only=False)
    typer.echo(f"{listener}: removed; {waiting} notifications were given up")


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


def find(settings: Settings, listener: str) -> ListenerReport:
    """Read how a listener is; raises `PermanentError` if there is none."""
    report = with_store(settings, lambda store: store.listeners.report(_id(listener)), read_only=True)
    if report is None:
        raise _unknown(listener)
    return report


def _id(listener: str) -> SubscriptionId:
    return SubscriptionId(listener)


def _unknown(listener: str) -> PermanentError:
    return PermanentError(f"there is no listener {listener}")


def _row(report: ListenerReport) -> list[str]:
    listener = report.subscription
    return [listener.id, listener.buyer, listener.api.value, listener.callback, _health(report), _waiting(report)]


def _health(report: ListenerReport) -> str:
    if report.disabled_at is not None:
        return f"disabled {when(report.disabled_at)}: {report.disabled_because}"
    return f"failing since {when(report.failing_since)}" if report.failing_since else "enabled"


def _waiting(report: ListenerReport) -> str:
    since = f", since {when(report.waiting_since)}" if report.waiting_since else ""
    return f"{report.waiting} waiting{since}"
