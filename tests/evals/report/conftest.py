"""A decision as it comes about: samples drawn by numpy into a real store, and the project's own
analysis of them. Nothing in a record here was written by hand but what is noted beside the samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from evals.decision import record as records
from evals.decision.design import Design, Registered
from evals.decision.samples import SAMPLED, Sample, Samples
from evals.report.seen import Seen, seen
from specialists.foundation.decisions import (
    Contamination,
    DecisionRecord,
    Digests,
    Environment,
    Portability,
    Power,
    PowerRow,
    Screen,
    ScreenRow,
    Spent,
)

K = 3
QUESTIONS, GUARDED, COMPANIES, TEMPLATES = 160, 40, 40, 20


class Truth(NamedTuple):
    """What an arm truly is like."""

    kind: str
    method: str
    accuracy: float
    tokens: float
    seconds: float
    runs: int


ARMS = {
    "constrained": Truth("base", "prompt", 0.48, 34, 0.30, 1),
    "classical": Truth("classical", "rules", 0.31, 0, 0.004, 1),
    "sft": Truth("trained", "sft", 0.56, 33, 0.30, 3),
    "sft-continued": Truth("trained", "sft", 0.56, 33, 0.30, 3),
    "distill": Truth("trained", "distill", 0.57, 61, 0.52, 3),
    "grpo-from-sft": Truth("trained", "grpo", 0.64, 36, 0.33, 3),
    "placebo": Truth("trained", "grpo_placebo", 0.48, 35, 0.31, 3),
}
CONTRASTS = (
    ("classical", "constrained"),
    ("sft", "constrained"),
    ("sft-continued", "constrained"),
    ("distill", "sft-continued"),
    ("grpo-from-sft", "sft-continued"),
)


@dataclass(frozen=True)
class Decided:
    """A record, the exported samples that it came from, and what they show."""

    record: DecisionRecord
    folder: Path
    """Of the export."""
    rows: tuple[Sample, ...]
    """The sampled replies to the test."""
    seen: Seen


def adapter(arm: str, run: int) -> str:
    """A digest for a run's adapter."""
    return f"{list(ARMS).index(arm) * 16 + run:02x}" * 32


def designed(arms: Mapping[str, Truth]) -> Design:
    return Design.model_validate(
        {
            "specialist": "table_qa",
            "study": "training/studies/decide-table_qa",
            "start": "constrained",
            "arms": [
                {"name": name, "kind": arm.kind, "method": arm.method, "runs": arm.runs,
                 "control": name == "placebo"}
                for name, arm in arms.items()
            ],
            "contrasts": [{"arm": a, "against": b} for a, b in CONTRASTS],
            "papers": [{"name": "several", "count": QUESTIONS}],
            "guards": [{"paper": {"name": "one look", "count": GUARDED}, "margin": 9.0}],
            "decode": {"samples": K},
            "gates": {"hour_usd": 0.25},
            "limits": {"questions": 150},
        }
    )  # fmt: skip


def drawn(
    arms: Mapping[str, Truth], paper: str, count: int, *, easier: float, seed: int
) -> Iterator[Sample]:
    """Samples of every arm: companies, questions and training runs each have their luck."""
    rng = np.random.default_rng(seed)
    company = np.arange(count) % COMPANIES
    template = rng.permutation(count) % TEMPLATES
    hard = rng.normal(0, 1.2, count) + rng.normal(0, 0.3, COMPANIES)[company]
    lots = rng.normal(0, 1.5, (count, K))  # the same for all arms, as in a capture
    for name, arm in arms.items():
        trained, share = arm.kind == "trained", arm.accuracy + easier
        own = rng.normal(0, 0.3, count) + rng.normal(0, 0.1, COMPANIES)[company]
        for run in range(1, arm.runs + 1):
            luck = rng.normal(0, 0.04) if trained else 0.0
            eta = 1.3 * np.log(share / (1 - share)) + hard + own + luck
            right = eta[:, None] + lots + rng.normal(0, 0.7, (count, K)) > 0
            if arm.kind == "classical":
                right[:] = right[:, :1]
            wide = rng.gamma(9, arm.tokens / 9, (count, K)) * np.where(right, 1.0, 1.45)
            broke = rng.random((count, K)) < (0.001 if trained else 0.0)
            for (q, k), length in np.ndenumerate(wide):
                common = {
                    "arm": name, "run": run, "seed": 100 + run if trained else 0, "paper": paper,
                    "question": f"q{q:03}", "company": f"Company {company[q]:02}",
                    "template": f"t{template[q]:02}", "draw": k, "draw_seed": q * K + k,
                    "messages_digest": f"{q:064x}",
                }  # fmt: skip
                if broke[q, k]:
                    error = "EngineError: the engine was started again"
                    yield Sample(**common, finish="error", score=0.0, error=error)
                    continue
                cut = length > 90
                yield Sample(
                    **common, output=f"answer {q}", tokens=min(int(length), 96),
                    prompt_tokens=400 + q % 40, finish="length" if cut else "stop",
                    score=float(right[q, k]), parses=True, truncated=bool(cut),
                    seconds=arm.seconds * float(rng.gamma(16, 1 / 16)), turns=1,
                    figures={"calls": float(1 + q % 2)},
                )  # fmt: skip


def noted(arms: Mapping[str, Truth]) -> dict[str, Any]:
    """What a capture notes beside the samples."""
    gains = ((0, 0.02), (1, 0.09), (2, 0.24), (3, 0.45), (5, 0.86), (8, 0.99))
    runs = {
        name: [
            {"run": run, "seed": 100 + run, "adapter": adapter(name, run), "device_hours": 0.2}
            if arm.kind == "trained"
            else {"run": run}
            for run in range(1, arm.runs + 1)
        ]
        for name, arm in arms.items()
    }
    return {
        "base": "77" * 32,
        "ended": "2026-11-26T01:00:00+00:00",
        "arms": {
            name: {"recipe": name.encode().hex().ljust(64, "0"), "runs": each}
            for name, each in runs.items()
        },
        "seeds": {"test": 152, "draws": 153},
        "screen": Screen(
            questions=100, samples=8,
            rows=(
                ScreenRow(name="parse failures", value=0.04, low=0.01, high=0.09, threshold=0.2),
                ScreenRow(name="groups of mixed outcome", value=0.27, low=0.18, high=0.36,
                          threshold=0.3, advice="RL has little to work with"),
            ),
        ).model_dump(mode="json"),
        "power": Power(
            run_sd=0.012, template_sd=0.0, simulations=2000, formula_questions=512.0,
            rows=tuple(
                PowerRow(gain=gain / 100, adopted=share, low=max(share - 0.02, 0),
                         high=min(share + 0.02, 1))
                for gain, share in gains
            ),
        ).model_dump(mode="json"),
        "contamination": Contamination(
            questions=QUESTIONS, ngrams=0.004, notes=("Two questions name a peer.",)
        ).model_dump(mode="json"),
        "environment": Environment(
            cpu="AMD EPYC, 2 threads", memory_gb=16.0, system="Linux 6.8", engine="local",
            flags={"threads": "2", "batch": "8"}, versions={"python": "3.11.7"},
            commit="275fd99e0c1a+",
        ).model_dump(mode="json"),
        "trained": [
            {"arm": name, "status": "done", **each}
            for name, several in runs.items()
            for each in several
            if "seed" in each
        ]
        + [{"arm": "distill", "run": 2, "seed": 142, "status": "failed", "device_hours": 0.05,
            "reason": "the loss was no number at step 40"}],
        "spent": Spent(wall_hours=6.4, device_hours=5.1, usd=0.83).model_dump(mode="json"),
        "digests": Digests(
            prompts="a5" * 32, template="a6" * 32, tokenizer="a8" * 32,
            data={"several": "ab" * 32, "train": "ac" * 32},
        ).model_dump(mode="json"),
    }  # fmt: skip


def decide(folder: Path, *, seed: int = 7) -> Decided:
    """Samples in a store, their export, and the record that the analysis makes of them."""
    design = designed(ARMS)
    registered = Registered(
        design=design,
        name="table_qa",
        path=folder / "table_qa.toml",
        study={},
        written=design.model_dump(mode="json", exclude_unset=True),
    )
    with Samples.open(folder / "samples.duckdb", registered) as samples:
        rows = [*drawn(ARMS, "several", QUESTIONS, easier=0.0, seed=seed)]
        more = [*drawn(ARMS, "one look", GUARDED, easier=0.28, seed=seed + 1)]
        timed = [
            row.model_copy(update={"decode": records.TIMED})
            for row in rows
            if row.run == 1 and row.draw == 0 and row.question < "q040" and not row.error
        ]
        samples.add([*rows, *more, *timed])
        asked = {
            paper: sorted({(r.question, r.company, r.template, f"{r.question}") for r in several})
            for paper, several in (("several", rows), ("one look", more))
        }
        samples.note(questions=asked, **noted(ARMS))
        made = records.record(records.analyse(samples), "grpo-from-sft", 1)
        samples.export(folder / "samples")
        rows = samples.rows(paper="several", decode=SAMPLED)
    portable = Portability(machine="Xeon, 8 threads", questions=60, same=0.93, shift=0.006)
    record = changed(made, portability=portable)
    return Decided(record, folder / "samples", tuple(rows), seen(rows))


@pytest.fixture(scope="session")
def adopting(tmp_path_factory: pytest.TempPathFactory) -> Decided:
    """A study in which RL from SFT is worth having."""
    return decide(tmp_path_factory.mktemp("adopting"))


def changed(record: DecisionRecord, **told: Any) -> DecisionRecord:
    """The record with other content, under the id that it then has."""
    return DecisionRecord.model_validate({**record.model_dump(), "id": "", **told})


@pytest.fixture(scope="session")
def varied() -> Callable[..., DecisionRecord]:
    """``changed``, for tests."""
    return changed
