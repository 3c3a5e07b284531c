"""``finroute train own``: a file of inputs and answers makes a recipe.

The file is read and checked in full; what its annotators agree on is told; the recipe is written
beside it. Nothing is learned yet.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specialists.foundation.errors import ConfigError
from training.tuning.recipe import FOLDER, Recipe, load

if TYPE_CHECKING:
    from training.tuning.own import Own

PASSES = 3
"""Over data of one's own, which is seldom much."""


def _stems(layer: str) -> list[str]:
    return sorted(path.stem for path in (FOLDER / layer).glob("*.toml"))


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--specialist", type=click.Choice(_stems("specialists")), required=True, help="The job."
)
@click.option(
    "--method",
    type=click.Choice(_stems("methods")),
    default="sft",
    show_default=True,
    help="How the adapter is to learn.",
)
@click.option(
    "--base",
    type=click.Choice(_stems("bases")),
    default="embedded",
    show_default=True,
    help="The model under it.",
)
@click.option(
    "--workspace",
    default="",
    metavar="NAME",
    help="Name or folder of the workspace the questions are about (table_qa, planning).",
)
@click.option("--licence", default="", help="Of the data, for the run's record.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The recipe; default: beside the file, with .toml for its ending.",
)
@click.option("--again", is_flag=True, help="Write over a recipe that is there.")
@click.option("--columns", is_flag=True, help="Tell the job's columns and stop.")
def own(
    file: Path | None,
    specialist: str,
    method: str,
    base: str,
    workspace: str,
    licence: str,
    out: Path | None,
    again: bool,
    columns: bool,
) -> None:
    """Make a recipe of your own data: a CSV or JSONL FILE of inputs and answers.

    All that is wrong with the file is told, by line and column. Several annotators' answers come in
    rows with the same id, or in columns answer_1, answer_2 …; their agreement is told.
    """
    from training import jobs
    from training.tuning import own as reading

    if columns:
        click.echo("\n".join(_columns(reading.format_of(specialist), reading.COMMON)))
        return
    if file is None:
        raise click.UsageError("a FILE is wanted; --columns tells what it may hold")
    out = out or file.with_suffix(".toml")
    if out.exists() and not again:
        raise ConfigError(f"{out} is there already; --again writes over it, --out names another")
    task = jobs.task(specialist)
    found = reading.examples(task, file, workspace, licence=licence)
    text = _recipe(f"{specialist}/{method}/{base}", file, out, workspace, licence, found)
    partial = out.with_name(f".{out.stem}.partial.toml")
    partial.write_text(text, encoding="utf-8")
    try:
        lines = list(_told(load(partial), found))
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
    click.echo("\n".join(lines))
    run = shlex.join(["finroute", "train", "run", str(out)])
    click.echo(f"wrote {out}; run it with\n  {run}")


def _recipe(name: str, file: Path, out: Path, workspace: str, licence: str, found: Own) -> str:
    """The recipe: the named one, on this data."""
    beside = os.path.relpath(file.resolve(), out.resolve().parent)
    lines = [
        f"extends = {_text(name)}",
        f"about = {_text(f'on data of our own: {file.name}')}",
        "[data]",
        f"file = {_text(Path(beside).as_posix())}",
    ]
    if workspace:
        lines.append(f"workspace = {_text(workspace)}")
    if licence:
        lines.append(f"licence = {_text(licence)}")
    lines += [
        f"count = {len(found.examples)}",
        "public = 0.0",
        "[learning]",
        f"epochs = {float(PASSES)}",
        "",
    ]
    return "\n".join(lines)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON's strings are TOML's as well


def _told(made: Recipe, found: Own) -> Iterator[str]:
    """What was found, in lines.

    Raises:
        ConfigError: nothing would be learned from.
        InputError: gold that cannot be shown in the form that the base is served in.
    """
    from training.tuning.data import held

    about = found.about
    watched = [e for e in found.examples if held(e, made.data.held)]
    learned = len(found.examples) - len(watched)
    companies = len({e.company for e in found.examples if e.company})
    yield (
        f"{about['file']}: {about['rows']:,} rows, {about['questions']:,} questions, "
        f"{about['examples']:,} examples of {companies:,} companies or groups: {learned:,} to "
        f"learn from, {len(watched):,} of others to watch"
    )
    yield from _agreed(about)
    if about.get("without_dialogue"):
        yield (
            f"{about['without_dialogue']:,} have an answer and no dialogue that is known to come "
            "to it: sft leaves them out; self_sft, distill and grpo learn from them too"
        )
    if not learned:
        raise ConfigError(
            "nothing would be learned from: all rows are of companies kept for watching; give rows "
            "of more companies, or set data.held=0"
        )
    if not watched:
        yield (
            "no company is kept for watching: nothing will be measured while learning; give rows "
            "of more companies, or a column group"
        )
    if made.method == "sft":
        yield from _shown(made, found)


def _shown(made: Recipe, found: Own) -> Iterator[str]:
    """Prove the gold in the base's form; what is left out, in lines."""
    import asyncio

    from training.tuning import data, demonstrated

    said: list[str] = []
    asyncio.run(demonstrated.gold(data.task(made), found.examples, said.append, made.base.form))
    yield from said


def _agreed(about: dict[str, Any]) -> Iterator[str]:
    """The annotators' agreement, and what was left out for want of it."""
    agreement = about.get("agreement")
    if agreement is None:
        return
    share = agreement["agree"]
    measured = "" if share is None else f": {share:.0%} of pairs of answers are the same"
    for key, name in (("kappa", "Cohen's kappa"), ("alpha", "Krippendorff's alpha")):
        if key in agreement:
            value = agreement[key]
            measured += f", {name} " + ("not defined" if value is None else f"{value:.2f}")
    yield (
        f"agreement of {agreement['annotators']} annotators on {agreement['questions']:,} "
        f"questions{measured}"
    )
    if about["left_out"]:
        yield (
            f"left out, no answer given by more than half: {about['left_out']:,} "
            f"({'; '.join(about['not_agreed'])})"
        )


def _columns(form: Any, common: Any) -> Iterator[str]:
    """The columns of a job's file, in lines."""
    wide = max(len(column.name) for column in (*form.COLUMNS, *common))
    for column in (*form.COLUMNS, *common):
        marks = [m for m, yes in (("needed", column.required), ("answer", column.answer)) if yes]
        kind = " | ".join(column.choices) or column.kind
        told = f" [{', '.join([kind, *marks])}]"
        yield f"{column.name:{wide}}  {column.about}{told}"
    if form.WORKSPACE:
        yield "The questions are about a workspace: --workspace."
