"""Failures: files that are damaged, of another kind or missing, disks that are full, words that make no sense."""

from __future__ import annotations

import errno
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pydicom

from canaries import dicom, images
from canaries.words import Canaries
from transmodal.storage import durable

if TYPE_CHECKING:
    from canaries.figure import Rounds

Change = Callable[[Path, Canaries], None]


def fail_all(rounds: Rounds) -> None:
    """Run the verbs on what they refuse."""
    _fail_files(rounds)
    _fail_series(rounds)
    _fail_tables(rounds)
    _fail_folders(rounds)


def _content(change: Callable[[bytes], bytes]) -> Change:
    def write(path: Path, _: Canaries) -> None:
        path.write_bytes(change(path.read_bytes()))

    return write


def _header(at: int, value: bytes) -> Callable[[bytes], bytes]:
    """Change bytes of the header in a compressed NIfTI image."""

    def change(content: bytes) -> bytes:
        raw = bytearray(gzip.decompress(content))
        raw[at : at + len(value)] = value
        return gzip.compress(bytes(raw))

    return change


def _field(name: str) -> Change:
    """Put a canary where a field of a MetaImage has numbers."""

    def write(path: Path, canaries: Canaries) -> None:
        images.metaimage(path, dicom.head(30), canaries, {name: f"{canaries.word()} 1 1"})

    return write


NIFTI: dict[str, Change] = {
    "NIfTI cut": _content(lambda content: content[: len(content) // 2]),
    "NIfTI of another magic": _content(_header(344, b"nope")),
    "NIfTI of an unknown type": _content(_header(70, b"\x99\x09")),
    "NIfTI of no size": _content(_header(40, b"\3\0\0\0\0\0\0\0")),
    "NIfTI that is a page": _content(lambda content: b"<html>" + content),
}
METAIMAGE: dict[str, Change] = {
    "MetaImage cut": _content(lambda content: content[:-100]),
    **{
        f"MetaImage with text as {name}": _field(name)
        for name in ("ElementSpacing", "DimSize", "TransformMatrix", "Offset", "ElementType", "NDims")
    },
    "MetaImage with a canary for its file": lambda path, canaries: (
        path.write_text(
            f"ObjectType = Image\nNDims = 3\nComment = {canaries.word()}\nDimSize = 4 4 4\nElementSpacing = 1 1 1\n"
            f"ElementType = MET_SHORT\nPatientName = {canaries.word()}\n"
        )
        and None
    ),
}


def _fail_files(rounds: Rounds) -> None:
    """Translate images that are damaged, and prepare pairs with pictures that are."""
    for number, (kind, change) in enumerate({**NIFTI, **METAIMAGE}.items()):
        place = rounds.folder / "broken" / str(number)
        write, suffix = (images.metaimage, ".mha") if kind in METAIMAGE else (images.nifti, ".nii.gz")
        path = write(place / f"t1{suffix}", dicom.head(30), rounds.canaries)
        change(path, rounds.canaries)
        rounds.fail(
            kind, f"translate runs/pairs {path.relative_to(rounds.folder)} -o failed/{number}.nii.gz --force"
        )
    for write, suffix in ((images.png, ".png"), (images.tiff, ".tif")):
        place = rounds.folder / "broken" / suffix[1:]
        for name in ("t1", "t2"):
            path = write(place / f"{name}{suffix}", dicom.head(3)[:, :, 3], rounds.canaries)
        path.write_bytes(path.read_bytes()[:-60])
        row = {"case": "a", "t1": f"t1{suffix}", "t2": f"t2{suffix}", "surname": rounds.canaries.word()}
        images.table(place / "pairs.csv", [row])
        rounds.fail(f"{suffix} cut", f"prepare pairs broken/{suffix[1:]} -o failed/{suffix[1:]} --workers 1")


def _set(keyword: str, vr: str, n_values: int = 1) -> Change:
    """Put canaries where another maker could have put a text."""

    def change(folder: Path, canaries: Canaries) -> None:
        for path in folder.iterdir():
            dataset = pydicom.dcmread(path)
            if keyword in dataset:
                del dataset[keyword]
            words = [canaries.word() for _ in range(n_values)]
            dataset.add_new(keyword, vr, words if n_values > 1 else words[0])
            dataset.save_as(path)

    return change


SERIES: dict[str, Change] = {
    "DICOM of another modality": _set("Modality", "CS"),
    "DICOM of several series": _set("SeriesInstanceUID", "UI"),
    "DICOM with text as spacing": _set("PixelSpacing", "LO", 2),
    "DICOM with text as intercept": _set("RescaleIntercept", "LO"),
    "DICOM with text as position": _set("ImagePositionPatient", "LO", 3),
    "DICOM with an odd photometry": _set("PhotometricInterpretation", "CS"),
    "DICOM with an odd syntax": lambda folder, canaries: _odd_syntax(folder, canaries),
}


def _odd_syntax(folder: Path, canaries: Canaries) -> None:
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(canaries.uid())
        dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
        dataset.save_as(path)


def _fail_series(rounds: Rounds) -> None:
    source = next(path for path in sorted((rounds.folder / "archive").glob("*/MR")))
    for number, (kind, change) in enumerate(SERIES.items()):
        place = rounds.folder / "broken" / "series" / str(number)
        shutil.copytree(source, place)
        with dicom.lenient():
            change(place, rounds.canaries)
        line = f"{place.relative_to(rounds.folder)} -o failed/series-{number}"
        rounds.fail(kind, f"translate runs/dicom {line}.nii.gz --device cpu")
        rounds.fail(f"{kind}, prepared", f"prepare dicom {line} --workers 1 --with need=t1,ct")


def _fail_tables(rounds: Rounds) -> None:
    """Prepare tables of pairs that do not fit their images."""
    folder, word = rounds.folder / "pairs", rounds.canaries.word
    header, *rows = (folder / "pairs.csv").read_text().splitlines()
    first = rows[0].split(",")
    tables = {
        "pair missing": [header, ",".join([*first[:3], f"{word('name')}.nii.gz", *first[4:]])],
        "row too long": [header, f"{rows[0]},{word()},{word()}"],
        "case twice": [header, rows[0], rows[0]],
        "no images": [header, ",".join([*first[:2], "", "", *first[4:]])],
        "column twice": [f"{header},t1", f"{rows[0]},{first[2]}"],
    }
    for number, (kind, lines) in enumerate(tables.items()):
        place = folder.with_name(f"table-{number}")
        shutil.copytree(folder, place)
        (place / "pairs.csv").write_text("\n".join(lines) + "\n")
        rounds.fail(kind, f"prepare pairs {place.name} -o failed/{place.name} --workers 1 --with need=t1,ct")
    place = rounds.folder / "grids"
    for name, shape in {"t1": 6, "ct": 7}.items():
        images.nifti(place / f"{name}.nii.gz", np.maximum(dicom.head(1, shape), 1), rounds.canaries)
    images.table(place / "pairs.csv", [{"case": "a", "t1": "t1.nii.gz", "ct": "ct.nii.gz", "name": word()}])
    rounds.fail("two grids", "prepare pairs grids -o failed/grids --workers 1")
    (rounds.folder / "groups.csv").write_text(f"surname,birth\n{word()},{rounds.canaries.date()}\n")
    rounds.fail("groups of nobody", "prepare pairs pairs -o failed/groups --groups groups.csv --workers 1")
    rounds.fail(
        "phenotypes of nobody",
        "evaluate runs/pairs --cohort cohorts/pairs -o failed/e --phenotypes groups.csv --by birth",
    )


def _fail_folders(rounds: Rounds) -> None:
    """Use cohorts, runs and recipes that do not fit, and a disk without room."""
    (rounds.folder / "bad.yaml").write_text("name: bad\ntranslator: unknown\n")
    (rounds.folder / "other.yaml").write_text(
        "name: other\ntranslator: unet_regression\ntask: {source: [flair], target: ct}\n"
    )
    source = next(path for path in sorted((rounds.folder / "pairs").glob("*/*.nii.gz")))
    for kind, line in {
        "bad recipe": "train bad.yaml --cohort cohorts/pairs -o failed/run",
        "modality missing": "train other.yaml --cohort cohorts/pairs -o failed/run",
        "no cohort": "train tiny.yaml --cohort pairs -o failed/run",
        "no run": "evaluate pairs --cohort cohorts/pairs -o failed/e",
        "dataset without a subject": "translate runs/pairs dataset -o failed/bids --subject sub-99",
    }.items():
        rounds.fail(kind, line)
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(durable, "sync", side_effect=full):
        line = f"translate runs/pairs {source.relative_to(rounds.folder)} -o failed/full.nii.gz --force"
        rounds.fail("disk full", line)
        rounds.fail("disk full, prepared", "prepare pairs pairs -o failed/full --workers 1")
    _rot(rounds)


def _rot(rounds: Rounds) -> None:
    """Damage a copy of a cohort and of a run."""
    shutil.copytree(rounds.folder / "cohorts" / "pairs", rounds.folder / "broken" / "cohort")
    for path in (rounds.folder / "broken" / "cohort" / "cases").glob("*/t1.npy"):
        path.write_bytes(path.read_bytes()[:-5] + b"wrong")
    rounds.fail("cohort with a flipped bit", "verify broken/cohort")
    rounds.fail("training on it", "train tiny.yaml --cohort broken/cohort -o failed/rotten --device cpu")
    shutil.copytree(rounds.folder / "runs" / "pairs", rounds.folder / "broken" / "run")
    for path in (rounds.folder / "broken" / "run").rglob("weights.safetensors"):
        path.write_bytes(path.read_bytes()[:-5])
    rounds.fail("run that is cut", "verify broken/run")
