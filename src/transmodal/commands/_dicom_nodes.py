"""The verb behind `dicom-node`: rules and settings of words and paths, tables, and the node itself."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from transmodal.commands._words import path_of
from transmodal.errors import ResourceError, UsageError
from transmodal.notice import INTENDED_USE

PACKAGES = ("pynetdicom", "uvicorn")


def dicom_node(
    rules: str | Path,
    *,
    folder: str | Path = "dicom-node",
    host: str = "127.0.0.1",
    port: int = 11112,
    ae_title: str = "TRANSMODAL",
    accept: Sequence[str] = (),
    wait: float = 10.0,
    keep: float = 3600.0,
    max_image: float = 64.0,
    max_series: float = 2048.0,
    images: int = 2000,
    queue: int = 100,
    job_seconds: float = 1800.0,
    memory: float = 16.0,
    patience: float = 30.0,
    retry: float = 30.0,
    attempts: int = 48,
    device: str | None = None,
    engine: str = "torch",
    tls_cert: str | Path | None = None,
    tls_key: str | Path | None = None,
    tls_ca: str | Path | None = None,
    announce: Callable[[str], None] | None = None,
) -> None:
    """Receive DICOM series, translate them by rule and send them on to one node, until SIGTERM or Ctrl-C.

    Args:
        rules: YAML: which series become what, and the node that gets them.
        folder: of the queue, which outlives the node and holds patients' images.
        host: address to listen at; any but this machine's own needs `accept`.
        port: 0 lets the system choose.
        ae_title: by which the node is called, and calls.
        accept: AE titles of the senders that may send.
        wait: seconds without a new image after which a series is complete.
        keep: seconds after which a series that was sent or failed is removed.
        max_image: of one image, MiB.
        max_series: of one series, MiB.
        images: most of one series.
        queue: most series at a time.
        job_seconds: most that one translation may take.
        memory: GiB that one translation may take.
        patience: seconds that a sender may be silent; ten times that over one image.
        retry: seconds before the first repetition of what failed; doubled each time, up to an hour.
        attempts: after which a series has failed.
        device: such as `cpu`; a GPU by default where there is one.
        engine: that computes the networks: `torch`, `onnxruntime`, `openvino`, `auto`, or `int8`, of runs that were quantized.
        tls_cert: certificate of the node in PEM; with it the node listens over TLS alone.
        tls_key: its key, not encrypted.
        tls_ca: certificates of the authorities of senders, who then have to show one, and of a destination with `tls: true`.
        announce: called with AE title and address once the node listens; by default they are printed.

    Raises:
        UsageError: E001, E003, E004, E005 for rules, words, addresses and folders that do not do.
        InputError: E100 for rules, a model or a certificate that are not there, E101 for a certificate or key that cannot be
            used, E134 for a folder that is no run.
        ResourceError: E404 where the packages of the node are not installed.
    """
    _check_installed()
    from transmodal.service.dicom_node import node
    from transmodal.service.dicom_node.rules import load
    from transmodal.service.dicom_node.settings import NodeLimits, NodeSettings
    from transmodal.service.dicom_node.tls import TlsFiles
    from transmodal.service.settings import MIB
    from transmodal.storage.memory import GIB

    limits = NodeLimits(
        image_bytes=int(max_image * MIB),
        images=images,
        series_bytes=int(max_series * MIB),
        series=queue,
        patience_seconds=patience,
        quiet_seconds=wait,
        seconds=job_seconds,
        memory_bytes=int(memory * GIB),
        keep_seconds=keep,
        retry_seconds=retry,
        attempts=attempts,
    )
    place, path = Path(folder).absolute(), Path(rules).absolute()
    tls = TlsFiles(path_of(tls_cert), path_of(tls_key), path_of(tls_ca))
    settings = NodeSettings(
        load(path), path, place, host, port, ae_title, tuple(accept), limits, device, engine, tls
    )
    node.serve(settings, announce or _announce)


def show_rules(rules: Path, folder: Path, caller: str) -> None:
    """Print which rule would take each series of a folder.

    Raises:
        UsageError, InputError: as `rules.load`, and E100 where there is no such folder.
    """
    from transmodal.service.dicom_node.preview import preview
    from transmodal.service.dicom_node.rules import load

    print(*preview(load(rules), folder, caller), sep="\n")


def show_status(folder: Path) -> None:
    """Print how far each series of a queue is.

    Raises:
        InputError: E100 for a folder of no node.
    """
    from transmodal.service.dicom_node.preview import status

    print(*status(folder), sep="\n")


def no_rules_error() -> UsageError:
    """Return the error of a call without rules."""
    return UsageError("E001", "no rules", "a YAML file of rules", "See transmodal dicom-node --help.")


def _check_installed() -> None:
    """Say what is missing before any work.

    Raises:
        ResourceError: E404.
    """
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            raise ResourceError(
                "E404",
                f"{package} is not installed",
                "the packages of the service",
                "pip install 'transmodal[service]'",
            )


def _announce(address: str) -> None:
    """Print where the node is, and what it is not."""
    print(address, flush=True)
    print(INTENDED_USE, file=sys.stderr, flush=True)
