from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom_files import series
from transmodal.errors import InputError
from transmodal.service.dicom_node import facts


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return series(tmp_path / "series") / "0001.dcm"


def test_the_first_elements_are_read(image: Path) -> None:
    header = pydicom.dcmread(image)
    own = facts.read_facts(image.read_bytes(), "SCANNER")
    assert own.instance == header.SOPInstanceUID
    assert own.series == facts.mark(header.SeriesInstanceUID)
    assert own.about == ("MR", "t1_fl3d", "SCANNER", False)
    assert len(own.series) == 32


def test_nothing_behind_them_is(image: Path) -> None:
    content = image.read_bytes()
    place = content.index(b"\x20\x00\x0e\x00UI")
    behind = content[: place + 80] + b"\xff" * 100
    assert facts.read_facts(behind, "A") == facts.read_facts(content, "A")


def test_a_synthetic_image_says_so(image: Path) -> None:
    header = pydicom.dcmread(image)
    header.SyntheticData = "YES"
    header.save_as(image)
    assert facts.read_facts(image.read_bytes(), "A").about.is_synthetic
    assert facts.is_synthetic(" yes ")
    assert not facts.is_synthetic("NO")


def test_a_synthetic_image_below_another_is_not_meant(image: Path) -> None:
    header, item = pydicom.dcmread(image), Dataset()
    item.SyntheticData, item.SeriesInstanceUID = "YES", "9.9"
    header.ReferencedImageSequence = Sequence([item])
    header.save_as(image)
    own = facts.read_facts(image.read_bytes(), "A")
    assert not own.about.is_synthetic
    assert own.series == facts.mark(header.SeriesInstanceUID)


@pytest.mark.parametrize("uid", ["", "../../x", "1.2/3", "1" * 65, "CANARY"])
def test_what_is_no_uid_is_refused(image: Path, uid: str) -> None:
    content = image.read_bytes()
    old = pydicom.dcmread(image).SeriesInstanceUID.encode()
    with pytest.raises(InputError) as caught:
        facts.read_facts(content.replace(old, uid.encode()[: len(old)].ljust(len(old), b"\0")), "A")
    assert caught.value.code in ("E101", "E103")
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\0" * 128 + b"DICM", b"\xff" * 4000])
def test_what_is_no_image_is_refused(content: bytes) -> None:
    with pytest.raises(InputError):
        facts.read_facts(content, "A")


def test_deep_nesting_is_refused_and_nothing_else_happens(image: Path) -> None:
    content = image.read_bytes()
    place = content.index(b"\x08\x00\x60\x00CS")
    nested = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 20000
    with pytest.raises(InputError):
        facts.read_facts(content[:place] + nested + content[place:], "A")
