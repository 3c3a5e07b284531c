"""The model-risk pack: one decision, told in the order in which model-risk reviewers ask.

Sections follow the Federal Reserve's SR 11-7 (2011) and principles of the Bank of England's SS1/23
(2023). Everything in it is read from the decision record, from the adapter's run record and from
its model card. What a reviewer expects and these do not tell is said to be blank: nothing is made
up, and no blank is left out. What it is not: a validation; those need somebody who did not build
the model.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evals.decision.design import POINTS, Design
from evals.report import rendering
from evals.report.annex import facts
from evals.report.blocks import Blank, Block, Code, Items, Section, Text, table
from evals.report.formulas import FORMULAS
from evals.report.page import REPLAY, TONES
from evals.report.wording import (
    as_filed,
    chance,
    contrast,
    count,
    design,
    interval,
    measured,
    percent,
    plain,
    points,
    seconds,
    sentence,
    short,
    signed,
    standing,
    thousand,
    usd,
    yes,
)
from specialists.foundation.decisions import ArmFinding, DecisionRecord
from specialists.foundation.errors import RecordError
from specialists.foundation.records import RunRecord

GUIDANCE = (
    "Sections follow SR 11-7, Supervisory Guidance on Model Risk Management (Board of Governors of "
    "the Federal Reserve System and OCC, 4 April 2011), and the principles of SS1/23, Model risk "
    "management principles for banks (Prudential Regulation Authority, May 2023, effective "
    "17 May 2024). SR 11-7 was superseded on 17 April 2026 by SR 26-2 (OCC Bulletin 2026-13), "
    "which leaves generative and agentic AI outside its scope; its sections are cited because they "
    "remain the usual outline of such a file. What binds a firm is for that firm to say."
)
DETECTED = 0.8
"""Chance that an audit sample finds a fall of delta, where its size is told."""


@dataclass(frozen=True)
class Pack:
    """The pack as values; ``markdown`` and ``html`` put them into words."""

    record: DecisionRecord
    sections: tuple[Section, ...]

    @property
    def blanks(self) -> tuple[tuple[str, str], ...]:
        """Section and words of everything that is left for people to fill in."""
        return tuple(
            (section.title, block.words)
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Blank)
        )


def pack(
    record: DecisionRecord,
    *,
    run: RunRecord | None = None,
    card: str = "",
    replay: str = REPLAY,
) -> Pack:
    """The pack of a decision.

    Args:
        run: how the adapter was made; None: not at hand.
        card: its model card, Markdown; empty: not at hand.
        replay: the command that computes the verdict anew.

    Raises:
        RecordError: the run record is that of another artefact, or the record's design is none.
    """
    if run is not None and run.digest != record.adapter:
        raise RecordError(
            f"the run record is of {run.name} {short(run.digest)}; the decision is on "
            f"{short(record.adapter)}"
        )
    record = as_filed(record)
    told = design(record)
    parts = card_parts(card)
    return Pack(
        record,
        (
            _purpose(record, told, parts),
            _inventory(record, run),
            _data(record, told, run, parts),
            _method(record, told, run),
            _soundness(record, told),
            _outcomes(record, told),
            _benchmarks(record),
            _limits(record, parts),
            _sensitivity(record),
            _monitoring(record, told),
            _changes(record),
            _approvals(record),
            _reproduction(record, run, replay),
        ),
    )


def markdown(told: Pack) -> str:
    """The pack as Markdown."""
    return rendering.text("model_risk.md", **_values(told))


def html(told: Pack) -> str:
    """The pack as one self-contained HTML page."""
    return rendering.html("model_risk.html", **_values(told))


def _values(told: Pack) -> dict[str, Any]:
    record = told.record
    return {
        "title": f"Model risk: {record.specialist}, {record.arm}",
        "verdict": record.verdict,
        "tone": TONES[record.verdict],
        "quick": record.quick,
        "sentence": sentence(record),
        "standing": standing(record),
        "guidance": GUIDANCE,
        "facts": facts(record),
        "sections": told.sections,
        "blanks": told.blanks,
        "footer": f"Record {record.id} · adapter {record.adapter or 'none'} · decided "
        f"{record.decided}",
    }


_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$")


def card_parts(card: str) -> dict[str, str]:
    """A model card's text by heading, in lower case; what comes before the first ``## `` heading is
    under ``about``, the front matter's lines are left out but for its licence."""
    parts: dict[str, list[str]] = {"about": []}
    lines = card.splitlines()
    if lines and lines[0].strip() == "---":
        end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == "---"), 0)
        for line in lines[1:end]:
            name, _, value = line.partition(":")
            if name.strip() == "license" and value.strip():
                parts["license"] = [value.strip()]
        lines = lines[end + 1 :]
    place, title, fenced = "about", True, False
    for line in lines:
        fenced ^= line.lstrip().startswith("```")
        found = None if fenced else _HEADING.match(line)
        if found and title and line.startswith("# "):
            title = False
        elif found:
            place = found[1].lower()
            parts.setdefault(place, [])
        else:
            parts[place].append(line)
    joined = {name: "\n".join(told).strip() for name, told in parts.items()}
    return {name: told for name, told in joined.items() if told}


def _paragraphs(words: str) -> list[Block]:
    return [Text(" ".join(part.split())) for part in re.split(r"\n\s*\n", words) if part.strip()]


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """A tree of values as rows of name and text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        if any(isinstance(item, Mapping | list | tuple) for item in value):
            for place, item in enumerate(value, 1):
                yield from _flat(item, f"{name}.{place}")
        else:
            yield name, ", ".join(map(str, value))
    else:
        yield name, str(value)


def _rows(caption: str, value: Any) -> list[Block]:
    rows = list(_flat(value))
    return [table(caption, ("", ""), rows, words=(0, 1))] if rows else []


# --- what it is ---------------------------------------------------------------------------------


def _purpose(record: DecisionRecord, told: Design, card: Mapping[str, str]) -> Section:
    blocks: list[Block] = [
        Text(
            f"The specialist {record.specialist} answers one kind of step of the router's plans. "
            f"The decision is which of {len(record.arms)} ways to make it is served."
        )
    ]
    if told.about:
        blocks.append(Text(told.about))
    blocks += _paragraphs(card.get("about", ""))
    if "about" not in card:
        blocks.append(Blank("No model card was at hand that says what the model is for."))
    blocks.append(Text(f"{sentence(record)} {standing(record)}"))
    blocks.append(Blank("Business use: who uses the answers, for which decisions, with what harm "
                        "where they are wrong."))  # fmt: skip
    blocks.append(Blank("Uses that are not allowed, beyond the limits told below."))
    return Section(
        "purpose", "Purpose and intended use", tuple(blocks),
        source="SR 11-7 section IV (statement of purpose, model use); SS1/23 principle 3.1",
    )  # fmt: skip


def _inventory(record: DecisionRecord, run: RunRecord | None) -> Section:
    approvers = ", ".join(dict.fromkeys(each.by for each in record.approvals))
    rows = [
        ("model", f"{record.specialist} ({record.arm}, {record.method})"),
        ("adapter, SHA-256", record.adapter or "the arm has no adapter"),
        ("base, SHA-256", record.base),
        ("decision record", f"{record.id}, version {record.version} of its form"),
        ("verdict", record.verdict + (", quick form" if record.quick else "")),
        ("may be served without a warning", yes(record.adopts)),
        ("made", run.started if run is not None else ""),
        ("decided", record.decided),
        ("approved by", approvers),
    ]
    blocks: list[Block] = [table("Inventory entry", ("", ""), rows, words=(0, 1))]
    if run is None:
        blocks.append(Blank("No run record was at hand: when and how the adapter was made."))
    if not record.approvals:
        blocks.append(Blank("Approver."))
    blocks += [
        Blank("Owner and developer."),
        Blank("Validator, independent from development."),
        Blank("Tier, by materiality and complexity."),
        Blank("Where it is used, on which systems it depends, and when it is to be revalidated."),
    ]
    return Section(
        "inventory", "Model inventory entry", tuple(blocks),
        source="SR 11-7 section VI (model inventory); SS1/23 principles 1.2 and 1.3",
    )  # fmt: skip


def _data(
    record: DecisionRecord, told: Design, run: RunRecord | None, card: Mapping[str, str]
) -> Section:
    blocks: list[Block] = []
    if run is not None and run.data:
        blocks += _rows("Training data, from the run record", run.data)
    else:
        blocks.append(Blank("Training data: no run record that tells it was at hand."))
    if run is not None and run.digests:
        blocks += _rows("Digests of what it learned from (SHA-256)", run.digests)
    papers = [
        (paper.name, kind, paper.fold, paper.slice, count(paper.count), paper.file)
        for kind, paper in (
            *(("test", paper) for paper in told.papers),
            *(("guard", guard.paper) for guard in told.guards),
        )
    ]
    head = ("paper", "serves as", "fold", "slice", "questions, at most", "file")
    blocks.append(table("Test data, from the design", head, papers, words=(0, 1, 2, 3, 5)))
    found = record.contamination
    if found is None:
        blocks.append(Blank("What test and training have in common was not measured."))
    else:
        blocks.append(
            Text(
                f"Of {found.questions:,} questions of the test, {percent(found.ngrams)} share 13 "
                f"consecutive words with the training data and {found.duplicates:,} stand in it "
                f"word for word; {found.companies:,} companies and {found.templates:,} templates "
                f"are in both; {found.conflicts:,} questions stand in the test twice with other "
                "answers."
            )
        )
        blocks += [Items(found.notes)] if found.notes else []
    if record.digests.data:
        blocks += _rows("Digests of the data (SHA-256)", record.digests.data)
    licence = card.get("license", "")
    blocks.append(Text(f"Licence of the adapter: {licence}.") if licence else
                  Blank("Licence of the adapter."))  # fmt: skip
    blocks.append(Blank("Whether the data are representative of the firm's own questions, and who "
                        "checked their quality."))  # fmt: skip
    return Section(
        "data", "Data and lineage", tuple(blocks),
        source="SR 11-7 section IV (data quality and relevance); SS1/23 principle 3.2",
    )  # fmt: skip


def _method(record: DecisionRecord, told: Design, run: RunRecord | None) -> Section:
    blocks: list[Block] = [
        Text(
            f"The model: method {record.method}, arm {record.arm}, from the base "
            f"{short(record.base)}. Replies are drawn at temperature {told.decode.temperature:g}, "
            f"top_p {told.decode.top_p:g}, at most {told.decode.max_tokens} tokens"
            f"{', held to the grammar that serving holds them to' if told.decode.held else ''}."
        )
    ]
    if run is not None and run.recipe:
        blocks += _rows("Recipe, from the run record", {"method": run.method, **run.recipe})
    else:
        blocks.append(Blank("Recipe: no run record that tells it was at hand."))
    rule = told.rule
    blocks += [
        Text(
            f"The decision: an arm is adopted when its gains are shown to be above 0 (Holm, "
            f"{100 * rule.alpha:g} % over all candidates), each is estimated at {rule.delta:g} "
            "points or more, its guards are shown to hold and its gates do. The design was fixed "
            f"before the runs; its digest is {short(record.design)}."
        ),
        Items(
            (
                "Companies, and sentence templates, are independent of each other; questions of "
                "one company or one template need not be.",
                "Training runs of an arm are independent draws of what its recipe gives.",
                "The scorer of the test is right; a failed sample counts as wrong.",
                "Live questions are like the test's: what is not is named under the limits.",
            )
        ),
        table(
            "Formulas and their sources",
            ("what", "source"),
            [(f.name, f.source + (f" ({f.address})" if f.address else "")) for f in FORMULAS],
            words=(0, 1),
        ),
    ]
    return Section(
        "method", "Method and assumptions", tuple(blocks),
        source="SR 11-7 section IV (design, theory, logic); SS1/23 principles 3.1 and 3.5",
    )  # fmt: skip


# --- whether it is sound and works --------------------------------------------------------------


def _soundness(record: DecisionRecord, told: Design) -> Section:
    blocks: list[Block] = [
        Text(
            "The question was put before the answer was known: metric, margin, arms, contrasts, "
            "guards and stopping rule are in the design, and the seed of the test is drawn from "
            "the design's digest and the adapters', so that nobody could tune to its questions."
        )
    ]
    controls = [g for g in record.gains if record.finding(g.arm).control]
    blocks += [
        Text(
            f"The control {g.arm} gained {signed(g.mean)} points over {g.against} "
            f"({interval(g.low, g.high)}): what an arm shares with it is no gain of a method."
        )
        for g in controls
    ]
    if not controls:
        blocks.append(Text("The design has no control with a contrast of its own."))
    power = record.power
    if power is None:
        blocks.append(Blank("The design's power was not recorded."))
    else:
        rows = [(f"{POINTS * row.gain:g}", percent(row.adopted)) for row in power.rows]
        caption = f"Share of {power.simulations:,} simulated studies that adopt, by true gain"
        blocks.append(table(caption, ("true gain, points", "adopted"), rows))
    if record.screen is not None:
        rows = [(row.name, plain(row.value), plain(row.threshold), row.advice or "nothing to mend")
                for row in record.screen.rows]  # fmt: skip
        blocks.append(table("Screen before the runs", ("figure", "found", "threshold", "advice"),
                            rows, words=(0, 3)))  # fmt: skip
    blocks.append(Items(record.reasons))
    blocks.append(Blank("Effective challenge: who, independent from development, examined the "
                        "design and what they found."))  # fmt: skip
    return Section(
        "soundness", "Conceptual soundness", tuple(blocks),
        source="SR 11-7 section V, first element; SS1/23 principles 3.1 and 4.2",
    )  # fmt: skip


def _outcomes(record: DecisionRecord, told: Design) -> Section:
    rows = [
        (
            contrast(g.arm, g.against), signed(g.mean), interval(g.low, g.high), chance(g.adjusted),
            yes(g.significant), yes(g.big_enough), count(g.runs), count(g.questions),
            count(g.companies),
        )
        for g in record.gains
    ]  # fmt: skip
    head = (
        "contrast", "gain", "simultaneous interval", "p, Holm", "shown",
        f"≥ {told.rule.delta:g}", "runs", "questions", "companies",
    )  # fmt: skip
    blocks: list[Block] = [table("Gains on the sealed test, points", head, rows)]
    if record.guards:
        guards = [
            (g.paper, contrast(g.arm, g.against), signed(g.mean), signed(g.bound),
             signed(-g.margin), yes(g.held))
            for g in record.guards
        ]  # fmt: skip
        head = ("paper", "contrast", "difference", "lower bound", "must be above", "holds")
        blocks.append(table("Guards, points", head, guards, words=(0, 1)))
    if record.gates:
        gates = [
            (g.gate, contrast(g.arm, g.against), f"{g.ratio:.2f} ×" if g.ratio is not None else "",
             f"{g.limit:g} ×" if g.limit else "no gate", yes(g.held))
            for g in record.gates
        ]  # fmt: skip
        head = ("gate", "contrast", "ratio", "at most", "holds")
        blocks.append(table("Gates", head, gates, words=(0, 1)))
    stops = [f"Stopped at {percent(look.share)} of the questions for {look.stop}."
             for look in record.looks if look.stop]  # fmt: skip
    blocks += [Text(words) for words in stops]
    blocks.append(Blank("Outcomes in service: none are in these records; the test is generated or "
                        "public data."))  # fmt: skip
    return Section(
        "outcomes", "Outcomes analysis", tuple(blocks),
        source="SR 11-7 section V, third element; SS1/23 principles 3.3 and 4.4",
    )  # fmt: skip


def _benchmarks(record: DecisionRecord) -> Section:
    rows = [
        (
            arm.name, arm.method, arm.kind + (", control" if arm.control else ""),
            count(len(arm.runs)), measured(arm.accuracy), thousand(arm.usd), seconds(arm.p95_s),
            percent(arm.truncated), count(arm.failed),
        )
        for arm in record.arms
    ]  # fmt: skip
    head = (
        "alternative", "method", "kind", "runs", "% right", "$ per 1,000", "p95", "cut off",
        "failed",
    )  # fmt: skip
    strong = [n for n, arm in enumerate(record.arms) if arm.name == record.adopted]
    shown = table("All on the same questions, decoding and machine", head, rows, words=(0, 1, 2),
                  strong=strong)  # fmt: skip
    return Section(
        "benchmarks", "Benchmarking against alternatives", (shown,),
        source="SR 11-7 section V, second element (benchmarking); SS1/23 principle 4.2",
    )  # fmt: skip


def _limits(record: DecisionRecord, card: Mapping[str, str]) -> Section:
    blocks: list[Block] = [Items(record.limits)] if record.limits else []
    limits = next((words for name, words in card.items() if name.startswith("limit")), "")
    if limits:
        blocks += [Text("From the model card:"), *_paragraphs(limits)]
    elif not record.limits:
        blocks.append(Blank("Limits: neither the record nor a model card tells any."))
    rows: list[tuple[str, ...]] = []
    for gain in record.gains:
        share = gain.parts.get("runs", 0.0) / gain.se**2 if gain.se else None
        told = None if share is None else min(share, 1.0)
        rows.append((contrast(gain.arm, gain.against), points(gain.se), plain(gain.df),
                     points(gain.run_sd), percent(told)))  # fmt: skip
    head = ("contrast", "standard error", "df", "sd between runs", "variance from runs")
    blocks.append(table("How uncertain each gain is, points", head, rows))
    if record.needs:
        blocks += [Text("What would settle what is open:"), Items(record.needs)]
    blocks.append(Blank("Restrictions on use and compensating controls that the firm adds."))
    return Section(
        "limits", "Limits and uncertainty", tuple(blocks),
        source="SR 11-7 section IV (uncertainty and inaccuracy); SS1/23 principles 3.4 and 5.2",
    )  # fmt: skip


def _sensitivity(record: DecisionRecord) -> Section:
    rows = [
        (contrast(g.arm, g.against), each.name, interval(each.low, each.high), chance(each.p))
        for g in record.gains
        for each in g.sensitivities
    ]
    head = ("contrast", "another way", "interval, points", "p")
    blocks: list[Block] = (
        [table("The gains, looked at in other ways", head, rows, words=(0, 1))]
        if rows
        else [Blank("No other ways to look at the gains are recorded.")]
    )
    told = record.portability
    if told is not None:
        blocks.append(Text(f"On a second machine ({told.machine}) {percent(told.same)} of the "
                           f"replies to {told.questions} questions were the same; no gain moved by "
                           f"more than {points(told.shift)} points."))  # fmt: skip
    else:
        blocks.append(Blank("A replay on a second machine is not recorded."))
    return Section(
        "sensitivity", "Sensitivity", tuple(blocks),
        "None of these decides.",
        source="SR 11-7 section V, first element (sensitivity analysis); SS1/23 principle 3.3",
    )  # fmt: skip


# --- what follows -------------------------------------------------------------------------------


def audit_size(
    accuracy: float, fall: float, *, level: float = 0.05, power: float = DETECTED
) -> int:
    """Answers that a random audit needs to find that accuracy fell, one-sided.

    n = ((z_level sqrt(p0 q0) + z_power sqrt(p1 q1)) / fall)^2 for independent answers
    (Fleiss, Levin and Paik 2003, Statistical Methods for Rates and Proportions, 2.4).

    Args:
        accuracy: p0, a fraction.
        fall: p0 - p1, a fraction above 0.
    """
    from scipy.special import ndtri

    p0 = min(max(accuracy, 0.0), 1.0)
    p1 = max(p0 - fall, 0.0)
    root = -float(ndtri(level)) * math.sqrt(p0 * (1 - p0)) + float(ndtri(power)) * math.sqrt(
        p1 * (1 - p1)
    )
    return max(math.ceil((root / fall) ** 2), 1)


def _monitoring(record: DecisionRecord, told: Design) -> Section:
    arm = record.finding(record.adopted or record.start)
    low = max(arm.accuracy.low, 0.0)
    fall = told.rule.delta / POINTS
    start = record.finding(record.start)
    rows = [
        (
            "accuracy, % right of a random audit of live answers",
            measured(arm.accuracy),
            f"below {points(low)}: the record's interval",
        ),
        ("replies of the form asked for", percent(arm.parses), "falls"),
        ("replies cut off at the limit", percent(arm.truncated), "rises"),
        ("tokens of a reply, mean", plain(arm.tokens), "moves"),
        ("p95 of a question", seconds(arm.p95_s), _gate(arm, start, told)),
    ]
    size = audit_size(arm.accuracy.mean, fall)
    blocks: list[Block] = [
        table(f"What is watched of {arm.name}", ("figure", "in this record", "attention when it"),
              rows, words=(0, 2)),
        Text(
            f"About {size:,} audited answers find a fall of {told.rule.delta:g} points from "
            f"{points(arm.accuracy.mean)} % with a chance of {100 * DETECTED:g} % (one-sided 5 %, "
            "answers independent); fewer find only larger falls. finroute evals drift holds the "
            "audit, escalations and failed checks against this record and advises demotion; "
            "demoting by itself is a setting."
        ),
        Text("Live questions differ from the test's: record the first audit's accuracy before it "
             "is held against the interval."),
        Blank("How often answers are audited, by whom, and who is told of a crossed threshold."),
        Blank("When the model is revalidated although nothing moved."),
    ]  # fmt: skip
    return Section(
        "monitoring", "Ongoing monitoring plan", tuple(blocks),
        source="SR 11-7 section V, second element; SS1/23 principles 4.4 and 4.5",
    )  # fmt: skip


def _gate(arm: ArmFinding, start: ArmFinding, told: Design) -> str:
    if arm.p95_s is None or start.p95_s is None:
        return "not measured"
    if not told.gates.p95:
        return "moves; the design has no gate"
    return f"is above {seconds(told.gates.p95 * start.p95_s)}: {told.gates.p95:g} × the start's"


def _changes(record: DecisionRecord) -> Section:
    items = Items(
        (
            f"The decision holds for the adapter {short(record.adapter)} on the base "
            f"{short(record.base)}. Another adapter, base, or file of theirs has another digest: "
            "then this record does not justify it, and it is refused or served provisionally.",
            "A change of data, recipe, prompt, grammar or decoding is a new design and a new "
            "decision, with a test whose questions nobody has seen.",
            "A verdict is not run again until it passes: all attempted runs stand in the record, "
            "the failed ones too.",
        )
    )
    return Section(
        "changes", "Change management",
        (items, Blank("The firm's process for model changes, and who decides what is material.")),
        source="SR 11-7 section VI (policies and procedures); SS1/23 principles 2.3 and 3.3",
    )  # fmt: skip


def _approvals(record: DecisionRecord) -> Section:
    blocks: list[Block] = []
    if record.approvals:
        rows = [(each.by, each.time, each.key) for each in record.approvals]
        head = ("approved by", "at", "fingerprint of the key (SHA-256)")
        blocks.append(table("Approvals (Ed25519)", head, rows, words=(0, 1, 2)))
        blocks.append(Text("finroute evals verify checks the signatures against trusted keys."))
    else:
        blocks.append(Blank("Nobody has approved this record: it proves no author."))
    blocks.append(Blank("The approvers' roles, and that they are independent from development."))
    return Section(
        "approvals", "Approvals", tuple(blocks),
        source="SR 11-7 section VI (roles and responsibilities); SS1/23 principle 2.4",
    )  # fmt: skip


def _reproduction(record: DecisionRecord, run: RunRecord | None, replay: str) -> Section:
    machine, spent = record.environment, record.spent
    lost = sum(each.status != "done" for each in record.attempts)
    blocks: list[Block] = [
        Text("The verdict is computed anew, to the same bytes, by:"),
        Code(replay),
    ]
    if run is not None and run.command:
        blocks += [Text("The adapter is made again by:"), Code(run.command)]
    else:
        blocks.append(Blank("The command that makes the adapter again."))
    digests = {
        "record": record.id,
        "design": record.design,
        "samples": record.samples.digest,
        "rendered prompts": record.digests.prompts,
        "chat template": record.digests.template,
        "tokenizer": record.digests.tokenizer,
        **{f"seed, {name}": str(seed) for name, seed in sorted(record.seeds.items())},
    }
    setup = {
        "processor": machine.cpu,
        "accelerator": machine.gpu or "none",
        "system": machine.system,
        "engine": machine.engine,
        "commit": machine.commit,
        **dict(sorted(machine.flags.items())),
        **dict(sorted(machine.versions.items())),
    }
    blocks += [
        *_rows("Digests and seeds", {name: told for name, told in digests.items() if told}),
        *_rows("Machine and software", {name: told for name, told in setup.items() if told}),
        Text(
            f"{record.samples.count:,} samples, {record.samples.failed:,} of them failed; "
            f"{len(record.attempts)} training runs were begun, {lost} of them did not end well; "
            f"{plain(spent.device_hours)} device hours"
            + (f", {usd(spent.usd)}." if spent.usd is not None else "; no price is known.")
        ),
    ]
    return Section(
        "reproduction", "Reproducibility", tuple(blocks),
        source="SR 11-7 section VI (documentation); SS1/23 principles 3.5 and 3.6",
    )  # fmt: skip
