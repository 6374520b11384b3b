"""Let people look at real and synthetic pictures without knowing which, and count what they saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from transmodal.commands._groups import grouped

EXAMPLES = (
    "Examples:\n\n"
    "transmodal reader make session runs/unet runs/pix2pix --cohort cohort      (evaluated with --save-volumes)\n\n"
    "transmodal reader make session predictions=unet --cohort cohort --questions origin,lesion --lesion-labels 1,2,3\n\n"
    "transmodal reader read session --name anna                                 (keys alone; Ctrl-C ends, the same call goes on)\n\n"
    "transmodal reader score session -o results"
)
_MAKE, _READ, _SCORE = "make: what is shown", "read: who looks", "score: what is counted"


@dataclass(frozen=True, slots=True)
class ReaderMakeWords:
    """Content of a session, in the words of the command line."""

    cohort: Annotated[
        Path | None, typer.Option(help="Prepared cohort whose cases are shown.", rich_help_panel=_MAKE)
    ] = None
    target: Annotated[
        str,
        typer.Option(help="Modality that is shown, where several could be meant.", rich_help_panel=_MAKE),
    ] = ""
    split: Annotated[
        Literal["train", "validation", "test", "all"],
        typer.Option(help="Side of the cohort's split.", rich_help_panel=_MAKE),
    ] = "test"
    questions: Annotated[
        str,
        typer.Option(
            help="Of origin (real or synthetic), lesion (is one visible) and preference (which of two is better).",
            rich_help_panel=_MAKE,
        ),
    ] = "origin,preference"
    cases: Annotated[
        int, typer.Option(min=0, help="At most so many cases, drawn; 0 takes all.", rich_help_panel=_MAKE)
    ] = 0
    slices: Annotated[int, typer.Option(min=1, help="Slices of every case.", rich_help_panel=_MAKE)] = 1
    plane: Annotated[
        Literal["axial", "coronal", "sagittal"],
        typer.Option(help="That slices lie in.", rich_help_panel=_MAKE),
    ] = "axial"
    pairs: Annotated[
        Literal["all", "systems", "real"],
        typer.Option(
            help="Comparisons: every two, systems with one another, or each with the real picture.",
            rich_help_panel=_MAKE,
        ),
    ] = "all"
    repeats: Annotated[
        float,
        typer.Option(help="Share of items that are shown once more, 0 to 0.33.", rich_help_panel=_MAKE),
    ] = 0.2
    lesion_labels: Annotated[
        str,
        typer.Option(
            help="Labels of the segmentation that are lesion, such as 1,2,3.", rich_help_panel=_MAKE
        ),
    ] = ""
    subjects: Annotated[
        Path | None,
        typer.Option(
            help="Folder of virtual subjects, whose case.json says where lesions were planted.",
            rich_help_panel=_MAKE,
        ),
    ] = None
    window: Annotated[
        str,
        typer.Option(
            metavar="LOW,HIGH", help="Values from black to white, of all pictures.", rich_help_panel=_MAKE
        ),
    ] = ""
    outside: Annotated[
        bool,
        typer.Option(
            "--outside", help="Show what lies outside the evaluation mask too.", rich_help_panel=_MAKE
        ),
    ] = False
    resample: Annotated[
        bool,
        typer.Option(
            "--resample",
            help="Bring predictions of another grid onto the target's; it smooths them, which readers may see.",
            rich_help_panel=_MAKE,
        ),
    ] = False
    trust_shape: Annotated[
        bool,
        typer.Option(
            "--trust-shape",
            help="Take predictions that have no place in space as lying upon the target's file.",
            rich_help_panel=_MAKE,
        ),
    ] = False
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Same seed, same session; left out, nobody can work the order out.",
            rich_help_panel=_MAKE,
        ),
    ] = None


@grouped
def run(
    action: Annotated[
        Literal["make", "read", "score"],
        typer.Argument(help="make a session, read it as one reader, or score the answers of all readers."),
    ],
    session: Annotated[Path, typer.Argument(help="Folder of the session.")],
    systems: Annotated[
        Sequence[str],
        typer.Argument(
            metavar="FOLDER[=NAME]",
            help="make: evaluations or evaluated runs that kept their volumes (--save-volumes), or folders of predictions.",
        ),
    ] = (),
    key: Annotated[
        Path | None,
        typer.Option(
            help="make and score: the file that says which picture is which; SESSION.key.json beside the folder by default."
        ),
    ] = None,
    *,
    making: ReaderMakeWords,
    name: Annotated[
        str,
        typer.Option(
            help="Name or mark of the reader, who goes on where they stopped.", rich_help_panel=_READ
        ),
    ] = "",
    no_browser: Annotated[
        bool,
        typer.Option("--no-browser", help="Print the address and open no browser.", rich_help_panel=_READ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder of page, record and tables.", rich_help_panel=_SCORE),
    ] = None,
) -> None:
    """Blinded reader studies on this machine: real or synthetic, which is better, is a lesion visible; by keys alone."""
    from transmodal.commands import _reader_sessions as sessions

    words = sessions.ReaderWords(tuple(systems), making, key, name, no_browser, output)
    sessions.refuse_idle(action, words)
    if action == "make":
        sessions.make(session, words)
    elif action == "read":
        sessions.read(session, words)
    else:
        sessions.score(session, words)
