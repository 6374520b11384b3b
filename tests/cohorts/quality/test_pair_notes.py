from __future__ import annotations

import json

from transmodal.cohorts.quality.misalignment import Misalignment
from transmodal.cohorts.quality.pair_notes import ContrastPair, read_pairs, without_pairs, write_pairs

CT, FA = ContrastPair("t1", "ct"), ContrastPair("t1", "fa")
PAIRS = {CT: Misalignment(0.5, 0.01, 0.4), FA: Misalignment(8.25, 0.3, 0.2, 0.75, -0.125)}


def test_notes_are_readable_and_in_order() -> None:
    assert list(write_pairs(PAIRS).items()) == [
        ("pair t1 ct off_mm", 0.5),
        ("pair t1 ct gain", 0.01),
        ("pair t1 ct likeness", 0.4),
        ("pair t1 fa off_mm", 8.25),
        ("pair t1 fa gain", 0.3),
        ("pair t1 fa likeness", 0.2),
        ("pair t1 fa outline_mm", 0.75),
        ("pair t1 fa outline_gain", -0.125),
    ]


def test_pairs_come_back_from_json() -> None:
    assert read_pairs(json.loads(json.dumps(write_pairs(PAIRS)))) == PAIRS


def test_notes_of_other_things_are_passed_over() -> None:
    assert read_pairs({"similarity_after": 0.4, "pair t1 ct off_mm": 3.0}) == {}
    assert read_pairs({**write_pairs(PAIRS), "pair t1 ct unknown": 1.0, "t1 ct off_mm": 3.0}) == PAIRS


def test_what_is_not_about_pairs_is_left() -> None:
    notes = {"registration_mm": 0.25, "ct grey_stored_as_rgb": 1.0}
    assert without_pairs({**notes, **write_pairs(PAIRS)}) == notes
