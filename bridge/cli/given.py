"""The settings that a command is given: by `--config`, by `BRIDGE_CONFIG`, or by the default file."""

from pathlib import Path

import typer

from bridge.settings import DEFAULT_FILE, FILE_VARIABLE, Settings, load_settings

NO_FILE = f"there is no {DEFAULT_FILE} here, so the defaults hold (-c or {FILE_VARIABLE} names another file)"


def given_settings(config: Path | None) -> Settings:
    """Load the settings; say on standard error where nobody has set anything. Raises `InvalidSettings`."""
    settings = load_settings(config)
    if settings.file is None and not settings.model_fields_set:
        typer.echo(NO_FILE, err=True)
    return settings
