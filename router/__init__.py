"""Who should answer: plans a question, delegates to specialists, composes a sourced answer.

The public face is loaded when first used, so that ``import router`` costs nothing: no model
library, no query engine, no graph library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.budget import Budget
    from router.contracts import Answer, Claim, Question
    from router.router import Router

__all__ = ["Answer", "Budget", "Claim", "Question", "Router"]

_HOMES = {
    "Answer": "router.contracts",
    "Budget": "router.budget",
    "Claim": "router.contracts",
    "Question": "router.contracts",
    "Router": "router.router",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
