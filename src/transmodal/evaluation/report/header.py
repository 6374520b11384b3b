"""The report's head: the task, the models, the cohort, and whether each model beats the oracles."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from transmodal.counts import counted
from transmodal.evaluation.drawing.figures import label, modality_labels
from transmodal.evaluation.drawing.words import enumerated
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask

_DIGITS = 8
"""Of the hash of a cohort, where names alone do not tell two apart."""


def section(evaluation: Evaluation) -> str:
    """Return the head of the page: the task, the models, and whether each beats the oracles."""
    task = evaluation.task
    mask_kind = f" ({task.mask_text}; the data set gives none)" if task.mask_text else ""
    region = (
        f"inside the evaluation mask{escape(mask_kind)}"
        if evaluation.columns("mask")
        else "over the whole volume: no case has a mask"
    )
    return (
        '<header><p class="eyebrow">Transmodal evaluation</p>'
        f"<h1>{_heading(task)}</h1>"
        f'<p class="lead">{escape(enumerated(evaluation.models) or "Oracles")}, scored on '
        f"{_scored(evaluation)} of the cohort {_name(evaluation, task.cohort, task.digest)}. "
        f"{_trained(evaluation)}Figures are {region}, on the target&rsquo;s native grid.</p>"
        f"{_notice(evaluation)}{_findings(evaluation)}</header>"
    )


def _heading(task: EvaluationTask) -> str:
    """Return the sources and the target; the target alone where volumes are scored without their sources."""
    target = escape(label(task.target))
    if not task.sources:
        return target
    return f'{escape(modality_labels(task.sources))}<span class="to">&rarr;</span>{target}'


def _scored(evaluation: Evaluation) -> str:
    n, split = len(evaluation.cases), evaluation.task.split
    return f"all {counted(n, 'case')}" if split == "all" else counted(n, f"{split} case")


def _trained(evaluation: Evaluation) -> str:
    """Return what models and oracles learned from; nothing of models that have no record of it."""
    task = evaluation.task
    own_cohort = f"the cohort&rsquo;s {counted(task.n_training, 'training case')}"
    learned: dict[str, list[str]] = {}
    for name in evaluation.models:
        cohort = evaluation.records.get(name, {}).get("cohort", {})
        if cohort.get("digest") == task.digest:
            learned.setdefault(own_cohort, []).append(name)
        elif cohort:
            learned.setdefault(_other_cohort(evaluation, cohort), []).append(name)
    if evaluation.oracles:
        other_cohort = _other_cohort(evaluation, {"name": task.fitted_on})
        learned.setdefault(other_cohort if task.fitted_on else own_cohort, []).append("the oracles")
    parts = [f"{escape(enumerated(names))} learned from {origin}" for origin, names in learned.items()]
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}. " if text.startswith("the") else f"{text}. " if text else ""


def _other_cohort(evaluation: Evaluation, cohort: Mapping[str, object]) -> str:
    """Return a cohort that is not the one of the evaluation, in words that tell the two apart."""
    name = str(cohort.get("name"))
    article = "another" if name == evaluation.task.cohort else "the"
    return f"{article} cohort {_name(evaluation, name, str(cohort.get('digest', '')))}"


def _name(evaluation: Evaluation, name: str, digest: str) -> str:
    """Return the name of a cohort, with the start of its hash where another one in this evaluation has the name too."""
    task = evaluation.task
    cohorts = [record.get("cohort", {}) for record in evaluation.records.values()]
    namesakes = {str(cohort.get("digest")) for cohort in cohorts if cohort.get("name") == name}
    namesakes |= {task.digest} if name == task.cohort else set()
    namesakes |= {""} if name == task.fitted_on else set()  # whose hash is not known here
    is_shared = bool(digest) and len(namesakes - {digest}) > 0
    return f"<em>{escape(name)}</em>" + (f" (hash {escape(digest[:_DIGITS])})" if is_shared else "")


def _notice(evaluation: Evaluation) -> str:
    task = evaluation.task
    lines = []
    if task.simulated:
        names = enumerated([label(name) for name in task.simulated])
        verb, it = ("is", "it") if len(task.simulated) == 1 else ("are", "them")
        lines.append(f"<b>Simulated data.</b> {escape(names)} {verb} simulated; no scanner measured {it}.")
    lines += [escape(note) for note in task.notes]
    return f'<aside class="notice">{"".join(f"<p>{line}</p>" for line in lines)}</aside>' if lines else ""


def _findings(evaluation: Evaluation) -> str:
    items = [
        f'<li class="{"yes" if text.startswith("beats") else "not"}"><code>{escape(model)}</code> {escape(text)}</li>'
        for model, text in evaluation.findings()
    ]
    return f'<ul class="findings">{"".join(items)}</ul>' if items else ""
