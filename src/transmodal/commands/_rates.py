"""Rates of prepare, translate and evaluate, measured by the verbs themselves on a few cases of a cohort, in a folder that goes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.commands._evaluating import evaluate
from transmodal.commands._preparing import prepare
from transmodal.commands._translating import translate
from transmodal.counts import counted
from transmodal.errors import InputError
from transmodal.progress import Progress, Silent
from transmodal.recipes.load import dump
from transmodal.recipes.schema import Recipe
from transmodal.training.forecast.blank_run import write_blank_run
from transmodal.training.forecast.scale import Rate
from transmodal.volumes import io

FEWEST, MOST = 2, 4
"""Cases that are measured: rates are of those after the first one, which bears what each call takes once."""


def measure_rates(
    recipe: Recipe,
    cohort: Cohort,
    progress: Progress | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[int, list[Rate]]:
    """Write cases of a cohort as images, prepare, translate and evaluate them, and return how many and at which rates.

    The network is the recipe's before it has learned; oracles are left out.

    Args:
        recipe: resolved.
        cohort: prepared.
        progress: told of the verbs that were measured.
        clock: tells seconds.

    Raises:
        InputError: E132 for fewer than two cases with all images of the task.
        TransmodalError: as the verbs.
    """
    tell = (progress or Silent()).advance
    modalities = (*recipe.task.source, recipe.task.target)
    named_cohort = cohort.named_for(modalities)
    complete = [case for case in named_cohort.cases() if set(modalities) <= set(case.modalities)][:MOST]
    if len(complete) < FEWEST:
        raise InputError(
            "E132",
            f"{counted(len(complete), 'case')} with {', '.join(modalities)}",
            f"{FEWEST} or more to take rates from",
            "Prepare more cases, or leave --cases out.",
        )
    device = recipe.training.device
    with tempfile.TemporaryDirectory(prefix="transmodal-plan-") as name:
        place, n, ids = Path(name), len(complete), [case.id for case in complete]
        _write_images(complete, modalities, place / "subjects")
        (place / "recipe.yaml").write_text(dump(recipe), encoding="utf-8")
        run = write_blank_run(recipe, cohort, place / "run").folder
        laps = _Laps(clock, ids)
        words = {"recipes": [str(place / "recipe.yaml")], "counts": f"{n}:0:0", "copies": "ignore"}
        prepare("folders", place / "subjects", place / "cohort", **words, progress=laps)  # type: ignore[arg-type]  # words
        rates = [Rate("prepare", laps.per_case(), _bytes_of(place / "cohort" / "cases") // n)]
        tell("rates", 1, 3, "prepare")
        laps = _Laps(clock, ids)
        translate(
            run,
            str(place / "cohort"),
            place / "synthetic",
            split="all",
            device=device,
            gate="off",
            progress=laps,
        )
        rates.append(Rate("translate", laps.per_case(), _bytes_of(place / "synthetic") // n))
        tell("rates", 2, 3, "translate")
        laps = _Laps(clock, ids)
        evaluate(
            run,
            place / "cohort",
            output=place / "evaluation",
            split="train",
            oracles="none",
            device=device,
            progress=laps,
        )
        tables = sum(_bytes_of(place / "evaluation", f"*.{kind}") for kind in ("json", "csv"))
        rates.append(
            Rate("evaluate", laps.per_case(), tables // n)
        )  # the report shows few cases of however many
        tell("rates", 3, 3, "evaluate")
    return n, rates


class _Laps(Silent):
    """Progress that notes when each case was complete, stage by stage.

    Args:
        clock: tells seconds.
        cases: their ids.
    """

    def __init__(self, clock: Callable[[], float], cases: Sequence[str]) -> None:
        self._clock, self._cases = clock, cases
        self._moments: dict[str, list[float]] = {}

    def advance(self, stage: str, completed: int, total: int, note: str = "") -> None:
        """Note the moment, unless it is of the windows of one case."""
        if total != len(self._cases) or stage in self._cases:
            return
        self._moments.setdefault(stage, []).append(self._clock())

    def per_case(self) -> float:
        """Return the seconds from one case to the next, over the stages that count cases."""
        whole = [moments for moments in self._moments.values() if len(moments) > 1]
        return sum((moments[-1] - moments[0]) / (len(moments) - 1) for moments in whole)


def _write_images(cases: Sequence[PreparedCase], modalities: Sequence[str], folder: Path) -> None:
    for case in cases:
        (folder / case.id).mkdir(parents=True)
        for modality in modalities:
            io.write(case.volume(modality), folder / case.id / f"{modality}.nii.gz")
        mask = case.mask()
        if mask is not None:
            io.write(case.volume(modalities[-1]).with_voxels(mask), folder / case.id / "mask.nii.gz")


def _bytes_of(folder: Path, pattern: str = "*") -> int:
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file())
