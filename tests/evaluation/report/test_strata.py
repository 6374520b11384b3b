"""Strata have a table each with the patients' number, and lines of a CSV table."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

from transmodal.evaluation.external.strata import Strata
from transmodal.evaluation.report import strata
from transmodal.evaluation.result import Evaluation


def _with_strata(evaluation: Evaluation) -> Evaluation:
    patients = sorted({row.patient for row in evaluation.rows})
    groups = {"site": {"<a>": tuple(patients[:2]), "b": tuple(patients[2:])}}
    return replace(evaluation, strata=Strata("participants.tsv", "a" * 64, groups))


def test_without_strata_and_training_site_there_is_nothing(evaluation: Evaluation) -> None:
    assert strata.section(evaluation) == strata.table_csv(evaluation) == ""


def test_every_stratum_has_its_patients_and_translators(evaluation: Evaluation) -> None:
    text = strata.section(_with_strata(evaluation))
    assert "<h3>By site</h3>" in text
    assert "&lt;a&gt;, 2 patients" in text
    assert "b, 1 patient<" in text
    assert text.count('<th scope="row">unet</th>') == 2
    assert "Strata: participants.tsv." in text
    assert "no drop is shown" in text


def test_the_csv_table_has_a_line_per_stratum_translator_and_figure(evaluation: Evaluation) -> None:
    lines = list(csv.DictReader(io.StringIO(strata.table_csv(_with_strata(evaluation)))))
    mine = [line for line in lines if (line["stratum"], line["translator"]) == ("<a>", "unet")]
    assert {line["patients"] for line in mine} == {"2"}
    assert {line["by"] for line in mine} == {"site"}
    assert {"mae", "psnr"} <= {line["metric"] for line in mine}
    assert mine[0]["mean_low"] == mine[0]["drop"] == ""
