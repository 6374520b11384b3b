"""The verbs by name and line; the file of one is imported when it is called, so that the page of all is quick."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from transmodal.commands._lean_pages import import_pages

if TYPE_CHECKING:
    from typer import _click

VERBS = {
    "demo": "Make virtual subjects from the embedded atlas, train, translate, evaluate and report: "
    "6.4 minutes on two idle cores.",
    "doctor": "Say what is installed and what is missing: versions, devices, codecs, extras, viewer, plugins, "
    "weights, places.",
    "prepare": "Turn images into a prepared cohort: checked, oriented, hashed, memory-mapped, split by patient.",
    "merge": "Take several prepared cohorts as one: arrays are linked, not copied, and nothing is prepared again.",
    "resplit": "Write another split of a prepared cohort and touch no array; the split that it had is kept beside.",
    "plan": "Say what a training takes: windows, steps, device, memory, disk, and time by some of its own steps.",
    "train": "Train by a recipe: curves, sample pictures, best and last checkpoint; resumes exactly.",
    "translate": "Write the synthetic volume on the source's own grid, with a JSON sidecar that says how it came about.",
    "calibrate": "Keep a run's errors on validation subjects in its folder: translate --interval takes its widths "
    "from there.",
    "view": "Look at volumes in the browser: three planes, 3D, overlay, difference. Nothing leaves this machine.",
    "publish": "Write a run as one HTML file that opens offline: drop a NIfTI file on it, scroll, save the synthetic "
    "volume.",
    "serve": "Serve trained runs over HTTP: upload, translate, look, download. This machine alone unless --host says "
    "otherwise.",
    "dicom-node": "Receive DICOM series, translate them by rule and send them on to one research node. "
    "This machine alone by default.",
    "evaluate": "Write evaluation.json, evaluation.csv and report.html: figures per case with their protocol, "
    "beside oracles.",
    "check": "Compare stored volumes with their hashes, take every figure again from them, and say how many agree.",
    "verify": "Compare every file that has a hash with it, and name those that are not what was written, one per line.",
    "reproduce": "Translate again with the recorded passes, options and threads, and say whether the bytes are the same.",
    "compare": "Compare evaluated runs under one protocol: means, paired differences, corrected tests, size and time.",
    "leaderboard": "Rank the models of evaluations on one cohort under one protocol, with intervals; others can enter "
    "theirs.",
    "export": "Write a trained run as an artefact that goes elsewhere, with hashes of all that is in it.",
    "quantize": "Write a run's network in integers of eight bits, if validation subjects lose at most 0.1 dB by it.",
    "import": "Write a generator of the pix2pix and CycleGAN family as a run, which translate, evaluate and "
    "train --from take.",
    "overlap": "Compare your segmentations by Dice and the 95th percentile Hausdorff distance, per structure.",
    "dose": "Compare two doses by gamma and dose-volume histograms. The doses are yours: none is computed here.",
    "regions": "Measure images per region: tables by case and participant, and a group test, as a BIDS derivative "
    "dataset.",
    "segmentation": "Write a label map as one DICOM Segmentation (SEG) of the patient, study and slices of a series.",
    "ablate": "Train and score a recipe and its variants with several seeds; write ablation.json beside the runs.",
    "benchmark": "Train and evaluate a suite of translators with several seeds; write one table per target beside the "
    "runs.",
    "study": "Ask one study of runs on a cohort; write study.json, study.html and its charts.",
    "reader": "Blinded reader studies on this machine: real or synthetic, which is better, is a lesion visible; "
    "by keys alone.",
    "atlas": "Write virtual subjects made from the embedded atlas: T1 and FA are real anatomy, warped; the rest is "
    "simulated.",
    "models": "List the models that come with transmodal, or show the card of one.",
    "recipes": "List the recipes that come with transmodal, or show one whole.",
    "translators": "List the translators that recipes can name: their papers, and their size at the papers' settings.",
}
"""What a verb does, in the order of the page: the first line of its own help, which tests compare with it."""

_FILES = {"import": "import_weights"}
"""Files whose names are not their verb's, which Python keeps for itself."""


class VerbGroup(TyperGroup):
    """All verbs: listed by their lines, and whole when one is called."""

    def list_commands(self, ctx: _click.Context) -> list[str]:
        """Return the names in the order of the page."""
        return list(VERBS)

    def get_command(self, ctx: _click.Context, cmd_name: str) -> _click.Command | None:
        """Return a verb as the page lists it."""
        return TyperCommand(cmd_name, help=VERBS[cmd_name]) if cmd_name in VERBS else None

    def format_help(self, ctx: _click.Context, formatter: _click.HelpFormatter) -> None:
        """Write the page of all verbs, which imports no more than it shows."""
        import_pages()
        super().format_help(ctx, formatter)

    def resolve_command(
        self, ctx: _click.Context, args: list[str]
    ) -> tuple[str | None, _click.Command | None, list[str]]:
        """Return the name of the verb that is called, the verb with its options, and the words behind it."""
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed if name is None else whole(name), rest


def whole(name: str) -> _click.Command:
    """Import a verb and return it with its options."""
    file = importlib.import_module(f"{__package__}.{_FILES.get(name, name.replace('-', '_'))}")
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    alone.command(name, cls=getattr(file, "COMMAND", None), epilog=file.EXAMPLES)(file.run)
    return get_command(alone)
