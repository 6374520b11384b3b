from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dicom_nodes import write_rules
from transmodal.errors import UsageError
from transmodal.service.dicom_node import rules
from transmodal.service.dicom_node.settings import NodeSettings


def settings_of(folder: Path, **changes: Any) -> NodeSettings:  # noqa: ANN401  # of any field
    path = write_rules(folder / "rules.yaml", 104)
    return NodeSettings(rules.load(path), path, folder, **changes)


def test_this_machine_alone_takes_any_caller(tmp_path: Path) -> None:
    assert settings_of(tmp_path).callers == ()
    assert settings_of(tmp_path, host="0.0.0.0", callers=("SCANNER 1",)).callers == ("SCANNER 1",)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"host": "0.0.0.0"}, "E004"),
        ({"port": 104}, "E004"),
        ({"host": "localhost", "port": 104}, "E004"),
        ({"ae_title": ""}, "E001"),
        ({"ae_title": "A" * 17}, "E001"),
        ({"callers": ("A\\B",)}, "E001"),
    ],
)
def test_refusals(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings_of(tmp_path, **changes)
    assert caught.value.code == code
