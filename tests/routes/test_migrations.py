"""Migration pages: every command and every program on them runs, on data that lie as the other program has them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import other_programs
from transmodal import cli
from transmodal.cohorts.store import Cohort

FOLDER = Path(__file__).parents[2] / "docs" / "migrate"
PAGES = sorted(path.stem for path in FOLDER.glob("*.md") if path.stem != "index")
CASES = tuple(f"1BA{n:03d}" for n in range(1, 10))
WINDOWS = "windows.size=[32,32]"
SMALL = {
    "pix2pix": (WINDOWS, "settings.levels=4", "settings.width=4"),
    "cyclegan": (WINDOWS, "settings.blocks=1", "settings.width=4"),
    "resvit": (
        WINDOWS,
        *("settings.width=8", "settings.blocks=2", "settings.transformer_blocks=[0]", "settings.depth=1"),
        *("settings.channels=16", "settings.heads=2", "settings.side=2"),
        *("training.phases.transformer.epochs=1",),
    ),
    "mr-to-ct-small": ("settings.width=4", "settings.levels=2"),
    "mr-to-ct-resenc": (
        *("windows.size=[16,16,16]", "data.spacing_mm=4.0", "training.precision=32-true"),
        *("settings.width=4", "settings.levels=2", "settings.blocks=[1,1,1]", "settings.supervised=1"),
    ),
}
"""Each recipe of the pages in small."""
SHORT = ("training.epochs=1", "training.samples_per_epoch=2")


def _pix2pix(place: Path) -> None:
    other_programs.write_pictures(place)
    generator = other_programs.write_generator(place)
    source = np.asarray(Image.open(place / "unaligned" / "testA" / "a5_002.png").resize((32, 32)))
    Image.fromarray(source).save(place / "p9_001.png")
    expected = other_programs.translate_picture(generator, source)
    Image.fromarray(expected).save(place / "expected.png")


def _resvit_syndiff(place: Path) -> None:
    pytest.importorskip("h5py", reason="is of the extra `matlab`")
    other_programs.write_matrices(place)
    other_programs.write_channels(place)


def _nnunet(place: Path) -> None:
    for n, case in enumerate(CASES, start=1):
        images = other_programs.head(n)
        if case == CASES[-1]:
            other_programs.write_volume(images["mr"], place / "new" / f"{case}_0000.nii.gz")
            continue
        raw = place / "raw"
        other_programs.write_volume(images["mr"], raw / "Dataset060_MR" / "imagesTr" / f"{case}_0000.nii.gz")
        other_programs.write_volume(images["mask"], raw / "Dataset060_MR" / "labelsTr" / f"{case}.nii.gz")
        other_programs.write_volume(images["ct"], raw / "Dataset061_CT" / "imagesTr" / f"{case}_0000.nii.gz")
        if case in CASES[6:8]:
            other_programs.write_volume(images["synthetic"], place / "nnunet-out" / f"{case}.nii.gz")
    (place / "nnunet-out" / "plans.json").write_text("{}")
    folds = place / "nnUNet_preprocessed" / "Dataset060_MR" / "splits_final.json"
    folds.parent.mkdir(parents=True)
    folds.write_text(json.dumps([{"train": CASES[:4], "val": CASES[4:6]}]))


def _konfai(place: Path) -> None:
    for n, case in enumerate(CASES, start=1):
        images = other_programs.head(n)
        folder = place / ("New" if case == CASES[-1] else "Dataset") / case
        for name in ("mr", "ct", "mask"):
            other_programs.write_volume(images[name], folder / f"{name.upper()}.mha")
        if case != CASES[-1]:
            predicted = place / "Predictions" / "TRAIN_01" / "Dataset" / case
            other_programs.write_volume(images["synthetic"], predicted / "sCT.mha")
            other_programs.write_volume(images["mr"], predicted / "MR.mha")


LAID_OUT: dict[str, Callable[[Path], None]] = {
    "pix2pix": _pix2pix,
    "resvit-syndiff": _resvit_syndiff,
    "nnunet": _nnunet,
    "konfai": _konfai,
}


def _shorten(words: list[str]) -> list[str]:
    match words[0]:
        case "prepare":
            return [*words, "--copies", "ignore", *([] if "--dry-run" in words else ["--workers", "1"])]
        case "train":
            return [*words, *(word for key in (*SHORT, *SMALL[words[1]]) for word in ("--set", key))]
        case "import":
            return [*words, "--size", "32,32"]
    return words


def _run(page: str, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Run a page's blocks in their order; return what each command printed."""
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    printed = {}
    for language, block in re.findall(r"^```(bash|python)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        if language == "python":
            exec(compile(block, f"{page}.md", "exec"), {})
            continue
        for line in filter(None, block.splitlines()):
            program, *words = shlex.split(line)
            assert program == "transmodal", line
            status = cli.run(_shorten(words))
            shown = capsys.readouterr()
            assert status == 0, (line, shown)
            printed[line] = shown.out
    return printed


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    LAID_OUT[page](tmp_path)
    printed = _run(page, capsys)
    verbs = {line.split()[1] for line in printed}
    assert {"prepare", "train", "translate", "evaluate"} <= verbs
    scored = [line for line in printed if "--predictions" in line]
    assert scored
    for line in scored:
        folder = Path(line.split(" -o ")[1].split()[0])
        record = json.loads((folder / "evaluation.json").read_text())
        assert len(record["protocols"]) > 0
    CHECKS[page]()


def _check_pix2pix() -> None:
    theirs, ours = (np.asarray(Image.open(name)).astype(int) for name in ("expected.png", "p9_001-t2.png"))
    assert np.abs(theirs[..., 0] - ours).max() <= 1
    assert Path("synthetic-pictures").is_dir()
    case = Cohort.open(Path("cohort")).case("test-p4")
    t1, _ = other_programs.levels(4)
    np.testing.assert_array_equal(case.volume("t1").voxels, t1.swapaxes(0, 1)[::-1, ::-1])


def _check_resvit_syndiff() -> None:
    t1, t2 = other_programs.levels(4)
    case = Cohort.open(Path("cohort")).case("test-stack-000")
    upright = (t1.swapaxes(0, 1)[::-1, ::-1] / 255).astype(np.float32)
    np.testing.assert_allclose(case.volume("t1").voxels, upright, atol=1e-6)
    three = Cohort.open(Path("three"))
    np.testing.assert_array_equal(three.case("p4").volume("t2").voxels, t2.swapaxes(0, 1)[::-1, ::-1])
    assert three.split.test == ("p4", "p5")


def _check_nnunet() -> None:
    cohort = Cohort.open(Path("cohort"))
    assert cohort.split.validation == CASES[4:6]
    assert cohort.case(CASES[0]).mask() is not None


def _check_konfai() -> None:
    assert Path("sCT.mha").exists()
    assert set(Cohort.open(Path("cohort")).modalities) == {"mr", "ct"}


CHECKS: dict[str, Callable[[], None]] = {
    "pix2pix": _check_pix2pix,
    "resvit-syndiff": _check_resvit_syndiff,
    "nnunet": _check_nnunet,
    "konfai": _check_konfai,
}


def test_every_page_is_in_the_list() -> None:
    listed = re.findall(r"\| \[[^\]]+\]\(([\w-]+)\.md\)", (FOLDER / "index.md").read_text(encoding="utf-8"))
    assert sorted(listed) == PAGES == sorted(LAID_OUT)
