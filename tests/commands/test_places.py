"""Places of translations are refused before any work where they cannot be, or would hide something."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from transmodal.commands._jobs import Job
from transmodal.commands._places import check_folder, check_places
from transmodal.errors import UsageError


def job(source: Path, output: Path) -> Job:
    return Job(source.name, {"t1": source}, output)


def refusal(*jobs: Job, overwrite: bool = False, disagreement: bool = False) -> str:
    with pytest.raises(UsageError) as refused:
        check_places(jobs, overwrite=overwrite, disagreement=disagreement)
    assert refused.value.code == "E005"
    return refused.value.got


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "t1.nii.gz"
    path.parent.mkdir()
    path.write_bytes(b"voxels")
    return path


def test_a_folder_is_not_named_as_one_image() -> None:
    check_folder(Path("out"), "3 images")
    with pytest.raises(UsageError, match=r"output fa\.NII\.gz, one image, for 3 images") as refused:
        check_folder(Path("fa.NII.gz"), "3 images")
    assert "such as fa" in refused.value.remedy


def test_outputs_have_a_format_and_a_name_of_their_own(source: Path, tmp_path: Path) -> None:
    assert refusal(job(source, tmp_path / "fa.jpg")) == "output fa.jpg"
    assert "is the source" in refusal(job(source, source))
    assert "has the name of its source" in refusal(job(source, tmp_path / "t1.nii.gz"))
    folder = replace(job(source.parent, tmp_path / "out" / "in"), is_series=True)
    with pytest.raises(UsageError, match="has the name of its source") as refused:
        check_places([folder], overwrite=False, disagreement=False)
    assert refused.value.remedy == "Rename it, such as in_TARGET."


def test_two_jobs_do_not_share_an_output_or_a_sidecar(source: Path, tmp_path: Path) -> None:
    first = job(source, tmp_path / "a.nii.gz")
    assert "would both be written as a.json" in refusal(first, job(source, tmp_path / "a.mha"))
    spread = job(source, tmp_path / "a_disagreement.nii.gz")
    check_places([first, spread], overwrite=False, disagreement=False)
    assert "a_disagreement.nii.gz" in refusal(first, spread, disagreement=True)


def test_what_is_there_is_replaced_where_that_is_said_and_it_is_synthetic(
    source: Path, tmp_path: Path
) -> None:
    output, sidecar = tmp_path / "fa.nii.gz", tmp_path / "fa.json"
    output.write_bytes(b"before")
    assert "fa.nii.gz exists" in refusal(job(source, output))
    check_places([job(source, output)], overwrite=False, disagreement=False, begun_before={output})
    sidecar.write_text(json.dumps({"synthetic": True}))
    check_places([job(source, output)], overwrite=True, disagreement=False)
    sidecar.write_text(json.dumps({"EchoTime": 0.1}))
    assert "no record of a synthetic image" in refusal(job(source, output), overwrite=True)
