"""The public API under one unmistakable name: ``from finroute import Router, Workspace``.

Nothing is defined here, and nothing is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.budget import Budget
    from router.config import Settings
    from router.contracts import Answer, Claim, Question
    from router.router import Router
    from specialists.foundation.errors import FinrouteError
    from specialists.workspace.versions import Workspace

__all__ = [
    "Answer",
    "Budget",
    "Claim",
    "FinrouteError",
    "Question",
    "Router",
    "Settings",
    "Workspace",
]

_HOMES = {
    "Answer": "router.contracts",
    "Budget": "router.budget",
    "Claim": "router.contracts",
    "FinrouteError": "specialists.foundation.errors",
    "Question": "router.contracts",
    "Router": "router.router",
    "Settings": "router.config",
    "Workspace": "specialists.workspace.versions",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
