"""A run is scored at home and at another site, by strata; what was stored gives every figure again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli_calls import call
from subject_files import tiny_recipe, write_ellipsoid


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sites")
    for site, gain in (("home", 1.0), ("away", 0.5)):
        for n in range(8):
            write_ellipsoid(folder / f"{site}-files" / f"{site}-{n}", n + 100 * (site == "away"), gain=gain)
        prepared = f"prepare folders {folder}/{site}-files -o {folder}/{site} --region t1=body"
        call(f"{prepared} --counts 1:1:6 --workers 1")
    (folder / "tiny.yaml").write_text(tiny_recipe())
    lines = [f"away-{n}\t{5 * n}\t{'guys' if n < 6 else 'hh'}" for n in range(8)]
    (folder / "participants.tsv").write_text("\n".join(["participant_id\tage\tsite", *lines]) + "\n")
    call(f"train {folder}/tiny.yaml --cohort {folder}/home -o {folder}/run")
    call(f"evaluate {folder}/run --cohort {folder}/home --oracles none --device cpu")
    return folder


def _evaluation(folder: Path) -> dict[str, dict[str, object]]:
    data: dict[str, dict[str, object]] = json.loads((folder / "evaluation.json").read_text())
    return data


def test_another_site_is_held_against_what_was_written_at_home(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = (place / "run/evaluation/evaluation.json").read_bytes()
    table = f"--phenotypes {place}/participants.tsv --by site --by age:10,20"
    call(f"evaluate {place}/run --cohort {place}/away --split all --device cpu {table}")
    assert "No oracles" in capsys.readouterr().out
    assert (place / "run/evaluation/evaluation.json").read_bytes() == home
    (folder,) = place.glob("run/evaluation-away-*")
    elsewhere = _evaluation(folder)["elsewhere"]
    groups = elsewhere["phenotypes"]["groups"]  # type: ignore[index]  # JSON
    assert {name: len(own) for name, own in groups["site"].items()} == {"guys": 6, "hh": 2}
    assert list(groups["age"]) == ["below 10", "10 to below 20", "20 and above"]
    whole = [one for one in elsewhere["figures"] if not one["by"]]  # type: ignore[attr-defined]  # JSON
    assert whole
    assert all(one["here"]["n"] == 8 and one["home"]["n"] == 6 and one["drop"]["interval"] for one in whole)
    assert (folder / "strata.csv").is_file()
    assert "Against home" in (folder / "report.html").read_text()


def test_with_the_training_cohort_oracles_are_fitted_there_and_all_is_had_again(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = place / "told"
    both = f"--cohort {place}/away --training-cohort {place}/home"
    call(f"evaluate {place}/run {both} --split all --device cpu --save-volumes -o {out}")
    data = _evaluation(out)
    assert data["provenance"]["cohort"]["oracles_fitted_on"] == "home"  # type: ignore[index]  # JSON
    drops = {one["translator"] for one in data["elsewhere"]["figures"] if one["drop"]}  # type: ignore[attr-defined]
    assert drops == {"unet_regression", "mean_target", "lookup", "linear_patch"}
    written = _evaluation(place / "run/evaluation")
    own = [row["value"] for row in written["rows"] if row["metric"] == "mae"]  # type: ignore[index]  # JSON
    kept = data["elsewhere"]["home"]["figures"]  # type: ignore[index]  # JSON
    again = [
        value
        for one in kept
        if (one["translator"], one["metric"]) == ("unet_regression", "mae")
        for value in one["patients"].values()
    ]
    assert sorted(again) == sorted(own)
    capsys.readouterr()
    call(f"check {out} --cohort {place}/away")
    assert "32 volumes and 8 targets" in capsys.readouterr().out
    data["elsewhere"]["figures"][0]["drop"]["mean"] = 0.0  # type: ignore[index]  # JSON
    (out / "evaluation.json").write_text(json.dumps(data))
    call(f"check {out} --cohort {place}/away", status=5)
    assert "drop mean of unet_regression" in capsys.readouterr().err


def test_what_does_not_go_together_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = f"evaluate {place}/run --oracles none --device cpu"
    call(f"{run} --cohort {place}/home --split all", status=2)
    call(f"{run} --cohort {place}/home --training-cohort {place}/away", status=2)
    call(f"{run} --cohort {place}/away --by site", status=2)
    call(f"{run} --cohort {place}/away --phenotypes {place}/participants.tsv", status=2)
    call(f"{run} --cohort {place}/away --phenotypes {place}/participants.tsv --by sit", status=2)
    assert "Did you mean site?" in capsys.readouterr().err
    call(f"{run} --cohort {place}/home --phenotypes {place}/participants.tsv --by site", status=3)
    assert "without patient home-" in capsys.readouterr().err
