"""ONNX Runtime Web, which computes the network in the browser, as `tools/build_web.py` put it beside this file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from transmodal.errors import ResourceError
from transmodal.storage import files
from transmodal.viewing.scripts import object_of

Kind = Literal["cpu", "gpu"]
"""WebAssembly, which every browser has, or WebGPU."""

FOLDER = Path(__file__).parent / "runtime"
REMEDY = "Build it once, with Node's npm: python tools/build_web.py in a clone of the repository."
_KINDS: tuple[Kind, ...] = ("cpu", "gpu")
_ABOUT = "about.json"


class RuntimePart(NamedTuple):
    """Script and program of one kind.

    Attributes:
        script: a plain script that sets `globalThis.ort`.
        program: the WebAssembly, gzipped.
    """

    script: str
    program: bytes


class Runtime(NamedTuple):
    """ONNX Runtime Web.

    Attributes:
        name: with its version and its licence.
        parts: by kind, the one to prefer first.
    """

    name: str
    parts: Mapping[Kind, RuntimePart]


def is_built() -> bool:
    """Return whether the parts are there."""
    names = [_ABOUT, *(name for kind in _KINDS for name in _names(kind))]
    return all((FOLDER / name).is_file() for name in names)


def check() -> None:
    """Refuse to go on without the parts, before any work.

    Raises:
        ResourceError: E404.
    """
    if not is_built():
        raise ResourceError(
            "E404", "ONNX Runtime Web was not built into this installation", "it, for the page", REMEDY
        )


def load(kinds: Sequence[Kind] = ("cpu",)) -> Runtime:
    """Return the parts of these kinds.

    Raises:
        ResourceError: E404 where they are not there, or are of another make.
    """
    check()
    about = files.read_json(FOLDER / _ABOUT)
    name = f"{about['name']} {about['version']}, {about['licence']}"
    return Runtime(name, {kind: _part(kind) for kind in kinds})


def _part(kind: Kind) -> RuntimePart:
    module, program = (FOLDER / name for name in _names(kind))
    script = object_of(module.read_text(encoding="utf-8"), "ort", "InferenceSession")
    if script is None:
        raise ResourceError("E404", "an ONNX Runtime Web that exports no InferenceSession", "1.30", REMEDY)
    return RuntimePart(script, program.read_bytes())


def _names(kind: Kind) -> tuple[str, str]:
    """Return the names of a kind's script and program."""
    return f"ort-{kind}.mjs", f"ort-{kind}.wasm.gz"
