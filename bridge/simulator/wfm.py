"""The simulated legacy WFM on the bus: tells of its jobs in events, carries out commands, and can be told to misbehave.

Messages of one job leave in order; different jobs do not wait for each other. Works on a real RabbitMQ and in memory,
where whoever publishes runs the receiver's handler: so every command is carried out in a task of its own.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson
import structlog
from aiormq.exceptions import PublishError
from faststream import AckPolicy
from faststream.exceptions import SubscriberNotFound
from faststream.rabbit import Channel, ExchangeType, RabbitBroker, RabbitExchange, RabbitMessage, RabbitQueue
from faststream.rabbit.subscriber import RabbitSubscriber

from bridge.simulator.acme import TEXTS, Acme, Job, Rc, Refusal, Slot, Stat, Visit, Window, read, written
from bridge.simulator.answers import Answers, Body

EVENTS_EXCHANGE: Final = "acme.wfm.events"
COMMANDS_EXCHANGE: Final = "acme.wfm.commands"
COMMANDS_QUEUE: Final = "acme.wfm.commands"
JOB_HEADER: Final = "x-job-no"
"""Names the job of an event beside its body, as middleware often does."""
KNOWN_COMMANDS: Final = ("FINDSLOT", "BOOKVIS", "MOVEVIS", "CANVIS", "ADDNOTE", "TTSTAT")
PREFETCH: Final = 1000

Observer = Callable[[str, str, Body, datetime], None]
"""Gets the direction (event, command or reply), the routing key, the body and the moment (UTC)."""

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood:
    """How one command is treated: refused with `rc`, done without a reply, `late_s` seconds late, or not at all."""

    rc: str | None = None
    silent: bool = False
    late_s: float = 0.0
    dropped: bool = False


WELL_BEHAVED: Final = Mood()
AS_AMQP_HAS_IT: Final = Answers()


class SimulatedWfm:
    """ACME on a broker. Every name in RabbitMQ begins with `namespace`; a command takes `reply_delay` seconds.

    `answers` says how it answers; their queue is the bridge's to make.
    """

    def __init__(
        self,
        broker: RabbitBroker,
        namespace: str = "",
        *,
        reply_delay: float = 0.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        first_number: int = 1,
        answers: Answers = AS_AMQP_HAS_IT,
    ) -> None:
        self.acme: Final = Acme(first_number)
        self.observers: Final[list[Observer]] = []
        self.tickets: Final[dict[str, list[str]]] = defaultdict(list)
        self.commands: Final[list[Body]] = []
        self.reply_delay = reply_delay
        self._broker = broker
        self._answers = answers
        self._replies_queue = f"{namespace}{answers.queue}" if answers.queue is not None else None
        self._clock = clock
        self._events = RabbitExchange(f"{namespace}{EVENTS_EXCHANGE}", ExchangeType.TOPIC)
        self._moods: dict[str, deque[Mood]] = defaultdict(deque)
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands_exchange = RabbitExchange(f"{namespace}{COMMANDS_EXCHANGE}", ExchangeType.TOPIC)
        self._commands_queue = RabbitQueue(f"{namespace}{COMMANDS_QUEUE}", routing_key="cmd.#")
        self._subscriber: RabbitSubscriber | None = None

    async def start(self) -> None:
        """Declare the exchanges and the command queue, and take commands. The broker must be connected."""
        await self._broker.declare_exchange(self._events)
        self._subscriber = self._subscriber or self._subscribe()
        await self._subscriber.start()

    async def stop(self) -> None:
        """Take no more commands, and give up those under way."""
        if self._subscriber is not None:
            await self._subscriber.stop()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _subscribe(self) -> RabbitSubscriber:
        subscriber = self._broker.subscriber(
            self._commands_queue,
            self._commands_exchange,
            channel=Channel(prefetch_count=PREFETCH),
            ack_policy=AckPolicy.ACK,
            no_reply=True,
            decoder=_undecoded,
        )
        subscriber(self._on_command)
        return subscriber

    # the dispatcher, the technicians and the back office

    async def create_job(
        self,
        customer: str = "PL-00017",
        *,
        visit_required: bool = True,
        ticket: str | None = None,
        site: str = "SITE-7",
        tasks: tuple[str, ...] = ("REPLACE SFP", "PERFORM OTDR"),
        minutes: int = 120,
        remark: str = "",
        job_no: str | None = None,
    ) -> str:
        """Open a job and tell of it; return its number. `ticket` None makes one up, "" is none."""
        job = self.acme.new_job(
            customer=customer,
            visit_required=visit_required,
            ticket=ticket,
            site=site,
            tasks=tuple(tasks),
            minutes=minutes,
            remark=remark,
            job_no=job_no,
        )
        async with self._turns[job.number]:
            await self._tell(job)
        return job.number

    async def schedule(
        self, job_no: str, window: tuple[datetime, datetime] | None = None, technician: str | None = None
    ) -> None:
        """The dispatcher plans the job by himself: with a visit, or without when no window is given."""
        async with self._job(job_no) as job:
            self.acme.plan(job, Window(*window) if window is not None else None, technician)
            await self._tell(job)

    async def move(self, job_no: str, window: tuple[datetime, datetime], technician: str | None = None) -> None:
        """The dispatcher moves the visit."""
        async with self._job(job_no) as job:
            self.acme.move(job, Window(*window), technician)
            await self._tell(job)

    async def enroute(self, job_no: str) -> None:
        """The technician drives."""
        await self._turn(job_no, Stat.DRIVING)

    async def start_work(self, job_no: str) -> None:
        """The technician starts."""
        await self._turn(job_no, Stat.STARTED)

    async def finish(self, job_no: str) -> None:
        """The technician has finished."""
        await self._turn(job_no, Stat.FINISHED)

    async def close(self, job_no: str) -> None:
        """The back office closes the job."""
        await self._turn(job_no, Stat.CLOSED)

    async def no_show(self, job_no: str, reason: str) -> None:
        """The visit did not take place; C.. is the customer's side, T.. the technician's."""
        await self._turn(job_no, Stat.NO_SHOW, reason)

    async def take_back_visit(self, job_no: str, reason: str = "") -> None:
        """The dispatcher takes the visit back."""
        await self._turn(job_no, Stat.VISIT_TAKEN_BACK, reason)

    async def cancel_job(self, job_no: str, reason: str = "") -> None:
        """The job is cancelled."""
        await self._turn(job_no, Stat.CANCELLED, reason)

    async def hold(self, job_no: str) -> None:
        """The job is paused."""
        await self._turn(job_no, Stat.ON_HOLD)

    async def raw(self, job_no: str, *, status: str, **fields: Any) -> None:
        """Tell of a job with any status, and any other fields (by their upper-case keys), without changing it."""
        async with self._job(job_no) as job:
            body = {**self.acme.snapshot(job, self._clock()), "STAT": status, **fields}
            await self._publish_event(f"job.{status.lower()}", body)

    async def raw_bytes(self, body: bytes, routing_key: str = "job.raw") -> None:
        """Publish anything at all as an event."""
        self._observe("event", routing_key, {"RAW": body.decode(errors="replace")})
        await self._publish(body, self._events, routing_key)

    # knobs: how the next command of a kind (BOOKVIS, ...) is treated; several calls queue up

    def refuse_next(self, cmd: str, rc: str) -> None:
        """Refuse the next such command with `rc`."""
        self._expect(cmd, Mood(rc=rc))

    def silent_next(self, cmd: str) -> None:
        """Carry out the next such command, and never reply. The event is still sent."""
        self._expect(cmd, Mood(silent=True))

    def late_next(self, cmd: str, seconds: float) -> None:
        """Carry out the next such command, and reply, only after so many seconds."""
        self._expect(cmd, Mood(late_s=seconds))

    def drop_next(self, cmd: str) -> None:
        """Ignore the next such command."""
        self._expect(cmd, Mood(dropped=True))

    def _expect(self, cmd: str, mood: Mood) -> None:
        """Raises `ValueError` for a command that there is not: it would never be met."""
        if cmd not in KNOWN_COMMANDS:
            raise ValueError(f"cmd {cmd!r} is no command; commands are: {', '.join(KNOWN_COMMANDS)}")
        self._moods[cmd].append(mood)

    # what one can look at

    @property
    def idle(self) -> bool:
        """Is no command under way? Then nothing more is said until somebody acts."""
        return not self._tasks

    def visits(self, job_no: str) -> list[Visit]:
        """All visits of a job, oldest first."""
        return self.acme.visits_of(job_no)

    def active_visit(self, job_no: str) -> Visit | None:
        """The job's visit that is planned or started."""
        return self.acme.active_visit(job_no)

    # events

    @asynccontextmanager
    async def _job(self, job_no: str) -> AsyncIterator[Job]:
        """The job, for one change and the messages that come of it: the next change waits until they have left."""
        job = self.acme.job(job_no)
        async with self._turns[job_no]:
            yield job

    async def _turn(self, job_no: str, stat: Stat, reason: str = "") -> None:
        async with self._job(job_no) as job:
            self.acme.turn(job, stat, reason)
            await self._tell(job)

    async def _tell(self, job: Job) -> None:
        body = self.acme.snapshot(job, self._clock())
        self.acme.forget_fallen_visit(job)
        await self._publish_event(f"job.{body['STAT'].lower()}", body)

    async def _publish_event(self, routing_key: str, body: Body) -> None:
        self._observe("event", routing_key, body)
        headers = {JOB_HEADER: str(body["JOB_NO"])} if "JOB_NO" in body else None
        await self._publish(orjson.dumps(body), self._events, routing_key, headers=headers)

    # commands

    async def _on_command(self, message: Any) -> None:
        task = asyncio.create_task(self._treat(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _treat(self, message: RabbitMessage) -> None:
        command = self._answers.read(message.body)
        self.commands.append(command)
        self._observe("command", message.raw_message.routing_key or "", command)
        moods = self._moods[command.get("CMD", "")]
        mood = moods.popleft() if moods else WELL_BEHAVED
        if mood.dropped:
            return
        await asyncio.sleep(mood.late_s + self.reply_delay)
        async with self._turns[command.get("JOB_NO", "")]:
            answer, changed = self.carry_out(command, mood)
            if self._answers.is_wanted(command, message.reply_to) and not mood.silent:
                await self._reply(message, {"RC": Rc.DONE.value, "REF": command.get("REF", ""), **answer})
            if changed is not None:
                await self._tell(changed)

    def carry_out(self, command: Body, mood: Mood = WELL_BEHAVED) -> tuple[Body, Job | None]:
        """Do what a command says; give the reply's own fields, and the job that changed."""
        if mood.rc is not None:
            return _refusal(mood.rc), None
        try:
            answer = self._do(command)
        except Refusal as refused:
            return _refusal(refused.rc), None
        except (KeyError, ValueError) as unreadable:
            _log.warning("the simulated WFM can't read a command", problem=repr(unreadable), command=command)
            return _refusal(Rc.INTERNAL), None
        changes = command["CMD"] in ("BOOKVIS", "MOVEVIS", "CANVIS")
        return answer, self.acme.jobs[command["JOB_NO"]] if changes else None

    def _do(self, command: Body) -> Body:
        job_no = command["JOB_NO"]
        match command["CMD"]:
            case "FINDSLOT":
                return {"SLOTS": [_offer(slot) for slot in self.acme.find(job_no, _window(command), self._clock())]}
            case "BOOKVIS":
                visit = self.acme.book(job_no, command["SLOT_ID"], _window(command))
                return {"VISIT_NO": visit.number, "TXT": TEXTS[Rc.DONE]}
            case "MOVEVIS":
                visit = self.acme.rebook(job_no, command["VISIT_NO"], command["SLOT_ID"], _window(command))
                return {"VISIT_NO": visit.number, "TXT": TEXTS[Rc.DONE]}
            case "CANVIS":
                self.acme.cancel_visit(job_no, command["VISIT_NO"])
            case "ADDNOTE":
                self.acme.job(job_no).notes.append(command["TEXT"])
            case "TTSTAT":
                self.tickets[command["TT_NO"]].append(command["STATUS"])
            case unknown:
                raise ValueError(f"no command {unknown!r}")
        return {"TXT": TEXTS[Rc.DONE]}

    async def _reply(self, message: RabbitMessage, body: Body) -> None:
        to, correlation_id = message.reply_to, message.raw_message.correlation_id
        if self._replies_queue is not None:
            to, correlation_id = self._replies_queue, None
        self._observe("reply", to, body)
        await self._publish(self._answers.write(body), RabbitExchange(), to, correlation_id)

    # the bus

    async def _publish(
        self,
        body: bytes,
        exchange: RabbitExchange,
        routing_key: str,
        correlation_id: str | None = None,
        headers: dict[str, Any] | None = None,
    ) -> None:
        try:
            await self._broker.publish(
                body,
                exchange=exchange,
                routing_key=routing_key,
                mandatory=False,
                persist=True,
                content_type="application/xml" if body.startswith(b"<") else "application/json",
                message_id=uuid4().hex,
                correlation_id=correlation_id,
                headers=headers,
            )
        except (SubscriberNotFound, PublishError):
            _log.debug("nobody listens to the simulated WFM", routing_key=routing_key)

    def _observe(self, direction: str, routing_key: str, body: Body) -> None:
        now = self._clock()
        for observer in self.observers:
            observer(direction, routing_key, body, now)


def _refusal(rc: str) -> Body:
    return {"RC": str(rc), "TXT": TEXTS.get(rc, "REFUSED")}


def _offer(slot: Slot) -> Body:
    return {
        "SLOT_ID": slot.id,
        "FROM": written(slot.window.start),
        "TO": written(slot.window.end),
        "TECH": slot.technician,
    }


def _window(command: Body) -> Window:
    return Window(read(command["FROM"]), read(command["TO"]))


async def _undecoded(message: RabbitMessage) -> RabbitMessage:
    """The handler wants the whole message, as it came."""
    return message
