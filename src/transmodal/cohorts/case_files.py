"""A case as image files: read strictly when it is loaded, and known by a hash of their contents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path

from transmodal.cohorts.case import Case, CaseMaker, NamesModalities, Origin, Step
from transmodal.errors import InputError
from transmodal.storage import files, placeholders, regular
from transmodal.volumes import Volume, io
from transmodal.volumes.reading import STRICT, Reading

_HEADER_LIMIT = 1 << 16


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

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the case."""
        return tuple(self.volumes)

    def fingerprint(self) -> str:
        """Return a hash of the files' names and contents, of what is known beside them and of the steps.

        Raises:
            InputError: E100 when a file is not there.
        """
        parts = [self.id, self.patient, self.group, ",".join(sorted(self.simulated))]
        names = {image: path.name for image, path in self.paths().items()}
        parts += [f"{image}={names[image]}={sha256}" for image, (_, sha256) in sorted(self.origins().items())]
        parts += [repr(step) for step in self.steps]
        parts += describe_reading(self.reading)
        # Names of files can be bytes that are no UTF-8; `ascii` takes them all.
        return files.sha256_text(ascii(parts))

    def origins(self) -> dict[str, Origin]:
        """Return base name and content hash of every input; a DICOM series' folder can be called as its patient is."""
        return {
            image: Origin("DICOM series" if path.is_dir() else path.name, sha256_content(path))
            for image, path in self.paths().items()
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
        return {**self.volumes, **{image: path for image, path in extra.items() if path is not None}}

    def read(self, path: Path) -> Volume:
        """Read one of the files.

        Raises:
            InputError: as `volumes.io.read`.
        """
        return io.read_fitted(path, self.reading)

    def _read(self) -> Case:
        return Case(
            self.id,
            self.patient,
            {modality: self.read(path) for modality, path in self.volumes.items()},
            None if self.mask is None else io.read_grey_fitted(self.mask, self.reading),
            None if self.segmentation is None else io.read_grey_fitted(self.segmentation, self.reading),
            self.simulated,
            self.group,
            self.origins(),
        )


def describe_reading(reading: Reading) -> list[str]:
    """Return the part of a fingerprint that tells how files are read; empty where they are read strictly."""
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
        """Name of the patient."""
        return self.maker.patient

    @property
    def modalities(self) -> tuple[str, ...]:
        """Modalities of the case."""
        return self.maker.modalities if isinstance(self.maker, NamesModalities) else ()

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
    hashes = _hashes.get()
    if hashes is None:
        return _content_hash(path)
    if path not in hashes:
        hashes[path] = _content_hash(path)
    return hashes[path]


@contextmanager
def hashed_once() -> Iterator[None]:
    """Let every image be hashed once inside the block, which makes one case from its files."""
    token = _hashes.set({})
    try:
        yield
    finally:
        _hashes.reset(token)


_hashes: ContextVar[dict[Path, str] | None] = ContextVar("_hashes", default=None)


def _content_hash(path: Path) -> str:
    if path.is_dir():
        members = [
            item for item in sorted(path.iterdir()) if item.is_file() or placeholders.is_dangling(item)
        ]
        return files.sha256_text(ascii([(item.name, files.sha256_file(item)) for item in members]))
    header = files.sha256_file(path)
    data = _data_beside(path) if path.name.lower().endswith(".mhd") else None
    return header if data is None else files.sha256_text(f"{header}\n{files.sha256_file(data)}")


def _data_beside(header: Path) -> Path | None:
    with regular.open_file(header) as stream:
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
