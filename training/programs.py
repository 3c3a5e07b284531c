"""The ranker of calculation programs: learned from questions whose answer is known and whose
program is not.

Each question gives all short programs over its numbers; those that come to its answer share the
credit as the model divides it (marginal likelihood: expectation and maximisation in one gradient).
Coincidences lose to what other questions have in common. No program needs to be written down, and
questions with several possible programs still teach. Trained with torch, applied with numpy
(``specialists/calculation/ranker.py``).
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from specialists.calculation import features, ranker
from specialists.calculation.candidates import CHANNELS, RESULT, TEMPLATES
from specialists.calculation.features import CUES, PAIR, SINGLE, Array
from training import program_cases, provenance
from training.program_cases import Case

HIDDEN = 48
CUE = len(CUES) + 6
GRAMS = 3
"""A gram is in the vocabulary from so many questions on."""
SHARES = {"mixed": 0.5, "generated": 0.25, "tatqa": 0.6}
"""Of a source's questions, how many an epoch sees."""
CARD = """# The ranker of calculation programs

Coefficients of `specialists/calculation/ranker.py`, made by `training/programs.py`; counts and
machine in `run.json`. Learned from answers to training questions of FinQA (MIT; Chen et al. 2021)
and TAT-QA (CC BY 4.0; Zhu et al. 2021), and from generated examples. No question, page or answer
is stored: only weights, and the one- and two-word runs that several questions share. FinQA dev and
TAT-QA dev were not learned from.
"""
CLEAR = 0.8
"""Share of the mass of all programs that come to the answer, from which on one is clear."""
MEMBERS = 3
EPOCHS = 16
BATCH = 16
RATE = 4e-3
DROPOUT = 0.1
DECAY = 0.02
"""Of the weights of numbers and pairs."""
TEXT_DECAY = 0.3
"""Of the weights of the question's words."""
NEGATIVES = 400
"""Wrong candidates of a question that a step looks at, at most."""


RELEVANCE = np.zeros(SINGLE, np.float32)
"""Which numbers of a long page are worth a program, before that is learned: the line's and the
label's words, and the year."""
RELEVANCE[[5, 6, 7, 8, 10, 12, 13, 14]] = 2.0, 2.0, 1.0, 1.0, 0.5, 1.5, 0.7, -0.4


def relevance(cases: Sequence[Case]) -> Array:
    """Weights that tell the numbers programs use from the others, by logistic regression."""
    from sklearn.linear_model import LogisticRegression

    rows: list[Array] = []
    marks: list[float] = []
    for one in cases:
        arity = np.array([len(one.made.numbers(k)) for k in one.known])
        likely = PRIOR[one.made.template[one.known]] * 0.3**arity
        used = np.zeros(len(one.page.numbers))
        for k, share in zip(one.known, likely / likely.sum(), strict=True):
            used[list(one.made.numbers(k))] += share
        rows.append(one.read.single)
        marks += (used > 0.5).tolist()
    fitted = LogisticRegression(C=1.0, max_iter=400).fit(np.concatenate(rows), marks)
    return fitted.coef_[0].astype(np.float32)


PRIOR = np.full(len(TEMPLATES), 0.1)
"""How common each template is, roughly, before anything is learned."""
for _name, _share in (
    ("subtract(a, b), divide(#0, b)", 4.0),
    ("divide(a, b)", 3.0),
    ("subtract(a, b)", 2.0),
    ("add(a, b)", 1.0),
    ("average(a, b)", 0.7),
    ("multiply(a, b)", 0.6),
    ("lookup(a)", 3.0),
):
    PRIOR[TEMPLATES.index(_name)] = _share


class Net(torch.nn.Module):
    """The ranker's arithmetic with gradients."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()

        def made(*shape: int, scale: float) -> torch.nn.Parameter:
            return torch.nn.Parameter(torch.randn(*shape) * scale)

        wide = (2 * SINGLE + PAIR + CUE) ** -0.5
        self.asked = made(CUE, HIDDEN, scale=wide)
        self.first = made(SINGLE, HIDDEN, scale=wide)
        self.second = made(SINGLE, HIDDEN, scale=wide)
        self.pair = made(PAIR, HIDDEN, scale=wide)
        self.hidden = made(HIDDEN, scale=0.01)
        self.out = made(HIDDEN, len(CHANNELS), scale=HIDDEN**-0.5)
        self.straight_first = made(SINGLE, len(CHANNELS), scale=0.0)
        self.straight_second = made(SINGLE, len(CHANNELS), scale=0.0)
        self.straight_pair = made(PAIR, len(CHANNELS), scale=0.0)
        self.grams = made(vocabulary, len(TEMPLATES), scale=0.0)
        self.cues = made(CUE, len(TEMPLATES), scale=0.0)
        self.bias = made(len(TEMPLATES), scale=0.0)
        self.looks = made(CUE, RESULT, scale=0.0)
        self.plain = made(RESULT, scale=0.0)

    def export(self) -> ranker.Model:
        return ranker.Model(**{k: v.detach().numpy().copy() for k, v in self.named_parameters()})

    def loss(self, batch: Sequence[tuple[Case, list[int], np.ndarray, float]]) -> torch.Tensor:
        """Mean negative log marginal likelihood of a batch: (case, grams, kept candidates, log of
        how many each wrong one stands for)."""
        first, second, pairs, asked, counts = [], [], [], [], []
        terms, weights, template, owner, results, right, offset = [], [], [], [], [], [], []
        base = 0
        for b, (c, _, kept, extra) in enumerate(batch):
            n = len(c.read.single)
            first.append(np.repeat(c.read.single, n, 0))
            second.append(np.tile(c.read.single, (n, 1)))
            pairs.append(c.read.pair.reshape(n * n, -1))
            asked.append(c.read.asked)
            counts.append(n * n)
            terms.append(c.made.terms[kept] + base * len(CHANNELS))
            base += n * n
            weights.append(c.made.weights[kept])
            template.append(c.made.template[kept])
            results.append(c.made.result[kept])
            owner.append(np.full(len(kept), b))
            good = np.isin(kept, c.known)
            right.append(good)
            offset.append(np.where(good, 0.0, extra))

        def t(x: Any) -> torch.Tensor:
            return torch.from_numpy(np.concatenate(x))

        cue = torch.from_numpy(np.stack(asked))
        per = torch.repeat_interleave(cue @ self.asked, torch.tensor(counts), 0)
        one, two, both = t(first), t(second), t(pairs)
        before = one @ self.first + two @ self.second + both @ self.pair + per + self.hidden
        straight = (
            one @ self.straight_first + two @ self.straight_second + both @ self.straight_pair
        )
        hidden = torch.nn.functional.dropout(torch.relu(before), DROPOUT)
        fits = (hidden @ self.out + straight).reshape(-1)
        arguments = (fits[t(terms).long()] * t(weights)).sum(1)
        grams = torch.stack(
            [self.grams[torch.tensor(k, dtype=torch.long)].sum(0) for _, k, _, _ in batch]
        )
        templates = self.bias + cue @ self.cues + grams
        own = t(owner)
        looks = (cue @ self.looks + self.plain)[own]
        scores = templates[own, t(template).long()] + arguments + (t(results) * looks).sum(1)
        scores = scores + t(offset).float()
        good = t(right)
        total = _logsumexp(scores, own, len(batch))
        hit = _logsumexp(scores[good], own[good], len(batch))
        weight = torch.tensor([c.question.weight for c, *_ in batch])
        return ((total - hit) * weight).mean()


def _logsumexp(scores: torch.Tensor, owner: torch.Tensor, count: int) -> torch.Tensor:
    high = torch.full((count,), -1e9).scatter_reduce(0, owner, scores.detach(), "amax")
    mass = torch.zeros(count).index_add(0, owner, torch.exp(scores - high[owner]))
    return torch.log(mass) + high


def fit(
    cases: Sequence[Case],
    *,
    seed: int,
    members: int = MEMBERS,
    epochs: int = EPOCHS,
    say: Callable[[str], None] = print,
) -> ranker.Ranker:
    """A committee over cases."""
    torch.set_num_threads(1)
    counted = Counter(g for c in cases for g in features.grams(c.page.question))
    vocabulary = sorted(g for g, k in counted.items() if k >= GRAMS)
    known = ranker.Ranker(vocabulary, (), RELEVANCE)
    grams = [known.known(c.page.question) for c in cases]
    made: list[ranker.Model] = []
    for member in range(members):
        net, loss = _learn(cases, grams, len(vocabulary), seed + member, epochs)
        say(f"member {member + 1} of {members}: loss {loss:.3f}")
        made.append(net.export())
    return ranker.Ranker(vocabulary, made, relevance(cases))


def _learn(
    cases: Sequence[Case], grams: Sequence[list[int]], vocabulary: int, seed: int, epochs: int
) -> tuple[Net, float]:
    """One member, and its mean loss over the last epoch."""
    torch.manual_seed(seed)
    dice = np.random.default_rng(seed)
    share = np.array([SHARES.get(c.question.source, 1.0) for c in cases])
    net = Net(vocabulary)
    text = [net.grams, net.cues, net.looks, net.plain]
    others = [p for p in net.parameters() if not any(p is t for t in text)]
    optimiser = torch.optim.AdamW(
        [
            {"params": others, "weight_decay": DECAY},
            {"params": text, "weight_decay": TEXT_DECAY},
        ],
        lr=RATE,
    )
    steps = epochs * int(share.sum() / BATCH + 8)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, steps, pct_start=0.15)
    losses: list[float] = []
    for _ in range(epochs):
        order = [int(i) for i in dice.permutation(len(cases)) if dice.random() < share[i]]
        losses = []
        for at in range(0, len(order), BATCH):
            chosen = order[at : at + BATCH]
            loss = net.loss([(cases[i], grams[i], *_sampled(cases[i], dice)) for i in chosen])
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            if plan.last_epoch < steps - 1:
                plan.step()
            losses.append(loss.item())
    return net, float(np.mean(losses)) if losses else 0.0


def _sampled(one: Case, dice: np.random.Generator) -> tuple[np.ndarray, float]:
    """All right candidates and some wrong ones, and the log of how many each stands for."""
    wrong = np.setdiff1d(np.arange(len(one.made.value)), one.known)
    if len(wrong) <= NEGATIVES:
        return np.concatenate([one.known, wrong]), float(np.log(one.stands_for))
    some = dice.choice(wrong, NEGATIVES, replace=False)
    share = one.stands_for * len(wrong) / NEGATIVES
    return np.concatenate([one.known, some]), float(np.log(share))


def train(data: Path, out: Path, say: Callable[[str], None] = print, *, seed: int = 7) -> None:
    """Learn the ranker from public training questions and our own, and write it.

    Args:
        data: folder of public data, laid out as the loaders expect it.
        out: folder for ``ranker.npz`` and ``run.json``.

    Raises:
        FileNotFoundError: the folder lacks a source's file.
    """
    begun = time.perf_counter()
    asked: Counter[str] = Counter()
    cases: list[Case] = []
    for question in program_cases.questions(data, seed):
        asked[question.source] += 1
        made = program_cases.case(question, RELEVANCE)
        if made is not None:
            cases.append(made)
    reached = Counter(c.question.source for c in cases)
    say(", ".join(f"{name}: {reached[name]} of {count}" for name, count in asked.items()))
    made = fit(cases, seed=seed, say=say)
    clear = induced(made, [c for c in cases if c.question.source == "finqa"])
    say(f"{clear} programs of FinQA's evidence are clear")
    made.save(out / ranker.WEIGHTS.name)
    record = {
        "sources": {name: {"asked": asked[name], "reached": reached[name]} for name in asked},
        "clear": clear,
        "members": len(made.members),
        "seed": seed,
        "seconds": round(time.perf_counter() - begun, 1),
        **provenance.environment(1),
    }
    (out / "README.md").write_text(CARD, encoding="utf-8")
    (out / "run.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def induced(made: ranker.Ranker, cases: Sequence[Case]) -> int:
    """Of the questions with a known answer and no program, how many have one clear program."""
    count = 0
    for one in cases:
        chances = made.probabilities(one.page, one.read, one.made)[one.known]
        count += bool(chances.max() >= CLEAR * chances.sum())
    return count
