"""Checks of synthetic images: the image against its sidecar, the sidecar against its seal, both against the run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from transmodal.errors import IntegrityError
from transmodal.inference.names import BESIDE, ENDS, sidecar_of, spread_of
from transmodal.inference.provenance import origin
from transmodal.inference.provenance import sidecar as sidecars
from transmodal.inference.provenance.sidecar import REMEDY, ImageBinding, Sidecar
from transmodal.storage.faults import Check
from transmodal.volumes import binding


def list_checks(place: Path, run: Path | None = None, below: str = "") -> list[Check]:
    """Return the checks of a synthetic image and its sidecar, and of the spread and the interval where there are such.

    Args:
        place: the image or its sidecar.
        run: that is asked whether it made the image.
        below: path of the image's folder below the folder that is verified, with a slash at its end.

    Raises:
        InputError: E100 without a sidecar, E101 and E102 when it is none.
    """
    sidecar = sidecars.read(sidecars.place_of(place))
    name, images = f"{below}{sidecar.path.name}", sidecar.bindings()
    checks = [Check(name, sidecar.check)]
    if "image" not in images:
        return [*checks, Check(name, partial(_refuse_half, sidecar))]
    if place != sidecar.path:
        images["image"] = images["image"]._replace(path=place)
    checks += [Check(f"{below}{image.path.name}", partial(check_image, image)) for image in images.values()]
    places = {kind: spread_of(images["image"].path, kind) for kind in BESIDE}
    places |= {kind: image.path for kind, image in images.items() if kind in BESIDE}
    for kind, beside in places.items():
        if kind not in images and not sidecars.is_beside(beside, images["image"].path):
            continue
        path, noun = sidecar_of(beside), "interval" if kind in ENDS else "spread"
        checks.append(Check(f"{below}{path.name}", partial(_check_beside, path, images["image"], noun)))
    return checks if run is None else [*checks, Check(name, partial(origin.check, sidecar.content, run))]


def list_orphan_checks(folder: Path, places: Sequence[Path]) -> list[Check]:
    """Return a check that fails for each synthetic image without a sidecar, in a folder whose sidecars lie at `places`."""
    return [
        Check(path.relative_to(folder).as_posix(), partial(_refuse_orphan, path))
        for path in sidecars.list_orphans(folder, places)
    ]


def check_image(image: ImageBinding) -> None:
    """Compare an image with the hashes that are recorded of it.

    Raises:
        IntegrityError: E501 naming what differs: voxels, place in space, or bytes alone.
        InputError: E100 when it is gone, E101 and others when it cannot be read.
    """
    path, recorded = image
    # The header of a pair, which `.mhd` is, does not tell whether the voxels beside it are those.
    is_pair = path.name.lower().endswith(".mhd") and recorded.voxels_sha256
    if binding.digest(path) == recorded.sha256 and not is_pair:
        return
    # Of an object that is no volume, such as a parametric map or a segmentation, its bytes alone are known.
    is_volume = bool(recorded.voxels_sha256 or recorded.affine_sha256)
    words = recorded.differences(binding.read(path)) if is_volume else ["other bytes"]
    if words:
        raise IntegrityError(
            "E501",
            f"{path.name} is not the image of its sidecar: it has {' and '.join(words)}",
            "the image that was written",
            REMEDY,
        )


def _refuse_orphan(path: Path) -> None:
    raise IntegrityError(
        "E501",
        f"{path.name} is synthetic and has no sidecar",
        f"{sidecar_of(path).name} beside it, which says how it came about",
        REMEDY,
    )


def _refuse_half(sidecar: Sidecar) -> None:
    raise IntegrityError(
        "E501",
        f"{sidecar.path.name} holds no hash of an image: the call that wrote it was ended before its image",
        "a sidecar with the hashes of its image",
        "Translate again.",
    )


def _check_beside(path: Path, image: ImageBinding, noun: str) -> None:
    """Refuse the sidecar of a spread or an interval's end that was changed, or is of another image."""
    spread = sidecars.read(path)
    spread.check()
    origin_of_spread = spread.content.get("of")
    if not isinstance(origin_of_spread, dict) or origin_of_spread.get("sha256") != image.recorded.sha256:
        raise IntegrityError(
            "E501",
            f"{path.name} is of the {noun} of another image",
            f"that of {image.path.name}",
            REMEDY,
        )
