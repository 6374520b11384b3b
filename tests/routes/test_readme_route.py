"""Python in README and docs: type-checked strictly, and run from image files to a comparison on a tiny cohort."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import transmodal
from subject_files import tiny_recipe, write_blob
from transmodal.recipes import load
from transmodal.volumes import io

ROOT = Path(__file__).parent.parent.parent
PAGES = ("README.md", "docs/how-to/translate.md")
RECIPE = tiny_recipe(
    "t1-to-fa-small",
    data="{region: body}",
    settings="{width: 4, levels: 1}",
    training="{epochs: 1, batch: 4, samples_per_epoch: 4, device: cpu}",
)


def snippets(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the snippets name: subjects, an image, and runs beside the one that they train."""
    folder = tmp_path_factory.mktemp("readme")
    for n in range(10):
        write_blob(folder / "subjects" / f"case-{n}", n)
    shutil.copy(folder / "subjects/case-0/t1.nii.gz", folder / "t1.nii.gz")
    (folder / "library").mkdir()
    (folder / "library" / "t1-to-fa-small.yaml").write_text(RECIPE)
    return folder


def test_python_of_the_pages_is_typed(tmp_path: Path) -> None:
    files = []
    for page in PAGES:
        for n, code in enumerate(snippets(page)):
            files.append(tmp_path / f"{Path(page).stem.lower()}_{n}.py")
            files[-1].write_text(code, encoding="utf-8")
    assert len(files) >= 2
    done = subprocess.run(
        [
            # The repository's own settings, strict too: what is checked here need not be checked by a later `mypy`.
            *(sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml")),
            *("--cache-dir", str(ROOT / ".mypy_cache"), *map(str, files)),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "MYPYPATH": str(ROOT / "src")},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout


def test_python_of_the_pages_runs(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(load, "LIBRARY", place / "library")
    monkeypatch.chdir(place)
    transmodal.prepare("folders", "subjects", "cohort", recipes=["t1-to-fa-small"])
    for run, seed in (("pix2pix", 5), ("mine", 6)):
        transmodal.train("t1-to-fa-small", "cohort", f"runs/{run}", changes={"training.seed": seed})
    transmodal.evaluate("runs/pix2pix", "cohort")
    for page in PAGES:
        for code in snippets(page):
            (place / "fa.nii.gz").unlink(missing_ok=True)
            (place / "fa.json").unlink(missing_ok=True)
            exec(compile(code, page, "exec"), {"__name__": "snippet"})
    assert (place / "cohort" / "cohort.html").is_file()
    assert (place / "comparison" / "comparison.html").is_file()
    assert "unet_regression" in capsys.readouterr().out
    again, first = io.read(place / "fa_again.nii.gz"), io.read("t1.nii.gz")
    assert again.grid == first.grid


def test_verbs_take_paths_strings_and_words(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "LIBRARY", place / "library")
    monkeypatch.chdir(place)
    cohort = transmodal.prepare("folders", Path("subjects"), Path("words"), split="8:1:1", region=["t1=body"])
    result = transmodal.train(
        Path("library/t1-to-fa-small.yaml"), "words", Path("runs/words"), changes=["training.epochs=2"]
    )
    assert result.steps == 2
    made = transmodal.translate("runs/words", {"t1": "t1.nii.gz"}, "words.nii.gz", axes=("x", "z"))
    assert (made[0].image, made[0].sidecar) == (Path("words.nii.gz"), Path("words.json"))
    evaluation = transmodal.evaluate(
        {"mine": "runs/words"}, cohort, metrics=["mae", "psnr"], oracles="none", output="words-evaluation"
    )
    assert {(row.translator, row.metric) for row in evaluation.rows} == {("mine", "mae"), ("mine", "psnr")}
    comparison = transmodal.compare(
        ["words-evaluation"], metric="psnr", form="csv", output="words-comparison"
    )
    assert comparison.primary.metric == "psnr"
    assert Path("words-comparison/comparison.csv").is_file()
    assert not Path("words-comparison/comparison.html").exists()
