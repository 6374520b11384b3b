"""Safe YAML that says one thing: no key twice, no alias."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from transmodal.errors import UsageError


def plain_yaml(text: str, origin: str) -> object:
    """Read safe YAML in which no key stands twice and no alias is used.

    Args:
        text: the YAML.
        origin: its name in messages.

    Raises:
        UsageError: E001 with the line and what is wrong there.
    """
    if text.count("[") + text.count("{") > _MOST_BRACKETS:
        raise UsageError("E001", f"{origin}: over {_MOST_BRACKETS} brackets", "plain YAML", "Shorten it.")
    try:
        # The loader is SafeLoader with two things refused, so this is what safe_load does.
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError) as error:
        # The last two are what constructors of tagged scalars raise: `!!int ""`, `!!timestamp x`.
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "a scalar that is not of its kind"
        raise UsageError("E001", f"{origin}{line}: {problem}", "plain YAML", "Correct it.") from None


_LARGEST = 2**63 - 1
_MOST_BRACKETS = 2000
"""The scanner looks at every open bracket with every word: tens of thousands take minutes."""


class _Loader(yaml.SafeLoader):
    """Safe YAML without doubled keys and aliases, which let a file say one thing and mean another."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases, which could also blow a small file up."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not used", self.get_mark())
        return super().compose_node(parent, index)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Refuse a whole number beyond 64 bits: nothing here takes one, and printing it can fail."""
        number = int(super().construct_yaml_int(node))
        if abs(number) > _LARGEST:
            raise yaml.constructor.ConstructorError(
                None, None, "a whole number of more than 64 bits", node.start_mark
            )
        return number

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that stands twice."""
        keys = [key.value for key, _ in node.value]
        for key, _ in node.value:
            if keys.count(key.value) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands twice", key.start_mark
                )
        return super().construct_mapping(node, deep)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
