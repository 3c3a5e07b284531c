"""Which machine measured, and when: for reports."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from pathlib import Path


def device(threads: int) -> str:
    """The processor in words: ``AMD EPYC, 2 threads``."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        match = re.search(r"^model name\s*:\s*(.+)$", info.read_text("utf-8"), re.MULTILINE)
        name = match[1].strip() if match else name
    return f"{name}, {threads} thread{'s' if threads != 1 else ''}"


def now() -> str:
    """ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")
