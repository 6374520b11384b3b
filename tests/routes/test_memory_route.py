"""Memory that runs out, or would, on the way from files to figures: one error with advice, and the advice is followed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import transmodal
from subject_files import tiny_recipe, write_blob
from transmodal import cli
from transmodal.errors import ResourceError
from transmodal.inference.engines.torch import TorchEngine
from transmodal.storage import memory
from transmodal.translators import _memory
from transmodal.volumes import Volume, io

STEP = "{epochs: 1, batch: 4, samples_per_epoch: 4, device: cpu}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects as files, prepared, and a run of one step."""
    folder = tmp_path_factory.mktemp("memory")
    for n in range(3):
        write_blob(folder / "subjects" / f"case-{n}", n)
    (folder / "tiny.yaml").write_text(
        tiny_recipe(data="{spacing_mm: 4.0}", settings="{width: 4, levels: 1}", training=STEP)
    )
    for line in (
        f"prepare folders {folder}/subjects -o {folder}/cohort --counts 1:1:1 --workers 1",
        f"train {folder}/tiny.yaml --cohort {folder}/cohort -o {folder}/run",
        f"evaluate {folder}/run --cohort {folder}/cohort --oracles none",
    ):
        assert cli.run(line.split()) == 0
    return folder


def fail(*_: Any, **__: Any) -> Any:  # noqa: ANN401
    torch.empty(1 << 60)


def refusal(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on standard error of a call that is refused for lack of memory."""
    capsys.readouterr()
    assert cli.run(["--quiet", *line.split()]) == 4
    error = capsys.readouterr().err
    assert error.startswith("error[E402]: ")
    assert error.count("\n") == 1
    return error


def test_a_network_that_is_too_large_is_refused_and_a_narrower_one_is_trained(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = f"train {place}/tiny.yaml --cohort {place}/cohort -o {tmp_path}"
    line = refusal(f"{call}/wide --set settings.width=100000 --set settings.levels=4", capsys)
    assert "settings.width" in line
    assert cli.run(f"{call}/narrow --set settings.width=2".split()) == 0


VERBS = {
    "translate": ("transmodal.inference.model.synthesise", "translate {run} {source} -o {out}/fa.nii.gz"),
    "evaluate": (
        "transmodal.evaluation.run.evaluate_cases",
        "evaluate {run} --cohort {cohort} -o {out}/evaluation",
    ),
    "train": (
        "transmodal.training.loop.step",
        "train {recipe} --cohort {cohort} -o {out}/run",
    ),
    "load": ("transmodal.translators.build", "translate {run} {source} -o {out}/fa.nii.gz"),
    "prepare": (
        "transmodal.cohorts.prepare.write_case.store",
        "prepare folders {subjects} -o {out}/cohort --workers 1 --counts 1:1:1",
    ),
    "read": ("transmodal.volumes.formats.nifti.read", "translate {run} {source} -o {out}/fa.nii.gz"),
    "compare": ("transmodal.evaluation.compare.compare.compare", "compare {run}"),
    "check": ("transmodal.storage.regular.read_bytes", "check {run} --cohort {cohort}"),
    "verify": ("transmodal.commands._verifying._list_checks", "verify {cohort}"),
}


@pytest.mark.parametrize(("where", "line"), VERBS.values(), ids=VERBS)
def test_every_verb_says_that_memory_ran_out(
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    line: str,
) -> None:
    monkeypatch.setattr(where, fail)
    words = {
        "run": place / "run",
        "cohort": place / "cohort",
        "recipe": place / "tiny.yaml",
        "subjects": place / "subjects",
        "source": place / "subjects/case-0/t1.nii.gz",
        "out": tmp_path,
    }
    refusal(line.format(**words), capsys)
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


DOORS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "load": ("transmodal.translators.build", lambda place: transmodal.load(place / "run")),
    "read": (
        "transmodal.volumes.formats.nifti.read",
        lambda place: transmodal.read(place / "subjects/case-0/t1.nii.gz"),
    ),
    "translate": (
        "transmodal.inference.model.synthesise",
        lambda place: transmodal.load(place / "run").translate(
            transmodal.read(place / "subjects/case-0/t1.nii.gz")
        ),
    ),
    "evaluate": (
        "transmodal.evaluation.run.evaluate_cases",
        lambda place: transmodal.evaluate(place / "run", place / "cohort", output=place / "again"),
    ),
}


@pytest.mark.parametrize(("where", "call"), DOORS.values(), ids=DOORS)
def test_every_python_door_raises_one_error(
    place: Path, monkeypatch: pytest.MonkeyPatch, where: str, call: Callable[[Path], object]
) -> None:
    monkeypatch.setattr(where, fail)
    with pytest.raises(ResourceError, match="memory") as caught:
        call(place)
    assert caught.value.code == "E402"


@pytest.mark.parametrize(
    ("axes", "failing", "expected"),
    [("z", 1, [8, 4, 4, 1]), ("x,y,z", 3, [8, 4, 8, 4, 4, 4, 4, 4, 1])],
)
def test_translate_goes_on_with_smaller_batches_and_says_so(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, axes: str, failing: int, expected: list[int]
) -> None:
    source = place / "subjects/case-1/t1.nii.gz"
    call = f"translate {place}/run {source} --axes {axes} -o {tmp_path}"
    assert cli.run(f"{call}/whole.nii.gz".split()) == 0
    sizes: list[int] = []
    infer = TorchEngine.infer

    def fail_once(self: TorchEngine, batch: Any, *rest: Any) -> Any:  # noqa: ANN401
        sizes.append(len(batch))
        return fail() if len(sizes) == failing else infer(self, batch, *rest)

    monkeypatch.setattr(TorchEngine, "infer", fail_once)
    assert cli.run(f"{call}/parts.nii.gz".split()) == 0
    assert sizes == expected
    whole, parts = (transmodal.read(tmp_path / f"{name}.nii.gz").voxels for name in ("whole", "parts"))
    np.testing.assert_allclose(parts, whole, atol=1e-5)
    notes = {
        name: json.loads((tmp_path / f"{name}.json").read_text())["notes"] for name in ("whole", "parts")
    }
    said = [note for note in notes["parts"] if "memory did not suffice" in note]
    assert len(said) == 1
    assert not [note for note in notes["whole"] if "memory" in note]


def test_a_header_with_huge_voxels_is_refused_with_its_shape_and_spacing(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "subjects" / "case-0"
    source.mkdir(parents=True)
    voxels = transmodal.read(place / "subjects/case-0/t1.nii.gz").voxels
    for name, values in {"t1": voxels, "fa": voxels / 400}.items():
        io.write(Volume(values, np.diag([600.0, 600, 600, 1])), source / f"{name}.nii.gz")
    lines = (
        f"translate {place}/run {source}/t1.nii.gz -o {tmp_path}/fa.nii.gz --force",
        f"prepare folders {tmp_path}/subjects -o {tmp_path}/cohort --for {place}/tiny.yaml --workers 1",
    )
    for line in lines:
        capsys.readouterr()
        assert cli.run(line.split()) == 4
        error = capsys.readouterr().err
        assert "error[E401]" in error
        assert "12 x 12 x 9 voxels of 600 x 600 x 600 mm" in error
        assert re.search(r"at 4 x 4 x 4 mm are .* voxels and 1[26]\.\d GiB", error)
    assert not (tmp_path / "fa.nii.gz").exists()


WORK = {
    "translate": (
        "translate {run} {source} --axes x,y,z -o {out}/fa.nii.gz",
        "translate {run} {source} --axes z -o {out}/fa.nii.gz",
    ),
    "train": (
        "train {recipe} --cohort {cohort} -o {out}/run --set settings.width=64",
        "train {recipe} --cohort {cohort} -o {out}/run --set settings.width=4",
    ),
    "evaluate": (
        "evaluate {run} --cohort {cohort} --axes x,y,z -o {out}/evaluation",
        "evaluate {run} --cohort {cohort} --axes z --metrics mae --oracles none -o {out}/evaluation",
    ),
}


@pytest.mark.parametrize(("call", "smaller"), WORK.values(), ids=WORK)
def test_work_is_estimated_told_and_refused_before_anything_is_written(
    place: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    smaller: str,
) -> None:
    words = {
        "run": place / "run",
        "cohort": place / "cohort",
        "recipe": place / "tiny.yaml",
        "source": place / "subjects/case-2/t1.nii.gz",
        "out": tmp_path,
    }
    monkeypatch.setattr(_memory, "_LIBRARY_BYTES", 0)
    monkeypatch.setenv(memory.BUDGET, "1")
    monkeypatch.setenv(memory.MEMORY, "1e-6")
    line = refusal(call.format(**words), capsys)
    assert list(tmp_path.iterdir()) == []
    needed = float(re.findall(r"takes about ([0-9.e+-]+) GiB", line)[0])
    # With nine tenths of it the same is refused, and what is advised fits.
    monkeypatch.setenv(memory.MEMORY, str(0.9 * needed))
    refusal(call.format(**words), capsys)
    capsys.readouterr()
    assert cli.run(smaller.format(**words).split()) == 0
    said = [one for one in capsys.readouterr().err.splitlines() if one.startswith("memory: about ")]
    assert len(said) == 1
    assert said[0].endswith("GiB free")


def test_memory_can_be_counted_on_by_the_environment_and_quiet_says_nothing(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = place / "subjects/case-2/t1.nii.gz"
    monkeypatch.setenv(memory.BUDGET, "1")
    monkeypatch.setenv(memory.MEMORY, "1e-6")
    call = f"translate {place}/run {source} -o {tmp_path}/fa.nii.gz"
    advised = re.findall(rf"{memory.MEMORY}=(\d+)", refusal(call, capsys))
    monkeypatch.setenv(memory.MEMORY, advised[0])
    capsys.readouterr()
    assert cli.run(["--quiet", *call.split()]) == 0
    assert "memory" not in capsys.readouterr().err
