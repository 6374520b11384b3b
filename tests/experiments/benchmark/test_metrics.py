from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.records import read as reading
from transmodal.experiments.benchmark import table
from transmodal.experiments.benchmark.metrics import (
    check_computable,
    check_known,
    figure_name,
    recorded_figures,
    scored,
    without_dimensions,
)
from transmodal.experiments.benchmark.run import benchmark
from transmodal.experiments.benchmark.suite import Suite, suite_of


def test_names_of_figures() -> None:
    assert without_dimensions(["ssim-2d", "ssim", "mae"]) == ("ssim", "mae")
    assert scored(["ms_ssim-2d"]) == ("mae", "psnr", "ssim", "ms_ssim")
    assert [figure_name(*one) for one in (("ssim", 3), ("ssim", 2), ("stsim2", 2))] == [
        "ssim",
        "ssim-2d",
        "stsim2",
    ]
    assert recorded_figures(["mae"]) == ("mae", "psnr", "ssim")
    assert recorded_figures(["ssim-2d", "stsim2", "ms_ssim"]) == (
        *("mae", "psnr", "ssim", "ssim-2d", "stsim2"),
        *("ms_ssim-2d", "ms_ssim"),
    )


@pytest.mark.parametrize(
    ("name", "code", "hint"),
    [
        ("ms_sim", "E002", "Did you mean ms_ssim?"),
        ("stsim2-3d", "E002", "stsim2 has no figure in 3D."),
        ("lattice_excess", "E002", "Choose among these."),
        ("lpips", "E004", "transmodal evaluate --metrics"),
    ],
)
def test_a_suite_with_a_metric_that_is_none_is_refused_when_it_is_read(
    name: str, code: str, hint: str, suite_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(suite_file.read_text() + f"metric: {name}\n")
    with pytest.raises(UsageError) as caught:
        suite_of(str(path))
    assert caught.value.code == code
    assert hint in caught.value.remedy
    path.write_text(suite_file.read_text() + f"metrics: [nmse, {name}]\n")
    with pytest.raises(UsageError):
        suite_of(str(path))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("delta_cf", "the metric delta_cf of fa, which is grey"),
        ("stsim2_source", "the metric stsim2_source of fa, which is grey"),
        ("stsim2", "the metric stsim2 of case"),
    ],
)
def test_what_the_task_cannot_have_is_refused_before_anything_is_trained(
    name: str, text: str, suite: Suite, cohort: Path, tmp_path: Path
) -> None:
    mine = suite.narrowed(["whole"]).model_copy(update={"metric": name})
    check_known([name])
    with pytest.raises(UsageError, match=text) as caught:
        benchmark(mine, cohort, tmp_path / "out")
    assert caught.value.code == "E004"
    assert not list((tmp_path / "out").rglob("checkpoints"))


def test_what_the_cohort_lacks_is_refused(cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Cohort.open(cohort)
    check_computable(["ring_energy", "gradient_error"], "fa", store)
    volumes = {name: one.model_copy(update={"shape": (64, 64, 4, 3)}) for name, one in _first(store).items()}
    entries = tuple(one.model_copy(update={"volumes": volumes, "mask": None}) for one in store.manifest.cases)
    other = Cohort(store.folder, store.manifest.model_copy(update={"cases": entries}), store.split)
    check_computable(["stsim2", "ssim_source", "ciede2000"], "fa", other)
    for name, what in (("ciede2000_organs", "segmentation"), ("ring_energy", "mask")):
        with pytest.raises(InputError, match=f"without a {what}") as caught:
            check_computable([name], "fa", other)
        assert caught.value.code == "E131"


def _first(store: Cohort) -> dict[str, object]:
    return dict(store.manifest.cases[0].volumes)  # type: ignore[arg-type]


def test_a_table_is_ranked_by_any_metric_and_scored_again_where_it_lacks_one(
    suite: Suite, cohort: Path, tmp_path: Path
) -> None:
    mine = suite.narrowed(["whole"], [1]).model_copy(
        update={"metric": "ms_ssim", "metrics": ("nmse",), "against": ""}
    )
    result = benchmark(mine, cohort, tmp_path)
    comparison = result.comparisons["fa"]
    assert not result.failures
    assert (comparison.primary.metric, comparison.primary.dims) == ("ms_ssim", 3)
    content = result.content
    lines = table.rows(content, content["tables"]["fa"])
    for heading in ("MS_SSIM 3D ↑", "MS_SSIM 2D ↑", "NMSE ↓", "PSNR (dB) ↑"):
        assert heading in lines[0]
    assert {"mae", "ms_ssim", "ms_ssim-2d", "nmse"} <= set(
        content["entries"]["whole"]["seeds"]["1"]["figures"]
    )
    run = tmp_path / "runs" / "whole" / "seed-1"
    weights = (run / "checkpoints" / "last" / "weights.safetensors").stat().st_mtime_ns
    more = mine.model_copy(update={"metric": "gradient_error", "metrics": ()})
    assert benchmark(more, cohort, tmp_path).comparisons["fa"].primary.metric == "gradient_error"
    assert (run / "checkpoints" / "last" / "weights.safetensors").stat().st_mtime_ns == weights
    rows = reading.read(run / "evaluation" / reading.NAME).content.rows
    assert {row.metric for row in rows} == {"mae", "psnr", "ssim", "gradient_error"}


def test_the_colorization_table_shows_the_papers_figures() -> None:
    suite = suite_of("colorization-table")
    shown = set(scored([suite.metric, *suite.metrics]))
    assert {"ssim", "ms_ssim", "stsim2", "delta_cf", "ssim_source", "stsim2_source"} <= shown
