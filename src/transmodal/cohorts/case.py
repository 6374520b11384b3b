"""Case: one subject's visit as aligned volumes, from files or made on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from transmodal.volumes import Volume, files, io


@dataclass(frozen=True, slots=True)
class Case:
    """One case's volumes, all on one grid.

    Attributes:
        id: name of the case within its cohort.
        patient: whose it is; the visits of one patient stay on one side of a split.
        volumes: the volumes by modality.
        mask: the evaluation mask that the data set gives; None where it gives none.
        segmentation: integer labels; None where there are none.
        simulated: modalities that no scanner measured.
        group: family or site; empty where the patient is the group.
    """

    id: str
    patient: str
    volumes: Mapping[str, Volume]
    mask: Volume | None = None
    segmentation: Volume | None = None
    simulated: frozenset[str] = frozenset()
    group: str = ""


class CaseMaker(Protocol):
    """Something that yields a case when it is asked; travels between processes."""

    @property
    def id(self) -> str:
        """Name of the case."""
        ...

    @property
    def patient(self) -> str:
        """Whose case it is."""
        ...

    def fingerprint(self) -> str:
        """Return a hash of everything that the case is made from."""
        ...

    def load(self) -> Case:
        """Read or make the case."""
        ...


@dataclass(frozen=True, slots=True)
class CaseFiles:
    """A case as image files; read strictly when it is loaded."""

    id: str
    patient: str
    volumes: Mapping[str, Path]
    mask: Path | None = None
    segmentation: Path | None = None
    simulated: frozenset[str] = field(default_factory=frozenset)
    group: str = ""

    def fingerprint(self) -> str:
        """Return a hash of the files' contents and of what is known beside them."""
        parts = [self.id, self.patient, self.group, ",".join(sorted(self.simulated))]
        named = dict(self.volumes)
        extra = {"mask": self.mask, "segmentation": self.segmentation}
        named.update({name: path for name, path in extra.items() if path is not None})
        parts += [f"{name}={files.sha256_file(path)}" for name, path in sorted(named.items())]
        return files.sha256_text("\n".join(parts))

    def load(self) -> Case:
        """Read the files.

        Raises:
            InputError: as `volumes.io.read`.
        """
        return Case(
            self.id,
            self.patient,
            {modality: io.read(path) for modality, path in self.volumes.items()},
            None if self.mask is None else io.read_grey(self.mask),
            None if self.segmentation is None else io.read_grey(self.segmentation),
            self.simulated,
            self.group,
        )
