"""A reader of others that never comes back, or brings its process down, costs one file and is named."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from promises.corpus import all_entries
from promises.peer_process import PeerProcess
from promises.readers import Read, peers
from promises.verdicts import Verdict

NAMES = ("nifti/qform alone.nii", "nifti/sform alone.nii", "nifti/coordinates of MNI.nii")


def unreliable_readers() -> Mapping[str, Read]:
    """Return a reader of NIfTI that never ends at one file, dies at another, and reads the third."""

    def read(path: Path) -> object:
        if path.parent.name == "0":
            for _ in iter(int, 1):
                pass
        if path.parent.name == "1":
            os._exit(1)
        return peers()["nibabel"]["nifti"](path)

    return {"nifti": read}


def test_it_goes_on_behind_a_file_that_stops_a_reader(tmp_path: Path) -> None:
    entries = {entry.name: entry for entry in all_entries()}
    verdicts = []
    with PeerProcess("odd", unreliable_readers) as process:
        for number, name in enumerate(NAMES):
            (tmp_path / str(number)).mkdir()
            path = entries[name].write(tmp_path / str(number))
            verdicts.append(process.judge(name, path, longest_s=1.0))
    assert verdicts == [Verdict("stuck", "no end"), Verdict("stuck", "crash"), Verdict("right")]
