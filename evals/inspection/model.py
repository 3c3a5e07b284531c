"""The provider ``finroute``: our in-process engine as a model of inspect.

``finroute/embedded`` is the base that comes with the package, with its adapters; ``finroute/`` and
a folder or a hub id is any base that the engine loads. What inspect has no word for, which adapter
speaks and what its reply must look like, travels with each call in ``extra_body`` and so stands in
the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from inspect_ai.model import ChatMessage, GenerateConfig, ModelAPI, ModelOutput, modelapi
from inspect_ai.tool import ToolChoice, ToolInfo

from evals.inspection import messages
from specialists import registry
from specialists.adapters import open_adapter
from specialists.agent import Specialist
from specialists.engines.base import Engine
from specialists.engines.lazy import LazyEngine
from specialists.foundation.contracts import Grammar, ReplySchema, Sampling
from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RUN, RunRecord, artefact_digest
from specialists.registry import WEIGHTS, Embedded
from specialists.task import Form

NAME = "finroute"
EMBEDDED = "embedded"
ROWS = 16
"""Dialogues under way at once."""


class FinrouteAPI(ModelAPI):
    """Serves our jobs. Nothing is loaded before the first call."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008 - as inspect's own providers do
        *,
        adapter: str = "",
        weights: str = "",
        held: bool = True,
        threads: int = 1,
        rows: int = ROWS,
    ) -> None:
        """
        Args:
            model_name: ``embedded``, a base's folder, or its hub id.
            adapter: folder of an adapter that does every job that is asked; ``none``: the base
                alone; empty: each job's own adapter, where there is one.
            weights: folder of the embedded weights; empty: the package's.
            held: hold replies to tools and schema; else the model says what it will.
            threads: of the engine.
            rows: dialogues under way at once.
        """
        super().__init__(model_name, base_url, api_key, [], config)
        self._rows = int(rows)
        self._held = bool(held)
        self._folder = Path(adapter) if adapter not in ("", "none") else None
        self._alone = adapter == "none"
        folder = Path(weights) if weights else WEIGHTS
        self.registry = (
            Embedded(folder, threads=int(threads), rows=self._rows)
            if model_name == EMBEDDED
            else None
        )
        self._base = folder / self.registry.manifest.base.folder if self.registry else None
        own = self._base is None or self._folder is not None or not self._held
        self._engine: Engine = (
            LazyEngine(model_name, lambda: self._load(int(threads)))
            if own or self.registry is None
            else self.registry.engine
        )
        self._record = self._opened()

    def _load(self, threads: int) -> Engine:
        from specialists.engines.local import LocalEngine

        adapters = {} if self._folder is None else {self._folder.name: self._folder}
        if self._folder is None and self.registry is not None and not self._alone:
            root = self._base.parent if self._base else WEIGHTS
            adapters = {n: root / a.folder for n, a in self.registry.manifest.adapters.items()}
        return LocalEngine.load(
            self._base or self.model_name,
            name=self.model_name,
            adapters=adapters,
            threads=threads,
            rows=self._rows,
            held=self._held,
        )

    def _opened(self) -> RunRecord | None:
        """The record of an adapter that was named; its files are what it says."""
        if self._folder is None:
            return None
        if not (self._folder / RUN).is_file():
            raise ConfigError(f"{self._folder} holds no adapter: there is no {RUN} in it")
        record = RunRecord.read(self._folder / RUN)
        base = record.base or ""
        if self._base is not None:
            base = artefact_digest(self._base)
        elif Path(self.model_name).is_dir():
            base = artefact_digest(Path(self.model_name))
        return open_adapter(self._folder, expected=record.digest, base=base)

    def specialist(self, job: str, form: Form | None = None) -> Specialist:
        """Who does a job here: its adapter where there is one, else the base, without calibration.

        Args:
            form: None: ``compact`` for whoever was tuned to it, and for the embedded base.
        """
        task = registry.task(job)
        if self._folder is not None and self._record is not None:
            served = Specialist(task, self._engine, self._folder.name, self._record.digest)
        elif self.registry and not self._alone and job in self.registry.manifest.adapters:
            served = replace(self.registry.specialist(job), calibration=None, task=task)
            if self._engine is not self.registry.engine:  # which alone would be attested
                served = Specialist(task, self._engine, served.adapter, served.digest)
        else:
            served = Specialist(task, self._engine)
        tuned = self.registry is not None or self._folder is not None
        return replace(served, form=form or ("compact" if tuned else "full"))

    @property
    def plain(self) -> bool:
        """The embedded specialists are asked as they serve."""
        return self.registry is not None and self._engine is self.registry.engine

    @cached_property
    def told(self) -> dict[str, Any]:
        """Which weights answer, for the log."""
        adapters: Mapping[str, str] = {}
        if self._record is not None:
            adapters = {"every job": self._record.digest}
        elif self.registry is not None and not self._alone:
            adapters = {n: a.digest for n, a in self.registry.manifest.adapters.items()}
        base = self.registry.manifest.base.digest if self.registry is not None else ""
        if not base and Path(self.model_name).is_dir():
            base = artefact_digest(Path(self.model_name))
        return {"base": base, "adapters": dict(adapters), "held": self._held}

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """One reply; what it must look like stands in ``config.extra_body`` (``carried``)."""
        _on_asyncio()
        told: Mapping[str, Any] = (config.extra_body or {}).get(NAME, {})
        completion = await self._engine.chat(
            messages.from_inspect(input),
            adapter=told.get("adapter"),
            schema=_schema(told),
            tools=[messages.tool_spec(tool) for tool in tools],
            sampling=sampling(config),
            logprobs=bool(config.logprobs),
        )
        return messages.to_output(completion)

    async def count_text_tokens(self, text: str) -> int:
        """About four characters a token: inspect asks only in order to trim long dialogues, and its
        own way fetches a tokenizer."""
        return len(text) // 4 + 1

    def max_connections(self) -> int:
        """As many as the engine takes together."""
        return self._rows

    def connection_key(self) -> str:
        """One pool an engine."""
        return f"{self.model_name}/{id(self._engine)}"

    async def aclose(self) -> None:
        """Release the models."""
        await self._engine.aclose()
        if self.registry is not None:
            await self.registry.aclose()


@modelapi(name=NAME)
def finroute() -> type[ModelAPI]:
    """The provider, as ``--model finroute/…`` names it."""
    return FinrouteAPI


def carried(adapter: str | None, schema: ReplySchema | None) -> dict[str, Any]:
    """What ``generate`` finds in ``extra_body``."""
    told: dict[str, Any] = {"adapter": adapter}
    if isinstance(schema, Grammar):
        told["grammar"] = schema.ebnf
    elif schema is not None:
        told["schema"] = schema
    return {NAME: told}


def _schema(told: Mapping[str, Any]) -> ReplySchema | None:
    if "grammar" in told:
        return Grammar(ebnf=told["grammar"])
    return cast("ReplySchema | None", told.get("schema"))


def sampling(config: GenerateConfig) -> Sampling:
    """How tokens are drawn, where inspect's settings say so; the rest as ever."""
    set_ = {
        "temperature": config.temperature,
        "top_p": config.top_p,
        "max_tokens": config.max_tokens,
        "seed": config.seed,
    }
    return Sampling.model_validate(
        {name: value for name, value in set_.items() if value is not None}
    )


def _on_asyncio() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError as error:
        raise ConfigError(
            "the provider finroute runs on asyncio; unset INSPECT_ASYNC_BACKEND"
        ) from error
