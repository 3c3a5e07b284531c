"""A model's last reply as one JSON object: what the jobs that answer in JSON read it with.

Strict, because a reply is judged and paid: what could be read in two ways is no answer. Two
objects, words around one, a key said twice, a number that is not finite are all refused. It knows
no job's keys.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from specialists.foundation.errors import AnswerError

LONGEST = 20_000
"""Characters of a reply, at most."""
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


def one_object(text: str) -> dict[str, Any]:
    """The JSON object that a reply is. A code fence around it is forgiven, nothing else is.

    Raises:
        AnswerError: not one JSON object; the message says what is wrong.
    """
    if len(text) > LONGEST:
        raise AnswerError(f"the reply has {len(text):,} characters, more than {LONGEST:,}")
    fenced = _FENCE.match(text)
    try:
        data = json.loads(
            fenced[1] if fenced else text,
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except (ValueError, RecursionError) as error:
        raise AnswerError(f"not one JSON object: {text[:200]!r} ({error})") from error
    if not isinstance(data, dict):
        raise AnswerError(f"not one JSON object: {text[:200]!r}")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("a key is said twice")
    return data


def _whole(text: str) -> int:
    _finite(text)
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value
