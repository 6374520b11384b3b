"""T1 and FA, or T1 and a preprocessed diffusion series, whose FA is fitted.

    sub-NDARINV1.brain.nii.gz   sub-NDARINV1.FA.nii.gz                                     pairs, on one grid
    sub-1.brain.nii.gz          sub-1.dwi.nii.gz  sub-1.dwi.bval  sub-1.dwi.bvec           a series
    sub-1/anat/sub-1_desc-preproc_T1w.nii.gz
    sub-1/dwi/sub-1_space-T1w_desc-preproc_dwi.nii.gz, .bval, .bvec, .._desc-brain_mask.nii.gz     QSIPrep
    100307/T1w/T1w_acpc_dc_restore_brain.nii.gz
    100307/T1w/Diffusion/data.nii.gz, bvals, bvecs, nodif_brain_mask.nii.gz                 FSL, HCP

A pair, as the ABCD work has them, is taken as it is, and refused where it lies on two grids. FA that is fitted keeps
the grid of the series, and T1 is registered onto it; with `--with onto=t1` FA is sampled once, on T1's grid.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case import CaseMaker, Step
from transmodal.cohorts.case_files import CaseFiles
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.layouts._tensor_case import (
    ByHeader,
    DiffusionSeries,
    InUnits,
    OneGrid,
    TensorCase,
    looks_preprocessed,
)
from transmodal.cohorts.steps.coregistration import Coregister
from transmodal.errors import InputError, UsageError
from transmodal.storage import tables
from transmodal.volumes.reading import STRICT, Reading

_PLAIN = re.compile(r"(?P<case>.+)\.(?P<what>brain|T1|FA|dwi|mask)")
_BIDS = re.compile(
    r"(?P<case>sub-[A-Za-z0-9]+(?:_ses-[A-Za-z0-9]+)?)(?P<more>(?:_[a-z]+-[A-Za-z0-9]+)*)_(?P<what>T1w|FA|dwi|mask)"
)
_FSL = {
    "data": "dwi",
    "nodif_brain_mask": "mask",
    "dti_FA": "fa",
    "T1": "t1",
    "T1_brain": "t1",
    "T1w_acpc_dc_restore_brain": "t1",
}
_IMAGE_OF = {"brain": "t1", "T1": "t1", "T1w": "t1", "FA": "fa", "dwi": "dwi", "mask": "mask"}
_TEXTS = (".bval", ".bvec", ".eddy_rotated_bvecs", ".json", "bvals", "bvecs")
_PATIENT = ("src_subject_id", "subjectkey", "participant_id", "patient")
_FAMILY = ("rel_family_id", "family_id", "family")
_EXPECTED = "sub-1.brain.nii.gz with sub-1.FA.nii.gz, or with sub-1.dwi.nii.gz, .bval and .bvec"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        onto: who stays: `fa` (T1 comes onto its grid), `t1` (FA is sampled once on T1's), or `none`, which
            demands one grid. By default `fa` for a series and `none` for a pair.
        by: how: `register` seeks a rigid map by mutual information, `header` believes the positions in the
            headers, as after a preprocessing that ends in T1's space.
        limit_mm: a registration whose two directions differ by more has failed.
        preprocessed: the series were, whatever their names say.
        b_max: greatest b-value to fit the tensor to, in s/mm^2.
        patient: pattern whose first group, or whole, is the patient, searched in the case's name; where it
            is not found the case is a patient of its own.
        families: table that says which patients are one family, such as ABCD's with `src_subject_id` and
            `rel_family_id`: CSV, or TSV by its ending (.tsv, .txt).

    Raises:
        UsageError: E001 for another value.
    """

    onto: str = ""
    by: str = "register"
    limit_mm: float = 2.0
    preprocessed: bool = False
    b_max: float = 1500.0
    patient: str = r"^sub-[A-Za-z0-9]+"
    families: str = ""

    def __post_init__(self) -> None:
        release_files.check_choice("onto", self.onto, ("", "fa", "t1", "none"))
        release_files.check_choice("by", self.by, ("register", "header"))
        if not (self.limit_mm > 0 and self.b_max > 0):
            wrong = f"limit_mm={self.limit_mm:g}, b_max={self.b_max:g}"
            raise UsageError("E001", wrong, "more than 0", "Correct it.")
        try:
            re.compile(self.patient)
        except re.error as error:
            raise UsageError("E001", f"patient={self.patient}", "a regular expression", str(error)) from error


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[CaseMaker]:
    """Find T1 with FA, or with a diffusion series, and what was left aside.

    Raises:
        InputError: E100 when the folder does not exist or holds no case, or the table of families is not there;
            E101 when it cannot be read; E103 when it lacks a column, or a case has two files of one
            kind; E131 when no case is complete.
    """
    folder = Path(folder)
    candidates: dict[tuple[str, str], list[Path]] = {}
    unknown = []
    for path in release_files.files_below(folder, _EXPECTED):
        place = _case_and_image(path, folder)
        if place is not None:
            candidates.setdefault(place, []).append(path)
        elif not path.name.endswith(_TEXTS):
            unknown.append(path)
    parts, raw = _choose(candidates)
    whole, left_out = release_files.complete(
        parts, {case: _required_images(parts[case]) for case in parts}, folder, _EXPECTED
    )
    families = _families(Path(options.families)) if options.families else {}
    cases = [_case(case, parts[case], options, families, reading) for case in whole]
    ignored = release_files.summarise(unknown, folder, "neither T1, FA nor a series by its name")
    return FolderContents(
        cases, ignored + release_files.summarise(raw, folder, "beside what was preprocessed"), left_out
    )


def _case_and_image(path: Path, folder: Path) -> tuple[str, str] | None:
    """Return case and kind of a volume, by its name and place; None for what is none of ours."""
    stem = release_files.stem(path)
    if not release_files.is_volume(path):
        return None
    bids, plain = _BIDS.fullmatch(stem), _PLAIN.fullmatch(stem)
    if bids:
        # Beside T1w stand masks of it and copies in a template's space.
        elsewhere = "_space-MNI" in bids["more"] or (bids["what"] == "mask" and path.parent.name != "dwi")
        return None if elsewhere else (bids["case"], _IMAGE_OF[bids["what"]])
    if plain:
        return plain["case"], _IMAGE_OF[plain["what"]]
    above = path.relative_to(folder).parts
    return (above[0], _FSL[stem]) if len(above) > 1 and stem in _FSL else None


def _choose(candidates: Mapping[tuple[str, str], list[Path]]) -> tuple[release_files.Parts, list[Path]]:
    """Return one file of each kind: where there are several, what was preprocessed; and the others."""
    parts: release_files.Parts = {}
    raw = []
    for (case, image), paths in sorted(candidates.items()):
        better = [path for path in paths if _is_better(path)] or paths
        raw += [path for path in paths if path not in better]
        for path in better:
            release_files.add(parts, case, image, path)
    for images in parts.values():
        if "fa" in images:
            raw += [images.pop("dwi")] if "dwi" in images else []
        elif "dwi" in images:
            images.update(_find_gradients(images["dwi"]))
    return parts, sorted(raw)


def _is_better(path: Path) -> bool:
    stem = release_files.stem(path)
    return stem.endswith("brain") or looks_preprocessed(DiffusionSeries(path, path, path))


def _find_gradients(dwi: Path) -> dict[str, Path]:
    """Return b-values and vectors of a series; the vectors that FSL's eddy has turned before those of the scanner."""
    stem = release_files.stem(dwi)
    bval, bvec = ("bvals", "bvecs") if stem in _FSL else (f"{stem}.bval", f"{stem}.bvec")
    turned = dwi.parent / f"{stem}.eddy_rotated_bvecs"
    gradients = {"bval": dwi.parent / bval, "bvec": turned if turned.is_file() else dwi.parent / bvec}
    return {image: path for image, path in gradients.items() if path.is_file()}


def _required_images(images: Mapping[str, Path]) -> tuple[str, ...]:
    return ("t1", "dwi", "bval", "bvec") if "dwi" in images else ("t1", "fa")


def _case(
    case: str, images: Mapping[str, Path], options: Options, families: Mapping[str, str], reading: Reading
) -> CaseMaker:
    match = re.search(options.patient, case)
    patient_in_name = (match[1] if match.re.groups else match[0]) if match else ""
    patient = patient_in_name or case
    group = families.get(_key(patient), "")
    if families and not group:
        _log.warning("%s: the table of families does not name %s", case, patient)
    if "fa" in images:
        steps = (InUnits(), *_alignment_steps(options.onto or "none", "fa", (), options))
        mask = images.get("mask") if options.onto != "t1" else None
        volumes = {image: images[image] for image in ("t1", "fa")}
        return CaseFiles(case, patient, volumes, mask, group=group, steps=steps, reading=reading)
    series = DiffusionSeries(images["dwi"], images["bval"], images["bvec"], images.get("mask"))
    together = _alignment_steps(options.onto or "fa", "b0", ("fa",), options)
    return TensorCase(
        case, patient, images["t1"], series, options.preprocessed, options.b_max, together, group, reading
    )


def _alignment_steps(onto: str, contrast: str, along: tuple[str, ...], options: Options) -> tuple[Step, ...]:
    """Return what brings T1 and FA onto one grid.

    Args:
        onto: as in `Options`, none left open.
        contrast: what T1 is registered to: `fa`, or `b0` of the same series.
        along: what shares the contrast's grid.
        options: the others.
    """
    if onto == "none":
        return (OneGrid(),)
    if options.by == "header":
        return (ByHeader(contrast, ("t1",)) if onto == "fa" else ByHeader("t1", (contrast, *along)),)
    if onto == "fa":
        return (Coregister(contrast, "t1", (), options.limit_mm),)
    return (Coregister("t1", contrast, along, options.limit_mm),)


def _families(table: Path) -> dict[str, str]:
    """Return each patient's family.

    Raises:
        InputError: E103 when a column is not there, and as `tables.read`.
    """
    family_of: dict[str, str] = {}
    for row in tables.read(table).rows:
        patient = next((row[name] for name in _PATIENT if name in row), None)
        family = next((row[name] for name in _FAMILY if name in row), None)
        if patient is None or family is None:
            raise InputError(
                "E103",
                f"{table.name} with {', '.join(row)[:80]}",
                f"a column {_PATIENT[0]} and a column {_FAMILY[0]}, or patient and family",
                "Correct the table.",
            )
        if family:
            family_of.setdefault(_key(patient), f"family {family}")
    return family_of


def _key(patient: str) -> str:
    """Return what `sub-NDARINV01` and ABCD's `NDAR_INV01` have in common."""
    return re.sub(r"[^A-Za-z0-9]", "", patient.removeprefix("sub-")).upper()
