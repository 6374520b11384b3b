"""Places to write to are checked before work is done, and nothing is left by the check."""

from __future__ import annotations

import errno
import re
import tempfile
from pathlib import Path

import pytest

from transmodal import cli
from transmodal.errors import ResourceError, UsageError
from transmodal.storage import outputs


def test_places_that_will_do(tmp_path: Path) -> None:
    (tmp_path / "file.nii.gz").write_text("")
    outputs.check_folder(tmp_path)
    outputs.check_folder(tmp_path / "new" / "deep")
    outputs.check_file(tmp_path / "new" / "fa.nii.gz")
    outputs.check_file(tmp_path / "file.nii.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["file.nii.gz"]


def test_a_relative_place_is_below_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs.check_file("fa.nii.gz")
    outputs.check_folder("runs/one")
    (tmp_path / "runs").write_text("")
    with pytest.raises(UsageError, match="which is a file"):
        outputs.check_folder("runs/one")


@pytest.mark.parametrize("place", ["file/run", "file/a/b/run", "file", "link", "link/run", "n" * 300])
def test_places_below_files_and_names_that_cannot_be(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError) as caught:
        outputs.check_folder(tmp_path / place)
    assert caught.value.code == "E005"


def test_a_folder_is_no_name_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder") as caught:
        outputs.check_file(tmp_path)
    assert caught.value.code == "E005"


def test_a_system_that_lets_nothing_be_written() -> None:
    """No permission bit says so here, and an administrator is refused as well."""
    with pytest.raises(ResourceError, match="nothing can be written into /proc") as caught:
        outputs.check_folder("/proc/run")
    assert caught.value.code == "E403"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC])
def test_what_the_system_says_is_passed_on(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(number, "no", str(tmp_path))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(ResourceError) as caught:
        outputs.check_file(tmp_path / "fa.nii.gz")
    assert caught.value.code == "E403"


@pytest.mark.parametrize("verb", ["verify", "translate"])
def test_a_name_of_5000_characters_is_not_said_again(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (
        [verb, "x" * 5000] if verb == "verify" else [verb, "x" * 5000, "a.nii.gz", "-o", f"{tmp_path}/b.nii"]
    )
    assert cli.run(words) == 2
    shown = capsys.readouterr().err
    assert re.search(r"error\[E005\]: a path of 50\d\d characters", shown)
    assert len(shown) < 300
