"""What has to hold of a worker: versions, one job at a time, and folders that are the same."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from transmodal.cluster import errand
from transmodal.cluster.errand import SharedFolder, Terms
from transmodal.errors import ResourceError


def worker(n_threads: int = 1) -> SimpleNamespace:
    return SimpleNamespace(address="tcp://10.0.0.2:4001", state=SimpleNamespace(nthreads=n_threads))


def refusal(terms: Terms, n_threads: int = 1) -> str:
    with pytest.raises(ResourceError, match=r"tcp://10\.0\.0\.2:4001") as caught:
        errand.check(terms, worker(n_threads))
    assert caught.value.code == "E409"
    return str(caught.value)


def test_a_worker_like_this_process_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mark").touch()
    places = (SharedFolder(str(tmp_path), "mark"), SharedFolder(str(tmp_path)))
    errand.check(Terms(errand.versions(), str(tmp_path), places), worker())


def test_versions_name_the_code_and_the_packages_that_decide() -> None:
    own = dict(errand.versions())
    assert set(own) == {"transmodal", "Python", *errand.DECIDING}
    assert "code " in own["transmodal"]
    assert own["torch"] != "none"


@pytest.mark.parametrize("name", ["transmodal", "Python", "torch"])
def test_another_version_is_refused(tmp_path: Path, name: str) -> None:
    own = dict(errand.versions())
    text = refusal(Terms(tuple({**own, name: "9.9"}.items()), str(tmp_path), ()))
    assert f"has {name} {own[name]}; expected 9.9" in text


def test_several_jobs_at_a_time_are_refused(tmp_path: Path) -> None:
    assert "--nthreads 1" in refusal(Terms(errand.versions(), str(tmp_path), ()), 4)


def test_a_folder_of_the_same_name_on_another_disk_is_refused(tmp_path: Path) -> None:
    terms = Terms(errand.versions(), str(tmp_path), (SharedFolder(str(tmp_path), ".partial-other"),))
    assert f"does not see {tmp_path} of this machine" in refusal(terms)
    assert f"does not see {tmp_path / 'gone'}" in refusal(
        Terms(errand.versions(), str(tmp_path / "gone"), ())
    )


def test_jobs_run_in_the_folder_of_who_asks(tmp_path: Path) -> None:
    before = Path.cwd()
    with errand._inside(str(tmp_path)):
        assert Path.cwd() == tmp_path
    assert os.fspath(Path.cwd()) == os.fspath(before)
