from __future__ import annotations

import numpy as np
import pytest

from reading_sessions import LESION, ReadingGround
from transmodal.errors import InputError
from transmodal.experiments.reader.lesions import LesionSource
from transmodal.experiments.reader.selection import ReaderRequest, choose_cases, draw_cases
from transmodal.experiments.reader.systems import CaseRequest, ReadSystem, find_systems


def systems_of(ground: ReadingGround) -> list[ReadSystem]:
    words = [f"{place}={name}" for name, place in ground.systems.items()]
    return find_systems(words, CaseRequest(ground.cohort, ground.cohort.cases("test"), "fa"))


def test_cases_that_a_system_lacks_are_left_out_and_some_are_drawn(ground: ReadingGround) -> None:
    cases, systems = ground.cohort.cases("test"), systems_of(ground)
    lacking = systems[0]._replace(
        volumes={case: read for case, read in systems[0].volumes.items() if case != cases[2].id}
    )
    complete = choose_cases(cases, [lacking, systems[1]], 0, np.random.default_rng(0))
    assert [case.id for case in complete] == [case.id for case in cases if case.id != cases[2].id]
    some = {
        tuple(case.id for case in choose_cases(cases, systems, 3, np.random.default_rng(seed)))
        for seed in range(5)
    }
    assert len(some) > 1
    assert {len(ids) for ids in some} == {3}
    with pytest.raises(InputError, match="no case that each of smooth, flat"):
        choose_cases(cases, [systems[0]._replace(volumes={}), systems[1]], 0, np.random.default_rng(0))


def test_every_slice_is_drawn_of_every_system_and_questions_have_their_slices(ground: ReadingGround) -> None:
    request = ReaderRequest(
        (), target="fa", questions=("origin", "lesion"), n_slices=2, lesions=LesionSource((LESION,))
    )
    drawing = draw_cases(
        request,
        ground.cohort,
        "fa",
        ground.cohort.cases("test"),
        systems_of(ground),
        np.random.default_rng(0),
        None,
    )
    assert len(drawing.pictures) == 3 * len(drawing.slices)
    for case in ground.cohort.cases("test"):
        own = [shown for shown in drawing.slices if shown.case == case.id]
        assert sum("origin" in shown.questions for shown in own) == 2
        asked = [shown.has_lesion for shown in own if "lesion" in shown.questions]
        is_ill = int(case.id.removeprefix("case")) % 2 == 0
        assert sorted(map(bool, asked)) == ([False, False, True, True] if is_ill else [False, False])
        assert all(shown.has_lesion is not None for shown in own)


def test_lesions_that_are_nowhere_are_refused(ground: ReadingGround) -> None:
    request = ReaderRequest((), target="fa", questions=("lesion",), lesions=LesionSource((77,)))
    with pytest.raises(InputError, match="without a lesion that is to be seen"):
        draw_cases(
            request,
            ground.cohort,
            "fa",
            ground.cohort.cases("test")[:2],
            systems_of(ground),
            np.random.default_rng(0),
            None,
        )
