"""Translate what a PACS sends, and send it on to one research node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._passes import Computing

EXAMPLES = (
    "Examples:\n\n"
    "transmodal dicom-node rules.yaml --dry-run series/                  (which rule would take them)\n\n"
    "transmodal dicom-node rules.yaml --folder queue                     (this machine alone, port 11112)\n\n"
    "transmodal dicom-node rules.yaml --host 0.0.0.0 --accept SCANNER    (others, by their AE titles)\n\n"
    "transmodal dicom-node rules.yaml --host 0.0.0.0 --accept SCANNER --tls-cert node.pem --tls-key node.key --tls-ca ca.pem\n\n"
    "transmodal dicom-node --status queue                                (how far each series is)"
)

RulesFile = Annotated[
    Path | None,
    typer.Argument(metavar="RULES", help="YAML: which series become what, and the node that gets them."),
]
Folder = Annotated[
    Path, typer.Option(help="Of the queue, which outlives the node and holds patients' images.")
]
Host = Annotated[str, typer.Option(help="Address to listen at; any but this machine's own needs --accept.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 lets the system choose.")]
AeTitle = Annotated[str, typer.Option("--ae-title", help="By which the node is called, and calls.")]
Accept = Annotated[
    list[str] | None, typer.Option(metavar="AE_TITLE", help="Of a sender that may send; may be repeated.")
]
Wait = Annotated[
    float, typer.Option(min=0.1, help="Seconds without a new image after which a series is complete.")
]
Keep = Annotated[
    float, typer.Option(min=1, help="Seconds after which a series that was sent or failed is removed.")
]
MaxImage = Annotated[float, typer.Option(min=0.001, help="Of one image, in MiB.")]
MaxSeries = Annotated[float, typer.Option(min=0.001, help="Of one series, in MiB.")]
Images = Annotated[int, typer.Option(min=1, help="Most images of one series.")]
Queue = Annotated[int, typer.Option(min=1, help="Most series that there are at a time.")]
JobSeconds = Annotated[float, typer.Option(min=1, help="Most that one translation may take.")]
Memory = Annotated[float, typer.Option(min=0.1, help="GiB that one translation may take.")]
Patience = Annotated[
    float, typer.Option(min=0.5, help="Seconds that a sender may be silent; ten times that over one image.")
]
Retry = Annotated[
    float,
    typer.Option(min=0.1, help="Seconds before the first repetition; doubled each time, up to an hour."),
]
Attempts = Annotated[int, typer.Option(min=1, help="After which a series has failed.")]
Device = Annotated[str | None, typer.Option(help="cpu or cuda.")]
Engine = Annotated[
    Computing,
    typer.Option(
        help="What computes the networks: torch, onnxruntime, openvino, auto, or int8, of runs that were quantized."
    ),
]
TlsCert = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Certificate of the node in PEM: it then listens over TLS alone."),
]
TlsKey = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Key of the certificate in PEM, not encrypted.")
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Certificates in PEM of the authorities of senders, who then have to show one, and of a destination with tls: true.",
    ),
]
DryRun = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Show which rule would take each series of a folder, and stop."),
]
Caller = Annotated[str, typer.Option(metavar="AE_TITLE", help="With --dry-run: of the sender.")]
Status = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Show how far each series of a queue is, and stop.")
]


def run(
    rules: RulesFile = None,
    folder: Folder = Path("dicom-node"),
    host: Host = "127.0.0.1",
    port: Port = 11112,
    ae_title: AeTitle = "TRANSMODAL",
    accept: Accept = None,
    wait: Wait = 10.0,
    keep: Keep = 3600.0,
    max_image: MaxImage = 64.0,
    max_series: MaxSeries = 2048.0,
    images: Images = 2000,
    queue: Queue = 100,
    job_seconds: JobSeconds = 1800.0,
    memory: Memory = 16.0,
    patience: Patience = 30.0,
    retry: Retry = 30.0,
    attempts: Attempts = 48,
    device: Device = None,
    engine: Engine = Computing.TORCH,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_ca: TlsCa = None,
    dry_run: DryRun = None,
    caller: Caller = "",
    status: Status = None,
) -> None:
    """Receive DICOM series, translate them by rule and send them on to one research node. This machine alone by default."""
    from transmodal.commands import _dicom_nodes as nodes

    if status is not None:
        nodes.show_status(status)
        return
    if rules is None:
        raise nodes.no_rules_error()
    if dry_run is not None:
        nodes.show_rules(rules, dry_run, caller)
        return
    nodes.dicom_node(
        rules,
        folder=folder,
        host=host,
        port=port,
        ae_title=ae_title,
        accept=accept or (),
        wait=wait,
        keep=keep,
        max_image=max_image,
        max_series=max_series,
        images=images,
        queue=queue,
        job_seconds=job_seconds,
        memory=memory,
        patience=patience,
        retry=retry,
        attempts=attempts,
        device=device,
        engine=engine.value,
        tls_cert=tls_cert,
        tls_key=tls_key,
        tls_ca=tls_ca,
    )
