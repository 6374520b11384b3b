"""Metrics that need a network: LPIPS, FID and KID, with random weights in the published layouts."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from transmodal.errors import InputError, UsageError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.learned import _lpips_network as lpips_network
from transmodal.evaluation.learned import choose as learned
from transmodal.evaluation.learned import fid as frechet
from transmodal.evaluation.learned.axial import as_labels, mask_slices, slices
from transmodal.evaluation.learned.base import CasePair, LearnedMetrics
from transmodal.evaluation.learned.fid import InceptionDistances
from transmodal.evaluation.learned.lpips import Lpips
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics.feature_sets import frechet_distance, kernel_distance
from transmodal.nets.frozen import FrozenNet
from transmodal.volumes import Volume
from transmodal.volumes.geometry.reorient import reorient

CPU = torch.device("cpu")
SHAPE = (33, 37, 6)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
Make = Callable[..., Any]


def make_pair(
    size: float = 0.0, *, masked: bool = True, seed: int = 0, unit: str = "FA", **changed: object
) -> CasePair:
    """A pair that differs by noise of a size inside and outside the mask; the first slice has no mask."""
    rng = np.random.default_rng(seed)
    axes = np.meshgrid(*(np.linspace(0, 1, n) for n in SHAPE), indexing="ij")
    reference = (0.5 + 0.4 * np.sin(5 * axes[0]) * axes[1] + 0.1 * axes[2]).astype(np.float32)
    mask = np.zeros(SHAPE, bool)
    mask[6:25, 8:30, 1:] = True
    synthetic = reference + np.float32(size) * rng.normal(size=SHAPE).astype(np.float32)
    return replace(
        CasePair(
            "a",
            "unet",
            Volume(reference, AFFINE),
            Volume(synthetic, AFFINE),
            mask if masked else None,
            unit,
            1.0,
        ),
        **changed,
    )


@pytest.fixture(scope="module")
def judge() -> Lpips:
    return Lpips("alex", "random", "random", CPU)


def test_identity_is_best_and_noise_worsens(judge: Lpips) -> None:
    inside, whole = zip(
        *([one.value for one in judge.measure(make_pair(size))] for size in (0, 0.02, 0.1, 0.4)), strict=True
    )
    assert inside[0] == whole[0] == 0
    assert list(inside) == sorted(inside)
    assert list(whole) == sorted(whole)
    assert inside[3] > inside[1] > 0


def test_what_is_outside_the_mask_does_not_matter(judge: Lpips) -> None:
    pair = make_pair(0.1)
    ruined = pair.synthetic.with_voxels(np.where(pair.mask, pair.synthetic.voxels, np.float32(7)))
    one, other = judge.measure(pair), judge.measure(replace(pair, synthetic=ruined))
    assert other[0] == one[0]
    assert other[1].value > one[1].value


def test_the_whole_slices_figure_is_the_published_one(judge: Lpips) -> None:
    pair = make_pair(0.2, masked=False)
    (found,) = judge.measure(pair)
    nets = lpips_network.pretrained("alex", "random", "random")
    values = []
    for k in range(SHAPE[2]):
        # The scan lies R, A, S: turned round, its rows run to the back and its columns to the left.
        images = [
            torch.from_numpy(one.voxels[::-1, ::-1, k].T.copy()).expand(1, 3, -1, -1) * 2 - 1
            for one in (pair.reference, pair.synthetic)
        ]
        values.append(sum(float(part.mean()) for part in lpips_network.distances(nets, *images)))
    assert found.value == pytest.approx(np.mean(values), rel=1e-4)
    assert found.protocol.region == "whole"
    assert found.slices_excluded is None


def test_the_protocol_says_all_of_it(judge: Lpips) -> None:
    inside, whole = judge.measure(make_pair(0.1))
    assert (inside.metric, inside.unit, inside.protocol.region, inside.protocol.dims) == (
        "lpips",
        "1",
        "mask",
        2,
    )
    assert inside.slices_excluded == 1
    text = whole.protocol.text()
    assert "LPIPS 0.1 alex, backbone random:" in text
    assert "0 FA black, 1 FA white" in text
    assert "not resized" in text
    assert judge.record()["heads_sha256"].startswith("random:")
    hu = make_pair(0.1, unit="HU", data_range=4024.0)
    assert "-1024 HU black, 3000 HU white" in judge.measure(hu)[0].protocol.text()


def test_orientation_does_not_matter(judge: Lpips) -> None:
    pair = make_pair(0.1)
    turned = {name: reorient(getattr(pair, name), "SPL") for name in ("reference", "synthetic")}
    mask = (
        reorient(Volume(pair.mask.astype(np.uint8), AFFINE), "SPL").voxels > 0
        if pair.mask is not None
        else None
    )
    again = judge.measure(replace(pair, **turned, mask=mask))
    assert [one.value for one in again] == pytest.approx([one.value for one in judge.measure(pair)], rel=1e-6)


def test_colour_and_single_slices_are_taken(judge: Lpips) -> None:
    rng = np.random.default_rng(2)
    x, y = (rng.integers(0, 255, (33, 35, 1, 3)).astype(np.uint8) for _ in range(2))
    pair = CasePair("a", "unet", Volume(x, AFFINE), Volume(y, AFFINE), None, "sRGB levels", 255.0)
    assert judge.measure(pair)[0].value > 0
    assert judge.measure(replace(pair, synthetic=pair.reference))[0].value == 0


def test_slices_that_are_too_small_and_bad_values_are_refused(judge: Lpips) -> None:
    small = Volume(np.ones((30, 40, 3), np.float32), AFFINE)
    pair = CasePair("a", "unet", small, small, None, "FA", 1.0)
    with pytest.raises(UsageError, match="40 x 30 pixels for lpips; expected 31") as refused:
        judge.measure(pair)
    assert refused.value.code == "E004"
    bad = make_pair(synthetic=Volume(np.full(SHAPE, np.nan, np.float32), AFFINE))
    with pytest.raises(InputError) as not_finite:
        judge.measure(bad)
    with pytest.raises(InputError) as empty:
        judge.measure(make_pair(mask=np.zeros(SHAPE, bool)))
    assert (not_finite.value.code, empty.value.code) == ("E120", "E124")


def test_constant_images_are_alike(judge: Lpips) -> None:
    flat = Volume(np.full(SHAPE, 0.5, np.float32), AFFINE)
    assert judge.measure(make_pair(reference=flat, synthetic=flat))[0].value == 0


def test_labels_come_back_where_they_were() -> None:
    rng = np.random.default_rng(3)
    volume = reorient(Volume(rng.integers(0, 5, SHAPE).astype(np.float32), AFFINE), "ASR")
    planes = slices(volume, make_pair().scale, None)[:, 0].numpy().round().astype(np.int64)
    assert np.array_equal(as_labels(planes, volume), volume.voxels)
    mask = volume.voxels > 2
    assert np.array_equal(as_labels(mask_slices(mask, volume).numpy().astype(np.int64), volume) > 0, mask)


class Means(nn.Module):
    """Four features of an image: means of its quarters."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(images.mean(dim=1), 2).flatten(1) * self.weight


@pytest.fixture
def small_inception(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frechet.inception, "FEATURES", 4)
    monkeypatch.setattr(
        frechet.inception, "pretrained_inception", lambda weights: FrozenNet(Means, weights, "Download it.")
    )


@pytest.mark.usefixtures("small_inception")
def test_fid_and_kid_are_of_all_slices_that_meet_a_mask() -> None:
    judge = InceptionDistances(("fid", "kid"), "random", CPU)
    pairs = [make_pair(0.3, case=case, seed=seed) for seed, case in enumerate("abc")]
    for pair in pairs:
        assert judge.measure(pair) == []
        assert judge.measure(replace(pair, translator="oracle", synthetic=pair.reference)) == []
    fid, best, kid, _ = judge.split_figures()
    assert [(one.translator, one.metric) for one in judge.split_figures()] == [
        ("unet", "fid"), ("oracle", "fid"), ("unet", "kid"), ("oracle", "kid"),
    ]  # fmt: skip
    assert fid.n_slices == 3 * 5

    def features(which: str) -> Any:  # noqa: ANN401
        found = []
        for pair in pairs:
            mask = pair.mask if pair.mask is not None else np.ones(SHAPE, bool)
            volume = getattr(pair, which).voxels * mask
            upright = torch.from_numpy(volume[::-1, ::-1].T[1:].copy())[:, None]
            found.append(Means()(upright).detach().numpy())
        return np.concatenate(found)

    x, y = features("reference"), features("synthetic")
    assert fid.value == pytest.approx(frechet_distance(x, y), rel=1e-4)
    assert kid.value == pytest.approx(kernel_distance(x, y), rel=1e-3, abs=1e-9)
    assert best.value == pytest.approx(0, abs=1e-9)
    assert "Inception of 2015-12-05 random:" in fid.protocol
    assert judge.record()["inception_sha256"].startswith("random:")


@pytest.mark.usefixtures("small_inception")
def test_noise_outside_the_mask_does_not_change_fid() -> None:
    pair = make_pair(0.3)
    ruined = pair.synthetic.with_voxels(np.where(pair.mask, pair.synthetic.voxels, np.float32(7)))
    values = []
    for synthetic in (pair.synthetic, ruined):
        judge = InceptionDistances(("kid",), "random", CPU)
        judge.measure(replace(pair, synthetic=synthetic))
        values.append(judge.split_figures()[0].value)
    assert values[0] == values[1]


def test_too_few_slices_have_no_fid_and_the_note_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        frechet.inception, "pretrained_inception", lambda weights: FrozenNet(Means, weights, "Download it.")
    )
    judge = InceptionDistances(("fid", "kid"), "random", CPU)
    judge.measure(make_pair(0.3))
    fid, kid = judge.split_figures()
    assert (fid.value, fid.n_slices) == (None, 5)
    assert fid.text() == "unet: no FID: fid needs 2049 slices or more: there are 5"
    assert kid.value is not None
    assert kid.text().endswith("over 5 slices")
    one = InceptionDistances(("kid",), "random", CPU)
    mask = np.zeros(SHAPE, bool)
    mask[5, 5, 2] = True
    one.measure(make_pair(mask=mask))
    assert one.split_figures()[0].note == "kid needs 2 slices or more: there are 1"


def test_metrics_and_weights_are_sorted() -> None:
    chosen = learned.choose(
        ["mae", "lpips"], {"lpips": "random", "lpips_heads": "random", "sam": "x.pth"}, device="cpu"
    )
    assert (chosen.plain, chosen.weights) == (("mae",), {"sam": "x.pth"})
    assert [one.metrics for one in chosen.learned.parts] == [("lpips",)]
    alone = learned.choose(["lpips"], {"lpips": "random", "lpips_heads": "random"}, device="cpu")
    assert alone.plain == ("mae",)
    nothing = learned.choose(["ssim"], {}, device="cpu")
    assert (nothing.plain, nothing.learned.parts) == (("ssim",), [])
    with pytest.raises(UsageError, match="no metric"):
        learned.choose([], {})


@pytest.mark.parametrize(
    ("metrics", "weights", "more", "part"),
    [
        (["lpips"], {}, {}, "no pretrained weights; expected a file of weights. Download alexnet-owt"),
        (["lpips"], {"lpips": "random"}, {}, "Download alex.pth of https://github.com/richzhang"),
        (["lpips_vgg"], {}, {}, "Download vgg16-397923af.pth"),
        (["fid"], {}, {}, "Download pt_inception-2015-12-05-6726825d.pth"),
        (["mae"], {"lpips_vgg_heads": "x"}, {}, "weights of lpips_vgg_heads without the metric"),
        (["mae"], {"inception": "x"}, {}, "expected --metrics with fid or kid"),
        (["dice"], {}, {}, "the metric dice without a segmenter"),
        (["mae"], {}, {"segmenter": Path("s.onnx")}, "without the metrics dice or hd95"),
        (["mae"], {}, {"window": (0.0, 1.0)}, "a window without a segmenter"),
    ],
)
def test_what_does_not_go_together_is_refused(
    metrics: list[str], weights: dict[str, str], more: dict[str, Any], part: str
) -> None:
    with pytest.raises(UsageError) as refused:
        learned.choose(metrics, weights, device="cpu", **more)
    assert refused.value.code == "E004"
    assert part in str(refused.value)


class Off:
    """Gives the target with an error."""

    def __init__(self, name: str, size: float) -> None:
        self.name, self.size = name, size

    def translate_case(self, case: Any) -> Volume:  # noqa: ANN401
        target: Volume = case.volume("fa")
        return target.with_voxels(target.voxels + np.float32(self.size))


@pytest.mark.usefixtures("small_inception")
def test_an_evaluation_holds_figures_of_networks(make_case: Make, tmp_path: Path) -> None:
    case = make_case(0, fa=make_pair().reference, t1=make_pair().reference)
    case = replace(case, inside=make_pair().mask, brain=make_pair().mask)
    learned = LearnedMetrics(
        [Lpips("alex", "random", "random", CPU), InceptionDistances(("fid",), "random", CPU)]
    )
    entrants = Participants([Off("unet", 0.1)], [Off("lookup", 0.3)])
    task = EvaluationTask(("t1",), "fa", 1.0, "cohort", "d" * 64, "test", 3)
    evaluation = evaluate_cases(entrants, [case], task, learned=learned)
    assert [column.label for column in evaluation.main_columns()][-1] == "LPIPS"
    assert {row.metric for row in evaluation.rows} == {"mae", "psnr", "ssim", "lpips"}
    write(evaluation, tmp_path)
    record = json.loads((tmp_path / "evaluation.json").read_text())
    assert [(one["translator"], one["metric"], one["n_slices"]) for one in record["split_figures"]] == [
        ("unet", "fid", 5), ("lookup", "fid", 5),
    ]  # fmt: skip
    assert set(record["judges"]) == {"lpips", "fid"}
    page = report.page(evaluation)
    assert "Figures of the whole split" in page
    assert "Inception of 2015-12-05 random:" in page
    assert "Figures of the whole split" not in report.page(replace(evaluation, splits=()))
