"""The verb behind `serve`: settings of words and paths, a token where others reach the address, and the service itself."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transmodal.errors import ResourceError
from transmodal.notice import INTENDED_USE

PACKAGES = ("fastapi", "uvicorn")
_PREFIX = "transmodal-serve-"


def serve(
    models: str | Path | Sequence[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    token_file: str | Path | None = None,
    allow_host: Sequence[str] = (),
    folder: str | Path | None = None,
    keep: float = 3600.0,
    job_seconds: float = 1800.0,
    memory: float = 16.0,
    max_upload: float = 1024.0,
    jobs: int = 32,
    queue: int = 16,
    workers: int = 1,
    patience: float = 10.0,
    device: str | None = None,
    engine: str = "torch",
    announce: Callable[[str], None] | None = None,
) -> None:
    """Serve trained runs over HTTP until SIGTERM or Ctrl-C.

    Args:
        models: folders of runs, files `.tmz` or names of `transmodal models`, or words `NAME=PATH`; the folder's name by default.
        host: address to listen at; any but this machine's own needs a token.
        port: 0 lets the system choose.
        token_file: file with the token that requests have to carry; without it, at an address that others reach, a
            token is made and printed on standard error.
        allow_host: names of hosts by which clients call the service, besides addresses.
        folder: of the jobs, which then outlive the server; a temporary one by default.
        keep: seconds after which a job and its results are removed.
        job_seconds: most that one job may take.
        memory: GiB that one job may take.
        max_upload: of one source, MiB.
        jobs: most that there are at a time, complete ones included.
        queue: most that wait for their turn.
        workers: jobs that are computed at a time.
        patience: seconds that a client may take over each part of a request.
        device: such as `cpu`; a GPU by default where there is one.
        engine: that computes the networks: `torch`, `onnxruntime`, `openvino`, `auto`, or `int8`, of runs that were quantized.
        announce: called with the address once requests are taken; by default it is printed.

    Raises:
        UsageError: E001, E004, E005 for words, addresses and folders that do not do.
        InputError: E100, E102 for a model or a token that is none, E134 for a folder that is no run.
        ResourceError: E404 where the packages of the service are not installed.
    """
    _check_installed()
    from transmodal.service import server
    from transmodal.service.settings import MIB, Limits, Settings, models_of
    from transmodal.storage.memory import GIB

    limits = Limits(
        int(max_upload * MIB), jobs, queue, workers, job_seconds, keep, int(memory * GIB), patience
    )
    words = [str(models)] if isinstance(models, str | Path) else [str(word) for word in models]
    model_paths, token = models_of(words), _token(token_file, host)
    with _folder(folder) as place:
        settings = Settings(model_paths, place, host, port, token, tuple(allow_host), limits, device, engine)
        server.serve(settings, announce or _announce)


@contextmanager
def _folder(folder: str | Path | None) -> Iterator[Path]:
    """Give the folder of the jobs; a temporary one goes with the block, and those that killed servers left go first."""
    if folder is not None:
        yield Path(folder).absolute()
        return
    from transmodal.service.server import remove_abandoned

    remove_abandoned(sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")))
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as temporary:
        yield Path(temporary)


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


def _token(path: str | Path | None, host: str) -> str:
    """Return the token: a file's, or a new one where others reach the address, which is shown; else none."""
    from transmodal.service.settings import is_loopback, make_token, read_token

    if path is not None:
        return read_token(Path(path))
    if is_loopback(host):
        return ""
    token = make_token()
    print(f"token, which every request has to carry: {token}", file=sys.stderr, flush=True)
    return token


def _announce(address: str) -> None:
    """Print where the service is, and what it is not."""
    print(address, flush=True)
    print(INTENDED_USE, file=sys.stderr, flush=True)
