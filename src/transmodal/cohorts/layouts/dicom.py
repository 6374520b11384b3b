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
from transmodal.cohorts.layouts._dicom_naming import Naming, case_of, key_rows, patient_of, read_table
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.patient_marks import UNKEYED, shared_key
from transmodal.cohorts.steps.coregistration import Coregister
from transmodal.cohorts.steps.regrid import Regrid
from transmodal.errors import InputError, UsageError
from transmodal.volumes.formats.dicom.imaging_words import show_modality
from transmodal.volumes.formats.dicom.privacy import mask_identity
from transmodal.volumes.reading import STRICT, Reading

Candidates = dict[str, list[DicomSeries]]
"""Series of a case by modality."""

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
        pseudonym_key: file of a key under which pseudonyms are digests, made where it is not there; `patients.key` of a
            cohort does as well. Without it they are plain digests, which whoever has a list of PatientIDs can make.
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
    pseudonym_key: str = ""
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
    naming = Naming(
        read_table(Path(options.table)) if options.table else {},
        shared_key(Path(options.pseudonym_key)) if options.pseudonym_key else UNKEYED,
    )
    ignored = _list_ignored(archive, paths, folder)
    series_of = _by_case(archive.series, options, naming, ignored)
    modalities = {modality for candidates in series_of.values() for modality in candidates}
    need = options.need or tuple(sorted(modalities)) or ("image",)
    cases, left_out = _cases(series_of, need, options, naming, reading)
    if not cases:
        if archive.damages:  # what keeps every case from being whole
            raise archive.damages[0].error from _no_case(folder, need, left_out or ignored, len(left_out))
        raise _no_case(folder, need, left_out or ignored, len(left_out))
    return FolderContents(cases, ignored, left_out, key=key_rows(series_of, naming))


def _by_case(
    archive: Sequence[DicomSeries], options: Options, naming: Naming, ignored: list[str]
) -> dict[str, Candidates]:
    """Return the series that are taken, by case and modality; the others are added to what is ignored."""
    series_of: dict[str, Candidates] = {}
    for series in _select_subjects(archive, options, naming):
        modality, reason = _modality(series, options, naming)
        if not reason and options.need and modality not in options.need:
            reason = f"{modality}, which need= does not name"
        if reason:
            ignored.append(f"{series} ({reason})")
        else:
            case = series_of.setdefault(case_of(series, options.case, naming), {})
            case.setdefault(modality, []).append(series)
    return series_of


def _select_subjects(
    series: Sequence[DicomSeries], options: Options, naming: Naming
) -> Sequence[DicomSeries]:
    """Return the series of the subjects that are asked for; all where none is.

    Raises:
        UsageError: E001 for a subject that the archive does not have.
    """
    if not options.subjects:
        return series
    names = [
        {candidate.patient, patient_of(candidate, naming), case_of(candidate, options.case, naming)}
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
        lines += release_files.summarise(
            alike, folder, f"{show_modality(kind) if kind else 'DICOM of no modality'}, no image"
        )
    for path, reason in damaged.items():
        lines += release_files.summarise([path], folder, reason)
    return [mask_identity(line, archive.identity) for line in lines]


def _modality(series: DicomSeries, options: Options, naming: Naming) -> tuple[str, str]:
    """Return the modality, and why the series is left aside if it is."""
    if series.synthetic and not options.synthetic:
        return "", "says that it is synthetic; --with synthetic=true takes it"
    if naming.table:
        modality = naming.table.get(series.uid, {}).get("modality", "")
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
    series_of: Mapping[str, Candidates],
    need: Sequence[str],
    options: Options,
    naming: Naming,
    reading: Reading,
) -> tuple[list[DicomCase], list[str]]:
    """Return the cases that are whole, and the others, each with the reason."""
    cases, left_out = [], []
    for name, candidates in sorted(series_of.items()):
        reason = _fault(candidates, need, options)
        if reason:
            left_out.append(f"{name} ({reason})")
        else:
            largest = {modality: max(candidates[modality], key=_size) for modality in sorted(candidates)}
            cases.append(_case(name, largest, options, naming, reading))
    return cases, left_out


def _fault(candidates: Candidates, need: Sequence[str], options: Options) -> str:
    """Return why a case is left out; empty where it is whole."""
    missing = [modality for modality in need if modality not in candidates]
    if missing:
        return f"no {', no '.join(missing)}"
    damage = next((item.damage for series in candidates.values() for item in series if item.damage), "")
    if damage:
        return f"{damage}: a slice may be missing"
    for modality, series in candidates.items():
        if len(series) > 1 and options.several == "refuse":
            listed = "; ".join(map(str, series))
            return f"several of {modality}: {listed}; --with several=largest takes one"
    return ""


def _no_case(folder: Path, need: Sequence[str], reasons: Sequence[str], n_left_out: int) -> InputError:
    more = f" and {n_left_out - 3} more" if n_left_out > 3 else ""
    return InputError(
        "E131",
        f"{folder.name} with no complete case: {', '.join(reasons[:3])}{more}",
        f"cases with {', '.join(need)}",
        "Say what series are (--with series=...), what is needed (need=...), or case=patient where the "
        "contrasts are of several studies.",
    )


def _case(
    name: str, by_modality: Mapping[str, DicomSeries], options: Options, naming: Naming, reading: Reading
) -> DicomCase:
    first = next(iter(by_modality.values()))
    patients = {patient_of(series, naming) for series in by_modality.values()}
    if len(patients) > 1:
        raise InputError(
            "E103",
            f"the case {name} with series of {len(patients)} patients",
            "one patient",
            "Correct the table.",
        )
    return DicomCase(
        name,
        patient_of(first, naming),
        {modality: tuple(sorted(series.paths)) for modality, series in by_modality.items()},
        group=naming.table.get(first.uid, {}).get("group", ""),
        simulated=frozenset(modality for modality, series in by_modality.items() if series.synthetic),
        steps=_steps(by_modality, options),
        reading=reading,
    )


def _steps(by_modality: Mapping[str, DicomSeries], options: Options) -> tuple[Step, ...]:
    """Return what brings a case onto one grid: a dose by its frame of reference, contrasts by registration."""
    base = _base_of_dose(by_modality, options)
    steps: list[Step] = [Regrid("dose", base)] if base else []
    if options.onto in by_modality:
        for modality in by_modality:
            if modality not in (options.onto, "dose"):
                along = ("dose",) if modality == base else ()
                steps.append(Coregister(options.onto, modality, along, options.limit_mm))
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
