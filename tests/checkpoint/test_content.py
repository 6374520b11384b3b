"""What a checkpoint says of where its weights come from."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from transmodal.checkpoint.content import Checkpoint, CohortMark, State


def test_provenance_names_cohort_step_and_best(whole: Checkpoint) -> None:
    provenance = json.loads(json.dumps(whole.provenance()))
    assert provenance["cohort"] == {"name": "heads", "digest": "ab12"}
    assert (provenance["phase"], provenance["epoch"], provenance["step"]) == ("train", 3, 17)
    assert provenance["best"] == {"metric": "mae", "value": 0.1 + 0.2}
    assert provenance["frozen"] == {"sam": "cd34"}


def test_marks_of_patients_travel_and_their_ids_do_not(whole: Checkpoint) -> None:
    marked = replace(whole, cohort=CohortMark("heads", "ab12", ("m1", "m2")))
    assert marked.provenance()["training_patients_sha256"] == ["m1", "m2"]


def test_training_time_is_said_where_it_is_known(whole: Checkpoint) -> None:
    assert "training_seconds" not in whole.provenance()
    timed = replace(whole, state=whole.state.model_copy(update={"seconds": 12.34}))
    assert timed.provenance()["training_seconds"] == 12.3


def test_a_state_is_frozen_and_knows_its_keys() -> None:
    state = State(phase="train")
    with pytest.raises(ValidationError):
        state.step = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        State.model_validate({"phase": "train", "unknown": 1})
