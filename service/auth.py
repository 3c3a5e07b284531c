"""Who may ask: API keys, known by their hashes alone.

A key is 256 random bits, so that a plain SHA-256 of it is enough: there is no dictionary to try.
Where no key is configured the door opens to this machine only, and to no web page on it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from service.config import Key, ServiceSettings, is_loopback
from specialists.foundation.errors import FinrouteError

_bearer = HTTPBearer(auto_error=False, description="An API key.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key.")


class Unauthorized(FinrouteError):
    """No API key, or none that is known."""

    status = 401


class Forbidden(FinrouteError):
    """A caller that an unguarded service does not talk to."""

    status = 403


def new_key(name: str) -> tuple[str, Key]:
    """A fresh key: what its holder keeps, and what the settings keep."""
    key = f"fr_{secrets.token_urlsafe(32)}"
    return key, Key(name=name, sha256=digest(key))


def digest(key: str) -> str:
    """A key's SHA-256 in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def holder(key: str, keys: tuple[Key, ...]) -> str | None:
    """Whose key this is. Takes the same time whichever it is, or none."""
    given, found = digest(key), None
    for known in keys:
        if hmac.compare_digest(given, known.sha256):
            found = known.name
    return found


async def admit(
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
) -> str:
    """Let a caller in; the name of their key, or ``local``.

    Raises:
        Unauthorized: keys are configured and none of them was sent.
        Forbidden: no keys are configured and the request comes by another name than this machine's
            own, as from a web page that was made to point here.
    """
    settings: ServiceSettings = request.app.state.settings
    if settings.keys:
        key = bearer.credentials if bearer is not None else header
        name = holder(key, settings.keys) if key else None
        if name is None:
            raise Unauthorized(
                "send a valid API key, as 'Authorization: Bearer …' or 'X-API-Key: …'"
            )
        return name
    origin = request.headers.get("origin")
    for url in (f"//{request.headers.get('host', '')}", *([origin] if origin else [])):
        if not is_loopback(urlsplit(url).hostname or ""):
            raise Forbidden("without API keys only this machine is answered")
    return "local"


Caller = Annotated[str, Depends(admit)]
"""A caller who was let in, by the name of their key."""
