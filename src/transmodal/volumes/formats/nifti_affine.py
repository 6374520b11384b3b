"""The affine of a NIfTI file: sform, qform, spacings and units, and the rule between them.

The rule: the sform where it is coded, else the qform. Both have to agree within a physical tolerance; an
sform alone has to agree with `pixdim`; the user may say which to believe; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Literal

import nibabel as nib
import numpy as np
from nibabel.quaternions import quat2mat
from numpy.typing import NDArray

from transmodal.errors import InputError, UsageError
from transmodal.volumes.formats import nifti_header
from transmodal.volumes.volume import Affine, Grid, Space

FORMS_TOLERANCE_MM = 0.05
"""Forms agree where no corner lies further apart than this and what the quaternion's rounding adds."""

Form = Literal["sform", "qform"]

_QUATERNION_ROUNDING = 2e-7
"""Rounding by float32 of b^2 + c^2 + d^2; near half a turn the angle is uncertain by its root."""

_HALF_TURN = 1e-7
"""Below this, a^2 is rounding and the turn is a half one, as the format's reference library has it."""

_ATLASES: Mapping[int, Space] = {3: "talairach", 4: "mni"}
"""Codes of forms that say coordinates of an atlas; 1 and 2 are a scanner's or another image's."""
_UNITS_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_DIRECTIONS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


def affine_of(
    header: nib.Nifti1Header,
    name: str,
    shape: tuple[int, int, int],
    believed: Form | None,
    assumed: str | None,
) -> Affine:
    """Return the affine in mm.

    Args:
        header: as it stands in the file, nothing repaired.
        name: the file, for messages.
        shape: `(I, J, K)`.
        believed: which form the user believes where they disagree.
        assumed: axis codes that the user gives a file which does not say how it lies.

    Raises:
        InputError: E103 for spacings, units, codes or quaternions that make no sense, E110 when the forms
            disagree, E111 when none is coded, E112 when one is not finite.
        UsageError: E004 when the form to believe is not coded.
    """
    unit = _unit(header, name)
    nifti_header.check_form_codes(name, header, believed)
    with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond all places are refused further on
        spacing = _spacing(header, name) * unit
        sform = _sform(header, name, unit)
        qform = _qform(header, name, spacing, unit)
        _check_agreement(header, name, shape, (sform, qform, spacing), believed)
    coded = [form for form in ((qform, sform) if believed == "qform" else (sform, qform)) if form is not None]
    return coded[0] if coded else _assumed_or_refused(name, spacing, shape, assumed)


def assumed_affine(spacing: NDArray[np.float64], shape: tuple[int, int, int], orientation: str) -> Affine:
    """Return the affine of a grid that runs to `orientation` with its centre at 0.

    Raises:
        UsageError: E001 when the orientation is not three axis codes such as `RAS`.
    """
    codes = [_DIRECTIONS.get(letter) for letter in orientation.upper()]
    directions = [code for code in codes if code is not None]
    if len(codes) != 3 or {axis for axis, _ in directions} != {0, 1, 2}:
        raise UsageError(
            "E001",
            f"orientation {orientation!r}",
            "three letters that name each axis once, such as RAS",
            "Correct it.",
        )
    affine = np.eye(4)
    affine[:3, :3] = 0
    for column, (axis, sign) in enumerate(directions):
        affine[axis, column] = sign * spacing[column]
    affine[:3, 3] = -affine[:3, :3] @ (np.array(shape) - 1) / 2
    return affine


def space_of(header: nib.Nifti1Header, believed: Form | None) -> Space:
    """Return the atlas that the believed form says its coordinates are of; empty where it is none."""
    codes = [int(header[f"{form}_code"]) for form in ("sform", "qform")]
    coded = [code for code in (codes[::-1] if believed == "qform" else codes) if code > 0]
    return _ATLASES.get(coded[0], "") if coded else ""


def write_forms(header: nib.Nifti1Header, grid: Grid, space: Space = "") -> None:
    """Write the grid's affine into the sform, and into the qform where a qform can say it.

    Args:
        header: to write into.
        grid: where the image lies.
        space: the atlas whose coordinates these are, which the sform's code says.
    """
    code = next((code for code, name in _ATLASES.items() if name == space), 2)
    header.set_sform(grid.affine, code=code)
    header.set_qform(grid.affine, code=2, strip_shears=True)
    header.set_xyzt_units("mm")
    sform = np.asarray(header.get_sform(), float)
    spacing = np.array(header["pixdim"][1:4], dtype=float)
    _sharpen(header, sform, spacing, grid.shape)
    if _corner_distance(sform, _qform_affine(header, spacing)[0], grid.shape) > FORMS_TOLERANCE_MM / 2:
        header["qform_code"] = 0  # a qform has no shear: half a truth is left out


def _sharpen(
    header: nib.Nifti1Header, sform: Affine, spacing: NDArray[np.float64], shape: tuple[int, int, int]
) -> None:
    """Choose the float32 quaternion closest to the sform: plain rounding is off by up to 0.5 mm."""
    fields = ("quatern_b", "quatern_c", "quatern_d")
    rounded = np.array([header[field] for field in fields], dtype=np.float32)
    ulps = np.spacing(np.abs(rounded))
    best = (np.inf, rounded)
    for steps in product((0, -1, 1, -2, 2), repeat=3):
        candidate = (rounded + np.array(steps, dtype=np.float32) * ulps).astype(np.float32)
        for field, value in zip(fields, candidate, strict=True):
            header[field] = value
        apart = _corner_distance(sform, _qform_affine(header, spacing)[0], shape)
        best = min(best, (apart, candidate), key=lambda pair: pair[0])
        if apart < 1e-4:
            break
    for field, value in zip(fields, best[1], strict=True):
        header[field] = value


def _unit(header: nib.Nifti1Header, name: str) -> float:
    code = int(header["xyzt_units"]) & 7
    if code not in _UNITS_MM:
        raise InputError(
            "E103", f"{name} has the spatial unit {code}", "metres, mm or micrometres", "Export it again."
        )
    return _UNITS_MM[code]


def _spacing(header: nib.Nifti1Header, name: str) -> NDArray[np.float64]:
    """Return `pixdim` of the three axes; an axis that the file does not have may be 0 and counts as 1."""
    spacing = np.array(header["pixdim"][1:4], dtype=float)
    absent = np.arange(3) >= int(header["dim"][0])
    spacing = np.where(absent & (spacing == 0), 1.0, spacing)
    if not np.isfinite(spacing).all() or (spacing <= 0).any():
        raise InputError(
            "E103", f"{name} has pixdim {spacing.tolist()}", "positive spacings", "Export it again."
        )
    return spacing


def _sform(header: nib.Nifti1Header, name: str, unit: float) -> Affine | None:
    if int(header["sform_code"]) <= 0:
        return None
    affine = np.asarray(header.get_sform(), float)
    return _finite(name, "sform", np.vstack([affine[:3] * unit, affine[3:]]))


def _qform(header: nib.Nifti1Header, name: str, spacing: NDArray[np.float64], unit: float) -> Affine | None:
    if int(header["qform_code"]) <= 0:
        return None
    if float(header["pixdim"][0]) not in (-1.0, 0.0, 1.0):
        raise InputError(
            "E103", f"{name} has qfac {float(header['pixdim'][0]):g}", "1 or -1", "Export it again."
        )
    affine, square = _qform_affine(header, spacing)
    affine[:3, 3] *= unit
    if square < -1e-5:
        raise InputError(
            "E103", f"{name} has a quaternion of squared length {1 - square:.6g}", "1", "Export it again."
        )
    return _finite(name, "qform", affine)


def _qform_affine(header: nib.Nifti1Header, spacing: NDArray[np.float64]) -> tuple[Affine, float]:
    """Return the qform's affine, and 1 - b^2 - c^2 - d^2 as it stands there."""
    vector = np.array([header[f"quatern_{axis}"] for axis in "bcd"], dtype=float)
    square = 1.0 - float(vector @ vector)
    if square < _HALF_TURN:
        quaternion = np.array([0.0, *(vector / np.sqrt(max(vector @ vector, 1e-30)))])
    else:
        quaternion = np.array([np.sqrt(square), *vector])
    affine = np.eye(4)
    flip = -1.0 if float(header["pixdim"][0]) < 0 else 1.0
    affine[:3, :3] = quat2mat(quaternion) * spacing * (1.0, 1.0, flip)
    affine[:3, 3] = [float(header[f"qoffset_{axis}"]) for axis in "xyz"]
    return affine, square


def _finite(name: str, form: Form, affine: Affine) -> Affine:
    if not np.isfinite(affine).all():
        raise InputError(
            "E112", f"{name} has the {form} {affine[:3].tolist()}", "finite numbers", "Export it again."
        )
    return affine


def _check_agreement(
    header: nib.Nifti1Header,
    name: str,
    shape: tuple[int, int, int],
    forms: tuple[Affine | None, Affine | None, NDArray[np.float64]],
    believed: Form | None,
) -> None:
    sform, qform, spacing = forms
    if believed is not None and (sform if believed == "sform" else qform) is not None:
        return
    if sform is None:
        return
    if qform is not None:
        apart = _corner_distance(sform, qform, shape)
        if apart > FORMS_TOLERANCE_MM + _rounding(header, spacing, shape):
            raise _disagreement_error(name, f"the corners of sform and qform lie up to {apart:.3g} mm apart")
        return
    columns = np.sqrt((sform[:3, :3] ** 2).sum(axis=0))
    if (np.abs(columns - spacing) * np.maximum(np.array(shape) - 1, 1)).max() > FORMS_TOLERANCE_MM:
        contradiction = (
            f"the sform has the spacing {columns.round(4).tolist()}, pixdim {spacing.round(4).tolist()}"
        )
        if believed == "qform":
            raise UsageError(
                "E004",
                f"{name}: {contradiction}, and no qform is coded",
                "a form that is coded",
                "Take sform.",
            )
        raise _disagreement_error(name, contradiction)


def _disagreement_error(name: str, contradiction: str) -> InputError:
    return InputError(
        "E110",
        f"{name}: {contradiction}",
        "one place in space",
        "Say which to believe: --orientation-from sform or --orientation-from qform.",
    )


def _corner_distance(first: Affine, second: Affine, shape: tuple[int, int, int]) -> float:
    """Return how far apart two affines put a corner, in mm."""
    corners = np.array(list(product(*[(0, n - 1) for n in shape])), dtype=float)
    difference = corners @ (first - second)[:3, :3].T + (first - second)[:3, 3]
    return float(np.sqrt((difference**2).sum(axis=1)).max())


def _rounding(header: nib.Nifti1Header, spacing: NDArray[np.float64], shape: tuple[int, int, int]) -> float:
    """Return how far a corner moves by what float32 leaves open in the quaternion, in mm."""
    square = max(_qform_affine(header, spacing)[1], 0.0)
    low, high = max(square - _QUATERNION_ROUNDING, 0.0), square + _QUATERNION_ROUNDING
    angle = 2 * (np.sqrt(high) - np.sqrt(low))
    return float(angle * np.sqrt((((np.array(shape) - 1) * spacing) ** 2).sum()))


def _assumed_or_refused(
    name: str, spacing: NDArray[np.float64], shape: tuple[int, int, int], orientation: str | None
) -> Affine:
    if orientation is None:
        raise InputError(
            "E111",
            f"{name} does not say how it lies (neither sform nor qform is coded)",
            "a coded sform or qform",
            "Say it: --assume-orientation RAS (or what is true).",
        )
    return assumed_affine(spacing, shape, orientation)
