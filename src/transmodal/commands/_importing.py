"""Importing in the words of the command line, for the command and for Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from transmodal.errors import UsageError
from transmodal.exporting import card
from transmodal.importing.image_translation import Knowledge, windows_of, write_run
from transmodal.storage import memory, outputs


@memory.guarded("weights were imported", "Free memory.")
def import_weights(
    weights: str | Path,
    output: str | Path,
    *,
    source: str | Sequence[str],
    target: str,
    intensity: Sequence[str] | Mapping[str, str],
    size: str | Sequence[int] = "256,256",
    fit: str = "pad",
    axes: str | Sequence[str] = "z",
) -> Path:
    """Write `latest_net_G.pth` of the pix2pix and CycleGAN family as a run, as `transmodal import` does.

    Args:
        weights: the file; nothing of it is unpickled but tensors.
        output: run folder to write.
        source: source modalities, such as `t1`, or `t1,t2` in the order of the network's channels.
        target: target modality.
        intensity: what became -1 to 1 when the network was trained, for each modality: `ct=-1000,2000` in real units,
            or `t1=p0.5,p99.5` in percentiles; the target's is in real units.
        size: sides of the windows that it was trained on.
        fit: how slices came to them: `pad`, `keep` (pad to the aspect, then resize) or `ignore` (resize each side).
        axes: slice axes, such as `z`.

    Returns:
        The output.

    Raises:
        UsageError: E001 and E003 for words that do not fit, E004 for modalities that do not fit the network or have no
            intensity, E005 for a place that is taken.
        InputError: E100 when there is no such file, E101 when it is no file of tensors.
        IntegrityError: E502 for weights of another family.
    """
    place = Path(output)
    if place.exists():
        raise UsageError("E005", f"{place} exists", "a new folder", "Choose another.")
    outputs.check_folder(place)
    knowledge = Knowledge(
        tuple(_words(source)),
        target,
        windows_of(
            [f"{name}={ends}" for name, ends in intensity.items()]
            if isinstance(intensity, Mapping)
            else intensity
        ),
        _sides(size),
        fit,
        tuple(_words(axes)),
    )
    _check(knowledge)
    with outputs.os_errors():
        place.absolute().parent.mkdir(parents=True, exist_ok=True)
    write_run(Path(weights), place, knowledge)
    card.refresh(place)
    return place


def _words(words: str | Sequence[str]) -> list[str]:
    return words.split(",") if isinstance(words, str) else list(words)


def _sides(size: str | Sequence[int]) -> tuple[int, int]:
    try:
        rows, columns = (int(side) for side in (size.split(",") if isinstance(size, str) else size))
    except ValueError as error:
        raise UsageError("E001", f"--size {size}", "two whole numbers", "Give --size 256,256.") from error
    return rows, columns


def _check(knowledge: Knowledge) -> None:
    """Refuse modalities without an intensity, which no file tells, and a target without a fixed window."""
    names = [*knowledge.sources, knowledge.target]
    missing = [name for name in names if name not in knowledge.intensity]
    if missing:
        raise UsageError(
            "E004",
            f"no intensity of {', '.join(missing)}",
            "what became -1 to 1 when the network was trained",
            f"Name it: --intensity {missing[0]}=LOW,HIGH",
        )
    if knowledge.intensity[knowledge.target]["method"] != "window":
        raise UsageError(
            "E004",
            f"percentiles of the target {knowledge.target}",
            "real values, which the network's output is mapped back to",
            f"Name them: --intensity {knowledge.target}=LOW,HIGH",
        )
