"""The metrics of networks that a user names, sorted, opened and taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from transmodal.errors import UsageError
from transmodal.evaluation.casewise import evaluate_cases
from transmodal.evaluation.learned import choose as learned
from transmodal.evaluation.learned.base import LearnedMetrics
from transmodal.evaluation.learned.fid import InceptionDistances
from transmodal.evaluation.learned.lpips import Lpips
from transmodal.evaluation.participants import Participants
from transmodal.evaluation.report import page as report
from transmodal.evaluation.report.write import write
from transmodal.evaluation.task import EvaluationTask
from transmodal.volumes import Volume

CPU = torch.device("cpu")
SHAPE = (33, 37, 6)
AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])
Make = Callable[..., Any]


def test_metrics_and_weights_are_sorted() -> None:
    chosen = learned.choose(
        ["mae", "lpips"], {"lpips": "random", "lpips_heads": "random", "sam": "x.pth"}, device="cpu"
    )
    assert (chosen.plain, chosen.weights) == (("mae",), {"sam": "x.pth"})
    assert [one.metrics for one in chosen.learned.parts] == [("lpips",)]
    texture = learned.choose(["dists"], {"dists": "random", "dists_weights": "random"}, device="cpu")
    assert ([part.metrics for part in texture.learned.parts], texture.weights) == ([("dists",)], {})
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
        (["dists"], {}, {}, "give --weights dists=FILE"),
        (["dists"], {"dists": "random"}, {}, "give --weights dists_weights=FILE"),
        (["lpips"], {"dists_weights": "x"}, {}, "weights of dists_weights without the metric"),
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
def test_an_evaluation_holds_figures_of_networks(make_pair: Make, make_case: Make, tmp_path: Path) -> None:
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
