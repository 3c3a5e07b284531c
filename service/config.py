"""Settings of the HTTP door: ``service.toml``. The router has its own settings in its own file."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from specialists.foundation.config import Config
from specialists.foundation.errors import ConfigError
from specialists.workspace import home


class Key(Config):
    """An API key that is let in. The key itself is nowhere kept."""

    name: str = Field(min_length=1, max_length=80)
    """Who holds it, as logs show it."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the key, in hexadecimal: ``finroute serve --new-key NAME`` makes both."""


class ServiceSettings(Config):
    """Everything about serving."""

    host: str = "127.0.0.1"
    """Address to listen on. Without keys only this machine's own."""
    port: int = Field(default=8080, ge=0, le=65_535)
    """Port to listen on; 0 takes a free one."""
    keys: tuple[Key, ...] = ()
    """Who may ask. None: whoever is on this machine."""
    workspaces: tuple[str, ...] = ()
    """Workspaces that may be asked. None named: all there are."""
    max_body_bytes: int = Field(default=65_536, ge=1_024)
    """Size of a request's body."""
    max_answers: int = Field(default=8, ge=1)
    """Answers under way at once; a further question is told to come back."""
    keep_alive_s: float = Field(default=15.0, gt=0)
    """Silence on an event stream after which a comment is sent, so that no proxy closes it."""
    stop_s: int = Field(default=10, ge=0)
    """Seconds that answers under way are given when the service stops."""

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [key.name for key in self.keys]
        if len(set(names)) != len(names):
            raise ValueError("two keys have the same name")
        return self

    def check_address(self) -> None:
        """Refuse to open an unguarded door to other machines.

        Raises:
            ConfigError: no keys, and an address that others can reach.
        """
        if not self.keys and not is_loopback(self.host):
            raise ConfigError(
                f"without API keys the service listens on this machine only, not on {self.host}: "
                "add keys to service.toml (finroute serve --new-key NAME makes one), or listen on "
                "127.0.0.1"
            )


def load(path: Path | None = None, overrides: Sequence[str] = ()) -> ServiceSettings:
    """The settings of a file; None: ``service.toml`` of the home folder if there is one.

    Raises:
        ConfigError: an unreadable or invalid file.
    """
    if path is None:
        own = home.home() / "service.toml"
        path = own if own.is_file() else None
    return ServiceSettings.load(path, overrides)


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
