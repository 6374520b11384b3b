"""One reader of tables: encodings, dividers, extra columns and empty rows, for every table that is read."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import transmodal
from transmodal.cohorts import label_pictures
from transmodal.cohorts.layouts import _dicom_naming as dicom_naming
from transmodal.cohorts.layouts import bids, brats, folders, pairs, t1_fa
from transmodal.cohorts.split import relations
from transmodal.errors import InputError
from transmodal.evaluation.external import phenotypes
from transmodal.storage import tables
from transmodal.volumes import Volume, io

ROWS = "case,patient,note\nv1,Ren\u00e9,first visit\n\n,,\nv2,Ren\u00e9\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1", "cp1252"])
@pytest.mark.parametrize("divider", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_exports_of_every_kind_are_one_table(encoding: str, divider: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(ROWS.replace(",", divider).replace("\n", end).encode(encoding))
    table = tables.read(path)
    assert table.columns == ("case", "patient", "note")
    assert table.rows == [
        {"case": "v1", "patient": "Ren\u00e9", "note": "first visit"},
        {"case": "v2", "patient": "Ren\u00e9", "note": ""},
    ]


def test_quotes_hold_dividers_and_empty_columns_at_the_right_are_none(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(' case , "a;b",,\n v1 ,"x, ""y""",,\n')
    assert tables.read(path) == (("case", "a;b"), [{"case": "v1", "a;b": 'x, "y"'}])


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"case,note\nv1,a,b\n", "E103", "row 2 (v1) with 3 cells; expected 2 values"),
        (b"case,t1,t1\nv1,a,b\n", "E103", "two columns 't1'"),
        (b'case,note\nv1,"a\n', "E101", "unexpected end of data"),
        (b"PK\x03\x04rest", "E102", "is a workbook; expected CSV or TSV. Save its sheet as CSV."),
        (b"c\0a\0s\0e\0", "E101", "zero bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "E138", "git lfs pull"),
    ],
)
def test_what_is_no_table_is_said(content: bytes, code: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        tables.read(path)
    assert caught.value.code == code
    assert said in caught.value.line()


def test_nothing_is_a_table_without_columns(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("\n \n")
    assert tables.read(tmp_path / "table.csv") == ((), ())


def write(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.random.default_rng(seed).integers(1, 900, (5, 6, 4)).astype(np.int16)
    io.write(Volume(voxels, np.eye(4)), path)
    return path


def by_pairs(folder: Path, put: Callable[[Path, str], None]) -> object:
    for name in ("1.nii", "2.nii"):
        write(folder / name)
    put(folder / "pairs.csv", "case,age,T1,note,fa\nv1,47,1.nii,first,2.nii\n,,,,\n")
    found = pairs.find(folder)
    assert [line.split(" (")[0] for line in found.ignored] == [
        "pairs.csv: column age",
        "pairs.csv: column note",
    ]
    return [(one.id, sorted(one.volumes)) for one in found.cases]


def by_folders(folder: Path, put: Callable[[Path, str], None]) -> object:
    write(folder / "v1" / "t1.nii")
    put(folder / "cases.csv", "case,age,patient\nv1,47,Ren\u00e9\n,,\n")
    return [(one.id, one.patient) for one in folders.find(folder).cases]


def by_groups(folder: Path, put: Callable[[Path, str], None]) -> object:
    put(folder / "sites.csv", "patient,age,site\na,47,Li\u00e8ge\n,,\n")
    return relations.read_relations(tables=[folder / "sites.csv"], by="site").groups


def by_brats(folder: Path, put: Callable[[Path, str], None]) -> object:
    names = ("BraTS20_Training_001", "BraTS2021_00007")
    for name in names:
        for what in ("t1", "t1ce", "t2", "flair"):
            write(folder / name / f"{name}_{what}.nii")
    put(folder / "name_mapping.csv", f"age,BraTS_2020,BraTS_2021\n47,{names[0]},{names[1]}\n,,\n")
    return {one.patient for one in brats.find(folder).cases}


def by_bids(folder: Path, put: Callable[[Path, str], None]) -> object:
    write(folder / "sub-01" / "anat" / "sub-01_T1w.nii")
    (folder / "dataset_description.json").write_text("{}")
    put(folder / "participants.tsv", "age,participant_id,site\n47,sub-01,Li\u00e8ge\n,,\n")
    return [one.group for one in bids.find(folder, bids.Options(group="site")).cases]


def by_labels(folder: Path, put: Callable[[Path, str], None]) -> object:
    put(folder / "colours.csv", "name,label,r,g,b\nb\u00e9ton,1,0,0,9\n,,,,\n")
    return label_pictures.read_table(folder / "colours.csv")


def by_families(folder: Path, put: Callable[[Path, str], None]) -> object:
    write(folder / "sub-1.brain.nii")
    write(folder / "sub-1.FA.nii")
    put(folder / "families.csv", "age,patient,family\n47,sub-1,M\u00fcller\n,,\n")
    return [
        one.group for one in t1_fa.find(folder, t1_fa.Options(families=str(folder / "families.csv"))).cases
    ]  # type: ignore[attr-defined]  # a case of files


def by_phenotypes(folder: Path, put: Callable[[Path, str], None]) -> object:
    put(folder / "p.csv", "note,patient,sex\nx,a,f\u00e9m\nx,b,m\n,,\n")
    return phenotypes._table(folder / "p.csv", ["a", "b"])


READERS = [by_pairs, by_folders, by_groups, by_brats, by_bids, by_labels, by_families, by_phenotypes]


@pytest.mark.parametrize("reader", READERS)
def test_every_table_is_read_alike(
    reader: Callable[[Path, Callable[[Path, str], None]], object], tmp_path: Path
) -> None:
    """Extra columns, an empty row, every encoding and divider: what the plain export gives."""
    seen = []
    for number, (encoding, divider) in enumerate(
        (("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("latin-1", ";"))
    ):
        (tmp_path / str(number)).mkdir()

        def put(path: Path, text: str, encoding: str = encoding, divider: str = divider) -> None:
            path.write_bytes(text.replace(",", divider).encode(encoding))

        seen.append(reader(tmp_path / str(number), put))
    assert seen[0]
    assert all(one == seen[0] for one in seen)


def test_no_other_module_reads_tables_of_users() -> None:
    """`csv.DictReader` and `csv.reader` elsewhere read what this software wrote itself."""
    own = {"storage/tables.py", "evaluation/drawing/charts.py", "training/log.py"}
    source = Path(transmodal.__file__).parent
    for path in source.rglob("*.py"):
        calls = [
            node.attr
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "csv"
        ]
        assert path.relative_to(source).as_posix() in own or not {"reader", "DictReader"} & set(calls), path


def test_series_of_dicom_are_named_by_such_a_table(tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_bytes("note;series;modality\nx;1.2.3;t1\n;;\n".encode("utf-16"))
    assert dicom_naming.read_table(tmp_path / "series.csv")["1.2.3"]["modality"] == "t1"
