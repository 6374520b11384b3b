"""Leaks: a patient, a group or an image that stands on two sides of a split."""

from __future__ import annotations

from transmodal.cohorts.manifest import CaseEntry, Manifest
from transmodal.cohorts.split.split import NAMES, Split
from transmodal.errors import InputError


def check_leaks(manifest: Manifest, split: Split) -> None:
    """Refuse a split that divides a patient, a group (unless it is `within-subject`) or one and the same image.

    Images are compared by the hashes of their voxels in canonical orientation, as they are and as
    float32: a copy under another name, compression, orientation or voxel type is found.

    Raises:
        InputError: E132 when it names a case that is not there, E135 when something stands on two sides.
    """
    side_of = _sides(split)
    missing = sorted(set(side_of) - {case.id for case in manifest.cases})
    if missing:
        raise InputError(
            "E132",
            f"a split with the unknown case {missing[0]}",
            "cases of the cohort",
            "Correct or remove split.json and prepare again.",
        )
    owners: dict[str, str] = {}
    for entry in manifest.cases:
        identities = _images(entry) if split.by == "within-subject" else _identities(entry)
        for key, label in identities.items() if entry.id in side_of else ():
            first = owners.setdefault(key, entry.id)
            if side_of[first] != side_of[entry.id]:
                raise _leak(label, f"{first} in {side_of[first]}", f"{entry.id} in {side_of[entry.id]}")


def _sides(split: Split) -> dict[str, str]:
    side_of: dict[str, str] = {}
    for name in NAMES:
        for case in split.ids(name):
            if case in side_of:
                raise _leak(f"case {case}", side_of[case], name)
            side_of[case] = name
    return side_of


def _identities(entry: CaseEntry) -> dict[str, str]:
    """Return the patient, group and images of a case, each of which may stand on one side only.

    They are labels by a key that is equal where two cases have the same.
    """
    owners = [f"patient {entry.patient}", *([f"group {entry.group}"] if entry.group else [])]
    return {**{owner: owner for owner in owners}, **_images(entry)}


def _images(entry: CaseEntry) -> dict[str, str]:
    return {
        volume.content_sha256: f"the same image ({modality} of {entry.id})"
        for modality, volume in entry.volumes.items()
    }


def _leak(label: str, first: str, second: str) -> InputError:
    return InputError(
        "E135",
        f"{label} stands on two sides: {first}, {second}",
        "each patient, group and image on one side",
        "Say which cases are one patient (--same-patient A=B, or a table: --groups), or leave a copy out.",
    )
