"""The engine contract: one chat model, perhaps with adapters. Implementations stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from specialists.foundation.contracts import Completion, Message, ReplySchema, Sampling, ToolSpec


@runtime_checkable
class Engine(Protocol):
    """A chat model. Calls may run concurrently; an engine batches what it can."""

    @property
    def model(self) -> str:
        """The base model's name, as records and traces show it."""
        ...

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
        """One reply to a dialogue.

        Args:
            messages: the dialogue so far, system message first.
            adapter: name of a loaded adapter; None is the base model itself.
            schema: what a plain reply must look like. With ``tools`` and ``schema`` the reply is
                either one tool call whose arguments fit the tool's parameters, or text that fits
                ``schema``; the engine's grammar holds it to that.
            tools: tools the reply may call, in the Hermes form ``<tool_call>{json}</tool_call>``.
            sampling: how tokens are drawn.
            logprobs: return each token's log-probability.

        Raises:
            ContextOverflow: the rendered prompt leaves no room for a reply.
            AdapterError: no such adapter.
            EngineError: the model failed.
        """
        ...

    async def aclose(self) -> None:
        """Release the model. Calls under way are cancelled."""
        ...
