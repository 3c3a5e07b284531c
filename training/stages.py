"""The stages of ``make release-weights``, in order, for the full and for the quick budget.

The quick budget goes through the same commands with a tiny model and little data: it shows that
the pipeline works, and what it makes is worth nothing.
"""

from __future__ import annotations

from training import jobs
from training.recipe import FOLDER
from training.release import Stage
from training.tuning import checkpoints

RUNS = "runs"
"""In a work folder: the runs of adapters, by job."""

_QUICK_BASE = (
    "corpus.train=400",
    "corpus.dev=40",
    "corpus.shard=200",
    "corpus.public=200",
    "corpus.prose=300",
    "corpus.copying=500",
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
_QUICK_ADAPTER = (
    "data.count=160",
    "watch.count=16",
    "watch.every=100",
    "learning.batch=16",
    "learning.steps=0",
)


def stages(*, quick: bool = False, threads: int = 1, data: bool = True) -> tuple[Stage, ...]:
    """All stages.

    Args:
        threads: of the models, in training.
        data: whether public data is at hand; what is learned from it alone is left out otherwise.
    """
    count = f"threads={threads}"

    def tiny(*words: str) -> tuple[str, ...]:
        return words if quick else ()

    base = Stage(
        "base",
        ("train", "pretrain", *_PLACES, *tiny(*_QUICK_BASE), count),
        makes=("base",),
        settings=(FOLDER / "base.toml",),
        resume=("checkpoint.pt", "--resume"),
    )
    adapters = [
        Stage(
            job,
            ("train", "sft", job, *_PLACES, *tiny(*_QUICK_ADAPTER), f"learning.{count}"),
            makes=(job,),
            needs=("base",),
            settings=(FOLDER / f"{job}.toml",),
            resume=(f"{RUNS}/{job}/{checkpoints.FOLDER}", "--resume"),
        )
        for job in jobs.NAMES
    ]
    cases = Stage("cases", ("train", "cases", *_OUT, *tiny("--examples", "600")), makes=("cases",))
    public = [
        Stage(
            "headlines",
            ("train", "headlines", *_OUT, *tiny("seconds=20", "generated=100"), count),
            makes=("headlines",),
            settings=(FOLDER / "headlines.toml",),
        ),
        Stage("programs", ("train", "programs", *_OUT), makes=("programs",)),
        Stage(
            "votes",
            ("evals", "sentfin", "--keep", *_JUDGED, *tiny("--count", "40")),
            makes=("headlines/weighing.json",),
            needs=("base", "sentiment", "headlines"),
        ),
    ]
    made = (base, *adapters, cases, *(public if data else ()))
    calibration = Stage(
        "calibration",
        ("evals", "calibrate", "--again", *_JUDGED, *tiny(*_QUICK_CALIBRATION)),
        makes=("answers.json", *(f"{job}/calibration.json" for job in jobs.NAMES)),
        needs=tuple(stage.name for stage in made),
    )
    accuracy = Stage(
        "accuracy",
        ("evals", "accuracy", *_JUDGED, *(_QUICK_ACCURACY if quick else ("--write-readme",))),
        makes=(),
        needs=("calibration", *jobs.NAMES),
    )
    curves = Stage(
        "curves",
        ("train", "curves", "--corpus", "{base}", "--out", "{results}/curves.jsonl",
         *tiny(*_QUICK_CURVES)),
        makes=(),
        needs=("base",),
    )  # fmt: skip
    measures = Stage(
        "measures",
        (
            "evals",
            "embedded",
            *_JUDGED,
            *tiny("--only", "accuracy", "--count", "4", "--docs", "{work}"),
        ),
        makes=(),
        needs=("accuracy", "curves"),
    )
    return (*made, calibration, accuracy, curves, measures)


_PLACES = ("--work", "{work}", "--out", "{out}")
_OUT = ("--out", "{out}")
_JUDGED = ("--weights", "{out}", "--out", "{results}")
_QUICK_CALIBRATION = ("--count", "40", "--checked", "20", "--generated", "6")
_QUICK_ACCURACY = ("--count", "4", "--controls", "2", "--public-count", "4")
_QUICK_CURVES = ("tokens=40_000", "seconds=10", "frames=[40]", 'shapes=["1M"]', "heldout=20")
