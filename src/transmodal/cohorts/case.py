"""Case: one subject's visit as aligned volumes, and the protocols of makers of cases and of steps on them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

from transmodal.volumes import Volume

EXTRA = ("mask", "segmentation")
"""Images of a case that are no modality."""

MODALITY = re.compile(r"(?!mask$|segmentation$|region_)[a-z][a-z0-9_]*")
"""Possible names of a modality; arrays of a case are files of that name."""


class Origin(NamedTuple):
    """The file that something was read from: its base name, never its folder, and its content's hash."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case's volumes, all on one grid.

    Attributes:
        id: name of the case within its cohort.
        patient: name of the patient; the visits of one patient stay on one side of a split.
        volumes: the volumes by modality.
        mask: the evaluation mask that the data set gives; None where it gives none.
        segmentation: integer labels; None where there are none.
        simulated: modalities that no scanner measured.
        group: family or site; empty where the patient is the group.
        origins: files behind the modalities, `mask` and `segmentation`; empty for what was made.
        notes: figures of how the case came about, such as how well two registrations agree in mm.
    """

    id: str
    patient: str
    volumes: Mapping[str, Volume]
    mask: Volume | None = None
    segmentation: Volume | None = None
    simulated: frozenset[str] = frozenset()
    group: str = ""
    origins: Mapping[str, Origin] = field(default_factory=dict)
    notes: Mapping[str, float] = field(default_factory=dict)


class CaseMaker(Protocol):
    """Something that yields a case when it is asked; travels between processes."""

    @property
    def id(self) -> str:
        """Name of the case."""
        ...

    @property
    def patient(self) -> str:
        """Name of the patient."""
        ...

    def fingerprint(self) -> str:
        """Return a hash of everything that the case is made from."""
        ...

    def load(self) -> Case:
        """Read or make the case."""
        ...


@runtime_checkable
class NamesModalities(Protocol):
    """A case maker that names its contents before it reads them, as its files' names and headers tell."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the case that it makes."""
        ...


class Step(Protocol):
    """Something that is done to a case after it was read; a frozen dataclass, whose `repr` tells all of it."""

    @property
    def moved(self) -> frozenset[str]:
        """Modalities that lie on a grid of their own before this step, and on the case's after it."""
        ...

    @property
    def waits(self) -> str:
        """Description of a step that takes long, which a survey does not try; empty where it is quick."""
        ...

    def __call__(self, case: Case) -> Case:
        """Return the case with this done.

        Raises:
            InputError: what is wrong with the case.
        """
        ...
