"""Other ways to ask the same questions: what a verdict must not hang on.

Each differs from the design's own way in one thing alone, so that what turns a verdict has a name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from evals.decision.capture import Part
from evals.decision.design import Decode, Design
from evals.decision.taking import Variant
from specialists.foundation.contracts import Sampling
from specialists.foundation.errors import ConfigError
from specialists.task import Form

DESIGN = "design"


@dataclass(frozen=True)
class Setting:
    """One way to ask."""

    name: str
    """What samples call it in their column ``decode``."""
    sampling: Sampling = Sampling(temperature=1.0, max_tokens=96)
    held: bool = True
    """Replies are held to the grammar that serving holds them to."""
    form: Form = "compact"
    dtype: str = "float32"
    """Of the base's weights in the in-process engine."""
    rows: int = 32
    """Dialogues of one batch."""
    what: str = ""
    """What differs, in words."""


def settings(decode: Decode | None = None) -> tuple[Setting, ...]:
    """The design's own way, and eight others; the first is the design's.

    Args:
        decode: as the design says; None: a design's defaults.
    """
    told = decode or Decode()
    own = Setting(
        DESIGN,
        Sampling(temperature=told.temperature, top_p=told.top_p, max_tokens=told.max_tokens),
        told.held,
        told.form,
        what="as the design says",
    )
    drawn = own.sampling
    half = max(drawn.max_tokens // 2, 1)

    def sampled(name: str, what: str, **changed: float) -> Setting:
        return replace(own, name=name, what=what, sampling=drawn.model_copy(update=changed))

    return (
        own,
        sampled("greedy", "temperature 0", temperature=0.0),
        sampled("cool", "temperature 0.6", temperature=0.6),
        sampled("nucleus", "top_p 0.9", top_p=0.9),
        sampled("half", f"replies of {half} tokens at most", max_tokens=half),
        sampled("short", "replies of 16 tokens at most", max_tokens=16),
        replace(
            own,
            name="free",
            held=not own.held,
            what="no grammar" if own.held else "held to the grammar",
        ),
        replace(
            own,
            name="full",
            form="full" if own.form == "compact" else "compact",
            what="the prompt in full" if own.form == "compact" else "the prompt in handles",
        ),
        replace(own, name="bfloat16", dtype="bfloat16", what="weights in bfloat16"),
        replace(own, name="alone", rows=1, what="batches of one"),
    )


def named(name: str, decode: Decode | None = None) -> Setting:
    """A setting by its name.

    Raises:
        ConfigError: there is none.
    """
    known = {each.name: each for each in settings(decode)}
    if name not in known:
        raise ConfigError(f"there is no setting {name!r}; there are {', '.join(known)}")
    return known[name]


def part(design: Design, questions: int, samples: int) -> Part:
    """What a capture takes so that a verdict can be judged under each setting.

    Weights in bfloat16 and batches of one are no way to decode but another machine's settings: they
    need a capture of their own, beside this one (``Machine``, ``concurrency``).

    Args:
        questions: of each paper of the test, the first so many.
        samples: of each question.
    """
    ways = [
        Variant(
            name=each.name,
            sampling=each.sampling,
            samples=1 if each.sampling.temperature == 0 else samples,
            held=each.held,
            form=each.form,
        )
        for each in settings(design.decode)
        if (each.dtype, each.rows) == (Setting.dtype, Setting.rows)
    ]
    return Part(
        variants=tuple(ways),
        papers=tuple(paper.name for paper in design.papers),
        questions=questions,
    )
