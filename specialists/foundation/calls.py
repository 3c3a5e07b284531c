"""The call under way: for whom it is made, and until when its answer is of use.

Both are facts about the caller that every floor below needs and none of them decides, so they
travel beside the arguments, as a trace id does: engines tell servers apart by tenant and wait no
longer than the deadline.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class _Call:
    tenant: str | None = None
    deadline: float | None = None


_NOBODY = _Call()
_CALL: ContextVar[_Call] = ContextVar("finroute_call", default=_NOBODY)


@contextmanager
def calling(*, tenant: str | None = None, deadline: float | None = None) -> Generator[None]:
    """Make calls for a tenant, or with a deadline; inside another such block it adds to that.

    Args:
        tenant: whose call it is: nothing that is cached for one is seen by another.
        deadline: when the answer is of no more use, by ``time.monotonic``. An earlier one of a
            block round this one holds on.
    """
    outer = _CALL.get()
    known = [each for each in (outer.deadline, deadline) if each is not None]
    call = _Call(outer.tenant if tenant is None else tenant, min(known, default=None))
    token = _CALL.set(call)
    try:
        yield
    finally:
        _CALL.reset(token)


def tenant() -> str | None:
    """For whom the call is made; None: nobody in particular."""
    return _CALL.get().tenant


def remaining() -> float | None:
    """Seconds until the deadline, negative past it; None: there is none."""
    deadline = _CALL.get().deadline
    return None if deadline is None else deadline - time.monotonic()
