from __future__ import annotations

from pathlib import Path

import pytest

from dicom_files import N_SLICES, series
from dicom_nodes import destination, free_port
from transmodal.errors import ResourceError
from transmodal.service.dicom_node import rules, sender
from transmodal.service.dicom_node.sender import Parcel

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
"""pynetdicom leaves sockets to be collected."""


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    folder = series(tmp_path / "series")
    return Parcel(folder, sorted(path.name for path in folder.iterdir()))


def to(port: int) -> rules.Destination:
    return rules.Destination(host="127.0.0.1", port=port, ae_title="RESEARCH")


def test_every_image_is_entered_once_it_is_taken(parcel: Parcel) -> None:
    entered: list[tuple[str, int]] = []
    with destination() as own:
        sender.send(
            parcel, "TRANSMODAL", to(own.port), lambda name: not entered.append((name, own.taken.total()))
        )
    assert entered == [(f"{n:04d}.dcm", n) for n in range(1, N_SLICES + 1)]


def test_it_ends_where_one_is_not_entered(parcel: Parcel) -> None:
    with destination() as own:
        sender.send(parcel, "TRANSMODAL", to(own.port), lambda name: name < "0002.dcm")
        assert own.taken.total() == 2


def test_warnings_are_successes_and_refusals_are_said(parcel: Parcel) -> None:
    entered: list[str] = []
    with destination() as own:
        own.before = lambda number: [0xB000, 0xA700][len(entered)]
        with pytest.raises(ResourceError, match="status A700") as caught:
            sender.send(parcel, "TRANSMODAL", to(own.port), lambda name: not entered.append(name))
    assert caught.value.code == "E407"
    assert entered == ["0001.dcm"]


def test_a_destination_that_is_not_there_is_said(parcel: Parcel) -> None:
    with pytest.raises(ResourceError, match="does not take the association"):
        sender.send(parcel, "TRANSMODAL", to(free_port()), lambda name: True)
