"""The simulated WFM as a process: on RabbitMQ, with an HTTP door for whoever plays dispatcher and technician."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Final

import structlog
from aiohttp import web
from faststream.rabbit import RabbitBroker

from bridge.simulator.acme import Acme, Refusal, Visit, Window, read, written
from bridge.simulator.answers import Answers
from bridge.simulator.wfm import AS_AMQP_HAS_IT, SimulatedWfm

KNOBS: Final = ("refuse_next", "silent_next", "late_next", "drop_next")
ACTIONS: Final = {
    "enroute": "enroute",
    "start": "start_work",
    "finish": "finish",
    "close": "close",
    "no_show": "no_show",
    "take_back_visit": "take_back_visit",
    "cancel_job": "cancel_job",
    "hold": "hold",
    "raw": "raw",
    "schedule": "schedule",
    "move": "move",
}

WFM_PORT: Final = 8138
REPLY_DELAY_S: Final = 0.05
"""So long a command takes."""

_WFM: Final = web.AppKey("wfm", SimulatedWfm)
_log = structlog.stdlib.get_logger(__name__)


async def serve_wfm(
    broker_url: str,
    host: str = "127.0.0.1",
    port: int = WFM_PORT,
    namespace: str = "",
    reply_delay: float = REPLY_DELAY_S,
    answers: Answers = AS_AMQP_HAS_IT,
) -> None:
    """Run the simulated WFM until cancelled; waits for a RabbitMQ that is not there yet."""
    broker = RabbitBroker(broker_url, fail_fast=False, reconnect_interval=1.0, logger=None, apply_types=False)
    # Numbers go on from the clock: a restarted WFM must not reuse ids that the bridge has seen.
    first_number = time.time_ns() // 1_000_000
    wfm = SimulatedWfm(broker, namespace, reply_delay=reply_delay, first_number=first_number, answers=answers)
    await broker.start()
    try:
        await wfm.start()
        await _serve(control_app(wfm), host, port)
    finally:
        await wfm.stop()
        await broker.stop()


def control_app(wfm: SimulatedWfm) -> web.Application:
    """The HTTP door. Windows are `{"from": "2026-03-06 08:00", "to": "2026-03-06 12:00"}`, Warsaw's wall clock."""
    app = web.Application(middlewares=[_problems])
    app[_WFM] = wfm
    app.router.add_get("/health", _health)
    app.router.add_get("/jobs", _jobs)
    app.router.add_post("/jobs", _create)
    app.router.add_get("/jobs/{no}", _job)
    app.router.add_post("/jobs/{no}/{action}", _act)
    app.router.add_post("/knobs", _turn_knob)
    app.router.add_post("/raw", _raw)
    app.router.add_get("/tickets", _tickets)
    app.router.add_get("/commands", _commands)
    return app


async def _serve(app: web.Application, host: str, port: int) -> None:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        _log.info("the simulated WFM listens", host=host, port=port)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


@web.middleware
async def _problems(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    """What cannot be done is told, in a sentence: 404 for an unknown job, 409 for a wrong state, 400 for a bad body."""
    try:
        return await handler(request)
    except Refusal as refused:
        return web.json_response({"rc": refused.rc, "problem": str(refused)}, status=404 if refused.rc == "44" else 409)
    except KeyError as missing:
        return web.json_response({"problem": f"{missing} is missing"}, status=400)
    except (TypeError, ValueError) as unreadable:
        return web.json_response({"problem": str(unreadable)}, status=400)


async def _health(_request: web.Request) -> web.Response:
    return web.json_response({"status": "up"})


async def _jobs(request: web.Request) -> web.Response:
    acme = request.app[_WFM].acme
    return web.json_response([_shown(acme, job_no) for job_no in acme.jobs])


async def _job(request: web.Request) -> web.Response:
    return web.json_response(_shown(request.app[_WFM].acme, request.match_info["no"]))


async def _create(request: web.Request) -> web.Response:
    job_no = await request.app[_WFM].create_job(**await _json(request))
    return web.json_response({"job_no": job_no}, status=201)


async def _act(request: web.Request) -> web.Response:
    wfm, job_no = request.app[_WFM], request.match_info["no"]
    action = ACTIONS.get(request.match_info["action"])
    if action is None:
        raise web.HTTPNotFound(text=f"actions are: {', '.join(ACTIONS)}")
    await getattr(wfm, action)(job_no, **_with_window(await _json(request)))
    return web.json_response(_shown(wfm.acme, job_no))


async def _turn_knob(request: web.Request) -> web.Response:
    arguments = await _json(request)
    knob = arguments.pop("knob", None)
    if knob not in KNOBS:
        raise ValueError(f"knob {knob!r} is none; knobs are: {', '.join(KNOBS)}")
    getattr(request.app[_WFM], knob)(**arguments)
    return web.json_response({"knob": knob})


async def _raw(request: web.Request) -> web.Response:
    await request.app[_WFM].raw_bytes(await request.read(), request.query.get("routing_key", "job.raw"))
    return web.json_response({}, status=202)


async def _tickets(request: web.Request) -> web.Response:
    return web.json_response(request.app[_WFM].tickets)


async def _commands(request: web.Request) -> web.Response:
    return web.json_response(request.app[_WFM].commands)


async def _json(request: web.Request) -> dict[str, Any]:
    body = await request.json() if request.can_read_body else {}
    if not isinstance(body, dict):
        raise TypeError("a JSON object is wanted")
    return body


def _with_window(arguments: dict[str, Any]) -> dict[str, Any]:
    if "from" not in arguments:
        return arguments
    start, end = arguments.pop("from"), arguments.pop("to")
    return {**arguments, "window": Window(read(start), read(end))}


def _shown(acme: Acme, job_no: str) -> dict[str, Any]:
    job = acme.job(job_no)
    return {
        "job_no": job.number,
        "stat": job.stat,
        "version": job.version,
        "customer": job.customer,
        "ticket": job.ticket,
        "active_visit": visit.number if (visit := acme.active_visit(job_no)) else None,
        "visits": [_shown_visit(visit) for visit in acme.visits_of(job_no)],
        "notes": job.notes,
    }


def _shown_visit(visit: Visit) -> dict[str, Any]:
    return {**asdict(visit), "window": {"from": written(visit.window.start), "to": written(visit.window.end)}}
