"""Episodes: the student and its tools, token by token, through the very loop that serves.

A dialogue is never tokenised anew while it goes on: each turn's prompt is the last one's tokens,
the tokens that were sampled, and the bridge to the next reply. So what is learned from is what was
said. Episodes are drawn by the in-process engine from the student's adapter, copied to it whenever
it has changed; the base is the same file and is never touched. A reply depends on its seed and its
prompt, not on who else is in the batch, so a run that is resumed draws what it would have drawn.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specialists.agent import Run, Specialist, answer_one
from specialists.engines.local import LocalEngine
from specialists.engines.template import parse_reply
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import AnswerError, ContextOverflow
from specialists.task import Example, Form, Task
from specialists.workspace.limited import Limited
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.toolbox import Toolbox
from training.tuning.recipe import RolloutSection

Bridge = Callable[[Sequence[Message], Sequence[Message]], list[int]]
"""From the dialogue up to a reply and the messages after it to the tokens between that reply's end
and the beginning of the next."""

STUDENT = "student"


@dataclass(frozen=True)
class Wish:
    """An episode to draw."""

    example: Example[Any, Any]
    seed: int
    """Of its tokens."""


@dataclass(frozen=True)
class Rollout:
    """An episode that was drawn. ``completion``, ``mask`` and ``logprobs`` are of one length."""

    wish: Wish
    prompt: list[int]
    completion: list[int]
    """All that follows the prompt: replies, and what the tools said between them."""
    mask: list[int]
    """1 where the student spoke."""
    logprobs: list[float]
    """Of the student's tokens at temperature 1 (nats); 0 elsewhere."""
    run: Run
    ended: bool
    """It came to its own end; else it was cut off."""

    @property
    def tool_seconds(self) -> float:
        """Spent waiting for tools, all calls together."""
        return sum(event.seconds for event in self.run.events)


def seed_of(*parts: object) -> int:
    """A seed that follows from its parts alone."""
    told = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big") >> 1


class Rollouts:
    """Draws episodes. Used from one event loop at a time; ``aclose`` ends its processes."""

    def __init__(
        self,
        task: Task[Any, Any],
        engine: LocalEngine,
        settings: RolloutSection,
        bridge: Bridge,
        *,
        form: Form,
        sandbox: Sandbox,
        end: int,
    ) -> None:
        """
        Args:
            end: the token that ends a reply which a grammar ended.
        """
        self.task, self.engine, self.settings = task, engine, settings
        self._bridge, self._sandbox, self._end = bridge, sandbox, end
        self._form: Form = form
        self._adapter: str | None = None

    def follow(self, folder: Path) -> None:
        """Draw from the adapter in this folder from now on."""
        self.engine.add_adapter(STUDENT, folder)
        self._adapter = STUDENT

    async def draw(
        self, wishes: Sequence[Wish], *, temperature: float | None = None
    ) -> list[Rollout]:
        """One episode for each wish, in their order.

        Args:
            temperature: None: the settings'.
        """
        room = asyncio.Semaphore(self.settings.parallel)

        async def one(wish: Wish) -> Rollout:
            async with room:
                return await self._one(wish, temperature)

        return list(await asyncio.gather(*(one(wish) for wish in wishes)))

    async def _one(self, wish: Wish, temperature: float | None) -> Rollout:
        settings = self.settings
        heat = settings.temperature if temperature is None else temperature
        tape = Tape(
            self.engine,
            self._bridge,
            adapter=self._adapter,
            seed=wish.seed,
            room=settings.tokens,
            held=settings.held,
            end=self._end,
        )
        run = await answer_one(
            Specialist(self.task, tape, form=self._form),
            wish.example.inputs,
            self._tools(wish.example),
            sampling=Sampling(temperature=heat, top_p=settings.top_p, max_tokens=settings.reply),
            turns=settings.turns or None,
        )
        return Rollout(
            wish,
            tape.prompt,
            tape.completion or [self._end],
            tape.mask or [0],
            tape.logprobs or [0.0],
            run,
            ended=bool(tape.completion) and tape.ended,
        )

    def _tools(self, example: Example[Any, Any]) -> Limited | None:
        snapshot = getattr(example.inputs, "snapshot", None)
        if snapshot is None:
            return None
        box = Toolbox(snapshot, self._sandbox)
        return Limited(box, self.settings.timeout, self.settings.output)

    async def aclose(self) -> None:
        """End the engine and the tools' processes."""
        await self.engine.aclose()
        await self._sandbox.aclose()


@dataclass
class Tape:
    """One episode's engine: hands over the student's replies and keeps every token of them.

    What the student says next always follows the very tokens it said before, not their text
    tokenised again.
    """

    engine: LocalEngine
    bridge: Bridge
    adapter: str | None
    seed: int
    room: int
    """Tokens after the prompt, at most."""
    held: bool
    end: int
    prompt: list[int] = field(default_factory=list[int])
    completion: list[int] = field(default_factory=list[int])
    mask: list[int] = field(default_factory=list[int])
    logprobs: list[float] = field(default_factory=list[float])
    ended: bool = False
    _said: int = 0
    """Messages up to and with the last reply."""

    @property
    def model(self) -> str:
        return self.engine.model

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
        """One reply; see ``Engine.chat``. The adapter is the tape's own.

        Raises:
            AnswerError: the episode is longer than it may be.
        """
        begun = time.perf_counter()
        if self._said:
            between = self.bridge(messages[: self._said], messages[self._said :])
            self._add(between, [0.0] * len(between), spoken=0)
        else:
            self.prompt = await asyncio.to_thread(self.engine.prompt, messages, tools)
        read = [*self.prompt, *self.completion]
        left = min(self.room - len(self.completion), self.engine.context - len(read))
        self.ended = False
        if left < 1:
            raise AnswerError(f"the episode was longer than {self.room} tokens")
        own = seed_of(self.seed, len(self.completion))
        try:
            done = await self.engine.write(
                read,
                adapter=self.adapter,
                schema=schema if self.held else None,
                tools=tools if self.held else (),
                sampling=sampling.model_copy(
                    update={"seed": own, "max_tokens": min(sampling.max_tokens, left)}
                ),
                logprobs=True,
            )
        except ContextOverflow as error:
            raise AnswerError(f"the episode was too long: {error}") from error
        tokens = [*done.tokens, *([done.end or self.end] if done.ended else [])]
        # The end's own log-probability is not among those the engine tells.
        self._add(tokens, [*done.logprobs, *([0.0] if done.ended else [])], spoken=1)
        self._said = len(messages) + 1
        self.ended = done.ended
        message = parse_reply(self.engine.text.decode(done.tokens))
        finish = "tool_calls" if message.tool_calls else "stop"
        return Completion(
            message=message,
            finish_reason=finish if done.ended else "length",
            usage=Usage(
                calls=1,
                prompt_tokens=len(read),
                completion_tokens=len(tokens),
                seconds=time.perf_counter() - begun,
            ),
            model=self.model,
        )

    def _add(self, tokens: Sequence[int], logprobs: Sequence[float], *, spoken: int) -> None:
        self.completion += tokens
        self.logprobs += logprobs
        self.mask += [spoken] * len(tokens)

    async def aclose(self) -> None:
        """Nothing: the engine behind it belongs to all episodes."""
