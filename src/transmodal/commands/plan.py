"""Tell what a training takes before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from transmodal.commands._recipe_words import resolve
from transmodal.commands.train import Changes, RecipeName, Start
from transmodal.progress import Progress
from transmodal.storage import memory

if TYPE_CHECKING:
    from transmodal.cohorts.store import Cohort
    from transmodal.recipes.schema import Recipe
    from transmodal.training.forecast.forecast import Forecast

EXAMPLES = (
    "Examples:\n\ntransmodal plan t1-to-fa-small --cohort cohort\n\n"
    "transmodal plan mrnet-synthrad2023 --cohort brain --set training.batch=16 --device cuda\n\n"
    "transmodal plan t1-to-fa-small --cohort cohort --cases 100000 --workers 64\n\n"
    "transmodal plan t1-to-fa-small --cohort cohort --seconds 0          (times nothing: at once)"
)


def run(
    recipe: RecipeName,
    cohort: Annotated[Path, typer.Option(help="Prepared cohort.")],
    changes: Changes = None,
    start: Start = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda or auto; the recipe's by default.")] = None,
    precision: Annotated[str | None, typer.Option(help="32-true, bf16-mixed or 16-mixed.")] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="Processes, one per device.")] = None,
    seconds: Annotated[
        float,
        typer.Option(
            min=0, help="How long steps of each phase are timed, after some to warm up; 0 times nothing."
        ),
    ] = 15.0,
    cases: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Also tell what preparing, translating and evaluating so many cases takes, by the rates of a few of the cohort.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes at once, for --cases.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead: counts, bytes and seconds.")
    ] = False,
) -> None:
    """Say what a training takes: windows, steps, device, memory, disk, and time by some of its own steps.

    The steps run on the real data, on this device; what they write is removed.
    """
    import json

    from transmodal.commands._progress import bars
    from transmodal.training import launch

    with bars() as progress:
        estimate = plan(
            recipe,
            cohort,
            changes=changes or (),
            start=start,
            device=device,
            precision=precision,
            processes=processes,
            seconds=seconds,
            cases=cases,
            workers=workers,
            progress=progress,
        )
    if not launch.is_first():
        return
    print(json.dumps(estimate.to_json(), indent=1) if as_json else "\n".join(estimate.lines()))


@memory.guarded(
    "the training was planned",
    "Free memory, or set a smaller settings.width, a smaller windows.size or a coarser data.spacing_mm.",
)
def plan(
    recipe: str | Path | Recipe,
    cohort: str | Path | Cohort,
    *,
    changes: Mapping[str, object] | Sequence[str] = (),
    start: str | Path | None = None,
    device: str | None = None,
    precision: str | None = None,
    processes: int | None = None,
    seconds: float = 15.0,
    cases: int | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Forecast:
    """Tell what `transmodal.train` takes with the same words, as `transmodal plan` does.

    Args:
        recipe: name of one that comes with transmodal, YAML file, or a resolved recipe.
        cohort: prepared: its folder, or the cohort that `transmodal.prepare` returns.
        changes: of the recipe (`--set`), by dotted key or as words `training.epochs=2`.
        start: run whose best weights training starts from (`--from`).
        device: instead of the recipe's, such as `cpu` or `cuda:0`.
        precision: instead of the recipe's: `32-true`, `bf16-mixed` or `16-mixed`.
        processes: instead of the recipe's; more than one needs `if __name__ == "__main__":` in a script.
        seconds: for which steps of each phase are timed; 0 times nothing.
        cases: also tell what preparing, translating and evaluating so many takes, by the rates of a few of the cohort.
        workers: processes at once, for those.
        progress: told of the parts that were timed.

    Returns:
        Counts, bytes and seconds: `lines()` and `to_json()` show them.

    Raises:
        TransmodalError: as `training.forecast.forecast.forecast`, and E002, E003, E001 for recipes.
        KeyboardInterrupt: on SIGINT.
    """
    from transmodal.commands._evaluation_words import open_cohort
    from transmodal.models import library
    from transmodal.training.forecast.forecast import forecast

    hardware = {"device": device, "precision": precision, "processes": processes}
    origin = None if start is None else library.resolve(start)
    resolved, store = resolve(recipe, changes, hardware), open_cohort(cohort)
    estimate = forecast(resolved, store, seconds=seconds, start=origin, progress=progress)
    if cases is None:
        return estimate
    from transmodal.commands._rates import measure_rates
    from transmodal.training.forecast.scale import ScalePlan

    return replace(estimate, scale=ScalePlan(cases, workers, *measure_rates(resolved, store, progress)))
