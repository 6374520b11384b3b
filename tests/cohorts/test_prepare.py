from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from transmodal.cohorts import locks, one_case, parallel
from transmodal.cohorts.case import Case, CaseFiles
from transmodal.cohorts.prepare import PrepareOptions, prepare
from transmodal.cohorts.store import Cohort
from transmodal.errors import InputError, IntegrityError, ResourceError, TransmodalError, UsageError
from transmodal.volumes import Volume, files, io
from transmodal.volumes.geometry import reorient
from transmodal.volumes.intensity import IntensitySpec, fit
from transmodal.volumes.masks import Region

MakeCase = Callable[..., Case]
OnDisk = Callable[[Case], CaseFiles]
Tree = Callable[[Path], dict[str, str]]


class Ready(Protocol):
    """A made case as a maker."""

    id: str
    patient: str
    case: Case

    def __init__(self, case: Case, version: str = "") -> None: ...
    def fingerprint(self) -> str: ...
    def load(self) -> Case: ...


class Slow(Protocol):
    """A maker that spawned processes can import."""

    id: str
    patient: str

    def __init__(self, number: int, seconds: float = 0.0, mood: str = "") -> None: ...
    def fingerprint(self) -> str: ...
    def load(self) -> Case: ...


ALONE = PrepareOptions(ratios=(1, 0, 0))

SLOW = '''
import os, signal, time
from pathlib import Path
import numpy as np
from transmodal.cohorts.case import Case
from transmodal.errors import InputError, ResourceError
from transmodal.volumes import Volume


class Slow:
    """Makes a case from its number; waits, dies, fails or breaks where its mood says so."""

    def __init__(self, number, seconds=0.0, mood=""):
        self.number, self.seconds, self.mood = number, seconds, mood
        self.id = self.patient = f"case{number:02d}"

    def fingerprint(self):
        return f"slow {self.number}"

    def load(self):
        time.sleep(self.seconds)
        if self.mood == "die" or (self.mood == "die once" and not Path("died").exists()):
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "fail":
            raise InputError("E120", "a voxel is NaN", "numbers", "Repair it.")
        if self.mood == "bomb":
            raise ResourceError("E401", "a header that declares 4 TiB", "less", "Check the file.")
        if self.mood == "break":
            raise ZeroDivisionError("a bug")
        voxels = np.random.default_rng(self.number).integers(0, 900, (6, 5, 7)).astype(np.int16)
        return Case(self.id, self.patient, {"t1": Volume(voxels, np.diag([-1.0, 1, 2, 1]))})
'''


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[Slow]:
    """A maker that spawned processes can import."""
    place = tmp_path / "modules"
    place.mkdir()
    (place / "slow_cases.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.chdir(place)
    sys.modules.pop("slow_cases", None)
    import slow_cases  # type: ignore[import-not-found]  # written above

    kind: type[Slow] = slow_cases.Slow
    return kind


def test_arrays_are_canonical_and_whole(a_case: MakeCase, on_disk: OnDisk, tmp_path: Path) -> None:
    case = a_case(group="g", patient="p")
    cohort = prepare([on_disk(case)], tmp_path / "cohort", ALONE)
    entry = cohort.case("s01").entry
    assert (entry.patient, entry.group, cohort.modalities) == ("p", "g", ("ct", "fa", "t1"))
    for modality, dtype in (("t1", "<i2"), ("ct", "<i2"), ("fa", "<f4")):
        wanted = reorient(case.volumes[modality])
        stored = np.load(tmp_path / "cohort" / "cases" / "s01" / f"{modality}.npy")
        np.testing.assert_array_equal(stored, wanted.voxels)
        volume = entry.volumes[modality]
        assert (volume.dtype, volume.simulated) == (dtype, modality == "ct")
        assert volume.origin is not None
        assert volume.origin.name == f"{modality}.nii.gz"
        np.testing.assert_allclose(volume.native_grid.affine, case.volumes[modality].affine, atol=1e-6)
        np.testing.assert_allclose(np.array(entry.affine), wanted.affine, atol=1e-6)
    assert case.segmentation is not None
    labels = np.load(tmp_path / "cohort" / "cases" / "s01" / "segmentation.npy")
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, reorient(case.segmentation).voxels)
    assert cohort.verify() == 5


def test_intensities_are_fitted_where_it_is_said(
    a_case: MakeCase, ready: type[Ready], tmp_path: Path
) -> None:
    case = a_case()
    options = PrepareOptions(
        ratios=(1, 0, 0), regions={"t1": ("body",)}, intensity={"ct": IntensitySpec("minmax")}
    )
    cohort = prepare([ready(case)], tmp_path / "cohort", options)
    prepared = cohort.case("s01")
    body = prepared.region("t1", "body")
    mask = prepared.mask()
    assert mask is not None
    assert 0 < body.sum() < body.size
    t1, ct, fa = (prepared.entry.volumes[name] for name in ("t1", "ct", "fa"))
    assert (t1.fitted_in, ct.fitted_in, fa.fitted_in) == ("body of t1", "mask", "mask")
    assert t1.intensity_map == fit(
        IntensitySpec("percentile", 0.5, 99.5), prepared.volume("t1").voxels, np.array(body)
    )
    assert ct.intensity_map == fit(IntensitySpec("minmax"), prepared.volume("ct").voxels, np.array(mask))
    assert (fa.intensity_map.low, fa.intensity_map.high) == (0, 1)
    (region,) = prepared.entry.regions
    assert (region.modality, region.kind) == ("t1", "body")
    assert region.method


def test_without_mask_another_sources_region_is_taken(
    a_case: MakeCase, ready: type[Ready], tmp_path: Path
) -> None:
    case = replace(a_case(), mask=None)
    regions = PrepareOptions(ratios=(1, 0, 0), regions={"t1": ("body",)})
    with_region = prepare([ready(case)], tmp_path / "a", regions).case("s01").entry
    without = prepare([ready(case)], tmp_path / "b", ALONE).case("s01").entry
    assert with_region.volumes["fa"].fitted_in == "body of t1"
    assert without.volumes["fa"].fitted_in == "whole"
    assert without.mask is None


@pytest.mark.parametrize("workers", [1, 2])
def test_preparing_twice_changes_no_byte(
    workers: int, a_case: MakeCase, on_disk: OnDisk, tree: Tree, tmp_path: Path
) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(3)]
    folder = tmp_path / "cohort"
    first = prepare(makers, folder, workers=workers)
    before = tree(folder), {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    told: list[tuple[str, int, int]] = []
    again = prepare(makers[::-1], folder, progress=lambda *words: told.append(words), workers=workers)
    assert (tree(folder), {path: path.stat().st_mtime_ns for path in folder.rglob("*")}) == before
    assert [done for _, done, _ in told] == [1, 2, 3]
    assert {(name, total) for name, _, total in told} == {("s0", 3), ("s1", 3), ("s2", 3)}
    assert again.digest() == first.digest()


def test_workers_and_order_do_not_matter(slow: type[Slow], tree: Tree, tmp_path: Path) -> None:
    makers = [slow(n, seconds=0.05 * (n % 2)) for n in range(5)]
    prepare(makers, tmp_path / "one" / "cohort", workers=1)
    prepare(makers[::-1], tmp_path / "two" / "cohort", workers=2)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


def test_what_changed_is_prepared_again_and_said(
    a_case: MakeCase, on_disk: OnDisk, tree: Tree, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(3)]
    folder = tmp_path / "cohort"
    digest = prepare(makers, folder).digest()
    old = tree(folder)
    prepare(makers, folder).case("s1").volume("t1", 3.0)
    io.write(a_case("s1", seed=5).volumes["t1"], makers[1].volumes["t1"])
    changed = prepare(makers, folder)
    assert "case s1: its inputs or the options have changed" in caplog.text
    assert "s0" not in caplog.text
    new = tree(folder)
    assert {name for name in new if new[name] != old.get(name)} == {
        "cases/s1/t1.npy",
        "cases/s1/case.json",
        "cohort.json",
        "working",
        "working/3.0mm",
    }
    assert changed.digest() != digest
    changed.verify()
    options = PrepareOptions(regions={"fa": ("whole",)})
    prepare(makers, folder, options)
    assert caplog.text.count("have changed") == 4
    fresh = tmp_path / "fresh" / "cohort"
    fresh.parent.mkdir()
    prepare(makers, fresh, options)
    (folder / "working" / "3.0mm").rmdir()
    (folder / "working").rmdir()
    assert tree(fresh) == tree(folder)


def test_options_of_other_modalities_do_not_touch_a_case(
    a_case: MakeCase,
    ready: type[Ready],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    both, alone = a_case("both"), a_case("alone")
    alone = replace(alone, volumes={"t1": alone.volumes["t1"]})
    makers, folder = [ready(both), ready(alone)], tmp_path / "cohort"
    options = {"ratios": (1, 0, 0)}
    cohort = prepare(makers, folder, PrepareOptions.model_validate(options))
    assert cohort.modalities == ("ct", "fa", "t1")
    prepare(makers, folder, PrepareOptions(ratios=(1, 0, 0), regions={"fa": ("whole",)}))
    assert "case both: its" in caplog.text
    assert "alone" not in caplog.text


def test_a_case_with_lost_arrays_is_prepared_again(
    a_case: MakeCase,
    ready: type[Ready],
    tree: Tree,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "cohort"
    makers = [ready(a_case(f"s{n}")) for n in range(3)]
    prepare(makers, folder)
    before = tree(folder)
    (folder / "cases" / "s0" / "t1.npy").unlink()
    (folder / "cases" / "s1" / "case.json").write_text("{")
    whole = (folder / "cases" / "s2" / "fa.npy").read_bytes()
    (folder / "cases" / "s2" / "fa.npy").write_bytes(whole[:-9])
    prepare(makers, folder).verify()
    assert tree(folder) == before


def test_leftovers_of_a_kill_are_removed(a_case: MakeCase, ready: type[Ready], tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    for name in ("cases/.partial-abc", "cases/.old-abc"):
        (folder / name).mkdir(parents=True)
        (folder / name / "t1.npy").write_bytes(b"half")
    (folder / ".partial-xyz.json").write_text("{")
    prepare([ready(a_case())], folder, ALONE)
    assert sorted(path.name for path in folder.iterdir()) == ["cases", "cohort.json", "split.json"]
    assert [path.name for path in (folder / "cases").iterdir()] == ["s01"]


KILLED = """
import sys
from pathlib import Path
from slow_cases import Slow
from transmodal.cohorts.prepare import PrepareOptions, prepare

if __name__ == "__main__":
    prepare([Slow(n, float(sys.argv[2])) for n in range(6)], Path(sys.argv[1]), workers=int(sys.argv[3]))
"""


@pytest.mark.parametrize(("workers", "stop_after"), [(1, 1), (1, 4), (2, 2)])
def test_killed_in_the_middle_and_run_again_is_the_same(
    workers: int,
    stop_after: int,
    slow: type[Slow],
    tree: Tree,
    tmp_path: Path,
) -> None:
    modules, folder = tmp_path / "modules", tmp_path / "killed" / "cohort"
    (modules / "killed.py").write_text(KILLED)
    folder.parent.mkdir()
    words = [sys.executable, str(modules / "killed.py"), str(folder), "0.3", str(workers)]
    with subprocess.Popen(words) as child:
        end = time.monotonic() + 60
        while len(list(folder.glob("cases/*/case.json"))) < stop_after:
            assert child.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL
    assert not (folder / "cohort.json").exists()
    with pytest.raises(InputError, match="interrupted: run it again"):
        Cohort.open(folder)
    begun = {path: path.stat().st_mtime_ns for path in folder.glob("cases/case*/*")}
    makers = [slow(n) for n in range(6)]
    prepare(makers, folder)
    assert {path: path.stat().st_mtime_ns for path in begun} == begun
    prepare(makers, tmp_path / "whole" / "cohort")
    assert tree(folder) == tree(tmp_path / "whole" / "cohort")


def test_workers_end_with_their_parent(slow: type[Slow], tmp_path: Path) -> None:
    modules, folder = tmp_path / "modules", tmp_path / "cohort"
    (modules / "killed.py").write_text(KILLED)
    words = [sys.executable, str(modules / "killed.py"), str(folder), "2", "2"]
    with subprocess.Popen(words) as child:
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
        end = time.monotonic() + 60
        while len(children.read_text().split()) < 3 and not list(folder.glob("cases/*")):
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(1)
        workers = [int(word) for word in children.read_text().split()]
        child.kill()
        child.wait(30)
    end = time.monotonic() + 20
    while any(_lives(worker) for worker in workers):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not list(folder.glob("cases/case*"))


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_dead_worker_is_named(slow: type[Slow], tmp_path: Path) -> None:
    makers = [slow(n, mood="die" if n == 2 else "") for n in range(4)]
    with pytest.raises(ResourceError, match="case02 died") as caught:
        prepare(makers, tmp_path / "cohort", workers=2)
    assert caught.value.code == "E402"
    assert not (tmp_path / "cohort" / "cohort.json").exists()
    assert (tmp_path / "cohort" / "cases" / "case00" / "case.json").exists()


def test_a_worker_that_dies_once_is_tried_alone(slow: type[Slow], tmp_path: Path) -> None:
    makers = [slow(n, mood="die once" if n == 1 else "") for n in range(4)]
    assert len(prepare(makers, tmp_path / "cohort", workers=2).cases()) == 4


def test_a_bug_keeps_its_traceback_and_names_the_case(slow: type[Slow], tmp_path: Path) -> None:
    for workers in (1, 2):
        with pytest.raises(ZeroDivisionError) as caught:
            prepare([slow(0), slow(1, mood="break")], tmp_path / f"{workers}", workers=workers)
        assert caught.value.__notes__ == ["while preparing case case01"]


def test_all_failing_cases_are_reported_and_good_ones_kept(slow: type[Slow], tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    makers = [slow(n, mood="fail" if n > 1 else "") for n in range(6)]
    with pytest.raises(InputError) as caught:
        prepare(makers, folder)
    line = caught.value.line()
    assert caught.value.code == "E120"
    assert "4 of 6 cases failed: error[E120]: case case02: a voxel is NaN" in line
    assert "case04" in line
    assert "case05" not in line
    assert "and 1 more" in line
    assert "the other 2 are kept" in line
    assert sorted(path.name for path in (folder / "cases").iterdir()) == ["case00", "case01"]
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}
    prepare([slow(n) for n in range(6)], folder)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_one_failing_case_keeps_its_words(slow: type[Slow], tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepare([slow(0, mood="fail"), slow(1)], tmp_path / "cohort")
    assert caught.value.line() == (
        "error[E120]: case case00: a voxel is NaN; expected numbers. Repair it. "
        "Then prepare again (the other 1 are kept), or leave it out: --keep-going."
    )


def test_keep_going_leaves_out_and_records(
    slow: type[Slow],
    tree: Tree,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, options = tmp_path / "cohort", PrepareOptions(keep_going=True)
    makers = [slow(n, mood="fail" if n == 1 else "") for n in range(4)]
    cohort = prepare(makers, folder, options)
    assert [case.id for case in cohort.cases()] == ["case00", "case02", "case03"]
    assert cohort.manifest.left_out == {"case01": "E120: voxels are not finite"}
    assert "case case01 is left out: error[E120]" in caplog.text
    before = tree(folder)
    prepare(makers, folder, options)
    assert tree(folder) == before
    with pytest.raises(InputError, match="nothing else was done"):
        prepare([slow(0, mood="fail")], tmp_path / "none", options)


def test_a_bomb_is_its_cases_fault(slow: type[Slow], tmp_path: Path) -> None:
    makers = [slow(n, mood="bomb" if n == 0 else "") for n in range(4)]
    with pytest.raises(ResourceError, match="case case00: a header that declares 4 TiB") as caught:
        prepare(makers, tmp_path / "cohort")
    assert caught.value.code == "E401"
    assert "the other 3 are kept" in caught.value.line()
    assert len(prepare(makers, tmp_path / "cohort", PrepareOptions(keep_going=True)).cases()) == 3


@pytest.mark.parametrize("keep_going", [False, True])
def test_a_full_disk_stops_at_once(
    keep_going: bool,
    slow: type[Slow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    def full(path: Path, array: object) -> str:
        told.append(path.name)
        raise ResourceError("E403", f"cannot write {path.name}", "room", "Free space.")

    monkeypatch.setattr(files, "write_npy", full)
    with pytest.raises(ResourceError, match="case case00: cannot write"):
        prepare([slow(n) for n in range(4)], tmp_path / "c", PrepareOptions(keep_going=keep_going))
    assert told == ["t1.npy"]
    assert not list((tmp_path / "c" / "cases").iterdir())


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_every_failing_call_leaves_a_whole_state(
    call: str, slow: type[Slow], tree: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The k-th fsync or rename fails, for every k: nothing half-written, and the next run completes."""
    makers = [slow(n) for n in range(3)]
    prepare(makers, tmp_path / "whole" / "cohort")
    wanted = tree(tmp_path / "whole" / "cohort")
    real: Callable[..., None] = getattr(os, call)
    left = 0

    def failing(*words: Any) -> None:  # noqa: ANN401 - stands for two functions
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*words)

    monkeypatch.setattr(os, call, failing)
    codes: list[str] = []
    for k in range(1, 200):
        folder, left = tmp_path / str(k) / "cohort", k
        try:
            prepare(makers, folder)
        except ResourceError as error:
            codes.append(error.code)
        assert not list(folder.rglob(".partial-*"))
        assert all((case / "case.json").is_file() for case in (folder / "cases").iterdir())
        done = left > 0
        left = 0
        prepare(makers, folder).verify()
        assert tree(folder) == wanted
        if done:
            break
    assert codes == ["E403"] * (k - 1)
    assert k > 10


def test_no_memory_is_said(slow: type[Slow], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(one_case, "store", fail)
    with pytest.raises(ResourceError, match="case case00 needs more memory"):
        prepare([slow(0)], tmp_path / "cohort", ALONE)


def _other_grid(case: Case) -> Case:
    moved = case.volumes["ct"].affine.copy()
    moved[2, 3] += 2.5
    return replace(case, volumes={**case.volumes, "ct": Volume(case.volumes["ct"].voxels, moved)})


def _with(case: Case, modality: str, voxels: NDArray[Any]) -> Case:
    volume = Volume(voxels, case.volumes["t1"].affine)
    if modality == "mask":
        return replace(case, mask=volume)
    if modality == "segmentation":
        return replace(case, segmentation=volume)
    return replace(case, volumes={**case.volumes, modality: volume})


SHAPE = (9, 7, 11)
NOT_FINITE = np.where(np.arange(693).reshape(SHAPE) % 300 == 5, np.nan, 1.0)
WRONG: dict[str, tuple[Callable[[Case], Case], str, str]] = {
    "grid": (_other_grid, "E130", r"fa \(9 x 7 x 11 .* and ct .*, corners up to 2\.5 mm apart"),
    "shape": (lambda case: _with(case, "t2", np.ones((9, 7, 10))), "E130", "t2.*corners up to 2 mm apart"),
    "mask grid": (lambda case: _with(case, "mask", np.ones((9, 7, 10))), "E130", "mask .* and ct"),
    "constant": (lambda case: _with(case, "t2", np.full(SHAPE, 7)), "E124", "t2 is 7 everywhere"),
    "nan": (lambda case: _with(case, "t2", NOT_FINITE), "E120", r"t2 has 3 voxels .* first at \(0, 0, 5\)"),
    "empty mask": (lambda case: _with(case, "mask", np.zeros(SHAPE)), "E124", "an empty mask"),
    "soft mask": (lambda case: _with(case, "mask", np.arange(693).reshape(SHAPE)), "E123", "from 1 to 692"),
    "colour mask": (lambda case: _with(case, "mask", np.ones((*SHAPE, 3), np.uint8)), "E122", "in colour"),
    "fractions": (lambda case: _with(case, "segmentation", np.full(SHAPE, 0.5)), "E123", "fractions"),
    "labels": (lambda case: _with(case, "segmentation", np.full(SHAPE, 2**40)), "E123", "labels from"),
    "complex": (lambda case: _with(case, "t2", np.ones(SHAPE, complex)), "E123", "complex128"),
    "real colour": (lambda case: _with(case, "colour", np.ones((*SHAPE, 3), np.float32)), "E123", "uint8"),
    "huge": (lambda case: _with(case, "t2", np.linspace(0, 1e39, 693).reshape(SHAPE)), "E123", "float32"),
    "no volume": (lambda case: replace(case, volumes={}), "E131", "no volume"),
    "name": (lambda case: replace(case, volumes={"../x": case.volumes["t1"]}), "E103", r"'\.\./x'"),
    "reserved": (lambda case: replace(case, volumes={"mask": case.volumes["t1"]}), "E103", "'mask'"),
}


@pytest.mark.parametrize("what", sorted(WRONG))
def test_wrong_content_is_named(what: str, a_case: MakeCase, ready: type[Ready], tmp_path: Path) -> None:
    change, code, words = WRONG[what]
    with pytest.raises(InputError, match=words) as caught:
        prepare([ready(change(a_case()))], tmp_path / "cohort", ALONE)
    assert caught.value.code == code
    assert "case s01: " in caught.value.line()
    assert not list((tmp_path / "cohort" / "cases").iterdir())


def test_an_empty_region_is_refused(
    a_case: MakeCase,
    ready: type[Ready],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nothing = Region(np.zeros(SHAPE, bool), "none")
    monkeypatch.setattr(one_case, "region", lambda volume, kind: nothing)
    options = PrepareOptions(ratios=(1, 0, 0), regions={"t1": ("body",)})
    with pytest.raises(InputError, match="an empty body region of t1"):
        prepare([ready(a_case())], tmp_path / "cohort", options)


def test_voxel_types(a_case: MakeCase, ready: type[Ready], tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    case = a_case()
    kinds = {
        "big": draw.integers(0, 900, SHAPE).astype(">i2"),
        "flags": draw.random(SHAPE) > 0.5,
        "real": draw.random(SHAPE),
        "colour": draw.integers(0, 255, (*SHAPE, 3)).astype(np.uint8),
    }
    for modality, voxels in kinds.items():
        case = _with(case, modality, voxels)
    case = _with(case, "segmentation", draw.integers(-1, 3, SHAPE).astype(np.float32))
    case = _with(case, "mask", (draw.random(SHAPE) > 0.5) * 255)
    prepared = prepare([ready(case)], tmp_path / "cohort", ALONE).case("s01")
    wanted = {"big": "<i2", "flags": "|u1", "real": "<f4", "colour": "|u1"}
    for modality, dtype in wanted.items():
        assert prepared.entry.volumes[modality].dtype == dtype
        stored = prepared.volume(modality).voxels
        np.testing.assert_array_equal(stored, np.flip(kinds[modality], 0).astype(stored.dtype))
    labels, mask = prepared.segmentation(), prepared.mask()
    assert labels is not None
    assert mask is not None
    assert labels.dtype == np.int16
    assert labels.min() == -1
    assert mask.dtype == np.bool_
    assert case.mask is not None
    np.testing.assert_array_equal(mask, np.flip(case.mask.voxels, 0) == 255)


def test_a_shared_grid_may_be_oriented_differently(
    a_case: MakeCase, ready: type[Ready], tmp_path: Path
) -> None:
    case = a_case()
    assert case.mask is not None
    turned = replace(
        case,
        volumes={**case.volumes, "fa": reorient(case.volumes["fa"], "PIR")},
        mask=reorient(case.mask, "SAL"),
    )
    one = prepare([ready(case)], tmp_path / "one", ALONE).case("s01")
    two = prepare([ready(turned)], tmp_path / "two", ALONE).case("s01")
    np.testing.assert_array_equal(one.volume("fa").voxels, two.volume("fa").voxels)
    np.testing.assert_array_equal(one.mask(), two.mask())
    assert two.native_grid("fa").orientation == "PIR"


PAYLOADS = [
    "../../escape",
    "/etc/passwd",
    "..",
    ".",
    "",
    ".hidden",
    "-rf",
    "a/b",
    "a\\b",
    "C:evil",
    "nul\0byte",
    "x" * 400,
    "a..b",
    "dot.",
    "%2e%2e%2fup",
    "\uff0e\uff0e\uff0ffull",
    "müller",
    "white space",
    "line\nbreak",
    "\udce9 surrogate",
    "~",
    "$(touch x)",
]


@pytest.mark.parametrize("name", PAYLOADS)
def test_no_id_leads_outside(
    name: str, a_case: MakeCase, ready: type[Ready], tree: Tree, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    folder = outside / "deep" / "cohort"
    folder.mkdir(parents=True)
    maker = ready(replace(a_case(), id=name, patient=name))
    maker.id = name
    cohort = prepare([maker, ready(a_case("other"))], folder, ALONE)
    assert [path.name for path in outside.iterdir()] == ["deep"]
    assert [path.name for path in (outside / "deep").iterdir()] == ["cohort"]
    (safe,) = {case.id for case in cohort.cases()} - {"other"}
    assert safe == (folder / "cases" / safe).name
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in safe)
    assert ".." not in safe
    assert len(safe) <= 100
    assert safe != name
    assert (folder / "cases" / safe / "case.json").is_file()
    again = prepare([maker], folder, ALONE)
    assert [case.id for case in again.cases()] == [safe]


def test_ids_that_cannot_be_told_apart(a_case: MakeCase, ready: type[Ready], tmp_path: Path) -> None:
    for other in ("s01", "S01"):
        with pytest.raises(InputError, match="two cases called") as caught:
            prepare([ready(a_case()), ready(a_case(other))], tmp_path / "cohort")
        assert caught.value.code == "E004"
    with pytest.raises(InputError, match="no case") as caught:
        prepare([], tmp_path / "cohort")
    assert caught.value.code == "E132"


def test_nothing_personal_in_the_manifest(
    a_case: MakeCase, on_disk: OnDisk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(4)]
    makers[3].volumes["fa"].write_bytes(b"broken")
    folder = tmp_path / "cohort"
    prepare(makers, folder, PrepareOptions(keep_going=True))
    text = "".join(path.read_text() for path in folder.rglob("*.json"))
    assert str(tmp_path) not in text
    assert "inputs" not in text
    assert '"t1.nii.gz"' in text
    with_names = Cohort.open(folder).digest()
    prepare(makers, folder, PrepareOptions(keep_going=True, record_names=False))
    text = "".join(path.read_text() for path in folder.rglob("*.json"))
    assert ".nii.gz" not in text
    assert Cohort.open(folder).digest() == with_names


def test_options_for_what_no_case_has(a_case: MakeCase, ready: type[Ready], tmp_path: Path) -> None:
    options = PrepareOptions(ratios=(1, 0, 0), regions={"t3": ("body",)})
    with pytest.raises(InputError, match="options for t3, which no case has; expected ct, fa, t1") as caught:
        prepare([ready(a_case())], tmp_path / "cohort", options)
    assert caught.value.code == "E131"


def test_a_new_bad_case_leaves_the_cohort_as_it_was(slow: type[Slow], tree: Tree, tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    good = [slow(n) for n in range(3)]
    prepare(good, folder)
    before = tree(folder)
    with pytest.raises(InputError):
        prepare([*good, slow(3, mood="fail")], folder)
    assert tree(folder) == before
    Cohort.open(folder)


def test_replacing_a_case_takes_the_manifest_with_it(
    a_case: MakeCase,
    ready: type[Ready],
    tmp_path: Path,
) -> None:
    """Between the new arrays and the new manifest nothing may pass for a whole cohort."""
    folder = tmp_path / "cohort"
    cohort = prepare([ready(a_case())], folder, ALONE)
    one_case.store(a_case(seed=2), "new", folder, "s01", ALONE)
    with pytest.raises(InputError, match="interrupted"):
        Cohort.open(folder)
    with pytest.raises(IntegrityError):
        cohort.verify()


def test_one_at_a_time(a_case: MakeCase, ready: type[Ready], tmp_path: Path) -> None:
    class Nosy:
        id = patient = "s01"

        def fingerprint(self) -> str:
            return "nosy"

        def load(self) -> Case:
            with pytest.raises(UsageError, match="being prepared by another process") as caught:
                prepare([ready(a_case("s02"))], tmp_path / "cohort", ALONE)
            assert caught.value.code == "E005"
            return a_case()

    prepare([Nosy()], tmp_path / "cohort", ALONE)


def test_workers_of_a_killed_preparation_are_waited_for(
    a_case: MakeCase, ready: type[Ready], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "cohort"
    (folder / "cases").mkdir(parents=True)
    orphan = os.open(folder / "cases", os.O_RDONLY)
    fcntl.flock(orphan, fcntl.LOCK_SH)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            os.close(orphan)

    monkeypatch.setattr("transmodal.cohorts.locks.time.sleep", sleep)
    assert len(prepare([ready(a_case())], folder, ALONE).cases()) == 1
    assert len(waited) == 3


def test_an_orphan_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def is_alive(self) -> bool:
            return False

    class Ended(BaseException):
        pass

    def end(status: int) -> None:
        raise Ended(status)

    (tmp_path / "cases").mkdir()
    monkeypatch.setattr("multiprocessing.parent_process", Gone)
    monkeypatch.setattr(os, "_exit", end)
    with pytest.raises(Ended), locks.at_work(tmp_path):
        pytest.fail("went on")


def test_file_systems_without_locks_do(
    a_case: MakeCase,
    ready: type[Ready],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*_: object) -> None:
        raise OSError(38, "no locks")

    monkeypatch.setattr(fcntl, "flock", none)
    prepare([ready(a_case())], tmp_path / "cohort", ALONE)


def test_a_place_that_cannot_be(a_case: MakeCase, ready: type[Ready], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot make") as caught:
        prepare([ready(a_case())], tmp_path / "file")
    assert caught.value.code == "E005"


def test_split_that_fits_is_kept(
    slow: type[Slow],
    tree: Tree,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, makers = tmp_path / "cohort", [slow(n) for n in range(5)]
    split = prepare(makers, folder).split
    swapped = split.model_copy(update={"train": (*split.train[1:], *split.test), "test": split.train[:1]})
    files.write_json(folder / "split.json", swapped.model_dump(mode="json"))
    assert prepare(makers, folder).split == swapped
    assert prepare(makers, folder, PrepareOptions(seed=7)).split.seed == 7
    assert "does not fit the cases or the options any more" in caplog.text
    grown = prepare([*makers, slow(5)], folder, PrepareOptions(counts=(3, 2, 1)))
    assert [len(grown.split.ids(name)) for name in ("train", "validation", "test")] == [3, 2, 1]


def test_a_leaking_split_is_made_again(a_case: MakeCase, ready: type[Ready], tmp_path: Path) -> None:
    folder = tmp_path / "cohort"
    makers = [ready(a_case(f"s{n}")) for n in range(4)]
    split = prepare(makers, folder).split
    visits = [
        ready(replace(maker.case, patient="p" if maker.id in ("s0", "s1") else maker.id), "2")
        for maker in makers
    ]
    ours = prepare(visits, folder).split
    assert {"s0", "s1"} <= set(ours.train) or {"s0", "s1"} in (set(ours.test), set(ours.validation))
    assert split.seed == ours.seed


def test_a_given_split_is_checked_not_made(
    slow: type[Slow],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder, makers = tmp_path / "cohort", [slow(n) for n in range(4)]
    prepare(makers, folder)
    mine: dict[str, Any] = {
        "seed": 0, "by": "given", "train": ["case00"], "validation": ["case01"], "test": ["case03"]
    }  # fmt: skip
    (folder / "split.json").write_text(json.dumps(mine))
    assert prepare(makers, folder).split.test == ("case03",)
    assert "was given and leaves 1 cases aside" in caplog.text
    mine["test"] = ["case99"]
    (folder / "split.json").write_text(json.dumps(mine))
    with pytest.raises(InputError, match="unknown case case99"):
        prepare(makers, folder)


def test_one_image_under_two_names_is_found(a_case: MakeCase, on_disk: OnDisk, tmp_path: Path) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(4)]
    copy = a_case("s0").volumes["t1"]
    again = Volume(copy.voxels.astype(np.float32), copy.affine)
    io.write(reorient(again, "PSL"), makers[1].volumes["t1"])
    for name in ("ct", "fa"):
        io.write(reorient(a_case("s1").volumes[name], "PSL"), makers[1].volumes[name])
    sides = {"train": ["s0", "s2"], "validation": ["s3"], "test": ["s1"]}
    folder = tmp_path / "cohort"
    folder.mkdir()
    (folder / "split.json").write_text(json.dumps({"seed": 1, "by": "given", **sides}))
    with pytest.raises(InputError, match="same image") as caught:
        prepare(makers, folder)
    assert caught.value.code == "E135"
    assert "s0 in train" in caught.value.line()
    assert "s1 in test" in caught.value.line()
    assert not (folder / "cohort.json").exists()


def test_corrupt_records_are_written_anew(slow: type[Slow], tree: Tree, tmp_path: Path) -> None:
    folder, makers = tmp_path / "cohort", [slow(n) for n in range(3)]
    prepare(makers, folder)
    before = tree(folder)
    (folder / "cohort.json").write_bytes(b"\x00half")
    prepare(makers, folder)
    assert tree(folder) == before
    (folder / "split.json").write_text('{"seed": 1}')
    with pytest.raises(InputError, match=r"split\.json with a bad train") as caught:
        prepare(makers, folder)
    assert caught.value.code == "E133"


def test_a_fingerprint_that_fails_is_the_cases_error(
    a_case: MakeCase, on_disk: OnDisk, tmp_path: Path
) -> None:
    makers = [on_disk(a_case(f"s{n}")) for n in range(3)]
    prepare(makers, tmp_path / "cohort")
    makers[1].volumes["t1"].unlink()
    with pytest.raises(InputError, match=r"case s1: .*t1\.nii\.gz"):
        prepare(makers, tmp_path / "cohort")
    assert len(Cohort.open(tmp_path / "cohort").cases()) == 3


def test_one_item_needs_no_process() -> None:
    assert dict(parallel.spread(os.path.basename, {"a": "x/y"}, 4)) == {"a": "y"}


def test_a_pool_that_breaks_between_items_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def submit(self, *_: object) -> None:
            raise BrokenProcessPool

        def shutdown(self, *, cancel_futures: bool) -> None:
            assert cancel_futures

    monkeypatch.setattr(parallel, "_pool", lambda workers: Broken())
    monkeypatch.setattr(parallel, "_alone", lambda work, item, name: work(item))
    items = {"a": "x/1", "b": "x/2", "c": "x/3"}
    assert dict(parallel.spread(os.path.basename, items, 2)) == {"a": "1", "b": "2", "c": "3"}


def test_errors_keep_their_family(slow: type[Slow], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(TransmodalError) as caught:
        prepare([slow(0, mood="fail"), slow(1, mood="fail"), slow(2)], tmp_path / "cohort")
    assert type(caught.value) is InputError
    assert caught.value.exit_status == 3
