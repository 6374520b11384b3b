"""Helpers of the layouts of released data sets: files below a folder, images by case, incomplete cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from transmodal.errors import InputError, UsageError
from transmodal.storage import files, listing, placeholders
from transmodal.volumes import io

SIMULATED = ".simulated.json"
"""Record of a release of virtual subjects, which `measured_modalities` reads."""
_UP = 3
FEWER = "Unpack the parts that are missing, correct the names, or ask for fewer with --with need=MODALITY."
"""Remedy where no case is complete, in layouts that have the key `need`."""
Parts = dict[str, dict[str, Path]]
"""Image files by case and by what they are: a modality, `mask` or `segmentation`."""


def files_below(folder: Path, expected: str) -> list[Path]:
    """Return all files below a folder, sorted, through links, without hidden ones and READMEs.

    Raises:
        InputError: E100 when there is no such folder, and as `storage.listing.files_below`.
    """
    folder = Path(folder)
    if not folder.is_dir():
        placeholders.refuse(folder)
        raise InputError("E100", f"{folder} is no folder", expected, "Check the path.")
    return [path for path in listing.files_below(folder) if not path.name.startswith("README")]


def refuse_dangling(folder: Path) -> None:
    """Refuse a folder for the links in it that lead nowhere, where there are some.

    Raises:
        InputError: E138 naming the first of them.
    """
    dangling = [path for path in listing.files_below(folder) if placeholders.is_dangling(path)]
    if not dangling:
        return
    try:
        placeholders.refuse(dangling[0])
    except InputError as error:
        more = f", as {len(dangling) - 1} more below {folder.name} are" if len(dangling) > 1 else ""
        raise InputError(error.code, f"{error.got}{more}", error.expected, error.remedy) from error


def measured_modalities(folder: Path) -> frozenset[str] | None:
    """Return the modalities that were measured, where a folder or one above it says that all others are simulated.

    Args:
        folder: of a release, or up to three folders below it.

    Returns:
        None where nothing says so: then everything was measured, as far as the folder tells.

    Raises:
        InputError: E101 for a file of that name that does not say it.
    """
    place = Path(folder).resolve()
    for above in (place, *place.parents[:_UP]):
        if (above / SIMULATED).is_file():
            record = files.read_json(above / SIMULATED)
            names = record.get("measured")
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise InputError(
                    "E101",
                    f"{SIMULATED} does not say which modalities were measured",
                    '{"measured": ["t1"]}',
                    "Write the release anew.",
                )
            return frozenset(names)
    return None


def add(parts: Parts, case: str, kind: str, path: Path) -> None:
    """Note a file of a case.

    Raises:
        InputError: E103 when the case has such a file already.
    """
    images = parts.setdefault(case, {})
    if kind in images:
        raise InputError(
            "E103",
            f"{case} has two files of {kind}: {images[kind].name} and {path.name}",
            "one file of each kind",
            "Remove or move one of them; of a release unpacked twice keep one copy.",
        )
    images[kind] = path


def complete(
    parts: Parts,
    need: Mapping[str, Sequence[str]],
    folder: Path,
    expected: str,
    remedy: str = "Unpack the parts that are missing, or correct the names.",
) -> tuple[list[str], list[str]]:
    """Return the cases that have what they need, and the others, each with what it lacks.

    Args:
        parts: what was found.
        need: what each case has to have.
        folder: where it was found, for the message.
        expected: what the layout looks like, for the message.
        remedy: what to do where no case is complete, such as `FEWER`.

    Raises:
        InputError: E100 when there is no case at all, E131 when none is complete.
    """
    if not parts:
        raise InputError(
            "E100",
            f"{folder} holds no case of this layout",
            expected,
            "Check the path and the layout, and that the archives are unpacked.",
        )
    lacks = {
        case: [kind for kind in need[case] if kind not in images] for case, images in sorted(parts.items())
    }
    whole = [case for case, missing in lacks.items() if not missing]
    incomplete = [f"{case} (no {', no '.join(missing)})" for case, missing in lacks.items() if missing]
    if not whole:
        more = f" and {len(incomplete) - 3} more" if len(incomplete) > 3 else ""
        raise InputError(
            "E131",
            f"{folder.name} with no complete case: {', '.join(incomplete[:3])}{more}",
            expected,
            remedy,
        )
    return whole, incomplete


def summarise(paths: Sequence[Path], folder: Path, reason: str) -> list[str]:
    """Return one line per folder and kind of ignored file: a release can hold thousands of them."""
    kinds: dict[tuple[str, str, str], list[Path]] = {}
    for path in paths:
        why = "a link that leads nowhere" if placeholders.is_dangling(path) else reason
        kinds.setdefault((path.parent.relative_to(folder).as_posix(), _ending(path), why), []).append(path)
    lines = []
    for (place, ending, why), alike in sorted(kinds.items()):
        first = alike[0].relative_to(folder).as_posix()
        lines.append(
            f"{first} ({why})"
            if len(alike) == 1
            else f"{len(alike)} files such as {first} in {place}, *{ending} ({why})"
        )
    return lines


def check_choice(setting: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a setting's value that is not among the known ones.

    Raises:
        UsageError: E001.
    """
    if value not in choices:
        raise UsageError("E001", f"{setting}={value}", ", ".join(choices), "Choose one of them.")


def is_volume(path: Path) -> bool:
    """Return whether, by its name, a file holds a volume: pictures of overviews do not count."""
    return path.name.lower().endswith(io.SUFFIXES)


def stem(path: Path) -> str:
    """Return a file's name without the ending of its format."""
    for suffix in io.SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return path.stem


def _ending(path: Path) -> str:
    return path.name[len(stem(path)) :]
