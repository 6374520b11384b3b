"""Settings of a node: its rules, its address, who may send, and the limits of what is taken."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transmodal.errors import UsageError
from transmodal.service.dicom_node.rules import AE_TITLE, Rules
from transmodal.service.dicom_node.tls import TlsFiles
from transmodal.service.settings import MIB, is_loopback
from transmodal.storage import memory


@dataclass(frozen=True, slots=True)
class NodeLimits:
    """Most that a node takes, and how long it waits.

    Attributes:
        image_bytes: of one instance as it is sent.
        images: of one series.
        series_bytes: of one series.
        series: in the queue at a time, complete ones included.
        associations: at a time.
        patience_seconds: that a sender may be silent, and ten times that over one instance.
        quiet_seconds: without a new instance after which a series is complete.
        seconds: that one translation may take.
        memory_bytes: that one translation may take besides what its process starts with.
        keep_seconds: after which a series that was sent or failed is removed.
        retry_seconds: before the first repetition of what failed; doubled each time, up to an hour.
        attempts: after which a series has failed.
    """

    image_bytes: int = 64 * MIB
    images: int = 2000
    series_bytes: int = 2048 * MIB
    series: int = 100
    associations: int = 10
    patience_seconds: float = 30.0
    quiet_seconds: float = 10.0
    seconds: float = 1800.0
    memory_bytes: int = 16 * memory.GIB
    keep_seconds: float = 3600.0
    retry_seconds: float = 30.0
    attempts: int = 48


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A node as it is started.

    Attributes:
        rules: of what becomes of series.
        rules_path: of the file that holds them, which models are named from.
        folder: of the queue.
        host: address to listen at.
        port: 0 lets the system choose one.
        ae_title: by which it is called, and calls.
        callers: AE titles that may send; empty takes those of any sender, at this machine's own address alone.
        limits: of what is taken.
        device: such as `cpu`; None takes a GPU where there is one.
        engine: that computes the networks.
        tls: certificates, where it listens or sends over TLS.
    """

    rules: Rules
    rules_path: Path
    folder: Path
    host: str = "127.0.0.1"
    port: int = 11112
    ae_title: str = "TRANSMODAL"
    callers: Sequence[str] = ()
    limits: NodeLimits = field(default_factory=NodeLimits)
    device: str | None = None
    engine: str = "torch"
    tls: TlsFiles = field(default_factory=TlsFiles)

    def __post_init__(self) -> None:
        for title in (self.ae_title, *self.callers):
            if not re.match(AE_TITLE, title):
                raise UsageError(
                    "E001",
                    f"the AE title {title!r}",
                    "1 to 16 letters, figures, spaces, '.', '_' and '-'",
                    "Shorten it.",
                )
        if not self.callers and not is_loopback(self.host):
            raise UsageError(
                "E004",
                f"the address {self.host} without AE titles that may send",
                "AE titles for every address but this machine's own",
                "Give --accept AE_TITLE, or listen at 127.0.0.1.",
            )
        self.tls.check(is_destination_over_tls=self.rules.destination.tls)
        target = self.rules.destination
        is_own = target.host == self.host or (is_loopback(target.host) and is_loopback(self.host))
        if is_own and target.port == self.port:
            raise UsageError(
                "E004", "a destination that is this node itself", "another node", "Change its port."
            )
