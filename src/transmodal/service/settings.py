"""Settings of the service: its models, its address, who may ask, and the limits of what is taken."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transmodal.errors import InputError, UsageError
from transmodal.models import library
from transmodal.storage import files, memory, regular

MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LEAST_TOKEN = 16
"""Characters of the shortest token that is taken."""

MIB = 1 << 20
_TOKEN_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Limits:
    """Most that the service takes.

    Attributes:
        upload_bytes: of one source.
        jobs: that there are at a time, complete ones included.
        queue: jobs that wait for their turn.
        workers: jobs that are computed at a time.
        seconds: that one job may take.
        keep_seconds: after which a job and its results are removed.
        memory_bytes: that one job may take besides what its process starts with.
        patience_seconds: that a client may take over the head of a request, and over each part of its body.
        connections: at a time.
    """

    upload_bytes: int = 1024 * MIB
    jobs: int = 32
    queue: int = 16
    workers: int = 1
    seconds: float = 1800.0
    keep_seconds: float = 3600.0
    memory_bytes: int = 16 * memory.GIB
    patience_seconds: float = 10.0
    connections: int = 512


@dataclass(frozen=True, slots=True)
class Settings:
    """A service as it is started.

    Attributes:
        models: folders or files of trained runs, by the name that clients use.
        folder: of the jobs.
        host: address to listen at.
        port: 0 lets the system choose one.
        token: that every request has to carry; empty asks for none, which only this machine's own address may.
        names: of hosts by which clients may call it, besides addresses.
        limits: of what is taken.
        device: such as `cpu`; None takes a GPU where there is one.
        engine: that computes the networks.
    """

    models: Mapping[str, Path]
    folder: Path
    host: str = "127.0.0.1"
    port: int = 8080
    token: str = field(default="", repr=False)
    names: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    device: str | None = None
    engine: str = "torch"

    def __post_init__(self) -> None:
        if not self.token and not is_loopback(self.host):
            raise UsageError(
                "E004",
                f"the address {self.host} without a token",
                "a token for every address but this machine's own",
                "Give --token-file FILE, or listen at 127.0.0.1.",
            )


def is_loopback(host: str) -> bool:
    """Return whether an address reaches this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_token(path: Path) -> str:
    """Return the token that a file holds, without white space around it.

    Raises:
        InputError: E100 where there is no such file, E102 where it holds no token.
        ResourceError: E401 for a large file, E403 where it may not be read.
    """
    with files.reading_errors(path, "a file with the token"):
        content = regular.read_bytes(path, _TOKEN_BYTES).strip()
    if len(content) < LEAST_TOKEN or not all(0x21 <= sign <= 0x7E for sign in content):
        raise InputError(
            "E102",
            f"{path.name} holds no token",
            f"{LEAST_TOKEN} or more signs of ASCII without spaces",
            f"Write it anew: python -c 'import secrets; print(secrets.token_urlsafe())' > {path.name}",
        )
    return content.decode("ascii")


def make_token() -> str:
    """Return a new token of 256 random bits."""
    return secrets.token_urlsafe(32)


def models_of(words: Sequence[str]) -> dict[str, Path]:
    """Return models by name, from `[NAME=]RUN` words.

    Raises:
        UsageError: E001 for a name that no address can hold, E004 for a name of two models, E002 for no model of the package.
        InputError: E100 where there is nothing.
    """
    models = dict[str, Path]()
    for word in words:
        name, separator, place = word.partition("=")
        if not separator or Path(word).exists():
            name, place = "", word
        path = library.resolve(place)
        name = name or path.resolve().name.removesuffix(".tmz")
        if not MODEL_NAME.fullmatch(name):
            raise UsageError(
                "E001",
                f"the model name {name!r}",
                "letters, figures, '.', '_' and '-', at most 64",
                f"Name it: NAME={place}",
            )
        if name in models:
            raise UsageError("E004", f"two models of the name {name}", "one each", f"Write OTHER={place}.")
        if not path.exists():
            raise InputError(
                "E100",
                f"no model at {place}",
                f"a trained run, or {', '.join(library.names())}",
                "Check the path.",
            )
        models[name] = path.absolute()
    return models
