"""Large records without the search for cycles: they have none, and looking for them takes longer than reading."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pause_collecting() -> Iterator[None]:
    """Keep Python's collector of cycles from running meanwhile, and let it run again afterwards if it ran before.

    It starts anew each time that many objects were made, and goes through all of them: what takes a time per object
    takes one per object and thousand objects instead.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
