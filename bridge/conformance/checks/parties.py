"""R5 to R9: for whom a request is made. Who stands for one party must not name it, who stands for several must."""

from dataclasses import replace
from typing import Final

from bridge.conformance import expect
from bridge.conformance.check import Check
from bridge.conformance.exchange import Exchange
from bridge.conformance.findings import Failed, NotExercised
from bridge.conformance.hooks import Hook
from bridge.conformance.scene import Scene
from bridge.conformance.target import Account
from bridge.mef.enums import Api


def _several_buyers(scene: Scene) -> Account:
    if scene.target.accounts.several_buyers is None:
        raise NotExercised("needs --several-buyers-token and --buyer-id")
    return scene.target.accounts.several_buyers


def _several_sellers(scene: Scene) -> Account:
    if scene.target.accounts.several_sellers is None:
        raise NotExercised("needs --several-sellers-token and --seller-id")
    return scene.target.accounts.several_sellers


async def _both_lists(scene: Scene, account: Account, **parameters: str) -> list[Exchange]:
    query = {"limit": "1", **parameters}
    return [
        await scene.appointments("GET", "/appointment", account=account, parameters=query),
        await scene.work_orders(account=account, parameters=query),
    ]


def _demands_parameter(answer: Exchange) -> None:
    code = expect.error(answer, 400)["code"]
    expect.that(code == "missingQueryParameter", "the code must be missingQueryParameter", answer)


async def _buyer_id_demanded(scene: Scene) -> None:
    for answer in await _both_lists(scene, replace(_several_buyers(scene), buyer_id=None)):
        _demands_parameter(answer)


async def _buyer_id_taken(scene: Scene) -> None:
    for answer in await _both_lists(scene, _several_buyers(scene)):
        expect.status(answer, 200)


async def _buyer_id_shows_the_same(scene: Scene) -> None:
    account = _several_buyers(scene)
    work = await scene.new_work()
    expect.status(await scene.get_work_order(work.id, account=account), 200)


async def _stranger_refused(scene: Scene) -> None:
    stranger = replace(_several_buyers(scene), buyer_id="nobody-here-is-called-this")
    for answer in await _both_lists(scene, stranger):
        expect.error(answer, 400, 403)


async def _buyer_id_refused(scene: Scene) -> None:
    for answer in await _both_lists(scene, scene.target.accounts.buyer, buyerId="any-buyer"):
        expect.error(answer, 400, 403)


async def _seller_id_demanded(scene: Scene) -> None:
    for answer in await _both_lists(scene, replace(_several_sellers(scene), seller_id=None)):
        _demands_parameter(answer)


async def _seller_id_taken(scene: Scene) -> None:
    for answer in await _both_lists(scene, _several_sellers(scene)):
        expect.status(answer, 200)


async def _seller_id_refused(scene: Scene) -> None:
    for answer in await _both_lists(scene, scene.target.accounts.buyer, sellerId="any-seller"):
        expect.error(answer, 400, 403)


async def _repeated(scene: Scene, account: Account, hook: Hook = Hook.CREATE_JOB) -> None:
    """A registration's parameters come back in its events, and no others do."""
    mailbox = await scene.register(Api.WORK_ORDER, account=account)
    if hook is Hook.CREATE_JOB:
        await scene.new_work()
    else:
        await scene.hook(hook)
    notice = await mailbox.wait(lambda each: each.event_type == "workOrderCreateEvent", 0, scene.knobs.patience)
    if notice is None:
        raise Failed("no workOrderCreateEvent came to the registration")
    named = {name: notice.payload[name] for name in ("buyerId", "sellerId") if name in notice.payload}
    expect.that(named == account.parameters, f"the event must carry {account.parameters}, not {named}", notice)


async def _buyer_id_repeated(scene: Scene) -> None:
    await _repeated(scene, _several_buyers(scene))


async def _seller_id_repeated(scene: Scene) -> None:
    await _repeated(scene, _several_sellers(scene), Hook.CREATE_SELLER_JOB)


async def _nothing_invented(scene: Scene) -> None:
    await _repeated(scene, scene.target.accounts.buyer)


CHECKS: Final = (
    Check("R5", "a request of an entity with several Buyers needs buyerId", _buyer_id_demanded),
    Check("R5", "with buyerId it is answered", _buyer_id_taken),
    Check("R5", "it sees what the named Buyer sees", _buyer_id_shows_the_same),
    Check("R5", "a Buyer that the entity does not stand for is refused", _stranger_refused),
    Check("R6", "a request of an entity with one Buyer is refused with buyerId", _buyer_id_refused),
    Check("R7", "a request to several Sellers needs sellerId", _seller_id_demanded),
    Check("R7", "with sellerId it is answered", _seller_id_taken),
    Check("R8", "a request to one Seller is refused with sellerId", _seller_id_refused),
    Check("R9", "an event carries the buyerId of its registration", _buyer_id_repeated),
    Check("R9", "an event carries the sellerId of its registration", _seller_id_repeated),
    Check("R9", "an event carries neither where the registration had neither", _nothing_invented),
)
