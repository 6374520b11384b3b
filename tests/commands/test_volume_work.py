"""The work on one volume: what a worker of a cluster writes is what this process writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal import cli
from transmodal.commands._jobs import Job
from transmodal.commands._volume_work import Loading, RemoteWork, Request, VolumeWork
from transmodal.errors import IntegrityError


def test_volumes_of_a_cluster_have_the_bytes_of_one_process(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed", reason="is of the extra `cluster`")
    words = ["translate", "run", "cohort", "--split", "all", "--force"]
    assert cli.run([*words, "-o", "one"]) == 0
    assert cli.run([*words, "-o", "two", "--scheduler", "local:1"]) == 0
    one, two = (_files(folders / name) for name in ("one", "two"))
    assert len(one) == 12
    assert one == two
    written = capsys.readouterr().out.split()
    assert [Path(line).name for line in written[:6]] == [Path(line).name for line in written[6:]]


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_run_that_changed_since_is_refused(folders: Path) -> None:
    work = RemoteWork(VolumeWork(Request(["cohort"], Path("out")), alone=True), Loading("run"), "0" * 64)
    with pytest.raises(IntegrityError, match="as when the command began") as caught:
        work(Job("a", {}, Path("out")))
    assert caught.value.code == "E501"
    assert not (folders / "out").exists()
