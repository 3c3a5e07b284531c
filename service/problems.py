"""Errors as problem documents (RFC 9457): every refusal has the same shape.

``type`` is a name, not an address: ``urn:finroute:question-error``. What this project raises on
purpose is told in full; anything else is logged and told as an internal error without its text.
"""

from __future__ import annotations

import logging
import math
import re
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from specialists.foundation.contracts import Value
from specialists.foundation.errors import FinrouteError, Overloaded

MEDIA_TYPE = "application/problem+json"
CANCELLED = 499
RETRY_S = 5
"""How long to wait where what refuses does not say."""
log = logging.getLogger("finroute.service")


class Problem(Value):
    """What went wrong."""

    type: str
    """``urn:finroute:`` and the error's name."""
    title: str
    status: int
    detail: str
    """For a person to read; says what would be right."""
    errors: tuple[dict[str, str], ...] = ()
    """For a request that is not valid: where and what."""


class Busy(FinrouteError):
    """As many answers as may are under way."""

    status = 429


def problem(error: Exception) -> Problem:
    """An error as a problem document."""
    if isinstance(error, FinrouteError):
        return _problem(type(error).__name__, error.status, str(error))
    if isinstance(error, HTTPException):
        return _problem(_phrase(error.status_code), error.status_code, str(error.detail))
    if isinstance(error, RequestValidationError):
        found = tuple(
            {"at": ".".join(map(str, e["loc"])), "message": str(e["msg"])} for e in error.errors()
        )
        told = "; ".join(f"{e['at']}: {e['message']}" for e in found)
        return _problem("RequestError", 422, told).model_copy(update={"errors": found})
    return _problem("InternalError", 500, "an internal error; the service's log says more")


def response(error: Exception) -> JSONResponse:
    """An error as an HTTP response."""
    found = problem(error)
    headers = {"Cache-Control": "no-store"}
    if found.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if found.status in (429, 503):
        wait = error.retry_after if isinstance(error, Overloaded) else RETRY_S
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    body = found.model_dump(exclude=set() if found.errors else {"errors"})
    return JSONResponse(body, found.status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem document."""

    async def handle(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, FinrouteError | HTTPException | RequestValidationError):
            log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return response(error)

    for kind in (FinrouteError, HTTPException, RequestValidationError, Exception):
        app.add_exception_handler(kind, handle)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a path, for OpenAPI."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": _phrase(status), "model": Problem, "content": {MEDIA_TYPE: schema}}
        for status in statuses
    }


def _problem(name: str, status: int, detail: str) -> Problem:
    slug = re.sub(r"(?<=[a-z])(?=[A-Z])|\s+", "-", name).lower()
    title = slug.replace("-", " ").capitalize()
    return Problem(type=f"urn:finroute:{slug}", title=title, status=status, detail=detail)


def _phrase(status: int) -> str:
    return "Client closed request" if status == CANCELLED else HTTPStatus(status).phrase
