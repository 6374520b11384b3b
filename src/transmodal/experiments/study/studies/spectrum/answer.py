"""The study itself: spectra of every run over subjects, and what their figures say."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from transmodal.evaluation.statistics.paired_tests import too_few
from transmodal.experiments.study.bench import Bench, Entrant
from transmodal.experiments.study.record import Omission, StudyFigure
from transmodal.experiments.study.scored import Scored, score_entrants
from transmodal.experiments.study.studies._base import Findings, Study, StudyOptions
from transmodal.experiments.study.studies.spectrum import bands, inside
from transmodal.experiments.study.studies.spectrum.networks import NetworkItem, measure_network
from transmodal.experiments.study.studies.spectrum.rings import OCTAVES, frequency_edges
from transmodal.experiments.study.studies.spectrum.spectra import SpectrumItem, in_plane_mm, measure_spectra
from transmodal.experiments.study.studies.spectrum.stages import STAGE_RINGS
from transmodal.experiments.study.units import Content, WorkUnit

PROTOCOL = (
    "Axial slices in the mask's box, less their mean, under a Hann window that also falls to 0 at the mask's rim; power "
    "averaged over directions in 16 rings of frequency up to {highest:.3g} cycles per mm, and over slices of a "
    "case. Octaves leave out the lowest ring, which holds the head's shape. Coherence is taken ring by ring over "
    "directions and slices. Means over subjects of each subject's decibels; intervals by a bootstrap over subjects and "
    "seeds."
)
INSIDE_PROTOCOL = (
    " Inside networks: features of every {step}. slice along the first axis of the run's passes, under a Hann window over the whole "
    "map, each channel's power over its own sum, in {rings} rings up to the highest frequency of the map. The response to gratings "
    "is what a grating changes in the translation, fitted by waves of its frequency and direction, along rows and columns at two "
    "places each, in the network's own range."
)


class Options(StudyOptions):
    """Options of the study."""

    step: int = Field(4, ge=1, description="every n-th slice's features are taken")


def answer(bench: Bench[Options]) -> Findings:
    """Return which frequencies every run loses and invents, and what its network does with them.

    Raises:
        TransmodalError: as `scored.score_entrants`, `spectra.measure_spectra` and `networks.measure_network`.
    """
    scored = score_entrants(bench, bench.entrants)
    first = scored[bench.entrants[0].label]
    spacing = max(max(in_plane_mm(first.target(case))) for case in first.cases())
    contents = {
        entrant.label: _measure(bench, entrant, scored[entrant.label], spacing) for entrant in bench.entrants
    }
    edges = frequency_edges(spacing)
    figures: list[StudyFigure] = []
    sentences, finest = [], []
    for row, seeds in bench.rows().items():
        cases = [contents[entrant.label] for entrant in seeds]
        for start, stop in OCTAVES:
            values = bands.band_values(cases, slice(start, stop))
            name = f"{edges[start]:.3g} to {edges[stop]:.3g}"
            figures += bands.draw_octave(row, name, values)
            sentences.append(f"{row}, {name} cycles per mm: {bands.describe_octave(values)}.")
        finest.append(values)
    figures += bands.draw_curves(contents, bench.rows(), edges)
    rows, omissions = _measure_inside(bench, scored)
    networks = inside.look_inside(rows)
    tables = {figure.table for figure in (*figures, *networks.figures)}
    patients = len({content["patient"] for content in contents[bench.entrants[0].label]})
    return Findings(
        PROTOCOL.format(highest=edges[-1])
        + INSIDE_PROTOCOL.format(step=bench.options.step, rings=STAGE_RINGS),
        (bands.tell_finest(finest), *sentences, *networks.sentences),
        (*figures, *networks.figures),
        tuple(table for table in (*bands.TABLES, *inside.TABLES) if table.name in tables),
        tuple(chart for chart in (*bands.CHARTS, *inside.CHARTS) if chart.table in tables),
        omissions,
        (f"Intervals: {too_few(patients)}.",) if too_few(patients) else (),
    )


def _measure(bench: Bench[Options], entrant: Entrant, scored: Scored, spacing: float) -> list[Content]:
    inputs = {"weights": entrant.weights_sha256, "cohort": bench.cohort.digest(), "spacing": spacing}
    units = {
        f"{entrant.label}, {case.id}": WorkUnit(
            measure_spectra,
            SpectrumItem(entrant, scored.folder, bench.cohort.folder, case.id, spacing),
            {**inputs, "row": entrant.row, "case": case.id, "device": bench.device},
        )
        for case in scored.cases()
    }
    return list(bench.units.complete(f"spectra of {entrant.label}", units).values())


def _measure_inside(
    bench: Bench[Options], scored: Mapping[str, Scored]
) -> tuple[dict[str, list[list[Content]]], tuple[Omission, ...]]:
    """Return what networks do inside by row, and what is left out."""
    patched = [row for row, seeds in bench.rows().items() if seeds[0].recipe.windows.kind == "patch"]
    rows = {
        row: [_measure_network(bench, entrant, scored[entrant.label]) for entrant in seeds]
        for row, seeds in bench.rows().items()
        if row not in patched
    }
    reasons = (
        (patched, "networks and gratings", "learns from patches, and gratings are of slices"),
        (inside.list_stageless(rows), "features inside networks", "shows none of its stages"),
    )
    omissions = (
        Omission(part=f"{part} of {row}", reason=f"{row} {why}")
        for names, part, why in reasons
        for row in names
    )
    return rows, tuple(omissions)


def _measure_network(bench: Bench[Options], entrant: Entrant, scored: Scored) -> list[Content]:
    folder, step = bench.cohort.folder, bench.options.step
    inputs = {"weights": entrant.weights_sha256, "cohort": bench.cohort.digest(), "step": step}
    units = {
        f"{entrant.label}, {case.id}": WorkUnit(
            measure_network,
            NetworkItem(entrant, scored.folder, folder, case.id, step, bench.device),
            {**inputs, "case": case.id, "split": bench.split, "device": bench.device},
        )
        for case in scored.cases()
    }
    return list(bench.units.complete(f"inside {entrant.label}", units).values())


STUDY = Study(
    name="spectrum",
    about="Which spatial frequencies does a translator lose, and which does it invent?",
    reading=(
        "Coarse anatomy lies at low frequencies, edges and fine folds at high ones. A translator that is unsure smooths: its "
        "power falls below the target's (dB below 0) as the frequency rises. Power as high as the target's is no proof of "
        "detail, since noise and texture have power too: the coherent share says how much of it stands where the target's "
        "detail stands. Power that is right and coherent is recovered; power that is right and no more coherent than with the target "
        "turned round is invented, and looks sharp without being true. A wrong place of some voxels also costs coherence at "
        "high frequencies. Gratings say what of this is the network's own: how much of a fine pattern comes out that was put in."
    ),
    needs="runs",
    answer=answer,
    options=Options,
    command="runs/unet runs/pix2pix --cohort cohort -o studies/spectrum",
)
