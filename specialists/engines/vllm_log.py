"""What a vLLM server's log says of why it ended: the lines that matter, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_WHO = re.compile(r"^\([\w ]*pid=\d+\)\s*")
_WHEN = re.compile(r"^[A-Z]+ \d\d-\d\d \d\d:\d\d:\d\d \[[^\]]*\]\s*")
_ERROR = re.compile(
    r"^(?:[\w.]*(?:Error|Exception|Interrupt)\b.*|.*\berror: .*|.*\b[Kk]illed\b.*|Segmentation.*)$"
)
_ECHO = re.compile(
    r"engine core initialization failed|initialization failed due to an exception in a background",
    re.IGNORECASE,
)
"""What one process says because another has failed."""

_ADVICE = (
    (r"less than requested memory for kv", "lower kv_cache_gb, or free memory"),
    (r"less than desired GPU memory", "lower memory_share, or free the GPU"),
    (r"No available memory for the cache", "raise memory_share, or lower context"),
    (r"larger than the (?:maximum|available).*KV cache|KV cache.*is needed",
     "lower context, or give the cache more memory"),
    (r"out of memory|Cannot allocate memory", "lower memory_share, context or sequences"),
    (r"[Aa]ddress already in use", "choose another port, or port = 0 for a free one"),
    (r"(?:libcu|libnv|libnccl)\w*\.so\S*: cannot open shared object",
     "this is torch's CUDA build; install its CPU build, as requirements/vllm-cpu.txt says"),
    (r"unrecognized arguments", "a flag in extra is not one of this vLLM's"),
)  # fmt: skip
_KILLED = 128 + 9


def cause(lines: Sequence[str], *, most: int = 6, last: int = 15) -> tuple[str, ...]:
    """The errors among a log's lines, without repetition.

    Args:
        most: errors to return at most, the last ones.
        last: lines to return when none of them is an error.
    """
    bare = [_bare(line) for line in lines]
    errors = list(dict.fromkeys(line for line in bare if _ERROR.match(line)))
    own = [line for line in errors if not _ECHO.search(line)] or errors
    return tuple(own[-most:]) or tuple(line for line in bare if line.strip())[-last:]


def advice(lines: Sequence[str], code: int) -> str | None:
    """What a person can do about it; None: nothing that is known."""
    text = "\n".join(lines)
    for pattern, words in _ADVICE:
        if re.search(pattern, text):
            return words
    if code == _KILLED:
        return "the system killed it, most often for want of memory: lower kv_cache_gb or context"
    return None


def _bare(line: str) -> str:
    """A line without its colours, process and time."""
    return _WHEN.sub("", _WHO.sub("", _COLOUR.sub("", line))).rstrip()
