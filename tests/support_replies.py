"""The ACME pack for a WFM that answers to a fixed queue and repeats the correlation id, in JSON or in XML."""

import json
from pathlib import Path
from typing import Any

from bridge.simulator.answers import Answers
from bridge.yaml_source import parse_yaml

ACME = Path(__file__).parents[1] / "mappings" / "acme-wfm" / "pack.yaml"


def fixed_pack(directory: Path, answers: Answers) -> Path:
    """Write the pack; give its directory."""
    data: dict[str, Any] = parse_yaml(ACME.read_text(), ACME.name).data
    for command in data["commands"].values():
        command["body"]["REF"] = {"value": "correlation"}
        if answers.xml:
            command.update(format="xml", body={"COMMAND": command["body"]})
            command["reply"] = _below_root(command.get("reply"))
    data["replies"] = {"correlation": "$.ANSWER.REF" if answers.xml else "$.REF"}
    if answers.queue is not None:
        data["replies"]["queue"] = answers.queue
    data["inbound"]["xml"] = {"lists": ["SLOTS"]}
    pack = directory / "acme-wfm"
    pack.mkdir()
    (pack / "pack.yaml").write_text(json.dumps(data, indent=1))
    return pack


def _below_root(reply: dict[str, Any] | None) -> dict[str, Any] | None:
    """The paths of a reply, which in XML begin with the root element; those inside of slots begin at the slot."""
    if reply is None:
        return None
    moved = {key: _moved(value) if key in ("status", "visit") else value for key, value in reply.items()}
    return moved | ({"slots": {**reply["slots"], "each": _moved(reply["slots"]["each"])}} if "slots" in reply else {})


def _moved(path: str) -> str:
    return path.replace("$.", "$.ANSWER.", 1)
