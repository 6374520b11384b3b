"""A refused recipe in words: the key, the nearest known one, and what it may be."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Sequence
from typing import TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from transmodal.errors import UsageError, suggest
from transmodal.recipes.schema import Recipe


def as_usage_error(error: ValidationError, origin: str, schema: type[BaseModel] = Recipe) -> UsageError:
    """Return the first finding of pydantic in the words of a recipe.

    Args:
        error: of the schema.
        origin: of the data, as messages name it.
        schema: that the data have to follow.
    """
    details = error.errors(include_url=False)
    unknown = [detail for detail in details if detail["type"] == "extra_forbidden"]
    if unknown:
        return _unknown_key(unknown[0]["loc"], origin, schema)
    return _wrong_value(details[0], origin)


def _unknown_key(path: tuple[int | str, ...], origin: str, schema: type[BaseModel]) -> UsageError:
    keys = _keys_at(path[:-1], schema)
    near = difflib.get_close_matches(str(path[-1]), keys, n=1, cutoff=0.5)
    remedy = f"Did you mean {_dotted((*path[:-1], near[0]))}?" if near else "Leave it out."
    return UsageError("E003", f"{origin}: unknown key {_dotted(path)}", f"one of {', '.join(keys)}", remedy)


def _wrong_value(detail: ErrorDetails, origin: str) -> UsageError:
    path = _dotted(detail["loc"]) or "the recipe"
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return UsageError("E001", f"{origin}: {path} is missing", "a value for it", f"Add {path}.")
    if detail["type"] == "value_error":
        return UsageError("E001", f"{origin}: {path}: {message}", "settings that go together", "Change one.")
    value = str(detail["input"])
    short = value if len(value) <= 60 else f"{value[:57]}..."
    expected = message.removeprefix("Input should be ").replace("a valid tuple", "a list")
    remedy = suggest(value, re.findall(r"'([^']+)'", message), f"Change {path}.", cutoff=0.5)
    return UsageError("E001", f"{origin}: {path} = {short}", expected, remedy)


def _keys_at(path: tuple[int | str, ...], schema: type[BaseModel]) -> list[str]:
    """Return the keys that the schema knows at a path."""
    kind: object = schema
    for part in path:
        kind = _inner(kind, str(part))
    return list(kind.model_fields) if _is_model(kind) else []


def _inner(kind: object, key: str) -> object:
    if _is_model(kind):
        return _without_none(kind.model_fields[key].annotation)
    if get_origin(kind) in (list, tuple):
        return get_args(kind)[0]
    return _without_none(get_args(kind)[1]) if get_origin(kind) is dict else None


def _is_model(kind: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _without_none(annotation: object) -> object:
    """Take a model out of `... | None`."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(member for member in get_args(annotation) if member is not type(None))
    return annotation


def _dotted(path: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in path)
