"""What the verdict rests on: each plot of a decision's page with its table, from the record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evals.decision.design import POINTS, Design
from evals.report import plots
from evals.report.blocks import BLANK, Block, Figure, Section, Text, table
from evals.report.seen import Seen, lengths
from evals.report.svg import Ink
from evals.report.wording import (
    chance,
    contrast,
    count,
    interval,
    measured,
    percent,
    plain,
    points,
    seconds,
    signed,
    tenth,
    thousand,
    yes,
)
from specialists.foundation.decisions import ArmFinding, DecisionRecord, GainFinding

FEW_ROWS = 14
"""A longer table is folded up."""


def sections(record: DecisionRecord, design: Design, seen: Seen | None) -> list[Section]:
    """The parts of the page that have plots, the weightiest first."""
    inks = plots.inks(
        [arm.name for arm in record.arms],
        record.start,
        [arm.name for arm in record.arms if arm.control],
    )
    found = [
        _gains(record, design, inks),
        _costs(record, design, inks),
        _runs(record, inks),
        _companies(record, design, inks, seen),
        _lengths(record, inks, seen),
        _passes(record, inks),
        _power(record, design),
    ]
    return [section for section in found if section is not None]


# --- gains --------------------------------------------------------------------------------------


def _gains(record: DecisionRecord, design: Design, inks: Mapping[str, Ink]) -> Section | None:
    if not record.gains:
        return None
    rule = design.rule
    drawn = [
        plots.Gain(
            contrast(gain.arm, gain.against),
            inks[gain.arm],
            POINTS * gain.mean,
            POINTS * gain.low,
            POINTS * gain.high,
            single(gain),
        )
        for gain in record.gains
    ]
    rows = [
        (
            contrast(gain.arm, gain.against),
            signed(gain.mean),
            interval(gain.low, gain.high),
            chance(gain.p),
            chance(gain.adjusted),
            yes(gain.significant),
            yes(gain.big_enough),
        )
        for gain in record.gains
    ]
    worth = f"≥ {rule.delta:g}"
    shown = table(
        f"Gains in points; intervals hold together at {100 * (1 - rule.alpha):g} %",
        ("contrast", "gain", "simultaneous", "p", "p, Holm", "shown", worth),
        rows,
        strong=[n for n, gain in enumerate(record.gains) if gain.arm == record.adopted],
    )
    return Section(
        "gains",
        "Gains",
        (Figure((plots.forest(drawn, rule.delta),), shown), *_uncertainty(record.gains)),
        "What one arm gains over another on the same questions. An arm is adopted when its gains "
        f"are shown to be above 0 and are estimated at {rule.delta:g} points or more. The thin "
        "line is the simultaneous interval, the thick one the contrast's own.",
    )


def single(gain: GainFinding) -> tuple[float, float] | None:
    """A contrast's own 95 % interval, points; None where it has no width of its own."""
    if not gain.se:
        return None
    from scipy.special import stdtrit

    half = float(stdtrit(gain.df, 0.975)) * gain.se
    return POINTS * (gain.mean - half), POINTS * (gain.mean + half)


def _uncertainty(gains: Sequence[GainFinding]) -> list[Block]:
    rows: list[tuple[str, ...]] = []
    for gain in gains:
        variance = gain.se**2
        if not variance or not gain.parts:
            continue
        runs = gain.parts.get("runs", 0.0)
        rows.append(
            (
                contrast(gain.arm, gain.against),
                points(gain.se),
                plain(gain.df),
                points(gain.run_sd),
                percent(min(runs / variance, 1.0)),
                percent(max(1 - runs / variance, 0.0)),
                _part(gain, "companies"),
                _part(gain, "templates"),
                _part(gain, "both"),
            )
        )
    head = (
        "contrast", "standard error", "df", "sd between runs", "from runs", "from questions",
        "√ companies", "√ templates", "√ both",
    )  # fmt: skip
    words = (
        "More training runs lower only the part from runs, more questions only the part from "
        "questions. The last columns are the roots of the variances by source, in points."
    )
    if not rows:
        return []
    shown = table("Where the uncertainty comes from", head, rows, folded="Where it comes from")
    return [Text(words), shown]


def _part(gain: GainFinding, name: str) -> str:
    part = gain.parts.get(name)
    return BLANK if part is None else points(max(part, 0.0) ** 0.5)


# --- costs --------------------------------------------------------------------------------------


def _costs(record: DecisionRecord, design: Design, inks: Mapping[str, Ink]) -> Section | None:
    start = record.finding(record.start)
    drawings = [
        drawing
        for drawing in (
            _frontier(
                record.arms, inks, {a.name: _thousand(a.usd) for a in record.arms}, name="cost",
                title="Accuracy against cost", label="dollars per 1,000 questions", unit="$",
                gate=_gate(design.gates.cost, _thousand(start.usd)),
            ),
            _frontier(
                record.arms, inks, {a.name: a.p95_s for a in record.arms}, name="latency",
                title="Accuracy against p95 latency", label="seconds a question, p95", unit="s",
                gate=_gate(design.gates.p95, start.p95_s),
            ),
        )
        if drawing is not None
    ]  # fmt: skip
    best = {
        kind: _front([(a.name, value) for a in record.arms if (value := of(a)) is not None], record)
        for kind, of in (("cost", lambda a: a.usd), ("time", lambda a: a.p95_s))
    }
    rows = [
        (
            arm.name,
            measured(arm.accuracy),
            thousand(arm.usd),
            seconds(arm.p50_s),
            seconds(arm.p95_s),
            " and ".join(kind for kind, names in best.items() if arm.name in names),
            tenth(arm.tokens),
            tenth(arm.prompt_tokens),
            tenth(arm.device_hours),
        )
        for arm in record.arms
    ]
    head = (
        "arm", "% right", "$ per 1,000", "p50", "p95", "on the front by", "tokens written",
        "tokens read", "device hours of training",
    )  # fmt: skip
    shown = table("What each arm costs", head, rows, words=(0, 5))
    lead = (
        "The stepped line joins the arms that no other beats in both. A gate, where there is one, "
        "is what an adopted arm may cost at most, as a multiple of the start's."
    )
    if not drawings:
        return Section("costs", "Cost and time", (Text("Neither was measured."), shown))
    return Section("costs", "Cost and time", (Figure(tuple(drawings), shown, wide=True),), lead)


def _thousand(usd: float | None) -> float | None:
    return None if usd is None else 1000 * usd


def _gate(ratio: float, reference: float | None) -> float | None:
    return ratio * reference if ratio and reference else None


def _frontier(
    arms: Sequence[ArmFinding],
    inks: Mapping[str, Ink],
    costs: Mapping[str, float | None],
    *,
    name: str,
    title: str,
    label: str,
    unit: str,
    gate: float | None,
) -> plots.Drawing | None:
    places = [
        plots.Place(
            arm.name,
            inks[arm.name],
            cost,
            POINTS * arm.accuracy.mean,
            max(POINTS * arm.accuracy.low, 0.0),
            min(POINTS * arm.accuracy.high, 100.0),
        )
        for arm in arms
        if (cost := costs[arm.name]) is not None
    ]
    if not places:
        return None
    return plots.frontier(places, name=name, title=title, label=label, unit=unit, gate=gate)


def _front(costs: Sequence[tuple[str, float]], record: DecisionRecord) -> set[str]:
    places = [(cost, record.finding(name).accuracy.mean) for name, cost in costs]
    return {costs[each][0] for each in plots.front(places)}


# --- runs and companies -------------------------------------------------------------------------


def _runs(record: DecisionRecord, inks: Mapping[str, Ink]) -> Section:
    drawn = [
        plots.Runs(
            arm.name,
            inks[arm.name],
            tuple((f"run {run.run}", POINTS * run.accuracy) for run in arm.runs),
            POINTS * arm.accuracy.mean,
            max(POINTS * arm.accuracy.low, 0.0),
            min(POINTS * arm.accuracy.high, 100.0),
        )
        for arm in record.arms
    ]
    rows = [
        (
            arm.name,
            measured(arm.accuracy),
            points(arm.accuracy.run_sd),
            " · ".join(points(run.accuracy) for run in arm.runs),
            " · ".join(str(run.seed) for run in arm.runs if run.seed is not None),
        )
        for arm in record.arms
    ]
    shown = table(
        "Accuracy of each training run, percent",
        ("arm", "% right", "sd between runs", "each run", "seeds"),
        rows,
        words=(0,),
    )
    return Section(
        "runs",
        "Training runs",
        (Figure((plots.seeds(drawn),), shown),),
        "The same recipe, trained again with other seeds. What two runs of one recipe differ by is "
        "no gain of a method.",
    )


def _companies(
    record: DecisionRecord, design: Design, inks: Mapping[str, Ink], seen: Seen | None
) -> Section | None:
    designed = {(each.arm, each.against) for each in design.contrasts}
    gains = [g for g in record.gains if g.by_company and (g.arm, g.against) in designed]
    gains = gains or [g for g in record.gains if g.by_company]
    if not gains:
        return None
    panels = [
        plots.Companies(
            contrast(gain.arm, gain.against),
            inks[gain.arm],
            POINTS * gain.mean,
            {company: POINTS * value for company, value in gain.by_company.items()},
        )
        for gain in gains
    ]
    bounds = plots.spread(panels, design.rule.delta)
    drawings = tuple(
        plots.companies(panel, bounds, name=f"companies-{place + 1}")
        for place, panel in enumerate(panels)
    )
    names = sorted({company for gain in gains for company in gain.by_company})
    asked = seen.questions if seen is not None else {}
    rows = [
        (name, count(asked.get(name)), *(signed(gain.by_company.get(name)) for gain in gains))
        for name in names
    ]
    shown = table(
        "Difference on each company's questions, points",
        ("company", "questions", *(contrast(g.arm, g.against) for g in gains)),
        rows,
        folded=f"{len(names)} companies" if len(names) > FEW_ROWS else "",
    )
    return Section(
        "companies",
        "Companies",
        (Figure(drawings, shown, wide=True),),
        "A gain that a few companies carry is no gain for the next one. Few questions of a company "
        "make its difference noisy: look at the whole, not at the ends.",
    )


# --- replies ------------------------------------------------------------------------------------


def _lengths(record: DecisionRecord, inks: Mapping[str, Ink], seen: Seen | None) -> Section | None:
    if seen is None:
        return None
    drawn: list[plots.Lengths] = []
    rows: list[tuple[str, ...]] = []
    for arm in record.arms:
        replies = seen.replies.get(arm.name)
        if replies is None:
            continue
        right, wrong = (lengths(replies, right=told) for told in (True, False))
        if replies.tokens.any():
            drawn.append(
                plots.Lengths(
                    arm.name,
                    inks[arm.name],
                    None if right is None else plots.Spread(*right),
                    None if wrong is None else plots.Spread(*wrong),
                )
            )
        cells = [
            cell
            for spread in (right, wrong)
            for cell in (
                (count(0), BLANK, BLANK)
                if spread is None
                else (
                    count(spread[0]),
                    f"{spread[1][2]:.0f}",
                    f"{spread[1][0]:.0f} – {spread[1][4]:.0f}",
                )
            )
        ]
        rows.append((arm.name, *cells, percent(arm.truncated)))
    if not drawn:
        return None
    head = (
        "arm", "right", "median", "10 – 90 %", "wrong", "median", "10 – 90 %", "cut off",
    )  # fmt: skip
    shown = table("Tokens of right and of wrong replies", head, rows)
    return Section(
        "lengths",
        "Length by correctness",
        (Figure((plots.lengths(drawn),), shown),),
        "Wrong replies that are longer than right ones often ran into the limit: then more tokens, "
        "not another method, may be what is missing. Filled: right. Hollow: wrong.",
    )


def _passes(record: DecisionRecord, inks: Mapping[str, Ink]) -> Section | None:
    arms = [arm for arm in record.arms if len(arm.curve) > 1]
    if not arms:
        return None
    drawn: list[plots.Curve] = []
    for arm in arms:
        curve = sorted(arm.curve, key=lambda point: point.k)
        drawn.append(
            plots.Curve(
                arm.name,
                inks[arm.name],
                tuple(point.k for point in curve),
                tuple(POINTS * point.at for point in curve),
                tuple(POINTS * point.hat for point in curve),
            )
        )
    ks = sorted({k for each in drawn for k in each.ks})
    rows: list[tuple[str, ...]] = []
    for each in drawn:
        at = dict(zip(each.ks, each.at, strict=True))
        hat = dict(zip(each.ks, each.hat, strict=True))
        told = [f"{at[k]:.1f}" if k in at else BLANK for k in ks]
        rows.append(
            (each.arm, *told, *(f"{hat[k]:.1f}" if k in hat else BLANK for k in ks if k > 1))
        )
    shown = table(
        "Share of questions, percent",
        ("arm", *(f"pass@{k}" for k in ks), *(f"pass^{k}" for k in ks if k > 1)),
        rows,
    )
    return Section(
        "passes",
        "Several samples",
        (Figure((plots.passes(drawn),), shown),),
        "pass@k: one of k samples is right. pass^k: all k are. Where pass@1 rises and pass@k does "
        "not, an arm learned to say what it could say before, more often.",
    )


def _power(record: DecisionRecord, design: Design) -> Section | None:
    power, rule = record.power, design.rule
    if power is None or not power.rows:
        return None
    drawn = [
        plots.Chance(POINTS * row.gain, 100 * row.adopted, 100 * row.low, 100 * row.high)
        for row in power.rows
    ]
    rows = [
        (
            f"{POINTS * row.gain:g}",
            percent(row.adopted),
            f"{percent(row.low)} – {percent(row.high)}",
        )
        for row in power.rows
    ]
    shown = table(
        f"{power.simulations:,} simulated studies for each gain; sd between runs "
        f"{POINTS * power.run_sd:.1f}, between templates {POINTS * power.template_sd:.1f} points",
        ("true gain", "adopted", "error of the simulation"),
        rows,
    )
    words = (
        "What the design could find before anything was spent, by simulating the whole rule. As an "
        f"estimate of {rule.delta:g} points or more is asked for, a true gain of {rule.delta:g} is "
        f"found half the time at best: the design aims at {rule.aim:g}."
    )
    blocks: list[Block] = [
        Figure((plots.power(drawn, rule.delta, rule.aim, 100 * rule.power),), shown)
    ]
    if power.formula_questions is not None:
        blocks.append(
            Text(
                f"As a check: by Miller's formula the test alone, without the rule, needs "
                f"{plain(power.formula_questions)} questions for a gain of {rule.aim:g} points."
            )
        )
    return Section("power", "Power", tuple(blocks), words)
