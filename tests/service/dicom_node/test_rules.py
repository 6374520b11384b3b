from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dicom_nodes import RUN, write_rules
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.models import library
from transmodal.service.dicom_node import rules
from transmodal.service.dicom_node.rules import Rules, SeriesFacts

TARGET = {"host": "127.0.0.1", "port": 104, "ae_title": "RESEARCH"}


def rules_of(*own: dict[str, Any]) -> Rules:
    return Rules.model_validate({"destination": TARGET, "rules": list(own)})


def test_the_first_rule_that_matches_holds() -> None:
    own = rules_of(
        {"name": "ct", "model": "a", "match": {"modality": "CT"}},
        {"name": "t1", "model": "b", "match": {"modality": "MR", "description": "*T1?*", "caller": "MR*"}},
        {"name": "rest", "model": "c", "match": {"caller": "other"}},
    )

    def name(*facts: str) -> str:
        rule = own.choose(SeriesFacts(*facts))
        return "" if rule is None else rule.name

    assert name("CT", "", "MR1") == "ct"
    assert name("MR", "ax t1w", "mr1") == "t1"
    assert name("MR", "ax t1", "MR1") == ""
    assert name("MR", "ax t1w", "OTHER") == "rest"
    assert own.choose(SeriesFacts("CT", "", "MR1", is_synthetic=True)) is None
    found = own.of_name("rest")
    assert found is not None
    assert found.model == "c"
    assert own.of_name("gone") is None


def test_a_file_is_read_and_models_are_named_from_its_folder(tmp_path: Path) -> None:
    path = write_rules(tmp_path / "rules.yaml", 104)
    own = rules.load(path)
    assert own.destination.ae_title == "RESEARCH"
    assert rules.model_of(own.rules[0], path) == RUN
    (tmp_path / "model.tmz").touch()
    write_rules(path, 104, rule={"model": "model.tmz"})
    assert rules.model_of(rules.load(path).rules[0], path) == tmp_path / "model.tmz"


def test_a_model_of_the_package_is_known_by_its_name(tmp_path: Path) -> None:
    own = {
        "destination": TARGET,
        "rules": [{"name": "fa", "model": "t1-to-fa-demo"}, {"name": "again", "model": "demo:t1-to-fa"}],
    }
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(own))
    for rule in rules.load(path).rules:
        assert rules.model_of(rule, path) == library.resolve("t1-to-fa-demo").absolute()
    (tmp_path / "t1-to-fa-demo").mkdir()
    assert rules.model_of(rules.load(path).rules[0], path) == tmp_path / "t1-to-fa-demo"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"rules": []}, "E001", "rules"),
        ({"rules": [{"name": "a", "model": "m"}, {"name": "a", "model": "m"}]}, "E001", "one name"),
        ({"rules": [{"name": "a", "model": "m", "gates": "warn"}]}, "E003", "Did you mean rules.0.gate?"),
        ({"rules": [{"name": "a", "model": "m", "deidentify": "yes"}]}, "E001", "rules.0.deidentify"),
        ({"rules": [{"name": "a", "model": "m", "match": {"modality": "PT"}}]}, "E001", "modality"),
        ({"rules": [{"name": "a b", "model": "m"}]}, "E001", "rules.0.name"),
        ({"destination": {**TARGET, "port": 0}}, "E001", "destination.port"),
        ({"destination": {**TARGET, "ae_title": "A" * 17}}, "E001", "destination.ae_title"),
        ({"destination": [dict(TARGET), dict(TARGET)]}, "E001", "destination"),
        ({"destinations": dict(TARGET)}, "E003", "Did you mean destination?"),
    ],
)
def test_what_is_no_rule_is_refused(tmp_path: Path, change: dict[str, object], code: str, words: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        yaml.safe_dump({"destination": TARGET, "rules": [{"name": "a", "model": str(RUN)}]} | change)
    )
    with pytest.raises(UsageError) as caught:
        rules.load(path)
    assert caught.value.code == code
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "code"), [(b"- a", "E001"), (b"\xff\xfe", "E101"), (b"a: &x 1\nb: *x", "E001")]
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "rules.yaml"
    path.write_bytes(content)
    with pytest.raises(TransmodalError) as caught:
        rules.load(path)
    assert caught.value.code == code


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"rules\.yaml is no file"):
        rules.load(tmp_path / "rules.yaml")
    with pytest.raises(InputError, match="no model at gone, of the rule fa"):
        rules.load(write_rules(tmp_path / "rules.yaml", 104, rule={"model": "gone"}))
