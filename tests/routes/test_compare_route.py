"""Two seeds of one recipe and another recipe, trained, evaluated and compared by the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_calls import call
from subject_files import tiny_recipe, write_ellipsoid
from transmodal import cli


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    for n in range(8):
        write_ellipsoid(folder / "subjects" / f"case-{n}", n)
    call(f"prepare folders {folder}/subjects -o {folder}/cohort --region t1=body --counts 1:1:6 --workers 1")
    for name, width in (("slim", 4), ("wide", 8)):
        (folder / f"{name}.yaml").write_text(tiny_recipe(name, settings=f"{{width: {width}, levels: 2}}"))
    for run, recipe, seed, oracles in (
        ("slim-1", "slim", 1, "standard"),
        ("slim-2", "slim", 2, "none"),
        ("wide", "wide", 1, "none"),
    ):
        call(
            f"train {folder}/{recipe}.yaml --cohort {folder}/cohort -o {folder}/{run} --set training.seed={seed}"
        )
        call(f"evaluate {folder}/{run} --cohort {folder}/cohort --oracles {oracles} --device cpu")
    return folder


def test_seeds_are_pooled_and_everything_is_recorded(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(f"compare {place}/slim-1 {place}/slim-2 {place}/wide -o {place}/out")
    assert "| p (Holm) |" in capsys.readouterr().out
    kept = json.loads((place / "out/comparison.json").read_text())
    rows = {row["name"]: row for row in kept["rows"]}
    assert set(rows) == {"slim", "wide", "mean_target", "lookup", "linear_patch"}
    assert (rows["slim"]["trainings"], rows["slim"]["seeds"]) == (2, [1, 2])
    assert len(kept["patients"]) == 6
    assert 0 < rows["slim"]["parameters"] < rows["wide"]["parameters"]
    assert all(row["seconds_per_volume"] > 0 for row in rows.values())
    for found in (row["description"] for row in rows.values()):
        assert found["of_mean"][0] <= found["mean"] <= found["of_mean"][1]
    tested = [row["p_holm"] for row in rows.values() if row["name"] != kept["reference"]]
    assert len(tested) == 4
    assert all(2 / 2**6 <= p <= 1 for p in tested)


def test_what_was_trained_on_another_split_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(f"prepare folders {place}/subjects -o {place}/other --region t1=body --counts 2:1:5 --workers 1")
    call(f"evaluate {place}/wide --cohort {place}/other --oracles none --device cpu -o {place}/elsewhere")
    assert cli.run(["compare", str(place / "slim-1"), str(place / "elsewhere")]) == 2
    assert "has the cohort" in capsys.readouterr().err


def test_the_training_split_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(
        f"evaluate {place}/wide --cohort {place}/cohort --split train --oracles none --device cpu -o {place}/seen"
    )
    assert cli.run(["compare", str(place / "seen")]) == 3
    assert "error[E135]" in capsys.readouterr().err
