"""``docs/sober.md``: what the checks found, written from ``sober.json`` alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evals.sober.decided import Decided
from evals.sober.gold import Checked
from evals.sober.lengths import Slope
from evals.sober.published import DELTA, SMALL, Tally
from evals.sober.report import Published, Replies, Sober
from evals.sober.seeds import Spread
from evals.sober.settings import DESIGN, settings

COMMAND = "finroute evals sober"
WAITING = "_Not made yet: `{command}`._"


def page(report: Sober, words: str = "") -> str:
    """The page.

    Args:
        words: what a person makes of it, in Markdown; stands after the introduction.
    """
    parts = [
        "# Sober checks",
        "What else could have made a verdict, or undone it. After “A Sober Look at Progress in "
        "Language Model Reasoning” (Hochlehnert et al. 2025, arXiv 2504.07086). Every number is of "
        f"`evals/results/sober.json`, made by `{COMMAND}` on {report.made[:10]} "
        f"({report.device}); the modules below `evals/sober/` name their sources. None of these "
        "checks decides: what they find stands beside the verdict.",
        words.strip(),
        *_published(report.published),
        *_replies(report.replies),
        *_overlaps(report),
        *_gold(report),
        *_audit(report),
        *_decided(report.decided),
        *_left_out(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown; the first column is text, the others are numbers."""
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join([':--', *['--:'] * (len(head) - 1)])}|"]
    lines += [f"| {' | '.join(str(cell) for cell in row)} |" for row in rows]
    return "\n".join(lines)


# --- published ------------------------------------------------------------------------------------


def _published(found: Published | None) -> Iterator[str]:
    yield "## Which published gains outlive their own seeds"
    if found is None:
        yield WAITING.format(command=f"{COMMAND} --only published")
        return
    spread = ", ".join(f"{name} {sd:.1f}" for name, sd in found.spreads.items())
    yield (
        f"The leaderboard of the paper (`{found.repository}`, `{found.file}` at commit "
        f"`{found.commit[:12]}`) tells {found.models} models by mean and standard deviation over "
        "seeds: ten on AIME-24, AIME-25 and AMC-23, three on MATH-500, Minerva and OlympiadBench. "
        "Numbers by seed were not to be had, so the tests are made from means and deviations. A "
        f"model's seeds lie this far apart (mean standard deviation, points): {spread}. "
        f"A gain survives when it is significant after Holm and {DELTA:g} points or more; single "
        "sets are adjusted over one model's six, means of six sets over all models. The vendors’ "
        "own instruct models and models whose base is not listed are left out."
    )
    for tested, title in (
        ("seeds", "The questions taken as given: Welch’s test over seeds"),
        ("questions", "The questions taken as a sample too (unpaired: an upper bound)"),
    ):
        rows = [_tally(t) for t in found.tallies if t.tested == tested]
        head = ("gains", "of", "above 0", f"≥ {DELTA:g}", "survive", "vanish", "small", "worse")
        yield f"**{title}**\n\n{table(head, rows)}"
    yield (
        "_vanish_: above nothing in the table and not significant; _small_: significant and below "
        f"{DELTA:g}; _worse_: significantly below the base. Seeds here are of drawing alone: each "
        "model is one training run, so that what survives is this checkpoint’s gain and not its "
        "method’s."
    )
    rows = [
        (g.model, f"{g.gain:+.1f}", f"{g.se:.1f}", _p(g.adjusted), "yes" if g.survives else "no")
        for g in sorted(found.gains, key=lambda g: g.gain)
        if g.base == SMALL
    ]
    yield (
        f"**RL on {SMALL}, mean of six sets**\n\n"
        + table(("model", "gain", "se", "p, Holm", "survives"), rows)
    )
    rows = [
        (s.what, s.questions, f"{s.gain:+.1f} [{s.low:+.1f}, {s.high:+.1f}]", f"{s.z:.2f}",
         _p(s.p), _p(s.adjusted))
        for s in found.shares
    ]  # fmt: skip
    yield (
        "**The Snorkel × rLLM FinQA numbers, rechecked** (two shares, unpaired; companies and "
        "training runs left out, so every p is too small)\n\n"
        + table(("what", "questions", "gain, points", "z", "p", "p, Holm"), rows)
    )


def _tally(t: Tally) -> tuple[object, ...]:
    return t.what, t.count, t.claimed, t.large, t.survive, t.vanish, t.small, t.worse


def _p(p: float) -> str:
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0")


# --- replies --------------------------------------------------------------------------------------


def _replies(found: Replies | None) -> Iterator[str]:
    yield "## Does the verdict turn under other settings?"
    if found is None:
        yield WAITING.format(command=f"{COMMAND} --only replies")
        return
    yield (
        "The adapters in service against the base they stand on, asked under one setting after "
        f"another: {found.questions} questions of held-out templates, {found.under_others} draws "
        "each, the same lots everywhere. The rule judges each table as it would judge a design’s, "
        "with its least numbers of questions, companies and runs lifted; on so few questions the "
        "verdicts show how the check works, and nothing about the adapters."
    )
    told = {each.name: each.what for each in settings()}
    for job, turns in found.turns.items():
        rows: list[tuple[object, ...]] = []
        for turn in turns:
            (gain,) = turn.gains
            move = gain.move
            accuracy = " / ".join(f"{100 * a:.0f}" for a in turn.accuracy.values())
            rows.append(
                (
                    told.get(turn.setting, turn.setting),
                    accuracy,
                    _points(gain.gain.mean, gain.gain.low, gain.gain.high),
                    _points(move.mean, move.low, move.high) if move else "",
                    turn.verdict + (f" {turn.adopted}" if turn.adopted else ""),
                    "**turns**" if turn.turned else "",
                )
            )
        head = ("setting", "base / adapter, %", "gain, points", "move", "verdict", "")
        yield f"**{job}**\n\n{table(head, rows)}"
    yield "## Response length against error"
    yield (
        "Mean tokens of right and wrong replies, and log-odds of being right per doubling of the "
        "length: over all replies (errors clustered by company), and within questions (of two "
        "replies to one question, is the longer the worse?)."
    )
    rows = [
        (job, each.arm, _number(each.right), _number(each.wrong), f"{100 * each.truncated:.1f} %",
         _slope(each.slope), _slope(each.within))
        for job, arms in found.lengths.items()
        for each in arms
    ]  # fmt: skip
    yield table(("job", "arm", "right", "wrong", "cut off", "slope", "within"), rows)
    yield "## Diversity"
    yield (
        f"{found.draws} draws of each question at the design’s setting. Of _mixed_ questions alone "
        "rewards can teach; the gap is what a perfect chooser among the draws would gain."
    )
    rows = [
        (job, each.arm, f"{each.distinct:.2f}", f"{each.entropy:.2f}", f"{100 * each.same:.0f} %",
         f"{100 * each.mixed:.0f} %", f"{100 * each.at_1:.1f}", f"{100 * each.at_k:.1f}",
         f"{100 * each.gap:.1f}")
        for job, arms in found.diversity.items()
        for each in arms
    ]  # fmt: skip
    k = f"pass@{found.draws}"
    yield table(
        ("job", "arm", "distinct", "entropy, bits", "all the same", "mixed", "pass@1", k, "gap"),
        rows,
    )


def _points(mean: float, low: float, high: float) -> str:
    return f"{100 * mean:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _slope(slope: Slope | None) -> str:
    return "" if slope is None else f"{slope.slope:+.2f} [{slope.low:+.2f}, {slope.high:+.2f}]"


# --- contamination --------------------------------------------------------------------------------


def _overlaps(report: Sober) -> Iterator[str]:
    yield "## Contamination"
    if report.overlaps is None:
        yield WAITING.format(command=f"{COMMAND} --only overlaps")
        return
    yield (
        f"Up to {report.overlaps.count} questions of each paper against the public data and "
        f"{report.overlaps.most:,} of the generated examples that each adapter’s record tells, "
        "made again. A question is _dirty_ when it holds a string of N words that at most ten "
        "training texts hold; strings that more of them hold are _boilerplate_ of the frames (N "
        "and both rules: GPT-3, appendix C). A public set is one template, known or not; what the "
        "base learned from is not compared here."
    )
    rows = [
        (name, o.test, o.size, _share(o.same), _share(o.dirty), _share(o.boilerplate),
         _share(o.clean), _share(o.companies), _share(o.templates))
        for name, o in report.overlaps.found.items()
    ]  # fmt: skip
    head = ("paper", "questions", "N", "the same", "dirty", "boilerplate", "clean",
            "known company", "known template")  # fmt: skip
    yield table(head, rows)
    shown = [
        f"- {name}: `{s.words}` ({s.question} and {s.learned})"
        for name, o in report.overlaps.found.items()
        for s in o.examples[:2]
    ]
    if shown:
        yield "Strings that are shared:\n\n" + "\n".join(shown)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"


# --- labels ---------------------------------------------------------------------------------------


def _gold(report: Sober) -> Iterator[str]:
    yield "## Label quality"
    if not report.gold:
        yield WAITING.format(command=f"{COMMAND} --only gold")
        return
    yield (
        "_Repeated_: the same question of the same context; _clashing_: with other answers. "
        "_Near_: the same figures and nine words in ten. _Faults_: gold that its own program, "
        "derivation or steps do not come to, or an entity its headline does not name. The examples "
        "that are kept were read: "
        "near pairs of FinQA and TAT-QA are different questions (a change and a percentage "
        "change)."
    )
    rows = [_row(each) for each in (*report.gold, *report.generated)]
    head = ("set", "questions", "repeated", "clashing", "near", "near, other answer", "checked",
            "faults")  # fmt: skip
    yield table(head, rows)
    for each in report.gold:
        told = [
            f"- clash: “{_cut(c.text)}”" + (f" / “{_cut(c.other)}”" if c.other else "")
            + f": {c.golds[0]} and {c.golds[1]}"
            for c in each.quality.examples[: each.quality.clashing][:4]
        ]  # fmt: skip
        told += [f"- {f.id}: {_cut(f.what, 260)}" for f in each.examples[:4]]
        if told:
            kinds = "; ".join(f"{kind}: {count}" for kind, count in each.kinds.items())
            yield f"**{each.name}**" + (f" ({kinds})" if kinds else "") + "\n\n" + "\n".join(told)
    if report.replies and report.replies.judges:
        rows = [
            (j.job, j.agreement.count, j.agreement.first_only + j.agreement.second_only,
             "" if j.agreement.kappa is None else f"{j.agreement.kappa:.3f}")
            for j in report.replies.judges
        ]  # fmt: skip
        yield (
            "**Two judges of the same replies**: the decision’s, and the job’s own score that "
            "rewards come from\n\n" + table(("job", "replies", "differ", "kappa"), rows)
        )


def _row(each: Checked) -> tuple[object, ...]:
    q = each.quality
    return (
        each.name, q.count, q.repeated, q.clashing, q.near, q.near_clashing, each.checked,
        each.faults,
    )  # fmt: skip


def _cut(text: str, most: int = 110) -> str:
    plain = " ".join(text.split()).replace("|", "¦")
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


# --- audit ----------------------------------------------------------------------------------------


def _audit(report: Sober) -> Iterator[str]:
    yield "## A hundred outputs, read"
    found = report.audit
    if found is None:
        yield WAITING.format(command="finroute evals audit")
        return
    a = found.agreement
    kappa = "" if a.kappa is None else f", Cohen’s kappa {a.kappa:.2f}"
    yield (
        f"`evals/results/audit.csv`: {found.read} of {found.rows} outputs were read, "
        + ", ".join(f"{count} of {job}" for job, count in found.by_job.items())
        + f". Of {a.count} that the reader is sure of, the scorer says the same of "
        f"{a.both + a.neither}{kappa}; it passed {a.first_only} that the reader calls wrong, and "
        f"failed {a.second_only} that the reader calls right. {found.unsure} are unsure."
    )
    rows = [
        (f"{d.number}, {d.job}", "right" if d.score else "wrong", d.reader_verdict, d.note)
        for d in found.differences
    ]
    head = ["output", "scorer", "reader", "why"]
    lines = [f"| {' | '.join(head)} |", "|:--|:--|:--|:--|"]
    yield "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _decided(found: Decided | None) -> Iterator[str]:
    yield "## Runs of one recipe, and greedy decoding, in the committed decisions"
    if found is None:
        yield WAITING.format(command=f"{COMMAND} --only decided")
        return
    yield (
        "From the samples below `evals/decisions/`. _sd_: of the runs' means, with its chi-square "
        "interval; three runs tell it badly, which is what the interval says. _drawing_: what "
        "drawing replies alone leaves of it. _needed_: runs of each of two such arms that would "
        "find the gain worth having (power .8), on the decision's questions and were the runs of "
        "both so far apart; –: no number of runs does, the questions are too few."
    )
    rows = [
        (
            f"{each.decision} {each.arm}",
            each.paper,
            " ".join(f"{mean:.3f}".lstrip("0") for mean in each.spread.means),
            _apart(each.spread),
            "–" if each.spread.drawing is None else f"{each.spread.drawing * 100:.1f}",
            each.needed or "–",
        )
        for each in found.runs
    ]
    head = ("arm", "paper", "runs", "sd, points", "drawing", "needed")
    yield table(head, rows)
    turned = [each for each in found.decoded if each.worth[0] != each.worth[1]]
    yield (
        f"**Greedily instead of at the design's temperature**: of {len(found.decoded)} contrasts, "
        f"{len(turned)} change whether they are, each by itself, clear of nothing and worth having."
    )
    rows = [
        (
            f"{each.decision} {each.arm} over {each.against}",
            _points(*each.sampled),
            _points(*each.greedy),
            "**turns**" if each.worth[0] != each.worth[1] else "",
        )
        for each in found.decoded
    ]
    yield table(("contrast", "as designed, points", "greedy", ""), rows)


def _apart(spread: Spread) -> str:
    if spread.sd is None or spread.low is None or spread.high is None:
        return "–"
    return f"{spread.sd * 100:.1f} [{spread.low * 100:.1f}, {spread.high * 100:.1f}]"


def _left_out() -> Iterator[str]:
    yield "## What was not done"
    yield (
        "- A fifth of the questions drawn again on a second machine (`hardware.py`): there was one "
        "machine.\n"
        f"- The settings of the table above other than `{DESIGN}` and greedy, for every finalist "
        "of a design (`settings.part`, `variants.turns`): the released adapters alone were asked."
    )
