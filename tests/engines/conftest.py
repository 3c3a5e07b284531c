"""A real HTTP server that speaks the OpenAI protocol, for engines that talk to one."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specialists.engines.local import LocalEngine


@contextmanager
def openai_server(engine: LocalEngine) -> Iterator[str]:
    """A real HTTP server that speaks the OpenAI protocol for an engine; yields its base URL."""
    import uvicorn

    config = uvicorn.Config(_openai_app(engine), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.should_exit = True
        thread.join()


def _openai_app(engine: LocalEngine) -> Any:
    """POST /v1/chat/completions, with tools, response_format, seeds and logprobs."""
    import json

    from fastapi import FastAPI
    from fastapi.responses import JSONResponse

    from specialists.foundation.contracts import Message, Sampling, ToolCall, ToolSpec
    from specialists.foundation.errors import EngineError

    app = FastAPI()

    def message(turn: dict[str, Any]) -> Message:
        calls = tuple(
            ToolCall(
                id=call["id"],
                name=call["function"]["name"],
                arguments=json.loads(call["function"]["arguments"]),
            )
            for call in turn.get("tool_calls") or ()
        )
        return Message(role=turn["role"], content=turn.get("content") or "", tool_calls=calls)

    @app.post("/v1/chat/completions", response_model=None)
    async def complete(body: dict[str, Any]) -> Any:
        form = body.get("response_format")
        try:
            said = await engine.chat(
                [message(turn) for turn in body["messages"]],
                tools=[ToolSpec(**tool["function"]) for tool in body.get("tools", ())],
                schema=form["json_schema"]["schema"] if form else None,
                sampling=Sampling(
                    temperature=body.get("temperature", 0.0),
                    top_p=body.get("top_p", 1.0),
                    seed=body.get("seed"),
                    max_tokens=body.get("max_completion_tokens") or body.get("max_tokens") or 64,
                ),
                logprobs=bool(body.get("logprobs")),
            )
        except EngineError as error:
            return JSONResponse({"error": {"message": str(error)}}, status_code=400)
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in said.message.tool_calls
        ]
        told = [{"token": t.text, "logprob": t.logprob, "top_logprobs": []} for t in said.logprobs]
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {
                        "role": "assistant",
                        "content": said.message.content,
                        **({"tool_calls": calls} if calls else {}),
                    },
                    "finish_reason": said.finish_reason,
                    "logprobs": {"content": told} if told else None,
                }
            ],
            "usage": {
                "prompt_tokens": said.usage.prompt_tokens,
                "completion_tokens": said.usage.completion_tokens,
                "total_tokens": said.usage.prompt_tokens + said.usage.completion_tokens,
            },
        }

    return app


@pytest.fixture
async def openai_url(base: Path) -> AsyncIterator[str]:
    """Base URL of a server over the tiny base."""
    engine = LocalEngine.load(base)
    with openai_server(engine) as url:
        yield url
    await engine.aclose()
