"""Protocols and provenance stand in the report as the files hold them."""

from __future__ import annotations

from dataclasses import replace

from transmodal.evaluation.report import provenance
from transmodal.evaluation.result import Evaluation


def test_every_figure_has_its_protocol(evaluation: Evaluation) -> None:
    text = provenance.protocols_section(evaluation)
    for column in evaluation.main_columns():
        assert column.label in text
        assert column.protocol.text().split(";")[0] in text


def test_records_are_flat_and_escaped(evaluation: Evaluation) -> None:
    records = {
        "unet": {
            "seed": 2024,
            "recipe": "<b>",
            "without": [],
            "training_patients_sha256": ["a", "b"],
            "passes": {"axes": ["z", "y"]},
            "starting_weights": {"backbone": "1" * 64},
        }
    }
    text = provenance.section(replace(evaluation, records=records))
    assert (
        "seed 2024; recipe &lt;b&gt;; 2 training patients, by hash in evaluation.json; passes (axes z, y)"
        in text
    )
    assert f"<dt>Starting weights of unet</dt><dd>backbone {'1' * 64}</dd>" in text
    assert "without" not in text.split("Model unet")[1].split("</dd>")[0]
