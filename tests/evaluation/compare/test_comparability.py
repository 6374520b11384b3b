"""What must not stand in one table is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from transmodal.cohorts.patient_marks import KEY_ID, MARKS, UNKEYED, make_key
from transmodal.errors import InputError, UsageError
from transmodal.evaluation.compare.comparability import collect_remarks
from transmodal.evaluation.compare.compare import compare
from transmodal.evaluation.provenance import ANOTHER_PROGRAM, ORIGIN
from transmodal.evaluation.records import read

Maker = Any


@pytest.mark.parametrize(
    ("what", "change"),
    [
        (r"has the target ct, .* t2", {"target": "t2"}),
        ("has the cohort mine", {"digest": "e" * 64}),
        ("has the split test, ", {"split": "validation"}),
    ],
)
def test_other_tasks_cohorts_and_splits_are_refused(make: Maker, what: str, change: dict[str, str]) -> None:
    first = make.pair()[0]
    other = make(
        "other",
        {"b": make.bad},
        {"b": make.record(recipe_sha256="b" * 64)},
        task=replace(make.task, **change),
    )
    with pytest.raises(UsageError, match=what) as caught:
        compare([first, other])
    assert caught.value.code == "E004"
    assert "good" in str(caught.value)
    assert "other" in str(caught.value)


def test_other_protocols_are_refused_with_both_texts(make: Maker) -> None:
    first = make("one", {"a": make.good}, {"a": make.record()})
    scaled = replace(make.mae, target_normalised=True)
    other = make("two", {"b": make.bad}, {"b": make.record(recipe_sha256="b" * 64)}, protocol=scaled)
    with pytest.raises(UsageError, match=re.escape(scaled.text())) as caught:
        compare([first, other])
    assert make.mae.text() in str(caught.value)


def test_other_cases_and_the_same_weights_twice_are_refused(make: Maker) -> None:
    first = make("one", {"a": make.good}, {"a": make.record()})
    fewer = make("two", {"b": make.bad[:7]}, {"b": make.record(recipe_sha256="b" * 64)})
    with pytest.raises(UsageError, match=r"case case-7 of patient patient-7 is in .*one.* alone, one of 1"):
        compare([first, fewer])
    with pytest.raises(UsageError, match="the same weights"):
        compare([first, first])


def test_leaking_patients_are_refused_by_name(make: Maker) -> None:
    leaking = replace(make.task, training_patients=("learned-0", "patient-3", "patient-4"))
    run = make("leak", {"unet": make.good}, {"unet": make.record()}, task=leaking)
    with pytest.raises(InputError, match="unet learned from patient patient-3, one of 2") as caught:
        compare([run])
    assert caught.value.code == "E135"
    trained = replace(make.task, split="train")
    with pytest.raises(InputError, match="one of 8 that it is scored on"):
        compare([make("train", {"unet": make.good}, {"unet": make.record()}, task=trained)])


def test_models_of_other_cohorts_are_told_of_and_not_mixed(make: Maker) -> None:
    elsewhere = {"name": "theirs", "digest": "f" * 64}
    own = make("own", {"a": make.good}, {"a": make.record()})
    foreign = make("foreign", {"b": make.bad}, {"b": make.record(recipe_sha256="b" * 64, cohort=elsewhere)})
    with pytest.raises(UsageError, match=r"a learned from the cohort and split mine .* b from theirs"):
        compare([own, foreign])
    assert any("theirs" in note and "cannot be excluded" in note for note in compare([foreign]).notes)
    told: dict[str, Any] = {"cohort": elsewhere, "training_patients_sha256": [UNKEYED.mark("someone")]}
    assert not any(
        "excluded" in note
        for note in compare([make("told", {"b": make.bad}, {"b": make.record(**told)})]).notes
    )
    told["training_patients_sha256"] = [UNKEYED.mark("patient-6")]
    with pytest.raises(InputError, match="b learned from patient patient-6, one of 1"):
        compare([make("leaking", {"b": make.bad}, {"b": make.record(**told)})])
    unknown = make("unknown", {"c": make.bad}, {"c": {"translator": "c"}})
    notes = compare([unknown]).notes
    assert any(note.startswith("c: what it learned from is not recorded") for note in notes)
    assert any(note == "Parameters not recorded: c." for note in notes)


def test_marks_of_another_key_are_tested_where_the_evaluation_had_it(make: Maker) -> None:
    own, theirs = make_key(), make_key()
    told: dict[str, Any] = {
        "cohort": {"name": "theirs", "digest": "f" * 64},
        MARKS: [theirs.mark("patient-6")],
        KEY_ID: theirs.id,
    }
    alone = replace(make.task, keys=(own,))
    blind = make("blind", {"b": make.bad}, {"b": make.record(**told)}, task=alone)
    (note,) = [note for note in compare([blind]).notes if "not tested" in note]
    assert theirs.id in note
    assert "--training-cohort" in note
    both = replace(make.task, keys=(own, theirs))
    with pytest.raises(InputError, match="b learned from patient patient-6, one of 1"):
        compare([make("told", {"b": make.bad}, {"b": make.record(**told)}, task=both)])
    told[MARKS] = [theirs.mark("someone")]
    fine = make("fine", {"b": make.bad}, {"b": make.record(**told)}, task=both)
    assert not any("not tested" in note for note in compare([fine]).notes)
    assert theirs.secret.hex() not in (fine / "evaluation" / "evaluation.json").read_text()


def test_figures_from_before_clipping_are_told_of(make: Maker) -> None:
    """Where volumes of some runs were clipped to the target's range and those of others were not, a note says so."""
    old = make("old", {"unet": make.good}, {"unet": make.record()})
    ranged = make.record(recipe_sha256="b" * 64, synthetic_range=[-1024.0, 3000.0])
    new = make("new", {"pix2pix": make.bad}, {"pix2pix": ranged})
    (note,) = [one for one in compare([old, new]).notes if "clipped" in one]
    assert "target's range: unet; evaluate again" in note
    assert not any("clipped" in one for path in (old, new) for one in compare([path]).notes)


def test_a_note_on_a_name_that_two_models_have_says_whose_it_is(make: Maker) -> None:
    runs = [
        make(name, {"sct": figures}, {"sct": {"volumes_sha256": name, ORIGIN: ANOTHER_PROGRAM}})
        for name, figures in (("alice", make.good), ("bob", make.bad))
    ]
    runs.append(make("carol", {"unet": make.bad}, {"unet": make.record()}))
    of_all, of_one = "sct: made elsewhere.", "WARNING: sct: values were multiplied by 2."
    for run, notes in zip(runs, ([of_all], [of_all, of_one], ["unet: from scratch."]), strict=True):
        path = run / "evaluation" / "evaluation.json"
        content = json.loads(path.read_text())
        content["provenance"]["notes"] = notes
        path.write_text(json.dumps(content))
    remarks = collect_remarks([read.read(read.find(run)) for run in runs])
    assert remarks[:3] == [of_all, f"bob: {of_one}", "unet: from scratch."]
