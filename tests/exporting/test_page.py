"""The page beside an artefact: held in `test_artefact` to what is written there."""

from __future__ import annotations

from transmodal.exporting import page


def test_numbers_have_their_units() -> None:
    assert page._figure("infinite: equal volumes", "dB") == "infinite: equal volumes"
    assert page._figure(0.123456, "1") == "0.1235"
    assert page._figure(101.26, "HU") == "101.3 HU"
    assert page._sides(["batch", 1, 16]) == "batch x 1 x 16"


def test_sources_are_named_once_and_the_plane_behind_them() -> None:
    channels = [{"modality": "t1"}, {"modality": "t1"}, {"modality": "t2"}]
    assert page.list_sources({"input": {"channels": channels}}) == ["t1", "t2"]
    told = [*channels, {"plane": "x"}, {"plane": "y"}, {"plane": "z"}]
    assert page.list_sources({"input": {"channels": told}}) == ["t1", "t2", "the plane of the slices"]


def test_a_metric_of_volumes_and_of_slices_says_which_it_is() -> None:
    protocol = "whole volume; {}; in FA"
    of_volumes = {"metric": "ssim", "protocol": protocol.format("3D")}
    of_slices = {"metric": "ssim", "protocol": protocol.format("2D, mean over axial slices")}
    assert [page._title(row) for row in (of_volumes, of_slices)] == ["ssim 3D", "ssim 2D"]
    assert page._title({"metric": "mae", "protocol": protocol.format("3D")}) == "mae"
