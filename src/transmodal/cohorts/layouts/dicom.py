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
from transmodal.cohorts.case import MODALITY, Case, Origin, Step
from transmodal.cohorts.case_files import describe_reading
from transmodal.cohorts.headers.dicom_series import Archive, DicomSeries, read_archive
from transmodal.cohorts.layouts._dicom_naming import Table, case_of, key_rows, patient_of, read_table
from transmodal.cohorts.layouts._layout import FolderContents
from transmodal.cohorts.steps.coregistration import Onto
from transmodal.cohorts.steps.regrid import Laid
from transmodal.errors import InputError, UsageError
from transmodal.storage import files
from transmodal.volumes.formats.dicom import series as reader
from transmodal.volumes.formats.dicom.privacy import masked
from transmodal.volumes.reading import STRICT, Reading

_EXPECTED = "a folder with DICOM files in it, at any depth"


@dataclass(frozen=True)
class Options:
    """What can be told with `--with`.

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
        for one in self.series:
            modality, colon, pattern = one.partition(":")
            if not (colon and pattern and MODALITY.fullmatch(modality)):
                raise UsageError(
                    "E001", f"series={one}", "MODALITY:PATTERN such as t1:*mprage*", "Correct it."
                )
        release_files.check_choice("case", self.case, ("study", "patient"))
        release_files.check_choice("several", self.several, ("refuse", "largest"))
        if not self.limit_mm > 0:
            raise UsageError("E001", f"limit_mm={self.limit_mm}", "more than 0", "Correct it.")


@dataclass(frozen=True, slots=True)
class DicomCase:
    """A case as DICOM series; read strictly when it is loaded.

    Attributes:
        id: digest of the study, or as the table says.
        patient: digest of the PatientID, or as the table says.
        series: files by modality.
        group: as in `Case`.
        simulated: as in `Case`.
        steps: what is done after reading, in this order.
        reading: how the files are read where they leave something open.
    """

    id: str
    patient: str
    series: Mapping[str, tuple[Path, ...]]
    group: str = ""
    simulated: frozenset[str] = frozenset()
    steps: tuple[Step, ...] = ()
    reading: Reading = STRICT

    def fingerprint(self) -> str:
        """Return a hash of the files' contents, of what is known beside them and of the steps."""
        parts = [self.id, self.patient, self.group, ",".join(sorted(self.simulated))]
        parts += [f"{what}={origin.sha256}" for what, origin in sorted(self._origins().items())]
        return files.sha256_text(ascii([*parts, *map(repr, self.steps), *describe_reading(self.reading)]))

    def load(self) -> Case:
        """Read the series and take the steps.

        Raises:
            InputError: as `volumes.formats.dicom.series.read`, and as the steps.
        """
        volumes = {
            what: reader.read_files(paths, what, nonfinite=self.reading.nonfinite)
            for what, paths in self.series.items()
        }
        case = Case(
            self.id,
            self.patient,
            volumes,
            simulated=self.simulated,
            group=self.group,
            origins=self._origins(),
        )
        for step in self.steps:
            case = step(case)
        return case

    def _origins(self) -> dict[str, Origin]:
        # Names of DICOM files can hold a patient's: the series stands for them.
        return {
            what: Origin("DICOM series", files.sha256_text(ascii(sorted(map(files.sha256_file, paths)))))
            for what, paths in self.series.items()
        }


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
    ignored = _no_images(archive, paths, folder)
    taken: dict[str, dict[str, list[DicomSeries]]] = {}
    for one in _chosen(archive.series, options, table):
        what, reason = _modality(one, options, table)
        if not reason and options.need and what not in options.need:
            reason = f"{what}, which need= does not name"
        if reason:
            ignored.append(f"{one} ({reason})")
        else:
            taken.setdefault(case_of(one, options.case, table), {}).setdefault(what, []).append(one)
    try:
        found = _found(taken, options, table, ignored, folder, reading)
    except InputError as error:
        if error.code == "E131" and archive.damages:  # what keeps every case from being whole
            raise archive.damages[0].error from error
        raise
    return found._replace(key=key_rows(taken, table))


def _chosen(series: Sequence[DicomSeries], options: Options, table: Table) -> Sequence[DicomSeries]:
    """Return the series of the subjects that are asked for; all where none is.

    Raises:
        UsageError: E001 for a subject that the archive does not have.
    """
    if not options.subjects:
        return series
    names = [{one.patient, patient_of(one, table), case_of(one, options.case, table)} for one in series]
    for subject in options.subjects:
        if not any(subject in mine for mine in names):
            raise UsageError(
                "E001",
                f"subjects={subject}",
                "a PatientID of the archive, or the pseudonym of a patient or a case",
                "A dry run without subjects lists the pseudonyms; with --key FILE it says whose they are.",
            )
    return [one for one, mine in zip(series, names, strict=True) if mine & set(options.subjects)]


def _no_images(archive: Archive, paths: Sequence[Path], folder: Path) -> list[str]:
    """Return a line for each kind of file that is no image, and for each that is damaged, without patients' names."""
    damaged = {one.path: one.error.got for one in archive.damages}
    images = {path for one in archive.series for path in one.paths}
    known = {path for alike in archive.bystanders.values() for path in alike}
    lines = release_files.summarise(sorted(set(paths) - images - damaged.keys() - known), folder, "no image")
    for kind, alike in sorted(archive.bystanders.items()):
        lines += release_files.summarise(alike, folder, f"{kind or 'DICOM of no modality'}, no image")
    for path, reason in damaged.items():
        lines += release_files.summarise([path], folder, reason)
    return [masked(line, archive.identity) for line in lines]


def _modality(one: DicomSeries, options: Options, table: Table) -> tuple[str, str]:
    """Return the modality, and why the series is left aside if it is."""
    if one.synthetic and not options.synthetic:
        return "", "says that it is synthetic; --with synthetic=true takes it"
    if table:
        what = table.get(one.uid, {}).get("modality", "")
        return what, "" if what else "not in the table"
    for told in options.series:
        what, _, pattern = told.partition(":")
        if fnmatchcase(one.text.lower(), pattern.lower()):
            return what, ""
    if one.reason:
        return "", one.reason
    what, doubt = one.label()
    if what:
        return what, ""
    return "", f"its modality is not clear: {doubt}; name it with --with series=MODALITY:PATTERN"


def _found(
    taken: Mapping[str, Mapping[str, list[DicomSeries]]],
    options: Options,
    table: Table,
    ignored: list[str],
    folder: Path,
    reading: Reading,
) -> FolderContents[DicomCase]:
    every = sorted({what for mine in taken.values() for what in mine})
    need = options.need or tuple(every) or ("image",)
    cases, left_out = [], []
    for name, mine in sorted(taken.items()):
        doubled = [what for what, some in mine.items() if len(some) > 1 and options.several == "refuse"]
        missing = [what for what in need if what not in mine]
        damaged = next((one.damage for some in mine.values() for one in some if one.damage), "")
        if missing:
            left_out.append(f"{name} (no {', no '.join(missing)})")
        elif damaged:
            left_out.append(f"{name} ({damaged}: a slice may be missing)")
        elif doubled:
            listed = "; ".join(str(one) for one in mine[doubled[0]])
            left_out.append(f"{name} (several of {doubled[0]}: {listed}; --with several=largest takes one)")
        else:
            cases.append(
                _case(
                    name, {what: max(mine[what], key=_size) for what in sorted(mine)}, options, table, reading
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
    name: str, mine: Mapping[str, DicomSeries], options: Options, table: Table, reading: Reading
) -> DicomCase:
    first = next(iter(mine.values()))
    patients = {patient_of(one, table) for one in mine.values()}
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
        {what: tuple(sorted(one.paths)) for what, one in mine.items()},
        group=table.get(first.uid, {}).get("group", ""),
        simulated=frozenset(what for what, one in mine.items() if one.synthetic),
        steps=_steps(mine, options),
        reading=reading,
    )


def _steps(mine: Mapping[str, DicomSeries], options: Options) -> tuple[Step, ...]:
    """Return what brings a case onto one grid: a dose by its frame of reference, contrasts by registration."""
    base = _base_of_dose(mine, options)
    steps: list[Step] = [Laid("dose", base)] if base else []
    if options.onto in mine:
        for what in mine:
            if what not in (options.onto, "dose"):
                along = ("dose",) if what == base else ()
                steps.append(Onto(options.onto, what, along, options.limit_mm))
    return tuple(steps)


def _base_of_dose(mine: Mapping[str, DicomSeries], options: Options) -> str:
    """Return whose grid a dose is laid onto: of its frame of reference, the fixed contrast or the CT before others."""
    if "dose" not in mine or not mine["dose"].frame:
        return ""
    alike = [what for what, one in mine.items() if what != "dose" and one.frame == mine["dose"].frame]
    return next((what for what in (options.onto, "ct", *alike) if what in alike), "")


def _size(one: DicomSeries) -> tuple[int, str]:
    return len(one.paths), one.uid
