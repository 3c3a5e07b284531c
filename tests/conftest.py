"""A tiny Qwen3-architecture model, a trained BPE tokenizer, saved LoRA adapters: untrained.

Real files of the real formats, made in a second. The model libraries are imported when a test asks.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from specialists.foundation.decisions import (
    ArmFinding,
    ArmRun,
    DecisionRecord,
    Estimate,
    GainFinding,
    SampleSet,
    Spent,
)
from specialists.foundation.records import (
    CANARY,
    CARD,
    RUN,
    Artefact,
    Manifest,
    RunRecord,
    artefact_digest,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

    from specialists.attestation import Canary

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
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from specialists.engines.template import (
        END_OF_TEXT,
        IM_END,
        SPECIAL_TOKENS,
        TOOL_TOKENS,
        chat_template,
    )

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
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.set_num_threads(1)  # on so small a model a second thread only waits
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
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen3ForCausalLM

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


@pytest.fixture(scope="session")
def made_weights(
    base: Path, adapters: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A weights folder as training leaves it: a base, two adapters with records and canaries."""
    root = tmp_path_factory.mktemp("weights")
    shutil.copytree(base, root / "base")
    ground = RunRecord.of(root / "base", kind="base", name="tiny")
    ground.write(root / "base" / RUN)
    named: dict[str, Artefact] = {}
    for job, source in (("sentiment", adapters["alpha"]), ("extraction", adapters["beta"])):
        folder = root / job
        shutil.copytree(source, folder)
        record = RunRecord.of(folder, kind="adapter", name=job, base=ground.digest)
        record.write(folder / RUN)
        asyncio.run(_canary(root / "base", folder, job, ground.digest)).write(folder / CANARY)
        named[job] = Artefact(name=job, folder=job, digest=record.digest)
    tiny = Artefact(name="tiny", folder="base", digest=ground.digest)
    Manifest(base=tiny, adapters=named).write(root / "weights.json")
    return root


async def _canary(base: Path, folder: Path, job: str, ground: str) -> Canary:
    from specialists.attestation import take_canary
    from specialists.engines.local import LocalEngine
    from specialists.foundation.contracts import Message

    dialogues = [
        [Message(role="user", content=f"net <c{i}>?"), Message(role="assistant", content="12 %")]
        for i in (1, 2)
    ]
    engine = LocalEngine.load(base, adapters={job: folder})
    try:
        return await take_canary(
            engine, job, dialogues, digest=artefact_digest(folder), base=ground
        )
    finally:
        await engine.aclose()


@pytest.fixture
def weights(made_weights: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(made_weights, tmp_path / "weights"))


@pytest.fixture
def renamed() -> Callable[[Path], str]:
    """Makes of an adapter's folder another artefact that says the same: a setting nobody reads
    differs. Returns its digest."""

    def make(adapter: Path) -> str:
        config = adapter / "adapter_config.json"
        told = json.loads(config.read_text("utf-8"))
        told["base_model_name_or_path"] = "renamed"
        config.write_text(json.dumps(told), "utf-8")
        before = RunRecord.read(adapter / RUN)
        after = RunRecord.of(adapter, **before.model_dump(exclude={"version", "digest", "files"}))
        assert after.digest != before.digest
        after.write(adapter / RUN)
        canary = adapter / CANARY
        canary.write_text(canary.read_text("utf-8").replace(before.digest, after.digest), "utf-8")
        for name in ("decision.json", "calibration.json", CARD):
            (adapter / name).unlink(missing_ok=True)
        return after.digest

    return make


@pytest.fixture
def idle(tmp_path: Path) -> Callable[[Path], Path]:
    """Makes of an adapter one that changes nothing."""

    def make(adapter: Path) -> Path:
        import torch
        from safetensors.torch import load_file, save_file

        out = Path(shutil.copytree(adapter, tmp_path / f"idle-{adapter.name}"))
        file = out / "adapter_model.safetensors"
        save_file({k: torch.zeros_like(v) for k, v in load_file(file).items()}, file)
        return out

    return make


@pytest.fixture
def another_base(tmp_path: Path) -> Callable[[Path], Path]:
    """Makes of a base one of the same shape with other weights."""

    def make(base: Path) -> Path:
        import torch
        from transformers import Qwen3ForCausalLM

        out = Path(shutil.copytree(base, tmp_path / "another-base"))
        model = Qwen3ForCausalLM.from_pretrained(base)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.02)
        model.save_pretrained(out)
        return out

    return make


@pytest.fixture
def make_record() -> Callable[..., DecisionRecord]:
    """A decision that adopts ``grpo`` over ``sft``; any field can be given."""

    def finding(name: str, mean: float) -> ArmFinding:
        numbers = {"mean": mean, "low": mean - 0.03, "high": mean + 0.03, "se": 0.013, "df": 11.5}
        counts = {"p": 1e-9, "runs": 3, "questions": 600, "companies": 40}
        runs = (ArmRun(run=1, seed=7, adapter="a" * 64, accuracy=mean),)
        return ArmFinding(
            name=name,
            kind="trained",
            method=name,
            runs=runs,
            accuracy=Estimate.model_validate({**numbers, **counts}),
        )

    def make(**fields: Any) -> DecisionRecord:
        gain = GainFinding(
            mean=0.051,
            low=0.018,
            high=0.084,
            se=0.013,
            df=11.5,
            p=0.0021,
            runs=3,
            questions=600,
            companies=40,
            arm="grpo",
            against="sft",
            adjusted=0.0042,
            significant=True,
            big_enough=True,
        )
        usual: dict[str, Any] = {
            "specialist": "sentiment",
            "adapter": "a" * 64,
            "run": 1,
            "base": "b" * 64,
            "arm": "grpo",
            "method": "grpo",
            "start": "sft",
            "verdict": "adopt",
            "adopted": "grpo",
            "design": "d" * 64,
            "design_text": {"specialist": "sentiment", "rule": {"delta": 3.0}},
            "samples": SampleSet(digest="e" * 64, count=14_400, failed=2, truncated=0.004),
            "arms": (finding("sft", 0.612), finding("grpo", 0.663)),
            "gains": (gain,),
            "spent": Spent(wall_hours=1.5, device_hours=1.25),
            "reasons": ("grpo gains 5.1 points over sft",),
            "decided": "2026-11-20T10:00:00+00:00",
        }
        return DecisionRecord.model_validate({**usual, **fields})

    return make
