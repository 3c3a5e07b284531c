"""One job's adapter: TRL's SFTTrainer and peft LoRA over a base, on the dialogues that serving
renders.

The loss counts replies alone. No adapter touches embeddings or the output head, so that any of them
can be served beside the others over one base. What is saved is proved by loading it again.
"""

from __future__ import annotations

import copy
import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model_state_dict, set_peft_model_state_dict
from torch.optim.lr_scheduler import LambdaLR
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerFast,
    Qwen3ForCausalLM,
    TrainerCallback,
    TrainerControl,
    TrainerState,
)
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from specialists.engines.template import to_chat
from specialists.foundation.contracts import Message
from training import corpus, watch
from training.batches import Tokens
from training.recipe import AdapterRecipe

Say = Callable[[str], None]
Dialogue = tuple[Message, ...]
BASE = "finroute-base"
LENGTHS = tuple(range(16, 1025, 16))


def select(recipe: AdapterRecipe, work: Path) -> tuple[list[Dialogue], list[Dialogue]]:
    """Dialogues to learn from and to watch with, from the corpus in the work folder.

    The last generated ones come first: the base has seen those least.
    """
    rng = random.Random(recipe.seed)
    generated = list(corpus.dialogues(work, recipe.job, ("train",)))[::-1]
    public = list(corpus.dialogues(work, recipe.job, ("public",)))
    rng.shuffle(public)
    wanted = min(int(recipe.examples * recipe.public), len(public))
    chosen = [*generated[: recipe.examples - wanted], *public[:wanted]]
    rng.shuffle(chosen)
    dev = list(itertools.islice(corpus.dialogues(work, recipe.job, ("dev",)), recipe.watch_count))
    return chosen, dev


def rows(dialogues: Sequence[Dialogue]) -> Dataset:
    """Dialogues as TRL reads them. A call's arguments go as JSON text: a column has one shape."""
    chats = [to_chat(dialogue) for dialogue in dialogues]
    for turn in itertools.chain.from_iterable(chats):
        for call in turn.get("tool_calls", ()):
            function = call["function"]
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
    return Dataset.from_dict({"messages": chats})


class Adapting:
    """One adapter's training."""

    def __init__(
        self,
        recipe: AdapterRecipe,
        base: Path,
        train: Sequence[Dialogue],
        dev: Sequence[Dialogue],
        work: Path,
        say: Say = print,
    ) -> None:
        torch.set_num_threads(recipe.threads)
        self.recipe, self.say = recipe, say
        self.tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(base)
        train = [d for d in train if len(corpus.render(self.tokenizer, d)[0]) <= recipe.length]
        self.examples = len(train)
        self.dev = Tokens.of([corpus.render(self.tokenizer, d) for d in dev])
        model = Qwen3ForCausalLM.from_pretrained(base, dtype=torch.float32)
        steps = max(1, int(len(train) * recipe.epochs / recipe.batch))
        self.clock = _Clock(recipe.seconds, steps)
        self.watcher = _Watcher(self)
        self.trainer = _Trainer(
            model=model,
            args=SFTConfig(
                output_dir=str(work / "trl" / recipe.job),
                per_device_train_batch_size=recipe.batch,
                max_steps=steps,
                learning_rate=recipe.rate,
                weight_decay=0.0,
                max_grad_norm=1.0,
                optim="adamw_torch_fused",
                bf16=recipe.bf16,
                use_cpu=True,
                max_length=recipe.length,
                packing=False,
                assistant_only_loss=True,
                train_sampling_strategy="group_by_length",
                gradient_checkpointing=False,
                dataloader_num_workers=0,
                dataloader_pin_memory=False,
                save_strategy="no",
                report_to="none",
                logging_steps=20,
                disable_tqdm=True,
                seed=recipe.seed,
            ),
            train_dataset=rows(train),
            processing_class=self.tokenizer,
            peft_config=LoraConfig(
                r=recipe.rank,
                lora_alpha=recipe.alpha,
                lora_dropout=recipe.dropout,
                target_modules="all-linear",
                bias="none",
                task_type="CAUSAL_LM",
            ),
            callbacks=[self.clock, self.watcher],
        )
        self.trainer.clock = self.clock
        self.model: PeftModel = self.trainer.model  # type: ignore[assignment]

    def run(self) -> dict[str, Any]:
        """Learn; the best adapter seen on the development fold is the one that stays."""
        self.watcher.measure(0)
        output = self.trainer.train()
        self.watcher.measure(self.trainer.state.global_step)
        self.watcher.restore()
        # Mixed precision stays behind: from here the model computes in float32, as it is served.
        self.model = self.trainer.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        return {
            "steps": self.trainer.state.global_step,
            "examples": min(
                self.trainer.state.global_step * self.recipe.batch,
                int(self.examples * self.recipe.epochs),
            ),
            "seconds": round(self.clock.elapsed, 1),
            "train_loss": round(output.training_loss, 4),
            "best_step": self.watcher.best_step,
            "readings": self.watcher.readings,
        }

    def save(self, out: Path) -> None:
        """The adapter in safetensors, as peft and vLLM read it."""
        self.model.save_pretrained(str(out), safe_serialization=True)
        # Where the base lay on this machine is no part of the adapter.
        path = out / "adapter_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = BASE
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


class _Trainer(SFTTrainer):
    """SFTTrainer whose learning rate follows the clock as well as the steps."""

    clock: _Clock

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        warmup = max(1, num_training_steps // 50)
        self.lr_scheduler = LambdaLR(
            optimizer or self.optimizer,  # type: ignore[arg-type]
            lambda step: min((step + 1) / warmup, 1.0) * (1.0 - self.clock.progress(step)) + 1e-3,
        )
        return self.lr_scheduler


class _Clock(TrainerCallback):
    """Stops at the time limit."""

    def __init__(self, seconds: float, steps: int) -> None:
        self._seconds, self._steps = seconds, steps
        self._start: float | None = None

    @property
    def elapsed(self) -> float:
        return 0.0 if self._start is None else time.monotonic() - self._start

    def progress(self, step: int) -> float:
        """Share of the budget spent: of steps or of seconds, whichever is more."""
        spent = step / self._steps
        if self._seconds:
            spent = max(spent, self.elapsed / self._seconds)
        return min(spent, 1.0)

    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._start = time.monotonic()

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self.progress(state.global_step) >= 1:
            control.should_training_stop = True


class _Watcher(TrainerCallback):
    """Measures on the development fold, keeps the best adapter, stops when nothing gets better."""

    def __init__(self, owner: Adapting) -> None:
        self._owner = owner
        self.readings: list[dict[str, Any]] = []
        self.best_step = 0
        self._best = float("inf")
        self._state: dict[str, torch.Tensor] = {}
        self._worse = 0

    def measure(self, step: int) -> None:
        """Read the development fold; less loss is better (exact replies are too few to rank by)."""
        owner = self._owner
        if self.readings and self.readings[-1]["step"] == step:
            return
        pad = owner.tokenizer.pad_token_id
        assert isinstance(pad, int)
        reading = watch.read(
            owner.model, owner.dev, lengths=LENGTHS, pad=pad, count=len(owner.dev), bf16=True
        )
        exact, dialogues = reading.exact or 0.0, reading.dialogues or 0.0
        self.readings.append(
            {
                "step": step,
                "loss": round(reading.loss, 4),
                "exact": round(exact, 4),
                "dialogues": round(dialogues, 4),
            }
        )
        owner.say(
            f"{owner.recipe.job}: step {step}, {owner.clock.elapsed:.0f} s, dev loss "
            f"{reading.loss:.4f}, exact replies {exact:.3f}, dialogues {dialogues:.3f}"
        )
        if step == 0:  # whether an adapter is worth having is for the evals to say
            return
        if reading.loss < self._best:
            self._best, self._worse, self.best_step = reading.loss, 0, step
            self._state = copy.deepcopy(
                {k: v.detach() for k, v in get_peft_model_state_dict(owner.model).items()}
            )
        else:
            self._worse += 1

    def restore(self) -> None:
        """Put the best adapter back."""
        set_peft_model_state_dict(self._owner.model, self._state)

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step % self._owner.recipe.watch_every == 0:
            self.measure(state.global_step)
            if self._worse >= self._owner.recipe.patience:
                control.should_training_stop = True


@torch.no_grad()
def reply_logprobs(
    model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast, dialogues: Sequence[Dialogue]
) -> list[list[float]]:
    """Log-probabilities (nats, float32) of each dialogue's reply tokens."""
    model.eval()
    out: list[list[float]] = []
    for dialogue in dialogues:
        ids, mask = corpus.render(tokenizer, dialogue)
        logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].float()
        logp = logits.log_softmax(-1)[torch.arange(len(ids) - 1), torch.tensor(ids[1:])]
        out.append([float(p) for p, wrote in zip(logp, mask[1:], strict=True) if wrote])
    return out


def reload(base: Path, adapter: Path) -> PeftModel:
    """Base and adapter from disk, in float32."""
    model = Qwen3ForCausalLM.from_pretrained(base, dtype=torch.float32)
    return PeftModel.from_pretrained(model, str(adapter))


def difference(a: Sequence[Sequence[float]], b: Sequence[Sequence[float]]) -> float:
    """Mean absolute difference of two readings of the same log-probabilities.

    Raises:
        ValueError: they are not of the same tokens.
    """
    pairs = [
        (x, y) for left, right in zip(a, b, strict=True) for x, y in zip(left, right, strict=True)
    ]
    return sum(abs(x - y) for x, y in pairs) / len(pairs)
