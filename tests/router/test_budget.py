"""Reserve, then settle: nothing is spent twice, whatever runs beside it."""

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.budget import Amount, Budget, Ledger
from specialists.foundation.contracts import Usage
from specialists.foundation.errors import BudgetError

CALLS = st.lists(
    st.tuples(
        st.integers(0, 400),  # tokens reserved
        st.floats(0, 0.3),  # dollars reserved
        st.floats(0, 1),  # share of the reservation that is used
        st.integers(0, 3),  # turns of the loop it takes
    ),
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(CALLS, st.integers(0, 12), st.integers(0, 1500), st.floats(0, 1))
def test_calls_side_by_side_never_overspend(calls, most_calls, most_tokens, most_dollars):
    budget = Budget(calls=most_calls, tokens=most_tokens, cost_usd=most_dollars)
    ledger = Ledger(budget)
    refused = 0

    async def one(tokens: int, dollars: float, share: float, turns: int) -> None:
        nonlocal refused
        try:
            held = ledger.reserve(Amount(calls=1, tokens=tokens, cost_usd=dollars))
        except BudgetError:
            refused += 1
            return
        for _ in range(turns):
            await asyncio.sleep(0)
        used = Usage(calls=1, prompt_tokens=int(tokens * share), cost_usd=dollars * share)
        ledger.settle(held, used)

    async def all_of_them() -> None:
        await asyncio.gather(*(one(*call) for call in calls))

    asyncio.run(all_of_them())
    spent = ledger.spent
    assert spent.calls == len(calls) - refused <= most_calls
    assert spent.prompt_tokens <= most_tokens
    assert spent.cost_usd <= most_dollars + 1e-9
    assert ledger.left("calls") == most_calls - spent.calls  # nothing stays reserved


def test_threads_do_not_overspend_either():
    ledger = Ledger(Budget(calls=50))
    taken: list[int] = []
    gate = threading.Barrier(8)

    def many() -> None:
        gate.wait()
        for _ in range(20):
            try:
                held = ledger.reserve(Amount())
            except BudgetError:
                continue
            taken.append(1)
            ledger.settle(held, Usage(calls=1))

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == ledger.spent.calls == 50


def test_a_reservation_is_settled_once():
    ledger = Ledger(Budget())
    held = ledger.reserve(Amount(tokens=5))
    ledger.settle(held, Usage(calls=1))
    with pytest.raises(ValueError, match="settled before"):
        ledger.settle(held, Usage(calls=1))
    assert ledger.spent.calls == 1


def test_a_call_that_outran_its_reservation_is_booked_in_full_and_stops_the_next():
    ledger = Ledger(Budget(tokens=100))
    ledger.settle(ledger.reserve(Amount(tokens=90)), Usage(calls=1, completion_tokens=130))
    assert ledger.left("tokens") == -30
    with pytest.raises(BudgetError, match="budget of 100 tokens"):
        ledger.reserve(Amount(tokens=1))


def test_what_an_interrupted_run_spent_counts():
    ledger = Ledger(Budget(calls=3), spent=Usage(calls=2))
    ledger.reserve(Amount())
    with pytest.raises(BudgetError, match="model calls"):
        ledger.reserve(Amount())


def test_a_negative_amount_is_no_amount():
    with pytest.raises(ValueError, match="give back"):
        Amount(tokens=-1)
