"""The admin API of deliveries, listeners, commands, the outbox and packs: what their pages show and do, as JSON."""

from collections.abc import Iterable, Sequence

from aiohttp import web

from bridge.console import hands_shapes
from bridge.console.access import require_operator
from bridge.console.activations import activation_facts
from bridge.console.jsons import answer, body_of, limit_of
from bridge.console.masks import mask_of, plain_mask
from bridge.console.pages.deliveries import asked_in, filter_of
from bridge.console.pages.packs import pack_in, running_of, take_back, usage_of
from bridge.console.pages.wfm import command_filter, command_in, outbox_filter
from bridge.console.services import Services
from bridge.console.users import User
from bridge.flows.facts import (
    Facts,
    attempt_facts,
    command_facts,
    delivery_facts,
    listener_facts,
    outbox_content,
    outbox_facts,
    retried_facts,
    story_facts,
    usage_facts,
)
from bridge.flows.operator import Retried
from bridge.flows.ports.subscription import ListenerReport
from bridge.flows.ports.webhook_delivery import DeliveryFilter


def routes(services: Services) -> Iterable[web.RouteDef]:
    """Give the routes."""
    parts = (_deliveries, _listeners, _acts, _commands, _packs, _outbox)
    return [route for part in parts for route in part(services)]


def _deliveries(services: Services) -> Iterable[web.RouteDef]:
    hands = services.hands

    async def listed(request: web.Request) -> web.Response:
        found = await hands.backlog.reports(filter_of(asked_in(request)), limit_of(request))
        return answer(
            hands_shapes.Deliveries.model_validate({"deliveries": _masked(request, map(delivery_facts, found))})
        )

    async def shown(request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        report = await hands.delivery(number)
        attempts = _masked(request, map(attempt_facts, await hands.backlog.attempts(number)))
        (facts,) = _masked(request, [delivery_facts(report)])
        return answer(hands_shapes.WholeDelivery.model_validate({**facts, "attempts": attempts}))

    async def retried(request: web.Request) -> web.Response:
        user = require_operator(request)
        asked = await body_of(request, hands_shapes.RetryDeliveries)
        by_filter = any((asked.buyer, asked.listener, asked.type, asked.since))
        if (asked.numbers is not None) == by_filter:
            raise web.HTTPBadRequest(text="Give numbers, or buyer, listener, type or since.")
        if asked.numbers is not None:
            if asked.dry_run:
                raise web.HTTPBadRequest(text="dryRun goes with a filter.")
            return _retried(await hands.retry(user, asked.numbers, asked.note))
        wanted = _wanted(asked)
        pending = await hands.backlog.pending(wanted, hands.clock())
        count = 0 if asked.dry_run else await hands.hasten(user, wanted, asked.note)
        return answer(hands_shapes.Retries(retried=[], count=count, would=pending.later if asked.dry_run else None))

    return [
        web.get("/v1/deliveries", listed),
        web.get("/v1/deliveries/{number:\\d{1,18}}", shown),
        web.post("/v1/deliveries/retry", retried),
    ]


def _wanted(asked: hands_shapes.RetryDeliveries) -> DeliveryFilter:
    given = {"buyer": asked.buyer, "listener": asked.listener, "type": asked.type, "since": asked.since}
    return filter_of({"state": "pending", **{name: value or "" for name, value in given.items()}})


def _listeners(services: Services) -> Iterable[web.RouteDef]:
    hands = services.hands

    async def listed(request: web.Request) -> web.Response:
        found = _masked(request, map(listener_facts, await hands.listeners.reports()))
        return answer(hands_shapes.Listeners.model_validate({"listeners": found}))

    async def shown(request: web.Request) -> web.Response:
        (facts,) = _masked(request, [listener_facts(await hands.listener(request.match_info["id"]))])
        return answer(hands_shapes.Listener.model_validate(facts))

    return [
        web.get("/v1/listeners", listed),
        web.get("/v1/listeners/{id}", shown),
    ]


def _acts(services: Services) -> Iterable[web.RouteDef]:
    hands = services.hands

    async def asked(request: web.Request) -> tuple[User, ListenerReport, str]:
        user = require_operator(request)
        note = (await body_of(request, hands_shapes.Note)).note
        return user, await hands.listener(request.match_info["id"]), note

    async def paused(request: web.Request) -> web.Response:
        user, report, note = await asked(request)
        return answer(hands_shapes.Done(outcome=await hands.pause(user, report.subscription.id, note)))

    async def resumed(request: web.Request) -> web.Response:
        user, report, note = await asked(request)
        return answer(hands_shapes.Done(outcome=await hands.resume(user, report.subscription.id, note)))

    async def removed(request: web.Request) -> web.Response:
        return answer(hands_shapes.Done(outcome=await hands.remove(*await asked(request))))

    async def pinged(request: web.Request) -> web.Response:
        user, report, note = await asked(request)
        return answer(
            hands_shapes.Attempt.model_validate(attempt_facts(await hands.ping(user, report.subscription, note)))
        )

    return [
        web.post("/v1/listeners/{id}/pause", paused),
        web.post("/v1/listeners/{id}/resume", resumed),
        web.post("/v1/listeners/{id}/remove", removed),
        web.post("/v1/listeners/{id}/ping", pinged),
    ]


def _commands(services: Services) -> Iterable[web.RouteDef]:
    hands = services.hands

    async def commands(request: web.Request) -> web.Response:
        found = await hands.commands.reports(command_filter(request), limit_of(request))
        return answer(hands_shapes.Commands.model_validate({"commands": _masked(request, map(command_facts, found))}))

    async def command(request: web.Request) -> web.Response:
        (facts,) = _masked(request, [story_facts(await command_in(services, request))])
        return answer(hands_shapes.WholeCommand.model_validate(facts))

    return [
        web.get("/v1/commands", commands),
        web.get("/v1/commands/{id}", command),
    ]


def _packs(services: Services) -> Iterable[web.RouteDef]:
    async def usage(request: web.Request) -> web.Response:
        found = await usage_of(services, request)
        running = await running_of(services, found.pack)
        shown = None if running is None else activation_facts(running, mask_of(services, request, found.pack))
        return answer(hands_shapes.PackUsage.model_validate({**usage_facts(found), "activation": shown}))

    async def taken_back(request: web.Request) -> web.Response:
        user = require_operator(request)
        note = (await body_of(request, hands_shapes.Note)).note
        return answer(hands_shapes.Done(outcome=await take_back(services, user, pack_in(services, request).name, note)))

    return [web.get("/v1/packs/{name}", usage), web.post("/v1/packs/{name}/take-back", taken_back)]


def _outbox(services: Services) -> Iterable[web.RouteDef]:
    hands = services.hands

    async def outbox(request: web.Request) -> web.Response:
        found = await hands.outbox.reports(outbox_filter(request), limit_of(request))
        return answer(hands_shapes.Outbox.model_validate({"messages": _masked(request, map(outbox_facts, found))}))

    async def outgoing(request: web.Request) -> web.Response:
        report = await hands.outgoing(int(request.match_info["number"]))
        (facts,) = _masked(request, [{**outbox_facts(report), **outbox_content(report)}])
        body = mask_of(services, request, report.message.pack).body(report.message.body)
        return answer(hands_shapes.WholeOutgoing.model_validate({**facts, "body": body}))

    async def retried(request: web.Request) -> web.Response:
        user = require_operator(request)
        asked = await body_of(request, hands_shapes.RetryOutbox)
        return _retried(await hands.retry_outbox(user, asked.numbers, asked.note))

    return [
        web.get("/v1/outbox", outbox),
        web.get("/v1/outbox/{number:\\d{1,18}}", outgoing),
        web.post("/v1/outbox/retry", retried),
    ]


def _retried(told: Sequence[Retried]) -> web.Response:
    body = {"retried": [retried_facts(each) for each in told], "count": sum(each.is_done for each in told)}
    return answer(hands_shapes.Retries.model_validate(body))


def _masked(request: web.Request, facts: Iterable[Facts]) -> list[Facts]:
    mask = plain_mask(request)
    return [mask.json(each) for each in facts]
