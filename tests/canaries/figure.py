"""The figure: canaries planted, verbs run in success and in failure, canaries that came out."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from canaries import dicom, failures, images
from canaries.words import Canaries, Kind, contents
from transmodal import cli

RECIPE = """
name: tiny
translator: unet_regression
task: {source: [t1], target: ct}
windows: {kind: slice, axes: [z]}
settings: {width: 4, levels: 1}
training: {epochs: 1, batch: 4, samples_per_epoch: 4}
"""
SUITE = """
name: tiny
about: a training
budget: none
cohort: any
metric: mae
seeds: [1]
entries: {plain: {recipe: tiny.yaml}}
"""
EVERYWHERE: tuple[Kind, ...] = ("header", "name", "id")
"""Kinds that stand in no run, and in no image or sidecar of one source."""
NAMED: tuple[Kind, ...] = ("header", "name")
"""Kinds that do not stand where cases are called by their ids: evaluations, reports, the screen."""
VALUES: tuple[Kind, ...] = ("header",)
"""The kind that stands nowhere: not in the cohort either, and not on the screen of a failure, which names files."""


@dataclass
class CanaryFigure:
    """What was planted, and what came out.

    Attributes:
        planted: canaries.
        successes: verbs that ran to their end.
        failures: verbs that were refused, by the kind of failure.
        escaped: canaries that came out, by place.
    """

    planted: int = 0
    successes: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    escaped: dict[str, set[str]] = field(default_factory=dict)


class Rounds:
    """Runs verbs in a folder, and looks for canaries in what they show."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.canaries = Canaries()
        self.figure = CanaryFigure()

    def succeed(self, line: str) -> None:
        status, shown = run(line, self.folder)
        assert status == 0, f"{line}: {shown}"
        self.figure.successes += 1
        self.note(f"screen of {line}", self.canaries.find(shown.encode(), NAMED))

    def fail(self, kind: str, line: str) -> None:
        status, shown = run(line, self.folder)
        assert status in (2, 3, 4, 5), f"{kind}: {line}: {status} {shown}"
        assert status == 5 or "error[E" in shown, f"{kind}: {shown}"
        self.figure.failures[kind] = status
        self.note(f"screen of {kind}", self.canaries.find(shown.encode(), VALUES))

    def search(self, place: str, kinds: tuple[Kind, ...]) -> int:
        """Look through the files of a folder; return how many there are."""
        files = list(contents(self.folder / place))
        for path, content in files:
            self.note(f"{place}/{path}", self.canaries.find(content, kinds))
        return len(files)

    def note(self, place: str, escaped: set[str]) -> None:
        if escaped:
            self.figure.escaped.setdefault(place, set()).update(escaped)


def take(folder: Path) -> CanaryFigure:
    """Plant canaries below a folder, run the verbs, and return what came out."""
    rounds = Rounds(folder)
    (folder / "tiny.yaml").write_text(RECIPE)
    with dicom.lenient():
        for n in range(3):
            dicom.plant_patient(folder / "archive", rounds.canaries, n)
    images.pairs(folder / "pairs", rounds.canaries)
    images.pictures(folder / "pictures", rounds.canaries)
    images.dataset(folder / "dataset", rounds.canaries)
    images.label_maps(folder / "labels", rounds.canaries)
    _succeed_with_dicom(rounds)
    _succeed_with_files(rounds)
    _succeed_with_several(rounds)
    failures.fail_all(rounds)
    for place, kinds in {
        "cohorts": VALUES,
        "runs": EVERYWHERE,
        "evaluations": NAMED,
        "benchmarks": NAMED,
        "overlaps": NAMED,
        "images": EVERYWHERE,
        "several": NAMED,
        "failed": NAMED,
    }.items():
        assert rounds.search(place, kinds) or place == "failed", place
    rounds.figure.planted = len(rounds.canaries)
    return rounds.figure


def _succeed_with_dicom(rounds: Rounds) -> None:
    series = next(path for path in sorted((rounds.folder / "archive").glob("*/MR")))
    source = series.rename(rounds.folder / "archive" / series.parent.name / "moved")
    for line in (
        "prepare dicom archive --dry-run --workers 1",
        "prepare dicom archive -o cohorts/dicom --counts 1:1:1 --workers 1 --region t1=body",
        "train tiny.yaml --cohort cohorts/dicom -o runs/dicom --device cpu",
        "evaluate runs/dicom --cohort cohorts/dicom -o evaluations/dicom --save-volumes",
        "compare evaluations/dicom -o evaluations/dicom-compared",
        f"translate runs/dicom {source.relative_to(rounds.folder)} -o images/dicom.nii.gz --device cpu",
        "verify cohorts/dicom",
    ):
        rounds.succeed(line)


def _succeed_with_files(rounds: Rounds) -> None:
    nifti, metaimage = (
        sorted((rounds.folder / "pairs").glob(f"*/*{suffix}"))[0] for suffix in (".nii.gz", ".mha")
    )
    rows = (rounds.folder / "pairs" / "pairs.csv").read_text().splitlines()[1:]
    patients = [{"patient": row.split(",")[1], "sex": "f" if n % 2 else "m"} for n, row in enumerate(rows)]
    images.table(rounds.folder / f"{rounds.canaries.word('name')}.csv", patients)
    (phenotypes,) = rounds.folder.glob("*.csv")
    for line in (
        "prepare pairs pairs --dry-run --workers 1",
        "prepare pairs pairs -o cohorts/pairs --counts 2:1:2 --workers 1",
        "prepare pairs pictures -o cohorts/pictures --counts 2:1:1 --workers 1",
        "train tiny.yaml --cohort cohorts/pairs -o runs/pairs --device cpu",
        f"evaluate runs/pairs --cohort cohorts/pairs -o evaluations/pairs --phenotypes {phenotypes.name} --by sex",
        "compare evaluations/pairs -o evaluations/compared",
        "evaluate runs/dicom --cohort cohorts/pairs -o evaluations/elsewhere --split all",
        f"translate runs/pairs {nifti.relative_to(rounds.folder)} -o images/nifti.nii.gz --force",
        f"translate runs/pairs {metaimage.relative_to(rounds.folder)} -o images/metaimage.mha --force",
        "translate runs/pairs dataset -o several/bids --force",
        "translate runs/pairs cohorts/pairs -o several/cohort --force",
        "verify evaluations/pairs",
    ):
        rounds.succeed(line)


def _succeed_with_several(rounds: Rounds) -> None:
    (rounds.folder / "suite.yaml").write_text(SUITE)
    (rounds.folder / "overlaps").mkdir()
    for line in (
        "prepare pairs pairs -o cohorts/again --counts 2:1:2 --workers 1",
        "merge cohorts/pairs cohorts/again -o cohorts/merged --workers 1",
        "verify cohorts/merged",
        "benchmark suite.yaml --cohort cohorts/pairs -o benchmarks/pairs --workers 1",
        "overlap labels labels -o overlaps/overlap.json",
    ):
        rounds.succeed(line)


def run(line: str, folder: Path) -> tuple[int, str]:
    """Run a command line in a folder; return its status and everything that it showed and logged."""
    shown = io.StringIO()
    handler = logging.StreamHandler(shown)
    handler.setLevel(logging.DEBUG)
    root = logging.getLogger()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
        _logged(root, handler),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("always")
        status = cli.run(line.split())
    return status, shown.getvalue()


@contextlib.contextmanager
def _logged(root: logging.Logger, handler: logging.Handler) -> Iterator[None]:
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
