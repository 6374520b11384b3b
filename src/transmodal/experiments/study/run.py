"""The verb: a study of runs on a cohort, gone on with where it stopped; its record, page and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from transmodal._version import __version__
from transmodal.cohorts.store import Cohort
from transmodal.errors import UsageError, suggest
from transmodal.evaluation.external.sites import ALL_CASES
from transmodal.experiments.record import code_record, cohort_record, hardware
from transmodal.experiments.study import entrants, markdown, page
from transmodal.experiments.study import record as records
from transmodal.experiments.study.bench import Bench, CohortFiles, Entrant
from transmodal.experiments.study.command import StudyCall
from transmodal.experiments.study.record import StudyCohort, StudyRecord
from transmodal.experiments.study.studies import find
from transmodal.experiments.study.studies._base import Study, StudyOptions
from transmodal.experiments.study.units import WorkUnits
from transmodal.notice import INTENDED_USE
from transmodal.progress import Progress
from transmodal.recipes.load import words as as_words
from transmodal.recipes.plain_yaml import plain_yaml
from transmodal.storage import files, orphans, outputs

SPLITS = ("train", "validation", "test", ALL_CASES)
SEEDS = (1,)
"""Of trainings, where none are named."""

PathWord = str | Path


class _Call(NamedTuple):
    """A study as it was asked for."""

    study: Study
    words: entrants.Words
    options: StudyOptions
    option_words: Sequence[str]


def study(
    name: str,
    runs: PathWord | Sequence[PathWord] = (),
    cohort: PathWord | Cohort = "",
    *,
    output: PathWord,
    split: str = "test",
    training_cohort: PathWord | None = None,
    subjects: PathWord | None = None,
    phenotypes: PathWord | None = None,
    seeds: Sequence[int] = (),
    changes: Sequence[str] = (),
    options: Sequence[str] | Mapping[str, Any] = (),
    device: str | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> StudyRecord:
    """Ask one study of runs, or of recipes that it trains first; what is complete is not done again.

    Args:
        name: of the study, one of `studies.names()`.
        runs: folders of trained runs, and names or paths of recipes.
        cohort: a prepared cohort, or its folder.
        output: folder of the study; an interrupted one goes on there.
        split: side of the cohort's split that is scored; `all` of a cohort that no run learned from.
        training_cohort: the cohort that runs learned from, where `cohort` is another.
        subjects: folder of virtual subjects, whose `case.json` says what was planted in them.
        phenotypes: table with a column of patients.
        seeds: of trainings; 1 by default.
        changes: of recipes that are trained, as `dotted.key=value`.
        options: of the study, as `key=value` or by key.
        device: where models run; a GPU by default where there is one.
        workers: pieces of work at once, each with one thread.
        progress: told of complete pieces.

    Returns:
        The record, which is also written as `study.json` beside `study.html` and the charts.

    Raises:
        UsageError: E002 for an unknown study, run or recipe, E001 and E003 for options, E004 where runs or recipes
            are missing or of no use, E005 for an output that cannot be used.
        TransmodalError: as trainings and evaluations.
    """
    names = [runs] if isinstance(runs, str | Path) else list(runs)
    call = _check(name, names, options, split, seeds)
    folder = Path(output)
    outputs.check_folder(folder)
    store = cohort if isinstance(cohort, Cohort) else Cohort.open(Path(cohort))
    folder.mkdir(parents=True, exist_ok=True)
    with orphans.cleared(folder):
        bench: Bench[Any] = Bench(
            store,
            folder,
            (),
            call.words.recipes,
            tuple(changes),
            tuple(seeds) or SEEDS,
            split,
            CohortFiles(
                *(None if path is None else Path(path) for path in (training_cohort, subjects, phenotypes))
            ),
            call.options,
            device,
            WorkUnits(folder, workers=workers, progress=progress),
        )
        result = _answer(call, _with_entrants(bench, call))
    write(result, folder)
    return result


def write(record: StudyRecord, folder: Path) -> None:
    """Write a record, its page and its charts into a folder."""
    for name, chart in markdown.charts(record).items():
        with files.atomic_path(folder / name) as beside:
            beside.write_text(chart, encoding="utf-8")
    with files.atomic_path(folder / "study.html") as beside:
        beside.write_text(page.page(record), encoding="utf-8")
    records.write(record, folder / records.NAME)


def _check(
    name: str,
    words: Sequence[PathWord],
    options: Sequence[str] | Mapping[str, Any],
    split: str,
    seeds: Sequence[int],
) -> _Call:
    """Refuse words that do not fit, before anything is read."""
    kind = find(name)
    if split not in SPLITS:
        raise UsageError("E001", f"--split {split}", ", ".join(SPLITS), "Choose one of them.")
    if len(set(seeds)) < len(seeds) or any(seed < 0 for seed in seeds):
        numbers = ",".join(map(str, seeds))
        raise UsageError("E001", f"--seeds {numbers}", "different numbers from 0 on", "Correct them.")
    apart = entrants.tell_apart(words or kind.recipes)
    if kind.needs == "runs" and not words and not kind.recipes:
        raise UsageError(
            "E004", f"the study {name} without runs", "runs or recipes", f"Name them: study {name} RUN ..."
        )
    if kind.needs == "recipes" and (apart.runs or not apart.recipes):
        raise UsageError(
            "E004",
            f"the study {name} of {'runs' if apart.runs else 'nothing'}",
            "recipes, whose variants it trains itself",
            f"Name recipes: study {name} RECIPE ...",
        )
    if kind.needs == "nothing" and words:
        raise UsageError(
            "E004", f"the study {name} of {words[0]}", "a cohort alone", "Leave runs and recipes out."
        )
    checked = check_options(kind, options)
    texts = as_words(options) if isinstance(options, Mapping) else options
    return _Call(kind, apart, checked, texts)


def check_options(kind: Study, options: Sequence[str] | Mapping[str, Any]) -> StudyOptions:
    """Return a study's options, checked against their schema.

    Raises:
        UsageError: E003 for an unknown option, E001 for a value that it cannot have.
    """
    values = dict(options) if isinstance(options, Mapping) else dict(_parse(text) for text in options)
    try:
        return kind.options.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        fields = ", ".join(sorted(kind.options.model_fields)) or "none: it has no options"
        if first["type"] == "extra_forbidden":
            hint = suggest(key, kind.options.model_fields, "Leave it out.")
            raise UsageError("E003", f"{kind.name} has no option {key}", fields, hint) from error
        raise UsageError(
            "E001", f"--option {key}={first['input']}", first["msg"].lower(), "Correct it."
        ) from error


def _parse(text: str) -> tuple[str, object]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise UsageError("E001", f"--option {text}", "key=value", "Write it as: --option size=5")
    return key.strip(), plain_yaml(value, f"--option {text}")


def _with_entrants(bench: Bench[Any], call: _Call) -> Bench[Any]:
    """Return the bench with its runs; recipes of a study that needs runs are trained first."""
    folders = list(call.words.runs)
    if call.study.needs == "runs" and call.words.recipes:
        trials = entrants.plan_trials(
            call.words.recipes, bench.changes, bench.seeds, bench.cohort.folder, bench.folder / "runs"
        )
        units = bench.units
        trained = entrants.train_entrants(
            trials, bench.cohort, workers=units.workers, progress=units.progress
        )
        folders += trained.values()
    return replace(bench, entrants=entrants.read_entrants(folders))


def _answer(call: _Call, bench: Bench[Any]) -> StudyRecord:
    findings = call.study.answer(bench)
    code, cohort = code_record(), cohort_record(bench.cohort)
    seeds = {entrant.seed for entrant in bench.entrants} or (set(bench.seeds) if bench.recipes else set())
    return StudyRecord(
        study=call.study.name,
        about=call.study.about,
        reading=call.study.reading,
        intended_use=INTENDED_USE,
        tool_version=__version__,
        commit=code["commit"],
        hardware=hardware(),
        cohort=StudyCohort(**cohort),
        split=bench.split,
        options=call.options.model_dump(mode="json"),
        seeds=tuple(sorted(seeds)),
        models=tuple(_describe((*bench.entrants, *findings.entrants))),
        protocol=findings.protocol,
        findings=findings.sentences,
        figures=findings.figures,
        tables=findings.tables,
        charts=findings.charts,
        omissions=findings.omissions,
        notes=findings.notes,
        command=_as_asked(call, bench).command(),
    )


def _as_asked(call: _Call, bench: Bench[Any]) -> StudyCall:
    material = bench.material
    beside = {
        "--training-cohort": material.training_cohort,
        "--subjects": material.subjects,
        "--phenotypes": material.phenotypes,
    }
    return StudyCall(
        call.study.name,
        call.words,
        bench.cohort.folder,
        bench.folder,
        bench.split,
        beside,
        bench.seeds if bench.recipes else (),
        bench.changes,
        call.option_words,
        bench.device,
    )


def _describe(runs: Sequence[Entrant]) -> list[records.StudyModel]:
    return [entrants.describe(entrant) for entrant in runs]
