"""The report's protocols and provenance: how figures were measured, and how models came about."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape
from typing import Any

from transmodal.counts import counted
from transmodal.evaluation.result import Evaluation

_PRETRAINED = "starting_weights"
"""Key of a model's record with the published weights that its training started from."""


def protocols_section(evaluation: Evaluation) -> str:
    """Return the protocol of every figure."""
    pairs: dict[str, str] = {}
    for region in ("mask", "around", "whole"):
        for column in evaluation.columns(region):
            text = column.protocol.text()
            pairs[text] = f"{pairs[text]}, {column.label}" if text in pairs else column.label
    if evaluation.disagreements:
        pairs[evaluation.disagreement_protocol()] = "Uncertainty"
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for text, name in pairs.items())
    return (
        '<section><h2>Protocols</h2><p class="about">A figure means nothing without how it was taken. Figures '
        "of different protocols must not be compared.</p>"
        f"<dl>{items}</dl></section>"
    )


def section(evaluation: Evaluation) -> str:
    """Return how cohort, models and oracles came about, and the software."""
    record = evaluation.provenance()
    flat = {
        "Cohort": f"{record['cohort']['name']}, {record['cohort']['split']} split, digest {record['cohort']['digest']}",
        "Training cases": str(record["cohort"]["n_training_cases"]),
        "Simulated": ", ".join(record["cohort"]["simulated"]) or "nothing",
        "Slices without mask": _excluded(evaluation.slices_excluded),
        **{
            f"Model {name}": _flat(_without((_PRETRAINED, "files"), fields))
            for name, fields in record["models"].items()
        },
        **{
            f"Starting weights of {name}": _flat(fields[_PRETRAINED])
            for name, fields in record["models"].items()
            if fields.get(_PRETRAINED)
        },
        "Oracles": ", ".join(record["oracles"]) or "none",
        "Software": f"transmodal {record['tool']['version']}, {_flat(record['versions'])}",
        "Display": "radiological: the patient's right is on the left, anterior up; shown planes are resampled to "
        "square pixels, figures are not",
    }
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in flat.items())
    return f"<section><h2>Provenance</h2><dl>{items}</dl></section>"


def _without(names: Collection[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key not in names}


def _excluded(slices: Mapping[str, int]) -> str:
    return f"{sum(slices.values())} over all cases, left out of 2D figures inside the mask"


def _flat(fields: Mapping[str, Any]) -> str:
    parts = []
    for name, value in fields.items():
        if name.endswith("patients_sha256"):
            parts.append(f"{counted(len(value), 'training patient')}, by hash in evaluation.json")
        elif value in ((), [], {}, None, ""):
            continue
        elif isinstance(value, Mapping):
            parts.append(f"{name} ({_flat(value)})")
        elif isinstance(value, list | tuple):
            parts.append(f"{name} {', '.join(map(str, value))}")
        else:
            parts.append(f"{name} {value}")
    return "; ".join(parts) or "no record"
