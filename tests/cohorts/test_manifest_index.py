from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts import manifest_index
from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.manifest import CaseEntry, Manifest, read_manifest
from transmodal.cohorts.manifest_index import FILE, IndexedCases, IndexRecord, read_indexed
from transmodal.cohorts.options import PrepareOptions
from transmodal.cohorts.prepare.prepare import prepare
from transmodal.cohorts.split.leaks import check_leaks
from transmodal.cohorts.split.split import Split, read_split, write_split
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, IntegrityError, TransmodalError
from transmodal.storage import files, sealed

OPTIONS = PrepareOptions(ratios=(2, 1, 1), regions={"t1": ("body",)})
Preparation = Callable[[], Cohort]


@pytest.fixture
def preparation(
    a_case: Callable[..., Case], ready: Callable[[Case], CaseMaker], tmp_path: Path
) -> Preparation:
    makers = [ready(a_case(f"s{n}", seed=n, group=f"site {n}")) for n in range(4)]
    return lambda: prepare(makers, tmp_path / "cohort", OPTIONS)


@pytest.fixture
def folder(preparation: Preparation) -> Path:
    return preparation().folder


def open_whole(folder: Path) -> Cohort:
    """Open a cohort as one without an index is opened."""
    manifest, split = read_manifest(folder / "cohort.json"), read_split(folder / "split.json")
    check_leaks(manifest, split)
    return Cohort(folder, manifest, split)


def test_a_cohort_opened_by_its_index_is_the_one_that_was_read_whole(folder: Path) -> None:
    opened, whole = Cohort.open(folder), open_whole(folder)
    assert isinstance(opened.manifest.cases, IndexedCases)
    assert isinstance(whole.manifest.cases, tuple)
    assert opened.digest() == whole.digest()
    assert opened.manifest == whole.manifest
    assert whole.manifest == opened.manifest
    assert opened.manifest.model_dump_json() == whole.manifest.model_dump_json()
    assert opened.manifest.digest() == whole.manifest.digest()
    for name in ("train", "validation", "test", None):
        assert [case.entry for case in opened.cases(name)] == [case.entry for case in whole.cases(name)]
    assert pickle.loads(pickle.dumps(opened.manifest)) == whole.manifest
    assert opened.manifest.cases[-2:] == whole.manifest.cases[-2:]
    assert opened.manifest.with_names({"t1": "mr"}) == whole.manifest.with_names({"t1": "mr"})


def test_only_cases_that_are_asked_for_are_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []
    decode = CaseEntry.model_validate_json

    def count(text: bytes) -> CaseEntry:
        entry = decode(text)
        decoded.append(entry.id)
        return entry

    monkeypatch.setattr(CaseEntry, "model_validate_json", count)
    cohort = Cohort.open(folder)
    cohort.digest()
    assert cohort.modalities == ("ct", "fa", "t1")
    assert not decoded
    assert cohort.case("s2").id == "s2"
    assert decoded == ["s2"]
    with pytest.raises(InputError, match="no case s9"):
        cohort.case("s9")
    decoded.clear()
    again = Cohort.open(folder)
    assert [case.id for case in again.cases("test")] == [case.id for case in again.cases("test")] == decoded


def test_a_flipped_bit_of_the_manifest_is_never_taken(folder: Path) -> None:
    path = folder / "cohort.json"
    content, manifest = path.read_bytes(), read_manifest(path)
    draw, n_refused = np.random.default_rng(3), 0
    for at in draw.integers(len(content), size=200):
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(draw.integers(8))
        path.write_bytes(damaged)
        try:
            assert Cohort.open(folder).manifest == manifest
        except TransmodalError:
            n_refused += 1
    assert n_refused >= 190


def test_a_flipped_bit_of_the_index_changes_nothing(folder: Path) -> None:
    path, whole = folder / FILE, open_whole(folder)
    content, draw = path.read_bytes(), np.random.default_rng(4)
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(draw.integers(8))
        path.write_bytes(damaged)
        assert read_indexed(folder) is None
    opened = Cohort.open(folder)
    assert (opened.manifest, opened.digest()) == (whole.manifest, whole.digest())


def test_an_index_of_another_manifest_is_not_used(folder: Path) -> None:
    path = folder / "cohort.json"
    record = json.loads(path.read_text())
    record.pop(sealed.KEY)
    record["cases"] = record["cases"][:-1]
    files.write_json(path, sealed.seal(record))
    assert read_indexed(folder) is None
    write_split(folder / "split.json", Split(seed=0, train=("s0", "s1"), validation=(), test=("s2",)))
    assert [case.id for case in Cohort.open(folder).cases()] == ["s0", "s1", "s2"]
    with pytest.raises(IntegrityError, match=r"not the index of cohort\.json") as caught:
        manifest_index.check(folder, read_manifest(path))
    assert caught.value.remedy == manifest_index.REMEDY


def test_a_cohort_from_before_there_was_an_index_opens_and_gets_one(
    folder: Path, preparation: Preparation
) -> None:
    content = (folder / FILE).read_bytes()
    before = Cohort.open(folder)
    (folder / FILE).unlink()
    old = Cohort.open(folder)
    assert isinstance(old.manifest.cases, tuple)
    assert (old.manifest, old.digest()) == (before.manifest, before.digest())
    changed = (folder / "cohort.json").stat().st_mtime_ns
    preparation()
    assert (folder / FILE).read_bytes() == content
    assert (folder / "cohort.json").stat().st_mtime_ns == changed


@pytest.mark.parametrize("indent", [None, 4])
def test_a_manifest_in_another_layout_has_an_index(indent: int | None, folder: Path) -> None:
    path = folder / "cohort.json"
    record = json.loads(path.read_text())
    record.pop(sealed.KEY)
    record["name"] = "K\N{LATIN SMALL LETTER O WITH DIAERESIS}ln"
    path.write_text(json.dumps(sealed.seal(record), indent=indent, ensure_ascii=False), encoding="utf-8")
    manifest = read_manifest(path)
    files.write_json(folder / FILE, manifest_index.build(folder, manifest))
    indexed = read_indexed(folder)
    assert indexed is not None
    assert indexed.manifest == manifest


def test_a_manifest_that_this_version_does_not_know_is_left_to_whoever_reads_it_whole(folder: Path) -> None:
    path, manifest = folder / "cohort.json", read_manifest(folder / "cohort.json")
    record = json.loads(path.read_text())
    for place, key in ((record, "version"), (record["cases"][1], "patient")):
        former, place[key] = place[key], 2
        path.write_text(json.dumps(record))
        files.write_json(folder / FILE, manifest_index.build(folder, manifest))
        with pytest.raises(InputError, match=rf"cohort\.json with a bad (cases\.1\.)?{key}"):
            list(Cohort.open(folder).manifest.cases)
        place[key] = former


def test_a_leak_is_found_by_the_index_as_by_the_manifest(folder: Path) -> None:
    """Random patients, groups, images and sides, of few names, so that about half of the splits leak."""
    entries, draw = read_manifest(folder / "cohort.json").cases, np.random.default_rng(8)
    seen = {True: 0, False: 0}
    for _ in range(400):
        cases = tuple(
            entry.model_copy(
                update={
                    "patient": f"p{draw.integers(12)}",
                    "group": f"g{n}" if (n := int(draw.integers(14))) else "",
                    "volumes": {
                        name: volume.model_copy(update={"content_sha256": f"{draw.integers(60):064x}"[::-1]})
                        for name, volume in entry.volumes.items()
                    },
                }
            )
            for entry in entries[: draw.integers(3, 5)]
        )
        manifest = Manifest(name="c", modalities=("t1",), cases=cases)
        sides = draw.permuted(["s0", "s1", "s2", "s3"])[:3]
        split = Split(
            seed=0,
            by="within-subject" if draw.random() < 0.3 else "patient",
            train=(sides[0],),
            validation=(sides[1],),
            test=(sides[draw.integers(1, 3)],) if draw.random() < 0.3 else (sides[2],),
        )
        leaks = _leaks(manifest, split)
        assert _index_of(manifest).may_leak(split) == leaks
        seen[leaks] += 1
    assert min(seen.values()) > 60


def test_a_split_that_was_edited_to_leak_is_refused(folder: Path) -> None:
    split = read_split(folder / "split.json")
    files.write_json(folder / "split.json", {**split.model_dump(mode="json"), "test": split.train})
    with pytest.raises(InputError, match="two sides") as caught:
        Cohort.open(folder)
    assert caught.value.code == "E135"


def _index_of(manifest: Manifest) -> IndexRecord:
    return IndexRecord(
        version=1,
        manifest_sha256="",
        digest="",
        ids=tuple(case.id for case in manifest.cases),
        patients=tuple(case.patient for case in manifest.cases),
        groups=tuple(case.group for case in manifest.cases),
        images=tuple(
            tuple(volume.content_sha256[:16] for volume in case.volumes.values()) for case in manifest.cases
        ),
        begins=(),
        ends=(),
    )


def _leaks(manifest: Manifest, split: Split) -> bool:
    try:
        check_leaks(manifest, split)
    except InputError:
        return True
    return False
