"""NIfTI, MetaImage, PNG and TIFF, tables and a BIDS dataset with canaries in headers, texts, columns and names."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image, PngImagePlugin, TiffImagePlugin

from canaries.dicom import head
from canaries.words import Canaries

AFFINE = np.diag([4.0, 4.0, 4.0, 1.0])
NAMED_TIFF_TAGS = (269, 270, 271, 272, 305, 306, 315, 316, 337, 33432, 700)
"""DocumentName, ImageDescription, Make, Model, Software, DateTime, Artist, HostComputer, TargetPrinter, Copyright, XMP."""
XMP = 700
BIDS_WORDS = (
    *("PatientName", "PatientID", "PatientBirthDate", "InstitutionName", "InstitutionAddress", "StationName"),
    *(
        "AcquisitionDateTime",
        "DeviceSerialNumber",
        "ProtocolName",
        "SeriesInstanceUID",
        "ReferringPhysicianName",
    ),
    *("OperatorsName", "AccessionNumber", "StudyID", "ImageComments", "PatientSex", "BodyPartExamined"),
)


def nifti(path: Path, voxels: np.ndarray, canaries: Canaries) -> Path:
    """Write a NIfTI image with canaries in each text of its header and in three extensions."""
    image = nib.Nifti1Image(voxels.astype(np.int16), AFFINE)
    for field in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[field] = canaries.word().encode()
    for code in (2, 4, 6):  # DICOM, AFNI's XML, a comment
        text = f"<name>{canaries.word()} {canaries.date()}</name>".encode()
        image.header.extensions.append(nib.nifti1.Nifti1Extension(code, text))
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path


def metaimage(
    path: Path, voxels: np.ndarray, canaries: Canaries, extra: Mapping[str, str] | None = None
) -> Path:
    """Write a MetaImage with canaries in its comments and in fields of its maker's own."""
    words = (
        "Comment",
        "Name",
        "PatientName",
        "PatientID",
        "StudyDate",
        "AcquisitionDate",
        "Institution",
        "ObjectSubType",
    )
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        **{word: canaries.word() for word in words},
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "ElementSpacing": "4 4 4",
        "DimSize": " ".join(map(str, voxels.shape)),
        "ElementType": "MET_SHORT",
        **(extra or {}),
        "ElementDataFile": "LOCAL",
    }
    text = "".join(f"{name} = {value}\n" for name, value in fields.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() + np.asarray(voxels, "<i2").tobytes(order="F"))
    return path


def png(path: Path, pixels: np.ndarray, canaries: Canaries) -> Path:
    """Write a PNG with canaries in texts, compressed ones too, and in EXIF."""
    texts = PngImagePlugin.PngInfo()
    for word in ("Author", "Title", "Description", "Comment", "Source"):
        texts.add_text(word, canaries.word())
    texts.add_text("Patient", canaries.word() * 9, zip=True)
    texts.add_itxt("XML:com.adobe.xmp", canaries.word())
    texts.add_itxt("Name", canaries.word() * 9, zip=True)
    exif = Image.Exif()
    exif[270], exif[315] = canaries.word(), canaries.word()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path, pnginfo=texts, exif=exif)
    return path


def tiff(path: Path, pixels: np.ndarray, canaries: Canaries) -> Path:
    """Write a TIFF with a canary in each tag of text."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in NAMED_TIFF_TAGS:
        tags[tag] = canaries.word().encode() if tag == XMP else canaries.word()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path, tiffinfo=tags)
    return path


def table(path: Path, rows: list[dict[str, str]], separator: str = ",") -> Path:
    """Write a table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=separator, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def pairs(folder: Path, canaries: Canaries, n_cases: int = 5) -> Path:
    """Write a table of pairs, NIfTI and MetaImage by turns; canaries are names, ids and further columns."""
    rows = []
    for n in range(n_cases):
        t1 = head(n)
        place = folder / canaries.word("name")
        write, suffix = (nifti, ".nii.gz") if n % 2 else (metaimage, ".mha")
        images = {"t1": t1, "ct": np.where(t1 > 0, t1 - 300, -1000)}
        paths = {
            name: write(place / f"{canaries.word('name')}{suffix}", voxels, canaries)
            for name, voxels in images.items()
        }
        rows.append(
            {
                "case": canaries.word("id"),
                "patient": canaries.word("id"),
                **{name: path.relative_to(folder).as_posix() for name, path in paths.items()},
                "surname": canaries.word(),
                "birth": canaries.date(),
                "physician": canaries.word(),
            }
        )
    return table(folder / "pairs.csv", rows)


def pictures(folder: Path, canaries: Canaries) -> Path:
    """Write a table of pairs of pictures, PNG and TIFF by turns."""
    rows = []
    for n in range(4):
        write, suffix = (png, ".png") if n % 2 else (tiff, ".tif")
        pixels = head(n)[:, :, 3] // 3
        paths = {
            name: write(folder / f"{canaries.word('name')}{suffix}", image, canaries)
            for name, image in {"t1": pixels, "t2": pixels.max() - pixels // 2}.items()
        }
        rows.append({"case": canaries.word("id"), **{name: path.name for name, path in paths.items()}})
    return table(folder / "pairs.csv", rows)


def label_maps(folder: Path, canaries: Canaries) -> Path:
    """Write two label maps that are called by the ids of their cases, with canaries in their headers."""
    for n in range(2):
        labels = (head(n) > 0).astype(np.int16) + (head(n) > head(n).mean())
        nifti(folder / f"{canaries.word('id')}.nii.gz", labels, canaries)
    return folder


def dataset(folder: Path, canaries: Canaries) -> Path:
    """Write a BIDS dataset of two subjects, with canaries in its tables, its JSON and its headers."""
    about = {word: canaries.word() for word in ("Acknowledgements", "HowToAcknowledge")}
    folder.mkdir(parents=True)
    (folder / "dataset_description.json").write_text(
        json.dumps(
            {
                "Name": "heads",
                **about,
                "Authors": [canaries.word()],
                "BIDSVersion": "1.10.0",
                "DatasetType": "raw",
            }
        )
    )
    (folder / "README").write_text(canaries.word())
    rows = []
    for n in range(2):
        subject = f"sub-{canaries.word('id')}"
        image = nifti(folder / subject / "anat" / f"{subject}_T1w.nii.gz", head(20 + n), canaries)
        words = {word: canaries.word() for word in BIDS_WORDS}
        image.with_name(f"{subject}_T1w.json").write_text(json.dumps(words))
        rows.append({"participant_id": subject, "surname": canaries.word(), "birth": canaries.date()})
        table(
            folder / subject / f"{subject}_scans.tsv",
            [{"filename": f"anat/{image.name}", "acq_time": "1925-03-04", "operator": canaries.word()}],
            "\t",
        )
    table(folder / "participants.tsv", rows, "\t")
    return folder
