"""The page of the proof: which promises hold, and the table that says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evals.decision.proof import COVERAGE, FALSE_ADOPTION, MARGIN, Group, Proof, Row, Share

Column = tuple[str, Callable[[Row], str]]
_STATES = {
    "holds": "**holds** in all {cells} cells",
    "within error": "holds within Monte-Carlo error: {beyond} of {cells} cells are beyond it, none "
    "by two standard errors",
    "missed": "**missed**: {beyond} of {cells} cells are beyond it, some by more than two standard "
    "errors",
}


def page(proof: Proof, *, words: str = "") -> str:
    """The page in Markdown.

    Args:
        words: written by hand: what was missed, and why.
    """
    lines = [
        "# Does the decision rule keep its promises?",
        "",
        f"Made by `finroute evals prove --full` from {proof.simulations:,} simulated studies a "
        f"cell (seed {proof.seed}); only the section on what was found is written by hand. Each "
        "study is drawn from a known truth, looked at and judged by the functions that decide. "
        "Unless a row says otherwise: 600 questions of 40 companies and 30 templates, 4 samples of "
        "each question by each run, four candidates and a trained start, δ = 3 points, looks at "
        "half and all of the questions. S: training runs of each arm. Run σ and template σ: "
        "standard deviations of the *gain* between pairs of runs and between templates, in points "
        "(companies 4, questions 10). ±: Monte-Carlo standard error.",
        "",
        "## Promises",
        "",
        "| promise | | worst cell |",
        "|---|---|---|",
    ]
    for bound in proof.bounds:
        state = _STATES[bound.state].format(cells=bound.cells, beyond=bound.beyond)
        lines.append(f"| {bound.promise} | {state} | {bound.worst} |")
    lines.append("")
    if words.strip():
        lines += [words.strip(), ""]
    lines += _section(
        proof,
        "no gain",
        "No arm truly gains",
        f"*False adoption* is the whole rule's, over all four candidates (≤ {FALSE_ADOPTION:.0%}). "
        "The two tests are of one contrast at p < .05, two-sided. The naive one pools all samples "
        "of all runs and takes each for independent. *Coverage* of the 95 % intervals is to be "
        f"between {COVERAGE[0]:.1%} and {COVERAGE[1]:.1%}.",
        (*_WORLD, *_ERRORS, _COVERAGE, _INSUFFICIENT),
    )
    lines += _section(
        proof,
        "power",
        "One arm of four truly gains",
        "*Power*: that arm is adopted. At a gain of δ it cannot be more than a half, because the "
        "gain must also be estimated at δ. *False adoption*: another arm is.",
        (*_WORLD, _GAIN, _POWER, _FALSE, _COVERAGE, _INSUFFICIENT, _SAVED),
    )
    lines += _section(
        proof,
        "looks",
        "What the looks save",
        "One candidate. *Saved*: mean share of the questions that need not be asked, by stopping "
        "at half for efficacy, or for futility (conditional power below 10 % at a true gain of the "
        "design's aim, 5 points). Training runs are not saved by looks.",
        (*_WORLD, _GAIN, _POWER, _INSUFFICIENT, _SAVED),
    )
    lines += _section(
        proof,
        "guards",
        "A guard",
        f"The first arm gains 8 points and truly loses the harm on a guard of 600 questions whose "
        f"margin is {MARGIN:g} points. At harm {MARGIN:g} each adoption is false.",
        (*_WORLD, ("harm", lambda r: f"{r.cell.harm:g}"), _POWER, _FALSE),
    )
    lines += _section(
        proof,
        "harder",
        "Harder worlds, without a gain",
        "Beyond what the protocol asks for: more luck in training, few templates that differ much, "
        "a start that was not trained.",
        (
            *_WORLD,
            ("templates", lambda r: str(r.cell.templates)),
            ("start", lambda r: "trained" if r.cell.trained_start else "base"),
            *_ERRORS,
            _COVERAGE,
        ),
    )
    return "\n".join(lines).rstrip() + "\n"


def _section(
    proof: Proof, group: Group, title: str, about: str, columns: Sequence[Column]
) -> list[str]:
    rows = [row for row in proof.rows if row.cell.group == group]
    if not rows:
        return []
    return [
        f"## {title}",
        "",
        about,
        "",
        "| " + " | ".join(name for name, _ in columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(told(row) for _, told in columns) + " |" for row in rows),
        "",
    ]


def _share(share: Share | None) -> str:
    """A share in per cent, with its error."""
    return "–" if share is None else f"{100 * share.share:.1f} ± {100 * share.error:.1f} %"


_WORLD: tuple[Column, ...] = (
    ("S", lambda r: str(r.cell.runs)),
    ("run σ", lambda r: f"{r.cell.run_sd:g}"),
    ("template σ", lambda r: f"{r.cell.template_sd:g}"),
)
_FALSE: Column = ("false adoption", lambda r: _share(r.false))
_ERRORS: tuple[Column, ...] = (
    _FALSE,
    ("crossed test alone", lambda r: _share(r.test)),
    ("naive pooled test", lambda r: _share(r.naive)),
)
_COVERAGE: Column = ("coverage", lambda r: _share(r.coverage))
_INSUFFICIENT: Column = ("“insufficient evidence”", lambda r: _share(r.insufficient))
_GAIN: Column = ("true gain", lambda r: f"{r.cell.gain:g}")
_POWER: Column = ("power", lambda r: _share(r.adopted))
_SAVED: Column = ("saved", lambda r: f"{r.saved:.0%}")
