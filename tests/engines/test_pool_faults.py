"""Pools over real servers that break in the ways servers do: another answers, or a clear error
comes within the deadline; nothing hangs, nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from typing import Any

import pytest

from specialists.engines.attempts import Attempts
from specialists.engines.breaker import Breaker, BreakerSettings
from specialists.engines.openai import OpenAIEngine
from specialists.engines.pool import Pool, PoolSettings
from specialists.engines.replica import Replica
from specialists.foundation.calls import calling
from specialists.foundation.contracts import Completion, Message
from specialists.foundation.errors import Cancelled, EngineError, Overloaded, Unavailable

ASK = [Message(role="user", content="net up 12 %?")]
WORDS = ["net ", "is ", "up ", "by ", "12 %"]
TEXT = "".join(WORDS)

Request = dict[str, Any]
Act = Callable[["Machine", Request, asyncio.StreamWriter], Awaitable[None]]
"""How a server answers one request."""


class Machine:
    """A machine with a model server on it, whose next answers are laid down in advance."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.always: Act = well
        self.asked: Counter[str] = Counter()
        """Chats that came in, by the model's name."""
        self.left = asyncio.Event()
        """A client went before it had its answer."""
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._meet, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """As if the power was cut: connections are reset, the port refuses new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            request = json.loads(await reader.readexactly(int(length)))
            self.asked[request["model"]] += 1
            act = self.acts.pop(0) if self.acts else self.always
            answering = asyncio.ensure_future(act(self, request, writer))
            leaving = asyncio.ensure_future(reader.read())
            await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                self.left.set()
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


def _head(status: str, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "connection: close", *lines, "", ""]).encode()


def _event(value: object) -> bytes:
    return f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n".encode()


def _chunk(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return _event({"id": "1", "object": "chat.completion.chunk", "choices": [choice]})


USAGE = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}


def saying(words: Sequence[str]) -> Act:
    """An answer in full."""

    async def act(machine: Machine, request: Request, writer: asyncio.StreamWriter) -> None:
        if request.get("stream"):
            writer.write(_head("200 OK", "content-type: text/event-stream"))
            for word in words:
                writer.write(_chunk(word))
                await writer.drain()
            writer.write(_chunk("", "stop") + _event({"choices": [], "usage": USAGE}))
            writer.write(_event("[DONE]"))
        else:
            message = {"role": "assistant", "content": "".join(words)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            body = {"object": "chat.completion", "choices": [choice], "usage": USAGE}
            writer.write(_head("200 OK", "content-type: application/json"))
            writer.write(json.dumps(body).encode())
        await writer.drain()

    return act


def status(line: str, *head: str, message: str = "", param: str | None = None) -> Act:
    """A refusal, as vLLM words them."""
    error = {"message": message or line, "type": "Error", "param": param, "code": int(line[:3])}

    async def act(machine: Machine, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(_head(line, "content-type: application/json", *head))
        writer.write(json.dumps({"error": error}).encode())
        await writer.drain()

    return act


def raw(body: bytes, kind: str = "application/json") -> Act:
    """Some bytes, then the end of the connection."""

    async def act(machine: Machine, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(_head("200 OK", f"content-type: {kind}") + body)
        await writer.drain()

    return act


def part(count: int, *, then_dies: bool = False) -> Act:
    """The first words of a stream: then it ends, or the whole machine does."""

    async def act(machine: Machine, request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(_head("200 OK", "content-type: text/event-stream"))
        for word in WORDS[:count]:
            writer.write(_chunk(word))
            await writer.drain()
        if then_dies:
            await asyncio.sleep(0.05)  # the words arrive
            await machine.kill()

    return act


async def hang(machine: Machine, request: Request, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)


well = saying(WORDS)
forgetful = status("404 Not Found", message="The model `a` does not exist.", param="model")
broken_json = raw(b'{"choices": [{"mess')
truncated = raw(_chunk("net ") + b'data: {"choices": [{"del', "text/event-stream")


@asynccontextmanager
async def serving(
    count: int,
    *adapters: str,
    clock: Callable[[], float] = time.monotonic,
    breaker: BreakerSettings = BreakerSettings(),  # noqa: B008 - frozen
    **settings: Any,
) -> AsyncIterator[tuple[Pool, list[Machine]]]:
    """So many machines and a pool over them; asserts at the end that nothing is left."""
    settings = {"backoff_s": 1e-3, "backoff_cap_s": 1e-2, **settings}
    async with AsyncExitStack() as stack:
        machines = [Machine() for _ in range(count)]
        replicas: list[Replica] = []
        for machine in machines:
            await machine.start()
            stack.push_async_callback(machine.kill)
            engine = OpenAIEngine(f"http://127.0.0.1:{machine.port}/v1", model="base")
            replicas.append(
                Replica(engine, Breaker(breaker, clock=clock), base_ok=True, adapters=set(adapters))
            )
        made = Pool("base", replicas, PoolSettings.model_validate(settings))
        stack.push_async_callback(made.aclose)
        yield made, machines
        assert [each.in_flight for each in replicas] == [0] * count
        assert made.stats().waiting == 0


async def said(made: Pool, adapter: str | None = None) -> str:
    return (await made.chat(ASK, adapter=adapter)).message.content


async def read(made: Pool) -> tuple[str, int, Completion]:
    """A stream's text as its reader has it, how often it began anew, and its completion."""
    text, restarts = "", 0
    async with aclosing(made.stream(ASK)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Completion):
                return text, restarts, piece
            text = piece.text if piece.restart else text + piece.text
            restarts += piece.restart
    raise AssertionError("no completion")


@pytest.mark.parametrize(
    "fault",
    [
        status("500 Internal Server Error"),
        status("503 Service Unavailable"),
        status("429 Too Many Requests", "retry-after: 7"),
        broken_json,
        raw(b""),
        raw(b"<html>bad gateway</html>", "text/html"),
    ],
    ids=["500", "503", "429", "broken json", "empty", "html"],
)
async def test_another_server_answers(fault: Act) -> None:
    async with serving(2) as (made, machines):
        machines[0].always = fault
        assert await said(made) == TEXT
        assert await said(made) == TEXT
        assert machines[0].asked.total() >= 1


async def test_a_server_that_refuses_connections_is_passed_over() -> None:
    async with serving(2) as (made, machines):
        await machines[0].kill()
        assert [await said(made) for _ in range(6)] == [TEXT] * 6
        assert made.replicas[0].breaker.state == "open"


@pytest.mark.parametrize(
    "fault",
    [part(3), part(3, then_dies=True), part(0), truncated],
    ids=["cut", "killed", "before the first word", "half an event"],
)
async def test_a_stream_that_breaks_goes_on_elsewhere(fault: Act) -> None:
    async with serving(2) as (made, machines):
        machines[0].acts = [fault]
        text, restarts, reply = await read(made)
        assert (text, restarts) == (TEXT, 0)
        assert reply.message.content == TEXT
        assert [each.asked.total() for each in machines] == [1, 1]


async def test_both_attempts_at_a_stream_are_accounted_for() -> None:
    async with serving(2) as (made, machines):
        machines[0].acts = [part(3)]
        _, _, reply = await read(made)
        assert reply.usage.calls == 2


async def test_a_stream_that_another_server_words_differently_begins_anew() -> None:
    async with serving(2) as (made, machines):
        machines[0].acts = [part(3)]
        machines[1].always = saying(["net ", "rose ", "12 %"])
        text, restarts, reply = await read(made)
        assert (text, restarts) == ("net rose 12 %", 1)
        assert reply.usage.calls == 2


async def test_a_slow_server_is_hedged_and_let_go() -> None:
    async with serving(2, "a", hedge=True, hedge_share=1.0) as (made, machines):
        for _ in range(24):
            await said(made, "a")
        machines[0].always = hang
        assert [await said(made, "a") for _ in range(4)] == [TEXT] * 4
        await asyncio.wait_for(machines[0].left.wait(), 60)
        assert made.stats().counts.hedges_won >= 1


async def test_500s_for_a_minute_cost_few_calls() -> None:
    now = 0.0
    breaker = BreakerSettings(trip_after=5, open_s=10)
    async with serving(2, clock=lambda: now, breaker=breaker) as (made, machines):
        machines[0].always = status("500 Internal Server Error")
        for _ in range(30):
            assert await said(made) == TEXT
            now += 2.0
        assert machines[0].asked.total() <= 5 + 6  # to open it, then one probe every ten seconds
        machines[0].always = well
        now += 10.0
        before = machines[0].asked.total()
        for _ in range(6):
            await said(made)
        assert made.replicas[0].breaker.state == "closed"
        assert machines[0].asked.total() >= before + 3


async def test_with_all_servers_dead_a_clear_error_comes_at_once() -> None:
    async with serving(3, attempts=9) as (made, machines):
        for machine in machines:
            await machine.kill()
        with calling(deadline=time.monotonic() + 60), pytest.raises(Unavailable) as raised:
            await said(made)
        for machine in machines:
            assert f"127.0.0.1:{machine.port}" in str(raised.value)


async def test_with_all_servers_hung_the_deadline_ends_the_call() -> None:
    async with serving(2) as (made, machines):
        for machine in machines:
            machine.always = hang
        with calling(deadline=time.monotonic() + 0.3), pytest.raises(Cancelled):
            await said(made)
        with calling(deadline=time.monotonic() + 0.3), pytest.raises(Cancelled):
            await read(made)
        for machine in machines:
            await asyncio.wait_for(machine.left.wait(), 60)


async def test_with_all_servers_busy_the_caller_is_told_when_to_come_back() -> None:
    async with serving(2) as (made, machines):
        machines[0].always = status("429 Too Many Requests", "retry-after: 3")
        machines[1].always = status("429 Too Many Requests", "retry-after: 7")
        with pytest.raises(Overloaded) as raised:
            await said(made)
        assert raised.value.retry_after == 7


async def test_a_full_queue_turns_callers_away() -> None:
    async with serving(1, concurrency=1, queue=1) as (made, machines):
        machines[0].always = hang
        calls = [asyncio.create_task(said(made)) for _ in range(2)]
        while not machines[0].asked:
            await asyncio.sleep(0.01)
        with pytest.raises(Overloaded, match="1 calls wait already"):
            await said(made)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)


async def test_clients_that_leave_stop_the_servers() -> None:
    async with serving(2) as (made, machines):
        for machine in machines:
            machine.always = hang
        calls = [asyncio.create_task(said(made)), asyncio.create_task(read(made))]
        while not all(machine.asked for machine in machines):
            await asyncio.sleep(0.01)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        for machine in machines:
            await asyncio.wait_for(machine.left.wait(), 60)


async def test_a_restarted_server_has_lost_its_adapters() -> None:
    async with serving(2, "a") as (made, machines):
        machines[0].always = forgetful
        assert [await said(made, "a") for _ in range(4)] == [TEXT] * 4
        assert machines[0].asked == {"a": 1}
        assert made.replicas[0].adapters == set()


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_breaks_every_call_ends(seed: int) -> None:
    await a_bad_day(seed)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
async def test_a_thousand_bad_days_leave_nothing_behind() -> None:
    """24,000 calls over up to four servers that fail in ten ways."""

    def ours() -> Counter[str]:
        """Objects that the pool could leave, by their types."""
        gc.collect()
        kinds = (Pool, Replica, Attempts, asyncio.Task, asyncio.Timeout, EngineError)
        return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds))

    before = ours()
    for seed in range(4, 1004):
        await a_bad_day(seed)
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert ours() - before == Counter()


async def a_bad_day(seed: int) -> None:
    """Two dozen calls, some of which leave, over servers with faults by lot."""
    dice = random.Random(seed)
    faults: list[Act] = [
        well,
        well,
        status("500 Internal Server Error"),
        status("429 Too Many Requests"),
        forgetful,
        status("400 Bad Request"),
        broken_json,
        truncated,
        part(2),
        raw(b""),
    ]
    async with serving(
        dice.randint(1, 4), attempts=3, concurrency=2, queue=4, hedge=True, hedge_share=1.0
    ) as (made, machines):
        allowed = [set(dice.sample("ab", dice.randint(0, 2))) for _ in machines]
        for each, machine, adapters in zip(made.replicas, machines, allowed, strict=True):
            each.adapters |= adapters
            machine.acts = [dice.choice(faults) for _ in range(12)]

        async def ask() -> str:
            adapter = dice.choice([None, "a", "b"])
            if dice.random() < 0.5:
                return await said(made, adapter)
            async with aclosing(made.stream(ASK, adapter=adapter)) as pieces:
                return [p async for p in pieces if isinstance(p, Completion)][-1].message.content

        for _ in range(4):
            with calling(deadline=time.monotonic() + 60):
                tasks = [asyncio.create_task(ask()) for _ in range(6)]
            if dice.random() < 0.5:
                tasks[0].cancel()
            for end in await asyncio.gather(*tasks, return_exceptions=True):
                assert end == TEXT or isinstance(end, EngineError | asyncio.CancelledError), end
            assert [each.in_flight for each in made.replicas] == [0] * len(machines)
        assert sum(machine.asked.total() for machine in machines) <= 3 * 24
        for machine, adapters in zip(machines, allowed, strict=True):
            assert set(machine.asked) - {"base"} <= adapters
