"""A metric is one file with its record: a new one goes through evaluate, compare, check and the report by itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from cli_calls import call
from subject_files import tiny_recipe, write_ellipsoid
from transmodal.evaluation.learned import choose
from transmodal.metrics import registry, suite
from transmodal.recipes.schema import EvaluationSettings
from transmodal.storage import files

METRIC = '''
"""The share of the reference's contrast that the synthetic volume keeps."""

from transmodal.metrics.metric import Metric


def contrast_kept(pair):
    inside = ... if pair.mask is None else pair.mask
    return float(pair.synthetic[inside].std() / pair.reference[inside].std())


METRICS = (
    Metric("contrast_kept", "1", "higher", contrast_kept, definition="standard deviations", decimals=5),
)
'''


@pytest.fixture
def new_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Add a file to the suite for the time of a test."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "contrast.py").write_text(METRIC)
    monkeypatch.setattr(suite, "__path__", [*suite.__path__, str(folder)])
    yield "contrast_kept"
    del sys.modules["transmodal.metrics.suite.contrast"]
    del suite.contrast


def test_a_new_metric_goes_the_whole_way(
    new_metric: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for n in range(5):
        write_ellipsoid(tmp_path / "subjects" / f"case-{n}", n)
    (tmp_path / "tiny.yaml").write_text(tiny_recipe())
    cohort, trained = tmp_path / "cohort", tmp_path / "run"
    call(f"prepare folders {tmp_path}/subjects -o {cohort} --region t1=body --counts 2:1:2 --workers 1")
    call(f"train {tmp_path}/tiny.yaml --cohort {cohort} -o {trained}")
    call(f"evaluate {trained} --cohort {cohort} --metrics {new_metric},mae --save-volumes --device cpu")
    written = files.read_json(trained / "evaluation" / "evaluation.json")
    values = [row["value"] for row in written["rows"] if row["metric"] == new_metric]
    assert len(values) == 2 * 2 * 4  # two cases, mask and whole, one run and three oracles
    assert all(value > 0 for value in values)
    report = (trained / "evaluation" / "report.html").read_text()
    assert new_metric.upper() in report
    assert "CONTRAST_KEPT ↑" in (trained / "evaluation" / "evaluation.md").read_text()
    capsys.readouterr()
    call(f"compare {trained} --metric {new_metric} --json")
    comparison = json.loads(capsys.readouterr().out)
    models = [row for row in comparison["rows"] if not row["oracle"]]
    oracles = [row["description"]["mean"] for row in comparison["rows"] if row["oracle"]]
    assert len(models) == 1
    assert oracles == sorted(oracles, reverse=True)  # higher is better, as its record says
    call(f"check {trained} --cohort {cohort} --json")
    checked = json.loads(capsys.readouterr().out)
    assert checked["left_out"] == []
    assert checked["exact"] == checked["figures"] >= len(written["rows"])


def test_what_leaves_the_suite_is_unknown_again() -> None:
    assert "contrast_kept" not in registry.names()


def test_every_learned_metric_has_a_network_that_takes_it() -> None:
    assert registry.learned_names() == choose.METRICS


@pytest.mark.parametrize("name", get_args(EvaluationSettings.model_fields["primary"].annotation))
def test_the_primary_metrics_of_recipes_are_ranked_and_taken_without_a_network(name: str) -> None:
    assert name in registry.names()
