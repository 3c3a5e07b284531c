"""Pool: who is called, who waits, what is tried again, what is left behind.

The servers here are engines that do as they are told, so that order and number can be asserted;
``test_pool_faults`` breaks real ones.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.engines.attempts import backoff
from specialists.engines.breaker import Breaker, BreakerSettings
from specialists.engines.hedging import patience
from specialists.engines.pool import Pool, PoolSettings
from specialists.engines.replica import Replica
from specialists.foundation.calls import calling
from specialists.foundation.contracts import (
    Completion,
    Delta,
    Message,
    ReplySchema,
    Sampling,
    TokenLogprob,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import (
    AdapterError,
    Cancelled,
    ContextOverflow,
    EngineError,
    Overloaded,
    Unavailable,
)

ASK = [Message(role="user", content="net up 12 %?")]
Act = str | Exception | asyncio.Event
"""What a server does next: say these words, raise this, wait for that and then answer."""


class Obedient:
    """A server that does what it was told in advance, then answers every call with its name."""

    model = "base"

    def __init__(self, name: str, *acts: Act, always: Act | None = None) -> None:
        self.url = f"http://{name}"
        self.acts = list(acts)
        self.always: Act = name if always is None else always
        self.asked: list[str | None] = []
        self.left = 0
        self.closed = False

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        self.asked.append(adapter)
        await asyncio.sleep(0)
        return completion(await self._act())

    async def stream(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> AsyncGenerator[Delta | Completion]:
        """Says the words one by one; words that end in … break off there."""
        self.asked.append(adapter)
        words = await self._act()
        try:
            for word in words.removesuffix("…"):
                await asyncio.sleep(0)
                yield Delta(text=word)
        except (asyncio.CancelledError, GeneratorExit):
            self.left += 1
            raise
        if words.endswith("…"):
            raise Unavailable(f"{self.url} broke off")
        yield completion(words)

    async def score(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[TokenLogprob, ...]:
        self.asked.append(adapter)
        return (TokenLogprob(text=await self._act(), logprob=-1.0),)

    async def healthy(self) -> bool:
        return True

    async def aclose(self) -> None:
        self.closed = True

    async def _act(self) -> str:
        act = self.acts.pop(0) if self.acts else self.always
        if isinstance(act, Exception):
            raise act
        if isinstance(act, str):
            return act
        try:
            await act.wait()
        except asyncio.CancelledError:
            self.left += 1
            raise
        return self.url


def completion(text: str) -> Completion:
    return Completion(
        message=Message(role="assistant", content=text),
        finish_reason="stop",
        usage=Usage(calls=1, completion_tokens=1),
        first_token_s=0.0,
    )


def replica(server: Obedient, *adapters: str, breaker: Breaker | None = None) -> Replica:
    return Replica(server, breaker or Breaker(), base_ok=True, adapters=set(adapters))


def pool(*servers: Obedient, **settings: object) -> Pool:
    chosen = PoolSettings.model_validate({"backoff_s": 1e-3, "backoff_cap_s": 2e-3, **settings})
    return Pool("base", [replica(server, "a") for server in servers], chosen)


def down(text: str = "no answer") -> Unavailable:
    return Unavailable(text)


async def said(made: Pool, adapter: str | None = None) -> str:
    return (await made.chat(ASK, adapter=adapter)).message.content


async def going_on(*, turns: int = 20) -> None:
    """Let whatever can go on, go on."""
    for _ in range(turns):
        await asyncio.sleep(0)


def assert_nothing_is_left(made: Pool) -> None:
    assert [each.in_flight for each in made.replicas] == [0] * len(made.replicas)
    assert made.stats().waiting == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


# --- who is called ------------------------------------------------------------------------------


async def test_calls_one_after_another_go_round() -> None:
    made = pool(*map(Obedient, "xyz"))
    assert sorted([await said(made) for _ in range(9)]) == list("xxxyyyzzz")


async def test_the_least_busy_is_called() -> None:
    done = asyncio.Event()
    busy, free = Obedient("busy", done, done, done), Obedient("free")
    made = pool(busy, free)
    held = [asyncio.create_task(said(made)) for _ in range(2)]
    await going_on()
    assert [await said(made) for _ in range(3)] == ["free"] * 3
    done.set()
    await asyncio.gather(*held)
    assert_nothing_is_left(made)


async def test_an_adapter_is_asked_for_only_where_it_was_attested() -> None:
    bare, full = Obedient("bare"), Obedient("full")
    made = pool(bare, full)
    made.replicas[0].adapters = {"b"}
    made.replicas[1].base_ok = False
    assert {await said(made, "a") for _ in range(4)} == {"full"}
    assert {await said(made) for _ in range(4)} == {"bare"}


async def test_nothing_is_sent_where_nothing_was_attested() -> None:
    made = Pool("base", [Replica(Obedient("new"))])
    with pytest.raises(Unavailable, match="http://new: base is not attested there"):
        await said(made)
    with pytest.raises(Unavailable, match="a is not attested there"):
        await said(made, "a")


async def test_why_nobody_can_serve_is_said_of_each() -> None:
    made = pool(*map(Obedient, "wxyz"))
    made.replicas[0].up = False
    made.replicas[1].adapters.clear()
    broken = made.replicas[2].breaker
    for _ in range(5):
        broken.failed(broken.enter())
    made.replicas.pop()
    with pytest.raises(Unavailable) as raised:
        await said(made, "a")
    told = str(raised.value)
    assert "http://w: down" in told
    assert "http://x: a is not attested there" in told
    assert "http://y: left alone for" in told
    assert "http://z" not in told
    with pytest.raises(Unavailable, match="there are none"):
        await said(Pool("base"))


# --- what is tried again ------------------------------------------------------------------------


async def test_another_server_answers() -> None:
    bad = Obedient("bad", always=down())
    made = pool(bad, Obedient("good"))
    assert [await said(made) for _ in range(8)] == ["good"] * 8
    assert len(bad.asked) == 5  # then it was left alone
    assert made.stats().counts.retried == 5
    assert made.stats().replicas[0].breaker == "open"


async def test_the_only_server_is_asked_again() -> None:
    made = pool(Obedient("x", down(), down()))
    assert await said(made) == "x"


async def test_attempts_are_counted_and_each_failure_told() -> None:
    servers = [Obedient("x", always=down("refused")), Obedient("y", always=down("HTTP 500"))]
    made = pool(*servers, attempts=3)
    with pytest.raises(Unavailable, match=r"in 3 attempts.*http://x: refused; http://y: HTTP 500"):
        await said(made)
    assert sum(len(each.asked) for each in servers) == 3
    assert_nothing_is_left(made)


@pytest.mark.parametrize(
    "error",
    [ContextOverflow("too long"), EngineError("HTTP 400"), Cancelled("late"), ValueError("bug")],
)
async def test_what_is_about_the_call_itself_is_raised_at_once(error: Exception) -> None:
    servers = [Obedient(name, always=error) for name in "xy"]
    made = pool(*servers, breaker={"trip_after": 1})
    with pytest.raises(type(error)):
        await said(made)
    assert sum(len(each.asked) for each in servers) == 1
    assert {each.breaker.state for each in made.replicas} == {"closed"}


async def test_a_busy_server_is_left_for_another() -> None:
    made = pool(Obedient("x", Overloaded("full", 3)), Obedient("y"))
    assert await said(made) == "y"


async def test_where_all_are_busy_the_longest_wait_is_told() -> None:
    servers = [Obedient(str(s), always=Overloaded("full", s)) for s in (3.0, 7.0, 5.0)]
    made = pool(*servers, attempts=9)
    with pytest.raises(Overloaded, match=r"busy: http://3.0: full") as raised:
        await said(made)
    assert raised.value.retry_after == 7
    assert [len(each.asked) for each in servers] == [1, 1, 1]


async def test_a_lost_adapter_is_reported_and_asked_for_elsewhere() -> None:
    lost: list[tuple[str, str | None]] = []
    restarted = Obedient("x", AdapterError("no such model"))
    made = Pool(
        "base",
        [replica(restarted, "a", "b"), replica(Obedient("y"), "a")],
        missing=lambda where, adapter: lost.append((where.url, adapter)),
    )
    assert [await said(made, "a") for _ in range(3)] == ["y"] * 3
    assert lost == [("http://x", "a")]
    assert made.replicas[0].adapters == {"b"}
    assert restarted.asked == ["a"]


async def test_scores_are_retried_alike() -> None:
    made = pool(Obedient("x", down()), Obedient("y"))
    (scored,) = await made.score(ASK, adapter="a")
    assert scored.text == "y"


@given(st.integers(1, 2000), st.floats(1e-3, 10), st.floats(1e-3, 10))
def test_backoff_stays_within_its_bounds(failures: int, base_s: float, cap_s: float) -> None:
    assert 0 <= backoff(failures, base_s=base_s, cap_s=cap_s) <= cap_s
    assert backoff(1, base_s=base_s, cap_s=cap_s) <= base_s


async def test_a_server_that_hangs_is_found_out_by_callers_that_leave() -> None:
    now = [0.0]
    hung = Obedient("hung", always=asyncio.Event())
    breaker = Breaker(BreakerSettings(trip_after=2, stalled_s=30), clock=lambda: now[0])
    made = Pool("base", [replica(hung, breaker=breaker)])
    for _ in range(2):
        call = asyncio.create_task(said(made))
        await going_on()
        now[0] += 31
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert breaker.state == "open"


# --- who waits ----------------------------------------------------------------------------------


async def test_places_are_given_in_the_order_of_asking() -> None:
    gates = [asyncio.Event() for _ in range(4)]
    made = pool(Obedient("x", *gates), concurrency=1)
    done: list[int] = []

    async def ask(n: int) -> None:
        await said(made)
        done.append(n)

    tasks = [asyncio.create_task(ask(n)) for n in range(4)]
    await going_on()
    assert made.replicas[0].in_flight == 1
    assert made.stats().waiting == 3
    for gate in gates:
        gate.set()
    await asyncio.gather(*tasks)
    assert done == [0, 1, 2, 3]
    assert_nothing_is_left(made)


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    gate = asyncio.Event()
    server = Obedient("x", always=gate)
    made = pool(server, concurrency=2, queue=3)
    made.replicas[0].held_s.extend([4.0, 8.0])
    tasks = [asyncio.create_task(said(made)) for _ in range(5)]
    await going_on()
    with pytest.raises(Overloaded, match="3 calls wait already") as raised:
        await said(made)
    assert raised.value.retry_after == 6 * 4 / 2  # mean seconds, times those ahead, over places
    assert made.stats().counts.refused == 1
    gate.set()
    assert len(await asyncio.gather(*tasks)) == 5
    assert_nothing_is_left(made)


async def test_who_leaves_the_queue_gives_the_place_up() -> None:
    gate = asyncio.Event()
    server = Obedient("x", gate)
    made = pool(server, concurrency=1, queue=2)
    first, second, third = (asyncio.create_task(said(made)) for _ in range(3))
    await going_on()
    second.cancel()
    await going_on()
    assert made.stats().waiting == 1
    gate.set()
    await going_on(turns=1)
    assert (await first, await third) == ("http://x", "x")
    assert_nothing_is_left(made)


async def test_who_leaves_just_when_a_place_is_free_passes_it_on() -> None:
    gate = asyncio.Event()
    made = pool(Obedient("x", gate), concurrency=1)
    first, second, third = (asyncio.create_task(said(made)) for _ in range(3))
    await going_on()
    first.add_done_callback(lambda _: second.cancel())
    gate.set()
    await first
    second.cancel()
    assert await third == "x"
    await asyncio.gather(second, return_exceptions=True)
    assert_nothing_is_left(made)


async def test_a_busy_adapter_holds_up_nobody_else() -> None:
    gate = asyncio.Event()
    made = Pool(
        "base",
        [replica(Obedient("x", gate), "a"), replica(Obedient("y"), "b")],
        PoolSettings(concurrency=1),
    )
    held = [asyncio.create_task(said(made, "a")) for _ in range(3)]
    await going_on()
    assert await said(made, "b") == "y"
    gate.set()
    await asyncio.gather(*held)


async def test_a_replica_that_comes_serves_who_waits() -> None:
    gate = asyncio.Event()
    made = pool(Obedient("x", gate), concurrency=1)
    held, waiting = (asyncio.create_task(said(made)) for _ in range(2))
    await going_on()
    made.replicas.append(replica(Obedient("y")))
    made.wake()
    assert await waiting == "y"
    gate.set()
    await held


async def test_who_waits_for_a_server_that_goes_is_told() -> None:
    gate = asyncio.Event()
    made = pool(Obedient("x", gate), concurrency=1)
    held, waiting = (asyncio.create_task(said(made)) for _ in range(2))
    await going_on()
    made.replicas[0].up = False
    gate.set()
    assert await held == "http://x"
    with pytest.raises(Unavailable, match="down"):
        await waiting


async def test_an_adapter_is_drained_when_its_last_caller_has_an_answer() -> None:
    gate = asyncio.Event()
    made = pool(Obedient("x", gate), concurrency=1)
    held, queued = (asyncio.create_task(said(made, "a")) for _ in range(2))
    await going_on()
    await made.drained("b")
    drained = asyncio.create_task(made.drained("a"))
    await going_on()
    assert not drained.done()
    gate.set()
    await drained
    assert held.done()
    assert queued.done()


# --- deadlines, and callers that leave ----------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_a_deadline_ends_calls_and_waits(concurrency: int) -> None:
    hung = Obedient("x", always=asyncio.Event())
    made = pool(hung, concurrency=concurrency)
    with calling(deadline=time.monotonic() + 0.05):
        ends = await asyncio.gather(*(said(made) for _ in range(2)), return_exceptions=True)
        assert [type(end) for end in ends] == [Cancelled] * 2
        with pytest.raises(Cancelled, match="deadline"):
            await said(made)
    assert hung.left == concurrency
    assert_nothing_is_left(made)


async def test_no_backoff_goes_beyond_the_deadline() -> None:
    made = pool(Obedient("x", always=down("HTTP 500")), attempts=99, backoff_s=60)
    made.settings = PoolSettings(attempts=99, backoff_s=1e6, backoff_cap_s=1e6)
    with calling(deadline=time.monotonic() + 5), pytest.raises(Unavailable, match="HTTP 500"):
        await said(made)


async def test_a_caller_that_leaves_stops_the_server() -> None:
    hung = Obedient("x", always=asyncio.Event())
    made = pool(hung)
    call = asyncio.create_task(said(made))
    await going_on()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert hung.left == 1
    assert_nothing_is_left(made)


async def test_closing_ends_everything_under_way() -> None:
    servers = [Obedient(name, always=asyncio.Event()) for name in "xy"]
    made = pool(*servers, concurrency=1)
    calls = [asyncio.create_task(said(made)) for _ in range(3)]
    await going_on()
    await made.aclose()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [str(end) for end in ends] == ["the model has been released"] * 3
    with pytest.raises(Cancelled, match="released"):
        await said(made)
    assert all(each.closed for each in servers)
    assert_nothing_is_left(made)


# --- hedging ------------------------------------------------------------------------------------


def hedging(*servers: Obedient, **settings: object) -> Pool:
    made = pool(*servers, **{"hedge": True, "hedge_share": 1.0, **settings})
    made.replicas[0].latencies_s["a"] = made.replicas[0].latencies_s.get("a") or [0.01] * 20  # type: ignore[assignment]
    return made


def test_lateness_needs_observations() -> None:
    assert patience([1.0] * 19) is None
    assert patience([float(n) for n in range(1, 101)]) == 95


async def test_a_late_call_is_answered_elsewhere_and_the_first_is_stopped() -> None:
    slow, quick = Obedient("slow", asyncio.Event()), Obedient("quick")
    made = hedging(slow, quick)
    reply = await made.chat(ASK, adapter="a")
    assert reply.message.content == "quick"
    assert reply.usage.calls == 2
    assert reply.usage.unpriced_calls == 1
    assert slow.left == 1
    counts = made.stats().counts
    assert (counts.hedged, counts.hedges_won) == (1, 1)
    assert_nothing_is_left(made)


async def test_the_first_may_still_win() -> None:
    gate, never = asyncio.Event(), asyncio.Event()
    first, second = Obedient("first", gate), Obedient("second", never)
    made = hedging(first, second)
    call = asyncio.create_task(said(made, "a"))
    while not second.asked:
        await asyncio.sleep(0.005)
    gate.set()
    assert await call == "http://first"
    assert second.left == 1
    assert_nothing_is_left(made)


async def test_a_failure_leaves_the_other_attempt_its_chance() -> None:
    gate = asyncio.Event()
    made = hedging(Obedient("slow", gate), Obedient("bad", down()))
    call = asyncio.create_task(said(made, "a"))
    while not made.replicas[1].failed:
        await asyncio.sleep(0.005)
    gate.set()
    assert await call == "http://slow"


async def test_hedges_keep_to_their_share_and_to_free_places() -> None:
    slow = Obedient("slow", asyncio.Event())
    made = hedging(slow, Obedient("quick"), hedge_share=0.05)
    with calling(deadline=time.monotonic() + 0.1), pytest.raises(Cancelled):
        await said(made, "a")  # one call has earned a twentieth of a hedge
    for _ in range(20):
        await said(made, "a")
    slow.acts = [asyncio.Event()] * 9
    made.replicas[1].chosen = 10**6  # the slow one comes next
    assert await said(made, "a") == "quick"
    assert made.stats().counts.hedged == 1


async def test_only_what_has_the_adapter_is_hedged_with() -> None:
    made = hedging(Obedient("slow", asyncio.Event()), Obedient("other"))
    made.replicas[1].adapters.clear()
    with calling(deadline=time.monotonic() + 0.2), pytest.raises(Cancelled):
        await said(made, "a")
    assert made.stats().counts.hedged == 0


async def test_leaving_a_hedged_call_stops_both() -> None:
    servers = [Obedient(name, always=asyncio.Event()) for name in "xy"]
    made = hedging(*servers)
    call = asyncio.create_task(said(made, "a"))
    while not all(each.asked for each in servers):
        await asyncio.sleep(0.005)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert [each.left for each in servers] == [1, 1]
    assert_nothing_is_left(made)


async def test_leaving_before_the_first_step_frees_the_place() -> None:
    made = hedging(Obedient("x"))
    call = asyncio.create_task(said(made, "a"))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert_nothing_is_left(made)


# --- streams ------------------------------------------------------------------------------------


async def read(made: Pool) -> tuple[list[str], Completion]:
    """What a reader has before it after each piece, and the completion."""
    shown, before = [""], ""
    async with aclosing(made.stream(ASK, adapter="a")) as pieces:
        async for piece in pieces:
            if isinstance(piece, Completion):
                return shown, piece
            before = piece.text if piece.restart else before + piece.text
            shown.append(before)
    raise AssertionError("no completion")


async def test_a_stream_is_told_piece_by_piece() -> None:
    shown, reply = await read(pool(Obedient("x", "abc")))
    assert shown == ["", "a", "ab", "abc"]
    assert reply.usage.calls == 1


async def test_a_broken_stream_goes_on_where_it_broke() -> None:
    made = pool(Obedient("x", "abcde…"), Obedient("y", "abcdefg"))
    shown, reply = await read(made)
    assert shown == ["", "a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg"]
    assert reply.message.content == "abcdefg"
    assert (reply.usage.calls, reply.usage.unpriced_calls) == (2, 1)
    assert made.stats().counts.restarted == 0
    assert_nothing_is_left(made)


async def test_a_stream_that_differs_begins_anew() -> None:
    made = pool(Obedient("x", "abc…"), Obedient("y", "abXYZ"))
    shown, _ = await read(made)
    assert shown == ["", "a", "ab", "abc", "abX", "abXY", "abXYZ"]
    assert made.stats().counts.restarted == 1


async def test_a_shorter_stream_takes_words_back() -> None:
    shown, _ = await read(pool(Obedient("x", "abc…"), Obedient("y", "ab")))
    assert shown[-1] == "ab"


async def test_a_stream_that_keeps_breaking_is_given_up() -> None:
    servers = [Obedient(name, always="ab…") for name in "xy"]
    made = pool(*servers, attempts=3)
    with pytest.raises(Unavailable, match="broke off"):
        await read(made)
    assert sum(len(each.asked) for each in servers) == 3
    assert_nothing_is_left(made)


async def test_a_stream_without_an_end_is_a_broken_one() -> None:
    class Mute(Obedient):
        async def stream(self, *args: object, **kwargs: object) -> AsyncGenerator[Delta]:  # type: ignore[override]
            yield Delta(text="a")

    shown, _ = await read(pool(Mute("x"), Obedient("y", "ab")))
    assert shown == ["", "a", "ab"]


async def test_a_reader_that_leaves_stops_the_server() -> None:
    server = Obedient("x", "abc")
    made = pool(server)
    async with aclosing(made.stream(ASK)) as pieces:
        assert await anext(pieces) == Delta(text="a")
    assert server.left == 1
    assert made.replicas[0].breaker.state == "closed"
    assert_nothing_is_left(made)


async def test_a_stream_ends_with_its_deadline() -> None:
    made = pool(Obedient("x", asyncio.Event()))
    with calling(deadline=time.monotonic() + 0.05), pytest.raises(Cancelled):
        await read(made)
    assert_nothing_is_left(made)


# --- whatever happens ---------------------------------------------------------------------------

FAULTS = {
    "ok": lambda: "ok",
    "down": lambda: down(),
    "busy": lambda: Overloaded("full", 1.0),
    "lost": lambda: AdapterError("no such model"),
    "long": lambda: ContextOverflow("too long"),
    "breaks": lambda: "ok…",
}


@settings(max_examples=40, deadline=None)
@given(
    faults=st.lists(st.lists(st.sampled_from(list(FAULTS)), max_size=6), min_size=1, max_size=4),
    has=st.lists(st.sets(st.sampled_from("ab")), min_size=4, max_size=4),
    calls=st.lists(
        st.tuples(st.sampled_from([None, "a", "b"]), st.sampled_from(["chat", "stream", "score"])),
        min_size=1,
        max_size=8,
    ),
    leaves=st.lists(st.booleans(), min_size=8, max_size=8),
    attempts=st.integers(1, 4),
    hedge=st.booleans(),
)
def test_every_call_ends_and_leaves_nothing_behind(
    faults: list[list[str]],
    has: list[set[str]],
    calls: list[tuple[str | None, str]],
    leaves: list[bool],
    attempts: int,
    hedge: bool,
) -> None:
    async def scenario() -> None:
        servers = [
            Obedient(str(n), *(FAULTS[fault]() for fault in plan), always="ok")
            for n, plan in enumerate(faults)
        ]
        allowed = [set(has[n]) for n in range(len(servers))]
        made = Pool(
            "base",
            [replica(server, *adapters) for server, adapters in zip(servers, allowed, strict=True)],
            PoolSettings(
                concurrency=1,
                queue=3,
                attempts=attempts,
                backoff_s=1e-4,
                hedge=hedge,
                hedge_share=1.0,
            ),
        )
        for each in made.replicas:
            each.latencies_s["a"] = [0.0] * 20  # type: ignore[assignment]

        async def ask(adapter: str | None, how: str) -> None:
            if how == "chat":
                await made.chat(ASK, adapter=adapter)
            elif how == "score":
                await made.score(ASK, adapter=adapter)
            else:
                async with aclosing(made.stream(ASK, adapter=adapter)) as pieces:
                    assert [p async for p in pieces if isinstance(p, Completion)]

        tasks = [asyncio.create_task(ask(*call)) for call in calls]
        await going_on(turns=3)
        for task, leave in zip(tasks, leaves, strict=False):
            if leave:
                task.cancel()
        ends = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
        for end in ends:
            assert end is None or isinstance(end, EngineError | asyncio.CancelledError), end
        made_calls = sum(len(server.asked) for server in servers)
        assert made_calls <= attempts * len(calls)
        for server, adapters in zip(servers, allowed, strict=True):
            assert {name for name in server.asked if name} <= adapters
        assert_nothing_is_left(made)

    asyncio.run(scenario())
