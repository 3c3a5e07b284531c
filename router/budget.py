"""Spending limits of one answer: reserve before a call, settle after it.

A call's worst case is set aside *before* it starts, so that calls running side by side can never
spend the same money twice. Pure bookkeeping: it calls no model and reads no clock.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from specialists.foundation.config import Config
from specialists.foundation.contracts import Usage
from specialists.foundation.errors import BudgetError

Limit = Literal["calls", "tokens", "cost_usd"]


class Budget(Config):
    """What one answer may consume."""

    calls: int = Field(default=200, ge=0)
    """Calls to models."""
    tokens: int = Field(default=400_000, ge=0)
    """Prompt and completion tokens together."""
    cost_usd: float = Field(default=1.0, ge=0)
    """US dollars, by the prices configured."""
    seconds: float = Field(default=120.0, gt=0)
    """Wall time; what is not done by then is reported as failed."""


@dataclass(frozen=True)
class Amount:
    """What one call takes of each limit."""

    calls: int = 1
    tokens: int = 0
    cost_usd: float = 0.0

    def __post_init__(self) -> None:
        if min(self.calls, self.tokens, self.cost_usd) < 0:
            raise ValueError(f"a call cannot give back more than it took: {self}")


@dataclass(frozen=True)
class Reservation:
    """Money set aside. Settle it exactly once."""

    number: int
    amount: Amount


class Ledger:
    """One answer's account. Safe to use from many tasks and threads.

    Invariant: ``spent + reserved`` is within every limit as long as no call uses more than it
    reserved; where one does, what it used is booked in full and later calls are refused.
    """

    def __init__(self, budget: Budget, spent: Usage = Usage()) -> None:  # noqa: B008 - frozen
        """``spent`` is what an interrupted run of the same answer has used already."""
        self.budget = budget
        self._spent = spent
        self._open: dict[int, Amount] = {}
        self._issued = 0
        self._lock = threading.Lock()

    @property
    def spent(self) -> Usage:
        """What was settled so far."""
        return self._spent

    def reserve(self, amount: Amount) -> Reservation:
        """Set an amount aside.

        Raises:
            BudgetError: it does not fit beside what is spent and what is set aside.
        """
        with self._lock:
            for limit in ("calls", "tokens", "cost_usd"):
                left = self._left(limit)
                if getattr(amount, limit) > left:
                    raise BudgetError(
                        f"the budget of {getattr(self.budget, limit):,} {_WORDS[limit]} an answer "
                        f"is used up ({max(left, 0):,.6g} left, the next call may take "
                        f"{getattr(amount, limit):,.6g})"
                    )
            self._issued += 1
            self._open[self._issued] = amount
            return Reservation(self._issued, amount)

    def settle(self, reservation: Reservation, used: Usage) -> None:
        """Book what a call really used, and free the rest of its reservation.

        Raises:
            ValueError: it was settled before.
        """
        with self._lock:
            if self._open.pop(reservation.number, None) is None:
                raise ValueError(f"reservation {reservation.number} was settled before")
            self._spent = self._spent + used

    def left(self, limit: Limit) -> float:
        """What can still be reserved of a limit; negative after a call outran its reservation."""
        with self._lock:
            return self._left(limit)

    def _left(self, limit: Limit) -> float:
        spent = {
            "calls": self._spent.calls,
            "tokens": self._spent.prompt_tokens + self._spent.completion_tokens,
            "cost_usd": self._spent.cost_usd,
        }[limit]
        held = sum(getattr(amount, limit) for amount in self._open.values())
        return float(getattr(self.budget, limit) - spent - held)


_WORDS: dict[Limit, str] = {"calls": "model calls", "tokens": "tokens", "cost_usd": "US dollars"}
