"""Pointers and links that only stand for a file are refused with the command that fetches it; all else passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from transmodal.errors import InputError
from transmodal.storage import placeholders

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"
ANNEX = b"/annex/objects/MD5E-s12345--4d7a2146.nii.gz\n"


@pytest.mark.parametrize(
    ("content", "command"),
    [(LFS, "git lfs pull --include=t1.nii"), (ANNEX, "git annex get t1.nii")],
)
def test_a_pointer_is_refused_with_the_command_that_fetches_it(
    content: bytes, command: str, tmp_path: Path
) -> None:
    (tmp_path / "t1.nii").write_bytes(content)
    with pytest.raises(InputError) as refused:
        placeholders.refuse(tmp_path / "t1.nii")
    assert refused.value.code == "E138"
    assert command in refused.value.remedy


@pytest.mark.parametrize(
    ("end", "words"),
    [(".git/annex/objects/Kx/9z/a.nii", "git annex get t1.nii"), ("elsewhere.nii", "Mend the link")],
)
def test_a_link_that_leads_nowhere_is_refused(end: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "t1.nii").symlink_to(end)
    assert placeholders.is_dangling(tmp_path / "t1.nii")
    with pytest.raises(InputError, match=r"not here|nothing is") as refused:
        placeholders.refuse(tmp_path / "t1.nii")
    assert words in refused.value.remedy


def test_whole_files_and_paths_without_one_pass(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(LFS + b"x" * (33 << 10))
    (tmp_path / "late").write_bytes(b"voxels " + ANNEX)
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("late")
    for name in ("long", "late", "empty", "link", "nowhere", "."):
        placeholders.refuse(tmp_path / name)
    assert not placeholders.is_dangling(tmp_path / "link")
    assert not placeholders.is_dangling(tmp_path / "nowhere")
