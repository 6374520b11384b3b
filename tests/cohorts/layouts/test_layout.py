"""What a layout returns says nothing that the folder does not; some layouts can be written."""

from __future__ import annotations

from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts import folders, ixi
from transmodal.cohorts.layouts._layout import FolderContents, WritableLayout


def test_by_default_nothing_is_left_aside_and_no_side_is_given() -> None:
    contents: FolderContents[CaseFiles] = FolderContents([])
    assert not any((contents.ignored, contents.left_out, contents.sides, contents.key, contents.labels))
    assert not contents.within_subject


def test_a_layout_that_has_write_can_be_written() -> None:
    assert isinstance(folders, WritableLayout)
    assert not isinstance(ixi, WritableLayout)
