"""The page of a run: one HTML document that holds its network, what computes it, and an example, and asks for nothing."""

from __future__ import annotations

import gzip
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

from transmodal.inference.model import Model
from transmodal.notice import INTENDED_USE
from transmodal.publishing import runtime
from transmodal.publishing.example import Example, build_example
from transmodal.publishing.network import build_graph
from transmodal.publishing.plan import build_plan, title_of
from transmodal.viewing import page as viewer
from transmodal.viewing.encoding import encode
from transmodal.viewing.scripts import data_block, join, policy_hash
from transmodal.volumes import Volume

_FOLDER = Path(__file__).parent / "page"
SHARED = ("sampling.mjs", "windows.mjs")
"""Scripts that both the page and its worker need; each stands behind what it imports."""
WORKER = (
    *SHARED,
    "grids.mjs",
    "intensity.mjs",
    "morphology.mjs",
    "regions.mjs",
    "nifti.mjs",
    "translation.mjs",
    "worker.mjs",
)
PAGE = (*SHARED, "drawing.mjs", "parts.mjs", "page.mjs")


def build_page(
    model: Model, example: Mapping[str, Volume] | None = None, kinds: Sequence[runtime.Kind] = ("cpu",)
) -> str:
    """Return a model's page.

    Args:
        model: on the CPU.
        example: sources by modality that the page brings along; None takes a virtual subject where there is one.
        kinds: of what computes the network, the one to prefer first; a browser takes the first that it can.

    Raises:
        UsageError: E004 for a model that a page cannot run, and for an example of other sources.
        ResourceError: E404 where ONNX Runtime Web was not built, or onnx is not installed.
        InputError: where no region is found in the example.
    """
    ort = runtime.load(kinds)
    graph = build_graph(model)
    embedded = build_example(model.preprocessing, example)
    plan = build_plan(model, graph, embedded, ort)
    probe = b"".join(values.astype("<f4").tobytes() for values in graph.probe)
    blocks = {"graph": gzip.compress(graph.content, 6, mtime=0), "probe": probe}
    blocks |= {f"wasm-{kind}": part.program for kind, part in ort.parts.items()}
    blocks |= _example_blocks(model, embedded)
    page = _script(PAGE)
    texts = {f"ort-{kind}": part.script for kind, part in ort.parts.items()} | {"worker": _script(WORKER)}
    # Our script by its hash: nothing else on the page can run, whatever a name holds. The worker is made of blocks of
    # the page, and has the page's policy.
    policy = (
        f"default-src 'none'; script-src {policy_hash(page)} 'wasm-unsafe-eval'; worker-src blob:; "
        "style-src 'unsafe-inline'; img-src data: blob:"
    )
    data = "\n".join(
        f'<script type="application/octet-stream" id="{name}">{b64encode(content).decode("ascii")}</script>'
        for name, content in blocks.items()
    )
    data += "".join(
        f'\n<script type="text/plain" id="{name}">{script}</script>' for name, script in texts.items()
    )
    return Template(_text("page.html")).substitute(
        policy=escape(policy),
        title=escape(title_of(model)),
        notice=escape(INTENDED_USE),
        style=viewer.style() + _text("page.css"),
        plan=data_block(plan),
        scripts=f"{data}\n<script>{page}</script>",
    )


def _example_blocks(model: Model, example: Example | None) -> dict[str, bytes]:
    """Return the example's files, gzipped: headers of shape and place alone."""
    if example is None:
        return {}
    volumes = {f"example-{n}": example.sources[name] for n, name in enumerate(model.preprocessing.sources)}
    if example.region is not None:
        volumes["example-region"] = example.region
    return {name: gzip.compress(encode(volume), 6, mtime=0) for name, volume in volumes.items()}


def _script(names: tuple[str, ...]) -> str:
    return join([_text(name) for name in names])


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
