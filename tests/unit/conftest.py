"""What all unit tests share."""

import pytest
import structlog


@pytest.fixture(autouse=True, scope="session")
def _plain_tracebacks() -> None:
    """Shows logged exceptions as Python does: rich draws all variables of all frames, for longer than the test."""
    structlog.configure(processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)])
