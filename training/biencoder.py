# pyright: basic
"""The bi-encoder: a LoRA and a matrix over the embedded base that bring questions near evidence.

Positives are the rows and sentences that answer FinQA's and TAT-QA's training questions, and the
names of the lexicon's measures; negatives are the other lines of the page and of the batch. It
learns to rank, not to answer; ``engines/biencoder.py`` serves it, ``ranking.py`` weighs it.

Shapes: Q questions of a batch · T texts of a batch · D width of the base
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoTokenizer, Qwen3ForCausalLM

from specialists.engines.biencoder import HEAD, SETTINGS, BiEncoder, prepared
from specialists.foundation.config import Config
from specialists.foundation.digests import file_digest
from specialists.foundation.errors import RecordError
from specialists.workspace import evidence, ranking
from specialists.workspace.evidence import Asked
from specialists.workspace.lexicon import lexicon
from training.ranking import kept_apart
from training.recipe import FOLDER

Say = Callable[[str], None]
TOLERANCE = 2e-2
"""Largest difference of a vector's parts between trainer and engine: weights are stored in bf16."""


class BiencoderRecipe(Config):
    """How the bi-encoder is made."""

    seed: int = 17
    seconds: float = 420.0
    rank: int = 8
    alpha: int = 16
    dim: int = 128
    """Size of a vector."""
    longest: int = 56
    """Tokens of a text that count."""
    questions: int = 10
    """Questions of a batch."""
    rivals: int = 7
    """Other lines of its page that a question is told from."""
    synonyms: float = 0.25
    """Share of the batches that come from the lexicon."""
    rate: float = 2e-3
    warmup: float = 0.05
    temperature: float = 0.06
    bf16: bool = True
    threads: int = 1


@dataclass(frozen=True)
class Pair:
    """A question, the texts that answer it, and texts that do not, the most alike first."""

    question: str
    answers: tuple[str, ...]
    rivals: tuple[str, ...] = ()
    name: bool = False
    """The question is a measure's name, to be put into a frame."""


def read_recipe(path: Path | None = None, overrides: tuple[str, ...] = ()) -> BiencoderRecipe:
    """The recipe in a file; default: ``recipes/biencoder.toml``."""
    return BiencoderRecipe.load(path or FOLDER / "biencoder.toml", overrides)


def train(
    base: Path,
    data: Path,
    out: Path,
    *,
    recipe: BiencoderRecipe | None = None,
    say: Say = print,
) -> dict[str, Any]:
    """Train over the base in a folder, write the encoder to ``out``; returns what was measured.

    Args:
        data: folder of public data.

    Raises:
        RecordError: what was saved gives other vectors than what was trained.
    """
    recipe = recipe or read_recipe()
    torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    run = _Run(base, recipe)
    learned, apart = pairs(data)
    names = synonyms()
    say(f"biencoder: {len(learned)} questions to learn from, {len(apart)} kept apart, "
        f"{len(names)} names of measures")  # fmt: skip
    steps = run.learn(learned, names, say)
    found = {
        "steps": steps,
        "seconds": round(run.seconds, 1),
        "loss": round(run.loss, 4),
        "first_right": round(run.first_right(apart), 4),
        "questions": len(learned),
        "kept_apart": len(apart),
    }
    run.save(out)
    error = run.difference(BiEncoder.load(base, out), [p.question for p in apart[:16]])
    if not error <= TOLERANCE:
        raise RecordError(f"the saved bi-encoder's vectors differ by {error:.2g}")
    say(f"biencoder: {found}")
    return {**found, "reload_error": error, "base": file_digest(base / "model.safetensors")}


# --- what is learned ----------------------------------------------------------------------------


def pairs(data: Path) -> tuple[list[Pair], list[Pair]]:
    """Training questions with their evidence: to learn from, and kept apart."""
    learned: list[Pair] = []
    apart: list[Pair] = []
    for source in ("finqa", "tatqa"):
        for asked in evidence.read(data, "train", source):
            pair = _pair(asked)
            (apart if asked.whole and kept_apart(asked) else learned).append(pair)
    return learned, apart


def _pair(asked: Asked) -> Pair:
    gold = set().union(*asked.gold)
    order = [r.line for r in ranking.rank(asked.question, asked.lines)]
    told = [line.told for line in asked.lines]
    answers = tuple(dict.fromkeys(told[i] for i in sorted(gold)))
    rivals = tuple(
        dict.fromkeys(told[i] for i in order if i not in gold and told[i] not in answers)
    )
    return Pair(asked.question, answers, rivals if asked.whole else ())


_FRAMES = (
    "{}",
    "what was the {} ?",
    "what was the {} in 2021 ?",
    "how did {} change from 2019 to 2022 ?",
    "{} of the company in 2020",
)


def synonyms() -> list[Pair]:
    """What people call the lexicon's measures, as questions; their labels as answers."""
    book = lexicon()
    terms = [*book.measures.values(), *book.documents.values(), *book.attributes.values()]
    found: list[Pair] = []
    for term in terms:
        said = [*term.spellings, *(" ".join(p) for p in (*term.also, *term.verbs))]
        for text in dict.fromkeys(said):
            if text != term.label:
                found.append(Pair(text, (term.label, term.spellings[0]), name=True))
    return found


# --- the run ------------------------------------------------------------------------------------


class _Run:
    def __init__(self, base: Path, recipe: BiencoderRecipe) -> None:
        self.recipe, self.seconds, self.loss = recipe, 0.0, 0.0
        self.tokenizer: Any = AutoTokenizer.from_pretrained(base)
        model: Any = Qwen3ForCausalLM.from_pretrained(base, dtype=torch.float32)
        self.width = model.config.hidden_size
        self.model: Any = get_peft_model(
            model,
            LoraConfig(
                r=recipe.rank,
                lora_alpha=recipe.alpha,
                target_modules="all-linear",
                bias="none",
                task_type="CAUSAL_LM",
            ),
        )
        head = torch.empty(self.width, recipe.dim)
        self.head = torch.nn.Parameter(torch.nn.init.orthogonal_(head))
        self._known: dict[str, list[int]] = {}

    def ids(self, text: str) -> list[int]:
        if text not in self._known:
            ids = self.tokenizer(prepared(text), add_special_tokens=False)["input_ids"]
            self._known[text] = ids[: self.recipe.longest] or [0]
        return self._known[text]

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """(T, dim), of length one."""
        rows = [self.ids(t) for t in texts]
        width = max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(width)[None] < lengths[:, None]).float()[..., None]
        inner = self.model.base_model.model.model
        with torch.autocast("cpu", torch.bfloat16, enabled=self.recipe.bf16):
            states = inner(input_ids=ids, use_cache=False).last_hidden_state
        states = states.float()
        pooled = (states * mask).sum(1) / mask.sum(1)
        return F.normalize(pooled @ self.head, dim=-1)

    def learn(self, learned: Sequence[Pair], names: Sequence[Pair], say: Say) -> int:
        """Until the time is spent. Returns the number of steps."""
        recipe = self.recipe
        weights = [p for p in self.model.parameters() if p.requires_grad]
        solver = torch.optim.AdamW([*weights, self.head], lr=recipe.rate, weight_decay=0.0)
        rng = random.Random(recipe.seed)
        own, other = _endless(learned, rng), _endless(names, rng)
        begun, steps, told = time.monotonic(), 0, 0.0
        recent: list[float] = []
        self.model.train()
        while (spent := time.monotonic() - begun) < recipe.seconds:
            share = spent / recipe.seconds
            for group in solver.param_groups:
                group["lr"] = recipe.rate * min(share / recipe.warmup, 1.0, (1.0 - share) / 0.6)
            lexical = rng.random() < recipe.synonyms
            count = recipe.questions * (2 if lexical else 1)
            batch = [next(other if lexical else own) for _ in range(count)]
            loss = self._loss(batch, rng)
            solver.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*weights, self.head], 1.0)
            solver.step()
            steps += 1
            if not lexical:
                recent.append(float(loss.detach()))
            if spent - told > 30:
                told = spent
                self.loss = sum(recent[-50:]) / max(len(recent[-50:]), 1)
                say(f"biencoder: step {steps}, {share:.0%}, loss {self.loss:.3f}")
        self.model.eval()
        self.seconds = time.monotonic() - begun
        self.loss = sum(recent[-50:]) / max(len(recent[-50:]), 1)
        return steps

    def _loss(self, batch: Sequence[Pair], rng: random.Random) -> torch.Tensor:
        questions: list[str] = []
        texts: dict[str, int] = {}
        held: list[list[int]] = []
        half = self.recipe.rivals // 2
        for pair in batch:
            near, rest = pair.rivals[:half], pair.rivals[half:]
            far = rng.sample(rest, min(len(rest), self.recipe.rivals - len(near)))
            questions.append(
                rng.choice(_FRAMES).format(pair.question) if pair.name else pair.question
            )
            held.append([texts.setdefault(t, len(texts)) for t in pair.answers[:3]])
            for text in (*near, *far):
                texts.setdefault(text, len(texts))
        vectors = self.vectors([*questions, *texts])
        count = len(questions)
        scores = vectors[:count] @ vectors[count:].T / self.recipe.temperature
        likely = torch.log_softmax(scores, dim=1)
        losses = [-torch.logsumexp(likely[q, gold], dim=0) for q, gold in enumerate(held)]
        return torch.stack(losses).mean()

    @torch.inference_mode()
    def first_right(self, apart: Sequence[Pair]) -> float:
        """How often an answer is nearer than every other line of the page."""
        right = 0
        for pair in apart:
            vectors = self.vectors([pair.question, *pair.answers, *pair.rivals])
            scores = vectors[1:] @ vectors[0]
            right += int(scores.argmax()) < len(pair.answers)
        return right / max(len(apart), 1)

    def save(self, out: Path) -> None:
        if out.exists():
            shutil.rmtree(out)
        self.model.to(torch.bfloat16).save_pretrained(out)
        save_file({"head": self.head.detach().to(torch.bfloat16)}, out / HEAD)
        about = {"longest": self.recipe.longest, "dim": self.recipe.dim}
        (out / SETTINGS).write_text(json.dumps(about) + "\n", encoding="utf-8")
        (out / "README.md").unlink(missing_ok=True)
        self.model.float()

    @torch.inference_mode()
    def difference(self, served: BiEncoder, texts: Sequence[str]) -> float:
        """The largest difference of a vector's parts, as trained and as served."""
        if not texts:
            return 0.0
        return float((self.vectors(texts) - torch.from_numpy(served.encode(texts))).abs().max())


def _endless(items: Sequence[Pair], rng: random.Random) -> Iterator[Pair]:
    while True:
        order = list(items)
        rng.shuffle(order)
        yield from order
