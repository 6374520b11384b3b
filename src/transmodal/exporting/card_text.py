"""The words of a model card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transmodal._version import __version__
from transmodal.checkpoint import Checkpoint
from transmodal.counts import counted
from transmodal.modalities import modality_of
from transmodal.notice import FROM_SCRATCH, IMPORTED, INTENDED_USE
from transmodal.volumes.intensity import IntensitySpec

Evaluations = Sequence[tuple[str, Mapping[str, Any]]]
"""Folder and content of each evaluation."""


def write(saved: Checkpoint, evaluations: Evaluations, starting: Mapping[str, Any]) -> str:
    """Return a card, Markdown.

    Args:
        saved: the checkpoint; its weights are not looked at.
        evaluations: that lie beside it.
        starting: of the run's record: the weights that training started from.
    """
    sections = {
        f"# Model card: {saved.recipe.name}": [INTENDED_USE],
        "## Model": _model(saved),
        "## Intended use": _use(saved),
        "## Data": _data(saved),
        "## Training": _training(saved, starting),
        "## Figures": list(_figures(saved, evaluations)),
        "## Limits": _limits(
            saved, has_figures=any(list(_figures_of(folder, content)) for folder, content in evaluations)
        ),
        "## Licences": _licences(saved, starting),
    }
    return "\n".join(f"{title}\n{_lines(lines)}\n" for title, lines in sections.items())


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def _model(saved: Checkpoint) -> list[str]:
    recipe, windows = saved.recipe, saved.recipe.windows
    kinds = {"slice": "2D slices", "slab": f"slabs of {windows.depth} slices", "patch": "3D patches"}
    size = " x ".join(map(str, saved.window or windows.size or ())) or "any size"
    along = "" if windows.kind == "patch" else f" along {', '.join(windows.axes)}"
    return [
        f"- Translates {_names(recipe.task.source)} to {_target(saved)}.",
        f"- Translator `{recipe.translator}`{f', after {recipe.paper}' if recipe.paper else ''}.",
        f"- Works on {kinds[windows.kind]}{along}, of {size}; the synthetic volume comes on the source's own grid.",
        f"- Weights of SHA-256 `{saved.weights_sha256}`, step {saved.state.step}.",
    ]


def _use(saved: Checkpoint) -> list[str]:
    comparison = (
        "What the training sources looked like is not recorded, so that `translate` cannot compare a source with them: look "
        "at what comes out."
        if saved.reference is None
        else "`translate` compares each source with the training sources and refuses one that does not look like them."
    )
    return [
        f"Research on synthesising {_target(saved)}, and retrospective evaluation, on images like those of its training: "
        f"same contrast, anatomy and preparation. {comparison}",
        "",
        "Not for diagnosis, treatment planning, triage or any decision about a patient; not to replace a scan that can "
        "be made; not to measure lesions, which a synthetic image can miss or invent.",
    ]


def _data(saved: Checkpoint) -> list[str]:
    cohort, data = saved.cohort, saved.recipe.data
    if _is_imported(saved):
        return [
            "Not recorded: the weights are a file of another program. The intensities below were named when it was imported.",
            *_intensities(saved),
        ]
    n_patients = (
        f"{counted(len(cohort.patients), 'patient')}"
        if cohort.patients
        else "patients whose number is not recorded"
    )
    return [
        f"- Cohort `{cohort.name}` of digest `{cohort.digest[:16]}`; the network learned from {n_patients}.",
        f"- Working spacing {f'{data.spacing_mm:g} mm' if data.spacing_mm else 'of each source'}, region {data.region}.",
        *_intensities(saved),
        *(f"- {name.upper()} in {unit}." for name, unit in saved.units.items()),
    ]


def _training(saved: Checkpoint, starting: Mapping[str, Any]) -> list[str]:
    recipe, state = saved.recipe, saved.state
    if _is_imported(saved):
        return [f"By another program; a file of SHA-256 `{saved.starting_weights[IMPORTED]}`."]
    best = (
        "none"
        if state.best is None
        else f"{state.best:.4g}, after {counted(state.epoch, 'epoch')} of phase {state.phase}"
    )
    weights = starting or saved.starting_weights
    return [
        f"- Seed {recipe.training.seed}, {counted(recipe.training.epochs, 'epoch')} of batches of {recipe.training.batch}, "
        f"precision {recipe.training.precision}.",
        f"- Best validation {recipe.evaluation.primary}, by which this checkpoint was chosen: {best}.",
        *(f"- {name} started from {_start(weight)}." for name, weight in weights.items()),
        *(
            f"- {name} is a frozen network of SHA-256 `{digest[:16]}`."
            for name, digest in saved.frozen.items()
        ),
        f"- Made with {', '.join(f'{name} {version}' for name, version in saved.versions.items())}; "
        f"card by transmodal {__version__}.",
    ]


def _intensities(saved: Checkpoint) -> list[str]:
    return [f"- {name.upper()}: intensities by {_spec(spec)}." for name, spec in saved.sources.items()]


def _is_imported(saved: Checkpoint) -> bool:
    """Tell whether nothing was trained here."""
    return IMPORTED in saved.starting_weights and saved.state.step == 0


def _figures(saved: Checkpoint, evaluations: Evaluations) -> Iterator[str]:
    lines = [line for folder, content in evaluations for line in _figures_of(folder, content)]
    if not lines:
        is_chosen = saved.state.best is not None and not _is_imported(saved)
        yield (
            "None is recorded beside the run. `transmodal evaluate RUN --cohort COHORT` takes them, with their protocol"
            f"{'; the validation figure above chose the checkpoint and is too good' if is_chosen else ''}."
        )
    yield from lines


def _figures_of(folder: str, content: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of an evaluation's means; nothing of one that does not hold them as this version writes them."""
    try:
        cohort = content["provenance"]["cohort"]
        rows = [
            f"| {row['translator']} | {row['metric']} | {row['mean']:.4g} ± {row['std']:.2g} {_unit(row['unit'])} "
            f"| {row['n']} | {row['protocol']} |"
            for row in content["summary"]
            if row["mean"] is not None and row["std"] is not None
        ]
        title = f"`{folder}`: {counted(cohort['n_cases'], 'case')} of the {cohort['split']} split of `{cohort['name']}`."
    except (KeyError, TypeError, ValueError):
        return
    yield from (
        title,
        "",
        "| translator | metric | mean ± sd | n | protocol |",
        "|---|---|---|---|---|",
        *rows,
        "",
    )


def _limits(saved: Checkpoint, *, has_figures: bool) -> list[str]:
    target, windows = modality_of(saved.recipe.task.target), saved.recipe.windows
    unit = saved.units.get(saved.recipe.task.target, target.unit)
    return [
        "- A synthetic image shows what is likely by the training cohort, not what is in the patient: pathology that the "
        "cohort lacks can vanish, and structures can appear that are not there.",
        f"- {counted(len(saved.cohort.patients), 'training patient') if saved.cohort.patients else 'An unknown number of training patients'}: "
        "scanners, ages and diseases beyond theirs are not covered"
        f"{', and figures above hold for cohorts like the scored one alone' if has_figures else ''}.",
        *(
            []
            if unit
            else ["- Values are in reference units of the training cohort, not comparable between scanners."]
        ),
        *(
            []
            if windows.kind == "patch"
            else ["- Slices are translated one by one: across them the volume can be uneven."]
        ),
        "- No uncertainty is known of a value unless a calibration is reported above.",
    ]


def _licences(saved: Checkpoint, starting: Mapping[str, Any]) -> list[str]:
    origin = (
        "- Weights: a file of another program; the terms of its author and of the data that it learned from hold for them, "
        "and are not recorded"
        if _is_imported(saved)
        else f"- Weights: learned from `{saved.cohort.name}`; the terms of that data set hold for them, and are not recorded"
    )
    return [
        "- Code: Apache-2.0 (transmodal).",
        f"{origin} in the run. Write them here before the model is handed on.",
        *(f"- {name}: {weight['published']}." for name, weight in starting.items() if _is_published(weight)),
    ]


def _is_published(weight: Any) -> bool:  # noqa: ANN401 - of a JSON file
    return isinstance(weight, dict) and "published" in weight and weight.get("sha256") != FROM_SCRATCH


def _start(weight: Any) -> str:  # noqa: ANN401 - of a JSON file
    digest = weight.get("sha256", "") if isinstance(weight, dict) else str(weight)
    return (
        FROM_SCRATCH.removeprefix("from ")
        if digest == FROM_SCRATCH
        else f"weights of SHA-256 `{digest[:16]}`"
    )


def _target(saved: Checkpoint) -> str:
    modality = modality_of(saved.recipe.task.target)
    unit = saved.units.get(saved.recipe.task.target, modality.unit)
    return f"{modality.label}{f' ({unit})' if unit and unit != modality.label else ''}"


def _names(modalities: Sequence[str]) -> str:
    return " and ".join(modality_of(name).label for name in modalities)


def _spec(spec: IntensitySpec) -> str:
    ends = "" if spec.method in ("minmax", "zscore") else f" from {spec.low:g} to {spec.high:g}"
    return f"{spec.method}{ends}"


def _unit(unit: str) -> str:
    return "" if unit == "1" else unit
