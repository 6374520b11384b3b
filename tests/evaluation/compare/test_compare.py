from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.evaluation.compare.compare import Comparison, compare
from transmodal.storage import files

Maker = Any


def _by_name(comparison: Comparison) -> dict[str, Any]:
    return {one.name: one for one in comparison.rows}


def test_a_table_by_hand(make: Maker) -> None:
    comparison = compare(make.pair())
    assert [one.name for one in comparison.rows] == ["unet", "pix2pix", "mean_target"]
    assert comparison.reference == "unet"
    assert comparison.primary[:2] == ("mae", "HU")
    assert [kind.metric for kind in comparison.secondary] == ["psnr"]
    unet, pix2pix, oracle = comparison.rows
    assert unet.difference is None
    assert unet.p is None
    assert (unet.description.mean, unet.description.sd) == pytest.approx(
        (np.mean(make.good), np.std(make.good, ddof=1))
    )
    assert pix2pix.difference is not None
    assert pix2pix.difference.mean == pytest.approx(np.mean(make.bad) - np.mean(make.good))
    # Two tests in the table: Holm doubles the smaller p.
    raw = [
        stats.wilcoxon(np.array(other) - make.good, method="exact").pvalue
        for other in (make.bad, [90.0 + n for n in range(8)])
    ]
    assert (pix2pix.p, oracle.p) == pytest.approx((max(raw), 2 * min(raw)))
    assert unet.secondary[0].mean == pytest.approx(90 - np.mean(make.good))
    assert (unet.parameters, oracle.parameters) == (4_864_961, None)
    assert unet.seconds == pytest.approx(4.0)
    assert (unet.trainings, oracle.trainings) == (1, 0)


def _changed(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    files.write_json(path, content)


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("the mean of mae of unet is 1.0", lambda c: c["summary"][0].update(mean=1.0)),
        ("the std of mae of unet is None", lambda c: c["summary"][0].update(std=None)),
        ("the mean of mae of unet is 63", lambda c: c["rows"][0].update(value=1.0)),
        ("the n of mae of unet is 8", lambda c: c["rows"][0].update(value=None)),
        ("is not of its rows", lambda c: c["summary"].pop()),
        ("is there twice", lambda c: c["rows"].append(c["rows"][0])),
        ("figures of stranger, which", lambda c: c["rows"][0].update(translator="stranger")),
        ("not among its protocols", lambda c: c["rows"][0].update(protocol="as we like")),
        ("of the patients other and patient-0", lambda c: c["rows"][0].update(patient="other")),
        ("8 cases where it declares 9", lambda c: c["provenance"]["cohort"].update(n_cases=9)),
        ("ghost has no figures", lambda c: c["provenance"]["oracles"].append("ghost")),
        (r"rows\.0\.value", lambda c: c["rows"][0].update(value="many")),
        ("provenance: field required", lambda c: c.pop("provenance")),
    ],
)  # fmt: skip
def test_an_evaluation_whose_figures_do_not_fit_is_refused(
    make: Maker, what: str, change: Callable[[Any], object]
) -> None:
    run = make("run", {"unet": make.good}, {"unet": make.record()})
    _changed(run / "evaluation" / "evaluation.json", change)
    with pytest.raises(InputError, match=what) as caught:
        compare([run])
    assert caught.value.code == "E101"
    assert str(run) in str(caught.value)


def test_runs_without_evaluation_and_no_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="transmodal evaluate") as caught:
        compare([tmp_path])
    assert caught.value.code == "E100"
    with pytest.raises(UsageError, match="no run"):
        compare([])


def test_the_order_of_the_runs_and_of_their_cases_does_not_matter(make: Maker) -> None:
    runs = make.pair()
    there = compare(runs)
    _changed(runs[1] / "evaluation" / "evaluation.json", lambda content: content["rows"].reverse())
    back = compare(runs[::-1], against="unet")
    key = {one.name: (one.description.mean, one.secondary, one.p) for one in there.rows}
    for one in back.rows:
        mean, others, p = key[one.name]
        assert one.description.mean == pytest.approx(mean)
        assert np.allclose(np.array(one.secondary, float), np.array(others, float))
        assert one.p == p


def test_no_refusal_is_a_bug(make: Maker) -> None:
    """Whatever is taken out of an evaluation, the answer is a table or an error of ours."""
    run = make("run", {"unet": make.good, "lookup": make.bad}, {"unet": make.record()}, oracles=["lookup"])
    path = run / "evaluation" / "evaluation.json"
    whole = json.loads(path.read_text())
    refused = 0
    for part in (*whole, *(("provenance", key) for key in whole["provenance"])):
        content = json.loads(json.dumps(whole))
        if isinstance(part, str):
            del content[part]
        else:
            del content[part[0]][part[1]]
        files.write_json(path, content)
        try:
            compare([run])
        except TransmodalError:
            refused += 1
    assert refused == 8
