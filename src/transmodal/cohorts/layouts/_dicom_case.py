"""A case as DICOM series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from transmodal.cohorts.case import Case, Origin, Step
from transmodal.cohorts.case_files import describe_reading
from transmodal.storage import files
from transmodal.volumes.formats.dicom import series as reader
from transmodal.volumes.reading import STRICT, Reading


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

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the case."""
        return tuple(self.series)

    def fingerprint(self) -> str:
        """Return a hash of the files' contents, of what is known beside them and of the steps."""
        parts = [self.id, self.patient, self.group, ",".join(sorted(self.simulated))]
        parts += [f"{modality}={origin.sha256}" for modality, origin in sorted(self._origins().items())]
        return files.sha256_text(ascii([*parts, *map(repr, self.steps), *describe_reading(self.reading)]))

    def load(self) -> Case:
        """Read the series and take the steps.

        Raises:
            InputError: as `volumes.formats.dicom.series.read`, and as the steps.
        """
        volumes = {
            modality: reader.read_files(paths, modality, nonfinite=self.reading.nonfinite)
            for modality, paths in self.series.items()
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
            modality: Origin("DICOM series", files.sha256_text(ascii(sorted(map(files.sha256_file, paths)))))
            for modality, paths in self.series.items()
        }
