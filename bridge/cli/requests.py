"""`mef-bridge requests`: what Buyers asked for and were refused."""

from typing import Annotated

import typer

from bridge.cli.chosen import BuyerOption
from bridge.cli.database import with_store
from bridge.cli.given import given_settings
from bridge.cli.options import ConfigOption, JsonOption
from bridge.cli.rows import print_json, print_rows, when
from bridge.domain.model import BuyerId, WorkOrderId
from bridge.flows.facts import request_facts
from bridge.flows.operator import RequestFilter
from bridge.flows.ports.refused_request import RefusedRequest

COLUMNS = ("at", "requester", "Buyer", "operation", "about", "status", "reason", "correlation id")


def list_requests(
    config: ConfigOption = None,
    buyer: BuyerOption = None,
    status: Annotated[int | None, typer.Option(help="Only those that were answered with this status.")] = None,
    work_order: Annotated[str | None, typer.Option("--work-order", help="Only those about this WorkOrder.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List the newest requests of Buyers that were refused: with which status, and why. Reads only.

    Only those of authenticated callers that were to change or search something, at most 20 a second of each caller.
    """
    wanted = RequestFilter(
        buyer=None if buyer is None else BuyerId(buyer),
        status=status,
        work_order=None if work_order is None else WorkOrderId(work_order),
    )
    found = with_store(given_settings(config), lambda store: store.refused.reports(wanted, limit), read_only=True)
    if as_json:
        print_json(map(request_facts, found))
    else:
        print_rows(COLUMNS, map(_row, found))


def _row(request: RefusedRequest) -> list[str]:
    return [
        when(request.at),
        request.requester,
        request.buyer or "",
        request.operation,
        request.work_order or request.appointment or "",
        str(request.status),
        request.reason,
        request.correlation_id,
    ]
