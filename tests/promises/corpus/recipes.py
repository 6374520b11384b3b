"""Recipes in YAML that say two things, too much, nothing, or that would run code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from promises.corpus.sealed_files import RECIPE
from promises.entries import Entry, Faulty, faulty, put, valid
from transmodal.recipes.load import validate

TEXT = yaml.safe_dump(RECIPE)
TRUTH = validate(RECIPE, "tiny")
_BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(ord(letter) + 1)}: &{chr(ord(letter) + 1)} [{', '.join([f'*{letter}'] * 9)}]\n"
    for letter in "abcdefgh"
)


def entries() -> Iterator[Entry]:
    """Yield the entries."""
    yield from faulty("recipe", "scalars", _scalars())
    yield from faulty("recipe", "aliases, tags and keys twice", _odd_yaml())
    yield from faulty("recipe", "keys and values", _values())
    yield from faulty("recipe", "no text", _bytes())
    yield from valid(
        "recipe",
        {
            "plain": (put("a.yaml", TEXT.encode()), TRUTH),
            "in JSON": (put("a.yaml", str(RECIPE).replace("'", '"').encode()), TRUTH),
            "with comments": (put("a.yml", f"# tiny\n{TEXT}# end\n".encode()), TRUTH),
            "lines of Windows": (put("a.yaml", TEXT.replace("\n", "\r\n").encode()), TRUTH),
            "with a mark at its start": (put("a.yaml", b"\xef\xbb\xbf" + TEXT.encode()), TRUTH),
            "with the mark of a document": (put("a.yaml", f"---\n{TEXT}...\n".encode()), TRUTH),
        },
    )


def _faults(texts: dict[str, str], codes: str) -> dict[str, Faulty]:
    return {name: Faulty(put("a.yaml", text.encode()), codes) for name, text in texts.items()}


def _scalars() -> dict[str, Faulty]:
    words = {
        "an empty int": '!!int ""',
        "an int of a word": "!!int x",
        "a float of a word": "!!float x",
        "a bool of a word": "!!bool x",
        "a time of a word": "!!timestamp foo",
        "a month of 13": "2024-13-45",
        "bytes of no base64": '!!binary "\u00e9"',
        "a number of 6,000 digits": "9" * 6000,
        "a number of 6,000 digits in hex": "0x" + "f" * 6000,
        "a number in base 60": "1" + ":59" * 3000,
        "a set": "!!set {a, b}",
        "pairs": "!!pairs [a]",
        "an omap": "!!omap {a: 1}",
        "NaN": ".nan",
        "infinity": ".inf",
    }
    return _faults({f"{name} for epochs": TEXT.replace("epochs: 2", f"epochs: {word}") for name, word in words.items()},
                   "E001 E003")  # fmt: skip


def _odd_yaml() -> dict[str, Faulty]:
    texts = {
        "a bomb of aliases": _BOMB,
        "an alias": TEXT + "x: &a 1\ny: *a\n",
        "an alias of itself": TEXT + "x: &a [*a]\n",
        "a merge": TEXT + "x: {<<: {a: 1}}\n",
        "a call": TEXT + "x: !!python/object/apply:os.system [ls]\n",
        "a name of Python": TEXT + "x: !!python/name:os.system\n",
        "a module": TEXT + "x: !!python/module:os\n",
        "a new object": TEXT + "x: !!python/object/new:os.system [ls]\n",
        "a tag of its own": TEXT + "x: !thing 3\n",
        "a key twice": TEXT + "name: other\n",
        "a key of a list": TEXT + "? [a]\n: 1\n",
        "a key of a mapping": TEXT + "? {a: 1}\n: 1\n",
        "two documents": f"{TEXT}---\n{TEXT}",
        "brackets 5,000 deep": "[" * 5000,
        "braces 5,000 deep": "{a: " * 5000,
        "dashes 3,000 deep": "- " * 3000,
        "an open quote": TEXT + 'x: "a\n',
        "a tab": TEXT + "x:\n\ty: 1\n",
        "a directive": "%YAML 9.9\n---\n" + TEXT,
        "a control sign": TEXT + "x: \x01\n",
    }
    return _faults(texts, "E001 E003")


def _values() -> dict[str, Faulty]:
    texts = {
        "an unknown key": TEXT + "colour: blue\n",
        "an unknown key within": TEXT.replace("batch: 4", "batch: 4\n  colour: blue"),
        "no name": TEXT.replace("name: tiny\n", ""),
        "no task": TEXT.replace("task:", "tasks:"),
        "epochs of text": TEXT.replace("epochs: 2", "epochs: two"),
        "epochs of -1": TEXT.replace("epochs: 2", "epochs: -1"),
        "half an epoch": TEXT.replace("epochs: 2", "epochs: 2.5"),
        "epochs of a list": TEXT.replace("epochs: 2", "epochs: [2]"),
        "a batch of 0": TEXT.replace("batch: 4", "batch: 0"),
        "an unknown device": TEXT.replace("device: cpu", "device: abacus"),
        "sources of a number": TEXT.replace("- t1", "- 3"),
        "no source": TEXT.replace("source:\n  - t1", "source: []"),
        "a list": "- a\n- b\n",
        "a word": "hello\n",
        "nothing": "",
        "null": "null\n",
        "a number": "3\n",
        "more than 64 KiB": TEXT + "#" * 70_000,
    }
    return _faults(texts, "E001 E003")


def _bytes() -> dict[str, Faulty]:
    files = {
        "Latin-1": (TEXT + "# M\u00fcller").encode("latin-1"),
        "UTF-16": TEXT.encode("utf-16"),
        "zeros": bytes(500),
        "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    }
    faults = {name: Faulty(put("a.yaml", content), "E001 E101") for name, content in files.items()}
    return {
        **faults,
        "a folder": Faulty(_write_folder, "E100"),
        "no file": Faulty(lambda folder: folder / "absent.yaml", "E100"),
    }


def _write_folder(folder: Path) -> Path:
    (folder / "a.yaml").mkdir()
    return folder / "a.yaml"
