"""The page of an evaluation without pairs: its figures, and the first cases beside their synthetic images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from transmodal.cohorts.store import PreparedCase
from transmodal.evaluation.drawing.figures import grey, label, png, window_of
from transmodal.evaluation.drawing.html import data_uri, document, headings
from transmodal.evaluation.drawing.planes import Frame, canonical
from transmodal.inference.preprocessing import Preprocessing
from transmodal.metrics.table import SplitFigure
from transmodal.notice import INTENDED_USE
from transmodal.volumes import Volume


class Picture(NamedTuple):
    """One case as it is shown: strips of three planes as PNG.

    Attributes:
        source: of the first source.
        source_name: its modality.
        synthetic: by run.
    """

    source: bytes
    source_name: str
    synthetic: Mapping[str, bytes]


def picture(case: PreparedCase, preprocessing: Preprocessing, synthetic: Mapping[str, Volume]) -> Picture:
    """Draw a case's first source and every run's synthetic volume.

    Args:
        case: prepared.
        preprocessing: names source, target and region.
        synthetic: on the case's canonical grid, by run.
    """
    name = preprocessing.sources[0]
    source, region = case.volume(name), case.region(name, preprocessing.region)
    frame = Frame.of(source.grid, region)
    drawings = {
        run: png(
            grey(
                frame.strip(canonical(volume).voxels), window_of(preprocessing.target, volume.voxels, region)
            )
        )
        for run, volume in synthetic.items()
    }
    return Picture(
        png(grey(frame.strip(source.voxels), window_of(name, source.voxels, region))), name, drawings
    )


def page(
    summary: str,
    cycles: Mapping[str, Mapping[str, float]],
    splits: Sequence[SplitFigure],
    pictures: Mapping[str, Picture],
) -> str:
    """Return the page as one self-contained HTML document; all text from data is escaped.

    Args:
        summary: lines of text on the figures that there are, and on those that there are not.
        cycles: cycle error by run and case.
        splits: FID and KID.
        pictures: by case.
    """
    findings = "".join(f"<li>{escape(line)}</li>" for line in summary.splitlines())
    sections = [
        '<header><p class="eyebrow">Transmodal evaluation</p><h1>Without pairs</h1>'
        f'<ul class="findings">{findings}</ul></header>',
        *(_case_section(case, case_picture) for case, case_picture in pictures.items()),
        _table(cycles),
        "".join(
            f'<p class="about">{escape(f"{figure.metric.upper()}: {figure.protocol}")}</p>'
            for figure in splits
        ),
        f"<footer><strong>{escape(INTENDED_USE)}</strong></footer>",
    ]
    return document("Evaluation without pairs", "\n".join(sections), "report")


def _case_section(case: str, case_picture: Picture) -> str:
    rows = [(label(case_picture.source_name), case_picture.source), *case_picture.synthetic.items()]
    images = "".join(
        f'<figure><img alt="{escape(f"{name}, three planes")}" style="max-width:100%" src="{data_uri(pixels)}">'
        f"<figcaption>{escape(name)}</figcaption></figure>"
        for name, pixels in rows
    )
    return f"<section><h2>{escape(case)}</h2>{images}</section>"


def _table(cycles: Mapping[str, Mapping[str, float]]) -> str:
    if not cycles:
        return ""
    cases = list(dict.fromkeys(case for values in cycles.values() for case in values))
    rows = "".join(
        f"<tr><td class=left>{escape(case)}</td>"
        + "".join(f"<td>{100 * values[case]:.3g}</td>" for values in cycles.values())
        + "</tr>"
        for case in cases
    )
    means = "".join(
        f"<td>{100 * float(np.mean(list(values.values()))):.3g}</td>" for values in cycles.values()
    )
    return (
        "<section><h2>Cycle error, % of the source's range</h2><div class=scroll><table class=sortable><thead><tr>"
        f"{headings(['case', *cycles])}</tr></thead><tbody>{rows}<tr><td class=left>mean</td>{means}</tr></tbody></table></div>"
        "<p class=about>How near a source comes to itself after the way to the target and back. It says nothing about "
        "how near the synthetic image is to the truth.</p></section>"
    )
