"""Sources in words: one case, a folder of images or a cohort's split, and words that do not fit the recipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from transmodal.cohorts.store import Cohort, PreparedCase
from transmodal.commands import _sources
from transmodal.commands._jobs import Job
from transmodal.errors import InputError, UsageError
from transmodal.inference.preprocessing import Preprocessing
from transmodal.volumes.reading import STRICT

Make = Callable[..., Preprocessing]


def find(words: list[object], preprocessing: Preprocessing, output: Path, split: str = "test") -> list[Job]:
    return _sources.find([str(word) for word in words], preprocessing, output, split=split, reading=STRICT)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("anna.nii.gz", "sub-02_T1w.nii.gz"):
        (folder / name).write_bytes(b"voxels")
    return folder


def test_one_image_is_one_job(images: Path, preprocessing: Make, tmp_path: Path) -> None:
    (job,) = find([images / "anna.nii.gz"], preprocessing("t1"), tmp_path / "fa.nii.gz")
    assert (job.paths, job.output, job.patient) == (
        {"t1": images / "anna.nii.gz"},
        tmp_path / "fa.nii.gz",
        "",
    )
    (job,) = find([images / "anna.nii.gz"], preprocessing("t1"), images)
    assert job.output == images / "anna_fa.nii.gz"


def test_each_image_of_a_folder_is_a_job(images: Path, preprocessing: Make, tmp_path: Path) -> None:
    jobs = find([images], preprocessing("t1"), tmp_path / "out")
    assert [(job.output.name, job.patient) for job in jobs] == [
        ("anna_fa.nii.gz", ""),
        ("sub-02_param-fa_desc-synthetic_dwimap.nii.gz", "sub-02"),
    ]
    with pytest.raises(UsageError) as refused:
        find([images], preprocessing("t1"), tmp_path / "fa.nii.gz")
    assert refused.value.code == "E005"


def test_each_folder_with_images_named_as_the_sources_is_a_job(
    preprocessing: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("anna/t1w.nii.gz", "anna/t2.nii.gz", "bert/t1.mha", "carl/mask.nii.gz", "notes/readme.txt"):
        path = tmp_path / "subjects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"voxels")
    subjects, out = tmp_path / "subjects", tmp_path / "out"
    jobs = find([subjects], preprocessing("t1"), out)
    assert [(job.name, job.paths["t1"].name, job.output.name) for job in jobs] == [
        ("anna", "t1w.nii.gz", "anna_fa.nii.gz"),
        ("bert", "t1.mha", "bert_fa.nii.gz"),
    ]
    assert "not translated: cases without t1: carl" in caplog.text
    (job,) = find([subjects], preprocessing("t1", "t2"), out)
    assert [path.name for path in job.paths.values()] == ["t1w.nii.gz", "t2.nii.gz"]
    with pytest.raises(UsageError, match="for the 2 cases of subjects") as refused:
        find([subjects], preprocessing("t1"), tmp_path / "fa.nii.gz")
    assert refused.value.code == "E005"
    with pytest.raises(UsageError, match="1 unnamed source;"):
        find([subjects], preprocessing("t1", "pd"), out)


def test_several_images_without_a_folder_are_told_where_to_go(images: Path, preprocessing: Make) -> None:
    both = [images / "anna.nii.gz", images / "sub-02_T1w.nii.gz"]
    with pytest.raises(UsageError, match="2 unnamed sources; expected one image, or one folder") as refused:
        find(list(both), preprocessing("t1"), images)
    assert refused.value.remedy.startswith("Name the folder that holds them")


def test_several_sources_are_named(images: Path, preprocessing: Make, tmp_path: Path) -> None:
    t1, t2 = images / "anna.nii.gz", images / "sub-02_T1w.nii.gz"
    run, output = preprocessing("t1", "t2"), tmp_path / "fa.nii.gz"
    (job,) = find([f"t2={t2}", f"t1={t1}"], run, output)
    assert list(job.paths.items()) == [("t1", t1), ("t2", t2)]
    for words in (
        [t1, t2],
        [f"t1={t1}"],
        [f"t1={t1}", f"t1={t2}"],
        [f"t1={t1}", f"pd={t2}"],
        [f"t1={t1}", t2],
    ):
        with pytest.raises(UsageError) as refused:
            find(list(words), run, output)
        assert refused.value.code == "E004"
    (job,) = find([f"t1={t1}"], preprocessing("t1", "t2", accepts_missing=True), output)
    assert list(job.paths) == ["t1"]


def test_a_source_that_is_not_there_is_named(preprocessing: Make, tmp_path: Path) -> None:
    for words in ([tmp_path / "gone.nii.gz"], [f"t1={tmp_path}/gone.nii.gz"]):
        with pytest.raises(InputError, match=r"gone\.nii\.gz does not exist") as refused:
            find(list(words), preprocessing("t1"), tmp_path / "fa.nii.gz")
        assert refused.value.code == "E100"


def test_cases_of_a_split_are_jobs(folders: Path, preprocessing: Make) -> None:
    every = find(["cohort"], preprocessing("t1"), Path("out"), "all")
    some = find(["cohort"], preprocessing("t1"), Path("out"), "test")
    assert len(every) == 6
    assert {job.name for job in some} < {job.name for job in every}
    assert all(job.case is not None and job.output.name == f"{job.name}_fa.nii.gz" for job in every)
    with pytest.raises(UsageError, match="--split both"):
        find(["cohort"], preprocessing("t1"), Path("out"), "both")
    with pytest.raises(InputError):
        find(["cohort"], preprocessing("t2"), Path("out"), "test")


def test_cases_without_a_source_are_left_out_by_name(
    folders: Path, preprocessing: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A cohort without pairs holds cases of the target alone."""
    cases = Cohort.open(Path("cohort")).cases("test")
    target_alone = PreparedCase(
        cases[0].folder, cases[0].entry.model_copy(update={"id": "other", "volumes": {}})
    )
    monkeypatch.setattr(Cohort, "cases", lambda *_: [*cases, target_alone])
    jobs = find(["cohort"], preprocessing("t1"), Path("out"))
    assert [job.name for job in jobs] == [case.id for case in cases]
    assert caplog.messages[-1] == "not translated: cases without t1: other"
    with pytest.raises(InputError, match="without t2") as refused:
        find(["cohort"], preprocessing("t2"), Path("out"))
    assert refused.value.code == "E131"


def test_weights_are_named() -> None:
    assert _sources.weights(None) == {}
    assert _sources.weights(["sam=a=b.pth"]) == _sources.weights({"sam": "a=b.pth"}) == {"sam": "a=b.pth"}
    for word in ("sam", "=a", "sam="):
        with pytest.raises(UsageError) as refused:
            _sources.weights([word])
        assert refused.value.code == "E001"
