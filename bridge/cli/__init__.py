"""The operator's commands, one module a noun."""

from bridge.cli.main import app, main

__all__ = ["app", "main"]
