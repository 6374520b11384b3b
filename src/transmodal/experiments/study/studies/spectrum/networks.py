"""Inside one run: spectra of the stages of its network, and its response to gratings, case by case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from transmodal.cohorts.store import Cohort
from transmodal.experiments.study.bench import Entrant
from transmodal.experiments.study.scored import read_scored
from transmodal.experiments.study.studies.spectrum.gratings import (
    Response,
    grey_ground,
    responses,
    slice_ground,
)
from transmodal.experiments.study.studies.spectrum.spectra import FEWEST_PIXELS
from transmodal.experiments.study.studies.spectrum.stages import StageSpectrum, spectrum_of
from transmodal.experiments.study.units import Content
from transmodal.experiments.study.windows import NetworkWindow, network_windows
from transmodal.inference.load import load
from transmodal.inference.model import Model
from transmodal.nets.frozen import RANDOM


class NetworkItem(NamedTuple):
    """A case of a run, as it travels to a process.

    Attributes:
        entrant: the run.
        evaluation: folder of its evaluation.
        cohort: folder.
        case: its name.
        step: every n-th slice's features are taken.
        device: where the network runs.
    """

    entrant: Entrant
    evaluation: Path
    cohort: Path
    case: str
    step: int
    device: str | None


def measure_network(item: NetworkItem) -> Content:
    """Return a case's spectra of stages, and the response to gratings on its largest slice and on grey.

    Stages are none where the translator shows none; a case without a slice of `FEWEST_PIXELS` in its mask has neither.
    """
    scored = read_scored(item.evaluation, Cohort.open(item.cohort))
    case = next(case for case in scored.cases() if case.id == item.case)
    model = load(item.entrant.folder, device=item.device)
    windows = list(network_windows(model, case, 1, FEWEST_PIXELS))
    frozen = model.translator.frozen().items()
    content: Content = {
        "case": case.id,
        "patient": case.patient,
        "random": [name for name, network in frozen if network.digest().startswith(RANDOM)],
        "stages": {},
        "slice": {},
        "grey": {},
    }
    if not windows:
        return content
    largest = max(windows, key=lambda window: int((window.labels > 0).sum()))

    def translate(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return _translate(model, images)

    on_slice = responses(translate, slice_ground(largest.source, largest.labels > 0))
    on_grey = responses(translate, grey_ground(len(largest.source), _sides(largest)))
    stages = _stages(model, windows[:: item.step])
    return content | {"stages": stages, "slice": _listed(on_slice), "grey": _listed(on_grey)}


def _translate(model: Model, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Translate `(B, C, H, W)` a batch at a time, with the same noise for each, into [-1, 1]."""
    engine, parts = model.engine, []
    for start in range(0, len(images), model.preprocessing.batch):
        source = images[start : start + model.preprocessing.batch]
        available = np.ones((len(source), len(model.preprocessing.sources)), np.float32)
        parts.append(engine.infer(source, available, np.zeros(len(source), np.int64)))
    translated = np.concatenate(parts)
    return 2 * translated - 1 if model.translator.output_range == "unit" else translated


def _stages(model: Model, windows: Sequence[NetworkWindow]) -> dict[str, Content]:
    """Return the spectrum of every stage, a mean over windows; stages that are too small are left out."""
    spectra: dict[str, list[StageSpectrum]] = {}
    for window in windows:
        source = torch.from_numpy(window.source)[None].to(model.device)
        with torch.inference_mode():
            available = torch.ones(1, len(model.preprocessing.sources), device=model.device)
            maps = model.translator.stages(source, available)
        for name, features in maps.items():
            spectrum = spectrum_of(features[0].float().cpu().numpy(), _sides(window))
            if spectrum is not None:
                spectra.setdefault(name, []).append(spectrum)
    return {
        name: {
            "shares": np.mean([spectrum.shares for spectrum in own], axis=0).tolist(),
            "counts": own[0].counts.tolist(),
            "middles": own[0].middles().tolist(),
        }
        for name, own in spectra.items()
    }


def _sides(window: NetworkWindow) -> tuple[int, int]:
    _, height, width = window.source.shape
    return height, width


def _listed(answers: Mapping[float, Response]) -> dict[str, list[float]]:
    return {f"{frequency:g}": [*response] for frequency, response in answers.items()}
