"""`mef-bridge simulate`: a legacy WFM and a Buyer to play with."""

from typing import Annotated

import typer

from bridge.cli import loop
from bridge.mef.enums import Irp
from bridge.simulator.answers import Answers
from bridge.simulator.buyer_server import BUYER_PORT, serve_buyer
from bridge.simulator.wfm_server import REPLY_DELAY_S, WFM_PORT, serve_wfm
from bridge.telemetry import configure_logging

HostOption = Annotated[str, typer.Option(help="Address to listen on.")]
PortOption = Annotated[int, typer.Option(help="Port to listen on.")]


def wfm(
    broker: Annotated[str, typer.Option(help="URL of RabbitMQ.")] = "amqp://guest:guest@localhost:5672/",
    host: HostOption = "127.0.0.1",
    port: PortOption = WFM_PORT,
    namespace: Annotated[str, typer.Option(help="In front of all names in RabbitMQ.")] = "",
    reply_delay: Annotated[float, typer.Option(help="Seconds a command takes.")] = REPLY_DELAY_S,
    replies_queue: Annotated[
        str | None, typer.Option(help="Reply to this queue, and with REF instead of a correlation id.")
    ] = None,
    xml: Annotated[bool, typer.Option("--xml", help="Take commands and reply to them in XML.")] = False,
) -> None:
    """Run the simulated legacy WFM with its control server."""
    configure_logging("console", "info")
    answers = Answers(replies_queue, xml)
    loop.run(serve_wfm(broker, host, port, namespace=namespace, reply_delay=reply_delay, answers=answers))


def buyer(
    bridge: Annotated[str, typer.Option(help="URL of the bridge.")] = "http://127.0.0.1:8137",
    host: HostOption = "127.0.0.1",
    port: PortOption = BUYER_PORT,
    api_key: Annotated[str, typer.Option(help="The Buyer's API key.")] = "acme-buyer-key",
    irp: Annotated[Irp, typer.Option(help="Which API to speak.")] = Irp.SONATA,
    callback: Annotated[
        str, typer.Option(help="How the bridge reaches this listener; default from host and port.")
    ] = "",
) -> None:
    """Run the simulated Buyer: registers its listener and keeps what it is told."""
    configure_logging("console", "info")
    loop.run(serve_buyer(bridge, api_key, host, port, irp, callback=callback or None))
