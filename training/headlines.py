# pyright: basic
"""The second reader of headlines: the pretrained sentence encoder, fine-tuned to three labels.

A LoRA (peft) on every linear layer and a linear head, learned from the real headlines of the
training parts and some generated ones; ``engines/classifier.py`` serves it. The best state on the
``dev`` part, which nothing learns from, is the one that stays. It weighs no votes against each
other: ``evals/sentfin.py`` does, with the language model beside it.

Shapes: B texts of a batch · L tokens
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F
from transformers import AutoTokenizer, BertModel

from specialists.engines import encoder
from specialists.engines.classifier import SETTINGS, WEIGHTS, Classifier, Settings, pooled
from specialists.foundation.digests import file_digest
from specialists.foundation.errors import ConfigError, RecordError
from specialists.foundation.records import RUN, RunRecord
from specialists.sentiment.check import LABELS
from specialists.sentiment.loaders import SOURCES, load
from specialists.sentiment.task import SentimentTask
from specialists.sentiment.votes import TARGET, in_words
from training.recipe import HeadlinesRecipe
from training.recipe import headlines as read_recipe

FOLDER = "headlines"
"""Below the folder of the weights."""
Say = Callable[[str], None]
TOLERANCE = 2e-2
"""Largest difference of a probability between trainer and engine: weights are stored in bf16."""


@dataclass(frozen=True)
class Item:
    """A headline in tokens, and its label's place."""

    ids: list[int]
    label: int


def train(
    data: Path | None,
    out: Path,
    *,
    recipe: HeadlinesRecipe | None = None,
    say: Say = print,
    command: str = "",
) -> dict[str, Any]:
    """Fine-tune the packaged encoder and write the classifier to ``out``; returns the readings.

    Args:
        data: folder of public data; None: generated headlines alone.

    Raises:
        ConfigError: the encoder is not installed.
        RecordError: what was saved gives other probabilities than what was trained.
    """
    recipe = recipe or read_recipe()
    base = encoder.installed()
    if base is None:
        raise ConfigError("the sentence encoder is not installed: pip install 'finroute[embedded]'")
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    task, started = SentimentTask(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    run = _Run(base, recipe)
    parts = {p: list(load(task, data, p)) if data else [] for p in ("train", "dev")}
    made = list(itertools.islice(task.examples("train", recipe.generated, recipe.seed), None))
    learned = [run.item(e) for e in (*parts["train"], *made)]
    watched = [(e.source, run.item(e)) for e in parts["dev"]]
    say(f"headlines: {len(learned)} to learn from, {len(watched)} to watch with")
    found = run.learn(learned, watched, say)
    run.save(out)
    texts = [in_words(e.inputs) for e in (*parts["dev"], *made)[:32]]
    gap = float(np.abs(run.read(texts) - Classifier.load(out).read(texts)).max())
    if not gap <= TOLERANCE:
        raise RecordError(f"the saved classifier's probabilities differ by {gap:.2g}")
    RunRecord.of(
        out,
        kind="adapter",
        name="headlines",
        base=file_digest(base / encoder.WEIGHTS),
        command=command,
        recipe=recipe.model_dump(mode="json"),
        data={
            "train": {s: sum(e.source == s for e in parts["train"]) for s in SOURCES},
            "dev": {s: sum(e.source == s for e in parts["dev"]) for s in SOURCES},
            "generated": len(made),
            "licences": {"sentfin": "MIT", "tfns": "MIT"},
        },
        metrics=found,
        reload={"largest_difference": gap},
        started=started,
        seconds=found["seconds"],
    ).write(out / RUN)
    return found


class _Run:
    """One training."""

    def __init__(self, base: Path, recipe: HeadlinesRecipe) -> None:
        self.base, self.recipe = base, recipe
        self.tokenizer = AutoTokenizer.from_pretrained(base)
        self.mark = self.tokenizer.convert_tokens_to_ids(TARGET)
        bert = BertModel.from_pretrained(
            base, add_pooling_layer=False, hidden_dropout_prob=recipe.dropout
        )
        config = LoraConfig(
            r=recipe.rank,
            lora_alpha=recipe.alpha,
            target_modules=["query", "key", "value", "dense"],
            bias="none",
        )
        self.model = get_peft_model(bert, config)
        self.head = nn.Linear(2 * bert.config.hidden_size, len(LABELS))

    def item(self, example: Any) -> Item:
        """A headline as the engine reads it."""
        ids = self.tokenizer(
            in_words(example.inputs), truncation=True, max_length=self.recipe.longest
        )["input_ids"]
        return Item(ids, LABELS.index(example.answer.sentiment))

    def learn(
        self, learned: Sequence[Item], watched: Sequence[tuple[str, Item]], say: Say
    ) -> dict[str, Any]:
        """Learn; the best state on the watched headlines is put back at the end."""
        recipe = self.recipe
        steps = max(1, int(len(learned) * recipe.epochs / recipe.batch))
        weights = [p for p in self.model.parameters() if p.requires_grad]
        weights += list(self.head.parameters())
        optimiser = torch.optim.AdamW(weights, lr=recipe.rate, weight_decay=0.01)
        rng, queue = random.Random(recipe.seed), []
        readings: list[dict[str, Any]] = []
        best, state, began = -1.0, {}, time.monotonic()
        for step in range(1, steps + 1):
            queue = queue or self._batches(learned, rng)
            done = step / steps
            if recipe.seconds:
                done = max(done, (time.monotonic() - began) / recipe.seconds)
            for group in optimiser.param_groups:
                group["lr"] = recipe.rate * min(done / recipe.warmup, 1.0) * max(1.02 - done, 0.0)
            self.model.train()
            part = queue.pop()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.bf16):
                logits = self._logits([item.ids for item in part], dropout=True)
            labels = torch.tensor([item.label for item in part])
            loss = F.cross_entropy(logits.float(), labels, label_smoothing=recipe.smoothing)
            loss.backward()
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimiser.step()
            optimiser.zero_grad()
            if step % recipe.watch_every == 0 or step == steps or done >= 1:
                reading = {"step": step, "loss": round(float(loss.detach()), 4)}
                reading |= self._watch(watched)
                readings.append(reading)
                say(f"headlines: step {step} of {steps}, {time.monotonic() - began:.0f} s, "
                    f"{reading}")  # fmt: skip
                if reading["mean"] > best:
                    best, state = reading["mean"], self._state()
            if done >= 1:
                break
        self.model.load_state_dict(state["model"], strict=False)
        self.head.load_state_dict(state["head"])
        return {
            "steps": steps,
            "seconds": round(time.monotonic() - began, 1),
            "learned": len(learned),
            "best": best,
            "readings": readings,
        }

    def _batches(self, learned: Sequence[Item], rng: random.Random) -> list[list[Item]]:
        """An epoch in batches of like length."""
        items, size = list(learned), self.recipe.batch
        rng.shuffle(items)
        batches: list[list[Item]] = []
        for start in range(0, len(items), 16 * size):
            near = sorted(items[start : start + 16 * size], key=lambda item: len(item.ids))
            some = [near[i : i + size] for i in range(0, len(near), size)]
            rng.shuffle(some)
            batches += some
        return batches

    def _logits(self, rows: Sequence[list[int]], *, dropout: bool = False) -> torch.Tensor:
        width = max(len(row) for row in rows)
        ids_BL = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        mask_BL = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows]).bool()
        hidden = self.model(input_ids=ids_BL, attention_mask=mask_BL.long()).last_hidden_state
        means = pooled(hidden.float(), ids_BL, mask_BL, self.mark)
        return self.head(F.dropout(means, 0.1, training=dropout))

    @torch.inference_mode()
    def _probabilities(self, rows: Sequence[list[int]]) -> np.ndarray:
        self.model.eval()
        parts = [self._logits(rows[i : i + 64]).softmax(-1) for i in range(0, len(rows), 64)]
        return torch.cat(parts).numpy()

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Probabilities (n, labels)."""
        cut = {"truncation": True, "max_length": self.recipe.longest}
        return self._probabilities([self.tokenizer(text, **cut)["input_ids"] for text in texts])

    def _watch(self, watched: Sequence[tuple[str, Item]]) -> dict[str, float]:
        """Accuracy on each source's dev part, and their mean."""
        if not watched:
            return {"mean": 0.0}
        said = self._probabilities([item.ids for _, item in watched]).argmax(1)
        right: dict[str, list[bool]] = {}
        for (source, item), label in zip(watched, said, strict=True):
            right.setdefault(source, []).append(bool(label == item.label))
        shares = {source: round(float(np.mean(marks)), 4) for source, marks in right.items()}
        return {**shares, "mean": round(float(np.mean(list(shares.values()))), 4)}

    def _state(self) -> dict[str, Any]:
        return {
            "model": {n: p.detach().clone() for n, p in self._lora().items()},
            "head": {n: p.detach().clone() for n, p in self.head.state_dict().items()},
        }

    def _lora(self) -> dict[str, torch.Tensor]:
        return {n: p for n, p in self.model.state_dict().items() if ".lora_" in n}

    def save(self, out: Path) -> None:
        """The LoRA and the head, as the engine reads them."""
        out.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, torch.Tensor] = {}
        for name, tensor in self._lora().items():
            layer, _, matrix = name.removeprefix("base_model.model.").partition(".lora_")
            tensors[f"{layer}.{matrix[0]}"] = tensor.to(torch.bfloat16).contiguous()
        tensors["head"] = self.head.weight.detach().contiguous()
        tensors["bias"] = self.head.bias.detach().contiguous()
        save_file(tensors, out / WEIGHTS, metadata={"format": "pt"})
        settings = Settings(
            labels=LABELS,
            mark=TARGET,
            longest=self.recipe.longest,
            scale=self.recipe.alpha / self.recipe.rank,
            encoder=file_digest(self.base / encoder.WEIGHTS),
        )
        text = json.dumps(settings.model_dump(mode="json"), indent=2)
        (out / SETTINGS).write_text(f"{text}\n", encoding="utf-8")
