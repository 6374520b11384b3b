"""The receiving side: C-ECHO, and C-STORE of CT and MR images, written down before they are answered.

This process reads neither pixels nor anything behind the UIDs; what senders may take in bytes and time is bounded.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    MRImageStorage,
    RLELossless,
)
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at run time

from transmodal.errors import ResourceError, TransmodalError, UsageError
from transmodal.service import logs
from transmodal.service.dicom_node.facts import mark, read_facts
from transmodal.service.dicom_node.queue import Arrival, SeriesQueue
from transmodal.service.dicom_node.settings import NodeSettings

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.transport import AssociationSocket

IMAGES = (CTImageStorage, MRImageStorage)
SYNTAXES = (
    *(ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless),
    *(JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless),
)
SUCCESS, NOT_AUTHORISED, NO_ROOM, NOT_AS_CLASS, NOT_UNDERSTOOD = 0x0000, 0x0124, 0xA700, 0xA900, 0xC000
_PDU_BYTES = 1 << 17
"""Of the largest part of a message, several times what is asked for."""
_OVERHEAD = 1 << 16
_LONGEST_OVER_PATIENCE = 10


class _Meter:
    """Bounds what one association may take for an instance, in bytes and seconds."""

    def __init__(self, socket: AssociationSocket, most_bytes: int, patience: float) -> None:
        self._socket, self._most_bytes, self._patience = socket, most_bytes, patience
        self.restart()

    def restart(self) -> None:
        """Begin with another instance."""
        self._n_bytes, self._end = 0, time.monotonic() + _LONGEST_OVER_PATIENCE * self._patience

    def read(self, n_bytes: int) -> bytearray:
        """Read from the connection.

        Raises:
            OSError: beyond a bound, which closes it.
        """
        self._n_bytes += n_bytes
        if n_bytes > _PDU_BYTES or self._n_bytes > self._most_bytes:
            if self._socket.socket is not None:
                self._socket.socket.close()
            raise OSError("more bytes than are taken")
        content = bytearray()
        while len(content) < n_bytes:
            if time.monotonic() > self._end:
                raise TimeoutError("an instance takes too long")
            part = (
                self._socket.socket.recv(min(n_bytes - len(content), 1 << 16)) if self._socket.socket else b""
            )
            if not part:
                break
            content += part
        return content


class Receiver:
    """Answers senders.

    Args:
        settings: of the node.
        queue: that keeps what they send.

    Raises:
        InputError: as `TlsFiles.server_context`.
    """

    def __init__(self, settings: NodeSettings, queue: SeriesQueue) -> None:
        self._settings, self._queue = settings, queue
        self._tls = settings.tls.server_context()
        self._meters: weakref.WeakKeyDictionary[Association, _Meter] = weakref.WeakKeyDictionary()

    @contextmanager
    def listening(self) -> Iterator[tuple[str, int]]:
        """Listen while the block runs; give the address.

        Raises:
            UsageError: E001 for an address that cannot be listened at.
        """
        settings = self._settings
        entity = _entity(settings)
        handlers: list[evt.EventHandlerType] = [
            (evt.EVT_CONN_OPEN, self._bound),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_C_ECHO, self._echo),
        ]
        try:
            server = entity.start_server(
                (settings.host, settings.port), block=False, evt_handlers=handlers, ssl_context=self._tls
            )
        except OSError as error:
            raise UsageError(
                "E001",
                f"{settings.host}, port {settings.port}: {error.strerror or 'no such address'}",
                "an address of this machine and a free port",
                "Give another --host or --port.",
            ) from error
        try:
            host, port = server.socket.getsockname()[:2]  # type: ignore[union-attr]  # it runs in a thread
            yield str(host), int(port)
        finally:
            entity.shutdown()

    def _bound(self, event: evt.Event) -> None:
        """Put bounds on a connection; pynetdicom itself has none for what a message may say of its length."""
        limits, socket = self._settings.limits, event.assoc.dul.socket
        if socket is None or socket.socket is None:
            return
        socket.socket.settimeout(limits.patience_seconds)
        meter = _Meter(socket, limits.image_bytes + _OVERHEAD, limits.patience_seconds)
        self._meters[event.assoc] = meter
        socket.recv = meter.read  # type: ignore[method-assign, assignment]

    def _echo(self, event: evt.Event) -> int:
        self._restart(event)
        return SUCCESS

    def _store(self, event: evt.Event) -> Dataset:
        """Keep an instance and return the status of that."""
        caller = str(event.assoc.requestor.ae_title).strip()
        try:
            status, comment = self._keep(event, caller)
        except ResourceError as error:
            status, comment = NO_ROOM, error.code
        except TransmodalError as error:
            status, comment = NOT_UNDERSTOOD, error.code
        except Exception as error:
            logs.event("bug", {"exception": type(error).__name__, "place": "receiver"})
            status, comment = NOT_UNDERSTOOD, "E601"
        if status != SUCCESS:
            logs.event("image refused", {"caller": caller, "status": f"{status:04x}", "why": comment})
        self._restart(event)
        answer = Dataset()
        answer.Status = status
        if comment:
            answer.ErrorComment = comment
        return answer

    def _keep(self, event: evt.Event, caller: str) -> tuple[int, str]:
        """Return the status, and why an instance is refused."""
        content = event.encoded_dataset()
        if len(content) > self._settings.limits.image_bytes:
            return NO_ROOM, "more bytes than are taken"
        facts = read_facts(content, caller)
        if facts.instance != str(event.request.AffectedSOPInstanceUID):  # type: ignore[union-attr]
            return NOT_AS_CLASS, "two SOPInstanceUIDs"
        if facts.about.is_synthetic:
            return NOT_AUTHORISED, "a synthetic image"
        rule = self._settings.rules.choose(facts.about)
        if rule is None:
            return NOT_AUTHORISED, "no rule takes this series"
        self._queue.take(Arrival(facts.series, mark(facts.instance), content), rule.name, caller)
        return SUCCESS, ""

    def _restart(self, event: evt.Event) -> None:
        if (meter := self._meters.get(event.assoc)) is not None:
            meter.restart()


def _entity(settings: NodeSettings) -> AE:
    """Return the application entity that listens."""
    entity = AE(settings.ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.callers)
    entity.maximum_associations = settings.limits.associations
    entity.acse_timeout = entity.network_timeout = settings.limits.patience_seconds
    entity.dimse_timeout = settings.limits.patience_seconds
    entity.add_supported_context(Verification)
    for kind in IMAGES:
        entity.add_supported_context(kind, list(SYNTAXES))
    return entity
