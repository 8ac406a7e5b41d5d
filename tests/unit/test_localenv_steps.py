"""The walk over the steps that may give a service, with small fakes for the steps."""

from collections.abc import Callable, Mapping

import pytest

from bridge.localenv.service import (
    NotHere,
    Service,
    Step,
    Unavailable,
    first_that_works,
    steps_to_try,
    without_secrets,
)

ANYWHERE: Mapping[str, str] = {}


def gives(step: Step) -> Callable[[], Service[str]]:
    return lambda: Service(f"amqp://{step}/", step, f"RabbitMQ, by {step}")


def lacks(reason: str) -> Callable[[], Service[str]]:
    def find() -> Service[str]:
        raise NotHere(reason)

    return find


def test_the_first_step_that_works_is_taken() -> None:
    """An earlier step wins over a later one, whatever the order of the table."""
    finders = {Step.CHILD: gives(Step.CHILD), Step.LOCALHOST: gives(Step.LOCALHOST)}
    assert first_that_works("RabbitMQ", finders, ANYWHERE).kind is Step.LOCALHOST


def test_the_why_line_says_what_was_taken_and_why_not_something_before_it() -> None:
    finders = {
        Step.ENV: lacks("BRIDGE_BROKER_URL is not set"),
        Step.LOCALHOST: lacks("nobody on localhost"),
        Step.CHILD: gives(Step.CHILD),
    }
    taken = first_that_works("RabbitMQ", finders, ANYWHERE)
    assert taken.why == "RabbitMQ, by child (BRIDGE_BROKER_URL is not set; nobody on localhost)"


def test_when_no_step_works_every_reason_is_given() -> None:
    finders = {Step.LOCALHOST: lacks("nobody on localhost"), Step.CHILD: lacks("none installed")}
    with pytest.raises(Unavailable) as absence:
        first_that_works("RabbitMQ", finders, ANYWHERE)
    assert absence.value.reasons == ("nobody on localhost", "none installed")
    assert str(absence.value) == "RabbitMQ is not available: nobody on localhost; none installed"


def test_a_wrong_address_from_the_environment_ends_the_search() -> None:
    """An address given on purpose is never silently replaced by another service."""

    def wrong() -> Service[str]:
        raise Unavailable("RabbitMQ", ["BRIDGE_BROKER_URL does not answer"])

    with pytest.raises(Unavailable, match="BRIDGE_BROKER_URL does not answer"):
        first_that_works("RabbitMQ", {Step.ENV: wrong, Step.LOCALHOST: gives(Step.LOCALHOST)}, ANYWHERE)


def test_the_environment_may_narrow_and_reorder_the_steps() -> None:
    finders = {step: gives(step) for step in Step}
    assert first_that_works("RabbitMQ", finders, {"BRIDGE_LOCALENV": "memory, child"}).kind is Step.MEMORY


def test_memory_alone_says_who_wanted_it() -> None:
    taken = first_that_works("RabbitMQ", {Step.MEMORY: gives(Step.MEMORY)}, {"BRIDGE_LOCALENV": "memory"})
    assert taken.why.endswith("(BRIDGE_LOCALENV allows nothing else)")


def test_a_step_that_a_service_does_not_have_is_passed_over() -> None:
    """`child,memory` suits RabbitMQ and PostgreSQL alike, although PostgreSQL has no in-memory stand-in."""
    with pytest.raises(Unavailable, match="allows no step"):
        first_that_works("PostgreSQL", {Step.CHILD: gives(Step.CHILD)}, {"BRIDGE_LOCALENV": "memory"})


def test_a_misspelt_step_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(
        Unavailable, match=r"unknown steps \(chld\); known: env, localhost, container, child, apt, memory"
    ):
        steps_to_try("RabbitMQ", {"BRIDGE_LOCALENV": "chld,memory"})


def test_all_steps_are_tried_in_the_order_of_the_documentation() -> None:
    assert steps_to_try("RabbitMQ", ANYWHERE) == ("env", "localhost", "container", "child", "apt", "memory")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://user:secret@rabbit:5672/vhost", "amqp://rabbit:5672/vhost"),
        ("postgresql+asyncpg://u:p%40ss@db/bridge?password=secret", "postgresql+asyncpg://db/bridge"),
        ("user:secret@rabbit", "no proper address"),
    ],
)
def test_no_secret_of_an_address_is_shown(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_leaving_the_context_stops_what_was_started_even_after_a_failure() -> None:
    stopped: list[str] = []
    with pytest.raises(RuntimeError), Service("amqp://x/", Step.CHILD, "x", lambda: stopped.append("x")):
        raise RuntimeError
    assert stopped == ["x"]
