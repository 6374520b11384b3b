"""`transmodal reproduce`: the same bytes from the record alone, or each recorded thing that is not so here."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import transmodal
from transmodal import cli
from transmodal.checkpoint import manifest
from transmodal.commands._jobs import mark_series
from transmodal.errors import InputError, TransmodalError, UsageError
from transmodal.inference.provenance import environment
from transmodal.inference.provenance import sidecar as sidecars
from transmodal.storage import files, sealed
from transmodal.volumes import Volume, io

EARLIER = Path(__file__).parent.parent / "contract" / "earlier"
SOURCE = "source-t1.nii.gz"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of a cohort and a run, which is the working directory."""
    shutil.copytree(EARLIER, tmp_path / "earlier")
    monkeypatch.chdir(tmp_path / "earlier")
    return tmp_path / "earlier"


def edit(path: Path, **changes: object) -> None:
    """Change a sidecar and seal it again."""
    sidecars.write(path, sealed.read(path).content | changes)


@pytest.mark.parametrize("kind", ["nii.gz", "nii", "mha", "mhd", "tif"])
def test_every_format_is_made_again_byte_for_byte(kind: str, folders: Path) -> None:
    source = SOURCE
    if kind == "tif":  # a picture is of one slice
        volume = transmodal.read(SOURCE)
        transmodal.write(Volume(volume.voxels[:, :, 5:6].astype(np.uint8), volume.affine), "slice.png")
        source = "slice.png"
    transmodal.translate("run", source, f"fa.{kind}", gate="off", axes="z")
    again = transmodal.reproduce("fa.json", source, output=f"again/fa2.{kind}")
    assert again.is_equal
    assert again.differences == ()
    assert again.lines() == [f"equal: fa.{kind}, byte for byte"]
    if kind != "mhd":  # a header that names its voxels' file by its own name
        assert (folders / f"again/fa2.{kind}").read_bytes() == (folders / f"fa.{kind}").read_bytes()
    assert transmodal.verify(f"again/fa2.{kind}", run="run").is_whole
    assert transmodal.reproduce("fa.json", source, output=f"again/fa2.{kind}", overwrite=True).is_equal


def test_passes_options_spread_and_checkpoint_are_the_recorded_ones(folders: Path) -> None:
    voxels = transmodal.read(SOURCE).voxels.astype(np.float32)
    voxels[3, 3, 3] = np.nan
    image = io.nifti.nib.Nifti1Image(voxels, transmodal.read(SOURCE).affine)  # type: ignore[no-untyped-call]
    (folders / "holes.nii.gz").write_bytes(gzip.compress(image.to_bytes()))
    transmodal.translate(
        "run", "holes.nii.gz", "fa.nii.gz", axes="x,y,z", fuse="median", disagreement=True,
        checkpoint="last", nonfinite="zero", gate="off",
    )  # fmt: skip
    again = transmodal.reproduce("fa.nii.gz", {"t1": "holes.nii.gz"}, run="run")
    assert dict(again.images) == {"fa.nii.gz": (), "fa_plane_disagreement.nii.gz": ()}
    assert again.output is None


def test_a_volume_from_python_is_made_again_from_its_file(folders: Path) -> None:
    transmodal.load("run", device="cpu").translate(transmodal.read(SOURCE), gate="off").write("fa.nii.gz")
    assert "origins" not in files.read_json(folders / "fa.json")
    assert transmodal.reproduce("fa.json", SOURCE).is_equal


def test_the_source_is_found_in_a_cohort_and_in_a_folder_by_its_hash(folders: Path) -> None:
    (folders / "images").mkdir()
    for n in range(3):
        volume = transmodal.read(SOURCE)
        transmodal.write(volume.with_voxels(volume.voxels + n), folders / "images" / f"{n}.nii.gz")
    for place in ("cohort", "images"):
        made = transmodal.translate("run", place, f"from-{place}", split="all", gate="off")
        (folders / "images" / "1.nii.gz").rename(folders / "images" / "renamed.nii.gz")
        assert transmodal.reproduce(made[1].sidecar, place).is_equal
        (folders / "images" / "renamed.nii.gz").rename(folders / "images" / "1.nii.gz")
    (folders / "images" / "1.nii.gz").unlink()
    with pytest.raises(InputError, match="2 sources, none of which has the recorded SHA-256"):
        transmodal.reproduce(made[1].sidecar, "images")


def test_what_differs_is_named(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    transmodal.translate("run", SOURCE, "fa.nii.gz", gate="off")
    volume = transmodal.read(SOURCE)
    transmodal.write(volume.with_voxels(volume.voxels[::-1]), "other.nii.gz")
    path = folders / "run" / "checkpoints" / "best" / "manifest.json"
    content = manifest.unseal(path)
    content["target_map"]["scale"] /= 2
    path.write_bytes(manifest.seal(content))
    record = sealed.read(folders / "fa.json").content
    versions = {**record["environment"]["versions"], "torch": "1.13"}
    edit(folders / "fa.json", environment={**record["environment"], "versions": versions})
    capsys.readouterr()
    assert cli.run(["reproduce", "fa.json", "--source", "other.nii.gz", "--run", "run", "--quiet"]) == 5
    outcome, *lines = capsys.readouterr().out.splitlines()
    assert outcome == "not equal: fa.nii.gz has other voxels"
    assert [line.split(":")[1] for line in lines] == [
        " the run's manifest", " the file of source t1", " the voxels of source t1", " versions.torch",
    ]  # fmt: skip
    assert "which differs in target_map" in lines[0]
    assert cli.run(["reproduce", "fa.json", "--source", SOURCE, "--run", "run", "--json", "--quiet"]) == 5
    shown = json.loads(capsys.readouterr().out)
    assert shown["images"] == {"fa.nii.gz": ["other voxels"]}
    assert [difference["name"] for difference in shown["differences"]] == [
        "the run's manifest", "versions.torch",
    ]  # fmt: skip
    assert cli.run(["reproduce", "fa.json", "--source", SOURCE]) == 3
    assert "Name the run: --run RUN." in capsys.readouterr().err


def test_a_source_that_was_compressed_again_gives_the_same_bytes(folders: Path) -> None:
    transmodal.translate("run", SOURCE, "fa.nii.gz", gate="off")
    content = gzip.decompress((folders / SOURCE).read_bytes())
    (folders / "again.nii.gz").write_bytes(gzip.compress(content, 1, mtime=5))
    again = transmodal.reproduce("fa.json", "again.nii.gz")
    assert again.is_equal
    assert [difference.name for difference in again.differences] == ["the file of source t1"]


def test_threads_are_those_of_the_record_and_come_back(folders: Path) -> None:
    """Whether the bytes of other threads are others depends on the processor, so the record of the new image tells."""

    def recorded(sidecar: str) -> object:
        return sealed.read(folders / sidecar).content["environment"]["threads"]

    before = torch.get_num_threads()
    with environment.threads(2):
        transmodal.translate("run", SOURCE, "two.nii.gz", gate="off")
    with environment.threads(1):
        assert transmodal.reproduce("two.json", SOURCE, output="again.nii.gz").is_equal
        assert torch.get_num_threads() == 1
    assert (recorded("two.json"), recorded("again.json")) == (2, 2)
    assert torch.get_num_threads() == before


def test_what_cannot_be_is_refused(folders: Path) -> None:
    transmodal.translate("run", SOURCE, "fa.nii.gz", gate="off", axes="x,z", disagreement=True)

    def refusal(place: str = "fa.json", output: str | None = None, series: str | None = None) -> str:
        with pytest.raises(TransmodalError) as caught:
            transmodal.reproduce(place, SOURCE, output=output, series=series)
        return caught.value.code

    assert refusal(output="again.mha") == "E005"
    assert refusal(output="fa.nii.gz") == "E005"
    assert refusal(output=SOURCE) == "E005"
    assert refusal(series="4") == "E004"
    assert refusal("fa_plane_disagreement.json") == "E102"
    assert refusal(SOURCE) == "E100"
    assert refusal("cohort/cohort.json") == "E102"
    record = files.read_json(folders / "fa.json")
    files.write_json(folders / "fa.json", record | {"batch": 1})
    assert refusal() == "E501"


def test_a_series_is_named_again_by_its_uid(folders: Path) -> None:
    """The UID is a header's value: the sidecar holds its hash."""
    transmodal.translate("run", SOURCE, "fa.nii.gz", gate="off")
    edit(folders / "fa.json", reading={"nonfinite": "refuse", "series": mark_series("1.2.840.7")})
    with pytest.raises(UsageError, match="--series UID"):
        transmodal.reproduce("fa.json", SOURCE)
    with pytest.raises(UsageError, match="--series UID"):
        transmodal.reproduce("fa.json", SOURCE, series="1.2.840.8")
    with pytest.raises(UsageError, match="the folder of a DICOM series"):  # the reader's: it got that far
        transmodal.reproduce("fa.json", SOURCE, series="1.2.840.7")
    edit(folders / "fa.json", reading={"nonfinite": "refuse", "series": "4"})
    with pytest.raises(UsageError, match="series 4 of"):
        transmodal.reproduce("fa.json", SOURCE)
