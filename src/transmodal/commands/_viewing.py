"""The verb behind `view`: the volumes that words name become the layers of a scene, served or written as a page."""

from __future__ import annotations

import re
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from transmodal.commands import _pages
from transmodal.commands._words import Words, list_words, path_of
from transmodal.errors import TransmodalError, UsageError
from transmodal.inference.gate import Policy
from transmodal.inference.names import SPREADS, sidecar_of, spread_of, stem_of
from transmodal.modalities import known_modalities, modality_of
from transmodal.storage import files
from transmodal.viewing import niivue
from transmodal.viewing.layers import Layer
from transmodal.viewing.layers import difference as difference_of
from transmodal.viewing.page import MEGABYTE, Scene, parts, single_file
from transmodal.viewing.server import PageServer
from transmodal.volumes import Volume, io, marks
from transmodal.volumes.reading import STRICT, Reading

LARGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """Which volumes are shown, and with what over them.

    Attributes:
        words: `PATH` or `NAME=PATH` each; a name that is a modality's says what the values are.
        reading: how files are read.
        run: folder of a run that translates the volumes; its result is shown too.
        has_difference: whether the second volume minus the first is shown.
        gate: how the run takes sources unlike those of its training.
        has_file_names: whether volumes without a name are shown under that of their file.
    """

    words: Sequence[str]
    reading: Reading = STRICT
    run: Path | None = None
    has_difference: bool = False
    gate: Policy = "refuse"
    has_file_names: bool = True


def view(
    volumes: Words,
    *,
    run: str | Path | None = None,
    difference: bool = False,
    output: str | Path | None = None,
    max_size: float = 40.0,
    gate: Policy = "refuse",
    browser: bool = True,
    reading: Reading = STRICT,
    announce: Callable[[str], None] | None = None,
) -> Path | None:
    """Look at volumes in the browser, on this machine until Ctrl-C, or write them as one page.

    Args:
        volumes: images or DICOM folders, or such by name; a name such as `t1` or `ct` says what the values are.
        run: trained run that translates the volumes, or a name of `transmodal models`; its result is shown too.
        difference: show the second volume minus the first; they share one grid.
        output: HTML file that holds the volumes and opens offline; without it a page is served until Ctrl-C.
        max_size: of the file, in MB; volumes become coarser until they fit.
        gate: how the run takes sources unlike those of its training.
        browser: open the page that is served in the browser.
        reading: for files that leave something open.
        announce: called with the address once the page is served; by default it is printed.

    Returns:
        The page; None where it was served.

    Raises:
        UsageError: as `scene_of` and `write_page`.
        InputError: as `scene_of`.
        ResourceError: E404 where NiiVue is not installed, E403 where the page cannot be written.
    """
    niivue.check()
    place = path_of(output)
    scene = scene_of(ViewRequest(list_words(volumes), reading, path_of(run), difference, gate, place is None))
    if place is not None:
        write_page(scene, place, max_size)
        return place
    with PageServer(parts(scene)) as server:
        (announce or _announce)(server.address)
        if browser:
            webbrowser.open(server.address)
        server.serve()
    return None


def scene_of(request: ViewRequest) -> Scene:
    """Read the volumes of a request and return what the page shows.

    Raises:
        InputError: as `volumes.io.read`, and E130, E122 for a difference of volumes that do not fit.
        UsageError: E004 for a difference of one volume, or a run whose sources are not named.
        TransmodalError: as `inference.load` and `Model.translate` with a run.
    """
    layers = [layer for n, word in enumerate(request.words) for layer in _read(word, n, request)]
    if request.run is not None:
        layers += _translate(request.run, layers, request.gate)
    if request.has_difference:
        layers.append(difference_of(layers))
    return Scene("; ".join(layer.name for layer in layers if layer.role == "volume"), layers)


def write_page(scene: Scene, output: Path, max_megabytes: float) -> int:
    """Write a scene as one file that opens offline; return its size in bytes.

    Raises:
        UsageError: E005 for a name that does not end in .html or is another file's, E001 where the volumes fit into no such size.
        ResourceError: E404 without NiiVue, E403 where it cannot be written.
    """
    _pages.check_place(output, "view")
    return _pages.save(single_file(scene, int(max_megabytes * MEGABYTE)), output)


def _announce(address: str) -> None:
    print(address, flush=True)
    print("for this machine alone, until Ctrl-C", file=sys.stderr)


def _read(word: str, n: int, request: ViewRequest) -> list[Layer]:
    """Return the volume of a word, and the spread over its passes where `translate` wrote one beside it."""
    name, path = _split(word)
    record = _record_of(path)
    volume = io.read(path, request.reading).in_grey()
    modality = _modality(name, record, path)
    kind = next((kind for kind in SPREADS if stem_of(path).endswith(kind)), "")
    label = name or (path.name if request.has_file_names else _label(modality, n, kind))
    is_synthetic = record.get("synthetic") is True or marks.is_marked_synthetic(path)
    layer = Layer(label[:LARGEST_NAME], volume, modality, "spread" if kind else "volume", is_synthetic)
    layers = [replace(layer, volume=_in_grey(layer.volume)) if kind else layer]
    for beside in (spread_of(path, ending) for ending in SPREADS if not kind and not path.is_dir()):
        if beside.is_file() and not any(_split(words)[1] == beside for words in request.words):
            spread = _in_grey(io.read(beside, request.reading))
            layers.append(
                Layer(f"{layer.name}: disagreement of its passes", spread, modality, "spread", True)
            )
    return layers


def _split(word: str) -> tuple[str, Path]:
    """Return the name and the path of a word; without a name that is empty.

    Raises:
        UsageError: E001 for a word without a path.
    """
    name, separator, place = word.partition("=")
    if not separator or Path(word).exists():
        name, place = "", word
    if not place.strip():
        raise UsageError("E001", f"the volume {word!r}", "[NAME=]PATH", "Name a file or a folder.")
    path = Path(place)
    return name.strip(), path if path.name else path.resolve()


def _record_of(path: Path) -> dict[str, Any]:
    """Return the sidecar beside an image; nothing where there is none that can be read."""
    if not path.name:
        return {}
    with suppress(TransmodalError):
        place = sidecar_of(path)
        return files.read_json(place) if place.is_file() else {}
    return {}


def _modality(name: str, record: dict[str, Any], path: Path) -> str:
    """Return the modality that a volume's name, its sidecar or the last word of its file's name says; else empty."""
    words = [name.lower()]
    if record.get("synthetic") is True:
        words.append(str(record.get("target", "")).lower())
    words += reversed(re.split(r"[^a-z0-9]+", stem_of(path).lower()))
    return next((name for name in map(_find_modality, words) if name), "")


def _find_modality(word: str) -> str:
    return next((m.name for m in known_modalities() if word and (word == m.name or word in m.aliases)), "")


def _label(modality: str, n: int, kind: str) -> str:
    """Return a name that says nothing of the file: pages are handed on, and file names hold names of patients."""
    text = f"volume {n + 1}" + (f", {modality_of(modality).label}" if modality else "")
    return f"{text}: {kind.replace('_', ' ')}" if kind else text


def _in_grey(volume: Volume) -> Volume:
    return volume.with_voxels(volume.voxels.mean(axis=-1, dtype="float32")) if volume.is_colour else volume


def _translate(run: Path, layers: Sequence[Layer], gate: Policy) -> list[Layer]:
    """Return what a run makes of the layers, and where its passes disagree."""
    from transmodal.inference.load import load

    model = load(run)
    names = model.preprocessing.sources
    volumes = [layer for layer in layers if layer.role == "volume"]
    by_name = {layer.modality: layer.volume for layer in volumes if layer.modality in names}
    if not by_name and len(names) == 1 and len(volumes) == 1:
        by_name = {names[0]: volumes[0].volume}
    if not by_name:
        raise UsageError(
            "E004",
            f"--run of {len(names)} sources, none of them named",
            f"a volume for {', '.join(names)}",
            "Name them: " + " ".join(f"{name}=PATH" for name in names),
        )
    translation = model.translate(by_name, gate=gate)
    target = model.preprocessing.target
    label = f"{modality_of(target).label} by {model.recipe.translator}"
    result = [Layer(label, translation.volume, target, "volume", True)]
    if translation.disagreement is not None:
        spread = _in_grey(translation.disagreement)
        result.append(Layer(f"{label}: disagreement of its passes", spread, target, "spread", True))
    return result
