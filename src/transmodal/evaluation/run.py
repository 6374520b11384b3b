"""Evaluate trained runs and oracles on a cohort's split: rows, summary, pictures, report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from transmodal.cohorts.quality import assumed_spacing
from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.errors import InputError, UsageError
from transmodal.evaluation import oracles as oracle_room
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.computable import check_cases
from transmodal.evaluation.external import sites
from transmodal.evaluation.external.phenotypes import Phenotypes
from transmodal.evaluation.learned.base import NOBODY, Judges
from transmodal.evaluation.measures.disagreement import csv_records
from transmodal.evaluation.measures.reference_mask import ReferenceMask, choose, has_masks, masked
from transmodal.evaluation.participants import (
    BY_RECIPE,
    ModelTranslator,
    Participants,
    Passes,
    common_preprocessing,
    exceeds_training_window,
    name_runs,
    with_passes,
    without_sources,
)
from transmodal.evaluation.records import store as stored
from transmodal.evaluation.report import page as report
from transmodal.evaluation.report import strata
from transmodal.evaluation.report import text as tables
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.score import STANDARD
from transmodal.evaluation.task import build_task, reference_units
from transmodal.evaluation.unpaired import lacks_pairs
from transmodal.inference.preprocessing import Preprocessing
from transmodal.metrics import registry
from transmodal.metrics.naming import check_names
from transmodal.metrics.table import write_records
from transmodal.progress import StageProgress
from transmodal.storage import files, outputs


def evaluate(
    runs: Mapping[str, Path] | Sequence[Path],
    cohort: Cohort | Path,
    *,
    split: str = "test",
    training_cohort: Cohort | Path | None = None,
    phenotypes: Phenotypes | None = None,
    oracles: Sequence[str] = oracle_room.STANDARD,
    checkpoint: str = "best",
    device: str | None = None,
    without: Sequence[str] = (),
    passes: Passes = BY_RECIPE,
    weights: Mapping[str, str] | None = None,
    target_normalised: bool = False,
    metrics: Sequence[str] = STANDARD,
    judges: Judges = NOBODY,
    output: Path | None = None,
    save_volumes: bool = False,
    notes: Sequence[str] = (),
    progress: StageProgress | None = None,
) -> Evaluation:
    """Score trained runs beside oracles that need no learning.

    Args:
        runs: folders of runs of one task, by the name they have in tables; a plain sequence names them by
            their translators.
        cohort: a prepared cohort, the one that the runs learned from or another.
        split: `train`, `validation` or `test`, or `all` of a cohort that no run learned from.
        training_cohort: what the runs learned from, where `cohort` is another: oracles are fitted on its training
            split, and its test split gives the figures that a drop is taken from.
        phenotypes: what patients are parted by.
        oracles: names out of `evaluation.oracles.ALL`; left out where they would be fitted on another cohort
            than the runs learned from.
        checkpoint: `best` or `last`.
        device: where models run; None takes an accelerator where there is one.
        without: sources without which the runs are scored once more.
        passes: over other axes than the recipes', or by several draws of noise, of the runs that can; their names
            say it.
        weights: paths of frozen networks' weights by name, where they lie elsewhere than in training.
        target_normalised: scale each target without a unit (MR contrasts) to the training cohort's units by
            its own intensities; it is stamped into the protocol.
        metrics: out of `metrics.registry.names`.
        judges: what takes metrics that need a network; see `evaluation.learned.choose.choose`.
        output: folder for what `write` writes; None writes nothing.
        save_volumes: also write every synthetic volume there, with its hash in evaluation.json.
        notes: what a reader of the figures has to know.
        progress: told how far it is.

    Raises:
        UsageError: E004 when the runs have different targets, the target to be normalised has a unit, or passes are
            asked for that no run can do, E001 for what is no axis, E002 for an unknown oracle.
        InputError: E132 when the split is empty or there is nothing to fit oracles on, E131 and E136 for cases
            that lack what a metric needs, or are in another unit than the runs'.
    """
    from transmodal.inference.translate import load

    primary = _primary(metrics)
    oracle_room.check_names(oracles)
    if output is not None:
        outputs.check_folder(output)
    store = _opened(cohort)
    paths = [Path(run) for run in (runs.values() if isinstance(runs, Mapping) else runs)]
    loaded = [load(path, which=checkpoint, device=device, weights=weights) for path in paths]
    named = list(runs) if isinstance(runs, Mapping) else name_runs(paths, loaded)
    names, loaded = with_passes(named, loaded, passes)
    preprocessing = common_preprocessing(names, loaded)
    models = [ModelTranslator(name, model) for name, model in zip(names, loaded, strict=True)]
    models += [without_sources(one, without) for one in models if without]
    records = {model.name: model.record() for model in models}
    sources = tuple(dict.fromkeys(name for model in loaded for name in model.preprocessing.sources))
    store = store.named_for([*sources, preprocessing.target])
    _check_pairs(store, split, preprocessing)
    given = None
    if training_cohort is not None:
        given = _opened(training_cohort).named_for([*sources, preprocessing.target])
    where = sites.find_sites(store, given, records, split)
    training = where.learned.cases("train") if where.learned is not None else []
    cases = sites.select_cases(store, split)
    for model in loaded:
        assumed_spacing.check(cases, model.preprocessing.spacing_mm, "")
    parted = phenotypes.of(cases) if phenotypes is not None else None
    mask = choose(store, cases, preprocessing.target, preprocessing.region)
    cases = _masked(store, cases, mask)
    task = replace(sites.build_task_of_sites(where, preprocessing, sources, split), mask=mask)
    check_cases(metrics, preprocessing.target, cases, has_mask=mask is not None or has_masks(store))
    entrants = Participants(
        models,
        [
            oracle_room.fit(name, training, preprocessing, progress=progress)
            for name in (oracles if where.learned is not None else ())
        ],
        records,
        {name: path / "curves.csv" for name, path in zip(names, paths, strict=True)},
    )
    doubts = (*where.notes(oracles), *(sites.namesakes(cases, records) if where.is_elsewhere else ()))
    task = replace(task, notes=(*task.notes, *notes, *doubts, *exceeds_training_window(models, cases)))
    if target_normalised:
        task = replace(task, reference=reference_units(preprocessing))
    evaluation = evaluate_cases(
        entrants,
        cases,
        task,
        metrics=metrics,
        primary=primary,
        judges=judges,
        keeper=_keeper(output) if save_volumes else None,
        progress=progress,
    )
    home = None
    if where.is_elsewhere:
        home = sites.read_internal_test(dict(zip(names, paths, strict=True)), records)
        own = given.cases("test") if given is not None else []
        if given is not None and own:
            own_mask = choose(given, own, preprocessing.target, preprocessing.region)
            own = _masked(given, own, own_mask)
            there = replace(
                build_task(given, preprocessing, sources, "test"), reference=task.reference, mask=own_mask
            )
            home = sites.summarise_internal_test(
                evaluate_cases(
                    entrants,
                    own,
                    there,
                    metrics=metrics,
                    primary=primary,
                    judges=judges,
                    progress=_at_home(progress),
                )
            )
    evaluation = replace(evaluation, strata=parted, home=home)
    if output is not None:
        write(evaluation, output)
    return evaluation


def evaluate_oracles(
    preprocessing: Preprocessing,
    cohort: Cohort,
    *,
    oracles: Sequence[str] = oracle_room.STANDARD,
    split: str = "test",
    target_normalised: bool = False,
    metrics: Sequence[str] = STANDARD,
    output: Path | None = None,
) -> Evaluation:
    """Score oracles alone, under the protocol of the runs that have the same preprocessing.

    Args:
        preprocessing: of those runs.
        cohort: a prepared cohort; oracles are fitted on its training split.
        oracles: names out of `evaluation.oracles.ALL`.
        split: `train`, `validation` or `test`.
        target_normalised: as in `evaluate`.
        metrics: as in `evaluate`.
        output: folder for what `write` writes; None writes nothing.

    Raises:
        UsageError: E004 when the target to be normalised has a unit, E002 for an unknown oracle.
        InputError: E132 when the split is empty or there is nothing to fit oracles on.
    """
    cohort = cohort.named_for([*preprocessing.sources, preprocessing.target])
    task = build_task(cohort, preprocessing, preprocessing.sources, split)
    if target_normalised:
        task = replace(task, reference=reference_units(preprocessing))
    entrants = Participants(
        (), [oracle_room.fit(name, cohort.cases("train"), preprocessing) for name in oracles]
    )
    cases = cohort.cases(split)
    mask = choose(cohort, cases, preprocessing.target, preprocessing.region)
    evaluation = evaluate_cases(
        entrants,
        _masked(cohort, cases, mask),
        replace(task, mask=mask),
        metrics=metrics,
        primary=_primary(metrics),
    )
    if output is not None:
        write(evaluation, output)
    return evaluation


def write(evaluation: Evaluation, folder: Path) -> None:
    """Write evaluation.json, .csv, .md and .tex, timing.json and report.html into a folder, made where it is missing.

    Where there are strata or a training site, strata.csv as well.

    Raises:
        ResourceError: E403 when they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    how = evaluation.disagreement_protocol()
    of_disagreements = csv_records(evaluation.disagreements, evaluation.task.unit, how)
    write_records([*(row.to_json() for row in evaluation.rows), *of_disagreements], folder / "evaluation.csv")
    texts = {
        "report.html": report.page(evaluation),
        "evaluation.md": tables.markdown(evaluation),
        "evaluation.tex": tables.latex(evaluation),
        "strata.csv": strata.table_csv(evaluation),
    }
    for name, text in texts.items():
        if text:
            with files.atomic_path(folder / name) as part:
                part.write_text(text, encoding="utf-8")
    files.write_json(folder / "timing.json", evaluation.timing())
    files.write_json(folder / "evaluation.json", evaluation.to_json())


def _masked(cohort: Cohort, cases: Sequence[PreparedCase], mask: ReferenceMask | None) -> list[PreparedCase]:
    return list(cases) if mask is None else masked(cohort, cases, mask.modality, (mask.kind,))


def _check_pairs(cohort: Cohort, split: str, preprocessing: Preprocessing) -> None:
    if lacks_pairs(sites.select_cases(cohort, split), preprocessing.sources, preprocessing.target):
        raise InputError(
            "E131",
            f"no {split} case of {cohort.manifest.name} has both {preprocessing.sources[0]} and {preprocessing.target}",
            "pairs to score",
            "What needs no pair is taken by transmodal.evaluation.unpaired.evaluate_unpaired; the command evaluate does so "
            "by itself.",
        )


def _opened(cohort: Cohort | Path) -> Cohort:
    return cohort if isinstance(cohort, Cohort) else Cohort.open(cohort)


def _at_home(progress: StageProgress | None) -> StageProgress | None:
    return None if progress is None else lambda _, done, total: progress("training site", done, total)


def _keeper(output: Path | None) -> stored.VolumeStore:
    if output is None:
        raise UsageError("E004", "volumes to keep and no folder", "a folder for them", "Give an output.")
    return stored.VolumeStore(output)


def _primary(metrics: Sequence[str]) -> str:
    """Return the metric that chooses the cases to show: MAE, or the first where it is not taken."""
    check_names(metrics, registry.names())
    return "mae" if "mae" in metrics else metrics[0]
