"""A MONAI bundle: `python -m monai.bundle run` translates a NIfTI by it.

Where MONAI's own transforms and inferer do as the library does, the bundle needs MONAI and torch alone; every other run
goes into it as `model.tmz`, and its bundle needs Transmodal. Its README says which it is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transmodal.errors import UsageError
from transmodal.exporting import packages, program
from transmodal.exporting.artefact import ParityVolume, obstacle, volume_for_parity
from transmodal.exporting.bundle import configuration, records
from transmodal.exporting.card import FILE as CARD
from transmodal.exporting.description import describe
from transmodal.exporting.window import choose, with_window
from transmodal.inference.model import Model
from transmodal.processes import describe_exit
from transmodal.storage import files, regular, store_zip
from transmodal.volumes import Volume, io

TOLERANCE = 1e-3
"""Of the width of the library's volume: most by which the bundle's may differ; one more where both are rounded."""


def write_bundle(
    model: Model,
    packed: Path,
    output: Path,
    *,
    card: str,
    window: Sequence[int] | None = None,
    volume: Mapping[str, Volume] | None = None,
) -> None:
    """Write a bundle, once it has been run by MONAI and its volume compared with the library's.

    Args:
        model: on the CPU.
        packed: the same run in one file, which goes along where MONAI alone does not do.
        output: the folder.
        card: the model card.
        window: sides of the windows of a bundle of MONAI alone; None takes training's, widened to the test volume's.
        volume: the test volume, by modality; None takes a phantom.

    Raises:
        UsageError: E001 for a window that cannot be, E004 for a bundle that does not run or does not give the library's
            volume.
        ResourceError: E403 where nothing can be written, E404 without MONAI.
    """
    packages.check("monai", "fire")
    reason = obstacle(model) or configuration.obstacle(model.preprocessing)
    sides = choose(model.preprocessing, window, volume) if not reason else None
    test = volume_for_parity(model, sides or model.preprocessing.cutting.size or (64, 64), volume)
    with files.atomic_folder(output) as beside:
        for name in ("configs", "docs", "models"):
            (beside / name).mkdir()
        if sides is None:
            (beside / "models" / "model.tmz").write_bytes(regular.read_bytes(packed, store_zip.MOST_BYTES))
            config = configuration.by_library(model.preprocessing)
            description = describe(model, "bundle")
        else:
            fixed = with_window(model, choose(model.preprocessing, window, test.sources))
            description = describe(fixed, "bundle")
            description |= program.write(fixed, beside / "models", description)
            config = configuration.by_monai(fixed)
        files.write_json(beside / "configs" / "inference.json", config)
        records.write_metadata(beside, description, needs_library=bool(reason))
        (beside / CARD).write_text(card, encoding="utf-8")
        report = _measure(model, beside, test)
        records.write_report(beside, description, report, reason)


def run(folder: Path, sources: Mapping[str, Path], output: Path, *, gate: str = "refuse") -> Path:
    """Run a bundle by MONAI in a process of its own, and return the image that it wrote.

    Args:
        folder: the bundle's.
        sources: images by modality.
        output: folder to write into.
        gate: as `Model.translate` takes it; bundles of MONAI alone have none.

    Raises:
        UsageError: E004 where it fails.
    """
    words = [f"--{name}={path.absolute()}" for name, path in sources.items()]
    process = subprocess.run(
        [
            *(sys.executable, "-m", "monai.bundle", "run"),
            *(
                "--config_file",
                "configs/inference.json",
                f"--output_dir={output.absolute()}",
                f"--gate={gate}",
            ),
            *words,
        ],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    images = sorted(output.glob("*.nii.gz")) if output.is_dir() else []
    if process.returncode or len(images) != 1:
        raise UsageError(
            "E004",
            f"a bundle that MONAI does not run: it {describe_exit(process.returncode)}",
            "one synthetic image",
            "Export it in another form: --as file, or --as onnx.",
        )
    return images[0]


def _measure(model: Model, folder: Path, test: ParityVolume) -> dict[str, Any]:
    """Translate the test volume by the library and by MONAI, and return how the volumes differ.

    Raises:
        UsageError: E004 where they differ by more than the tolerance.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        paths = {name: place / f"{name}.nii.gz" for name in test.sources}
        for name, path in paths.items():
            io.write(test.sources[name], path)
        start = time.perf_counter()
        image = run(folder, paths, place / "output", gate="off")
        seconds = time.perf_counter() - start
        # As the files hold them: what is compared is what a user gets.
        sources = {name: io.read(path) for name, path in paths.items()}
        library, bundled = model.translate(sources, gate="off").volume, io.read(image)
    is_same_grid = library.grid.same_as(bundled.grid)
    reference = library.voxels.astype(np.float64)
    difference = float(np.abs(reference - bundled.voxels).max()) if is_same_grid else float("inf")
    is_whole = library.voxels.dtype.kind in "iu"
    tolerance = TOLERANCE * max(float(np.ptp(reference)), 1e-6) + is_whole
    if not difference <= tolerance:  # nor where it is no number
        raise UsageError(
            "E004",
            f"{model.recipe.translator} in a bundle differs from the library by {difference:.3g}",
            f"at most {tolerance:.3g}",
            "Export it in another form: --as file, or --as onnx.",
        )
    return {
        "test_volume": {"words": test.words, "shape": list(library.grid.shape)},
        "largest_difference": difference,
        "mean_difference": float(np.abs(reference - bundled.voxels).mean()),
        "tolerance": tolerance,
        "seconds_in_all": round(seconds, 2),
    }
