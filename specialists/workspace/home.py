"""Where workspaces and answers live by default: ``$FINROUTE_HOME`` or ``~/.finroute``."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The project's folder of this user. Not created here."""
    named = os.environ.get("FINROUTE_HOME", "").strip()
    return Path(named).expanduser() if named else Path.home() / ".finroute"


def workspaces() -> Path:
    """The folder that holds one folder a workspace."""
    return home() / "workspaces"
