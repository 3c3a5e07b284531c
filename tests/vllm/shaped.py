"""Makes a weights folder in the shape of a large base, for the speed of serving it: untrained.

    python tests/vllm/shaped.py qwen3-0.6b OUT

The architecture, sizes and vocabulary are those of the published model; the numbers are drawn, the
tokenizer is the shipped one, and there are five drawn adapters, each with its canary. What such a
model says is noise; how fast it says it is not.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from specialists.attestation import Canary, rounding, take_canary
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Message
from specialists.foundation.records import CANARY, RUN, Artefact, Manifest, RunRecord
from specialists.weights import WEIGHTS

SHAPES: dict[str, dict[str, int]] = {
    "tiny": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": 2560,
    },
    "qwen3-0.6b": {
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151_936,
    },
    "qwen3-4b": {
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151_936,
    },
}
"""Of the models' own ``config.json``; ``tiny`` is for trying this file."""
JOBS = ("calculation", "extraction", "planning", "sentiment", "table_qa")
RANK = 16


def make(shape: str, out: Path) -> Path:
    """Write base, adapters, records, canaries and manifest."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    shipped = WEIGHTS / "base"
    tokenizer: Any = AutoTokenizer.from_pretrained(shipped)
    template = shipped / "chat_template.jinja"
    tokenizer.chat_template = template.read_text("utf-8")
    config = Qwen3Config(
        **SHAPES[shape],
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        initializer_range=0.02,
    )
    torch.manual_seed(0)
    with torch.device(device):
        model: Any = Qwen3ForCausalLM(config).to(torch.bfloat16)
    model.save_pretrained(out / "base")
    tokenizer.save_pretrained(out / "base")
    ground = RunRecord.of(out / "base", kind="base", name=shape)
    ground.write(out / "base" / RUN)
    lora = LoraConfig(
        r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    tuned: Any = get_peft_model(model, lora)
    named: dict[str, Artefact] = {}
    for number, job in enumerate(JOBS):
        torch.manual_seed(1 + number)
        with torch.no_grad():
            for name, parameter in tuned.named_parameters():
                if "lora_" in name:
                    parameter.normal_(std=0.03)
        tuned.save_pretrained(out / job)
        record = RunRecord.of(out / job, kind="adapter", name=job, base=ground.digest)
        record.write(out / job / RUN)
        named[job] = Artefact(name=job, folder=job, digest=record.digest)
    del model, tuned
    asyncio.run(_canaries(out, named, ground.digest))
    base = Artefact(name=shape, folder="base", digest=ground.digest)
    Manifest(base=base, adapters=named).write(out / "weights.json")
    return out


async def _canaries(out: Path, named: dict[str, Artefact], ground: str) -> None:
    """In float32, as canaries are, and what bfloat16 makes of them."""
    taken: dict[str, Canary] = {}
    dialogues = [
        [
            Message(role="user", content=f"What was the revenue of <c{i}> in 2023?"),
            Message(role="assistant", content='{"value": 12.5, "unit": "USD"}'),
        ]
        for i in (1, 2, 3)
    ]
    engine = LocalEngine.load(out / "base", adapters={job: out / job for job in named}, threads=8)
    for job, artefact in named.items():
        canary = await take_canary(engine, job, dialogues, digest=artefact.digest, base=ground)
        taken[job] = canary
    await engine.aclose()
    engine = LocalEngine.load(
        out / "base", adapters={job: out / job for job in named}, dtype="bfloat16", threads=8
    )
    for job, canary in taken.items():
        short = await rounding(engine, job, canary)
        canary.model_copy(update={"rounding": {"bfloat16": short}}).write(out / job / CANARY)
        print(f"{job}: {canary.effect:.3f} nats a token, rounding {short:.4f}", flush=True)
    await engine.aclose()


if __name__ == "__main__":
    make(sys.argv[1], Path(sys.argv[2]))
