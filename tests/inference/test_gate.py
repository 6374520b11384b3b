"""The gate: what each policy does with what was found, and what stands in the record."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from transmodal.cohorts.headers.source_facts import SourceFacts
from transmodal.cohorts.quality.training_sources import SourceReference, build_reference
from transmodal.errors import InputError
from transmodal.inference.gate import NO_REFERENCE, Gate, Policy, admit, check
from transmodal.volumes import Volume
from transmodal.volumes.appearance import measure_appearance

BrainOf = Callable[..., Volume]


@pytest.fixture(scope="module")
def reference(brain_of: BrainOf) -> SourceReference:
    known = {}
    for name in ("t1", "t2"):
        volumes = [brain_of(name, n) for n in range(3)]
        looks, grids = [measure_appearance(one) for one in volumes], [one.grid for one in volumes]
        known[name] = build_reference(looks, grids, in_unit=False)
    return SourceReference(known)


def test_right_sources_pass_and_swapped_ones_are_refused_each_by_name(
    reference: SourceReference, brain_of: BrainOf
) -> None:
    t1, t2 = brain_of("t1", 7), brain_of("t2", 7)
    verdict = admit(reference, {"t1": t1, "t2": t2}, Gate())
    assert verdict.outcome == "pass"
    assert verdict.lines() == []
    swapped = check(reference, {"t1": t2, "t2": t1}, Gate())
    assert {name: one.outcome for name, one in swapped.sources.items()} == {"t1": "refuse", "t2": "refuse"}
    with pytest.raises(InputError, match="t1: refuse: grey matter") as caught:
        admit(reference, {"t1": t2, "t2": t2}, Gate())
    assert caught.value.code == "E140"


@pytest.mark.parametrize(
    ("policy", "stands"), [("strict", "refused"), ("refuse", "passes"), ("warn", "passes"), ("off", "passes")]
)
def test_a_warning_closes_only_a_strict_gate(
    reference: SourceReference,
    brain_of: BrainOf,
    policy: Policy,
    stands: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = Gate(policy, {"t1": SourceFacts("its BIDS name", "MR", "t2")}, "sub-01")
    if stands == "refused":
        with pytest.raises(InputError, match="sub-01: t1: warn: its BIDS name says t2"):
            admit(reference, {"t1": brain_of("t1", 7)}, gate)
        return
    verdict = admit(reference, {"t1": brain_of("t1", 7)}, gate)
    assert ("sub-01: t1: warn: its BIDS name says t2" in caplog.text) == (policy != "off")
    assert verdict.record()["outcome"] == ("not checked" if policy == "off" else "warn")


def test_what_is_forced_is_recorded(reference: SourceReference, brain_of: BrainOf) -> None:
    verdict = admit(reference, {"t1": brain_of("t2", 7)}, Gate("warn"))
    record = json.loads(json.dumps(verdict.record(), allow_nan=False))
    assert (record["outcome"], record["policy"], record["overridden"]) == ("refuse", "warn", True)
    (reason,) = record["sources"]["t1"]["reasons"]
    assert reason["evidence"] == "image"
    assert "looks like T2" in reason["text"]
    assert record["sources"]["t1"]["figures"]["grey"] > 1.2


def test_a_run_without_a_reference_says_so_and_still_reads_headers(
    brain_of: BrainOf, caplog: pytest.LogCaptureFixture
) -> None:
    verdict = admit(None, {"t1": brain_of("t2")}, Gate())
    assert verdict.record()["sources"]["t1"]["outcome"] == NO_REFERENCE
    assert "not checked: the run keeps no reference" in caplog.text
    with pytest.raises(InputError, match="says CT; the run takes t1"):
        admit(None, {"t1": brain_of("t1")}, Gate(facts={"t1": SourceFacts("its DICOM header", "CT")}))
