"""A run as one file."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from transmodal.checkpoint import archive
from transmodal.errors import InputError, UsageError
from transmodal.exporting import file
from transmodal.inference.load import load

EARLIER = Path(__file__).parents[1] / "contract" / "earlier"


def test_the_recipe_goes_with_the_checkpoint_and_unpacked_it_is_a_run(tmp_path: Path) -> None:
    file.write(EARLIER / "run", tmp_path / "model.tmz")
    packed = archive.read(tmp_path / "model.tmz")
    assert packed.member("recipe.yaml") == (EARLIER / "run" / "recipe.yaml").read_bytes()
    shutil.unpack_archive(tmp_path / "model.tmz", tmp_path / "unpacked", "zip")
    assert load(tmp_path / "unpacked").fingerprint == load(tmp_path / "model.tmz").fingerprint
    assert all(not member.flag_bits for member in zipfile.ZipFile(tmp_path / "model.tmz").infolist())


def test_another_ending_a_file_and_a_folder_that_is_no_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Name it model\.tmz") as ending:
        file.write(EARLIER / "run", tmp_path / "model.zip")
    assert ending.value.code == "E005"
    file.write(EARLIER / "run", tmp_path / "model.tmz")
    with pytest.raises(UsageError, match="one file already") as packed:
        file.write(tmp_path / "model.tmz", tmp_path / "again.tmz")
    assert packed.value.code == "E004"
    assert packed.value.remedy == f"Copy the file: {tmp_path / 'model.tmz'}"
    with pytest.raises(InputError, match="run folder"):
        file.write(tmp_path, tmp_path / "none.tmz")
