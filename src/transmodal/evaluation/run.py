"""Evaluate trained runs and oracles on a cohort's split: rows, summary, pictures, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation import oracles as oracle_room
from transmodal.evaluation import per_case, regional, report, stored
from transmodal.evaluation.entrants import (
    CaseTranslator,
    Entrants,
    ModelTranslator,
    common_view,
    lacking,
    names_of,
)
from transmodal.evaluation.gallery import Gallery, scene_of
from transmodal.evaluation.histogram import Counts
from transmodal.evaluation.judge import NOBODY, Judges
from transmodal.evaluation.result import Evaluation, Subject
from transmodal.evaluation.score import METRICS, STANDARD
from transmodal.evaluation.subjects import reference_units, subject_of
from transmodal.inference.view import View
from transmodal.metrics.table import HIGHER_IS_BETTER, Row, write_csv
from transmodal.volumes import Volume, files

Progress = Callable[[str, int, int], None]
"""Told what is under way, how much of it is done, and of how much."""


def evaluate(
    runs: Mapping[str, Path] | Sequence[Path],
    cohort: Cohort | Path,
    *,
    split: str = "test",
    oracles: Sequence[str] = oracle_room.STANDARD,
    checkpoint: str = "best",
    device: str | None = None,
    without: Sequence[str] = (),
    weights: Mapping[str, str] | None = None,
    target_normalised: bool = False,
    metrics: Sequence[str] = STANDARD,
    judges: Judges = NOBODY,
    output: Path | None = None,
    save_volumes: bool = False,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> Evaluation:
    """Score trained runs beside oracles that need no learning.

    Args:
        runs: folders of runs of one task, by the name they have in tables; a plain sequence names them by
            their translators.
        cohort: a prepared cohort; oracles are fitted on its training split.
        split: `train`, `validation` or `test`.
        oracles: names out of `evaluation.oracles.ALL`.
        checkpoint: `best` or `last`.
        device: where models run; None takes an accelerator where there is one.
        without: sources without which the runs are scored once more.
        weights: paths of frozen networks' weights by name, where they lie elsewhere than in training.
        target_normalised: scale each target without a unit (MR contrasts) to the training cohort's units by
            its own intensities; it is stamped into the protocol.
        metrics: out of `evaluation.score.METRICS`.
        judges: what takes metrics that need a network; see `evaluation.learned.choose`.
        output: folder for what `write` writes; None writes nothing.
        save_volumes: also write every synthetic volume there, with its hash in evaluation.json.
        notes: what a reader of the figures has to know.
        progress: told how far it is.

    Raises:
        UsageError: E004 when the runs have different targets or the target to be normalised has a unit, E002
            for an unknown oracle.
        InputError: E132 when the split is empty or there is nothing to fit oracles on.
    """
    from transmodal.inference.translate import load

    store = cohort if isinstance(cohort, Cohort) else Cohort.open(cohort)
    paths = [Path(run) for run in (runs.values() if isinstance(runs, Mapping) else runs)]
    loaded = [load(path, which=checkpoint, device=device, weights=weights) for path in paths]
    names = list(runs) if isinstance(runs, Mapping) else names_of(paths, loaded)
    view = common_view(names, loaded)
    training = store.cases("train")
    models = [ModelTranslator(name, model) for name, model in zip(names, loaded, strict=True)]
    models += [lacking(one, without) for one in models if without]
    entrants = Entrants(
        models,
        [oracle_room.fit(name, training, view, progress=progress) for name in oracles],
        {model.name: model.record() for model in models},
        {name: path / "curves.csv" for name, path in zip(names, paths, strict=True)},
    )
    sources = tuple(dict.fromkeys(name for model in loaded for name in model.view.sources))
    subject = subject_of(store, view, sources, split)
    subject = replace(subject, notes=(*subject.notes, *notes))
    if target_normalised:
        subject = replace(subject, reference=reference_units(view))
    evaluation = evaluate_cases(
        entrants,
        store.cases(split),
        subject,
        metrics=metrics,
        primary=_primary(metrics),
        judges=judges,
        keeper=_keeper(output) if save_volumes else None,
        progress=progress,
    )
    if output is not None:
        write(evaluation, output)
    return evaluation


def evaluate_oracles(
    view: View,
    cohort: Cohort,
    *,
    oracles: Sequence[str] = oracle_room.STANDARD,
    split: str = "test",
    target_normalised: bool = False,
    output: Path | None = None,
) -> Evaluation:
    """Score oracles alone, under the protocol of the runs that have the same view.

    Args:
        view: how those runs see volumes.
        cohort: a prepared cohort; oracles are fitted on its training split.
        oracles: names out of `evaluation.oracles.ALL`.
        split: `train`, `validation` or `test`.
        target_normalised: as in `evaluate`.
        output: folder for what `write` writes; None writes nothing.

    Raises:
        UsageError: E004 when the target to be normalised has a unit, E002 for an unknown oracle.
        InputError: E132 when the split is empty or there is nothing to fit oracles on.
    """
    subject = subject_of(cohort, view, view.sources, split)
    if target_normalised:
        subject = replace(subject, reference=reference_units(view))
    entrants = Entrants((), [oracle_room.fit(name, cohort.cases("train"), view) for name in oracles])
    evaluation = evaluate_cases(entrants, cohort.cases(split), subject)
    if output is not None:
        write(evaluation, output)
    return evaluation


def evaluate_cases(
    entrants: Entrants,
    cases: Sequence[PreparedCase],
    subject: Subject,
    *,
    metrics: Sequence[str] = STANDARD,
    primary: str = "mae",
    judges: Judges = NOBODY,
    keeper: stored.Keeper | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Translate and score every case by every entrant.

    Args:
        entrants: models and oracles.
        cases: what to score on.
        subject: what is evaluated on what.
        metrics: what to take.
        primary: metric that chooses the best and the worst case to show.
        judges: what takes metrics that need a network.
        keeper: stores the synthetic volumes; None stores none.
        progress: told how far it is.

    Raises:
        InputError: E132 without cases, E131 for a case without a modality.
        UsageError: E004 for two entrants of one name, or none.
    """
    everyone = [*entrants.models, *entrants.oracles]
    _check(everyone, cases, subject)
    gallery = Gallery(f"{primary.upper()} of {everyone[0].name}", higher_is_better=HIGHER_IS_BETTER[primary])
    rows: list[Row] = []
    seconds: dict[str, dict[str, float]] = {entrant.name: {} for entrant in everyone}
    excluded: dict[str, int] = {}
    errors: dict[str, Counts] = {}
    regions: list[regional.RegionRow] = []
    targets: dict[str, stored.Target] = {}
    for n, case in enumerate(cases, start=1):
        made = {one.name: _timed(one, case, seconds[one.name]) for one in everyone}
        if keeper is not None:
            made = {name: keeper.keep(name, case, volume) for name, volume in made.items()}
        targets[case.id] = stored.target_of(case, subject.target)
        truth = per_case.truth(case, subject)
        taken = {
            name: per_case.figures(case, truth, volume, subject, metrics)
            + judges.figures(per_case.pair(case, name, truth, volume, subject))
            for name, volume in made.items()
        }
        rows += [per_case.row(case, name, one) for name, measured in taken.items() for one in measured]
        first = taken[everyone[0].name]
        excluded[case.id] = next((one.slices_excluded for one in first if one.slices_excluded is not None), 0)
        judged = [one.name for one in entrants.models or entrants.oracles]
        for model in entrants.models:
            counts = per_case.errors(case, truth, made[model.name], subject)
            errors[model.name] = errors.get(model.name, 0) + counts
            regions += regional.rows(case, truth, made[model.name], model.name, subject.unit)
        scene = scene_of(case, subject.sources, (subject.target, truth), made, judged)
        gallery.add(scene, next(one.value for one in first if one.metric == primary))
        if progress is not None:
            progress("evaluate", n, len(cases))
    return Evaluation(
        subject,
        tuple(model.name for model in entrants.models),
        tuple(oracle.name for oracle in entrants.oracles),
        tuple(rows),
        gallery.scenes(),
        excluded,
        entrants.records,
        {name: path for name, path in entrants.curves.items() if path.is_file()},
        seconds,
        errors,
        tuple(regions),
        targets,
        keeper.kept if keeper is not None else {},
        judges.splits(),
        judges.record(),
    )


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write evaluation.json, evaluation.csv, timing.json and report.html into a folder, made where it is missing.

    Raises:
        ResourceError: E403 when they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(evaluation.rows, folder / "evaluation.csv")
    with files.atomic_path(folder / "report.html") as part:
        part.write_text(report.page(evaluation), encoding="utf-8")
    files.write_json(folder / "timing.json", evaluation.timing())
    files.write_json(folder / "evaluation.json", evaluation.to_json())


def _keeper(output: Path | None) -> stored.Keeper:
    if output is None:
        raise UsageError("E004", "volumes to keep and no folder", "a folder for them", "Give an output.")
    return stored.Keeper(output)


def _primary(metrics: Sequence[str]) -> str:
    """Return the metric that chooses the cases to show: MAE, or the first where it is not taken."""
    if not metrics:
        raise UsageError("E001", "no metric", f"some of {', '.join(METRICS)}", "Name one.")
    unknown = sorted(set(metrics) - set(METRICS))
    if unknown:
        raise UsageError("E002", f"the metric {unknown[0]}", ", ".join(METRICS), "Choose among these.")
    return "mae" if "mae" in metrics else metrics[0]


def _check(everyone: Sequence[CaseTranslator], cases: Sequence[PreparedCase], subject: Subject) -> None:
    names = [entrant.name for entrant in everyone]
    if not names or len(set(names)) < len(names):
        raise UsageError("E004", f"entrants {names}", "one or more, of different names", "Name the runs.")
    if not cases:
        raise InputError(
            "E132",
            f"no {subject.split} case in cohort {subject.cohort}",
            "one or more",
            "Choose another --split, or split the cohort with a share for it.",
        )


def _timed(entrant: CaseTranslator, case: PreparedCase, seconds: dict[str, float]) -> Volume:
    start = time.perf_counter()
    made = entrant.translate_case(case)
    seconds[case.id] = time.perf_counter() - start
    return made
