"""The embedded base: a small Qwen3 made from nothing, on the five jobs' dialogues and finance
prose.

A lean loop for one machine without a GPU. It is no general pretraining: the mix is the jobs
themselves, because a model of this size learns what it is shown and little else.
"""

from __future__ import annotations

import itertools
import json
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import torch.nn.functional as F
from transformers import Qwen3Config, Qwen3ForCausalLM

from training import watch
from training.batches import Batch, Tokens, stream
from training.optimiser import Optimiser
from training.provenance import now
from training.recipe import BaseRecipe, ModelRecipe


def build(recipe: ModelRecipe, vocabulary: int, *, end: int, pad: int) -> Qwen3ForCausalLM:
    """A fresh model. Head size 64 is one that vLLM's attention kernels have."""
    config = Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=recipe.width,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.kv_heads,
        head_dim=recipe.head,
        intermediate_size=recipe.inner,
        tie_word_embeddings=True,
        max_position_embeddings=recipe.context,
        rope_parameters={"rope_type": "default", "rope_theta": recipe.theta},
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    config._attn_implementation = "sdpa"  # pyright: ignore[reportPrivateUsage]
    return Qwen3ForCausalLM(config)


def weighted_loss(model: torch.nn.Module, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Sum of weighted next-token losses (nats). ``ids`` [rows, length]; ``weights`` [rows, length -
    1]."""
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
    nll = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    return (nll * weights.flatten()).sum()


class Pretraining:
    """One run: model, optimiser, position in the stream, clock. Resumable."""

    def __init__(
        self,
        recipe: BaseRecipe,
        model: Qwen3ForCausalLM,
        train: Mapping[str, Tokens],
        dev: Mapping[str, Tokens],
        out: Path,
        say: Callable[[str], None] = print,
    ) -> None:
        self.recipe, self.model, self.dev, self.out, self._say = recipe, model, dev, out, say
        self.optimiser = Optimiser(model, recipe.optimiser)
        pad = model.config.pad_token_id
        assert isinstance(pad, int)
        self._pad = pad
        self._stream = stream(
            train,
            recipe.shares,
            lengths=recipe.lengths,
            tokens=recipe.batch,
            pad=pad,
            seed=recipe.seed,
            early=recipe.early,
            early_batches=recipe.early_batches,
        )
        self.step = 0
        self.tokens = 0
        """Tokens seen, without padding."""
        self.seconds = 0.0
        """Time spent learning, without compilation and readings."""
        self.started = now()
        self.stages: list[dict[str, Any]] = []
        """From which step on which settings held: a resumed run may be given others."""
        self.readings: list[dict[str, Any]] = []
        self._stop = False
        self._loss = torch.compile(weighted_loss, dynamic=True) if recipe.compile else weighted_loss

    @property
    def progress(self) -> float:
        """How much of the budget is spent, 0 to 1: of tokens or of seconds, whichever is more."""
        spent = self.tokens / self.recipe.tokens
        if self.recipe.seconds:
            spent = max(spent, self.seconds / self.recipe.seconds)
        return min(spent, 1.0)

    def run(self) -> bool:
        """Learn until the budget is spent. False when it was interrupted; a checkpoint is then
        there."""
        self._note_stage()
        self._compile()
        previous = signal.signal(signal.SIGINT, self._interrupt)
        recent: deque[tuple[float, float, int]] = deque(maxlen=50)
        marks = {"log": time.monotonic(), "watch": self.seconds, "save": self.seconds}
        try:
            while self.progress < 1 and not self._stop:
                started = time.monotonic()
                loss, tokens = self._one_step()
                taken = time.monotonic() - started
                self.seconds += taken
                recent.append((loss, taken, tokens))
                if time.monotonic() - marks["log"] > self.recipe.log_every:
                    marks["log"] = time.monotonic()
                    self._log(recent)
                if self.seconds - marks["watch"] > self.recipe.watch_every:
                    marks["watch"] = self.seconds
                    self.watch()
                if self.seconds - marks["save"] > self.recipe.checkpoint_every:
                    marks["save"] = self.seconds
                    self.checkpoint()
            read = bool(self.readings) and self.readings[-1]["step"] == self.step
            if self.progress >= 1 and not read:
                self.watch()
            self.checkpoint()
            return not self._stop
        finally:
            signal.signal(signal.SIGINT, previous)

    def _note_stage(self) -> None:
        """Write down the settings that may differ from the last stage's."""
        chosen = (
            "shares",
            "early",
            "early_batches",
            "accumulate",
            "batch",
            "tokens",
            "seconds",
            "threads",
            "optimiser",
        )
        settings = self.recipe.model_dump(mode="json", include=set(chosen))
        changed = not self.stages or self.stages[-1]["settings"] != settings
        if changed and self.progress < 1:
            self.stages.append({"from_step": self.step, "settings": settings})

    def _compile(self) -> None:
        """Compile before the clock runs: one pass each way, whose gradients are thrown away."""
        if not self.recipe.compile or self.progress >= 1:
            return
        started = time.monotonic()
        for length in (40, 72):
            rows = max(1, self.recipe.batch // length)
            ids = torch.full((rows, length), self._pad)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bf16):
                self._loss(self.model, ids, torch.ones(rows, length - 1)).backward()
        self.model.zero_grad(set_to_none=True)
        self._say(f"compiled in {time.monotonic() - started:.0f} s")

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        if self._stop:
            raise KeyboardInterrupt
        self._say("stopping after this step; a second Ctrl-C stops at once")
        self._stop = True

    def _one_step(self) -> tuple[float, int]:
        """Returns the mean weighted loss and the number of tokens."""
        self.model.train()
        batches = list(itertools.islice(self._stream, self.recipe.accumulate))
        weights = [self._weights(batch) for batch in batches]
        total = float(sum(w.sum() for w in weights))
        loss = 0.0
        for batch, weight in zip(batches, weights, strict=True):
            with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bf16):
                part = self._loss(self.model, torch.from_numpy(batch.ids), weight / total)
            part.backward()
            loss += float(part.detach())
        self.optimiser.step(self.progress)
        tokens = sum(batch.tokens for batch in batches)
        self.step += 1
        self.tokens += tokens
        return loss, tokens

    def _weights(self, batch: Batch) -> torch.Tensor:
        """What each next token counts: replies 1, prompts and prose less, padding nothing."""
        reply, real = batch.reply[:, 1:], batch.real[:, 1:]
        other = self.recipe.prompt_weight
        if self.progress > 1 - self.recipe.optimiser.cooldown:
            other = self.recipe.prompt_weight_at_end
        prose = ~batch.reply.any(axis=1, keepdims=True)
        weight = torch.from_numpy(real.astype("float32")) * other
        weight = torch.where(torch.from_numpy(prose & real), self.recipe.prose_weight, weight)
        return torch.where(torch.from_numpy(reply), 1.0, weight)

    def _log(self, recent: deque[tuple[float, float, int]]) -> None:
        loss = sum(r[0] for r in recent) / len(recent)
        speed = sum(r[2] for r in recent) / sum(r[1] for r in recent)
        left = self.seconds * (1 - self.progress) / max(self.progress, 1e-6)
        self._say(
            f"step {self.step:5d}  {self.progress:4.0%}  loss {loss:.3f}  "
            f"{speed:6,.0f} tok/s  {self.tokens / 1e6:.2f} M tokens  {left / 60:.1f} min left"
        )

    def watch(self) -> dict[str, Any]:
        """Measure every part on unseen sequences and keep the reading."""
        readings = {
            name: watch.read(
                self.model,
                tokens,
                lengths=self.recipe.lengths,
                pad=self._pad,
                count=self.recipe.watch_count,
                bf16=self.recipe.bf16,
            )
            for name, tokens in self.dev.items()
            if len(tokens)
        }
        row = {
            "step": self.step,
            "tokens": self.tokens,
            "seconds": round(self.seconds, 1),
            "dev": {
                n: {k: round(v, 4) for k, v in asdict(r).items() if v is not None}
                for n, r in readings.items()
            },
        }
        self.readings.append(row)
        self._say(
            "  dev  "
            + "  ".join(
                f"{n} {r.loss:.3f}"
                + (f"/{r.exact:.2f}/{r.dialogues:.2f}" if r.exact is not None else "")
                for n, r in readings.items()
            )
        )
        with (self.out / "readings.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        return row

    def checkpoint(self) -> None:
        """Write everything needed to go on; the old checkpoint stands until the new one is
        whole."""
        path = self.out / "checkpoint.pt"
        part = path.with_suffix(".part")
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "tokens": self.tokens,
                "seconds": self.seconds,
                "started": self.started,
                "stages": self.stages,
                "readings": self.readings,
            },
            part,
        )
        part.rename(path)

    def resume(self) -> None:
        """Go on from the checkpoint: same weights, same optimiser state, same place in the
        stream."""
        state = torch.load(self.out / "checkpoint.pt", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.tokens = state["step"], state["tokens"]
        self.seconds, self.readings = state["seconds"], state["readings"]
        self.started, self.stages = state["started"], state["stages"]
        for _ in range(self.step * self.recipe.accumulate):
            next(self._stream)
