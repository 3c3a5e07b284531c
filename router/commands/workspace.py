"""``finroute workspace``: make workspaces, add files to them, look at what they hold.

A thin door: everything it does is in ``specialists.workspace``, imported when a command runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from specialists.foundation.errors import FinrouteError

if TYPE_CHECKING:
    from specialists.workspace.batch import Batch
    from specialists.workspace.snapshot import Snapshot

P = ParamSpec("P")
R = TypeVar("R")

_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
_day = click.DateTime(formats=["%Y-%m-%d"])


class _Told(click.ClickException):
    """An error of this project, as click shows and exits with it."""

    def __init__(self, error: FinrouteError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code  # type: ignore[misc] - click reads it from the instance


def _reported(command: Callable[P, R]) -> Callable[P, R]:
    """Turn this project's errors into a message on stderr and the error's own exit code."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except FinrouteError as error:
            raise _Told(error) from error

    return run


@click.group(name="workspace")
def workspace() -> None:
    """Make workspaces and fill them with tables and texts."""


@workspace.command()
@click.argument("name")
@click.option("--demo", is_flag=True, help="Fill it with 40 invented companies, 2019 to 2023.")
@_as_json
@_reported
def new(name: str, demo: bool, as_json: bool) -> None:
    """Make the workspace NAME."""
    from specialists.workspace.versions import Workspace

    if demo:
        from specialists.workspace.demo import make_batch

        made = Workspace.create(name, batch=make_batch())
    else:
        made = Workspace.create(name)
    _tell(as_json, {"workspace": name, "version": made.version, "folder": str(made.folder)})


@workspace.command()
@click.argument("name")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--company", help="The company the files are about, where they do not say.")
@click.option("--known-at", type=_day, help="When their facts became known; default today.")
@click.option(
    "--kind",
    type=click.Choice(["auto", "finqa"]),
    default="auto",
    show_default=True,
    help="auto goes by the files' endings; finqa reads FinQA's JSONL pages.",
)
@click.option("--limit", type=click.IntRange(min=1), help="FinQA: at most so many pages a file.")
@_as_json
@_reported
def add(
    name: str,
    files: tuple[Path, ...],
    company: str | None,
    known_at: datetime | None,
    kind: str,
    limit: int | None,
    as_json: bool,
) -> None:
    """Add FILES to the workspace NAME: all of them, or none where one cannot be read.

    CSV, TSV, Parquet and Excel become tables, text and Markdown documents.
    """
    from specialists.workspace.versions import Workspace

    if limit is not None and kind != "finqa":
        raise click.UsageError("--limit goes with --kind finqa")
    if company is not None and kind == "finqa":
        raise click.UsageError("--company does not go with --kind finqa: its pages name theirs")
    space = Workspace.open(name)
    day = known_at.date() if known_at else None
    batch = _read(files, company, day, kind, limit, quiet=as_json)
    version = space.add(batch)
    told = {
        "workspace": name,
        "version": version,
        "tables": [new.table.name for new in batch.tables],
        "rows": sum(new.rows.num_rows for new in batch.tables),
        "documents": len(batch.documents),
        "notes": list(batch.notes),
    }
    _tell(as_json, told)


@workspace.command(name="ls")
@_as_json
@_reported
def list_workspaces(as_json: bool) -> None:
    """List the workspaces."""
    from specialists.workspace.versions import Workspace

    rows: list[dict[str, Any]] = []
    for name in Workspace.names():
        now = Workspace.open(name).manifest
        rows.append(
            {
                "workspace": name,
                "version": f"{now.version:06d}",
                "created": now.created.isoformat(timespec="seconds"),
                "companies": len(now.companies),
                "tables": len(now.tables),
                "documents": now.documents,
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    elif rows:
        _print_table("Workspaces", list(rows[0]), [list(row.values()) for row in rows])
    else:
        click.echo("There are no workspaces yet: finroute workspace new NAME --demo")


@workspace.command()
@click.argument("name")
@click.argument("table", required=False)
@click.option("--as-of", type=_day, help="What was known on this day.")
@click.option("--rows", default=20, show_default=True, help="How many rows of TABLE.")
@_as_json
@_reported
def show(name: str, table: str | None, as_of: datetime | None, rows: int, as_json: bool) -> None:
    """Show what the workspace NAME holds, or the columns and first rows of its TABLE."""
    from specialists.workspace.versions import Workspace

    snapshot = Workspace.open(name).snapshot(as_of.date() if as_of else None)
    if table is None:
        _show_all(snapshot, as_json)
    else:
        _show_table(snapshot, table, rows, as_json)


def _read(
    files: Sequence[Path],
    company: str | None,
    day: date | None,
    kind: str,
    limit: int | None,
    *,
    quiet: bool,
) -> Batch:
    from rich.console import Console
    from rich.progress import Progress

    from specialists.workspace import ingest
    from specialists.workspace.batch import Batch
    from specialists.workspace.ingest import finqa

    batch = Batch()
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("reading", total=len(files))
        for path in files:
            bar.update(task, description=f"reading {path.name}")
            if kind == "finqa":

                def pages(count: int, path: Path = path) -> None:
                    bar.update(task, description=f"reading {path.name}: {count} pages")

                batch += finqa.read(path, limit=limit, known_at=day, progress=pages)
            else:
                batch += ingest.read(path, company=company, known_at=day)
            bar.advance(task)
    return batch


def _show_all(snapshot: Snapshot, as_json: bool) -> None:
    entry = snapshot.catalogue
    if as_json:
        click.echo(entry.model_dump_json(indent=1))
        return
    names = [c.name for c in entry.companies]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    click.echo(f"{entry.workspace}, version {entry.version}, known by {entry.as_of}")
    click.echo(f"{len(names)} companies: {', '.join(names[:12])}{more}")
    body: list[list[Any]] = [
        [
            t.name,
            t.title,
            t.company or "",
            t.rows,
            f"{t.periods[0]}–{t.periods[-1]}" if t.periods else "",
            sum(c.role == "measure" for c in t.columns),
        ]
        for t in entry.tables
    ]
    _print_table("Tables", ["table", "title", "company", "rows", "years", "measures"], body)
    kinds = [d.kind for d in entry.documents]
    told = ", ".join(f"{kinds.count(k)} {k}s" for k in dict.fromkeys(kinds)) or "none"
    click.echo(f"Documents: {told}")


def _show_table(snapshot: Snapshot, name: str, count: int, as_json: bool) -> None:
    from specialists.foundation.errors import NotFound

    entry = next((t for t in snapshot.catalogue.tables if t.name == name), None)
    if entry is None:
        known = ", ".join(t.name for t in snapshot.catalogue.tables) or "none"
        raise NotFound(
            f"there is no table {name} in {snapshot.catalogue.workspace}; there are: {known}"
        )
    columns = [c.name for c in entry.columns]
    rows = snapshot.tables[name].select(columns).slice(0, max(0, count)).to_pylist()
    if as_json:
        shown = {"table": entry.model_dump(mode="json"), "rows": rows}
        click.echo(json.dumps(shown, indent=1, default=str))
        return
    click.echo(f"{entry.title}: {entry.description}" if entry.description else entry.title)
    if entry.company:
        click.echo(f"About {entry.company}")
    body = [[c.name, c.title, c.role, c.type, c.unit, f"{c.scale:g}"] for c in entry.columns]
    _print_table("Columns", ["column", "title", "role", "type", "unit", "scale"], body)
    lines = [["" if row[c] is None else _shown(row[c]) for c in columns] for row in rows]
    _print_table(f"First {len(rows)} of {entry.rows} rows", columns, lines)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def _tell(as_json: bool, told: dict[str, Any]) -> None:
    if as_json:
        click.echo(json.dumps(told, indent=1))
        return
    for key, value in told.items():
        if isinstance(value, list):
            for item in value[:20]:
                click.echo(f"{key.rstrip('s')}: {item}")
            if len(value) > 20:
                click.echo(f"and {len(value) - 20} more {key}")
        else:
            click.echo(f"{key}: {value}")


def _print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(str(value) for value in row))
    Console().print(table)
