"""``finroute ask``: one question, its plan as it unfolds, and the answer with numbered sources."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from specialists.foundation.errors import Cancelled, QuestionError

if TYPE_CHECKING:
    from router.commands.live import Live
    from router.contracts import Answer, Event
    from router.router import Router


@click.command()
@click.argument("question")
@click.option("--workspace", "-w", help="Workspace to ask.  [default: demo]")
@click.option(
    "--as-of",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="Only what was known on this day counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@click.option("--config", "source", help="A TOML file, or the name of a profile.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a setting, for example budget.seconds=20. May be repeated.",
)
@click.option("--approve", is_flag=True, help="Show the plan and ask before it is carried out.")
@click.option("--dry-run", is_flag=True, help="Print the settings and stop.")
def ask(
    question: str,
    workspace: str | None,
    as_of: datetime | None,
    as_json: bool,
    source: str | None,
    overrides: tuple[str, ...],
    approve: bool,
    dry_run: bool,
) -> None:
    """Ask QUESTION of a workspace. A QUESTION of - is read from standard input.

    \b
    finroute ask "How much did the revenue of Kestrel Biosciences grow from 2021 to 2023?"
    """
    from router import config

    settings = config.load(source, [*overrides, *(["planner.approve=true"] if approve else [])])
    if dry_run:
        click.echo(settings.model_dump_json(indent=2))
        return
    if question == "-":
        question = _from_stdin()
    from router.contracts import Question

    Question.of(question)  # before anything is loaded
    from router.commands.live import Live
    from router.router import Router

    with Live(quiet=as_json) as live:
        live.say("opening the workspace")
        router = Router.open(workspace, settings, progress=live.loading)
        answer = asyncio.run(_answer(router, question, as_of.date() if as_of else None, live))
        live.finish()
    if as_json:
        click.echo(answer.model_dump_json(indent=2))
    else:
        from router.commands import view

        view.console().print(view.answer_view(answer))


async def _answer(router: Router, question: str, as_of: date | None, live: Live) -> Answer:
    """Follow the answer's events to its end."""
    async with router:
        events = router.astream(question, as_of=as_of)
        while True:
            last: Event | None = None
            async with aclosing(events):
                async for event in events:
                    live.show(event)
                    last = event
            if last is not None and last.event == "answer":
                return last.answer
            if last is None or last.event != "approval":
                raise Cancelled("the run ended without an answer")
            with live.paused():
                approved = click.confirm("Carry out this plan?", default=True, err=True)
            events = router.resume(last.id, approved=approved)


def _from_stdin() -> str:
    if sys.stdin is None or sys.stdin.isatty():
        raise QuestionError("a question of - is read from standard input, and there is none")
    return sys.stdin.read(10_000)
