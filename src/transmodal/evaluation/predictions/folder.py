"""A folder of predicted volumes: which file is of which case, by names or by a table."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from transmodal.cohorts import release_files
from transmodal.counts import counted
from transmodal.errors import InputError, UsageError, suggest
from transmodal.evaluation.predictions.naming import name_cases
from transmodal.storage import listing, tables
from transmodal.volumes import io
from transmodal.volumes.formats.dicom import headers as dicom_files

COLUMNS = ("case", "file")
_EXPECTED = "a folder of NIfTI or MetaImage volumes, or of folders of DICOM series"
_PICTURES = "the page docs/migrate/pix2pix.md, under Score its pictures"
_VALUE = re.compile(r"(?<=sub)-[A-Za-z0-9+]+|(?<=ses)-[A-Za-z0-9+]+")
"""What names the participant and the session in a path of BIDS."""
_TABLE = "say which file is of which case in a table with the columns case,file: --match TABLE.csv"


@dataclass(frozen=True, slots=True)
class PredictionFolder:
    """A folder of volumes that another program made.

    Attributes:
        place: the folder.
        name: in tables.
        pattern: which files below it count, such as `*/sCT.mha`; empty for every volume.
        table: CSV with the columns case and file, paths from `place` or from the table; None goes by names.
    """

    place: Path
    name: str
    pattern: str = ""
    table: Path | None = None


class MatchedFiles(NamedTuple):
    """The files of cases.

    Attributes:
        files: a file, or the folder of a DICOM series, by case.
        missing: cases without a file, in order.
        unscored: files of other cases of the cohort.
        unknown: files of no case.
    """

    files: Mapping[str, Path]
    missing: tuple[str, ...]
    unscored: int
    unknown: tuple[str, ...]


def parse(words: str) -> PredictionFolder:
    """Read `FOLDER`, `FOLDER=name` or a pattern such as `FOLDER/*/sCT.mha=name`.

    Raises:
        UsageError: E001 for an empty name or folder.
    """
    place, equals, name = words.rpartition("=")
    if not equals or Path(words).exists():
        place, name = words, ""
    if not place or (equals and not name and not Path(words).exists()):
        raise UsageError(
            "E001", f"--predictions {words}", "FOLDER or FOLDER=name", "Write it as: --predictions pred=unet"
        )
    parts = Path(place).parts
    first = next((n for n, part in enumerate(parts) if "*" in part or "?" in part), len(parts))
    folder, pattern = Path(*parts[:first]), "/".join(parts[first:])
    return PredictionFolder(folder, name or folder.resolve().name, pattern)


def match(folder: PredictionFolder, cases: Sequence[str], roster: Collection[str]) -> MatchedFiles:
    """Find the file of every case.

    Args:
        folder: of predictions.
        cases: that are scored.
        roster: all cases of the cohort.

    Raises:
        InputError: E100 without the folder or a file of the table, E103 for a file that can be of two cases, for a
            case with two files, and for a table without its columns, E132 for a case of the table that is not there.
    """
    by_case = _by_table(folder, roster) if folder.table is not None else None
    if by_case is None:
        owned, unknown = _by_names(folder, roster)
        by_case = {case: _only(folder, case, paths) for case, paths in owned.items()}
    else:
        unknown = []
    files = {case: by_case[case] for case in cases if case in by_case}
    return MatchedFiles(
        files,
        tuple(case for case in cases if case not in files),
        len(by_case) - len(files),
        tuple(path.relative_to(folder.place).as_posix() for path in unknown),
    )


def refuse_missing(
    folder: PredictionFolder, matched: MatchedFiles, cohort: str, *, allows_missing: bool
) -> None:
    """Refuse a folder without a file of every case; with `allows_missing`, one without any.

    Raises:
        InputError: E132.
    """
    n = len(matched.files) + len(matched.missing)
    if not matched.missing or (allows_missing and matched.files):
        return
    more = f" and {len(matched.missing) - 1} more" if len(matched.missing) > 1 else ""
    strange = (
        f"; {counted(len(matched.unknown), 'file is', 'files are')} of no case by name, such as {matched.unknown[0]}"
        if matched.unknown
        else ""
    )
    remainder = (
        ", or score the rest alone, which the report then states: --allow-missing" if matched.files else ""
    )
    raise InputError(
        "E132",
        f"{folder.name} without a volume of case {matched.missing[0]}{more}, of {n}{strange}",
        f"one volume for every scored case of {cohort}",
        f"Add what is missing, or {_TABLE}{remainder}.",
    )


def _by_names(folder: PredictionFolder, roster: Collection[str]) -> tuple[dict[str, list[Path]], list[Path]]:
    owned: dict[str, list[Path]] = {}
    unknown = []
    for path in list_volumes(folder.place, folder.pattern):
        name = path.name if path.is_dir() else release_files.stem(path)
        stem = PurePosixPath(path.relative_to(folder.place).with_name(name).as_posix())
        names = name_cases(stem, roster)
        if len(names) > 1:
            raise InputError(
                "E103",
                f"{path.name} of {folder.name}, which can be of {names[0]} and of {names[1]} by its name",
                "names that speak of one case",
                f"Rename it, or {_TABLE}.",
            )
        if names:
            owned.setdefault(names[0], []).append(path)
        else:
            unknown.append(path)
    return owned, unknown


def _only(folder: PredictionFolder, case: str, paths: Sequence[Path]) -> Path:
    if len(paths) > 1:
        names = [path.relative_to(folder.place).as_posix() for path in paths]
        advice = f"{_advise_pattern(folder.place, case, names)}{_TABLE}."
        raise InputError(
            "E103",
            f"{len(paths)} files of case {case} in {folder.name}: {' and '.join(names[:2])}",
            "one prediction per case",
            advice[0].upper() + advice[1:],
        )
    return paths[0]


def _advise_pattern(place: Path, case: str, names: Sequence[str]) -> str:
    """Return the pattern of a case's first file as advice, where it keeps the others out; else nothing."""
    pattern = names[0].replace(case, "*") if case in names[0] else _VALUE.sub("-*", names[0])
    fitting = re.compile(_regular(pattern))
    if pattern == names[0] or sum(fitting.fullmatch(name) is not None for name in names) > 1:
        return ""
    return f"Name those that count by a pattern, such as --predictions '{(place / pattern).as_posix()}', or "


def list_volumes(place: Path, pattern: str = "") -> list[Path]:
    """Return the volumes below a folder, and the folders of DICOM series; sorted.

    Args:
        place: the folder.
        pattern: of paths below it; empty for every one.

    Raises:
        InputError: E100 when there is no such folder, or no volume in it, such as pictures alone.
    """
    paths = release_files.files_below(place, _EXPECTED)
    volumes = [path for path in paths if release_files.is_volume(path)]
    strange = [path for path in paths if not release_files.is_volume(path) and not io.is_image(path)]
    with_volumes = {path.parent for path in volumes}
    series = {
        path.parent for path in strange if path.parent not in with_volumes and dicom_files.claims_dicom(path)
    }
    listed = sorted([*volumes, *series])
    if pattern:
        fits = re.compile(_regular(pattern))
        listed = [path for path in listed if fits.fullmatch(path.relative_to(place).as_posix())]
    pictures = sum(io.is_image(path) for path in paths) if not volumes else 0
    if not listed and pictures:
        raise InputError(
            "E100",
            f"{place} without a volume, but with {pictures} picture{'s' if pictures > 1 else ''}",
            f"{_EXPECTED}: a picture does not say of which case and slice it is, nor where that lies",
            f"Stack them, a volume for each case of the cohort, by the program on {_PICTURES}.",
        )
    if not listed or listed == [place]:
        suffix = f" that fits {pattern}" if pattern else ""
        raise InputError("E100", f"{place} without a volume{suffix}", _EXPECTED, "Check the path.")
    return listed


def _regular(pattern: str) -> str:
    """Return a pattern of a path as a regular expression: `*` and `?` stay within a folder, `**` does not."""
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return "".join(words.get(part, re.escape(part)) for part in parts)


def _by_table(folder: PredictionFolder, roster: Collection[str]) -> dict[str, Path]:
    table = folder.table or Path()
    columns, rows = tables.read(table)
    if not set(COLUMNS) <= set(columns):
        raise InputError(
            "E103",
            f"{table.name} with the columns {', '.join(columns) or 'none'}",
            "the columns case and file",
            "Name them in the first line.",
        )
    by_case: dict[str, Path] = {}
    for row in rows:
        case, name = row["case"], row["file"]
        if case not in roster:
            advice = suggest(case, roster, "Write the cases as cohort.json does.", cutoff=0.4)
            raise InputError("E132", f"{table.name} with the case {case}", "cases of the cohort", advice)
        place = next((at / name for at in (folder.place, table.parent) if listing.exists(at / name)), None)
        if place is None or not name:
            raise InputError(
                "E100",
                f"{table.name} without a file of {case}: no {Path(name).name or 'name'}",
                "paths from the folder of predictions, or from the table",
                "Correct it.",
            )
        if case in by_case or place in by_case.values():
            raise InputError(
                "E103",
                f"{table.name} with case {case} or its file twice",
                "each case and each file once",
                "Correct the table.",
            )
        by_case[case] = place
    return by_case
