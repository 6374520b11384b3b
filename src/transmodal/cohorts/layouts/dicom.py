"""DICOM of several patients, in any tree of files: sorted by what their headers say.

    archive/anything/at/all/IM0001        files of many series, studies and patients, in any folders

Series are told by SeriesInstanceUID, cases by study (or patient), modalities by the header: CT is `ct`, MR goes by its
description. Localizers, images that say they are synthetic, and series whose modality is not clear are left aside, each
named. Cases and patients are called by digests: no PatientID gets into a cohort. Contrasts of a study mostly lie on
several grids; nothing is resampled unless `--with onto=MODALITY` says onto which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from transmodal.cohorts import release_files
from transmodal.cohorts.case import MODALITY, Step
from transmodal.cohorts.headers.dicom_series import Archive, DicomSeries, read_archive
from transmodal.cohorts.layouts._dicom_case import DicomCase
from transmodal.cohorts.layouts._dicom_naming import Table, case_of, key_rows, patient_of, read_table
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.steps.coregistration import Onto
from transmodal.cohorts.steps.regrid import Laid
from transmodal.errors import InputError, UsageError
from transmodal.volumes.formats.dicom.privacy import masked
from transmodal.volumes.reading import STRICT, Reading

_EXPECTED = "a folder with DICOM files in it, at any depth"


@dataclass(frozen=True)
class Options:
    """Settings of the layout, given with `--with`.

    Attributes:
        series: what series are, as MODALITY:PATTERN; the pattern, with `*` and `?`, is held against the whole
            description, in any case. They go before what the header says.
        table: a CSV file with the columns `series` (SeriesInstanceUID) and `modality`, perhaps `case`, `patient`
            and `group`; only its series are taken then.
        case: what makes a case: the `study`, or the `patient`, where CT and MR are of different studies.
        need: modalities that a case needs to be taken; all that were found if nothing is said.
        onto: onto whose grid the other contrasts are registered rigidly; empty for none.
        limit_mm: a registration whose two directions differ by more has failed.
        several: of several series of one modality: `refuse` the case, or take the `largest`.
        synthetic: take images that say they are synthetic; they are marked as simulated.
        subjects: whose images are taken, by PatientID, or by the pseudonym of a patient or a case; all if nothing is said.

    Raises:
        UsageError: E001 for another value.
    """

    series: tuple[str, ...] = ()
    table: str = ""
    case: str = "study"
    need: tuple[str, ...] = ()
    onto: str = ""
    limit_mm: float = 2.0
    several: str = "refuse"
    synthetic: bool = False
    subjects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for setting in self.series:
            modality, colon, pattern = setting.partition(":")
            if not (colon and pattern and MODALITY.fullmatch(modality)):
                raise UsageError(
                    "E001", f"series={setting}", "MODALITY:PATTERN such as t1:*mprage*", "Correct it."
                )
        release_files.check_choice("case", self.case, ("study", "patient"))
        release_files.check_choice("several", self.several, ("refuse", "largest"))
        if not self.limit_mm > 0:
            raise UsageError("E001", f"limit_mm={self.limit_mm}", "more than 0", "Correct it.")


def find(folder: Path, options: Options = Options(), reading: Reading = STRICT) -> FolderContents[DicomCase]:
    """Find the cases of a tree of DICOM files, and what was left aside.

    Raises:
        InputError: E100 when the folder does not exist or holds no DICOM image, E101 and E102 for damaged files,
            E103 for series that do not say whose they are, E131 when no case is complete.
    """
    folder = Path(folder)
    paths = release_files.files_below(folder, _EXPECTED)
    archive = read_archive(paths)
    if not archive.series:
        if archive.damages:
            raise archive.damages[0].error
        raise InputError("E100", f"{folder} holds no DICOM image", _EXPECTED, "Check the path.")
    table = read_table(Path(options.table)) if options.table else {}
    ignored = _list_ignored(archive, paths, folder)
    series_of: dict[str, dict[str, list[DicomSeries]]] = {}
    for series in _select_subjects(archive.series, options, table):
        modality, reason = _modality(series, options, table)
        if not reason and options.need and modality not in options.need:
            reason = f"{modality}, which need= does not name"
        if reason:
            ignored.append(f"{series} ({reason})")
        else:
            series_of.setdefault(case_of(series, options.case, table), {}).setdefault(modality, []).append(
                series
            )
    try:
        contents = _cases(series_of, options, table, ignored, folder, reading)
    except InputError as error:
        if error.code == "E131" and archive.damages:  # what keeps every case from being whole
            raise archive.damages[0].error from error
        raise
    return contents._replace(key=key_rows(series_of, table))


def _select_subjects(series: Sequence[DicomSeries], options: Options, table: Table) -> Sequence[DicomSeries]:
    """Return the series of the subjects that are asked for; all where none is.

    Raises:
        UsageError: E001 for a subject that the archive does not have.
    """
    if not options.subjects:
        return series
    names = [
        {candidate.patient, patient_of(candidate, table), case_of(candidate, options.case, table)}
        for candidate in series
    ]
    for subject in options.subjects:
        if not any(subject in aliases for aliases in names):
            raise UsageError(
                "E001",
                f"subjects={subject}",
                "a PatientID of the archive, or the pseudonym of a patient or a case",
                "A dry run without subjects lists the pseudonyms; with --key FILE it says whose they are.",
            )
    return [
        candidate for candidate, aliases in zip(series, names, strict=True) if aliases & set(options.subjects)
    ]


def _list_ignored(archive: Archive, paths: Sequence[Path], folder: Path) -> list[str]:
    """Return a line for each kind of file that is no image, and for each that is damaged, without patients' names."""
    damaged = {damage.path: damage.error.got for damage in archive.damages}
    images = {path for series in archive.series for path in series.paths}
    bystanders = {path for alike in archive.bystanders.values() for path in alike}
    lines = release_files.summarise(
        sorted(set(paths) - images - damaged.keys() - bystanders), folder, "no image"
    )
    for kind, alike in sorted(archive.bystanders.items()):
        lines += release_files.summarise(alike, folder, f"{kind or 'DICOM of no modality'}, no image")
    for path, reason in damaged.items():
        lines += release_files.summarise([path], folder, reason)
    return [masked(line, archive.identity) for line in lines]


def _modality(series: DicomSeries, options: Options, table: Table) -> tuple[str, str]:
    """Return the modality, and why the series is left aside if it is."""
    if series.synthetic and not options.synthetic:
        return "", "says that it is synthetic; --with synthetic=true takes it"
    if table:
        modality = table.get(series.uid, {}).get("modality", "")
        return modality, "" if modality else "not in the table"
    for setting in options.series:
        modality, _, pattern = setting.partition(":")
        if fnmatchcase(series.text.lower(), pattern.lower()):
            return modality, ""
    if series.reason:
        return "", series.reason
    modality, doubt = series.label()
    if modality:
        return modality, ""
    return "", f"its modality is not clear: {doubt}; name it with --with series=MODALITY:PATTERN"


def _cases(
    series_of: Mapping[str, Mapping[str, list[DicomSeries]]],
    options: Options,
    table: Table,
    ignored: list[str],
    folder: Path,
    reading: Reading,
) -> FolderContents[DicomCase]:
    modalities = sorted({modality for by_modality in series_of.values() for modality in by_modality})
    need = options.need or tuple(modalities) or ("image",)
    cases, left_out = [], []
    for name, by_modality in sorted(series_of.items()):
        doubled = [
            modality
            for modality, candidates in by_modality.items()
            if len(candidates) > 1 and options.several == "refuse"
        ]
        missing = [modality for modality in need if modality not in by_modality]
        damaged = next(
            (series.damage for candidates in by_modality.values() for series in candidates if series.damage),
            "",
        )
        if missing:
            left_out.append(f"{name} (no {', no '.join(missing)})")
        elif damaged:
            left_out.append(f"{name} ({damaged}: a slice may be missing)")
        elif doubled:
            listed = "; ".join(str(series) for series in by_modality[doubled[0]])
            left_out.append(f"{name} (several of {doubled[0]}: {listed}; --with several=largest takes one)")
        else:
            cases.append(
                _case(
                    name,
                    {modality: max(by_modality[modality], key=_size) for modality in sorted(by_modality)},
                    options,
                    table,
                    reading,
                )
            )
    if not cases:
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        raise InputError(
            "E131",
            f"{folder.name} with no complete case: {', '.join((left_out or ignored)[:3])}{more}",
            f"cases with {', '.join(need)}",
            "Say what series are (--with series=...), what is needed (need=...), or case=patient where the "
            "contrasts are of several studies.",
        )
    return FolderContents(cases, ignored, left_out)


def _case(
    name: str, by_modality: Mapping[str, DicomSeries], options: Options, table: Table, reading: Reading
) -> DicomCase:
    first = next(iter(by_modality.values()))
    patients = {patient_of(series, table) for series in by_modality.values()}
    if len(patients) > 1:
        raise InputError(
            "E103",
            f"the case {name} with series of {len(patients)} patients",
            "one patient",
            "Correct the table.",
        )
    return DicomCase(
        name,
        patient_of(first, table),
        {modality: tuple(sorted(series.paths)) for modality, series in by_modality.items()},
        group=table.get(first.uid, {}).get("group", ""),
        simulated=frozenset(modality for modality, series in by_modality.items() if series.synthetic),
        steps=_steps(by_modality, options),
        reading=reading,
    )


def _steps(by_modality: Mapping[str, DicomSeries], options: Options) -> tuple[Step, ...]:
    """Return what brings a case onto one grid: a dose by its frame of reference, contrasts by registration."""
    base = _base_of_dose(by_modality, options)
    steps: list[Step] = [Laid("dose", base)] if base else []
    if options.onto in by_modality:
        for modality in by_modality:
            if modality not in (options.onto, "dose"):
                along = ("dose",) if modality == base else ()
                steps.append(Onto(options.onto, modality, along, options.limit_mm))
    return tuple(steps)


def _base_of_dose(by_modality: Mapping[str, DicomSeries], options: Options) -> str:
    """Return whose grid a dose is laid onto: of its frame of reference, the fixed contrast or the CT before others."""
    if "dose" not in by_modality or not by_modality["dose"].frame:
        return ""
    alike = [
        modality
        for modality, series in by_modality.items()
        if modality != "dose" and series.frame == by_modality["dose"].frame
    ]
    return next((modality for modality in (options.onto, "ct", *alike) if modality in alike), "")


def _size(series: DicomSeries) -> tuple[int, str]:
    return len(series.paths), series.uid
