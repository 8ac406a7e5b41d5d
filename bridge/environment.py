"""Environment variables in configuration: `${NAME}` in a file's scalars, and the names a settings model answers to.

Substitution works on values after parsing, never on the YAML text, so no value can change a document's structure. What
came from the environment may be a secret: it is never shown in a finding.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.yaml_source import Finding, Path, YamlSource, did_you_mean

PREFIX = "BRIDGE_"
OTHERS = re.compile(r"BRIDGE_(LOCALENV|TEST_.*)")  # read by the local environment and the tests, not by the settings
_REFERENCE = re.compile(r"\$(\$\{)|\$\{([^}]*)\}")


@dataclass(slots=True)
class Substituted:
    """A document with its variables filled in. `hidden` leads to the values that came from the environment."""

    source: YamlSource
    hidden: set[Path] = field(default_factory=set)
    missing: dict[Path, Finding] = field(default_factory=dict)


def substitute(source: YamlSource, environ: Mapping[str, str]) -> Substituted:
    """Replace `${NAME}` in all text values; `$${` stands for a plain `${`. A missing variable becomes a finding."""
    result = Substituted(source)
    result.source = replace(source, data=_fill(source.data, (), environ, result))
    return result


def _fill(value: Any, path: Path, environ: Mapping[str, str], result: Substituted) -> Any:
    if isinstance(value, dict):
        return {key: _fill(each, (*path, key), environ, result) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, (*path, index), environ, result) for index, each in enumerate(value)]
    return _fill_text(value, path, environ, result) if isinstance(value, str) else value


def _fill_text(text: str, path: Path, environ: Mapping[str, str], result: Substituted) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        result.hidden.add(path)
        if match[2] not in environ:
            message = f"environment variable {match[2]} is not set" if match[2] else "${} names no variable"
            result.missing[path] = result.source.finding(path, "missing-variable", message)
        return environ.get(match[2], "")

    return _REFERENCE.sub(fill, text)


def unknown_variables(environ: Mapping[str, str], known: Mapping[str, object]) -> list[str]:
    """Say which `BRIDGE_*` variables nothing reads: most often a misspelt one, whose value would silently not count."""
    return [
        f"{name}: unknown-variable: no setting has this name{did_you_mean(name, known)}"
        for name in sorted(environ)
        if name.startswith(PREFIX) and name not in known and not OTHERS.fullmatch(name)
    ]
