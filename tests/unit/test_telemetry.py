"""Log lines as an operator or a machine reads them."""

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import faststream  # noqa: F401 - brings a handler of its own, which must not write lines twice
import pytest
import structlog

from bridge.telemetry import bind_correlation, configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream to log to; what was configured before comes back afterwards."""
    root, libraries = logging.getLogger(), [logging.getLogger(name) for name in ("faststream", "aio_pika")]
    handlers, level = list(root.handlers), root.level
    kept = [(each, list(each.handlers), each.propagate, each.level) for each in libraries]
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    for each, own, propagate, its_level in kept:
        each.handlers[:], each.propagate = own, propagate
        each.setLevel(its_level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_has_time_level_logger_event_and_values(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream)
    structlog.get_logger("bridge.test").info("job updated", number=3, name="zażółć")
    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {"level": "info", "logger": "bridge.test", "event": "job updated", "number": 3, "name": "zażółć"}
    assert stream.getvalue().startswith('{"timestamp":"')
    assert stream.getvalue().endswith("}\n")


def test_each_line_of_one_of_several_processes_says_whose_it_is(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream, instance="one.2")
    structlog.get_logger("bridge.test").info("job updated")
    structlog.get_logger("bridge.test").info("passed on", instance="one.1")
    logging.getLogger("aio_pika").warning("lost")
    assert [(line["event"], line["instance"]) for line in lines(stream)] == [
        ("job updated", "one.2"),
        ("passed on", "one.1"),
        ("lost", "one.2"),
    ]


def test_lines_of_libraries_look_the_same(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream)
    with bind_correlation("c-1"):
        logging.getLogger("aio_pika").warning("lost %s", "connection")
        logging.getLogger("faststream").warning("odd\nmessage")
    first, second = lines(stream)
    assert (first["level"], first["logger"], first["event"]) == ("warning", "aio_pika", "lost connection")
    assert second["event"] == "odd\nmessage"
    assert first["correlation_id"] == second["correlation_id"] == "c-1"
    assert logging.getLogger("faststream").handlers == []  # its own would write the line a second time


def test_chatter_of_libraries_and_lines_below_the_level_stay_out(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream)
    logging.getLogger("aiohttp.access").info("GET /")
    logging.getLogger("aiormq.connection").info("connecting")
    logging.getLogger("other").debug("low")
    structlog.get_logger("bridge").debug("low")
    assert lines(stream) == []


def test_configuring_again_does_not_double_the_lines(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream)
    configure_logging("json", "debug", stream)
    structlog.get_logger("bridge").debug("once")
    assert [line["event"] for line in lines(stream)] == ["once"]


async def test_the_correlation_id_follows_its_task_and_no_other(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream)
    log = structlog.get_logger("bridge")

    async def work(correlation_id: str) -> None:
        with bind_correlation(correlation_id):
            await asyncio.sleep(0)
            await asyncio.create_task(asyncio.to_thread(log.info, correlation_id))
        log.info("after")

    await asyncio.gather(work("a"), work("b"))
    assert {(line["event"], line.get("correlation_id")) for line in lines(stream)} == {
        ("a", "a"),
        ("b", "b"),
        ("after", None),
    }


@pytest.mark.parametrize("form", ["json", "console"])
def test_passwords_in_urls_are_masked_in_values_messages_and_tracebacks(stream: io.StringIO, form: str) -> None:
    configure_logging(form, "info", stream)
    url = "amqp://me:hunter2@host/"
    try:
        raise ValueError(url)
    except ValueError as error:
        structlog.get_logger("bridge").exception("failed at %s" % url, url=url, error=error)  # noqa: UP031
    logging.getLogger("other").error("no answer from %s", url)
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count("amqp://me:***@host/") >= 4
    assert "Traceback" in stream.getvalue()


def test_a_json_line_with_a_traceback_is_one_line(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream)
    try:
        raise ValueError("boom")
    except ValueError:
        structlog.get_logger("bridge").exception("failed")
    (line,) = lines(stream)
    assert line["exception"].endswith("ValueError: boom")


def test_values_that_json_does_not_know_become_text(stream: io.StringIO) -> None:
    configure_logging("json", "info", stream)
    structlog.get_logger("bridge").info("x", value=frozenset({1}), mapping={1: b"x"})
    (line,) = lines(stream)
    assert (line["value"], line["mapping"]) == ("frozenset({1})", {"1": "b'x'"})


def test_a_console_line_reads_as_text(stream: io.StringIO) -> None:
    configure_logging("console", "info", stream)
    with bind_correlation("c-1"):
        structlog.get_logger("bridge").warning("job parked", job="J-1")
    line = stream.getvalue()
    assert "\x1b" not in line
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[warning *\] job parked .*correlation_id=c-1 job=J-1", line)


def test_standard_error_is_the_default(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    structlog.get_logger("bridge").info("hello")
    captured = capsys.readouterr()
    assert json.loads(captured.err)["event"] == "hello"
    assert captured.out == ""
    assert stream.getvalue() == ""
