"""How plans, steps and answers look in a terminal. It prints; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.text import Text
from rich.tree import Tree

from router.contracts import Answer, Source
from router.statements import value_text
from specialists.foundation.contracts import (
    Cell,
    Finding,
    Plan,
    Quantity,
    Span,
    Subtask,
    ToolEvent,
    Usage,
)
from specialists.workspace.numbers import format_quantity

_SIGNS = {"ok": "[green]✓[/]", "abstained": "[yellow]–[/]", "failed": "[red]✗[/]"}
_SHOWN = 100
"""Characters of a tool's arguments or a text that a line shows."""


def plan_tree(
    plan: Plan,
    findings: Mapping[str, Finding],
    tools: Mapping[str, Sequence[ToolEvent]],
    running: Sequence[str] = (),
) -> RenderableType:
    """The plan as a tree: what is asked last stands on top, what it needs below it."""
    if not plan.subtasks:
        return Text.from_markup(f"[bold]plan[/]  nothing to do: {escape(plan.note)}")
    tree = Tree("[bold]plan[/]", guide_style="dim")
    steps = {s.id: s for s in plan.subtasks}
    needed = {p for s in plan.subtasks for p in s.parents()}
    shown: set[str] = set()

    def add(under: Tree, step: Subtask) -> None:
        line = step_line(step, findings.get(step.id), step.id in running)
        if step.id in shown:
            under.add(Text.from_markup(f"[dim]{step.id} (above)[/]"))
            return
        shown.add(step.id)
        branch = under.add(line)
        finding = findings.get(step.id)
        for event in finding.trace if finding is not None else tools.get(step.id, ()):
            branch.add(tool_line(event))
        for parent in step.parents():
            add(branch, steps[parent])

    for step in plan.subtasks:
        if step.id not in needed:
            add(tree, step)
    return tree


def step_line(step: Subtask, finding: Finding | None, running: bool) -> Text:
    """``✓ s1 table_qa  What was …?  → $12 million  0.3 s``."""
    head = f"[bold]{escape(step.id)}[/] [cyan]{escape(step.specialist)}[/]"
    asked = escape(step.instruction)
    if finding is None:
        sign = "[blue]…[/]" if running else "[dim]·[/]"
        return Text.from_markup(f"{sign} {head}  {asked}")
    result = escape(value_text(finding)) if finding.status == "ok" else escape(finding.reason)
    sure = f" [dim]p={finding.confidence:.2f}[/]" if finding.confidence is not None else ""
    again = f" [dim]×{finding.attempts}[/]" if finding.attempts > 1 else ""
    return Text.from_markup(
        f"{_SIGNS[finding.status]} {head}  {asked} → [bold]{result}[/]"
        f"{sure}{again} [dim]{finding.seconds:.2f} s[/]"
    )


def tool_line(event: ToolEvent) -> Text:
    """``sql(SELECT …)  2 ms``."""
    said = ", ".join(str(v) for v in event.arguments.values() if v is not None)
    wrong = f" [red]{escape(_cut(event.error))}[/]" if event.error else ""
    return Text.from_markup(
        f"[dim]{escape(event.name)}({escape(_cut(said))})  {event.seconds * 1000:.0f} ms[/]{wrong}"
    )


def answer_view(answer: Answer) -> RenderableType:
    """The answer's text, its sources, and what it took."""
    style = {"complete": "green", "partial": "yellow", "abstained": "yellow"}[answer.status]
    parts: list[RenderableType] = [Text(answer.text, style="bold" if answer.claims else "")]
    if answer.sources:
        parts.append(Text("\nSources", style="dim"))
        parts += [Text(source_line(source)) for source in answer.sources]
    steps = [line for claim in answer.claims for line in claim.calculation]
    if steps:
        parts.append(Text("\nCalculation", style="dim"))
        parts += [Text(f"  {line}") for line in steps]
    notes = [note for note in answer.notes if note not in answer.text]
    if notes:
        parts.append(Text("\nNotes", style="dim"))
        parts += [Text(f"  {note}") for note in notes]
    parts.append(Text(""))
    parts.append(Text.from_markup(f"[{style}]{answer.status}[/] [dim]{footer(answer)}[/]"))
    if answer.provisional:
        names = ", ".join(answer.provisional)
        parts.append(
            Text(f"provisional (no decision record adopts their adapter): {names}", style="dim")
        )
    return Group(*parts)


def source_line(source: Source) -> str:
    """``[1] income_statement · revenue · Acme, 2022 = $12 million (known 2023-02-20)``."""
    evidence, text = source.evidence, source.title
    if isinstance(evidence, Cell) and evidence.value is not None:
        value = evidence.value
        if isinstance(value, int | float) and not isinstance(value, bool):
            text += " = " + format_quantity(
                Quantity(value=float(value), unit=evidence.unit, scale=evidence.scale)
            )
        else:
            text += f" = {value}"
    elif isinstance(evidence, Span) and evidence.text not in text:
        text += f": “{_cut(' '.join(evidence.text.split()))}”"
    known = f" (known {source.known_at})" if source.known_at else ""
    return f"  [{source.number}] {text}{known}"


def footer(answer: Answer) -> str:
    """``3 steps · 5 model calls · 812 tokens · $0.0000 · 1.2 s · as of … · trace 4f3a…``."""
    usage = answer.usage
    tokens = usage.prompt_tokens + usage.completion_tokens
    return " · ".join(
        [
            _counted(len(answer.findings), "step"),
            _counted(usage.calls, "model call"),
            f"{tokens:,} tokens",
            _cost(usage),
            f"{answer.seconds:.2f} s",
            f"{answer.workspace} version {answer.version.lstrip('0')} as of {answer.as_of}",
            f"trace {answer.id[:12]}",
        ]
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _cost(usage: Usage) -> str:
    """A model without a price is not free: its calls are told."""
    if usage.unpriced_calls == usage.calls:
        return "unpriced"
    more = f" + {usage.unpriced_calls} unpriced calls" if usage.unpriced_calls else ""
    return f"${usage.cost_usd:.4f}{more}"


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal; without one lines are as long as they are."""
    plain = Console(stderr=stderr, highlight=False)
    return plain if plain.is_terminal else Console(stderr=stderr, highlight=False, width=1_000)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
