"""What the keys of a section mean: the texts below their declarations.

Pydantic can read them by itself, but does so whenever the sections are imported, which takes as long as making them.
Only the JSON Schema and the tables of the docs need them.
"""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from textwrap import dedent

from pydantic import BaseModel


@cache
def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """Give the text below each attribute of a section, also of those that it has from one above it."""
    sections = [one for one in reversed(model.__mro__) if issubclass(one, BaseModel) and one is not BaseModel]
    return {name: text for section in sections for name, text in _declared(section)}


def _declared(section: type[BaseModel]) -> Iterator[tuple[str, str]]:
    [declaration] = ast.parse(dedent(inspect.getsource(section))).body
    if not isinstance(declaration, ast.ClassDef):
        return
    for statement, below in pairwise(declaration.body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            match below:
                case ast.Expr(ast.Constant(str(text))):
                    yield statement.target.id, inspect.cleandoc(text)
