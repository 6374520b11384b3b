"""The service as clients use it, in a real process: upload, job, result, page; the result is `transmodal translate`'s."""

from __future__ import annotations

import gzip
import io as streams
import json
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import transmodal
from served import RUN, SOURCE, Served
from transmodal.notice import INTENDED_USE
from transmodal.viewing import niivue
from transmodal.volumes import Volume, io
from transmodal.volumes.formats.dicom.writing import SeriesAbout, write_series


def volume_of(content: bytes) -> nib.nifti1.Nifti1Image:
    return nib.nifti1.Nifti1Image.from_bytes(gzip.decompress(content))


def test_a_result_is_that_of_translate_voxel_by_voxel(served: Served, tmp_path: Path) -> None:
    transmodal.translate(RUN, SOURCE, tmp_path / "fa.nii.gz", device="cpu")
    job = served.translate(SOURCE.read_bytes())
    assert (job["state"], job["error"], job["completed"]) == ("done", None, job["total"])
    answer = served.ask("GET", job["result"])
    assert answer.headers["content-type"] == "application/gzip"
    (tmp_path / "served.nii.gz").write_bytes(answer.content)
    ours, theirs = io.read(tmp_path / "fa.nii.gz"), io.read(tmp_path / "served.nii.gz")
    assert ours.voxels.dtype == theirs.voxels.dtype
    assert ours.voxels.tobytes() == theirs.voxels.tobytes()
    assert np.array_equal(ours.affine, theirs.affine)
    assert b"SYNTHETIC" in volume_of(answer.content).header["descrip"].tobytes()

    sidecar = served.ask("GET", job["sidecar"]).json()
    own = json.loads((tmp_path / "fa.json").read_text())
    assert sidecar["intended_use"] == INTENDED_USE
    for key in ("checkpoint", "origins", "gate", "passes", "target", "values", "reading"):
        assert sidecar[key] == own[key], key
    assert served.ask("DELETE", f"/jobs/{job['id']}").status == 204
    assert served.ask("GET", job["result"]).status == 404


def test_a_job_shows_its_page(served: Served) -> None:
    if not niivue.is_installed():
        pytest.skip("ipyniivue is not installed")
    job = served.translate(SOURCE.read_bytes())
    page = served.ask("GET", job["viewer"])
    assert b"fa" in page.content.lower()
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "sandbox" not in page.headers["content-security-policy"]
    for part in ("viewer.css", "viewer.js", "niivue.js", "volume-0.nii", "volume-1.nii"):
        assert part.encode() in page.content
        assert served.ask("GET", job["viewer"] + part).status == 200
    for part in ("volume-2.nii", "job.json", "index.html", "synthetic.nii.gz"):
        assert served.ask("GET", job["viewer"] + part).status == 404, part
    served.ask("DELETE", f"/jobs/{job['id']}")
    assert served.ask("GET", job["viewer"]).status == 404
    assert served.ask("GET", job["viewer"] + "volume-0.nii").status == 404


@pytest.mark.parametrize("suffix", [".nii", ".mha", ".zip"])
def test_other_formats_come_to_the_same_voxels(served: Served, tmp_path: Path, suffix: str) -> None:
    source = io.read(SOURCE)
    if suffix == ".zip":
        content = zipped(dicom_of(source, tmp_path / "series"))
    else:
        io.write(source, tmp_path / f"t1{suffix}")
        content = (tmp_path / f"t1{suffix}").read_bytes()
    job = served.translate(content, gate="warn")
    assert job["state"] == "done", job["error"]
    voxels = np.asarray(volume_of(served.ask("GET", job["result"]).content).dataobj)
    served.ask("DELETE", f"/jobs/{job['id']}")
    plain = served.translate(SOURCE.read_bytes())
    if suffix != ".zip":
        assert np.array_equal(
            voxels, np.asarray(volume_of(served.ask("GET", plain["result"]).content).dataobj)
        )
    assert voxels.size == source.voxels.size
    served.ask("DELETE", f"/jobs/{plain['id']}")


def dicom_of(volume: Volume, folder: Path) -> Path:
    about = SeriesAbout("MR", "t1_fl3d", "A1", "1.2.3", "1.2.9")
    write_series(volume.with_voxels(np.rint(volume.voxels).astype(np.int16)), folder, about)
    return folder


def zipped(folder: Path) -> bytes:
    buffer = streams.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"DOE^JOHN/../{path.name}")
    return buffer.getvalue()
