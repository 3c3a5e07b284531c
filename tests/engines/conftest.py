"""A tiny Qwen3-architecture model, a trained BPE tokenizer, saved LoRA adapters: untrained."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from specialists.engines.local import LocalEngine
from specialists.engines.template import (
    END_OF_TEXT,
    IM_END,
    SPECIAL_TOKENS,
    TOOL_TOKENS,
    chat_template,
)

SCAFFOLDING = [
    '{"name": "calculator", "arguments": {"expression": "',
    '{"found": true, "value": "',
    '", "period": "',
    '", "period": ',
]
"""Fixed parts of replies, each one token, as the embedded tokenizer has them."""

CORPUS = [
    'system user assistant tool\n{"name": "sql", "arguments": {"query": "SELECT <c1> FROM <t1>"}}',
    '{"sentiment": "positive"} {"sentiment": "negative"} {"value": 12.5, "unit": "USD"}',
    "the revenue of the company grew by 12 % in 2022 and by 7 % in 2023 to 1,234.5 million",
    '{"expression": "divide(n1, n2)"} subtract add multiply table_sum "calculator" "sql"',
] * 8


def make_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on a few sentences."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    handles = ["<c1>", "<c2>", "<c11>", "<t1>", "<t2>"]
    tokenizer.add_tokens(
        [
            AddedToken(token, special=False, normalized=False)
            for token in (*TOOL_TOKENS, *handles, *SCAFFOLDING)
        ]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=IM_END, pad_token=END_OF_TEXT, model_max_length=512
    )
    fast.chat_template = chat_template()
    return fast


def make_base(folder: Path, *, seed: int = 0, context: int = 256) -> Path:
    """Save a two-layer model with its tokenizer."""
    tokenizer = make_tokenizer()
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        initializer_range=0.3,
    )
    Qwen3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_adapter(base: Path, folder: Path, *, seed: int, rank: int = 4, scale: float = 0.3) -> Path:
    """Save a LoRA adapter with random, acting weights."""
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM.from_pretrained(base)
    config = LoraConfig(
        r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    tuned = get_peft_model(model, config)
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=scale)
    tuned.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("model") / "base")


@pytest.fixture(scope="session")
def adapters(base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("adapters")
    return {
        "alpha": make_adapter(base, root / "alpha", seed=1),
        "beta": make_adapter(base, root / "beta", seed=2, rank=8),
    }


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
