"""What a model server's refusal means: its status and its words as one of this project's errors."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime
from typing import Any, cast

from specialists.foundation.errors import (
    AdapterError,
    ContextOverflow,
    EngineError,
    Overloaded,
    Unavailable,
)

PAUSE_S = 1.0
"""How long to wait where an overloaded server does not say."""

# vLLM leaves a reply the room that is left, and where none is left says it got 0 tokens to write.
_TOO_LONG = re.compile(
    r"context[ _]length|maximum context|reads at most|max_tokens must be at least 1, got 0",
    re.IGNORECASE,
)


def refusal(
    status: int,
    body: object,
    *,
    url: str,
    model: str,
    adapter: str | None,
    retry_after: str | None = None,
) -> EngineError:
    """The error that an HTTP status of 300 or more stands for.

    Args:
        body: JSON where the server sent that, else text.
        retry_after: that header.
    """
    said = words(body) or "nothing"
    if status == 429 or (status == 503 and retry_after is not None):
        return Overloaded(f"{url} has no room now ({status}): {said}", pause(retry_after))
    if status >= 500 or status == 408:
        return Unavailable(f"{url} failed ({status}): {said}")
    if status in (401, 403):
        return EngineError(f"{url} refused the key ({status}): {said}")
    if status == 404 and _names_a_model(body):
        if adapter is not None:
            return AdapterError(f"{url} serves no adapter named {adapter}: {said}")
        return EngineError(f"{url} serves no model named {model}: {said}")
    if status in (400, 413, 422) and _TOO_LONG.search(said):
        return ContextOverflow(f"{model} at {url}: {said}")
    return EngineError(f"{url} refused the request ({status}): {said}")


def words(body: object) -> str:
    """What a server says in the body of an error: its message, or the beginning of its text."""
    error = _error(body)
    for key in ("message", "detail"):
        if isinstance(error.get(key), str):
            return str(error[key])
    return str(body).strip()[:200] if body else ""


def pause(retry_after: str | None) -> float:
    """Seconds that a ``Retry-After`` header asks for: it holds a number, or a date (RFC 9110)."""
    if retry_after is None:
        return PAUSE_S
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return PAUSE_S


def _error(body: object) -> dict[str, Any]:
    """``{"error": {…}}`` as OpenAI has it, or the error alone."""
    if not isinstance(body, dict):
        return {}
    told = cast(dict[str, Any], body)
    inner = told.get("error")
    return cast(dict[str, Any], inner) if isinstance(inner, dict) else told


def _names_a_model(body: object) -> bool:
    """Whether a 404 is about the model: a wrong path has one, too."""
    error = _error(body)
    if error.get("param") == "model" or error.get("code") == "model_not_found":
        return True
    return "model" in words(body).lower()
