"""YAML that says one thing: no key twice, no alias, and faults with their line."""

from __future__ import annotations

import pytest

from transmodal.errors import UsageError
from transmodal.recipes.plain_yaml import plain_yaml


def test_plain_yaml_is_read_as_safe_yaml() -> None:
    text = "a: 1\nb: [x, 2.5, null]\nc:\n  d: yes\n"
    assert plain_yaml(text, "r.yaml") == {"a": 1, "b": ["x", 2.5, None], "c": {"d": True}}
    assert plain_yaml("", "r.yaml") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "line 1: key 'a' stands twice"),
        ("x:\n  a: 1\n  b: 2\n  a: 3", "line 2: key 'a' stands twice"),
        ("a: &p [1]\nb: *p", "line 2: aliases are not used"),
        ("a: [1", "line 1"),
        ("a: !!python/object/apply:os.system [ls]", "line 1: could not determine a constructor"),
        ("a: 2024-13-45", "r.yaml: a scalar that is not of its kind"),
        ("[" * 1500, "r.yaml: a scalar that is not of its kind"),
        ("[" * 5000, "r.yaml: over 2000 brackets"),
        ("{a: " * 2001, "r.yaml: over 2000 brackets"),
    ],
)
def test_what_is_not_plain_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        plain_yaml(text, "r.yaml")
    assert refused.value.code == "E001"
    assert said in str(refused.value)
