"""A visit from the first request to the last, as commands to copy; a test runs each of them against a running bridge.

`$NAME` stands for what an earlier answer gave. Every command is one `curl` that a POSIX shell takes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Final

_APPOINTMENT: Final = '"$BRIDGE/mefApi/sonata/appointment/v2'
_WORK_ORDER: Final = '"$BRIDGE/mefApi/sonata/workOrderManagement/v2'
_KEY: Final = '-H "Authorization: Bearer $KEY" \\\n '
_JSON: Final = "-H 'Content-Type: application/json;charset=utf-8' \\\n "


@dataclass(frozen=True, slots=True)
class Step:
    """One request. `then` is what to keep of the answer."""

    title: str
    says: str
    command: str
    then: str = ""


STEPS: Final = (
    Step(
        "See your WorkOrders",
        "Jobs that the Seller does for you. One whose appointmentRequired is true needs a visit.",
        f'curl -sS {_KEY} {_WORK_ORDER}/workOrder?appointmentRequired=true&limit=5"',
        "export WORK_ORDER=…   # the id of one",
    ),
    Step(
        "Ask when a technician can come",
        "Nothing is reserved. The answer has slots within the period that you name.",
        f"""curl -sS -X POST {_KEY} {_JSON} {_APPOINTMENT}/searchTimeSlot" --data '{{
  "workOrder": {{"id": "'$WORK_ORDER'"}},
  "requestedTimeSlot": [{{"validFor": {{"startDateTime": "'$FROM'", "endDateTime": "'$TO'"}}}}]}}'""",
        "export START=… END=…   # of one of availableTimeSlot",
    ),
    Step(
        "Book it",
        "With an Idempotency-Key the same request can be sent again after a failure: you never book twice. 504 means "
        "that nothing is booked.",
        f"""curl -sS -X POST {_KEY} {_JSON} {_APPOINTMENT}/appointment" -H "Idempotency-Key: $WORK_ORDER-1" --data '{{
  "workOrder": {{"id": "'$WORK_ORDER'"}},
  "validFor": {{"startDateTime": "'$START'", "endDateTime": "'$END'"}},
  "relatedContactInformation": [
    {{"role": "buyerAppointmentContact", "name": "Jo Doe",
     "number": "+48 22 555 01 00", "emailAddress": "jo@example.com"}},
    {{"role": "appointmentPlaceContact", "name": "Al Roe",
     "number": "+48 22 555 01 01", "emailAddress": "al@example.com"}}]}}'""",
        "export APPOINTMENT=…   # its id",
    ),
    Step("Look at it", "As it is now.", f'curl -sS {_KEY} {_APPOINTMENT}/appointment/$APPOINTMENT"'),
    Step(
        "Add a note",
        "A patch is merged (RFC 7386). Notes can only be added; those that are there come back unchanged. A new "
        "validFor moves the visit.",
        f"""curl -sS -X PATCH {_KEY} {_JSON} {_APPOINTMENT}/appointment/$APPOINTMENT" --data '{{"note": [
  {{"id": "1", "author": "Jo Doe", "date": "2036-03-05T14:20:00Z", "source": "buyer", "text": "Ring twice."}}]}}'""",
    ),
    Step(
        "Be told what happens",
        "Your listener gets a POST below this callback for each event. Without a query it gets all of this API; the "
        "WorkOrder API has a hub of its own.",
        f"""curl -sS -X POST {_KEY} {_JSON} {_APPOINTMENT}/hub" --data '{{
  "callback": "https://buyer.example.com", "query": "eventType = appointmentStatusChangeEvent"}}'""",
        "export LISTENER=…   # its id",
    ),
    Step(
        "Cancel the visit",
        "Answered with 204 once the Seller has agreed.",
        f'curl -sS -X POST {_KEY} {_APPOINTMENT}/appointment/$APPOINTMENT/cancel"',
    ),
    Step(
        "Remove the listener",
        "What it was not told yet, it will not be told.",
        f'curl -sS -X DELETE {_KEY} {_APPOINTMENT}/hub/$LISTENER"',
    ),
)

_RELY_ON: Final = {
    "At least once.": "A notification is sent until your listener answers 2xx. It may come twice, with the same "
    "eventId and the same body: drop what you have.",
    "In order, for each resource.": "The next one about a WorkOrder or an Appointment waits for the one before it; "
    "different resources come side by side.",
    "Tries.": "After 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h, unless the Seller has set others; 429 and "
    "Retry-After are heeded. Then it is given up and kept, and sent again when you ask the Seller.",
    "410 disables.": "A listener that answers 410, or fails for days, is sent nothing more. What it should hear is "
    "kept, in order, until the Seller enables it.",
    "Signatures.": "If you agreed on keys, webhook-id, webhook-timestamp and webhook-signature are as Standard "
    "Webhooks has them: HMAC-SHA256 (v1) or ed25519 (v1a) over id.timestamp.body.",
    "The bridge is the truth.": "An event says that something changed; GET its href for what it is now.",
}


def journey(root: str) -> Iterator[str]:
    """The journey as HTML; `root` is the URL in front of /mefApi."""
    yield "<h2 id=journey>A visit, to copy</h2>"
    start = f"export BRIDGE={root}\nexport KEY=…   # what the Seller gave you: an API key, or a token\n"
    period = "export FROM=2036-03-05T00:00:00Z TO=2036-03-12T00:00:00Z   # when it would suit you"
    yield f"<pre tabindex=0>{escape(start + period)}</pre><ol>"
    for step in STEPS:
        then = f"<pre tabindex=0>{escape(step.then)}</pre>" if step.then else ""
        yield f"<li><h3>{escape(step.title)}</h3><p>{escape(step.says)}</p>"
        yield f"<pre tabindex=0>{escape(step.command)}</pre>{then}</li>"
    yield "</ol>"


def reliance() -> Iterator[str]:
    """What a listener can rely on, as HTML."""
    yield "<h2 id=notifications>What your listener can rely on</h2><ul>"
    yield from (f"<li><b>{what}</b> {escape(says)}</li>" for what, says in _RELY_ON.items())
    yield "</ul>"
