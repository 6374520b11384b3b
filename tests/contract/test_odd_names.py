"""Twenty names of files and folders go through every verb: each works, or is refused by one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from transmodal import cli

EARLIER = Path(__file__).with_name("earlier")
NAMES = {
    "blanks": "two  words ",
    "accents": "M\u00fcller-Ren\u00e9",
    "accents apart": "Mu\u0308ller",
    "Greek": "\u03b5\u03b3\u03ba\u03ad\u03c6\u03b1\u03bb\u03bf\u03c2",
    "Cyrillic": "\u0433\u043e\u043b\u043e\u0432\u0430",
    "Hebrew": "\u05de\u05d5\u05d7",
    "Arabic": "\u062f\u0645\u0627\u063a",
    "Devanagari": "\u092e\u0938\u094d\u0924\u093f\u0937\u094d\u0915",
    "Thai": "\u0e2a\u0e21\u0e2d\u0e07",
    "Chinese": "\u5927\u8166",
    "Korean": "\ub1cc",
    "a picture": "brain \U0001f9e0",
    "a dash at first": "-rf",
    "signs of a shell": "a;b&c|d$(e)`f`*?[g]",
    "quotes": 'it\'s "here"',
    "signs of a web page": "<b>&amp;%20#x",
    "a brace and a format": "{0} %s %d {name}",
    "a line break": "first\nsecond",
    "a backslash and a colon": "C:\\a\\b",
    "255 bytes": "\u00e9" * 127 + "x",
}
WORDS = [*NAMES.values()]
TRIPLES = [tuple(WORDS[n - 3 : n]) for n in (*range(3, 20, 3), 20)]
"""Each name stands in one of them, in the place of a cohort, a recipe, a run, an image or an output."""
Triple = tuple[str, str, str]
PLAN = """\
name: names
recipe: RECIPE
seeds: [1]
variants:
  whole: {}
"""
SUITE = """\
name: names
about: a training
budget: none
cohort: any
metric: mae
seeds: [1]
entries:
  plain: {recipe: RECIPE}
"""
GRID = np.diag([2.0, 2.0, 2.5, 1.0])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a cohort, a run and an evaluation of an earlier version, and a recipe of one step."""
    place = tmp_path_factory.mktemp("names") / "earlier"
    shutil.copytree(EARLIER, place)
    recipe = (
        (place / "tiny.yaml")
        .read_text()
        .replace("epochs: 2", "epochs: 1")
        .replace("samples_per_epoch: 4", "samples_per_epoch: 2")
    )
    (place / "tiny.yaml").write_text(recipe)
    labels = nib.Nifti1Image(np.arange(60).reshape(3, 4, 5).astype(np.uint8) % 3, np.eye(4))
    nib.save(labels, place / "labels.nii.gz")
    return place


def succeed(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Run a verb to its end; what was half written is gone."""
    status = cli.run(words)
    assert status == 0, (words, capsys.readouterr().err)
    assert leftovers(Path()) == []


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if ".partial" in path.name]


def fitting(word: str, ending: str) -> str:
    """Return a name with an ending, of 255 bytes where the name alone has them."""
    while len(f"{word}{ending}".encode()) > 255:
        word = word[:-1]
    return f"{word}{ending}"


def test_there_are_twenty_names() -> None:
    assert len(NAMES) == 20
    assert max(len(name.encode()) for name in NAMES.values()) == 255


@pytest.mark.parametrize("names", TRIPLES)
def test_an_image_is_translated_verified_and_made_again(
    names: Triple,
    stage: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    run, image, output = (
        f"./{names[0]}",
        f"./{fitting(names[1], '.nii.gz')}",
        f"./{fitting(names[2], '.mha')}",
    )
    shutil.copytree(stage / "run", run)
    shutil.copy(stage / "source-t1.nii.gz", image)
    succeed(["translate", run, image, "-o", output, "--force", "--quiet"], capsys)
    succeed(["verify", output, "--run", run], capsys)
    succeed(["reproduce", f"{output.removesuffix('.mha')}.json", "--run", run, "--source", image], capsys)


@pytest.mark.parametrize("names", TRIPLES)
def test_a_run_is_trained_evaluated_compared_and_checked(
    names: Triple,
    stage: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    cohort, recipe, run = f"./{names[0]}", f"./{fitting(names[1], '.yaml')}", f"./{names[2]}"
    evaluation, compared = f"evaluations/{names[0]}", f"compared/{names[1]}"
    shutil.copytree(stage / "cohort", cohort)
    shutil.copy(stage / "tiny.yaml", recipe)
    succeed(["train", recipe, "--cohort", cohort, "-o", run, "--quiet"], capsys)
    succeed(["evaluate", run, "--cohort", cohort, "-o", evaluation, "--save-volumes", "--quiet"], capsys)
    succeed(["compare", evaluation, "-o", compared], capsys)
    succeed(["check", evaluation, "--cohort", cohort], capsys)
    for place in (cohort, run, evaluation):
        succeed(["verify", place], capsys)


@pytest.mark.parametrize("names", TRIPLES)
def test_cohorts_are_divided_and_merged_and_labels_laid_over_one_another(
    names: Triple,
    stage: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    cohort, second, labels = f"./{names[0]}", f"./{names[1]}", f"./{fitting(names[2], '.nii.gz')}"
    for place in (cohort, second):
        shutil.copytree(stage / "cohort", place)
    shutil.copy(stage / "labels.nii.gz", labels)
    succeed(["resplit", cohort, "-o", f"out/{names[2]}", "--counts", "2:2:2", "--workers", "1"], capsys)
    succeed(["merge", cohort, second, "-o", f"out/{names[0]}", "--workers", "1"], capsys)
    succeed(["overlap", labels, labels, "-o", f"out/{fitting(names[1], '.json')}"], capsys)


@pytest.mark.parametrize(
    ("verb", "design", "names"), [("ablate", PLAN, TRIPLES[4]), ("benchmark", SUITE, TRIPLES[5])]
)
def test_experiments_go_through(
    verb: str,
    design: str,
    names: Triple,
    stage: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Whichever of three names the cohort, the design, its recipe and the output have."""
    monkeypatch.chdir(tmp_path)
    cohort, plan, recipe = (
        f"./{names[0]}",
        f"./{fitting(names[1], '.yaml')}",
        tmp_path / fitting(names[2], ".yaml"),
    )
    shutil.copytree(stage / "cohort", cohort)
    shutil.copy(stage / "tiny.yaml", recipe)
    Path(plan).write_text(design.replace("RECIPE", json.dumps(str(recipe))))
    succeed([verb, plan, "--cohort", cohort, "-o", f"out/{names[2]}", "--workers", "1"], capsys)
    assert Path("out", names[2], f"{verb}.json".replace("ablate", "ablation")).is_file()


@pytest.mark.parametrize("name", TRIPLES[6])
def test_virtual_subjects_go_into_a_folder_of_any_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ["--subjects", "1", "--spacing-mm", "10", "--modalities", "t1", "--workers", "1"]
    succeed(["atlas", "-o", f"./{name}", *few], capsys)
    assert Path(name, "atlas-0000", "t1.nii.gz").is_file()


def test_a_name_that_leaves_no_room_is_refused_by_one_line(
    stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    long = NAMES["255 bytes"]
    tmp_path.with_name("plan.yaml").write_text(PLAN.replace("RECIPE", str(stage / "tiny.yaml")))
    for words in (
        ["translate", str(stage / "run"), str(stage / "source-t1.nii.gz"), "-o", f"{long}.nii.gz", "--force"],
        ["train", str(stage / "tiny.yaml"), "--cohort", str(stage / "cohort"), "-o", f"{long}x"],
        ["evaluate", str(stage / "run"), "--cohort", str(stage / "cohort"), "-o", f"{long}x"],
        ["prepare", "pairs", str(stage), "-o", f"{long}x"],
        ["resplit", str(stage / "cohort"), "-o", f"{long}x", "--counts", "2:2:2"],
        ["atlas", "-o", f"{long}x", "--subjects", "1"],
        ["benchmark", "atlas-smoke", "--cohort", str(stage / "cohort"), "-o", f"{long}x"],
        ["ablate", str(tmp_path.with_name("plan.yaml")), "--cohort", str(stage / "cohort"), "-o", f"{long}x"],
    ):
        status, shown = cli.run(words), capsys.readouterr().err
        assert status in (2, 3, 4), (words, shown)
        assert len([line for line in shown.splitlines() if "error[E" in line]) == 1, shown
        assert list(tmp_path.iterdir()) == []


def test_cases_of_all_names_are_prepared_and_translated(
    stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Twenty cases are one cohort, and twenty images one folder."""
    monkeypatch.chdir(tmp_path)
    voxels = np.random.default_rng(0).random((14, 17, 10)).astype(np.float32)
    for n, modality in enumerate(("t1", "fa")):
        Path("images", modality).mkdir(parents=True)
        for m, word in enumerate(WORDS):
            path = Path("images", modality, fitting(word, ".nii.gz"))
            nib.save(nib.Nifti1Image(np.roll(voxels, (m, 3 * n), (0, 1)), GRID), path)
    words = ["prepare", "pairs", "images", "-o", "cohort", "--counts", "16:2:2", "--workers", "1", "--quiet"]
    assert cli.run(words) == 0, capsys.readouterr().err
    manifest = json.loads(Path("cohort/cohort.json").read_text())
    assert len(manifest["cases"]) == len(NAMES)
    assert cli.run(["verify", "cohort"]) == 0
    words = ["translate", str(stage / "run"), "cohort", "-o", "out", "--split", "all", "--force", "--quiet"]
    assert cli.run(words) == 0, capsys.readouterr().err
    assert len(list(Path("out").glob("*.nii.gz"))) == len(NAMES)
    assert cli.run(["verify", "out"]) == 0
    assert leftovers(tmp_path) == []
