"""The in-process engine: one base in memory, any number of adapters, replies held to a grammar.

It needs no server and no GPU. Concurrent calls are batched, whatever adapters they name; a reply is
the same whoever else is in the batch.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path

from specialists.engines.batching import Batcher
from specialists.engines.decode import Decoded, Reply, Scored
from specialists.engines.grammar import Grammars
from specialists.engines.hub import find
from specialists.engines.lora import Lora
from specialists.engines.qwen3 import Progress, Qwen3
from specialists.engines.template import CHAT_TEMPLATE, parse_reply
from specialists.engines.text import Text
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    TokenLogprob,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import AdapterError, Cancelled, ContextOverflow


class LocalEngine:
    """Serves a Qwen3-architecture model on this machine. Make one with ``load``."""

    def __init__(
        self,
        model: Qwen3,
        text: Text,
        *,
        name: str,
        adapters: Mapping[str, Path] | None = None,
        rows: int = 16,
        threads: int = 1,
        uniform: bool = False,
        held: bool = True,
    ) -> None:
        self._model = model
        self._text = text
        self._name = name
        self._folders = dict(adapters or {})
        self._loras: dict[str, Lora] = {}
        self._templates: dict[str, str | None] = {}
        self._loading = threading.Lock()
        self._grammars = Grammars(text, model.shape.vocab)
        self._batcher = Batcher(model, rows=rows, threads=threads)
        self._uniform = uniform
        self._held = held

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        name: str | None = None,
        adapters: Mapping[str, Path] | None = None,
        dtype: str = "float32",
        device: str = "cpu",
        rows: int = 16,
        threads: int = 1,
        uniform: bool = False,
        held: bool = True,
        template: str | None = None,
        progress: Progress | None = None,
    ) -> LocalEngine:
        """Load a base model.

        Args:
            source: a folder as transformers saves it, or a hub id such as ``Qwen/Qwen3-0.6B``.
            name: what records call the model; by default the folder's name or the hub id.
            adapters: folders of LoRA adapters by name, each read when it is first used; a
                ``chat_template.jinja`` in one is the template it was trained with.
            dtype: ``float32`` or ``bfloat16``. Only float32 repeats its replies batch for batch.
            rows: dialogues under way at once.
            threads: torch threads.
            uniform: answer by lot among what the grammar admits (a control for evaluations).
            held: hold what ``chat`` replies to tools and schema; else the model says what it will.
                Tools are shown in the prompt either way, where the template shows them.
            template: a chat template in place of the folder's own.
            progress: told what is being loaded, and how much of it is there.

        Raises:
            EngineError: not found, not reachable, damaged, or another architecture.
        """
        import torch

        folder = find(source)
        text = Text.load(folder)
        if template is not None:
            text.tokenizer.chat_template = template
        types = {"float32": torch.float32, "bfloat16": torch.bfloat16}
        model = Qwen3.load(folder, dtype=types[dtype], device=device, progress=progress)
        return cls(
            model,
            text,
            name=name or (folder.name if Path(source).is_dir() else str(source)),
            adapters=adapters,
            rows=rows,
            threads=threads,
            uniform=uniform,
            held=held,
        )

    @property
    def model(self) -> str:
        return self._name

    @property
    def text(self) -> Text:
        """Its tokenizer and template."""
        return self._text

    @property
    def context(self) -> int:
        """Tokens a dialogue may have, prompt and reply together."""
        return self._model.shape.context

    @property
    def adapters(self) -> tuple[str, ...]:
        """Names of the adapters there are, read or not."""
        return tuple(self._folders)

    def add_adapter(self, name: str, folder: Path) -> None:
        """Make an adapter known, or put another in its place; it is read when first used."""
        with self._loading:
            self._folders[name] = folder
            self._loras.pop(name, None)
            self._templates.pop(name, None)

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
        """One reply; see ``Engine.chat``."""
        begun = time.perf_counter()
        prompt = await asyncio.to_thread(self.prompt, messages, tools, adapter)
        done = await self.write(
            prompt,
            adapter=adapter,
            schema=schema if self._held else None,
            tools=tools if self._held else (),
            sampling=sampling,
            logprobs=logprobs,
        )
        message = parse_reply(self._text.decode(done.tokens))
        finish = "tool_calls" if message.tool_calls else "stop"
        return Completion(
            message=message,
            finish_reason=finish if done.ended else "length",
            logprobs=self._scored(done),
            usage=Usage(
                calls=1,
                prompt_tokens=len(prompt),
                completion_tokens=len(done.tokens),
                seconds=time.perf_counter() - begun,
            ),
            first_token_s=None if done.first is None else done.first - begun,
            model=self._name,
            adapter=adapter,
        )

    def prompt(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec] = (),
        adapter: str | None = None,
    ) -> list[int]:
        """The tokens of a dialogue that the model, with an adapter, is to go on with."""
        template = self._template(adapter)
        return self._text.encode(self._text.render(messages, tools, template=template))

    async def write(
        self,
        prompt: Sequence[int],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Decoded:
        """A reply in tokens to a prompt in tokens: for whoever must know exactly what was said.

        Raises:
            ContextOverflow: the prompt leaves no room for a reply.
            AdapterError: no such adapter.
            EngineError: the model failed.
        """

        def prepare() -> tuple[Reply, Lora | None]:
            lora = self._lora(adapter)
            reply = Reply(
                prompt,
                room=room,
                ends=self._text.ends,
                words=self._text.size,
                sampling=sampling,
                hold=self._grammars.hold(tools, schema),
                logprobs=logprobs,
                uniform=self._uniform,
            )
            return reply, lora

        room = min(self._room(len(prompt)), sampling.max_tokens)
        reply, lora = await asyncio.to_thread(prepare)
        return await _await(self._batcher.submit(reply, lora, len(prompt) + room))

    async def tokens(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[int, ...]:
        """Ids of a whole dialogue's tokens, as the model with an adapter reads it."""
        template = self._template(adapter)
        rendered = self._text.render(messages, prompt=False, template=template)
        return tuple(self._text.encode(rendered))

    async def score(
        self, messages: Sequence[Message], *, adapter: str | None = None
    ) -> tuple[TokenLogprob, ...]:
        """How likely the model holds the last message, an assistant's, token by token.

        Raises:
            ContextOverflow: the dialogue is longer than the context.
            AdapterError: no such adapter.
        """
        template = self._template(adapter)
        prompt = self._text.encode(self._text.render(messages[:-1], template=template))
        whole = self._text.encode(self._text.render(messages, prompt=False, template=template))
        if whole[: len(prompt)] != prompt:
            raise ContextOverflow("this model's template does not keep a dialogue's beginning")
        target = whole[len(prompt) :]
        last = max((i for i, token in enumerate(target) if token in self._text.ends), default=None)
        target = target if last is None else target[: last + 1]
        self._room(len(prompt) + len(target) - 1)
        lora = await asyncio.to_thread(self._lora, adapter)
        reading = Scored(prompt, target)
        return self._scored(await _await(self._batcher.submit(reading, lora, len(reading.pending))))

    async def aclose(self) -> None:
        """Release the model. Calls under way are cancelled."""
        await asyncio.to_thread(self._batcher.close)

    def _lora(self, name: str | None) -> Lora | None:
        if name is None:
            return None
        with self._loading:
            lora = self._loras.get(name)
            if lora is None:
                if name not in self._folders:
                    known = ", ".join(self._folders) or "none"
                    raise AdapterError(f"no adapter named {name}; there are: {known}")
                lora = Lora.load(name, self._folders[name], self._model.shape, self._model.like)
                self._loras[name] = lora
            return lora

    def _template(self, adapter: str | None) -> str | None:
        """The chat template beside an adapter: what it was trained with, if not the base's."""
        if adapter is None or adapter not in self._folders:
            return None
        with self._loading:
            if adapter not in self._templates:
                path = self._folders[adapter] / CHAT_TEMPLATE.name
                self._templates[adapter] = (
                    path.read_text(encoding="utf-8") if path.is_file() else None
                )
            return self._templates[adapter]

    def _room(self, prompt: int) -> int:
        room = self.context - prompt
        if room < 1:
            raise ContextOverflow(
                f"the prompt has {prompt} tokens; {self._name} reads at most {self.context}"
            )
        return room

    def _scored(self, done: Decoded) -> tuple[TokenLogprob, ...]:
        if not done.logprobs:
            return ()
        pieces = self._text.pieces(done.tokens)
        return tuple(
            TokenLogprob(text=text, logprob=value)
            for text, value in zip(pieces, done.logprobs, strict=True)
        )


async def _await(future: Future[Decoded]) -> Decoded:
    """Wait; leaving cancels the dialogue."""
    try:
        return await asyncio.wrap_future(future)
    except Cancelled:
        raise
    finally:
        future.cancel()
