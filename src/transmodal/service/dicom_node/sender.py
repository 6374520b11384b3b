"""The sending side: C-STORE of synthetic series to the one node of the rules, image by image, each entered once it is taken."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE
from pynetdicom.association import Association

from transmodal.errors import ResourceError
from transmodal.service.dicom_node.rules import Destination

_TIMEOUT_SECONDS = 30.0
_IS_TAKEN = (0x0000, 0xB000, 0xB006, 0xB007)
"""Success, and warnings with which an image is kept all the same."""


class Parcel(NamedTuple):
    """Images to send.

    Attributes:
        folder: that they lie in.
        names: of their files.
    """

    folder: Path
    names: list[str]


def send(
    parcel: Parcel,
    title: str,
    destination: Destination,
    enter: Callable[[str], bool],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Send images until none is left, or until one is not entered.

    Args:
        parcel: the images.
        title: AE title that is given as one's own.
        destination: of them.
        enter: called with the name of every image that was taken; returns whether to go on.
        tls: how a destination over TLS is called.

    Raises:
        ResourceError: E407 where the destination does not answer, or does not take an image.
    """
    entity = AE(title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _TIMEOUT_SECONDS
    entity.connection_timeout = _TIMEOUT_SECONDS
    for kind in (CTImageStorage, MRImageStorage):
        entity.add_requested_context(kind, ExplicitVRLittleEndian)
    association = entity.associate(
        destination.host,
        destination.port,
        ae_title=destination.ae_title,
        tls_args=None if tls is None else (tls, destination.host),
    )
    if not association.is_established:
        raise _error("does not take the association", is_over_tls=tls is not None)
    try:
        for name in parcel.names:
            _store(association, parcel.folder / name)
            if not enter(name):
                return
    finally:
        if association.is_established:
            association.release()


def _store(association: Association, path: Path) -> None:
    try:
        answer = association.send_c_store(path)
    except (RuntimeError, ValueError) as error:  # the association ended, or its node takes no such images
        raise _error("ended the association or takes no such images") from error
    status = answer.get("Status")
    if status is None:
        raise _error("gave no answer")
    if status not in _IS_TAKEN:
        raise _error(f"answered with the status {status:04X}")


def _error(fact: str, *, is_over_tls: bool = False) -> ResourceError:
    if is_over_tls:
        return ResourceError(
            "E407",
            f"the destination {fact} over TLS",
            "a node whose certificate is signed by an authority of --tls-ca and names its host",
            "See that it runs with TLS and takes the certificate of --tls-cert.",
        )
    return ResourceError(
        "E407",
        f"the destination {fact}",
        "a node that takes what it is sent",
        "See that it runs, and that it takes CT and MR images from this AE title.",
    )
