"""Several decisions side by side: what was decided, what was gained, what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from evals.report.blocks import Section, Table, Text, table
from evals.report.page import TONES
from evals.report.rendering import aligned, html
from evals.report.wording import (
    chance,
    contrast,
    count,
    design,
    interval,
    leading,
    measured,
    plain,
    seconds,
    sentence,
    short,
    signed,
    tenth,
    thousand,
    usd,
    yes,
)
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.errors import InputError


def tables(records: Sequence[DecisionRecord]) -> list[Table]:
    """Verdicts, gains and costs, a row a record.

    Raises:
        InputError: fewer than two records, or one of them twice.
        RecordError: a record's design is none that this release reads.
    """
    names = _names(records)
    return [_verdicts(records, names), _gains(records, names), _costs(records, names)]


def text(records: Sequence[DecisionRecord]) -> str:
    """The tables for a terminal. Raises as ``tables``."""
    parts = [f"{told.caption}\n\n{aligned(told.head, told.rows, told.words)}"
             for told in tables(records)]  # fmt: skip
    return "\n\n".join([*parts, *_warnings(records)]) + "\n"


def page(records: Sequence[DecisionRecord]) -> str:
    """The tables as one self-contained HTML page. Raises as ``tables``."""
    verdicts, gains, costs = tables(records)
    warned = tuple(Text(words) for words in _warnings(records))
    sections = [
        Section("verdicts", "Verdicts", (verdicts, *warned)),
        Section("gains", "Gains", (gains,)),
        Section("costs", "Costs", (costs,)),
    ]
    return html(
        "compare.html",
        title=f"{len(records)} decisions",
        verdicts=[
            (name, TONES[record.verdict], record.verdict, sentence(record))
            for name, record in zip(_names(records), records, strict=True)
        ],
        sections=sections,
        footer="Records " + " · ".join(record.id for record in records),
    )


def _names(records: Sequence[DecisionRecord]) -> list[str]:
    if len(records) < 2:
        raise InputError("to compare takes two records or more")
    twice = sorted({r.id for r in records if sum(r.id == other.id for other in records) > 1})
    if twice:
        raise InputError(f"the same record is named twice: {', '.join(twice)}")
    jobs = [record.specialist for record in records]
    return [
        job if jobs.count(job) == 1 else f"{job} {record.id[:6]}"
        for job, record in zip(jobs, records, strict=True)
    ]


def _warnings(records: Sequence[DecisionRecord]) -> list[str]:
    """What keeps the figures of one record from being held against those of another."""
    found: list[str] = []
    if len({record.specialist for record in records}) > 1:
        found.append("These are different jobs: gains are comparable, accuracies are not.")
    elif len({record.samples.digest for record in records}) > 1:
        found.append(
            "The samples differ: what one record finds better than another was not tested here."
        )
    quick = [record.id for record in records if record.quick]
    if quick:
        found.append(f"Made in the quick form, which decides nothing: {', '.join(quick)}.")
    if len({(record.environment.cpu, record.environment.gpu) for record in records}) > 1:
        found.append("The machines differ: times are not comparable.")
    return found


def _kept(record: DecisionRecord) -> str:
    return record.adopted or record.start


def _verdicts(records: Sequence[DecisionRecord], names: Sequence[str]) -> Table:
    rows = [
        (
            name,
            record.id,
            record.verdict + (" (quick)" if record.quick else ""),
            _kept(record),
            short(record.adapter),
            yes(record.adopts),
            str(len(record.approvals)),
            record.decided[:10],
        )
        for name, record in zip(names, records, strict=True)
    ]
    head = ("job", "record", "verdict", "arm kept", "adapter", "justified", "approvals", "decided")
    return table("What was decided", head, rows, words=(0, 1, 2, 3, 4))


def _gains(records: Sequence[DecisionRecord], names: Sequence[str]) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, record in zip(names, records, strict=True):
        gain = leading(record)
        if gain is None:
            rows.append((name, "", "", "", "", "", "", "", ""))
            continue
        rows.append(
            (
                name,
                contrast(gain.arm, gain.against),
                signed(gain.mean),
                interval(gain.low, gain.high),
                chance(gain.adjusted),
                f"{design(record).rule.delta:g}",
                count(gain.questions),
                count(gain.companies),
                count(gain.runs),
            )
        )
    head = (
        "job", "contrast", "gain", "simultaneous", "p, Holm", "δ", "questions", "companies", "runs",
    )  # fmt: skip
    return table("The gain that each verdict speaks of, points", head, rows, words=(0, 1))


def _costs(records: Sequence[DecisionRecord], names: Sequence[str]) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, record in zip(names, records, strict=True):
        arm = record.finding(_kept(record))
        rows.append(
            (
                name,
                arm.name,
                measured(arm.accuracy),
                thousand(arm.usd),
                seconds(arm.p95_s),
                tenth(arm.tokens),
                plain(record.spent.device_hours),
                usd(record.spent.usd) if record.spent.usd is not None else "",
            )
        )
    head = (
        "job", "arm", "% right", "$ per 1,000", "p95", "tokens", "device hours spent", "$ spent",
    )  # fmt: skip
    return table("The arm that is kept or adopted", head, rows, words=(0, 1))
