"""Figures of colour per organ, behind the means `ciede2000_organs` and `delta_cf_organs`."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.metrics.suite import colour
from transmodal.volumes import Volume


class OrganRow(NamedTuple):
    """The colour of one organ of one case.

    Attributes:
        case: id of the case.
        patient: id of the patient.
        translator: by which the synthetic volume was made.
        organ: name of the label, or `label 3`.
        n: voxels of it inside the evaluation mask.
        ciede2000: mean colour difference, Delta E00; lower is better.
        delta_cf: difference of colourfulness, 0 to 1; lower is better.
    """

    case: str
    patient: str
    translator: str
    organ: str
    n: int
    ciede2000: float
    delta_cf: float

    def to_json(self) -> dict[str, Any]:
        """Return the row for JSON."""
        return self._asdict()


def rows(
    case: PreparedCase, target: Volume, synthetic: Volume, name: str, labels: Mapping[int, str], white: float
) -> list[OrganRow]:
    """Return the figures of a case's organs inside its mask; none for grey volumes and cases without labels.

    Args:
        case: says the mask, without which everything counts, and the labels.
        target: as it is compared.
        synthetic: on the same grid.
        name: of the translator.
        labels: names of labels, as far as they have one.
        white: value of white.
    """
    segmentation, mask = case.segmentation(), case.mask()
    if segmentation is None or not target.is_colour:
        return []
    inside = segmentation if mask is None else np.where(mask, segmentation, 0)
    if not (inside > 0).any():
        return []
    return [
        OrganRow(
            case.id,
            case.patient,
            name,
            labels.get(organ.label, f"label {organ.label}"),
            organ.n,
            organ.ciede2000,
            organ.delta_cf,
        )
        for organ in colour.by_organ(target.voxels, synthetic.voxels, inside, white=white)
    ]


def section(rows: Sequence[OrganRow]) -> str:
    """Return the report's table of organs: means over cases per translator; empty without organs."""
    if not rows:
        return ""
    groups: dict[tuple[str, str], list[OrganRow]] = {}
    for row in rows:
        groups.setdefault((row.organ, row.translator), []).append(row)
    lines = "".join(
        f'<tr><th scope="row">{escape(organ)}</th><td class="left">{escape(translator)}</td><td>{len(members)}</td>'
        f"<td>{statistics.fmean(row.ciede2000 for row in members):.2f}</td>"
        f"<td>{statistics.fmean(row.delta_cf for row in members):.4f}</td></tr>"
        for (organ, translator), members in sorted(groups.items())
    )
    return (
        '<section><h2>Colour by organ</h2><p class="about">Means over the cases that have the organ, inside the evaluation '
        "mask: CIEDE2000, of which an eye sees about 1, and the difference of colourfulness.</p>"
        '<div class="scroll tall"><table><thead><tr><th>Organ</th><th class="left">Translator</th><th>Cases</th>'
        f"<th>CIEDE2000 &darr;<small>Delta E00</small></th><th>DELTA_CF &darr;</th></tr></thead><tbody>{lines}</tbody>"
        "</table></div></section>"
    )
