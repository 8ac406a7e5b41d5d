"""YAML files read so that every problem can be shown at its line and column, all of them at once.

A file becomes plain Python values by the YAML 1.2 core schema, and then a pydantic model; what is wrong is said in
plain words. Nothing outside this package sees the YAML library.
"""

from bridge.yaml_source.document import Finding, InvalidDocument, Node, YamlSource
from bridge.yaml_source.layers import overlaid, with_value
from bridge.yaml_source.problems import NEVER_SHOWN, Loc, Path, Problem, problems_of
from bridge.yaml_source.reader import parse_yaml, read_yaml, scan_yaml
from bridge.yaml_source.validation import validate
from bridge.yaml_source.words import describe, did_you_mean, mask_secrets

__all__ = [
    "NEVER_SHOWN",
    "Finding",
    "InvalidDocument",
    "Loc",
    "Node",
    "Path",
    "Problem",
    "YamlSource",
    "describe",
    "did_you_mean",
    "mask_secrets",
    "overlaid",
    "parse_yaml",
    "problems_of",
    "read_yaml",
    "scan_yaml",
    "validate",
    "with_value",
]
