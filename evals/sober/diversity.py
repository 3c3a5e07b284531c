"""Whether several draws of one question say several things: what is left for rewards to choose
from, and what training took away.

``entropy`` is that of the outputs among a question's K draws, in bits, with Miller and Madow's
correction for few draws (Miller 1955, Information Theory in Psychology, 95-100). ``at_k`` is
pass@K for K draws: at least one of them right, the estimator of Chen et al. 2021 (arXiv 2107.03374)
at k = n. Training that raises pass@1 and not pass@K has sharpened what was there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import log, log2

from evals.decision.samples import Sample
from evals.sober.tables import name
from specialists.foundation.contracts import Value
from specialists.foundation.errors import DataError


class Diversity(Value):
    """How varied an arm's draws are; means over questions and runs."""

    arm: str
    questions: int
    draws: int
    distinct: float
    """Different outputs among the draws."""
    entropy: float
    """Bits; at most log2 of the draws."""
    same: float
    """Share of questions where all draws say the same."""
    mixed: float
    """Share of questions with right and wrong draws: of these alone GRPO learns."""
    at_1: float
    at_k: float
    """Share of questions with a right draw."""

    @property
    def gap(self) -> float:
        """What a perfect chooser among the draws would gain."""
        return self.at_k - self.at_1


def diversity(samples: Sequence[Sample]) -> Diversity:
    """The variety of one arm's draws.

    Args:
        samples: of one arm and one sampled way to decode.

    Raises:
        DataError: of several arms, one draw alone, or questions with other numbers of draws.
    """
    judged = [s for s in samples if s.score is not None]
    arms = {s.arm for s in judged}
    if len(arms) != 1:
        raise DataError(f"diversity is of one arm's judged samples; here are {len(arms)} arms")
    groups: dict[tuple[int, str], list[Sample]] = defaultdict(list)
    for sample in judged:
        groups[sample.run, name(sample)].append(sample)
    sizes = {len(each) for each in groups.values()}
    if len(sizes) != 1 or sizes == {1}:
        raise DataError(f"questions have {sorted(sizes)} draws; two or more of each are needed")
    draws = sizes.pop()
    said = [Counter(" ".join(s.output.split()) for s in each) for each in groups.values()]
    rights = [sum((s.score or 0.0) >= 0.5 for s in each) for each in groups.values()]
    count = len(groups)
    return Diversity(
        arm=arms.pop(),
        questions=len({question for _, question in groups}),
        draws=draws,
        distinct=sum(len(each) for each in said) / count,
        entropy=sum(entropy(list(each.values())) for each in said) / count,
        same=sum(len(each) == 1 for each in said) / count,
        mixed=sum(0 < right < draws for right in rights) / count,
        at_1=sum(rights) / count / draws,
        at_k=sum(right > 0 for right in rights) / count,
    )


def entropy(counts: Sequence[int]) -> float:
    """Of what was counted, in bits, corrected for so few of them; at most log2 of their number."""
    total = sum(counts)
    plain = -sum(n / total * log2(n / total) for n in counts)
    return min(plain + (len(counts) - 1) / (2 * total) / log(2), log2(total)) if total else 0.0
