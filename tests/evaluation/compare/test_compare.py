from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from transmodal import cli
from transmodal.cohorts.case import patient_mark
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.evaluation.compare import page as comparison_page
from transmodal.evaluation.compare import table
from transmodal.evaluation.compare.compare import Comparison, compare
from transmodal.evaluation.result import Evaluation
from transmodal.evaluation.task import EvaluationTask
from transmodal.metrics.protocol import Protocol
from transmodal.metrics.table import Row
from transmodal.notice import INTENDED_USE
from transmodal.storage import files

SUBJECT = EvaluationTask(
    ("t1",), "ct", 4024.0, "mine", "d" * 64, "test", 3, training_patients=("learned-0", "learned-1")
)
MAE = Protocol("mask", 3, "HU")
PSNR = Protocol("mask", 3, "HU", 4024.0)
GOOD = [60.0, 55.5, 71.2, 64.3, 58.8, 66.1, 62.9, 69.4]
BAD = [value + step for value, step in zip(GOOD, [8.5, 4.1, 9.9, 7.2, -1.3, 6.6, 5.4, 3.0], strict=True)]


def _record(seed: int = 1, **more: Any) -> dict[str, Any]:  # noqa: ANN401  # what records hold
    known = {
        "recipe": "mr-to-ct",
        "translator": "unet",
        "without": [],
        "cohort": {"name": "mine", "digest": "d" * 64},
        "best": {"metric": "mae", "value": 1.0},
        "seed": seed,
        "recipe_sha256": "a" * 64,
        "parameters": 4_864_961,
        "device": "cpu",
    }
    return {**known, **more}


class Maker:
    """Writes evaluations of made-up figures."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self,
        name: str,
        figures: dict[str, Sequence[float]],
        records: dict[str, dict[str, Any]],
        task: EvaluationTask = SUBJECT,
        protocol: Protocol = MAE,
        oracles: Sequence[str] = (),
    ) -> Path:
        rows = [row for who, values in figures.items() for row in _rows(who, values, protocol)]
        models = tuple(who for who in figures if who not in oracles)
        records = {who: {"weights_sha256": f"{name} {who}", **record} for who, record in records.items()}
        seconds = {who: {f"case-{n}": 0.5 + n for n in range(len(values))} for who, values in figures.items()}
        evaluation = Evaluation(task, models, tuple(oracles), tuple(rows), records=records, seconds=seconds)
        place = self.folder / name / "evaluation"
        place.mkdir(parents=True)
        files.write_json(place / "evaluation.json", evaluation.to_json())
        files.write_json(place / "timing.json", evaluation.timing())
        return self.folder / name

    def pair(self) -> list[Path]:
        """Two runs of different recipes, the first beside an oracle."""
        return [
            self("good", {"unet": GOOD, "mean_target": [90.0 + n for n in range(8)]}, {"unet": _record()}, oracles=("mean_target",)),
            self("bad", {"pix2pix": BAD}, {"pix2pix": _record(translator="pix2pix", recipe_sha256="b" * 64, parameters=57_000)}),
        ]  # fmt: skip


def _rows(who: str, values: Sequence[float], protocol: Protocol) -> list[Row]:
    rows = []
    for n, value in enumerate(values):
        rows.append(Row(f"case-{n}", f"patient-{n}", who, "mae", value, "HU", protocol))
        rows.append(
            Row(f"case-{n}", f"patient-{n}", who, "psnr", 90 - value if value else math.inf, "dB", PSNR)
        )
    return rows


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


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
        (np.mean(GOOD), np.std(GOOD, ddof=1))
    )
    assert pix2pix.difference is not None
    assert pix2pix.difference.mean == pytest.approx(np.mean(BAD) - np.mean(GOOD))
    # Two tests in the table: Holm doubles the smaller p.
    raw = [
        stats.wilcoxon(np.array(other) - GOOD, method="exact").pvalue
        for other in (BAD, [90.0 + n for n in range(8)])
    ]
    assert (pix2pix.p, oracle.p) == pytest.approx((max(raw), 2 * min(raw)))
    assert unet.secondary[0].mean == pytest.approx(90 - np.mean(GOOD))
    assert (unet.parameters, oracle.parameters) == (4_864_961, None)
    assert unet.seconds == pytest.approx(4.0)
    assert (unet.trainings, oracle.trainings) == (1, 0)


def test_the_direction_of_the_metric_decides_who_is_best(make: Maker) -> None:
    runs = make.pair()
    assert compare(runs, metric="psnr").reference == "unet"
    flipped = make(
        "flipped", {"worst": [value / 2 for value in BAD]}, {"worst": _record(recipe_sha256="c" * 64)}
    )
    assert compare([*runs, flipped]).reference == "worst"


def test_trainings_that_differ_in_their_seed_are_one_row(make: Maker) -> None:
    rng = np.random.default_rng(0)
    runs = [
        make(
            f"seed-{n}", {"unet": list(rng.normal(GOOD, 1))}, {"unet": _record(n, training_seconds=60.0 * n)}
        )
        for n in (1, 2, 3)
    ]
    comparison = compare([*runs, make.pair()[1]])
    rows = _by_name(comparison)
    assert (rows["unet"].trainings, rows["unet"].seeds) == (3, (1, 2, 3))
    assert rows["unet"].description.n == 8
    assert rows["unet"].training_seconds == pytest.approx(120)
    assert "patients and seeds" in comparison.method
    assert any(note.startswith("One training each: pix2pix.") for note in comparison.notes)
    assert any(note == "Training time not recorded: pix2pix." for note in comparison.notes)


@pytest.mark.parametrize(
    "other", [{"recipe_sha256": "b" * 64}, {"without": ["t2"]}, {"seed": 1}, {"recipe_sha256": None}]
)
def test_other_trainings_stay_apart(make: Maker, other: dict[str, Any]) -> None:
    runs = [
        make("one", {"unet": GOOD}, {"unet": _record(1)}),
        make("two", {"unet": BAD}, {"unet": {**_record(2), **other}}),
    ]
    names = [one.name for one in compare(runs).rows]
    assert len(set(names)) == 2
    assert all(one.trainings == 1 for one in compare(runs).rows)


def test_rows_of_one_name_are_told_apart_by_translator_recipe_or_folder(make: Maker) -> None:
    first = make("one", {"run": GOOD}, {"run": _record()})
    by_translator = make("two", {"run": BAD}, {"run": _record(recipe_sha256="b" * 64, translator="pix2pix")})
    assert {one.name for one in compare([first, by_translator]).rows} == {"unet", "pix2pix"}
    by_recipe = make("three", {"run": BAD}, {"run": _record(recipe_sha256="c" * 64, recipe="other")})
    assert {one.name for one in compare([first, by_recipe]).rows} == {"mr-to-ct", "other"}
    by_folder = make("four", {"run": BAD}, {"run": _record(recipe_sha256="e" * 64, without=["t2"])})
    again = make("x/four", {"run": BAD}, {"run": _record(recipe_sha256="f" * 64, without=["t2"])})
    names = {one.name for one in compare([first, by_folder, again]).rows}
    assert len(names) == 3
    assert all("four" in name or "one" in name for name in names)


def test_an_oracle_of_several_evaluations_is_one_row_where_its_figures_are_the_same(make: Maker) -> None:
    runs = [
        make(name, {name: GOOD, "lookup": lookup}, {name: _record(recipe_sha256=name)}, oracles=["lookup"])
        for name, lookup in (("a", BAD), ("b", BAD), ("c", [value + 1 for value in BAD]))
    ]
    assert [one.name for one in compare(runs[:2]).rows] == ["a", "b", "lookup"]
    assert {one.name for one in compare(runs).rows} == {"a", "b", "c", "lookup (a)", "lookup (c)"}


def test_cases_of_one_patient_count_once(make: Maker) -> None:
    run = make("twice", {"unet": GOOD}, {"unet": _record()})
    path = run / "evaluation" / "evaluation.json"
    content = json.loads(path.read_text().replace('"patient-1"', '"patient-0"'))
    files.write_json(path, content)
    (row,) = compare([run]).rows
    assert row.description.n == 7
    assert row.patients[0] == pytest.approx((GOOD[0] + GOOD[1]) / 2)


def test_below_six_patients_the_table_says_why_there_is_no_test(make: Maker) -> None:
    runs = [
        make("a", {"a": GOOD[:5]}, {"a": _record()}),
        make("b", {"b": BAD[:5]}, {"b": _record(recipe_sha256="b" * 64)}),
    ]
    comparison = compare(runs)
    assert all(one.p is None and one.description.of_mean is None for one in comparison.rows)
    assert comparison.notes[0].startswith("No test and no interval: with 5 patients")
    assert "0.0625" in table.markdown(comparison)
    assert "Wilcoxon" not in comparison.method


def test_a_patient_whose_figure_is_infinite_is_left_out_of_every_row(make: Maker) -> None:
    runs = [
        make("a", {"a": [0.0, *GOOD[1:]]}, {"a": _record()}),
        make("b", {"b": BAD}, {"b": _record(recipe_sha256="b" * 64)}),
    ]
    comparison = compare(runs, metric="psnr")
    assert comparison.patients == tuple(f"patient-{n}" for n in range(1, 8))
    assert any("not finite in some row: patient-0" in note for note in comparison.notes)
    identical = make("c", {"c": [0.0] * 8}, {"c": _record(recipe_sha256="c" * 64)})
    with pytest.raises(InputError, match="no patient with a finite psnr") as caught:
        compare([*runs, identical], metric="psnr")
    assert caught.value.code == "E132"


def test_a_reference_and_a_margin_that_were_named_beforehand(make: Maker) -> None:
    runs = make.pair()
    rows = _by_name(compare(runs, against="pix2pix", margin=1.0))
    assert rows["pix2pix"].difference is None
    assert rows["unet"].non_inferiority.is_shown is True
    assert rows["mean_target"].non_inferiority.is_shown is False
    text = table.markdown(compare(runs, margin=20))
    assert "At most 20 HU worse" in text
    assert "shown" in text
    with pytest.raises(UsageError, match="no row nobody"):
        compare(runs, against="nobody")
    with pytest.raises(UsageError, match="a margin of 0"):
        compare(runs, margin=0)


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
    run = make("run", {"unet": GOOD}, {"unet": _record()})
    _changed(run / "evaluation" / "evaluation.json", change)
    with pytest.raises(InputError, match=what) as caught:
        compare([run])
    assert caught.value.code == "E101"
    assert str(run) in str(caught.value)


@pytest.mark.parametrize(
    ("what", "task"),
    [
        (r"has the target ct, .* t2", replace(SUBJECT, target="t2")),
        ("has the cohort mine", replace(SUBJECT, digest="e" * 64)),
        ("has the split test, ", replace(SUBJECT, split="validation")),
    ],
)
def test_other_tasks_cohorts_and_splits_are_refused(make: Maker, what: str, task: EvaluationTask) -> None:
    first = make.pair()[0]
    other = make("other", {"b": BAD}, {"b": _record(recipe_sha256="b" * 64)}, task=task)
    with pytest.raises(UsageError, match=what) as caught:
        compare([first, other])
    assert caught.value.code == "E004"
    assert "good" in str(caught.value)
    assert "other" in str(caught.value)


def test_other_protocols_are_refused_with_both_texts(make: Maker) -> None:
    first = make("one", {"a": GOOD}, {"a": _record()})
    scaled = replace(MAE, target_normalised=True)
    other = make("two", {"b": BAD}, {"b": _record(recipe_sha256="b" * 64)}, protocol=scaled)
    with pytest.raises(UsageError, match=re.escape(scaled.text())) as caught:
        compare([first, other])
    assert MAE.text() in str(caught.value)


def test_other_cases_and_the_same_weights_twice_are_refused(make: Maker) -> None:
    first = make("one", {"a": GOOD}, {"a": _record()})
    fewer = make("two", {"b": BAD[:7]}, {"b": _record(recipe_sha256="b" * 64)})
    with pytest.raises(UsageError, match=r"case case-7 of patient patient-7 is in .*one.* alone, one of 1"):
        compare([first, fewer])
    with pytest.raises(UsageError, match="the same weights"):
        compare([first, first])


def test_leaking_patients_are_refused_by_name(make: Maker) -> None:
    leaking = replace(SUBJECT, training_patients=("learned-0", "patient-3", "patient-4"))
    run = make("leak", {"unet": GOOD}, {"unet": _record()}, task=leaking)
    with pytest.raises(InputError, match="unet learned from patient patient-3, one of 2") as caught:
        compare([run])
    assert caught.value.code == "E135"
    trained = replace(SUBJECT, split="train")
    with pytest.raises(InputError, match="one of 8 that it is scored on"):
        compare([make("train", {"unet": GOOD}, {"unet": _record()}, task=trained)])


def test_models_of_other_cohorts_are_told_of_and_not_mixed(make: Maker) -> None:
    elsewhere = {"name": "theirs", "digest": "f" * 64}
    own = make("own", {"a": GOOD}, {"a": _record()})
    foreign = make("foreign", {"b": BAD}, {"b": _record(recipe_sha256="b" * 64, cohort=elsewhere)})
    with pytest.raises(UsageError, match=r"a learned from the cohort and split mine .* b from theirs"):
        compare([own, foreign])
    assert any("theirs" in note and "cannot be excluded" in note for note in compare([foreign]).notes)
    told: dict[str, Any] = {"cohort": elsewhere, "training_patients_sha256": [patient_mark("someone")]}
    assert not any(
        "excluded" in note for note in compare([make("told", {"b": BAD}, {"b": _record(**told)})]).notes
    )
    told["training_patients_sha256"] = [patient_mark("patient-6")]
    with pytest.raises(InputError, match="b learned from patient patient-6, one of 1"):
        compare([make("leaking", {"b": BAD}, {"b": _record(**told)})])
    unknown = make("unknown", {"c": BAD}, {"c": {"translator": "c"}})
    notes = compare([unknown]).notes
    assert any(note.startswith("c: what it learned from is not recorded") for note in notes)
    assert any(note == "Parameters not recorded: c." for note in notes)


def test_what_a_reader_has_to_know_is_said(make: Maker) -> None:
    task = replace(SUBJECT, split="validation", simulated=("ct",), notes=("Virtual subjects.",))
    run = make("run", {"unet": GOOD}, {"unet": _record()}, task=task)
    notes = compare([run]).notes
    assert "Virtual subjects." in notes
    assert "Simulated, measured by no scanner: ct." in notes
    assert any(note.startswith("Validation split") for note in notes)
    gpu = make("gpu", {"g": BAD}, {"g": _record(recipe_sha256="b" * 64, device="cuda:0")}, task=task)
    assert any("different devices (cpu, cuda:0)" in note for note in compare([run, gpu]).notes)


def test_metrics_are_the_recipes_own_or_chosen(make: Maker) -> None:
    one = make("one", {"a": GOOD}, {"a": _record()})
    psnr: dict[str, Any] = {"best": {"metric": "psnr", "value": 1.0}, "recipe_sha256": "b" * 64}
    other = make("two", {"b": BAD}, {"b": _record(**psnr)})
    assert compare([other]).primary.metric == "psnr"
    with pytest.raises(UsageError, match="a is judged by mae; the recipe of b is judged by psnr"):
        compare([one, other])
    assert compare([one, other], metric="psnr-3d").primary.metric == "psnr"
    with pytest.raises(UsageError, match="the metric fid; expected mae, psnr") as caught:
        compare([one], metric="fid")
    assert caught.value.code == "E002"


def test_runs_without_evaluation_and_no_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="transmodal evaluate") as caught:
        compare([tmp_path])
    assert caught.value.code == "E100"
    with pytest.raises(UsageError, match="no run"):
        compare([])


def test_without_timing_the_table_says_so_and_a_broken_one_is_refused(make: Maker) -> None:
    run = make("run", {"unet": GOOD}, {"unet": _record()})
    timing = run / "evaluation" / "timing.json"
    timing.write_text('{"seconds": {"unet": 3}}')
    with pytest.raises(InputError, match=r"timing\.json: it does not hold seconds"):
        compare([run])
    timing.unlink()
    assert any(note == "Time per volume not recorded: unet." for note in compare([run]).notes)


def test_the_four_formats_say_the_same(make: Maker) -> None:
    comparison = compare(make.pair(), margin=2)
    shown = f"{np.mean(GOOD):.2f} ± {np.std(GOOD, ddof=1):.2f}"
    text = table.markdown(comparison)
    assert f"**unet** | 1 | {shown}" in text
    assert "*mean_target*" in text
    assert "4.86 M" in text
    assert INTENDED_USE in text
    html = comparison_page.page(comparison)
    assert shown in html
    assert MAE.text().replace("'", "&#x27;") in html
    assert not re.search(r"(src|href)=\"(?!data:)", html)
    tex = table.latex(comparison)
    assert shown.replace("±", r"$\pm$") in tex
    assert r"mean\_target" in tex
    assert "-{}-against" in tex
    assert "--" not in tex
    assert tex.count(r"\\") == 4
    lines = list(csv.DictReader(io.StringIO(table.table_csv(comparison))))
    assert [float(line["mean"]) for line in lines] == [one.description.mean for one in comparison.rows]
    assert lines[0]["difference"] == lines[0]["p_holm"] == ""
    assert float(lines[1]["p_holm"]) == comparison.rows[1].p
    assert lines[1]["non_inferior"] == "False"
    patients = list(csv.DictReader(io.StringIO(table.patients_csv(comparison))))
    assert len(patients) == 3 * 8
    assert float(patients[0]["value"]) == GOOD[0]


def test_names_from_files_are_escaped(make: Maker) -> None:
    odd = r"<script>|_50%\x"
    comparison = compare(
        [make("odd", {odd: GOOD, "b": BAD}, {odd: _record(), "b": _record(recipe_sha256="b" * 64)})]
    )
    assert "<script>|" not in comparison_page.page(comparison)
    assert "&lt;script&gt;|" in comparison_page.page(comparison)
    assert r"<script>\|_50%\\x" in table.markdown(comparison)
    assert r"$<$script$>$|\_50\%\textbackslash{}x" in table.latex(comparison)
    assert odd in table.table_csv(comparison)


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


def _run(*arguments: str) -> int:
    return cli.run(["compare", *arguments])


def test_the_command_writes_every_format(
    make: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(run) for run in make.pair()]
    out = tmp_path / "deep" / "out"
    assert _run(*runs, "-o", str(out)) == 0
    assert "| **unet** |" in capsys.readouterr().out
    assert {path.name for path in out.iterdir()} == {
        "comparison.md", "comparison.csv", "comparison.tex", "comparison.html", "comparison.json", "patients.csv",
    }  # fmt: skip
    kept = json.loads((out / "comparison.json").read_text())
    assert kept["intended_use"] == INTENDED_USE
    assert [row["name"] for row in kept["rows"]] == ["unet", "pix2pix", "mean_target"]
    assert [one["sha256"] for one in kept["evaluations"]] == [
        files.sha256_file(Path(run) / "evaluation" / "evaluation.json") for run in runs
    ]
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert _run(*runs, "-o", str(out)) == 0
    assert first == {path.name: path.read_bytes() for path in out.iterdir()}


def test_the_command_prints_one_format(
    make: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [str(run) for run in make.pair()]
    assert _run(*runs, "--format", "csv", "--metric", "psnr") == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {line["metric"] for line in lines} == {"psnr"}
    assert _run(*runs, "--format", "latex", "-o", str(tmp_path / "tex")) == 0
    assert {path.name for path in (tmp_path / "tex").iterdir()} == {
        "comparison.tex", "comparison.json", "patients.csv",
    }  # fmt: skip


def test_the_command_fails_on_one_line(
    make: Maker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(make.pair()[0])
    for arguments, status, code in (
        ([run, run], 2, "E004"),
        ([run, "--format", "pdf"], 2, "E001"),
        ([str(tmp_path / "nowhere")], 3, "E100"),
    ):
        assert _run(*arguments) == status
        shown = capsys.readouterr().err
        assert shown.startswith(f"error[{code}]")
        assert shown.count("\n") == 1


def test_no_refusal_is_a_bug(make: Maker) -> None:
    """Whatever is taken out of an evaluation, the answer is a table or an error of ours."""
    run = make("run", {"unet": GOOD, "lookup": BAD}, {"unet": _record()}, oracles=["lookup"])
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


def test_what_networks_started_from_is_said_and_keeps_trainings_apart(make: Maker) -> None:
    """Trainings of one recipe that started from different files are no repetitions of one another."""
    scratch, one, two = ({"backbone": start} for start in ("from scratch", "1" * 64, "2" * 64))
    comparison = compare(
        [
            make("old", {"resvit": GOOD}, {"resvit": _record(1)}),
            make("new", {"resvit": GOOD}, {"resvit": _record(2, starting_weights=scratch)}),
            make("first", {"first": BAD}, {"first": _record(1, starting_weights=one)}),
            make("second", {"second": BAD}, {"second": _record(2, starting_weights=two)}),
            make(
                "plain", {"pix2pix": BAD}, {"pix2pix": _record(recipe_sha256="b" * 64, starting_weights={})}
            ),
        ]
    )
    rows = {standing.name: standing.seeds for standing in comparison.rows}
    assert rows == {"resvit": (1, 2), "first": (1,), "second": (2,), "pix2pix": (1,)}
    assert "From scratch, where the paper starts from published weights: resvit." in comparison.notes
    said = "Started from published weights: first (SHA-256 111111111111), second (SHA-256 222222222222)."
    assert said in comparison.notes
    assert not any(
        "published" in note for note in compare([make("alone", {"p": GOOD}, {"p": _record()})]).notes
    )


def test_figures_from_before_clipping_are_told_of(make: Maker) -> None:
    """Where volumes of some runs were clipped to the target's range and those of others were not, a note says so."""
    old = make("old", {"unet": GOOD}, {"unet": _record()})
    ranged = _record(recipe_sha256="b" * 64, synthetic_range=[-1024.0, 3000.0])
    new = make("new", {"pix2pix": BAD}, {"pix2pix": ranged})
    (note,) = [one for one in compare([old, new]).notes if "clipped" in one]
    assert "target's range: unet; evaluate again" in note
    assert not any("clipped" in one for path in (old, new) for one in compare([path]).notes)
