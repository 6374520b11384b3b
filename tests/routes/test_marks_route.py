"""What is synthetic says so: by its name, in its header, in a sidecar of its own; and who was learned from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import transmodal
from transmodal import cli
from transmodal.volumes import Volume, io

RECIPE = """
name: tiny
translator: unet_regression
task: {source: [t1], target: fa}
windows: {kind: slice, axes: [z]}
data: {region: body}
settings: {width: 4, levels: 1}
training: {epochs: 1, batch: 4, samples_per_epoch: 4}
"""
AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])


def images(seed: int) -> dict[str, Volume]:
    draw = np.random.default_rng(seed)
    i, j, k = np.indices((12, 12, 9)) - np.array([6, 6, 4]).reshape(3, 1, 1, 1)
    head = i**2 + j**2 + 1.5 * k**2 < 20
    t1 = (head * (100 + 100 * draw.random(head.shape))).astype(np.float32)
    return {"mr": Volume(t1, AFFINE), "fa": Volume(t1 / 400, AFFINE)}


def run(line: str) -> None:
    assert cli.run(line.split()) == 0, line


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects whose source is called `mr`, and a run of one step by a recipe that says `t1`."""
    folder = tmp_path_factory.mktemp("marks")
    for n in range(3):
        case = folder / "subjects" / f"sub-0{n}"
        case.mkdir(parents=True)
        for name, volume in images(n).items():
            io.write(volume, case / f"{name}.nii.gz")
    (folder / "tiny.yaml").write_text(RECIPE)
    sides = {"train": ["sub-00"], "validation": ["sub-01"], "test": ["sub-02"]}
    (folder / "split.json").write_text(json.dumps({"seed": 1, "by": "given", **sides}))
    run(
        f"prepare folders {folder}/subjects -o {folder}/cohort --for {folder}/tiny.yaml "
        f"--split {folder}/split.json --workers 1"
    )
    run(f"train {folder}/tiny.yaml --cohort {folder}/cohort -o {folder}/run --device cpu")
    return folder


def record_of(image: Path) -> dict[str, object]:
    sidecar = image.with_name(image.name.removesuffix(".nii.gz") + ".json")
    found: dict[str, object] = json.loads(sidecar.read_text())
    return found


def test_images_of_a_folder_get_names_headers_and_sidecars_of_their_own(place: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "images", tmp_path / "out"
    folder.mkdir()
    for name in ("anna.nii.gz", "sub-07_T1w.nii.gz"):
        io.write(images(5)["mr"], folder / name)
    run(f"translate {place}/run {folder} -o {out} --axes x,z --disagreement")
    made = {
        "anna_fa.nii.gz",
        "anna_fa_plane_disagreement.nii.gz",
        "sub-07_param-fa_desc-synthetic_dwimap.nii.gz",
        "sub-07_param-fa_desc-synthetic_dwimap_plane_disagreement.nii.gz",
    }
    assert {path.name for path in out.glob("*.nii.gz")} == made
    assert len(list(out.glob("*.json"))) == 4
    for name in made:
        marker = bytes(nib.load(out / name).header["descrip"]).decode()
        assert marker.startswith("SYNTHETIC fa")
        assert f"transmodal {transmodal.__version__}" in marker
        record = record_of(out / name)
        assert record["synthetic"] is True
        assert record["image"]["name"] == name  # type: ignore[index]  # JSON


def test_an_image_never_has_its_sources_name(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "a" / "anna.nii.gz"
    source.parent.mkdir()
    io.write(images(5)["mr"], source)
    assert cli.run(f"translate {place}/run {source} -o {tmp_path}/b/anna.nii.gz".split()) == 2
    assert "has the name of its source" in capsys.readouterr().err
    run(f"translate {place}/run {source} -o {tmp_path}")  # a folder that is there: the name is chosen
    assert (tmp_path / "anna_fa.nii.gz").is_file()


def test_a_sidecar_is_of_one_image(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("anna.nii.gz", "anna.mha"):
        io.write(images(5)["mr"], folder / name)
    assert cli.run(f"translate {place}/run {folder} -o {tmp_path}/out".split()) == 2
    assert "would both be written as anna_fa.json" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    note = tmp_path / "fa.json"
    note.write_text('{"mine": 1}')
    for more in ("", " --overwrite"):
        call = f"translate {place}/run {folder}/anna.mha -o {tmp_path}/fa.nii.gz{more}"
        assert cli.run(call.split()) == 2
        assert "fa.json" in capsys.readouterr().err
    assert note.read_text() == '{"mine": 1}'
    assert not (tmp_path / "fa.nii.gz").exists()


@pytest.mark.parametrize(("code", "space"), [(1, ""), (2, ""), (3, "talairach"), (4, "mni")])
def test_an_atlas_space_survives(place: Path, code: int, space: str, tmp_path: Path) -> None:
    image = nib.Nifti1Image(images(5)["mr"].voxels, AFFINE)
    image.set_sform(AFFINE, code)
    image.set_qform(AFFINE, 1)
    nib.save(image, tmp_path / "t1.nii.gz")
    assert io.read(tmp_path / "t1.nii.gz").space == space
    run(f"translate {place}/run {tmp_path}/t1.nii.gz -o {tmp_path}/fa.nii.gz --axes x,z --disagreement")
    for name in ("fa", "fa_plane_disagreement"):
        assert int(nib.load(tmp_path / f"{name}.nii.gz").header["sform_code"]) == max(code, 2)


def test_an_atlas_space_survives_a_cohort(place: Path, tmp_path: Path) -> None:
    case = tmp_path / "subjects" / "anna"
    case.mkdir(parents=True)
    for name, volume in images(8).items():
        image = nib.Nifti1Image(volume.voxels, AFFINE)
        image.set_sform(AFFINE, 4)
        nib.save(image, case / f"{name}.nii.gz")
    run(
        f"prepare folders {tmp_path}/subjects -o {tmp_path}/cohort --region mr=body --split 1:0:0 --workers 1"
    )
    run(f"translate {place}/run {tmp_path}/cohort -o {tmp_path}/out --split all")
    assert int(nib.load(tmp_path / "out" / "anna_fa.nii.gz").header["sform_code"]) == 4


def test_axes_that_were_not_learned_are_noted(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = place / "subjects/sub-02/mr.nii.gz"
    run(f"translate {place}/run {source} -o {tmp_path}/z.nii.gz --axes z")
    assert not [note for note in record_of(tmp_path / "z.nii.gz")["notes"] if "slices along" in note]  # type: ignore[attr-defined]
    capsys.readouterr()
    run(f"translate {place}/run {source} -o {tmp_path}/xyz.nii.gz --axes x,y,z")
    said = "slices along x, y: the run learned from slices along z alone"
    assert [note for note in record_of(tmp_path / "xyz.nii.gz")["notes"] if said in note]  # type: ignore[attr-defined]
    assert said in capsys.readouterr().err


def test_synonyms_name_sources(place: Path, tmp_path: Path) -> None:
    source = place / "subjects/sub-02/mr.nii.gz"
    names = ("t1", "mr", "T1w", "t1n")
    for name in names:
        run(f"translate {place}/run {name}={source} -o {tmp_path}/by_{name}.nii.gz")
    assert len({(tmp_path / f"by_{name}.nii.gz").read_bytes() for name in names}) == 1
    assert cli.run(f"translate {place}/run t1c={source} -o {tmp_path}/c.nii.gz".split()) == 2
    run(f"evaluate {place}/run --cohort {place}/cohort -o {tmp_path}/e --save-volumes")
    run(f"check {tmp_path}/e --cohort {place}/cohort")


def dataset_of(folder: Path, names: dict[str, str]) -> Path:
    """A BIDS dataset of subjects with one image each, in a space of its own where it is named."""
    dataset = folder / "dataset"
    dataset.mkdir()
    about = {
        "Name": "phantoms",
        "BIDSVersion": "1.10.0",
        "DatasetType": "raw",
        "DatasetDOI": "doi:10.18112/openneuro.ds000001.v1.0.2",
    }
    (dataset / "dataset_description.json").write_text(json.dumps(about))
    for n, (subject, more) in enumerate(names.items()):
        place = dataset / subject / "anat"
        place.mkdir(parents=True)
        io.write(images(n)["mr"], place / f"{subject}{more}_T1w.nii.gz")
    return dataset


def test_subjects_that_the_run_learned_from_are_named(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = dataset_of(tmp_path, {"sub-00": "", "sub-02": "", "sub-09": ""})
    capsys.readouterr()
    run(f"translate {place}/run {dataset} -o {tmp_path}/out --training-cohort {place}/cohort")
    assert "the run learned from a subject of this name" in capsys.readouterr().err
    learned = {
        path.name.split("_")[0]: json.loads(path.read_text()).get("training_subject", False)
        for path in (tmp_path / "out").rglob("sub-*.json")
    }
    assert learned == {"sub-00": True, "sub-02": False, "sub-09": False}
    about = json.loads((tmp_path / "out/dataset_description.json").read_text())
    assert about["SourceDatasets"] == [
        {
            "Name": "phantoms",
            "URL": "https://doi.org/10.18112/openneuro.ds000001.v1.0.2",
            "DOI": "doi:10.18112/openneuro.ds000001.v1.0.2",
            "Version": "1.0.2",
        }
    ]
    run(f"translate {place}/run {place}/cohort -o {tmp_path}/train --split train --record-names")
    record = record_of(next((tmp_path / "train").glob("*.nii.gz")))
    assert record["training_subject"] is True
    assert record["source_names"] == {"t1": "mr.npy"}


def test_without_the_key_of_the_cohort_it_is_said_that_subjects_could_not_be_looked_up(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = dataset_of(tmp_path, {"sub-00": "", "sub-09": ""})
    capsys.readouterr()
    run(f"translate {place}/run {dataset} -o {tmp_path}/out")
    lines = " ".join(capsys.readouterr().err.split())
    assert lines.count("transmodal translate: --training-cohort COHORT") == 1
    for path in (tmp_path / "out").rglob("sub-*.json"):
        record = json.loads(path.read_text())
        assert record["training_subject"] is None
        assert "not tested" in record["notes"][-1]
    for more in (
        f" --training-cohort {place}/cohort",
        "",
    ):  # what is known stays where it is not asked for again
        run(f"translate {place}/run {dataset} -o {tmp_path}/out{more}")
        learned = {
            path.name[:6]: json.loads(path.read_text()) for path in (tmp_path / "out").rglob("sub-*.json")
        }
        assert learned["sub-00"]["training_subject"] is True
        assert "training_subject" not in learned["sub-09"]


def test_subjects_and_spaces_of_a_dataset_are_chosen(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = dataset_of(tmp_path, {"sub-07": "", "sub-08": "", "sub-09": "_space-MNI152Lin"})
    run(f"translate {place}/run {dataset} -o {tmp_path}/one --subject sub-08")
    assert [path.name for path in (tmp_path / "one").rglob("*.nii.gz")] == [
        "sub-08_param-fa_desc-synthetic_dwimap.nii.gz"
    ]
    run(f"translate {place}/run {dataset} -o {tmp_path}/mni --space MNI152Lin")
    assert [path.name for path in (tmp_path / "mni").rglob("*.nii.gz")] == [
        "sub-09_space-MNI152Lin_param-fa_desc-synthetic_dwimap.nii.gz"
    ]
    assert cli.run(f"translate {place}/run {dataset} -o {tmp_path}/no --subject 10".split()) == 3
    assert "no subject sub-10" in capsys.readouterr().err
    source = next(dataset.rglob("*.nii.gz"))
    assert cli.run(f"translate {place}/run {source} -o {tmp_path}/x.nii.gz --subject 07".split()) == 2
    shutil.rmtree(tmp_path / "one")


def test_translate_prints_json(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    run(f"translate {place}/run {place}/subjects/sub-02/mr.nii.gz -o {tmp_path}/fa.nii.gz --json")
    printed = json.loads(capsys.readouterr().out)
    assert printed["images"][0]["image"] == f"{tmp_path}/fa.nii.gz"
    assert Path(printed["images"][0]["sidecar"]).is_file()
