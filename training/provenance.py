"""Where a run happened and on what: versions, machine, commit. The facts that run records carry."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LIBRARIES = (
    "torch",
    "transformers",
    "tokenizers",
    "trl",
    "peft",
    "accelerate",
    "datasets",
    "numpy",
    "ray",
    "xgrammar",
)


def environment(threads: int) -> dict[str, Any]:
    """Versions, machine and commit, for a run record."""
    found: dict[str, Any] = {
        "versions": versions(),
        "device": device(threads),
        "commit": commit(Path(__file__).parent),
    }
    if names := gpus():
        found |= {"gpus": list(names), "cuda": cuda()}
    return found


def now() -> str:
    """ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Python's version and those of the libraries that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def device(threads: int) -> str:
    """The processor in words, with the instructions that matter: ``AMD EPYC, 2 threads,
    avx512_bf16``."""
    name, flags = platform.processor() or platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        text = info.read_text(encoding="utf-8")
        if match := re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE):
            name = match[1].strip()
        known = ("amx_bf16", "avx512_bf16", "avx512f", "avx2")
        flags = next((flag for flag in known if re.search(rf"\b{flag}\b", text)), "")
    return ", ".join(part for part in (name, f"{threads} threads", flags) if part)


def gpus() -> tuple[str, ...]:
    """The names of the GPUs that this process may use; none where torch was not imported."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return ()
    return tuple(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def cuda() -> str:
    """The version of CUDA that torch was built with; empty where it is a build for processors."""
    torch = sys.modules.get("torch")
    return str(torch.version.cuda or "") if torch is not None else ""


def commit(folder: Path) -> str:
    """The git commit the code was at, with ``+`` where files differed from it; empty without
    git."""
    try:
        head = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()
