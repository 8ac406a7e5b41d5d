"""Log lines: one stream and one form for our own and for the libraries', each with the correlation id of its request.

Lines go to standard error. JSON ones carry `timestamp` (RFC 3339, UTC), `level`, `logger`, `event`,
then `correlation_id` and the rest. Passwords in URLs, and what follows "Bearer", are masked whoever
wrote them, tracebacks included.
"""

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from bridge.yaml_source import mask_secrets as mask_secrets

# They say at INFO what we log ourselves with more context, or what only their authors need.
_QUIET = (
    "aio_pika",
    "aiormq",
    "aiohttp.access",
    "aiosqlite",
    "alembic.runtime.migration",
    "asyncio",
    "faststream",
    "sqlalchemy",
)
# Each failed attempt to connect is an error to them, once a second; the link says it once, with what mends it. So is
# each channel that cannot be opened again on a connection that was just lost.
_SILENT = ("aiormq.connection", "aio_pika.robust_connection", "aio_pika.tools")
_HIDES = re.compile(r"//|bearer |basic ", re.IGNORECASE)
_FIRST = ("timestamp", "level", "logger", "event", "correlation_id")


def configure_logging(
    format: str = "console",  # noqa: A002
    level: str = "info",
    stream: TextIO | None = None,
    *,
    instance: str | None = None,
) -> None:
    """Send all log lines of at least `level` to `stream` (standard error), as `json` or `console`. Repeatable.

    `instance` is given where several processes write to one stream: each line says whose it is.
    """
    target = stream or sys.stderr
    number = logging.getLevelNamesMapping()[level.upper()]
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=_last(format, target), foreign_pre_chain=_first(instance))
    )
    _own_the_root(handler, number)
    structlog.configure(
        processors=[*_first(instance), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _first(instance: str | None) -> list[Processor]:
    """What is known when the line is written."""

    def tell_whose(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return event if instance is None else {"instance": instance, **event}

    return [
        tell_whose,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _last(format_: str, target: TextIO) -> list[Processor]:
    """How the line becomes text."""
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if format_ == "json":
        return [remove, structlog.processors.format_exc_info, _mask, _in_order, _render_json]
    return [
        remove,
        structlog.processors.format_exc_info,
        _mask,
        structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback),
    ]


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    """A secret may stand in text, in that of an exception given as a value, and in what holds such things."""
    match value:
        case BaseException():
            return mask_secrets(str(value))
        case str():
            return mask_secrets(value) if _HIDES.search(value) else value
        case list() | tuple():
            return [_masked(each) for each in value]
        case dict():
            return {key: _masked(each) for key, each in value.items()}
    return value


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: event[key] for key in _FIRST if key in event} | dict(event)


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _own_the_root(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    for old in [old for old in root.handlers if getattr(old, "of_the_bridge", False)]:
        root.removeHandler(old)
    handler.of_the_bridge = True  # type: ignore[attr-defined]
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        _quieten(logging.getLogger(name), max(level, logging.WARNING))
    for name in _SILENT:
        _quieten(logging.getLogger(name), logging.CRITICAL)


def _quieten(library: logging.Logger, level: int) -> None:
    """Take a library's own handlers away (FastStream brings some), so that its lines come out once, in our form."""
    library.handlers.clear()
    library.propagate = True
    library.setLevel(level)


@contextmanager
def bind_correlation(correlation_id: str) -> Iterator[None]:
    """Put `correlation_id` on every line written inside, in tasks started inside too."""
    with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
        yield
