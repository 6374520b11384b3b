"""Options of a preparation: what enters a case's fingerprint, and other names and splits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from transmodal.cohorts.options import PrepareOptions, SplitOptions
from transmodal.volumes.intensity import IntensitySpec

WINDOW = IntensitySpec("window", 0.0, 100.0)
OPTIONS = PrepareOptions(regions={"t1": ("brain",)}, intensity={"ct": WINDOW})


def test_only_options_of_a_cases_own_modalities_touch_it() -> None:
    plain = PrepareOptions()
    assert OPTIONS.fingerprint(("t2", "fa")) == plain.fingerprint(("t2", "fa"))
    assert OPTIONS.fingerprint(("t1",)) != plain.fingerprint(("t1",))
    assert OPTIONS.fingerprint(("ct",)) != plain.fingerprint(("ct",))
    assert PrepareOptions(record_names=False).fingerprint(()) != plain.fingerprint(())


def test_a_split_and_names_of_labels_decide_no_array() -> None:
    other = OPTIONS.with_split(SplitOptions(counts=(3, 1, 1), seed=7)).model_copy(
        update={"labels": {1: "liver"}}
    )
    assert (other.counts, other.seed) == ((3, 1, 1), 7)
    assert other.regions == OPTIONS.regions
    assert other.fingerprint(("t1", "ct")) == OPTIONS.fingerprint(("t1", "ct"))


def test_modalities_can_have_other_names() -> None:
    renamed = OPTIONS.with_names({"t1": "mr", "pd": "x"})
    assert renamed.regions == {"mr": ("brain",)}
    assert renamed.intensity == {"ct": WINDOW}


def test_unknown_and_changed_options_are_refused() -> None:
    with pytest.raises(ValidationError, match="region"):
        PrepareOptions.model_validate({"region": {}})
    with pytest.raises(ValidationError, match="frozen"):
        OPTIONS.seed = 3  # type: ignore[misc]
