from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from group_files import write_cohort
from transmodal.errors import UsageError
from transmodal.evaluation.regions.derivative import LIMITS, check_output
from transmodal.evaluation.regions.group_test import GroupModel
from transmodal.evaluation.regions.matching import RegionRequest
from transmodal.evaluation.regions.run import GroupRequest, measure_regions


@pytest.fixture
def derivative(group: Path) -> Path:
    cohort = write_cohort(group)
    participants = GroupRequest(Path("participants.tsv"), model=GroupModel("age"))
    tables = measure_regions(
        RegionRequest(["synthetic=unet"], cohort=cohort), participants, group / "a/b/out"
    )
    assert tables.tables == (
        "regions.tsv",
        "phenotype/measured_regions.tsv",
        "phenotype/measured_glm.tsv",
        "phenotype/unet_regions.tsv",
        "phenotype/unet_glm.tsv",
        "group_test.tsv",
    )
    return group / "a/b/out"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def errors(folder: Path) -> list[dict[str, Any]]:
    program = Path(sys.executable).with_name("bids-validator-deno")
    if not program.exists() and shutil.which("bids-validator-deno") is None:
        pytest.skip("the BIDS validator (bids-validator-deno) is not installed")
    done = subprocess.run(
        [str(program), "--format", "json", str(folder)], capture_output=True, text=True, check=False
    )
    return [issue for issue in json.loads(done.stdout)["issues"]["issues"] if issue["severity"] == "error"]


def test_the_bids_validator_takes_it_and_would_notice(derivative: Path) -> None:
    assert errors(derivative) == []
    table = derivative / "phenotype/unet_regions.tsv"
    table.write_text(table.read_text() + table.read_text().splitlines()[-1] + "\n")
    assert errors(derivative)


def test_every_column_has_a_meaning_and_figures_have_units(derivative: Path) -> None:
    for path in derivative.rglob("*.tsv"):
        meanings = json.loads(path.with_suffix(".json").read_text())
        columns = set(rows(path)[0]) - ({"participant_id"} if path.parent.name == "phenotype" else set())
        assert columns <= set(meanings), path.name
    meanings = json.loads((derivative / "phenotype/unet_glm.json").read_text())
    assert meanings["left_side_mean"] == {
        "Description": "Mean of the image's values in Left side.",
        "Units": "1",
    }
    assert meanings["age"] == {"Description": "Age.", "Units": "year"}
    assert "synthetic FA" in meanings["MeasurementToolMetadata"]["Description"]
    volume = json.loads((derivative / "phenotype/unet_regions.json").read_text())["left_side_volume"]
    assert volume["Units"] == "mm^3"


def test_measured_and_synthetic_figures_stay_apart(derivative: Path) -> None:
    measured, synthetic = (rows(derivative / f"phenotype/{name}_glm.tsv") for name in ("measured", "unet"))
    assert [row["participant_id"] for row in measured] == [row["participant_id"] for row in synthetic]
    assert float(synthetic[0]["left_side_mean"]) == pytest.approx(float(measured[0]["left_side_mean"]) + 0.1)
    assert {row["source"] for row in rows(derivative / "group_test.tsv")} == {"measured", "synthetic"}


def test_origins_and_limits_are_said(derivative: Path) -> None:
    about = json.loads((derivative / "dataset_description.json").read_text())
    assert about["DatasetType"] == "derivative"
    assert about["GeneratedBy"][0]["Name"] == "transmodal"
    assert [origin["Name"] for origin in about["SourceDatasets"]] == ["cohort", "unet"]
    text = (derivative / "README").read_text()
    assert all(limit in text for limit in LIMITS)
    assert "training side" in text
    assert str(derivative.parent) not in "".join(
        path.read_text() for path in derivative.rglob("*") if path.is_file()
    )


def test_tables_are_written_anew_and_other_folders_are_left_alone(derivative: Path, group: Path) -> None:
    check_output(derivative)
    check_output(group / "new")
    with pytest.raises(UsageError, match="something else"):
        check_output(group)
