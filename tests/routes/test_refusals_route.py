"""What cannot be done is refused before work is done: devices, places to write to, names of metrics."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from subject_files import tiny_recipe
from transmodal import cli
from transmodal.evaluation.oracles import fit as oracles
from transmodal.inference import model as inference
from transmodal.volumes import Volume, io

RECIPE = tiny_recipe(
    data="{}",
    settings="{width: 4, levels: 1}",
    training="{epochs: 1, batch: 4, samples_per_epoch: 4}",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cases, prepared, and a run of one step, evaluated."""
    folder = tmp_path_factory.mktemp("refusals")
    for n in range(3):
        draw = np.random.default_rng(n)
        case = folder / "subjects" / f"case-{n}"
        case.mkdir(parents=True)
        i, j, k = np.indices((12, 12, 9)) - np.array([6, 6, 4]).reshape(3, 1, 1, 1)
        head = i**2 + j**2 + 1.5 * k**2 < 20
        t1 = (head * (1 + draw.random(head.shape))).astype(np.float32)
        for name, voxels in {"t1": 100 * t1, "fa": t1 / 4}.items():
            io.write(Volume(voxels, np.diag([4.0, 4.0, 4.0, 1.0])), case / f"{name}.nii.gz")
    (folder / "tiny.yaml").write_text(RECIPE)
    (folder / "file").write_text("no folder")
    for line in (
        f"prepare folders {folder}/subjects -o {folder}/cohort --counts 1:1:1 --workers 1 --region t1=body",
        f"train {folder}/tiny.yaml --cohort {folder}/cohort -o {folder}/run --device cpu",
        f"evaluate {folder}/run --cohort {folder}/cohort --oracles none",
    ):
        assert cli.run(line.split()) == 0
    return folder


def refused(line: str, place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a call ends in; what it wrote is compared with what was there."""
    before = sorted(place.rglob("*"))
    capsys.readouterr()
    status = cli.run(line.format(place).split())
    lines = [one for one in capsys.readouterr().err.splitlines() if one.startswith("error[")]
    assert len(lines) == 1, lines
    kind = {"0": 2, "1": 3, "4": 4}
    assert status == kind[lines[0].removeprefix("error[E")[0]]
    assert sorted(place.rglob("*")) == before
    return lines[0]


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "mps"])
@pytest.mark.parametrize(
    "line",
    [
        "translate {0}/run {0}/subjects/case-0/t1.nii.gz -o {0}/fa.nii.gz --device ",
        "evaluate {0}/run --cohort {0}/cohort -o {0}/e --device ",
        "train {0}/tiny.yaml --cohort {0}/cohort -o {0}/r --device ",
        "demo -o {0}/d --set training.device=",
    ],
)
def test_a_device_that_is_not_there(
    line: str, device: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    said = refused(f"{line}{device}", place, capsys)
    assert said.startswith(f"error[E404]: device {device}")
    assert "Use cpu" in said


@pytest.mark.parametrize(
    "line",
    [
        "translate {0}/run {0}/subjects/case-0/t1.nii.gz -o {0}/fa.nii.gz --device gpu",
        "evaluate {0}/run --cohort {0}/cohort -o {0}/e --device gpu",
        "train {0}/tiny.yaml --cohort {0}/cohort -o {0}/r --device gpu",
        "train {0}/tiny.yaml --cohort {0}/cohort -o {0}/r --set training.device=gpu",
    ],
)
def test_a_word_that_names_no_device(line: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(line, place, capsys)
    assert said.startswith("error[E001]")
    assert "gpu" in said
    assert "auto, cpu, cuda, cuda and a number such as cuda:1, or mps" in said
    assert not set("^$|\\") & set(said)


@pytest.mark.parametrize("where", ["{0}/file/below", "/proc/below", "/sys/below"])
@pytest.mark.parametrize(
    "line",
    [
        "translate {0}/run {0}/subjects/case-0/t1.nii.gz -o WHERE/fa.nii.gz",
        "translate {0}/run {0}/cohort -o WHERE --split test",
        "evaluate {0}/run --cohort {0}/cohort -o WHERE",
        "compare {0}/run -o WHERE",
        "train {0}/tiny.yaml --cohort {0}/cohort -o WHERE",
        "prepare folders {0}/subjects -o WHERE",
        "demo -o WHERE",
        "atlas -o WHERE --subjects 1",
        "atlas -o WHERE --subjects 1 --layout ixi",
        "benchmark atlas --cohort {0}/cohort -o WHERE",
        "ablate agi-net --cohort {0}/cohort -o WHERE",
        "resplit {0}/cohort -o WHERE",
        "merge {0}/cohort {0}/cohort -o WHERE",
        "dose {0}/subjects/case-0/t1.nii.gz {0}/subjects/case-0/t1.nii.gz -o WHERE/dose.json",
        "overlap {0}/subjects/case-0/t1.nii.gz {0}/subjects/case-0/t1.nii.gz -o WHERE/overlap.json",
    ],
)
def test_a_place_that_nothing_can_be_written_into(
    line: str, where: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> NoReturn:
        pytest.fail("work was done")

    monkeypatch.setattr("transmodal.inference.synthesis.synthesise", work)
    monkeypatch.setattr(inference, "synthesise", work)
    monkeypatch.setattr(oracles, "fit", work)
    monkeypatch.setattr("transmodal.cohorts.simulation.atlas.subjects", work)
    said = refused(line.replace("WHERE", where), place, capsys)
    assert said.startswith("error[E005]" if "file" in where else "error[E403]"), said
    assert where.format(place).rsplit("/", 1)[0] in said


@pytest.mark.parametrize(
    ("line", "near"),
    [
        ("evaluate {0}/run --cohort {0}/cohort -o {0}/e --metrics mae,psrn", "psnr"),
        ("evaluate {0}/run --cohort {0}/cohort -o {0}/e --metrics MS-SSIM", "ms_ssim"),
        ("evaluate {0}/run --cohort {0}/cohort -o {0}/e --metrics dise", "dice"),
        ("compare {0}/run --metric psrn -o {0}/c", "psnr"),
        ("train {0}/tiny.yaml --cohort {0}/cohort -o {0}/r --set evaluation.primary=psrn", "psnr"),
    ],
)
def test_a_metric_that_is_misspelt(
    line: str, near: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit(*_: object, **__: object) -> NoReturn:
        pytest.fail("an oracle was fitted")

    monkeypatch.setattr(oracles, "fit", fit)
    assert f"Did you mean {near}?" in refused(line, place, capsys)


@pytest.mark.parametrize(
    "more",
    [
        "--set windows.min_foreground=0.99 --set data.region=body",
        "--precision 16-mixed --device cpu",
        "--set settings.width=0",
        "--set training.device=cuda:9",
        "--set task.target=ct",
    ],
)
def test_a_training_that_is_refused_leaves_no_folder(
    more: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(f"train {{0}}/tiny.yaml --cohort {{0}}/cohort -o {{0}}/new/run {more}", place, capsys)


@pytest.mark.parametrize("verb", ["benchmark", "ablate"])
@pytest.mark.parametrize("change", ["training.device=cuda:9", "settings.width=0", "evaluation.primary=psrn"])
def test_a_suite_that_is_refused_leaves_no_folder(
    verb: str, change: str, place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = (
        "about: a\nbudget: b\ncohort: c\nentries: {tiny: {recipe: %s, changes: [%s]}}\nname: s\nseeds: [1]\n"
    )
    study = "recipe: %s\nvariants: {tiny: {changes: [%s]}}\nname: s\nseeds: [1]\n"
    text = (suite if verb == "benchmark" else study) % (place / "tiny.yaml", change)
    (tmp_path / "mine.yaml").write_text(text)
    refused(f"{verb} {tmp_path}/mine.yaml --cohort {{0}}/cohort -o {{0}}/new/s", place, capsys)


def test_the_bare_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([]) == 0
    shown = capsys.readouterr()
    assert "transmodal demo" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("number", "code", "status"),
    [
        (errno.EROFS, "E403", 4),
        (errno.ENOSPC, "E403", 4),
        (errno.ENOTDIR, "E005", 2),
        (errno.EINTR, "E601", 6),
    ],
)
def test_what_the_system_refuses_is_no_bug(
    number: int, code: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> list[str]:
        raise OSError(number, "no", "/mnt/x")

    monkeypatch.setattr("transmodal.translators.names", fail)
    assert cli.run(["translators"]) == status
    assert f"error[{code}]" in capsys.readouterr().err
