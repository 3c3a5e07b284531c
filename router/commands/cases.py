"""``finroute cases``: teach the router by worked cases: a question and a plan a person can write.

A thin door: reading and keeping cases is the business of ``specialists.cases``; carrying a new plan
out on a workspace, so that it is known to give a value, is that of the router.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specialists.foundation.contracts import Finding, Plan, Quantity, Value
from specialists.foundation.errors import ConfigError, InputError

if TYPE_CHECKING:
    from specialists.cases.own import OwnCase
    from specialists.workspace.catalogue import Catalogue
    from specialists.workspace.links import Linker

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
_on = click.option("--workspace", default="demo", show_default=True, help="Where it was solved.")
_replace = click.option("--replace", is_flag=True, help="Take the place of a case of that name.")
_no_run = click.option("--no-run", is_flag=True, help="Do not carry the plan out first.")


class _Line(Value):
    """A line of a file of cases."""

    question: str
    plan: str
    name: str | None = None


@dataclass(frozen=True)
class _Given:
    """A case to add, and what its plan gave on the workspace."""

    case: OwnCase
    plan: Plan
    values: tuple[str, ...] = ()


@click.group(name="cases")
def cases() -> None:
    """Teach the router operations of your own by worked cases; no training is needed.

    A plan is an expression over measures, or steps between semicolons:

    \b
      finroute cases add "What is the cash cover of Kestrel Biosciences in 2022?" \\
        --plan "cash / (current liabilities - accounts payable)"
      --plan "a = get cash of Kestrel Biosciences in 2022; b = inventory; divide(a, b)"

    Functions: add, subtract, divide, share, growth, change, cagr, average, sum, max, min, press.
    What a step leaves out, company and year, the question says.
    """


@cases.command()
@click.argument("question")
@click.option("--plan", "written", required=True, help="How it is solved; see finroute cases -h.")
@click.option("--name", help="What to call it; by default the question's own words.")
@_on
@_replace
@_no_run
@_as_json
def add(
    question: str,
    written: str,
    name: str | None,
    workspace: str,
    replace: bool,
    no_run: bool,
    as_json: bool,
) -> None:
    """Add the solved QUESTION, once its plan gives a value on the workspace."""
    _add([_Line(question=question, plan=written, name=name)], workspace, replace, no_run, as_json)


@cases.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_on
@_replace
@_no_run
@_as_json
def import_(file: Path, workspace: str, replace: bool, no_run: bool, as_json: bool) -> None:
    """Add the cases of FILE: JSON lines with question, plan and perhaps name; all or none."""
    _add(_lines(file), workspace, replace, no_run, as_json)


@cases.command(name="ls")
@_as_json
def list_cases(as_json: bool) -> None:
    """List your cases."""
    from specialists.cases.own import Store

    found = Store().read()
    if as_json:
        click.echo(json.dumps([_told(case) for case in found], indent=1))
    elif not found:
        click.echo('There are no cases of your own yet: finroute cases add "…?" --plan "…"')
    else:
        from rich.console import Console
        from rich.table import Table

        table = Table(title="Cases", title_justify="left")
        for column in ("case", "question", "plan"):
            table.add_column(column, overflow="fold")
        for case in found:
            table.add_row(case.name, case.question, case.plan)
        Console().print(table)


@cases.command()
@click.argument("name")
@_as_json
def show(name: str, as_json: bool) -> None:
    """Show the case NAME: its question and plan, and how they are kept."""
    from specialists.cases.own import Store

    _print(_told(Store().find(name)), as_json)


@cases.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget the case NAME."""
    from specialists.cases.own import Store

    Store().remove(name)
    click.echo(f"removed: {name}")


# --- adding -------------------------------------------------------------------------------------


def _add(
    lines: Sequence[_Line], workspace: str, replace: bool, no_run: bool, as_json: bool
) -> None:
    from specialists.cases.own import Store, make
    from specialists.workspace import demo
    from specialists.workspace.links import Linker
    from specialists.workspace.versions import Workspace

    if workspace == demo.NAME and workspace not in Workspace.names():
        demo.build()
    snapshot = Workspace.open(workspace).snapshot(None)
    linker = Linker(snapshot.catalogue, snapshot.documents)
    given: list[_Given] = []
    for number, line in enumerate(lines, 1):
        try:
            case = make(line.name, line.question, line.plan, linker)
            given.append(_Given(case, _plan(case, snapshot.catalogue, linker)))
        except InputError as error:
            raise _at(error, number, len(lines)) from error
    if not no_run:
        given = _carried_out(given, workspace)
    Store().add((each.case for each in given), replace=replace)
    told = [_told(each.case) | {"gives": list(each.values)} for each in given]
    if as_json:
        click.echo(json.dumps(told if len(told) != 1 else told[0], indent=1))
        return
    for each in told:
        _print(each, as_json=False)


def _at(error: InputError, number: int, count: int) -> InputError:
    return error if count == 1 else type(error)(f"case {number}: {error}")


def _plan(case: OwnCase, catalogue: Catalogue, linker: Linker) -> Plan:
    from specialists.planning.render import PlanningInputs
    from specialists.planning.task import expand

    return expand(PlanningInputs(case.question, catalogue, linker), case.meant)


def _carried_out(given: Sequence[_Given], workspace: str) -> list[_Given]:
    """The cases with what their plans give.

    Raises:
        InputError: a plan gives no value; says which step did not.
    """
    from router.router import Router

    done: list[_Given] = []
    with Router.open(workspace=workspace) as router:
        for number, each in enumerate(given, 1):
            findings = router.carry_out(each.plan)
            wrong = [f for f in findings.values() if f.status != "ok"]
            if wrong:
                steps = {step.id: step.instruction for step in each.plan.subtasks}
                why = "; ".join(f"{steps[f.subtask]} {f.status}: {f.reason}" for f in wrong[:2])
                error = InputError(
                    f"the plan gives no value on workspace {workspace}: {why} (--no-run keeps the "
                    "case all the same)"
                )
                raise _at(error, number, len(given))
            inner = {parent for step in each.plan.subtasks for parent in step.parents()}
            last = [f for id, f in findings.items() if id not in inner]
            done.append(_Given(each.case, each.plan, tuple(_value(f) for f in last)))
    return done


def _value(finding: Finding) -> str:
    from specialists.workspace.numbers import format_quantity

    value = finding.value
    shown = format_quantity(value) if isinstance(value, Quantity) else str(value)
    return f"{finding.label}: {shown}" if finding.label else shown


def _lines(file: Path) -> list[_Line]:
    """The cases of a file.

    Raises:
        InputError: it cannot be read, is empty, or a line is not a case.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {error}") from error
    found: list[_Line] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(_Line.model_validate_json(line))
        except ValueError as error:
            raise InputError(
                f'{file}, line {number} is not a case; a line is {{"question": "…", "plan": "…", '
                '"name": "…"}'
            ) from error
    if not found:
        raise ConfigError(f"{file} holds no case")
    return found


# --- showing ------------------------------------------------------------------------------------


def _told(case: OwnCase) -> dict[str, Any]:
    return {
        "case": case.name,
        "question": case.question,
        "plan": case.plan,
        "read as": case.case.question,
        "kept as": case.case.plan,
        "added": case.created.isoformat(timespec="seconds"),
    }


def _print(told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for key, value in told.items():
        for item in value if isinstance(value, list) else [value]:
            click.echo(f"{key}: {item}")
