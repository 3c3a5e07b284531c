"""The tables behind a decision: arms, guards, gates, looks, samples, attempts, machine, digests."""

from __future__ import annotations

import json
from collections.abc import Mapping

from evals.decision.design import Design
from evals.report.blocks import (
    Block,
    Code,
    Formulas,
    Items,
    Section,
    Text,
    table,
)
from evals.report.formulas import FORMULAS
from evals.report.seen import Seen
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
    short,
    signed,
    tenth,
    thousand,
    usd,
    yes,
)
from specialists.foundation.decisions import DecisionRecord

FEW_FAILURES = 200
"""More are counted, not listed."""


def sections(
    record: DecisionRecord, design: Design, seen: Seen | None, replay: str
) -> list[Section]:
    """The rest of the page, in the order in which a doubting reader asks.

    Args:
        replay: the command that computes the verdict anew.
    """
    found = [
        _arms(record),
        _guards(record),
        _looks(record),
        _sensitivities(record),
        _screen(record),
        _samples(record, seen),
        _attempts(record),
        Section(
            "method",
            "How this was computed",
            (Formulas(FORMULAS),),
            "Each formula with its source. The t-analysis of the crossed factors decides; "
            "everything else is a check.",
        ),
        _setup(record, design),
        _replay(record, replay),
    ]
    return [section for section in found if section is not None]


def _arms(record: DecisionRecord) -> Section:
    rows = [
        (
            arm.name,
            arm.method,
            arm.kind + (", control" if arm.control else ""),
            count(len(arm.runs)),
            measured(arm.accuracy),
            points(arm.greedy),
            percent(arm.parses),
            percent(arm.truncated),
            count(arm.failed),
            tenth(arm.tokens),
            tenth(arm.length_right),
            tenth(arm.length_wrong),
            seconds(arm.p95_s),
            thousand(arm.usd),
            short(arm.recipe) if arm.recipe else "",
        )
        for arm in record.arms
    ]
    head = (
        "arm", "method", "kind", "runs", "% right, sampled", "% right, greedy", "of the form asked",
        "cut off", "failed", "tokens", "of right replies", "of wrong replies", "p95",
        "$ per 1,000", "recipe",
    )  # fmt: skip
    strong = [n for n, arm in enumerate(record.arms) if arm.name == record.adopted]
    blocks: list[Block] = [
        table("Contestants on the sealed test", head, rows, words=(0, 1, 2), strong=strong)
    ]
    names = sorted({name for arm in record.arms for name in arm.figures})
    if names:
        measures = [
            (arm.name, *(plain(arm.figures.get(name), 4) for name in names)) for arm in record.arms
        ]
        blocks.append(table("What else was measured, means", ("arm", *names), measures))
    return Section("arms", "Arms", tuple(blocks))


def _guards(record: DecisionRecord) -> Section | None:
    blocks: list[Block] = []
    if record.guards:
        rows = [
            (
                guard.paper,
                contrast(guard.arm, guard.against),
                signed(guard.mean),
                signed(guard.bound),
                signed(-guard.margin),
                percent(guard.power),
                yes(guard.held),
            )
            for guard in record.guards
        ]
        head = ("paper", "contrast", "difference", "lower bound", "must be above", "power", "holds")
        caption = "Guards: what an adopted arm must not lose elsewhere, points"
        blocks.append(table(caption, head, rows, words=(0, 1)))
    if record.gates:
        rows = [
            (
                "$ per 1,000" if gate.gate == "cost" else "p95",
                contrast(gate.arm, gate.against),
                thousand(gate.value) if gate.gate == "cost" else seconds(gate.value),
                thousand(gate.reference) if gate.gate == "cost" else seconds(gate.reference),
                f"{gate.ratio:.2f} ×" if gate.ratio is not None else "",
                f"{gate.limit:g} ×" if gate.limit else "no gate",
                yes(gate.held),
            )
            for gate in record.gates
        ]
        head = ("gate", "contrast", "arm", "start", "ratio", "at most", "holds")
        blocks.append(table("Gates: what an adopted arm may cost", head, rows, words=(0, 1)))
    if not blocks:
        return None
    return Section("guards", "Guards and gates", tuple(blocks))


def _looks(record: DecisionRecord) -> Section | None:
    if not record.looks:
        return None
    rows: list[tuple[str, ...]] = []
    for look in record.looks:
        for each in look.contrasts:
            rows.append(
                (
                    f"{percent(look.share)} of questions",
                    count(look.questions),
                    contrast(each.arm, each.against),
                    signed(each.mean),
                    percent(each.information),
                    plain(each.t),
                    plain(each.boundary),
                    yes(each.crossed),
                    percent(each.conditional_power),
                )
            )
    head = (
        "look", "questions", "contrast", "gain", "information", "t", "boundary", "crossed",
        "conditional power",
    )  # fmt: skip
    told = [
        f"Stopped at {percent(look.share)} of the questions for {look.stop}."
        for look in record.looks
        if look.stop
    ]
    folded = f"Each contrast at each look, {len(rows)} rows" if len(rows) > 12 else ""
    blocks: list[Block] = [Text(words) for words in told or ["No look stopped the study."]]
    blocks.append(table("What was seen at each look", head, rows, words=(0, 2), folded=folded))
    return Section("looks", "Looks", tuple(blocks))


def _sensitivities(record: DecisionRecord) -> Section | None:
    names = list(dict.fromkeys(each.name for gain in record.gains for each in gain.sensitivities))
    blocks: list[Block] = []
    if names:
        rows: list[tuple[str, ...]] = []
        for gain in record.gains:
            own = {each.name: each for each in gain.sensitivities}
            cells = [
                cell
                for name in names
                for cell in (
                    (interval(own[name].low, own[name].high), chance(own[name].p))
                    if name in own
                    else ("", "")
                )
            ]
            told = (signed(gain.mean), interval(gain.low, gain.high), chance(gain.p))
            rows.append((contrast(gain.arm, gain.against), *told, *cells))
        others = [told for name in names for told in (name, f"{name}: p")]
        head = ("contrast", "gain", "simultaneous", "p", *others)
        blocks.append(table("The gains, looked at in other ways", head, rows))
    if record.small is not None:
        posterior = [
            (
                contrast(each.arm, each.against),
                signed(each.mean),
                interval(each.low, each.high),
                percent(each.positive),
                percent(each.big_enough),
            )
            for each in record.small.contrasts
        ]
        head = ("contrast", "gain", "95 % credible", "P(gain > 0)", "P(gain ≥ δ)")
        caption = f"Hierarchical beta-binomial, {record.small.questions} questions"
        blocks.append(table(caption, head, posterior))
    if record.portability is not None:
        told = record.portability
        blocks.append(
            Text(
                f"{told.questions} questions were drawn again on a second machine "
                f"({told.machine}): {percent(told.same)} of the replies were the same, and no gain "
                f"moved by more than {points(told.shift)} points."
            )
        )
    if not blocks:
        return None
    lead = "None of these decides. Where they disagree with the gains, say why before acting."
    return Section("sensitivities", "Sensitivities", tuple(blocks), lead)


def _screen(record: DecisionRecord) -> Section | None:
    screen = record.screen
    if screen is None:
        return None
    rows = [
        (
            row.name,
            plain(row.value),
            f"{plain(row.low)} – {plain(row.high)}",
            plain(row.threshold),
            row.advice or "nothing to mend",
        )
        for row in screen.rows
    ]
    head = ("figure", "found", "95 %", "threshold", "advice")
    return Section(
        "screen",
        "Screen",
        (table("Before the runs", head, rows, words=(0, 4)),),
        f"{screen.questions} questions × {screen.samples} samples of the start, on the development "
        "fold: advice on which arms are worth training.",
    )


def _samples(record: DecisionRecord, seen: Seen | None) -> Section:
    told = record.samples
    blocks: list[Block] = [
        Text(
            f"{told.count:,} samples; {told.failed:,} broke down and count as wrong; "
            f"{percent(told.truncated)} ended at the limit of tokens."
        )
    ]
    found = record.contamination
    if found is not None:
        rows = [
            ("questions of the test", count(found.questions)),
            ("with 13 consecutive words of the training data", percent(found.ngrams)),
            ("word for word in the training data", count(found.duplicates)),
            ("companies in both", count(found.companies)),
            ("templates in both", count(found.templates)),
            ("questions that stand in the test twice with other answers", count(found.conflicts)),
        ]
        blocks.append(table("What test and training have in common", ("", "found"), rows))
        if found.notes:
            blocks.append(Items(found.notes))
    else:
        blocks.append(Text("What test and training have in common was not measured."))
    if seen is not None and seen.failures:
        failures = seen.failures[:FEW_FAILURES]
        rows = [
            (f.arm, count(f.run), f.question, count(f.draw), f.finish, f.error, f.output)
            for f in failures
        ]
        head = ("arm", "run", "question", "sample", "finish", "error", "output, from its start")
        caption = "Failed samples" + (
            f", the first {len(failures)} of {len(seen.failures)}"
            if len(failures) < len(seen.failures)
            else ""
        )
        folded = f"{len(seen.failures)} failed samples"
        blocks.append(table(caption, head, rows, words=(0, 2, 4, 5, 6), folded=folded))
    return Section("samples", "Samples and contamination", tuple(blocks))


def _attempts(record: DecisionRecord) -> Section:
    spent = record.spent
    told = (
        f"Training and evaluation took {plain(spent.wall_hours)} hours of wall time and "
        f"{plain(spent.device_hours)} device hours"
        + (f", {usd(spent.usd)}." if spent.usd is not None else "; no price is known.")
    )
    blocks: list[Block] = [Text(told)]
    if record.attempts:
        rows = [
            (
                each.arm,
                count(each.run),
                str(each.seed) if each.seed is not None else "",
                each.status,
                plain(each.device_hours),
                short(each.adapter),
                each.reason,
            )
            for each in record.attempts
        ]
        head = (
            "arm",
            "run",
            "seed",
            "status",
            "device hours",
            "adapter",
            "why it did not end well",
        )
        folded = f"{len(rows)} attempts" if len(rows) > 10 else ""
        lost = [n for n, each in enumerate(record.attempts) if each.status != "done"]
        blocks.append(
            table("All attempted runs", head, rows, words=(0, 3, 6), folded=folded, strong=lost)
        )
    else:
        blocks.append(Text("Nothing was trained for it."))
    return Section("attempts", "All attempted runs", tuple(blocks))


def _setup(record: DecisionRecord, design: Design) -> Section:
    machine = record.environment
    rows = [
        ("processor", machine.cpu),
        ("accelerator", machine.gpu or "none"),
        ("driver", machine.driver),
        ("memory", f"{machine.memory_gb:g} GB" if machine.memory_gb else ""),
        ("system", machine.system),
        ("engine", machine.engine),
        ("commit", machine.commit),
        *((f"flag {name}", value) for name, value in sorted(machine.flags.items())),
        *(((name, value)) for name, value in sorted(machine.versions.items())),
        ("temperature", f"{design.decode.temperature:g}"),
        ("top_p", f"{design.decode.top_p:g}"),
        ("tokens of a reply, at most", count(design.decode.max_tokens)),
        ("samples of a question (K)", count(design.decode.samples)),
        ("held to the grammar", yes(design.decode.held)),
    ]
    blocks: list[Block] = [
        table("Machine, software, decoding: the same for every arm", ("", ""), rows, words=(0, 1)),
        Code(json.dumps(record.design_text, indent=1, sort_keys=True, ensure_ascii=False)),
    ]
    return Section("setup", "Environment and design", tuple(blocks))


def _replay(record: DecisionRecord, replay: str) -> Section:
    rows: list[tuple[str, str]] = [
        ("record", record.id),
        ("design", record.design),
        ("samples", record.samples.digest),
        ("adapter", record.adapter or ""),
        ("base", record.base),
        ("rendered prompts", record.digests.prompts),
        ("chat template", record.digests.template),
        ("tokenizer", record.digests.tokenizer),
        *((f"data: {name}", told) for name, told in sorted(record.digests.data.items())),
        *((f"seed: {name}", str(seed)) for name, seed in sorted(record.seeds.items())),
    ]
    blocks: list[Block] = [
        Text("The verdict is computed anew from the stored samples, to the same bytes:"),
        Code(replay),
        table("Digests (SHA-256) and seeds", ("", ""), rows, words=(0, 1)),
        *_approvals(record),
    ]
    return Section("replay", "Digests, approvals, replay", tuple(blocks))


def _approvals(record: DecisionRecord) -> list[Block]:
    if not record.approvals:
        return [Text("Nobody has approved it: a record without approvals proves no author.")]
    rows = [(each.by, each.time, each.key) for each in record.approvals]
    head = ("approved by", "at", "fingerprint of the key (SHA-256)")
    return [
        table("Approvals (Ed25519)", head, rows, words=(0, 1, 2)),
        Text("This page does not check signatures: finroute evals verify does."),
    ]


def facts(record: DecisionRecord) -> Mapping[str, str]:
    """What the verdict rests on, in a few figures."""
    first = record.gains[0] if record.gains else record.arms[0].accuracy
    return {
        "questions": f"{first.questions:,}",
        "companies": f"{first.companies:,}",
        **({"templates": f"{first.templates:,}"} if first.templates else {}),
        "arms": str(len(record.arms)),
        "training runs": str(sum(len(a.runs) for a in record.arms if a.kind == "trained")),
        "samples": f"{record.samples.count:,}",
        "device hours": plain(record.spent.device_hours),
    }
