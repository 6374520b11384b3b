"""What was stored gives every figure again; whatever was changed afterwards is found, and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from transmodal.errors import InputError, IntegrityError, TransmodalError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.participants import CaseTranslation, Participants
from transmodal.evaluation.records.store import VolumeStore
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import EvaluationTask, Reference
from transmodal.evaluation.verify import check as verify
from transmodal.evaluation.verify.check import check
from transmodal.storage import files
from transmodal.volumes import Volume, io
from transmodal.volumes.intensity import IntensitySpec, fit

Make = Callable[..., Any]
FA = EvaluationTask(("t1",), "fa", 1.0, "mine", "d" * 64, "test", 16)


class Noisy:
    """Gives the target and noise, in float64."""

    def __init__(self, name: str, size: float, target: str = "fa") -> None:
        self.name = name
        self._size = size
        self._target = target

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401  # fakes stand in for prepared cases
        target: Volume = case.volume(self._target)
        noise = np.random.default_rng(len(self.name)).standard_normal(target.voxels.shape)
        return target.with_voxels(target.voxels + self._size * noise)


class FakeCohort:
    """An opened cohort in memory."""

    manifest = SimpleNamespace(name="mine")

    def __init__(self, cases: list[Any], digest: str = "d" * 64) -> None:
        self._cases = {case.id: case for case in cases}
        self._digest = digest

    def case(self, name: str) -> Any:  # noqa: ANN401  # fakes stand in for prepared cases
        return self._cases[name]

    def cases(self, split: str) -> list[Any]:
        return list(self._cases.values()) if split == "test" else []

    def digest(self) -> str:
        return self._digest

    def named_for(self, wanted: Any) -> FakeCohort:  # noqa: ANN401  # the names that recipes have already
        return self


@pytest.fixture(autouse=True)
def _opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify.Cohort, "open", staticmethod(lambda folder: folder))


@pytest.fixture
def cases(make_case: Make) -> list[Any]:
    return [make_case(0), make_case(1, masked=False), make_case(2)]


@pytest.fixture
def cohort(cases: list[Any]) -> Any:  # noqa: ANN401  # a fake
    return FakeCohort(cases)


@pytest.fixture
def folder(cases: list[Any], tmp_path: Path) -> Path:
    entrants = Participants([Noisy("a / model", 0.05)], [Noisy("lookup", 0.0)])
    evaluation = evaluate_cases(
        entrants, cases, FA, metrics=("mae", "psnr", "ssim", "nmse"), store=VolumeStore(tmp_path)
    )
    write(evaluation, tmp_path)
    return tmp_path


class Doubtful(Noisy):
    """Says where it errs, more or less."""

    def with_disagreement(self, case: Any) -> CaseTranslation:  # noqa: ANN401  # fakes stand in for prepared cases
        made = self.translate_case(case)
        off = np.abs(made.voxels - case.volume(self._target).voxels)
        spread = off * (0.5 + np.random.default_rng(1).random(off.shape))
        return CaseTranslation(made, made.with_voxels(spread))


@pytest.fixture
def doubtful(cases: list[Any], tmp_path: Path) -> Path:
    """An evaluation of one translator with a disagreement, and one without."""
    entrants = Participants([Doubtful("a / model", 0.05), Noisy("other", 0.1)], [Noisy("lookup", 0.0)])
    write(evaluate_cases(entrants, cases, FA, store=VolumeStore(tmp_path)), tmp_path)
    return tmp_path


def change(folder: Path, how: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((folder / "evaluation.json").read_text())
    how(data)
    (folder / "evaluation.json").write_text(json.dumps(data))


def drop_a_case(data: dict[str, Any]) -> None:
    data["rows"] = [row for row in data["rows"] if row["case"] != "case-1"]
    del data["targets"]["case-1"]
    data["provenance"]["cohort"]["n_cases"] = 2


def refused(folder: Path, cohort: Any, code: str) -> str:  # noqa: ANN401  # a fake
    with pytest.raises(TransmodalError) as caught:
        check(folder, cohort)
    assert caught.value.code == code
    assert isinstance(caught.value, IntegrityError) == (code == "E501")
    return str(caught.value)


def test_every_figure_is_had_again_to_the_last_bit(folder: Path, cohort: Any) -> None:  # noqa: ANN401  # a fake
    told: list[tuple[str, int, int]] = []
    found = check(folder, cohort, progress=lambda *what: told.append(what))
    kept = json.loads((folder / "evaluation.json").read_text())
    assert (found.volumes, found.targets, found.left_out) == (6, 3, ())
    assert found.exact == found.figures
    assert found.figures >= len(kept["rows"]) + 2 * len(kept["regions"]) + 5 * len(kept["agreement"])
    assert "agree exactly" in found.text()
    assert told[-1] == ("check", 3, 3)


def test_figures_are_of_what_is_stored_and_other_figures_stay(folder: Path, cases: list[Any]) -> None:
    kept = json.loads((folder / "evaluation.json").read_text())
    (part,) = kept["volumes"]["a / model"]["case-0"]
    assert files.sha256_file(folder / part["file"]) == part["sha256"]
    made = io.read(folder / part["file"]).voxels
    assert made.dtype == np.float32
    case = cases[0]
    error = np.abs(made.astype(np.float64) - case.volumes["fa"].voxels)[case.inside].mean()
    (row,) = [
        one
        for one in kept["rows"]
        if (one["case"], one["translator"], one["metric"]) == ("case-0", "a / model", "mae")
        and one["protocol"].startswith("inside")
    ]
    assert row["value"] == pytest.approx(error, rel=1e-12)


def test_one_flipped_voxel_is_found(folder: Path, cohort: Any) -> None:  # noqa: ANN401  # a fake
    (path,) = folder.glob("volumes/01-*/case-2.nii.gz")
    volume = io.read(path)
    voxels = volume.voxels.copy()
    voxels[5, 6, 7] += np.float32(1e-3)
    io.write(volume.with_voxels(voxels), path)
    said = refused(folder, cohort, "E501")
    assert "a / model for case case-2" in said
    # Whoever corrects the hash as well has other figures.
    change(
        folder, lambda data: data["volumes"]["a / model"]["case-2"][0].update(sha256=files.sha256_file(path))
    )
    assert "of a / model on case-2 is" in refused(folder, cohort, "E501")


def test_a_changed_figure_is_found(folder: Path, cohort: Any) -> None:  # noqa: ANN401  # a fake
    def better(data: dict[str, Any]) -> None:
        data["rows"][0]["value"] *= 0.999

    change(folder, better)
    assert "mae of a / model on case-0 is" in refused(folder, cohort, "E501")


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        (lambda data: data["summary"][0].update(mean=0.0), "E101", "the mean of mae"),
        (lambda data: data["rows"].pop(), "E501", "no "),
        (lambda data: data["rows"].append({**data["rows"][0], "case": "case-9"}), "E501", "on case-9"),
        (lambda data: data["rows"][0].update(patient="somebody"), "E501", "of patient somebody"),
        (lambda data: data["regions"][0].update(measured=0.5), "E501", "measured of 1 of 10"),
        (lambda data: data["regions"].append(data["regions"][0]), "E501", "means of regions"),
        (lambda data: data["agreement"][0].update(bias=0.0), "E501", "bias of a / model 1 of 10"),
        (lambda data: data["agreement"].pop(), "E501", "the agreement with"),
        (lambda data: data["targets"]["case-1"].update(target="0" * 64), "E501", "the target of case case-1"),
        (
            lambda data: data["targets"]["case-0"].update(mask=None),
            "E501",
            "the evaluation mask of case case-0",
        ),
        (lambda data: data["volumes"]["lookup"].pop("case-1"), "E501", "no volume of lookup for case case-1"),
        (lambda data: data["volumes"]["lookup"]["case-1"][0].update(file="../x"), "E101", "below"),
        (lambda data: data.update(volumes={}), "E100", "--save-volumes"),
        (lambda data: data["scoring"].update(data_range=2.0), "E501", "no nmse of a / model"),
        (drop_a_case, "E501", "case case-1 is only in one"),
    ],
)
def test_whatever_was_changed_is_named(
    folder: Path,
    cohort: Any,  # noqa: ANN401  # a fake
    how: Callable[[dict[str, Any]], object],
    code: str,
    said: str,
) -> None:
    change(folder, how)
    assert said in refused(folder, cohort, code)


def test_another_target_another_cohort_and_a_lost_volume_are_found(
    folder: Path,
    cohort: Any,  # noqa: ANN401  # a fake
    cases: list[Any],
) -> None:
    brighter = cases[1].volumes["fa"].with_voxels(cases[1].volumes["fa"].voxels + np.float32(1e-6))
    other = [cases[0], replace(cases[1], volumes={**cases[1].volumes, "fa": brighter}), cases[2]]
    assert "the target of case case-1" in refused(folder, FakeCohort(other), "E501")
    assert "which was scored on" in refused(folder, FakeCohort(cases, "e" * 64), "E004")
    (path,) = folder.glob("volumes/02-lookup/case-0.nii.gz")
    path.unlink()
    assert "lookup for case case-0" in refused(folder, cohort, "E501")


def test_colour_is_kept_by_channel(make_case: Make, tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 200, (14, 17, 12, 3), dtype=np.uint8)
    cases = [make_case(n, colour=Volume(photo, np.eye(4))) for n in range(2)]
    task = replace(FA, target="colour", data_range=255.0)
    evaluation = evaluate_cases(
        Participants([Noisy("unet", 5.5, "colour")]), cases, task, store=VolumeStore(tmp_path)
    )
    write(evaluation, tmp_path)
    assert len(list(tmp_path.glob("volumes/01-unet/case-0_*.nii.gz"))) == 3
    found = check(tmp_path, FakeCohort(cases))  # type: ignore[arg-type]  # a fake
    assert (found.volumes, found.exact) == (2, found.figures)


def test_targets_that_were_scaled_are_scaled_again(make_case: Make, tmp_path: Path) -> None:
    ramp = np.linspace(0, 1000, 14 * 17 * 12).reshape(14, 17, 12).astype(np.float32)
    cases = [make_case(n, t2=Volume((2 + n) * ramp, np.eye(4))) for n in range(2)]
    reference = Reference(fit(IntensitySpec("percentile", 1.0, 99.0), ramp, None), "t1", "brain")
    task = replace(FA, target="t2", data_range=1000.0, reference=reference)
    evaluation = evaluate_cases(
        Participants([Noisy("unet", 3.0, "t2")]), cases, task, store=VolumeStore(tmp_path)
    )
    write(evaluation, tmp_path)
    found = check(tmp_path, FakeCohort(cases))  # type: ignore[arg-type]  # a fake
    assert found.exact == found.figures == len(evaluation.rows)


def test_what_a_disagreement_is_worth_is_had_again(doubtful: Path, cohort: Any) -> None:  # noqa: ANN401  # a fake
    kept = json.loads((doubtful / "evaluation.json").read_text())
    assert list(kept["uncertainty"]["volumes"]) == ["a / model"]
    (part,) = kept["uncertainty"]["volumes"]["a / model"]["case-0"]
    assert files.sha256_file(doubtful / part["file"]) == part["sha256"]
    found = check(doubtful, cohort)
    assert (found.volumes, found.left_out) == (9 + 3, ())
    assert found.exact == found.figures
    without = {key: value for key, value in kept.items() if key != "uncertainty"}
    (doubtful / "evaluation.json").write_text(json.dumps(without))
    fewer = check(doubtful, cohort)
    # by case: two lists of tenths, rho, two areas; over patients: four lists, and mean, low, high three times
    assert found.figures - fewer.figures == 3 * 5 + 4 + 3 * 3


def test_one_flipped_voxel_of_a_disagreement_is_found(doubtful: Path, cohort: Any) -> None:  # noqa: ANN401  # a fake
    (path,) = doubtful.glob("volumes/01-*/disagreement/case-2.nii.gz")
    volume = io.read(path)
    voxels = volume.voxels.copy()
    voxels[5, 6, 7] += np.float32(1)
    io.write(volume.with_voxels(voxels), path)
    assert "a / model's disagreement for case case-2" in refused(doubtful, cohort, "E501")
    change(
        doubtful,
        lambda data: data["uncertainty"]["volumes"]["a / model"]["case-2"][0].update(
            sha256=files.sha256_file(path)
        ),
    )
    assert "of the disagreement of a / model on case-2 is" in refused(doubtful, cohort, "E501")


@pytest.mark.parametrize(
    ("how", "code", "said"),
    [
        (
            lambda said: said["cases"][1].update(spearman=0.99),
            "E501",
            "spearman of the disagreement of a / model",
        ),
        (
            lambda said: said["cases"][0]["error"].pop(),
            "E501",
            "error of the disagreement of a / model on case-0",
        ),
        (lambda said: said["cases"][0].update(n=3), "E501", "n of the disagreement"),
        (lambda said: said["cases"][0].update(patient="x"), "E501", "patient of the disagreement"),
        (lambda said: said["cases"].pop(), "E501", "no disagreement of a / model on case-2"),
        (
            lambda said: said["cases"].append({**said["cases"][0], "translator": "other"}),
            "E501",
            "4 figures of",
        ),
        (lambda said: said["patients"][0]["error"].__setitem__(3, 0.0), "E501", "error of a / model is"),
        (lambda said: said["patients"][0]["ause"].update(mean=0.0), "E501", "ause mean of a / model is"),
        (lambda said: said["patients"].clear(), "E501", "the uncertainty over patients with 0"),
        (lambda said: said.update(protocol="the best one"), "E501", "the protocol of the uncertainty"),
        (
            lambda said: said["volumes"]["a / model"].pop("case-1"),
            "E501",
            "no disagreement of a / model on case-1",
        ),
        (lambda said: said["volumes"]["a / model"]["case-1"][0].update(file="/x"), "E101", "below"),
    ],
)
def test_whatever_was_changed_of_the_uncertainty_is_named(
    doubtful: Path,
    cohort: Any,  # noqa: ANN401  # a fake
    how: Callable[[dict[str, Any]], object],
    code: str,
    said: str,
) -> None:
    change(doubtful, lambda data: how(data["uncertainty"]))
    assert said in refused(doubtful, cohort, code)


def test_figures_of_a_disagreement_that_is_not_stored_are_named(doubtful: Path, cohort: Any) -> None:  # noqa: ANN401  # a fake
    change(doubtful, lambda data: data["uncertainty"].update(volumes={}))
    found = check(doubtful, cohort)
    assert found.volumes == 9
    assert "not taken again: uncertainty (no disagreement is stored)" in found.text()


def test_what_is_no_evaluation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text('{"volumes": {"unet": {}}, "rows": 3}')
    with pytest.raises(InputError) as caught:
        check(tmp_path, FakeCohort([]))  # type: ignore[arg-type]  # a fake
    assert caught.value.code == "E101"
