"""Exporting, by Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import transmodal
from transmodal.errors import UsageError


def test_places_that_are_taken_and_forms_that_there_are_not_are_refused(folders: Path) -> None:
    place = transmodal.export("run", "out/model.tmz")
    assert place == Path("out/model.tmz")
    before = place.read_bytes()
    with pytest.raises(UsageError, match="--overwrite") as taken:
        transmodal.export("run", place)
    assert taken.value.code == "E005"
    assert transmodal.export("run", place, overwrite=True).read_bytes() == before
    with pytest.raises(UsageError, match="form 'pickle'") as form:
        transmodal.export("run", "model.pkl", form="pickle")
    assert form.value.code == "E001"


def test_a_file_is_told_to_be_a_model(folders: Path) -> None:
    assert (
        transmodal.verify(transmodal.export("run", "model.tmz")).text() == "model: 1 file is what was written"
    )
    content = bytearray(Path("model.tmz").read_bytes())
    content[-200] ^= 1
    Path("model.tmz").write_bytes(content)
    assert not transmodal.verify("model.tmz").is_whole


def test_a_graph_takes_a_test_volume_and_a_window(folders: Path) -> None:
    place = transmodal.export("run", "graph", form="onnx", volume="source-t1.nii.gz", window="24,24")
    assert (place / "parity.json").is_file()
    with pytest.raises(UsageError, match="exists and is no artefact"):
        transmodal.export("run", "cohort", form="onnx", overwrite=True)
    assert Path("cohort/cohort.json").is_file()
    transmodal.export("run", "graph", form="onnx", window=[16, 16], overwrite=True)
    for options, code in (({"volume": "source-t1.nii.gz"}, "E004"), ({"window": "16,16"}, "E004")):
        with pytest.raises(UsageError) as refused:
            transmodal.export("run", "model.tmz", **options)
        assert refused.value.code == code
    with pytest.raises(UsageError, match="whole numbers"):
        transmodal.export("run", "other", form="onnx", window="16,b")


def test_the_card_of_a_run_goes_anywhere_and_with_every_form(folders: Path) -> None:
    text = transmodal.export("run", "card.md", form="card").read_text()
    assert text.startswith("# Model card: tiny")
    place = transmodal.export("run", "graph", form="torch")
    assert (place / "MODEL_CARD.md").read_text() == text
