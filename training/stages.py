"""The stages of ``make release-weights``, in order, for the full and for the quick budget.

The quick budget goes through the same commands with a tiny model and little data: it shows that
the pipeline works, and what it makes is worth nothing.
"""

from __future__ import annotations

from training import jobs
from training.recipe import FOLDER
from training.release import Stage

_QUICK_BASE = (
    "corpus.train=400",
    "corpus.dev=40",
    "corpus.shard=200",
    "tokenizer.sample=300",
    "model.layers=2",
    "model.width=128",
    "model.heads=2",
    "model.kv_heads=2",
    "model.inner=256",
    "tokens=400_000",
    "seconds=60",
    "compile=false",
    "watch_count=10",
)
_QUICK_HEADLINES = ("generated=96", "seconds=15", "watch_every=50")
_QUICK_ADAPTER = ("examples=160", "watch_count=16", "watch_every=5", "seconds=12", "epochs=1")


def stages(*, quick: bool = False, threads: int = 1) -> tuple[Stage, ...]:
    """All stages.

    Args:
        threads: of the models, in training and in measuring.
    """
    count = f"threads={threads}"
    base = Stage(
        "base",
        ("train", "pretrain", *_PLACES, *(_QUICK_BASE if quick else ()), count),
        makes=("base",),
        settings=(FOLDER / "base.toml",),
        resume=("checkpoint.pt", "--resume"),
    )
    adapters = [
        Stage(
            job,
            ("train", "sft", job, *_PLACES, *(_QUICK_ADAPTER if quick else ()), count),
            makes=(job,),
            needs=("base",),
            settings=(FOLDER / f"{job}.toml",),
        )
        for job in jobs.NAMES
    ]
    headlines = Stage(
        "headlines",
        ("train", "headlines", "--out", "{out}", *(_QUICK_HEADLINES if quick else ()), count),
        makes=("headlines",),
        settings=(FOLDER / "headlines.toml",),
    )
    return (base, *adapters, headlines)


_PLACES = ("--work", "{work}", "--out", "{out}")
