"""The verb behind `calibrate`: a run's errors on validation subjects, kept beside it for the intervals of translations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

from transmodal.cohorts.store import Cohort
from transmodal.commands import _sources
from transmodal.commands._passes import letters
from transmodal.commands._volume_work import Loading
from transmodal.commands._words import list_words
from transmodal.counts import counted
from transmodal.evaluation.calibrate import calibrate as calibrate_model
from transmodal.inference import engines
from transmodal.inference.intervals import calibration as calibrations
from transmodal.inference.intervals.calibration import Calibration
from transmodal.inference.intervals.conformal import highest_level
from transmodal.inference.passes import Passes
from transmodal.progress import Progress, Silent
from transmodal.storage import memory

SHOWN_LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
"""Levels whose widths are printed, as far as the subjects suffice."""


class CalibratedRun(NamedTuple):
    """A run with its calibration.

    Attributes:
        path: the file, in the run's folder.
        calibration: that stands in it.
    """

    path: Path
    calibration: Calibration

    def widths(self) -> dict[float, float]:
        """Return half of the interval's width at each of `SHOWN_LEVELS` that can be promised, in the score's unit."""
        voxels = self.calibration.voxels
        return {level: factor for level in SHOWN_LEVELS if (factor := voxels.at(level)) is not None}

    def lines(self) -> list[str]:
        """Return the outcome, the width at each level, and the notes."""
        n_subjects, is_absolute = self.calibration.voxels.n_subjects, self.calibration.score == "absolute"
        unit = "" if is_absolute else f" x (disagreement + {self.calibration.floor:.3g})"
        return [
            f"{self.path}: {counted(n_subjects, f'{self.calibration.split} subject')}, levels up to {highest_level(n_subjects):.3f}",
            *(f"  {level:g}: +- {factor:.4g}{unit}" for level, factor in self.widths().items()),
            *(f"note: {note}" for note in self.calibration.notes),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {
            "calibration": str(self.path),
            "subjects": self.calibration.voxels.n_subjects,
            "highest_level": highest_level(self.calibration.voxels.n_subjects),
            "score": self.calibration.score,
            "floor": self.calibration.floor,
            "factors": {f"{level:g}": factor for level, factor in self.widths().items()},
            "regions": {name: len(errors) for name, errors in self.calibration.regions.items()},
            "notes": list(self.calibration.notes),
        }


def calibrate(
    run: str | Path,
    cohort: str | Path,
    *,
    axes: str | Sequence[str] = "",
    fuse: Literal["mean", "median"] | None = None,
    draws: int = 1,
    translate_with: Literal["batch_statistics", "running"] | None = None,
    flips: str | Sequence[str] = "",
    with_run: str | Path | Sequence[str | Path] = (),
    combine: Literal["mean", "median"] | None = None,
    checkpoint: str = "best",
    device: str | None = None,
    engine: str = engines.DEFAULT,
    weights: Sequence[str] | Mapping[str, str] = (),
    progress: Progress | None = None,
) -> CalibratedRun:
    """Measure how far a run errs on the validation subjects of a cohort, and keep it in the run's folder.

    Args:
        run: folder of a trained run.
        cohort: prepared, with validation subjects that the run has not learned from.
        axes: slice axes, such as `x,y,z`; the recipe's by default.
        fuse: how passes become one; the recipe's by default.
        draws: passes per axis with noise of their own.
        translate_with: what batch normalisation takes; the recipe's by default.
        flips: axes along each of which the volume is mirrored for one more pass.
        with_run: another run, or several, that translate together with the first.
        combine: how the volumes of several runs become one; the mean by default.
        checkpoint: `best` or `last`.
        device: such as `cpu` or `cuda:0`; a GPU by default where there is one.
        engine: what computes the network.
        weights: where frozen networks' weights lie now, by name or as words `name=path`.
        progress: told how far it is.

    Raises:
        UsageError: E004 for a run in one file, a target in colour, and as `translate`.
        InputError: E132 without validation subjects, E135 for a run that has learned from one of them.
        IntegrityError: E501 for a calibration that was changed.
        ResourceError: E403 where the run's folder cannot be written.
    """
    passes = Passes(letters(axes), fuse, draws, translate_with, letters(flips) or ())
    frozen = tuple(_sources.weights(weights).items())
    other_runs = tuple(list_words(with_run))
    loading = Loading(run, checkpoint, device, frozen, engine, passes, other_runs, combine)
    return calibrate_loaded(loading, cohort, progress or Silent())


@memory.guarded("a run was calibrated", "Free memory, or pass over one axis: --axes z.")
def calibrate_loaded(loading: Loading, cohort: str | Path, progress: Progress) -> CalibratedRun:
    """Do the same for a run and its passes as they are loaded.

    Raises:
        TransmodalError: as `calibrate`.
    """
    calibrations.folder_of(loading.run)
    calibration = calibrate_model(
        loading.load(), Cohort.open(Path(cohort)), partial(progress.advance, "calibration subjects")
    )
    return CalibratedRun(calibrations.save(loading.run, calibration), calibration)
