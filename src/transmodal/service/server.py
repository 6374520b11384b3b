"""The server: a folder that is its own, models that load, uvicorn on a socket, and a clean end."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from transmodal.errors import UsageError
from transmodal.service import application, connection, guard, logs, runner
from transmodal.service.settings import Settings
from transmodal.storage import outputs

LOCK = ".server"
GRACE_SECONDS = 5
"""How long requests under way may take once the service is asked to end."""

_OWN_FILES = 64
"""Files that the server needs besides those of its connections."""


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        settings: of the service.
        announce: called with the address once requests are taken.

    Raises:
        UsageError: E004 where another server has the folder, E005 for a folder that cannot be used, E001 for an
            address that cannot be listened at.
        TransmodalError: as `runner.describe_models`, for a model that does not load.
    """
    os.umask(0o077)
    with own_folder(settings.folder), _listening(settings) as listener:
        facts = runner.describe_models(settings)
        logs.start()
        address, port = listener.getsockname()[:2]
        name = f"[{address}]" if ":" in address else address
        server = _Server(uvicorn.Config(application.build(settings, facts), **_options(settings)))  # type: ignore[arg-type]  # by name
        server.announce = lambda: announce(f"http://{name}:{port}/")
        server.run(sockets=[listener])


def remove_abandoned(folders: Sequence[Path]) -> None:
    """Remove folders of jobs whose server was killed: those of this account whose lock nobody holds."""
    if sys.platform == "win32":
        return
    import fcntl

    for folder in folders:
        with suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            handle = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Hold the folder of jobs for one server alone, for its owner's eyes alone.

    Raises:
        UsageError: E004 where another server has it, E005 for a folder that cannot be used.
    """
    outputs.check_folder(folder)
    with outputs.os_errors():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    "E004",
                    f"the folder {folder} of another server",
                    "a folder of its own",
                    "Give --folder FOLDER.",
                ) from None
        yield
    finally:
        os.close(handle)


class _Server(uvicorn.Server):
    """A server that says when it takes requests."""

    announce: Callable[[], None]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to take requests, then say so."""
        await super().startup(sockets=sockets)
        if self.started:
            self.announce()


def _options(settings: Settings) -> dict[str, object]:
    """Return the options of uvicorn: nothing that it offers besides HTTP/1.1."""
    limits = settings.limits
    protocol = type(
        "Protocol",
        (connection.PatientProtocol,),
        {
            "patience_seconds": limits.patience_seconds,
            "most_connections": _most_connections(limits.connections),
            "headers_of_answers": guard.ENCODED_HEADERS,
        },
    )
    return {
        "http": protocol,
        "ws": "none",
        "loop": "asyncio",
        "lifespan": "on",
        "log_config": None,
        "access_log": False,
        "proxy_headers": False,
        "server_header": False,
        "h11_max_incomplete_event_size": connection.HEAD_BYTES,
        "timeout_keep_alive": int(limits.patience_seconds) or 1,
        "timeout_graceful_shutdown": GRACE_SECONDS,
    }


def _most_connections(most: int) -> int:
    """Return how many connections there may be: no more than the system lets files be open."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, most + _OWN_FILES)), hard))
        return max(8, min(most, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OWN_FILES))
    return most


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen at the address, before models are loaded; where it cannot be, that is said at once."""
    try:
        kind, _, _, _, place = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(kind, socket.SOCK_STREAM)
    except OSError as error:
        raise _address_error(settings, error) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
    except OSError as error:
        listener.close()
        raise _address_error(settings, error) from error
    try:
        yield listener
    finally:
        listener.close()


def _address_error(settings: Settings, error: OSError) -> UsageError:
    is_taken = error.errno == errno.EADDRINUSE
    return UsageError(
        "E001",
        f"{settings.host}, port {settings.port}: {error.strerror or 'no such address'}",
        "an address of this machine and a free port",
        "Give another --port; 0 lets the system choose." if is_taken else "Give another --host or --port.",
    )
