"""Evaluation: the whole of `evaluate` beside merely reading the same volumes, and beside a plain loop; batches of networks.

Predictions of another program lie as .nii.gz beside a prepared cohort. `reading` decodes them, and reads the target and the
mask of each case, and no more. The plain loop reads the same with nibabel and takes the same MAE, PSNR and SSIM in 3D and of
slices with scikit-image, whole and in the mask; it makes no record, no regions, no pictures and no report, and does not look
for volumes that are copies, mirrored, displaced or of another case. LPIPS and Inception have random weights, which their time
does not depend on. One JSON line, processor time. It fails where the loop's figures are not those of `evaluate`, or a
network's figures in batches are not those of one slice at a time. Run it as `python benchmarks/bench_evaluation.py`, or with
`--smoke` for a few seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nibabel as nib
import numpy as np
import skimage
import torch
from skimage.metrics import structural_similarity
from subjects import call, write_subjects
from turns import milliseconds, print_line, ratio_of, read_words, run_alone, take_turns

from transmodal.cohorts.store import Cohort
from transmodal.evaluation.learned import fid, slicewise
from transmodal.evaluation.learned.base import CasePair
from transmodal.evaluation.learned.fid import InceptionDistances
from transmodal.evaluation.learned.lpips import Lpips
from transmodal.evaluation.predictions.folder import PredictionFolder
from transmodal.evaluation.predictions.predicted import Predictions
from transmodal.evaluation.predictions.reading import ReadingOptions
from transmodal.evaluation.request import EvaluationRequest, ScoringOptions
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.run import evaluate
from transmodal.volumes import Volume, io

BOUND_BY_READING = 0.5
AGREEMENT, BATCH_AGREEMENT = 1e-6, 1e-5
SSIM = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "full": True}
READING, LOOP = "predictions, reading", "predictions, scikit-image"
RUN = "a run and three oracles, reading"
BATCHES = {"LPIPS, slices": "LPIPS", "FID, slices": "FID"}
RECIPE = """
name: evaluation
translator: unet_regression
task: {source: [t1], target: fa}
windows: {kind: slice, axes: [z]}
settings: {width: 4, levels: 2}
training: {epochs: 1, batch: 1, samples_per_epoch: 1, device: cpu}
"""
Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Site:
    """A prepared cohort of one test split, predictions of it, and a run."""

    place: Path

    @property
    def cohort(self) -> Path:
        return self.place / "cohort"

    @property
    def predictions(self) -> Path:
        return self.place / "predictions"

    def request(self) -> EvaluationRequest:
        folder = PredictionFolder(self.predictions, "another")
        return EvaluationRequest(
            scoring=ScoringOptions(oracles=()),
            predictions=Predictions(((folder, ReadingOptions()),)),
            target="fa",
        )

    def score_predictions(self) -> Evaluation:
        return evaluate({}, self.cohort, self.request(), output=self.place / "scored")

    def score_run(self) -> Evaluation:
        return evaluate({"run": self.place / "run"}, self.cohort, output=self.place / "evaluation")

    def read(self, *, with_predictions: bool) -> int:
        """Decode every prediction, and read the target and the mask of its case; return their bytes."""
        total = 0
        for case in Cohort.open(self.cohort).cases("test"):
            total += np.array(case.volume("fa").voxels).nbytes + np.array(case.mask()).nbytes
            if with_predictions:
                total += io.read(self.predictions / f"{case.id}.nii.gz").voxels.nbytes
            else:
                total += np.array(case.volume("t1").voxels).nbytes
        return total


def main() -> int:
    smoke = read_words(__doc__).smoke
    torch.set_num_threads(1)
    shape, count, planes, rounds = ((32, 32, 24), 3, 4, 1) if smoke else ((96, 112, 88), 12, 16, 3)
    with tempfile.TemporaryDirectory() as name:
        site = make(Path(name), shape, count)
        agreement = compare(figures_of(site.score_predictions()), loop(site.place, count))
        seconds = take_turns(
            {
                "ours": site.score_predictions,
                READING: lambda: site.read(with_predictions=True),
                LOOP: lambda: loop(site.place, count),
                "run": site.score_run,
                RUN: lambda: site.read(with_predictions=False),
            },
            rounds,
        )
        batches, batch_agreement = measure_batches(site, planes, rounds)
    pairs = {
        READING: (seconds["ours"], seconds[READING]),
        LOOP: (seconds["ours"], seconds[LOOP]),
        RUN: (seconds["run"], seconds[RUN]),
        **batches,
    }
    ratios = {name: ratio_of(*pair) for name, pair in pairs.items()}
    print_line(
        {
            "benchmark": "evaluation",
            "peer": f"reading of the same volumes; scikit-image {skimage.__version__} per case, nibabel; slices one by one",
            "threads": 1,
            "clock": "processor time",
            "rounds": rounds,
            "smoke": smoke,
            "cases": count,
            "ratio": {name: ratio for name, (ratio, _) in ratios.items()},
            "spread": {name: spread for name, (_, spread) in ratios.items()},
            "ours_ms": {name: milliseconds(own) for name, (own, _) in pairs.items()},
            "goal": {READING: BOUND_BY_READING, RUN: BOUND_BY_READING},
            "reasons": reasons(seconds, count),
            "notes": notes(seconds, shape, count, planes, batch_agreement),
            "agreement": agreement,
            "batch_agreement": batch_agreement,
        }
    )
    return 0 if agreement <= AGREEMENT and batch_agreement <= BATCH_AGREEMENT else 1


def make(place: Path, shape: tuple[int, int, int], count: int) -> Site:
    """Prepare subjects, write predictions of those of the test split, and train a run for a step."""
    site = Site(place)
    write_subjects(place / "subjects", count + 3, shape, spacing_mm=2.0)
    call(f"prepare folders {place}/subjects -o {site.cohort} --counts 2:1:{count} --workers 1 --copies warn")
    (place / "recipe.yaml").write_text(RECIPE)
    call(f"train {place}/recipe.yaml --cohort {site.cohort} -o {place}/run")
    site.predictions.mkdir()
    random = np.random.default_rng(0)
    for case in Cohort.open(site.cohort).cases("test"):
        target = case.volume("fa")
        off = 0.02 * random.standard_normal(target.voxels.shape, np.float32) * case.mask()
        predicted = target.with_voxels(target.voxels + off.astype(np.float32))
        io.write(predicted, site.predictions / f"{case.id}.nii.gz")
    return site


def loop(place: Path, count: int) -> Figures:
    """Read and score as a script does; return the figures whole and in the mask, case by case."""
    figures: Figures = {}
    for path in sorted((place / "predictions").iterdir()):
        subject = place / "subjects" / path.name.removesuffix(".nii.gz")
        x, y, mask = (
            np.asarray(nib.load(file).dataobj)  # type: ignore[attr-defined]
            for file in (subject / "fa.nii.gz", path, subject / "mask.nii.gz")
        )
        mask = mask > 0
        for region in ("mask", "whole"):
            a, b = (x[mask], y[mask]) if region == "mask" else (x, y)
            off = np.asarray(b, np.float64) - a
            add(figures, f"mae {region}", float(np.abs(off).mean()))
            add(figures, f"psnr {region}", float(-10 * np.log10((off**2).mean())))
        x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        _, deep = structural_similarity(x, y, data_range=1.0, **SSIM)
        flat = np.stack(
            [
                structural_similarity(x[:, :, k], y[:, :, k], data_range=1.0, **SSIM)[1]
                for k in range(x.shape[2])
            ],
            axis=2,
        )
        met = mask.any(axis=(0, 1))
        add(figures, "ssim whole 3", float(deep[5:-5, 5:-5, 5:-5].mean()))
        add(figures, "ssim mask 3", float(deep[mask].mean()))
        add(figures, "ssim whole 2", float(flat[5:-5, 5:-5].mean()))
        sums, voxels = (flat * mask).sum(axis=(0, 1))[met], mask.sum(axis=(0, 1))[met]
        add(figures, "ssim mask 2", float((sums / voxels).mean()))
    if any(len(values) != count for values in figures.values()):
        raise RuntimeError("the loop did not meet every case")
    return figures


def add(figures: Figures, name: str, value: float) -> None:
    figures.setdefault(name, []).append(value)


def figures_of(evaluation: Evaluation) -> Figures:
    """Return the figures of `evaluate` by the names that the loop has for them."""
    figures: Figures = {}
    for row in sorted(evaluation.rows, key=lambda row: row.case):
        dims = f" {row.protocol.dims}" if row.metric == "ssim" else ""
        add(figures, f"{row.metric} {row.protocol.region}{dims}", row.value)
    return figures


def compare(ours: Figures, theirs: Figures) -> float:
    """Return the greatest difference of a figure, of its size."""
    if set(ours) != set(theirs):
        raise RuntimeError(f"figures of other names: {sorted(set(ours) ^ set(theirs))}")
    return max(
        abs(own / other - 1) for name in ours for own, other in zip(ours[name], theirs[name], strict=True)
    )


def measure_batches(
    site: Site, planes: int, rounds: int
) -> tuple[dict[str, tuple[list[float], list[float]]], float]:
    """Time LPIPS and the features of FID in batches and one slice at a time; return seconds and the greatest difference."""
    case = Cohort.open(site.cohort).cases("test")[0]
    target = case.volume("fa")
    middle = target.voxels.shape[2] // 2
    part = slice(middle - planes // 2, middle + planes // 2)
    predicted = io.read(site.predictions / f"{case.id}.nii.gz").voxels
    volumes = [
        Volume(np.ascontiguousarray(voxels[:, :, part]), target.affine)
        for voxels in (target.voxels, predicted)
    ]
    pair = CasePair(case.id, "another", *volumes, None, "FA", 1.0)
    device = torch.device("cpu")
    lpips = Lpips("alex", "random", "random", device)
    ways: dict[str, Callable[[], Any]] = {
        "LPIPS": lambda: [value.value for value in lpips.measure(pair)],
        "FID": lambda: features_of(pair, device),
    }
    seconds, differences = {}, []
    for name, way in ways.items():
        differences.append(difference(way(), one_by_one(way)))
        taken = take_turns({"batches": way, "slices": lambda way=way: one_by_one(way)}, rounds, is_warm=True)
        seconds[f"{name}, slices"] = (taken["batches"], taken["slices"])
    return seconds, max(differences)


def features_of(pair: CasePair, device: torch.device) -> Any:  # noqa: ANN401
    """Return the features that FID and KID are made of, of one volume's slices."""
    distances = INCEPTION.setdefault("net", InceptionDistances(("fid",), "random", device))
    distances.add_synthetic(pair.translator, pair.case, pair.synthetic, pair.mask, pair.scale)
    return distances._synthetic[pair.translator][pair.case]


INCEPTION: dict[str, InceptionDistances] = {}


def one_by_one(way: Callable[[], Any]) -> Any:  # noqa: ANN401
    with patch.object(slicewise, "AT_ONCE", 1), patch.object(fid, "_AT_ONCE", 1):
        return way()


def difference(batches: Any, slices: Any) -> float:  # noqa: ANN401
    """Return the greatest difference, of the greatest size."""
    a, b = np.asarray(batches, np.float64), np.asarray(slices, np.float64)
    return float(np.abs(a - b).max() / np.abs(b).max())


def reasons(seconds: Mapping[str, list[float]], count: int) -> dict[str, str]:
    rest = 1e3 * (min(seconds["ours"]) - min(seconds[READING])) / count
    whole = 1e3 * min(seconds["run"]) / count
    return {
        READING: f"SSIM whole and in the mask, in 3D and of slices, regions, pictures, and the look for copies and for displaced or "
        f"exchanged volumes are {rest:.0f} ms of computing per case",
        RUN: f"a run and three oracles translate and are scored by four SSIMs each, {whole:.0f} ms per case, where prepared arrays "
        "are mapped and need no decoding",
    }


def notes(
    seconds: Mapping[str, list[float]],
    shape: tuple[int, int, int],
    count: int,
    planes: int,
    difference: float,
) -> list[str]:
    per_case = {name: 1e3 * min(times) / count for name, times in seconds.items()}
    return [
        f"evaluation: {count} cases of {'x'.join(map(str, shape))} voxels; per case {per_case['ours']:.0f} ms for predictions, of "
        f"them reading {per_case[READING]:.1f} ms; the loop takes {per_case[LOOP]:.0f} ms, and does only a part; a run with three "
        f"oracles {per_case['run']:.0f} ms. What one case costs does not grow with their number: see cases",
        f"evaluation: LPIPS (AlexNet) and the features of FID of {planes} slices, eight at a time beside one at a time; they differ by "
        f"{difference:.1e} of the greatest value",
    ]


if __name__ == "__main__":
    run_alone(main)
