"""Several processes that learn together under ``accelerate launch``: how many, and which is first.

They share one run and one folder: the first one writes and says, the others do neither. Told by the
environment that the launcher sets; nothing is imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def count() -> int:
    """Processes that learn together; 1 without a launcher."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """This one's number."""
    return int(os.environ.get("RANK", "0"))


def first() -> bool:
    """This is the one that writes and says."""
    return rank() == 0


def heard(say: Callable[[str], None]) -> Callable[[str], None]:
    """What is said by the first process is heard, what the others say is not."""
    return say if first() else _silent


def _silent(text: str) -> None:
    pass


def in_turn(cpu: bool) -> Any:
    """A context in which the first process goes first, and the others follow when it is through:
    for what one of them does for all, into the run's folder."""
    from contextlib import nullcontext

    if count() == 1:
        return nullcontext()
    from datetime import timedelta

    from accelerate import PartialState

    # Asking a teacher may take days; waiting for it must not count as having hung.
    return PartialState(cpu=cpu, timeout=timedelta(days=7)).main_process_first()
