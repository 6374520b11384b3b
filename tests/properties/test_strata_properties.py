"""Cuts part the line: every patient is in one stratum, whatever the numbers and wherever the cuts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transmodal.evaluation.external.phenotypes import UNKNOWN, read

numbers = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    values=st.lists(st.one_of(st.none(), numbers), min_size=1, max_size=20),
    cuts=st.lists(numbers, min_size=1, max_size=5, unique=True).map(sorted),
)
def test_every_patient_is_in_the_stratum_of_its_number(
    tmp_path: Path, values: list[float | None], cuts: list[float]
) -> None:
    table = tmp_path / "t.csv"
    lines = [f"p{n},{'n/a' if value is None else repr(value)}" for n, value in enumerate(values)]
    table.write_text("patient,age\n" + "\n".join(lines) + "\n")
    groups = read(table, [f"age:{','.join(map(repr, cuts))}"], [f"p{n}" for n in range(len(values))]).groups[
        "age"
    ]
    placed = [patient for patients in groups.values() for patient in patients]
    assert sorted(placed) == sorted(f"p{n}" for n in range(len(values)))
    assert set(groups.get(UNKNOWN, ())) == {f"p{n}" for n, value in enumerate(values) if value is None}
    of = {patient: name for name, patients in groups.items() for patient in patients}
    known = sorted((value, f"p{n}") for n, value in enumerate(values) if value is not None)
    for (low, one), (high, other) in pairwise(known):
        together = not any(low < cut <= high for cut in cuts)
        assert (of[one] == of[other]) == together
