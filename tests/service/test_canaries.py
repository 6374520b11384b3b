"""No word of a patient comes out of the service: of headers, names of files and addresses, in success and in failure."""

from __future__ import annotations

import io as streams
import zipfile
from pathlib import Path

import numpy as np

from canaries import dicom, images
from canaries.words import Canaries
from served import SOURCE, Served
from transmodal.volumes import io


def zipped(folder: Path, canaries: Canaries) -> bytes:
    """An archive whose entries have names of patients too."""
    buffer = streams.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = canaries.word().encode()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, f"{canaries.word('name')}/{path.name}")
    return buffer.getvalue()


def contents(folder: Path, canaries: Canaries) -> dict[str, bytes]:
    """Sources with canaries in all that is not voxels: some are translated, some are refused."""
    voxels = np.rint(io.read(SOURCE).voxels).astype(np.int16)
    nifti = images.nifti(folder / "a.nii.gz", voxels, canaries).read_bytes()
    meta = images.metaimage(folder / "a.mha", voxels, canaries).read_bytes()
    with dicom.lenient():
        dicom.plant_patient(folder / "patient", canaries, 1)
    (mr,) = (folder / "patient").glob("*/MR")
    series = zipped(mr, canaries)
    return {
        "NIfTI": nifti,
        "MetaImage": meta,
        "DICOM": series,
        "two series": zipped(folder / "patient", canaries),
        "half a NIfTI": nifti[: len(nifti) // 2],
        "half a MetaImage": meta[: len(meta) // 2],
        "half an archive": series[: len(series) // 2],
    }


def test_no_canary_comes_out_of_the_service(served: Served, jobs_folder: Path, tmp_path: Path) -> None:
    canaries, states = Canaries(), dict[str, str]()
    for name, content in contents(tmp_path, canaries).items():
        states[name] = one_job(served, jobs_folder, content, canaries)
    assert len(canaries) > 200
    assert states["NIfTI"] == states["MetaImage"] == states["DICOM"] == "done"
    assert {state for name, state in states.items() if name.startswith(("half", "two"))} == {"failed"}
    served.ask("GET", f"/{canaries.word('name')}")
    assert not canaries.find(served.errors.read_bytes())


def one_job(served: Served, jobs_folder: Path, content: bytes, canaries: Canaries) -> str:
    """Bring a source through the service; nothing that it answers or writes besides the upload has a canary."""
    job = served.begin(gate="warn")
    word = canaries.word("name")
    path = f"/jobs/{job}/sources/t1?name={word}"
    answers = [served.ask("PUT", path, content, {"Content-Disposition": f'attachment; filename="{word}"'})]
    answers.append(served.ask("POST", f"/jobs/{job}/start"))
    answer = served.wait(job)
    answers.append(served.ask("GET", f"/jobs/{job}"))
    if answer["state"] == "done":
        answers += [served.ask("GET", answer[part]) for part in ("result", "sidecar", "viewer")]
        answers += [served.ask("GET", f"{answer['viewer']}volume-{n}.nii") for n in (0, 1)]
    for one in answers:
        assert not canaries.find(one.content)
        assert not canaries.find(str(one.headers).encode())
    folder = jobs_folder / job
    written = [*folder.glob("*.json"), *folder.glob("synthetic*"), *folder.glob("view/*")]
    assert written
    for file in written:
        assert not canaries.find(file.read_bytes()), file.name
        assert not canaries.find(file.name.encode())
    served.ask("DELETE", f"/jobs/{job}")
    return str(answer["state"])


def test_a_canary_that_came_out_would_be_seen(tmp_path: Path) -> None:
    canaries = Canaries()
    content = images.nifti(tmp_path / "a.nii.gz", np.ones((4, 4, 4)), canaries).read_bytes()
    assert canaries.find(content)
