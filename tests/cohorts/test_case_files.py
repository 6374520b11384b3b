from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from transmodal.cohorts.case import Case, CaseMaker
from transmodal.cohorts.case_files import CaseFiles, hashed_once, sha256_content
from transmodal.errors import InputError
from transmodal.storage import files
from transmodal.volumes import Volume, io

OnDisk = Callable[[Case], CaseFiles]


def test_files_load_as_the_case_that_was_written(a_case: Callable[..., Case], on_disk: OnDisk) -> None:
    case = a_case(group="site A", patient="p7")
    maker: CaseMaker = on_disk(case)
    loaded = maker.load()
    assert (loaded.id, loaded.patient, loaded.group) == ("s01", "p7", "site A")
    assert loaded.simulated == {"ct"}
    for modality, volume in case.volumes.items():
        np.testing.assert_array_equal(loaded.volumes[modality].voxels, volume.voxels)
        np.testing.assert_allclose(loaded.volumes[modality].affine, volume.affine, atol=1e-6)
    assert loaded.mask is not None
    assert loaded.segmentation is not None
    assert int(loaded.segmentation.voxels.max()) == 3
    assert set(loaded.origins) == {"t1", "ct", "fa", "mask", "segmentation"}
    origin = loaded.origins["t1"]
    assert origin.name == "t1.nii.gz"
    assert origin.sha256 == files.sha256_file(on_disk(case).volumes["t1"])


def test_no_mask_is_none(a_case: Callable[..., Case], on_disk: OnDisk) -> None:
    loaded = replace(on_disk(a_case()), mask=None, segmentation=None).load()
    assert loaded.mask is None
    assert loaded.segmentation is None
    assert set(loaded.origins) == {"t1", "ct", "fa"}


def test_colour_mask_is_refused(a_case: Callable[..., Case], on_disk: OnDisk, tmp_path: Path) -> None:
    colour = Volume(np.zeros((9, 7, 11, 3), np.uint8) + np.arange(3, dtype=np.uint8), np.eye(4))
    io.write(colour, tmp_path / "colour.mha")
    with pytest.raises(InputError, match=r"colour\.mha is in colour") as caught:
        replace(on_disk(a_case()), mask=tmp_path / "colour.mha").load()
    assert caught.value.code == "E122"


def test_fingerprint_follows_content_names_and_facts(
    a_case: Callable[..., Case], on_disk: OnDisk, tmp_path: Path
) -> None:
    made = on_disk(a_case())
    base = made.fingerprint()
    moved = tmp_path / "elsewhere"
    shutil.copytree(made.volumes["t1"].parent, moved)
    same = CaseFiles(
        "s01",
        "s01",
        {modality: moved / path.name for modality, path in reversed(list(made.volumes.items()))},
        moved / "mask.nii.gz",
        moved / "segmentation.nii.gz",
        made.simulated,
    )
    assert same.fingerprint() == base
    changed = [
        replace(made, patient="another"),
        replace(made, group="site"),
        replace(made, simulated=frozenset()),
        replace(made, mask=None),
        replace(made, volumes={**made.volumes, "ct": made.volumes["t1"]}),
    ]
    assert len({base, *(one.fingerprint() for one in changed)}) == 6
    io.write(a_case(seed=1).volumes["fa"], moved / "fa.nii.gz")
    assert same.fingerprint() != base


def test_missing_file_is_named(a_case: Callable[..., Case], on_disk: OnDisk) -> None:
    made = on_disk(a_case())
    made.volumes["fa"].unlink()
    for act in (made.fingerprint, made.load):
        with pytest.raises(InputError, match=r"fa\.nii\.gz") as caught:
            act()
        assert caught.value.code == "E100"


def test_detached_voxels_count(a_case: Callable[..., Case], tmp_path: Path) -> None:
    path = tmp_path / "t1.mhd"
    io.write(a_case().volumes["t1"], path)
    before = sha256_content(path)
    data = next(one for one in tmp_path.iterdir() if one != path)
    data.write_bytes(data.read_bytes()[::-1])
    assert sha256_content(path) != before
    data.unlink()
    with pytest.raises(InputError, match=rf"t1\.mhd without {data.name}"):
        sha256_content(path)


@pytest.mark.parametrize("line", ["ElementDataFile = LOCAL\n", "NDims = 3\n"])
def test_header_without_data_file_counts_alone(line: str, tmp_path: Path) -> None:
    path = tmp_path / "t1.mhd"
    path.write_text(line)
    assert sha256_content(path) == files.sha256_file(path)


def test_header_does_not_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "secret.raw").write_bytes(b"secret")
    inner = tmp_path / "case"
    inner.mkdir()
    (inner / "t1.mhd").write_text("ElementDataFile = ../secret.raw\n")
    with pytest.raises(InputError, match="without secret"):
        sha256_content(inner / "t1.mhd")


def test_folder_counts_with_all_its_files(tmp_path: Path) -> None:
    series = tmp_path / "series"
    (series / "below").mkdir(parents=True)
    (series / "1.dcm").write_bytes(b"one")
    before = sha256_content(series)
    (series / "2.dcm").write_bytes(b"two")
    both = sha256_content(series)
    (series / "2.dcm").rename(series / "3.dcm")
    assert len({before, both, sha256_content(series)}) == 3


def test_files_travel_between_processes(a_case: Callable[..., Case], on_disk: OnDisk) -> None:
    made = on_disk(a_case())
    assert pickle.loads(pickle.dumps(made)) == made


def test_inside_a_case_every_file_is_hashed_once(
    tmp_path: Path, a_case: Callable[..., Case], on_disk: OnDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = on_disk(a_case())
    hashed: list[str] = []
    real = files.sha256_file
    monkeypatch.setattr(files, "sha256_file", lambda path: (hashed.append(path.name), real(path))[1])
    with hashed_once():
        inside = made.fingerprint(), made.load().origins
    assert sorted(hashed) == sorted(path.name for path in made.paths().values())
    made.volumes["t1"].write_bytes(made.volumes["ct"].read_bytes())
    assert (made.fingerprint(), made.load().origins) != inside
    with hashed_once():
        assert made.origins()["t1"].sha256 == made.origins()["ct"].sha256 != inside[1]["t1"].sha256
