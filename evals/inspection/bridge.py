"""An inspect model as an engine of ours, so that one loop holds every dialogue.

Each call is made through inspect: it stands in the transcript, counts towards limits, is retried
and cached as inspect does. What cannot be said in inspect's terms to other providers (a grammar, a
schema with references) is told to the model in words at the dialogue's end, as the router does for
its large model; a reply that breaks its form is not sent back here but judged as it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from inspect_ai.model import (
    ChatMessage,
    ChatMessageUser,
    GenerateConfig,
    Model,
    ResponseSchema,
)
from inspect_ai.util import JSONSchema

from evals.inspection import messages as forms
from evals.inspection.model import FinrouteAPI, carried
from specialists.foundation.contracts import (
    Completion,
    Grammar,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
)
from specialists.foundation.errors import AdapterError, EngineError, FinrouteError

Decoding = Literal["inspect", "caller"]
"""Who says how tokens are drawn: the evaluation's settings, or whoever calls (the router)."""


class InspectEngine:
    """Serves an inspect model. Make one for each dialogue: it remembers what went wrong in it."""

    def __init__(
        self, model: Model, *, seed: int | None = None, decoding: Decoding = "inspect"
    ) -> None:
        """``seed``: of this dialogue's draws."""
        self._model = model
        self._seed = seed
        self._decoding = decoding
        self.failure: Exception | None = None
        """What the model's provider, or a limit of the evaluation, last raised."""

    @property
    def model(self) -> str:
        return str(self._model)

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
        """One reply; see ``Engine.chat``.

        Raises:
            AdapterError: an adapter is named and the model is none of ours.
            EngineError: the model did not answer; ``failure`` holds what was raised.
        """
        ours = isinstance(self._model.api, FinrouteAPI)
        if adapter is not None and not ours:
            raise AdapterError(f"{self.model} serves no adapters, so not {adapter} either")
        turns = forms.to_inspect(messages)
        config = self._config(sampling)
        if ours:
            config.extra_body = carried(adapter, schema)
            config.logprobs = logprobs or None
        elif isinstance(schema, dict) and _sayable(schema):
            config.response_schema = ResponseSchema(
                name="reply", json_schema=JSONSchema.model_validate(schema), strict=True
            )
        elif schema is not None:
            turns = _told(turns, schema)
        try:
            output = await self._model.generate(
                turns,
                tools=[forms.tool_info(tool) for tool in tools],
                tool_choice="any" if tools and schema is None and not ours else "auto",
                config=config,
            )
        except FinrouteError as error:
            self.failure = error
            raise
        except Exception as error:  # whatever a provider's client raises, and inspect's limits
            self.failure = error
            raise EngineError(f"{self.model} did not answer: {error}") from error
        if output.empty:
            raise EngineError(f"{self.model} answered nothing: {output.error or 'no choices'}")
        return forms.from_output(output, adapter)

    def _config(self, sampling: Sampling) -> GenerateConfig:
        if self._decoding == "inspect":
            return GenerateConfig(seed=self._seed)
        return GenerateConfig(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=sampling.seed,
        )

    async def aclose(self) -> None:
        """The model is inspect's."""


def _sayable(schema: dict[str, object]) -> bool:
    """Whether inspect's form of a JSON schema holds all of it."""
    return JSONSchema.model_validate(schema).model_dump(exclude_none=True) == schema


def _told(turns: list[ChatMessage], schema: ReplySchema) -> list[ChatMessage]:
    if isinstance(schema, Grammar):
        form = f"text that this EBNF grammar generates, and nothing else:\n{schema.ebnf}"
    else:
        form = (
            f"one JSON object that fits this JSON schema, and nothing else:\n{json.dumps(schema)}"
        )
    said = ChatMessageUser(content=f"A reply that is not a tool call must be {form}")
    return [*turns, said]
