"""Calls that are dangerous or lossy stand in one module only, behind the checks that make them safe.

Names are followed through imports (`from PIL import Image as I`), and a call that is only named (`map(np.load, paths)`)
counts too. Whoever owns such a call stands below with the reason; a line that is no longer needed fails.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "transmodal"
MODULES = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}

NEVER = frozenset({
    "eval", "exec", "open", "os.system", "os.popen", "subprocess.call", "subprocess.getoutput",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads", "shelve.open", "joblib.load",
    "dill.load", "torch.save", "torch.jit.load", "torch.hub.load", "torch.hub.load_state_dict_from_url",
    "yaml.full_load", "yaml.unsafe_load", "yaml.FullLoader", "yaml.UnsafeLoader", "yaml.Loader",
    "nibabel.load", "nibabel.save", "SimpleITK.ReadImage", "SimpleITK.WriteImage", "SimpleITK.ImageFileReader",
    "SimpleITK.ImageSeriesReader", "numpy.fromfile", "numpy.genfromtxt", "numpy.loadtxt", "numpy.memmap",
    "tarfile.open", "shutil.unpack_archive", "gzip.open", "gzip.decompress", "bz2.open", "lzma.open",
    "xml.etree.ElementTree.parse", "xml.etree.ElementTree.fromstring", "json.load",
    "urllib.request.urlopen", "urllib.request.urlretrieve", "requests.get", "socket.create_connection",
})  # fmt: skip
"""By full name: code from data, archives, the network, and readers that are lossy or without a budget."""
NEVER_METHODS = {"extractall", "unpack_archive", "read_pickle"}

OWNERS: dict[str, dict[str, str]] = {
    "json.loads": {
        "storage/files.py": "read_json: the one reader of JSON objects",
        "checkpoint/manifest.py": "unseal: the bytes have to be those that the seal makes of the content",
        "training/launch.py": "what a child of ours wrote beside us, in a folder of ours",
        "exporting/_openvino_child.py": "what the process which began it wrote",
    },
    "yaml.SafeLoader": {"recipes/plain_yaml.py": "the base of the one loader: no aliases, no large integers"},
    "yaml.load": {}, "yaml.safe_load": {},
    "csv.reader": {
        "storage/tables.py": "the one reader of tables from outside",
        "training/log.py": "the curves of the run that goes on, whole lines only",
    },
    "csv.DictReader": {"evaluation/drawing/charts.py": "curves of a run, drawn; a row that is none is left out"},
    "torch.load": {"nets/frozen.py": "published weights are such files: weights_only=True"},
    "safetensors.torch.load_file": {
        "nets/frozen.py": "weights that are hashed",
        "checkpoint/folder.py": "tensors whose file's hash was compared before",
    },
    "numpy.load": {
        "storage/arrays/npy.py": "header and length are compared before",
        "nets/pretrained.py": "from an open regular file, without pickles",
        "cohorts/layouts/_slice_files.py": "stacks of slices, mapped, without pickles",
        "exporting/_openvino_child.py": "windows that the process which began it wrote, without pickles",
    },
    "scipy.io.loadmat": {"cohorts/layouts/_slice_files.py": "below a budget"},
    "PIL.Image.open": {"volumes/formats/raster.py": "two formats by name, size read before"},
    "pydicom.dcmread": {
        "volumes/formats/dicom/headers.py": "headers, by the opener of DICOM",
        "volumes/formats/dicom/pixels.py": "pixels of files whose headers passed",
        "volumes/formats/dicom/codec_child.py": "the same, compressed: a process of its own, under limits",
    },
    "zipfile.ZipFile": {"service/intake/archive.py": "entries get our names, and their bytes are counted, in a process under limits"},
    "os.replace": {}, "os.rename": {}, "os.renames": {}, "shutil.move": {},
    "subprocess.run": {
        "experiments/record.py": "git describe, without a shell",
        "exporting/bundle/write.py": "MONAI, on a bundle that was written just now, without a shell",
        "exporting/openvino.py": "our own program, without a shell; what it is handed lies in a folder of ours",
    },
    "subprocess.Popen": {
        "volumes/formats/dicom/codec_process.py": "our own program, without a shell; paths go in by a pipe",
        "inference/engines/_openvino_process.py": "our own program, without a shell; graph and windows go in by a pipe",
    },
}  # fmt: skip
"""By full name: the modules that may, and why."""
READS = {"read_text", "read_bytes"}
RAW_READS = {
    "evaluation/drawing/html.py": "styles and scripts of the package itself",
    "publishing/page.py": "styles and scripts of the package itself",
    "publishing/runtime.py": "the script that was built into the package",
    "experiments/reader/reading_page.py": "styles and scripts of the package itself",
    "viewing/page.py": "styles and scripts of the package itself",
    "service/entrance.py": "the page of the package itself",
    "viewing/niivue.py": "the script of an installed package",
    "cohorts/layouts/__init__.py": "the docstrings of the package's own modules",
    "processes.py": "/proc of the system",
    "data/hangs.py": "/proc of the system",
    "storage/memory.py": "/proc and /sys of the system",
    "volumes/formats/dicom/codec_child.py": "/proc of its own process",
    "training/launch.py": "the error that a child of ours wrote down",
    "exporting/_openvino_child.py": "what the process which began it wrote",
}
"""Modules that read files by `Path` itself, and why none of them can be from outside."""


class Reference(NamedTuple):
    """A name in the code, with what it is called with where it is called."""

    name: str
    line: int
    call: ast.Call | None


def imports(tree: ast.AST) -> dict[str, str]:
    """Return full names by the names that a module imports them under."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def references(text: str) -> Iterator[Reference]:
    """Yield every name of a module's code in full, each once."""
    tree = ast.parse(text)
    known = imports(tree)
    called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            first, dot, rest = dotted(node).partition(".")
            yield Reference(known.get(first, first) + dot + rest, node.lineno, called.get(id(node)))


@cache
def of_module(module: str) -> tuple[Reference, ...]:
    return tuple(references(MODULES[module].read_text(encoding="utf-8")))


def fault(reference: Reference, module: str) -> str:
    """Return why a name may not stand in a module, or nothing."""
    name, _, call = reference
    if name in NEVER or name.rpartition(".")[2] in NEVER_METHODS:
        return "never"
    if name in OWNERS and module not in OWNERS[name] and not is_own_json(name, call):
        return f"stands in {', '.join(OWNERS[name]) or 'nothing'} alone"
    if call is None:
        return ""
    for keyword in call.keywords:
        value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
        if keyword.arg in ("allow_pickle", "shell") and value is not False:
            return f"{keyword.arg} has to be False"
        if keyword.arg == "weights_only" and value is not True:
            return "weights_only has to be True"
    if name == "torch.load" and not any(keyword.arg == "weights_only" for keyword in call.keywords):
        return "weights_only has to be True"
    if is_raw_read(name, call) and module not in RAW_READS:
        return "storage.regular opens files that are read"
    return ""


def is_own_json(name: str, call: ast.Call | None) -> bool:
    """Tell a value that is only sent through JSON and back: nothing is read."""
    inner = call.args[0] if call is not None and call.args else None
    return name == "json.loads" and isinstance(inner, ast.Call) and dotted(inner.func) == "json.dumps"


def is_raw_read(name: str, call: ast.Call) -> bool:
    """Tell whether a call opens a file to read it, or reads it whole, by `Path` itself."""
    method = name.rpartition(".")[2]
    if name.startswith("transmodal.") or not isinstance(call.func, ast.Attribute):
        return False
    if method != "open" or name == "os.open":  # the latter for folders and locks
        return method in READS
    given = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "mode")]
    modes = [word.value if isinstance(word, ast.Constant) else None for word in given]
    return not modes or any(isinstance(mode, str) and ("r" in mode or "+" in mode) for mode in modes)


@pytest.mark.parametrize("module", MODULES)
def test_raw_calls(module: str) -> None:
    faults = [(one.line, one.name, why) for one in of_module(module) if (why := fault(one, module))]
    assert not faults, module


@pytest.mark.parametrize("name", sorted(name for name, modules in OWNERS.items() if modules))
def test_every_owner_of_a_call_has_it(name: str) -> None:
    for module in OWNERS[name]:
        assert any(one.name == name for one in of_module(module)), f"{module} has no {name} any more"


def test_every_module_that_reads_by_itself_does() -> None:
    for module in RAW_READS:
        assert any(one.call is not None and is_raw_read(one.name, one.call) for one in of_module(module)), (
            module
        )


@pytest.mark.parametrize(
    "text",
    [
        "import torch\ntorch.load('x')",
        "import torch\ntorch.load('x', weights_only=False)",
        "from torch import load as get\nget('x')",
        "import numpy as np\nnp.load(path)",
        "import numpy as np\nlist(map(np.load, paths))",
        "import numpy as np\nnp.lib.format.read_array(stream, allow_pickle=flag)",
        "from PIL import Image as I\nI.open(path)",
        "import nibabel as nib\nnib.load(path)",
        "import SimpleITK as sitk\nsitk.ReadImage(path)",
        "from pydicom import dcmread\ndcmread(path)",
        "import json\njson.loads(path.name)",
        "import json\nwith regular.open_file(p) as f:\n    json.load(f)",
        "import yaml\nyaml.load(text, yaml.UnsafeLoader)",
        "import pickle\npickle.loads(data)",
        "import subprocess\nsubprocess.run(line, shell=True)",
        "archive.extractall(folder)",
        "eval(text)",
        "exec(text)",
        "open(path)",
        "path.open()",
        "path.open(encoding='utf-8')",
        "path.open(mode='r')",
        "path.open('rb')",
        "path.open('r+')",
        "Path(x).read_text()",
        "(folder / 'x').read_bytes()",
    ],
)
def test_the_lint_notices(text: str) -> None:
    assert any(fault(one, "commands/demo.py") for one in references(text))


@pytest.mark.parametrize(
    "text",
    [
        "net.eval()",
        "import json\njson.loads(json.dumps(value))",
        "from transmodal.storage import regular\nregular.read_text(path)",
        "path.open('w', encoding='utf-8')",
        "path.open('ab')",
        "Cohort.open(folder)",
        "import numpy as np\nnp.lib.format.read_array(stream, allow_pickle=False)",
    ],
)
def test_the_lint_lets_pass(text: str) -> None:
    assert not [one for one in references(text) if fault(one, "commands/demo.py")]
