"""Whether a whole answer is sure enough to be given: one probability, held against a threshold.

Four steps of 95 % make an answer of 81 %: what counts is the answer. Thresholds come from
calibration (``specialists.foundation.records.Assurance``), so that the share of questions that get
a wrong answer stays below the operator's risk. It withholds answers; it mends none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from router.contracts import Answer
from specialists.confidence import FLOOR, log_odds, predict
from specialists.foundation.records import Assurance, Threshold

OFF = 1.0
"""The risk at which every answer is given."""


def features(answer: Answer) -> dict[str, float]:
    """What speaks for a composed answer: the log-odds that its plan and all its steps are right.

    Each of them is a calibrated probability, taken as independent: the answer's is their product.
    An answer that leaves open what was asked has the lowest there is.
    """
    if answer.status != "complete":
        return {"joint": -FLOOR}
    parts = [
        answer.planning.confidence,
        *(f.confidence for f in answer.findings if f.status == "ok"),
    ]
    told = [each for each in parts if each is not None]
    return {"joint": log_odds(math.prod(told))} if told else {}


def threshold(assurance: Assurance, risk: float) -> Threshold | None:
    """The threshold for a risk: the nearest measured one that promises no less; None: none does."""
    fit = [each for each in assurance.thresholds if each.risk <= risk + 1e-9]
    return fit[-1] if fit else None


def assured(answer: Answer, assurance: Assurance | None, risk: float) -> Answer:
    """The answer with its confidence; withheld where that is too low for the risk.

    Args:
        assurance: None: nobody measured these weights; the answer stays as it is.
        risk: largest share of questions that may get a wrong answer; 1 withholds nothing.
    """
    if assurance is None or answer.status == "abstained":
        return answer
    sure = predict(assurance.logistic, features(answer))
    answer = answer.model_copy(update={"confidence": sure})
    if risk >= OFF:
        return answer
    least = threshold(assurance, risk)
    if least is not None and sure >= least.confidence:
        return answer
    return _withheld(answer, _reason(sure, least, risk))


def _reason(sure: float, least: Threshold | None, risk: float) -> str:
    if least is None or least.confidence > 1:
        return f"withheld: no confidence is known that keeps wrong answers below {risk:.0%}"
    return (
        f"withheld: confidence {sure:.3f} is below {least.confidence:.3f}, from which on at most "
        f"{risk:.0%} of questions get a wrong answer"
    )


def _withheld(answer: Answer, reason: str) -> Answer:
    """Nothing is claimed; the findings stay, for the trace."""
    changes: Mapping[str, object] = {
        "status": "abstained",
        "text": (
            f"This cannot be answered surely enough from the workspace {answer.workspace!r}; what "
            "was found stands in the trace."
        ),
        "claims": (),
        "sources": (),
        "notes": (reason, *answer.notes),
    }
    return answer.model_copy(update=changes)
