"""``docs/latency-and-cost.md``: made from ``latency.json`` alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from evals.intervals import wilson
from evals.serving import breakeven, money, portfolio, systems
from evals.serving.goodput import goodput
from evals.serving.latency import Latency
from evals.serving.quantiles import Quantile, needed, quantile, quantiles
from evals.serving.requests import Request, Trial
from specialists.foundation.prices import Price
from specialists.foundation.records import RunRecord

LARGE_USD = (0.0001, 0.001, 0.01)
"""Dollars of a question to a hosted large model that break-even is told for."""
_WORDS = {
    systems.SPECIALIST: "one specialist (`table_qa`)",
    systems.LARGE: "the large model alone",
    systems.ROUTED: "the routed system",
}


def page(latency: Latency, runs: Mapping[str, Sequence[RunRecord]]) -> str:
    """The page in Markdown.

    Args:
        runs: training records of each job's adapter.
    """
    settings = latency.settings
    asked = len(latency.trials[0].requests)
    lines = [
        "# What an answer costs in time and money",
        "",
        f"Made by `finroute evals latency` from `evals/results/latency.json`: {asked} questions of "
        f"`{latency.questions}` over the demo workspace, the same to every system, after "
        f"{settings.warm} others that warmed it. Measured {latency.started[:10]} on "
        f"{latency.device}. **Other jobs ran on this machine**: its load average was "
        f"{latency.others[0]:g} before and {latency.others[1]:g} after the measurement, on few "
        "cores, so that wall times are several times those of an idle machine; processor seconds "
        "suffer less and are what to compare. The large model here is "
        f"{latency.large}: it is a stand-in for the form of the comparison, not for a large "
        "model's accuracy or price.",
        "",
        "Quantiles have 95 % intervals of order statistics; a bound is left out (…) where there "
        f"are too few requests for one: for p99 it takes {needed(0.99)}. Times run from a "
        "question's arrival. The first token is the first of the first model call, the time of a "
        "further token is over all calls; the answer itself is composed by code and shown whole.",
        "",
        "## Time",
        "",
        *_times(latency),
        "",
        "## Goodput",
        "",
        f"The objective: {settings.slo}. Good are questions that meet all of it, as "
        "`vllm bench serve --goodput` counts.",
        "",
        *_goodputs(latency),
        "",
        "## Money",
        "",
        f"At {settings.machine.hour_usd:g} dollars for an hour of one core (an assumption; a "
        "setting). *Busy* counts processor seconds, *held* every second the machine was kept for "
        "it at that load. A right answer bears the cost of the wrong ones.",
        "",
        *_moneys(latency),
        "",
        "## Each job alone",
        "",
        "Held-out questions about companies never learned from, one after the other: what a step "
        "takes.",
        "",
        *_jobs(latency),
        "",
        "## The best portfolio",
        "",
        *_portfolios(latency),
        "",
        "## From how many questions on a specialist pays",
        "",
        *_breakevens(latency, runs),
    ]
    return "\n".join(lines).rstrip() + "\n"


# --- sections -----------------------------------------------------------------------------------


def _times(latency: Latency) -> list[str]:
    rows = [
        "| system | load | first token p50 | p95 | further token p50 | answer p50 | p95 | p99 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for trial in latency.trials:
        first = [r.ttft_s for r in trial.requests if r.ttft_s is not None]
        each = [r.tpot_s for r in trial.requests if r.tpot_s is not None]
        whole = quantiles([r.seconds for r in trial.requests if not r.error])
        cells = [
            _words(trial),
            str(trial.load),
            _ms(quantile(first, 0.5)),
            _ms(quantile(first, 0.95)),
            _ms(quantile(each, 0.5)),
            *(_ms(q) for q in whole),
        ]
        rows.append(_row(cells))
    return [*rows, "", "Milliseconds."]


def _goodputs(latency: Latency) -> list[str]:
    rows = [
        "| system | load | good | a second | good and right a second |",
        "|---|---|---|---|---|",
    ]
    for trial in latency.trials:
        good = goodput(trial, latency.settings.slo)
        right = "" if good.right_per_second is None else f"{good.right_per_second:.2f}"
        share = f"{good.share:.2f} [{good.low:.2f}, {good.high:.2f}]"
        rows.append(_row([_words(trial), str(trial.load), share, f"{good.per_second:.2f}", right]))
    return rows


def _moneys(latency: Latency) -> list[str]:
    rows = [
        "| system | load | right | busy s | dollars per 1,000, busy | held "
        "| dollars per 1,000 right, busy | held | tokens | tokens per right |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for trial in latency.trials:
        spent = money.spending(trial, _price(latency, trial.arm))
        rows.append(
            _row(
                [
                    _words(trial),
                    str(trial.load),
                    _share(trial.requests),
                    _amount(spent.busy_s, 1, "{:.3f}"),
                    _amount(spent.usd, 1e3, "{:.4f}"),
                    _amount(spent.usd_held, 1e3, "{:.4f}"),
                    _amount(spent.usd_right, 1e3, "{:.4f}"),
                    _amount(spent.usd_held_right, 1e3, "{:.4f}"),
                    _amount(spent.tokens, 1, "{:.0f}"),
                    _amount(spent.tokens_right, 1, "{:.0f}"),
                ]
            )
        )
    return [
        *rows,
        "",
        "95 % intervals of the bootstrap over questions, among which a trial's seconds are shared "
        "out by tokens. A question that is rightly left unanswered counts as right.",
    ]


def _jobs(latency: Latency) -> list[str]:
    if not latency.jobs:
        return ["Not measured."]
    rows = [
        "| job | arm | right | step p50, ms | p95 | first token p50 | busy s | tokens |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for trial in latency.jobs:
        job, _, arm = trial.arm.partition("/")
        whole = [r.seconds for r in trial.requests]
        first = [r.ttft_s for r in trial.requests if r.ttft_s is not None]
        spent = money.spending(trial, latency.settings.machine)
        rows.append(
            _row(
                [
                    job,
                    arm,
                    _share(trial.requests),
                    _ms(quantile(whole, 0.5)),
                    _ms(quantile(whole, 0.95)),
                    _ms(quantile(first, 0.5)),
                    _amount(spent.busy_s, 1, "{:.3f}"),
                    _amount(spent.tokens, 1, "{:.0f}"),
                ]
            )
        )
    return rows


def _portfolios(latency: Latency) -> list[str]:
    traffic = seen(latency)
    choices = choices_of(latency)
    if traffic is None or not choices:
        return ["Jobs were not measured."]
    found = portfolio.best(choices, traffic)
    shares = ", ".join(f"{job} {share:.0%}" for job, share in traffic.shares.items())
    lines = [
        f"Each job to its adapter, to the base alone, or to nobody: {found.tried} portfolios, all "
        f"tried. Traffic is what the routed system's models did for these questions ({shares} of "
        "questions; what a plan says in full is done by code and is nobody's job). A question is "
        "right when all its steps are, taken as independent; steps are priced busy. No one of "
        "these beats another in accuracy, dollars and time at once:",
        "",
        "| " + " | ".join(traffic.shares) + " | right | dollars per 1,000 | p95, s | memory, MB |",
        "|" + "---|" * (len(traffic.shares) + 4),
    ]
    for each in found.front:
        lines.append(
            _row(
                [
                    *(each.arms[job] for job in traffic.shares),
                    f"{each.accuracy:.3f} [{each.low:.3f}, {each.high:.3f}]",
                    f"{each.usd_per_1000:.4f}",
                    f"{each.p95_s:.2f}",
                    f"{each.memory_bytes / 1e6:.1f}",
                ]
            )
        )
    if found.portfolio is not None and found.surest is not None:
        lines += [
            "",
            "The most accurate is the best of all with a probability of "
            f"{found.surest:.2f}, given how well the jobs' accuracies are known here.",
        ]
    measured = next(t for t in latency.trials if t.arm == systems.ROUTED)
    lines += [
        "",
        f"Beside it, measured: the routed system was right on {_share(measured.requests)} of these "
        "questions. It withholds what it is unsure of and the composed figure does not; questions "
        "rightly left unanswered are right there.",
    ]
    return lines


def _breakevens(latency: Latency, runs: Mapping[str, Sequence[RunRecord]]) -> list[str]:
    settings = latency.settings
    lines = [
        "volume = (training + labelling) ÷ (large − specialist − routing − escalated × escalation "
        "− audit), dollars of a question below the line. Training at "
        f"{settings.machine.hour_usd:g} dollars an hour where the record tells none, "
        f"{settings.labels} examples labelled by people at {settings.label_usd:g} dollars, "
        f"{settings.audit_share:.0%} of answers judged by people at the same price with the "
        "second figure of each cell and none with the first. The price of a question to the large "
        "model is a given of each column, not a measurement; the specialist's is measured, busy.",
        "",
        "| specialist | training, dollars | "
        + " | ".join(f"large at {usd * 1e3:g} per 1,000" for usd in LARGE_USD)
        + " |",
        "|---|---|" + "---|" * len(LARGE_USD),
    ]
    for trial in latency.jobs:
        job, _, arm = trial.arm.partition("/")
        if arm != "adapter" or job not in runs:
            continue
        made = breakeven.trained(runs[job], settings.machine.hour_usd)
        spent = money.spending(trial, settings.machine).usd
        cells = [job, f"{made.usd:.3f}"]
        for usd in LARGE_USD:
            told = [
                str_short(
                    breakeven.breakeven(
                        breakeven.Case(
                            training=breakeven.Amount(usd=made.usd),
                            labels=settings.labels,
                            label_usd=settings.label_usd,
                            large=breakeven.Amount(usd=usd),
                            specialist=_known(spent),
                            audit_share=share,
                        )
                    )
                )
                for share in (0.0, settings.audit_share)
            ]
            cells.append("; ".join(told))
        lines.append(_row(cells))
    lines += [
        "",
        "Training counts the runs whose records lie beside the adapters; a study's other runs, "
        "where there were any, come on top. People's time outweighs everything else: judging "
        f"{settings.audit_share:.0%} of answers costs "
        f"{settings.audit_share * settings.label_usd * 1e3:g} dollars per 1,000 questions.",
    ]
    return lines


# --- what the sections are made of --------------------------------------------------------------


def seen(latency: Latency) -> portfolio.Traffic | None:
    """The jobs that the routed system's models did, question by question."""
    trial = next((t for t in latency.trials if t.arm == systems.ROUTED), None)
    plans = tuple(r.jobs for r in trial.requests if r.jobs) if trial else ()
    return portfolio.Traffic(plans=plans) if plans else None


def choices_of(latency: Latency) -> list[portfolio.Choice]:
    """What was measured of each job, and the choice to have none."""
    found: list[portfolio.Choice] = []
    for trial in latency.jobs:
        job, _, arm = trial.arm.partition("/")
        spent = money.spending(trial, latency.settings.machine).usd
        found.append(
            portfolio.Choice(
                job=job,
                arm=arm,
                right=sum(bool(r.right) for r in trial.requests),
                count=len(trial.requests),
                usd=spent.value or 0.0,
                seconds=tuple(r.seconds for r in trial.requests),
                model=latency.base,
                model_bytes=latency.memory["base"],
                adapter_bytes=latency.memory[job] if arm == "adapter" else 0,
            )
        )
    return [*found, *portfolio.nobody(sorted({c.job for c in found}))]


def _price(latency: Latency, arm: str) -> Price | None:
    if arm == systems.LARGE and latency.settings.large is not None:
        return latency.settings.large.price
    return latency.settings.machine


def _known(ratio: money.Ratio) -> breakeven.Amount:
    """A ratio as an amount; its standard error from its interval's width."""
    if ratio.value is None:
        return breakeven.Amount(usd=0.0)
    wide = 0.0 if ratio.low is None or ratio.high is None else (ratio.high - ratio.low) / 3.92
    return breakeven.Amount(usd=ratio.value, se=wide)


# --- cells --------------------------------------------------------------------------------------


def str_short(found: breakeven.Breakeven) -> str:
    """``1,200 [900, 1,800]``, or ``never``."""
    if found.questions is None:
        return "never"
    high = "never" if found.high is None else f"{ceil(found.high):,}"
    low = "never" if found.low is None else f"{ceil(found.low):,}"
    return f"{ceil(found.questions):,} [{low}, {high}]"


def _words(trial: Trial) -> str:
    return _WORDS.get(trial.arm, trial.arm)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _ms(found: Quantile | None) -> str:
    if found is None:
        return ""
    high = "…" if found.high is None else f"{found.high * 1e3:.0f}"
    low = "…" if found.low == 0 else f"{found.low * 1e3:.0f}"
    return f"{found.value * 1e3:.0f} [{low}, {high}]"


def _share(requests: Sequence[Request]) -> str:
    right = sum(bool(r.right) for r in requests)
    low, high = wilson(right, len(requests))
    return f"{right / max(len(requests), 1):.2f} [{low:.2f}, {high:.2f}]"


def _amount(ratio: money.Ratio, scale: float, form: str) -> str:
    if ratio.value is None:
        return ""
    bounds = [
        "…" if bound is None else form.format(bound * scale) for bound in (ratio.low, ratio.high)
    ]
    return f"{form.format(ratio.value * scale)} [{', '.join(bounds)}]"
