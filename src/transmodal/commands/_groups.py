"""Options that travel together: a dataclass of them stands in a verb's signature as one parameter.

    @grouped
    def run(volumes: Volumes, *, reading: ReadingWords) -> None: ...

A group's fields are annotated as the parameters of a verb are, `Annotated[type, typer.Option(...)]`, so that every option
is declared once, with its help and its default, and a verb reads a group as a record.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import GenericAlias
from typing import Annotated, Any, get_args, get_origin, get_type_hints


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """Let typer see the options inside a verb's groups one by one, and fill the groups with the words that it read.

    Args:
        verb: a function whose parameters are typer's, or dataclasses of such; these may hold others.

    Raises:
        ValueError: for two options of one name.
    """
    hints = get_type_hints(verb, include_extras=True)
    arguments = inspect.signature(verb).parameters
    options = [
        option for name in arguments for option in _options(name, hints[name], arguments[name].default)
    ]

    @functools.wraps(verb)
    def call(**words: object) -> None:
        verb(**{name: _value(name, hints[name], words) for name in arguments})

    call.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]  # read by inspect.signature
    call.__annotations__ = {option.name: option.annotation for option in options}
    return call


def _options(name: str, kind: Any, default: object) -> Iterator[inspect.Parameter]:  # noqa: ANN401 - any annotation
    """Yield a parameter as typer takes it, or those of the group that it is."""
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind, include_extras=True)
        for field in dataclasses.fields(kind):
            yield from _options(field.name, hints[field.name], _default(field))
    else:
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=_line(kind))


def _value(name: str, kind: Any, words: Mapping[str, object]) -> object:  # noqa: ANN401
    """Return the word of an option, or the group with the words of its options."""
    if not dataclasses.is_dataclass(kind):
        return words[name]
    hints = get_type_hints(kind, include_extras=True)
    return kind(  # type: ignore[operator]  # a class, as it is an annotation
        **{field.name: _value(field.name, hints[field.name], words) for field in dataclasses.fields(kind)}
    )


def _default(field: dataclasses.Field[object]) -> object:
    return inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default


def _line(kind: Any) -> Any:  # noqa: ANN401
    """Return an annotation as typer takes it: of several words it makes lists, where a record says that it is a sequence."""
    if get_origin(kind) is not Annotated:
        return kind
    inner, *extras = get_args(kind)
    if get_origin(inner) is not Sequence:
        return kind
    return Annotated[(GenericAlias(list, get_args(inner)), *extras)]
