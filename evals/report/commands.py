"""``finroute evals report`` and ``compare``: decisions as pages. Nothing heavy is imported before
one runs.
"""

from __future__ import annotations

from pathlib import Path

import click

from evals.commands import Told

_RECORD = click.Path(exists=True, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(cls=Told)
@click.argument("record", type=_RECORD)
@click.option(
    "--samples",
    type=_FOLDER,
    help="Folder of the exported samples; default: `samples` beside the record, where it is.",
)
@click.option(
    "--adapter",
    type=_FOLDER,
    help="Folder of the adapter, for the pack; default: the record's own, where it has run.json.",
)
@click.option("--model-risk", is_flag=True, help="The pack for model-risk reviewers instead.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of what is written; default: the record's own.",
)
def report(
    record: Path, samples: Path | None, adapter: Path | None, model_risk: bool, out: Path | None
) -> None:
    """Write the page of RECORD, a decision.json or the folder it is in.

    The record's id and signatures are held against its content first; whether its keys are trusted
    is `verify`'s question.
    """
    from evals.report import reading

    path = reading.place(record)
    told = reading.record(path)
    folder = out or path.parent
    folder.mkdir(parents=True, exist_ok=True)
    beside = samples or path.parent / "samples"
    if model_risk:
        from evals.report import model_risk as packs

        run, card = reading.adapter(adapter or path.parent, told, needed=adapter is not None)
        made = packs.pack(told, run=run, card=card)
        written = {"model-risk.md": packs.markdown(made), "model-risk.html": packs.html(made)}
        click.echo(f"{len(made.blanks)} things are left blank for people to fill in")
    else:
        from evals.report.page import page

        seen = reading.seen_of(beside, told) if samples or beside.is_dir() else None
        written = {"decision.html": page(told, seen)}
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"wrote {folder / name}")


@click.command(cls=Told)
@click.argument("records", nargs=-1, required=True, type=_RECORD)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page there, too.",
)
def compare(records: tuple[Path, ...], html: Path | None) -> None:
    """Put RECORDS side by side: verdicts, gains, costs. Each a decision.json or its folder."""
    from evals.report import compare as comparing
    from evals.report import reading

    told = [reading.record(reading.place(each)) for each in records]
    click.echo(comparing.text(told), nl=False)
    if html is not None:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(comparing.page(told), encoding="utf-8", newline="\n")
        click.echo(f"wrote {html}")


COMMANDS = (report, compare)
