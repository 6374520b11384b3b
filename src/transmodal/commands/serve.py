"""Serve models to programs and browsers over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from transmodal.commands._passes import Computing

EXAMPLES = (
    "Examples:\n\n"
    "transmodal serve runs/t1-to-fa                                      (this machine alone, http://127.0.0.1:8080/)\n\n"
    "transmodal serve fa=runs/t1-to-fa ct=runs/mr-to-ct --folder jobs    (jobs outlive the server)\n\n"
    "transmodal serve runs/t1-to-fa --host 0.0.0.0 --token-file token    (others need the token)"
)

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="[NAME=]MODEL...",
        help="Folders of trained runs, files .tmz or names of transmodal models; each under its own name by default.",
    ),
]
Host = Annotated[str, typer.Option(help="Address to listen at; any but this machine's own needs a token.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 lets the system choose.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the token that requests have to carry. Without it, at an address that others reach, one is "
        "made and printed."
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Name of a host by which clients call it; may be repeated."),
]
Folder = Annotated[
    Path | None,
    typer.Option(help="Of the jobs, which then outlive the server; a temporary one by default."),
]
Keep = Annotated[float, typer.Option(min=1, help="Seconds after which a job and its results are removed.")]
JobSeconds = Annotated[float, typer.Option(min=0.1, help="Most that one job may take.")]
Memory = Annotated[float, typer.Option(min=0.1, help="GiB that one job may take.")]
MaxUpload = Annotated[float, typer.Option(min=0.001, help="Of one source, in MiB.")]
Jobs = Annotated[int, typer.Option(min=1, help="Most jobs that there are at a time, complete ones included.")]
Queue = Annotated[int, typer.Option(min=1, help="Most jobs that wait for their turn.")]
Workers = Annotated[int, typer.Option(min=1, help="Jobs that are computed at a time.")]
Patience = Annotated[
    float, typer.Option(min=0.5, help="Seconds that a client may take over each part of a request.")
]
Device = Annotated[str | None, typer.Option(help="cpu or cuda.")]
Engine = Annotated[
    Computing,
    typer.Option(
        help="What computes the networks: torch, onnxruntime, openvino, auto, or int8, of runs that were quantized."
    ),
]


def run(
    models: Models,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    token_file: TokenFile = None,
    allow_host: AllowHost = None,
    folder: Folder = None,
    keep: Keep = 3600.0,
    job_seconds: JobSeconds = 1800.0,
    memory: Memory = 16.0,
    max_upload: MaxUpload = 1024.0,
    jobs: Jobs = 32,
    queue: Queue = 16,
    workers: Workers = 1,
    patience: Patience = 10.0,
    device: Device = None,
    engine: Engine = Computing.TORCH,
) -> None:
    """Serve trained runs over HTTP: upload, translate, look, download. This machine alone unless --host says otherwise."""
    from transmodal.commands._serving import serve

    serve(
        models,
        host=host,
        port=port,
        token_file=token_file,
        allow_host=allow_host or (),
        folder=folder,
        keep=keep,
        job_seconds=job_seconds,
        memory=memory,
        max_upload=max_upload,
        jobs=jobs,
        queue=queue,
        workers=workers,
        patience=patience,
        device=device,
        engine=engine.value,
    )
