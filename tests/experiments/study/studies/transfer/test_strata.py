"""Strata by table, by virtual scanner and by chance; what cannot be trained on or scored is left out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.prepare.prepare import PrepareOptions, prepare
from transmodal.cohorts.simulation import atlas
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, UsageError
from transmodal.experiments.study.bench import Bench, CohortFiles
from transmodal.experiments.study.studies.transfer.answer import Options
from transmodal.experiments.study.studies.transfer.strata import part_people
from transmodal.storage import files

BenchOf = Callable[..., Bench[Options]]


def test_a_column_of_the_table_parts_people(bench_of: BenchOf) -> None:
    bench = bench_of()
    found = part_people(bench.cohort, "site", bench.material)
    assert [(stratum.name, set(stratum.training)) for stratum in found.strata] == [
        ("A", {"case0", "case2"}),
        ("B", {"case1", "case3"}),
    ]
    assert set(found.strata[0].test) == {"case4", "case6", "case8"}
    assert not found.omissions


def test_numbers_are_cut_and_a_group_without_training_subjects_is_left_out(bench_of: BenchOf) -> None:
    bench = bench_of()
    found = part_people(bench.cohort, "age:22,25,28", CohortFiles(phenotypes=_with_young_test(bench)))
    assert [stratum.name for stratum in found.strata] == ["below 22", "22 to below 25"]
    assert [omission.part for omission in found.omissions] == ["age, 25 to below 28", "age, 28 and above"]


def _with_young_test(bench: Bench[Options]) -> Path:
    """Return the table with two of the test subjects as young as those to learn from."""
    assert bench.material.phenotypes is not None
    text = bench.material.phenotypes.read_text()
    path = bench.folder.parent / "young.tsv"
    path.write_text(text.replace("case4\tA\t24", "case4\tA\t21").replace("case5\tB\t25", "case5\tB\t23"))
    return path


def test_chance_parts_each_side_into_halves(bench_of: BenchOf) -> None:
    bench = bench_of()
    first, second = part_people(bench.cohort, "chance", CohortFiles()).strata
    assert (len(first.training), len(second.training)) == (2, 2)
    assert (len(first.test), len(second.test)) == (3, 3)
    assert not set(first.test) & set(second.test)


def test_a_virtual_subject_is_parted_by_what_was_written_of_its_scanner(tmp_path: Path) -> None:
    subjects = atlas.subjects(4, atlas.AtlasOptions(spacing_mm=10, modalities=("t1", "fa")))
    atlas.write(subjects, tmp_path / "subjects")
    prepare(subjects, tmp_path / "cohort", PrepareOptions(counts=(2, 0, 2)))
    cohort, material = Cohort.open(tmp_path / "cohort"), CohortFiles(subjects=tmp_path / "subjects")
    records = {s.id: files.read_json(tmp_path / "subjects" / s.id / "case.json") for s in subjects}
    try:
        strata = part_people(cohort, "head", material).strata
    except InputError as error:
        sides = {(r["t1_stripped"], r["id"] in cohort.split.test) for r in records.values()}
        assert len(sides) < 4, error  # noqa: PT017 - one of the four combinations is empty
        return
    for stratum in strata:
        assert all(
            records[patient]["t1_stripped"] == (stratum.name == "brain alone in T1")
            for patient in (*stratum.training, *stratum.test)
        )


def test_a_column_whose_file_is_not_named_is_refused(bench_of: BenchOf) -> None:
    bench = bench_of()
    with pytest.raises(UsageError, match="--option by=field without --subjects"):
        part_people(bench.cohort, "field", CohortFiles())
    with pytest.raises(UsageError, match="--option by=site without --phenotypes"):
        part_people(bench.cohort, "site", CohortFiles())
