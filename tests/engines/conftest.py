"""A real HTTP server that speaks the OpenAI protocol, vLLM's additions among them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from specialists.engines.local import LocalEngine


@contextmanager
def http_server(app: Any, *, port: int = 0) -> Iterator[str]:
    """Serve an ASGI app in a thread of its own; yields its address."""
    import uvicorn

    config = uvicorn.Config(app, port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@dataclass(frozen=True)
class Speaking:
    """The server over the tiny base, and the requests it has had."""

    url: str
    """As OpenAI-compatible servers give it: with ``/v1``."""
    engine: LocalEngine
    """What answers there."""
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Bodies of the chat completions, in order."""


@pytest.fixture
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Serves an ASGI app: for a test that brings its own."""
    return http_server


@pytest.fixture
def vllm_app() -> Callable[..., Any]:
    """Makes, of an engine and a list for the requests it gets, an app that speaks as vLLM does."""
    return openai_app


@pytest.fixture
async def speaking(base: Path, adapters: dict[str, Path]) -> AsyncIterator[Speaking]:
    """A server over the tiny base and its adapters."""
    from specialists.engines.local import LocalEngine

    engine = LocalEngine.load(base, adapters=adapters)
    requests: list[dict[str, Any]] = []
    with http_server(openai_app(engine, requests)) as url:
        yield Speaking(f"{url}/v1", engine, requests)
    await engine.aclose()


@pytest.fixture
def openai_url(speaking: Speaking) -> str:
    """Base URL of a server over the tiny base."""
    return speaking.url


def openai_app(engine: LocalEngine, requests: list[dict[str, Any]]) -> Any:
    """Chat completions, plain and streamed, models and health; of vLLM's own the readings,
    ``/tokenize``, ``structured_outputs`` and adapters loaded and unloaded."""
    from fastapi import FastAPI
    from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

    from specialists.engines.decode import Scored
    from specialists.engines.template import IM_END, parse_reply
    from specialists.foundation.contracts import Grammar, Message, Sampling, ToolCall, ToolSpec
    from specialists.foundation.errors import AdapterError, EngineError

    app = FastAPI()
    loaded = set(engine.adapters)

    @app.exception_handler(EngineError)
    async def refuse(_: Any, error: EngineError) -> Response:
        status = 404 if isinstance(error, AdapterError) else 400
        about = "model" if status == 404 else None
        told = {"message": str(error), "type": "BadRequestError", "param": about, "code": status}
        return JSONResponse({"error": told}, status_code=status)

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

    def adapter(body: dict[str, Any]) -> str | None:
        name = body["model"]
        if name == "tiny":
            return None
        if name not in loaded:
            raise AdapterError(f"The model `{name}` does not exist.")
        return name

    def rendered(body: dict[str, Any], opened: bool) -> list[int]:
        dialogue = [message(turn) for turn in body["messages"]]
        return engine.text.encode(engine.text.render(dialogue, prompt=opened))

    async def likely(ids: list[int], name: str | None) -> list[dict[int, Any] | None]:
        """``prompt_logprobs``: nothing about the first token, which follows nothing."""
        read = Scored(ids[:1], ids[1:])
        lora = await asyncio.to_thread(engine._lora, name)
        done = await asyncio.wrap_future(engine._batcher.submit(read, lora, len(ids) + 1))
        told: list[dict[int, Any] | None] = [None]
        for token, value in zip(done.tokens, done.logprobs, strict=True):
            word = engine.text.tokenizer.decode([token])
            told.append({token: {"logprob": value, "rank": 1, "decoded_token": word}})
        return told

    @app.post("/v1/chat/completions", response_model=None)
    async def chat(body: dict[str, Any]) -> Any:
        requests.append(body)
        name = adapter(body)
        tools = [ToolSpec(**tool["function"]) for tool in body.get("tools", ())]
        held = body.get("structured_outputs")
        form = body.get("response_format")
        schema = form["json_schema"]["schema"] if form else None
        if held:
            schema = Grammar(ebnf=held["grammar"]) if "grammar" in held else held["json"]
        prompt = rendered(body, body.get("add_generation_prompt", True))
        if "prompt_logprobs" in body:
            told = await likely(prompt, name)
            return {
                **_completion(body, {"role": "assistant", "content": "x"}, "length", None),
                "prompt_logprobs": told,
                "prompt_token_ids": prompt,
            }
        done = await engine.write(
            prompt,
            adapter=name,
            tools=() if body.get("tool_choice") == "none" else tools,
            schema=schema,
            sampling=Sampling(
                temperature=body.get("temperature", 0.0),
                top_p=body.get("top_p", 1.0),
                seed=body.get("seed"),
                max_tokens=body.get("max_completion_tokens") or body.get("max_tokens") or 64,
            ),
            logprobs=bool(body.get("logprobs")),
        )
        text = engine.text.decode(done.tokens)
        said = Message(role="assistant", content=text)
        if body.get("tool_choice", "none") != "none":
            said = parse_reply(text)
        finish = ("tool_calls" if said.tool_calls else "stop") if done.ended else "length"
        # vLLM, unlike OpenAI, lists the token that ended the reply.
        listed_end = done.ended and "chat_template_kwargs" in body
        pieces = [*engine.text.pieces(done.tokens), *([IM_END] if listed_end else [])]
        values = [*done.logprobs, *([0.0] if listed_end else [])]
        # As vLLM has it: after the grammar's mask, where each token may be the only one left.
        masked = [0.0] * len(values) if held else values
        listed = [
            {"token": piece, "logprob": value, "bytes": list(piece.encode()), "top_logprobs": []}
            for piece, value in zip(pieces, masked, strict=False)
        ]
        tokens = {"content": listed} if body.get("logprobs") else None
        ids = [*done.tokens, *([engine.text.tokenizer.eos_token_id] if done.ended else [])]
        turn: dict[str, Any] = {"role": "assistant", "content": said.content}
        if said.tool_calls:
            turn["tool_calls"] = [
                {
                    "index": number,
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
                }
                for number, call in enumerate(said.tool_calls)
            ]
        whole = _completion(body, turn, finish, tokens)
        whole["usage"] = {"prompt_tokens": len(prompt), "completion_tokens": len(done.tokens)}
        if body.get("return_token_ids"):
            whole["prompt_token_ids"] = prompt
            whole["choices"][0]["token_ids"] = ids
        if body.get("stream"):
            return StreamingResponse(_events(whole), media_type="text/event-stream")
        return whole

    @app.post("/v1/completions", response_model=None)
    async def complete(body: dict[str, Any]) -> Any:
        told = await likely(body["prompt"], adapter(body))
        choice = {"index": 0, "text": "x", "finish_reason": "length", "prompt_logprobs": told}
        used = {"prompt_tokens": len(body["prompt"]), "completion_tokens": 1}
        return {"id": "cmpl-1", "choices": [choice], "usage": used}

    @app.post("/tokenize", response_model=None)
    async def tokenize(body: dict[str, Any]) -> Any:
        adapter(body)
        ids = rendered(body, body["add_generation_prompt"])
        return {"count": len(ids), "tokens": ids}

    @app.post("/v1/embeddings", response_model=None)
    async def embed(body: dict[str, Any]) -> Any:
        told = [{"index": i, "embedding": [float(len(t))]} for i, t in enumerate(body["input"])]
        return {"data": told[::-1]}

    @app.get("/health", response_model=None)
    async def health() -> Any:
        return Response()

    @app.get("/v1/models", response_model=None)
    async def models() -> Any:
        return {"data": [{"id": name} for name in ("tiny", *sorted(loaded))]}

    @app.post("/v1/load_lora_adapter", response_model=None)
    async def load(body: dict[str, Any]) -> Any:
        name, path = body["lora_name"], Path(body["lora_path"])
        if name in loaded:
            raise EngineError(f"The lora adapter '{name}' has already been loaded.")
        if not path.is_dir():
            raise AdapterError(f"Loading lora {name} failed: No adapter found for {path}")
        engine.add_adapter(name, path)
        loaded.add(name)
        return PlainTextResponse(f"Success: LoRA adapter '{name}' added successfully.")

    @app.post("/v1/unload_lora_adapter", response_model=None)
    async def unload(body: dict[str, Any]) -> Any:
        if body["lora_name"] not in loaded:
            raise AdapterError(f"The lora adapter '{body['lora_name']}' cannot be found.")
        loaded.remove(body["lora_name"])
        return PlainTextResponse("Success")

    return app


def _completion(body: dict[str, Any], turn: Any, finish: str, tokens: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": turn, "finish_reason": finish, "logprobs": tokens}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [choice],
    }


def _events(whole: dict[str, Any]) -> Iterator[str]:
    """A completion as a stream tells it: the role, the text letter by letter, the rest, usage."""
    (choice,) = whole["choices"]
    turn = choice["message"]
    deltas: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": ""}}]
    deltas += [{"delta": {"content": letter}} for letter in turn["content"]]
    rest = {"tool_calls": turn["tool_calls"]} if "tool_calls" in turn else {}
    last = {key: value for key, value in choice.items() if key != "message"}
    deltas.append({**last, "delta": rest})
    head = {"id": whole["id"], "object": "chat.completion.chunk", "model": whole["model"]}
    if "prompt_token_ids" in whole:
        head["prompt_token_ids"] = whole["prompt_token_ids"]
    for delta in deltas:
        yield f"data: {json.dumps({**head, 'choices': [{'index': 0, **delta}]})}\n\n"
    yield f"data: {json.dumps({**head, 'choices': [], 'usage': whole['usage']})}\n\n"
    yield "data: [DONE]\n\n"
