"""An examination of the installation: versions, devices, codecs, optional parts, viewer, plugins, weights, places."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Literal, NamedTuple

from transmodal import plugins
from transmodal._version import __version__
from transmodal.counts import counted
from transmodal.errors import TransmodalError

State = Literal["fine", "absent", "faulty", "broken"]

DEPENDENCIES = (
    "lightning-fabric",
    "nibabel",
    "numpy",
    "pillow",
    "pydantic",
    "pydicom",
    "PyYAML",
    "rich",
    "safetensors",
    "scipy",
    "SimpleITK",
    "tensorboard",
    "torch",
    "transformers",
    "typer",
)
"""Distributions that transmodal does not run without."""

OPTIONAL = {
    "dicom": (("python-gdcm", "highdicom"), "compressed DICOM; parametric maps and segmentations"),
    "cluster": (("dask", "distributed"), "--scheduler"),
    "diffusion": (("dipy",), "FA of diffusion images"),
    "matlab": (("h5py",), "data sets in MATLAB files"),
    "view": (("ipyniivue",), "the viewer"),
    "service": (("fastapi", "h11", "pynetdicom", "uvicorn"), "serve, dicom-node"),
    "mlflow": (("mlflow-skinny",), "training.loggers: [mlflow]"),
    "wandb": (("wandb",), "training.loggers: [wandb]"),
    "engines": (("onnx", "onnxruntime", "openvino"), "translate --engine; publish"),
    "export": (("onnx", "onnxruntime", "openvino", "monai", "fire"), "export; dice and hd95"),
}
"""Extras, the distributions that each brings, and the work that needs them."""

CODECS = {
    "RLE": "1.2.840.10008.1.2.5",
    "JPEG": "1.2.840.10008.1.2.4.50",
    "JPEG lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000": "1.2.840.10008.1.2.4.90",
}
"""Compressions of DICOM, by the transfer syntax of each."""

PYTHON = (3, 11)
"""The oldest Python that it runs on."""


class InstalledPart(NamedTuple):
    """A thing that was looked at.

    Attributes:
        topic: such as `codecs`.
        name: of the thing.
        state: `fine`; `absent`, of what is optional; `faulty`, of what is optional and does not work; `broken`, of what
            is needed.
        text: its version, or what is wrong.
        remedy: what to do; empty where nothing is.
    """

    topic: str
    name: str
    state: State
    text: str
    remedy: str = ""


def examine(recipe: str | None = None) -> list[InstalledPart]:
    """Look at all that transmodal stands on; nothing is changed.

    Args:
        recipe: name or file of one whose weights are looked at too.

    Raises:
        UsageError: for a recipe that there is not, or that is none.
    """
    findings = [*_versions(), *_devices(), *_codecs(), *_extras(), *_viewer(), *_plugins(), *_places()]
    return findings if recipe is None else [*findings, *_weights(recipe)]


def _versions() -> Iterator[InstalledPart]:
    yield InstalledPart("versions", "transmodal", "fine", __version__)
    is_new = sys.version_info[:2] >= PYTHON
    remedy = "" if is_new else f"Install Python {'.'.join(map(str, PYTHON))} or newer."
    yield InstalledPart(
        "versions", "python", "fine" if is_new else "broken", platform.python_version(), remedy
    )
    for name in DEPENDENCIES:
        version = _version(name)
        if version:
            yield InstalledPart("versions", name, "fine", version)
        else:
            yield InstalledPart(
                "versions", name, "broken", "is not installed", f"pip install --upgrade transmodal {name}"
            )


def _devices() -> Iterator[InstalledPart]:
    import torch

    from transmodal.storage import memory

    free = memory.available()
    amount = "" if free is None else f", {free / 2**30:.1f} GiB of memory free"
    yield InstalledPart(
        "devices",
        "cpu",
        "fine",
        f"{counted(os.cpu_count() or 1, 'core')}, {counted(torch.get_num_threads(), 'thread')}{amount}",
    )
    if torch.cuda.is_available():
        for n in range(torch.cuda.device_count()):
            yield InstalledPart("devices", f"cuda:{n}", "fine", torch.cuda.get_device_name(n))
    else:
        yield InstalledPart("devices", "cuda", "absent", f"torch {torch.__version__} sees none")
    if torch.backends.mps.is_available():
        yield InstalledPart("devices", "mps", "fine", "an Apple GPU")


def _codecs() -> Iterator[InstalledPart]:
    from pydicom.pixels.decoders import base

    for name, syntax in CODECS.items():
        if base.get_decoder(syntax).is_available:
            yield InstalledPart("codecs", name, "fine", "is decoded")
        else:
            yield InstalledPart("codecs", name, "absent", "is not decoded", "pip install 'transmodal[dicom]'")


def _extras() -> Iterator[InstalledPart]:
    for extra, (names, purpose) in OPTIONAL.items():
        missing = [name for name in names if not _version(name)]
        if missing:
            text = f"{', '.join(missing)} not installed: {purpose}"
            yield InstalledPart("optional", extra, "absent", text, f"pip install 'transmodal[{extra}]'")
        else:
            yield InstalledPart(
                "optional", extra, "fine", ", ".join(f"{name} {_version(name)}" for name in names)
            )


def _viewer() -> Iterator[InstalledPart]:
    import webbrowser

    from transmodal.viewing import niivue

    if niivue.is_installed():
        try:
            niivue.script()
            yield InstalledPart("viewer", "NiiVue", "fine", "is carried by ipyniivue")
        except TransmodalError as error:
            yield InstalledPart("viewer", "NiiVue", "faulty", error.got, error.remedy)
    else:
        yield InstalledPart("viewer", "NiiVue", "absent", "is not installed", niivue.REMEDY)
    try:
        webbrowser.get()
        yield InstalledPart("viewer", "browser", "fine", "is opened by view")
    except webbrowser.Error:
        remedy = "Open the address that view --no-browser prints on another machine, or write a file: -o."
        yield InstalledPart("viewer", "browser", "absent", "none is known on this machine", remedy)


def _plugins() -> Iterator[InstalledPart]:
    from transmodal import translators
    from transmodal.cohorts import layouts
    from transmodal.metrics import registry

    owners: dict[plugins.Kind, list[str]] = {
        "translators": translators.own_names(),
        "layouts": layouts.own_names(),
        "metrics": registry.own_names(),
    }
    parts: dict[plugins.Kind, tuple[str, ...]] = {
        "translators": ("Config", "build"),
        "layouts": ("Options", "find"),
        "metrics": (),
    }
    for kind, own in owners.items():
        for fault in plugins.faults(kind, own):
            yield InstalledPart("plugins", kind, "faulty", fault)
        for plugin in plugins.announced(kind):
            if plugin.name not in plugins.names(kind, own) or plugin.name in own:
                continue
            try:
                plugins.load(plugin, *parts[kind])
                yield InstalledPart("plugins", plugin.name, "fine", plugin.text())
            except TransmodalError as error:
                yield InstalledPart("plugins", plugin.name, "faulty", error.got, error.remedy)


def _places() -> Iterator[InstalledPart]:
    import shutil
    import tempfile

    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"transmodal")
        place = tempfile.gettempdir()
        yield InstalledPart(
            "places", "temporary files", "fine", f"{shutil.disk_usage(place).free / 2**30:.1f} GiB free"
        )
    except OSError as error:
        remedy = "Free space, or set TMPDIR to a folder that can be written."
        yield InstalledPart("places", "temporary files", "broken", str(error.strerror or error), remedy)


def _weights(name: str) -> Iterator[InstalledPart]:
    """Look at the weights that a recipe names: of networks that stay frozen, and that training starts from."""
    from transmodal import translators
    from transmodal.nets.meta import shapes_alone
    from transmodal.recipes import load

    recipe = load.load(name)
    with shapes_alone():
        translator = translators.build(recipe.translator, recipe.settings)
    checks = {name: network.check for name, network in translator.frozen().items()}
    checks |= {name: weights.check for name, weights in translator.pretrained().items()}
    if not checks:
        yield InstalledPart("weights", recipe.translator, "fine", "needs none")
    for network, check in checks.items():
        try:
            check()
            yield InstalledPart("weights", network, "fine", "found, or random, or from scratch")
        except TransmodalError as error:
            yield InstalledPart("weights", network, "broken", error.got, error.remedy)


def _version(name: str) -> str:
    """Return the version of a distribution; empty where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
