"""``finroute trace``: how an answer came to be, from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from router.state import Recorded


@click.command()
@click.argument("id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the whole record as JSON.")
@click.option("--limit", default=20, show_default=True, help="Without ID: how many to list.")
@click.option("--config", "source", help="A TOML file, or the name of a profile.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
def trace(
    id: str | None, as_json: bool, limit: int, source: str | None, overrides: tuple[str, ...]
) -> None:
    """Show the answer ID (or its first characters); without ID, list the last answers."""
    from router import config
    from router.state import State

    state = State(config.load(source, overrides).state.url)
    try:
        if id is None:
            _list([*state.latest(limit)], as_json)
            return
        recorded = state.read(id)
    finally:
        state.close()
    if as_json:
        click.echo(recorded.model_dump_json(indent=2))
    else:
        _show(recorded)


def _list(found: list[Recorded], as_json: bool) -> None:
    if as_json:
        lines = ",\n  ".join(r.model_dump_json(exclude={"answer", "steps"}) for r in found)
        click.echo(f"[\n  {lines}\n]" if found else "[]")
        return
    if not found:
        click.echo("no answers yet")
    for r in found:
        when = r.created.astimezone().strftime("%Y-%m-%d %H:%M")
        click.echo(f"{r.id[:12]}  {when}  {r.workspace:<12} {r.status:<10} {r.question}")


def _show(recorded: Recorded) -> None:
    from router.commands import view

    console = view.console()
    console.print(f"{recorded.question}", style="bold", markup=False)
    console.print(
        f"{recorded.id} · {recorded.workspace} · {recorded.created:%Y-%m-%d %H:%M:%S} UTC",
        style="dim",
    )
    answer = recorded.answer
    if answer is None:
        console.print(f"{recorded.status} {recorded.error}".strip(), markup=False)
        for finding in recorded.steps:
            console.print(
                f"  {finding.subtask} {finding.specialist} {finding.status} "
                f"{view.value_text(finding) or finding.reason} ({finding.seconds:.2f} s)",
                markup=False,
            )
        return
    findings = {f.subtask: f for f in answer.findings}
    console.print(view.plan_tree(answer.plan, findings, {}))
    for finding in answer.findings:
        served = finding.served_by
        if served is not None:
            adapter = (served.adapter or "base")[:12]
            console.print(
                f"  {finding.subtask}: {served.model}, adapter {adapter}, "
                f"{finding.usage.calls} calls, "
                f"{finding.usage.prompt_tokens + finding.usage.completion_tokens} tokens",
                style="dim",
                markup=False,
            )
        for reply in finding.replies:
            console.print(f"    {' '.join(reply.split())}", style="dim", markup=False)
    console.print()
    console.print(view.answer_view(answer))
