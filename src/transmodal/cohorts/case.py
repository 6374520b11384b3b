"""Case: one subject's visit as aligned volumes, from files or made on the spot."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Protocol

from transmodal.errors import InputError
from transmodal.storage import files, placeholders
from transmodal.volumes import Volume
from transmodal.volumes.reading import STRICT, Reading

EXTRA = ("mask", "segmentation")
"""What stands beside the modalities of a case under a name of its own."""

MODALITY = re.compile(r"(?!mask$|segmentation$|region_)[a-z][a-z0-9_]*")
"""What a modality can be called; arrays of a case are files of that name."""

_HEADER_LIMIT = 1 << 16


class Origin(NamedTuple):
    """The file that something was read from: its base name, never its folder, and its content's hash."""

    name: str
    sha256: str


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
        """Whose case it is."""
        ...

    def fingerprint(self) -> str:
        """Return a hash of everything that the case is made from."""
        ...

    def load(self) -> Case:
        """Read or make the case."""
        ...


class Step(Protocol):
    """Something that is done to a case after it was read; a frozen dataclass, whose `repr` tells all of it."""

    @property
    def moved(self) -> frozenset[str]:
        """Modalities that lie on a grid of their own before this step, and on the case's after it."""
        ...

    @property
    def waits(self) -> str:
        """What it will do, where that takes long and a survey does not try it; empty where it is quick."""
        ...

    def __call__(self, case: Case) -> Case:
        """Return the case with this done.

        Raises:
            InputError: what is wrong with the case.
        """
        ...


@dataclass(frozen=True, slots=True)
class CaseFiles:
    """A case as image files; read strictly when it is loaded.

    Attributes:
        id: name of the case within its cohort.
        patient: whose it is.
        volumes: image files, or folders of a DICOM series, by modality.
        mask: as in `Case`.
        segmentation: as in `Case`.
        simulated: as in `Case`.
        group: as in `Case`.
        steps: what is done after reading, in this order.
        reading: how the files are read where they leave something open.
    """

    id: str
    patient: str
    volumes: Mapping[str, Path]
    mask: Path | None = None
    segmentation: Path | None = None
    simulated: frozenset[str] = frozenset()
    group: str = ""
    steps: tuple[Step, ...] = ()
    reading: Reading = STRICT

    def fingerprint(self) -> str:
        """Return a hash of the files' names and contents, of what is known beside them and of the steps.

        Raises:
            InputError: E100 when a file is not there.
        """
        parts = [self.id, self.patient, self.group, ",".join(sorted(self.simulated))]
        named = {what: path.name for what, path in self.paths().items()}
        parts += [f"{what}={named[what]}={sha256}" for what, (_, sha256) in sorted(self.origins().items())]
        parts += [repr(step) for step in self.steps]
        parts += said(self.reading)
        # Names of files can be bytes that are no UTF-8; `ascii` takes them all.
        return files.sha256_text(ascii(parts))

    def origins(self) -> dict[str, Origin]:
        """Return base name and content hash of every input; a DICOM series' folder can be called as its patient is."""
        return {
            what: Origin("DICOM series" if path.is_dir() else path.name, sha256_content(path))
            for what, path in self.paths().items()
        }

    def load(self) -> Case:
        """Read the files and take the steps.

        Raises:
            InputError: as `volumes.io.read`, and as the steps.
        """
        case = self._read()
        for step in self.steps:
            case = step(case)
        return case

    def paths(self) -> dict[str, Path]:
        """Return every input by modality, `mask` and `segmentation`."""
        extra = {"mask": self.mask, "segmentation": self.segmentation}
        return {**self.volumes, **{what: path for what, path in extra.items() if path is not None}}

    def read(self, path: Path) -> Volume:
        """Read one of the files.

        Raises:
            InputError: as `volumes.io.read`.
        """
        return self.reading.fitted(path).read(path)

    def _read(self) -> Case:
        return Case(
            self.id,
            self.patient,
            {modality: self.read(path) for modality, path in self.volumes.items()},
            None if self.mask is None else self.reading.fitted(self.mask).read_grey(self.mask),
            None
            if self.segmentation is None
            else self.reading.fitted(self.segmentation).read_grey(self.segmentation),
            self.simulated,
            self.group,
            self.origins(),
        )


def said(reading: Reading) -> list[str]:
    """Return what a fingerprint holds of how files are read; nothing where nothing was said, as it was before."""
    return [] if reading == STRICT else [repr(reading)]


@dataclass(frozen=True, slots=True)
class PartlyMeasured:
    """A case of which some modalities are simulated, which its files do not say themselves; a `CaseMaker`.

    Attributes:
        maker: of the case.
        measured: modalities that are not simulated.
    """

    maker: CaseMaker
    measured: frozenset[str]

    @property
    def id(self) -> str:
        """Name of the case."""
        return self.maker.id

    @property
    def patient(self) -> str:
        """Whose case it is."""
        return self.maker.patient

    def fingerprint(self) -> str:
        """Return a hash of what the case is made from and of what is measured."""
        return files.sha256_text(ascii((self.maker.fingerprint(), sorted(self.measured))))

    def load(self) -> Case:
        """Read or make the case."""
        case = self.maker.load()
        return replace(case, simulated=case.simulated | (case.volumes.keys() - self.measured))


def sha256_content(path: Path) -> str:
    """Return the SHA-256 of all that an image consists of; as it was at first inside `hashed_once`.

    A `.mhd` header counts with the data file beside it, a folder (a DICOM series) with all its files.

    Raises:
        InputError: E100 when there is nothing at `path`.
    """
    known = _known.get()
    if known is None:
        return _content_hash(path)
    if path not in known:
        known[path] = _content_hash(path)
    return known[path]


@contextmanager
def hashed_once() -> Iterator[None]:
    """Let every image be hashed once inside the block, which makes one case from its files."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


_known: ContextVar[dict[Path, str] | None] = ContextVar("_known", default=None)


def _content_hash(path: Path) -> str:
    if path.is_dir():
        inside = [one for one in sorted(path.iterdir()) if one.is_file() or placeholders.is_dangling(one)]
        return files.sha256_text(ascii([(one.name, files.sha256_file(one)) for one in inside]))
    header = files.sha256_file(path)
    data = _data_beside(path) if path.name.lower().endswith(".mhd") else None
    return header if data is None else files.sha256_text(f"{header}\n{files.sha256_file(data)}")


def _data_beside(header: Path) -> Path | None:
    with header.open("rb") as stream:
        text = stream.read(_HEADER_LIMIT).decode("latin-1")
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key.strip() == "ElementDataFile" and value.strip() not in ("", "LOCAL"):
            # A name that leads elsewhere is the reader's to refuse: hashed is only what lies beside.
            data = header.parent / Path(value.strip()).name
            if not data.is_file():
                raise InputError(
                    "E100", f"{header.name} without {data.name}", "the data file beside it", "Copy both."
                )
            return data
    return None


def patient_mark(patient: str) -> str:
    """Return a short hash of a patient's id: enough to find the patient elsewhere, and no list of names."""
    return files.sha256_text(patient)[:16]
