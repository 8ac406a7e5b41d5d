"""A document becomes a pydantic model, or all its problems are reported at once, in the order of the file."""

import json
from collections.abc import Collection
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from bridge.yaml_source.document import InvalidDocument, YamlSource
from bridge.yaml_source.problems import Path, problems_of

M = TypeVar("M", bound=BaseModel)


def validate(model: type[M], source: YamlSource, hidden: Collection[Path] = ()) -> M:
    """Make a `model` of the document. Raises `InvalidDocument` with every problem in it.

    The data is validated as JSON, so strict models still take lists for tuples and text for enums and dates.
    The values at the paths in `hidden` are not shown.
    """
    try:
        return model.model_validate_json(json.dumps(source.data))
    except ValidationError as error:
        raise InvalidDocument(map(source.place, problems_of(error, model, hidden))) from None
