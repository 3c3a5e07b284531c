"""``finroute train``: run recipes, and make the tokenizer, the base and the adapters in service.
torch is imported when a command runs."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specialists.foundation.errors import ConfigError, FinrouteError
from specialists.weights import WEIGHTS
from training.tuning.commands import ls, run
from training.tuning.own_command import own
from training.tuning.study_command import study

if TYPE_CHECKING:
    from training.recipe import BaseRecipe
    from training.tuning.recipe import Recipe

RESULTS = Path(__file__).parent.parent / "evals" / "results"

_WORK = click.option(
    "--work",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/training"),
    show_default=True,
    help="Folder for corpus, tokens and checkpoints.",
)
_DATA = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="FINROUTE_DATA",
    help="Folder of public data. Without it only generated examples are used.",
)
_RECIPE = click.option(
    "--recipe",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another TOML file.",
)
_OUT = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=WEIGHTS,
    help="Folder of the weights; default: the project's own.",
)
_DRY = click.option("--dry-run", is_flag=True, help="Print the resolved recipe and stop.")
_RESUME = click.option(
    "--resume", is_flag=True, help="Go on from the last checkpoint in the work folder."
)
_OVERRIDES = click.argument("overrides", nargs=-1, metavar="[KEY.SUB=VALUE]...")


class _Group(click.Group):
    """Errors raised on purpose are shown as one line, with their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FinrouteError as error:
            click.echo(f"finroute train: {error}", err=True)
            ctx.exit(error.exit_code)


@click.group(cls=_Group, name="train")
def main() -> None:
    """Make adapters by recipes (`ls`, `run`), or the weights in service again (`release`)."""


main.add_command(run)
main.add_command(ls)
main.add_command(own)
main.add_command(study)


@main.command()
@_WORK
@_DATA
@_RECIPE
@_DRY
@_OVERRIDES
def corpus(
    work: Path, data: Path | None, recipe: Path | None, dry_run: bool, overrides: tuple[str, ...]
) -> None:
    """Make dialogues, tokenizer and tokens, without training."""
    from training.recipe import base as read_recipe

    made = read_recipe(recipe, overrides)
    if dry_run:
        click.echo(made.model_dump_json(indent=2))
        return
    from training import base

    base.prepare(made, work, data, click.echo)


@main.command()
@_WORK
@_DATA
@_RECIPE
@_OUT
@_DRY
@_RESUME
@_OVERRIDES
def pretrain(
    work: Path,
    data: Path | None,
    recipe: Path | None,
    out: Path,
    dry_run: bool,
    resume: bool,
    overrides: tuple[str, ...],
) -> None:
    """Make the base model from nothing (corpus and tokenizer first, where they are missing)."""
    from training.recipe import base as read_recipe

    made = read_recipe(recipe, overrides)
    if dry_run:
        click.echo(made.model_dump_json(indent=2))
        return
    from training.allocator import keep_memory

    keep_memory()
    _pretrain(made, work, data, out, resume, _command("pretrain", *overrides))


def _pretrain(
    recipe: BaseRecipe, work: Path, data: Path | None, out: Path, resume: bool, command: str
) -> None:
    from training import base, grow

    if recipe.grown_from and grow.source(recipe.grown_from).resolve() == (out / "base").resolve():
        raise ConfigError("--out: the base would be written over the one it is grown from")
    if not resume:
        base.prepare(recipe, work, data, click.echo)
    done = base.learn(recipe, work, data, resume=resume, say=click.echo)
    if done is None:
        click.echo("interrupted; go on with --resume", err=True)
        sys.exit(130)
    base.publish(done, recipe, work, data, out, command=command)
    click.echo(f"wrote {out / 'base'}")


@main.command()
@click.argument("job")
@_WORK
@_DATA
@_RECIPE
@_OUT
@_DRY
@_RESUME
@_OVERRIDES
def sft(
    job: str,
    work: Path,
    data: Path | None,
    recipe: Path | None,
    out: Path,
    dry_run: bool,
    resume: bool,
    overrides: tuple[str, ...],
) -> None:
    """Make one job's adapter over the base in service, by supervised learning."""
    from training.recipe import adapter as read_recipe

    made = read_recipe(job, recipe, overrides)
    if dry_run:
        click.echo(made.model_dump_json(indent=2))
        return
    from training.allocator import keep_memory

    keep_memory()
    _sft(made, work, data, out, resume, _command("sft", job, *overrides))


def _sft(
    recipe: Recipe, work: Path, data: Path | None, out: Path, resume: bool, command: str
) -> None:
    from training import adapter

    made = adapter.make(recipe, work, data, out, command=command, resume=resume, say=click.echo)
    if made is None:
        click.echo("interrupted; go on with --resume", err=True)
        sys.exit(130)
    click.echo(f"wrote {out / recipe.specialist}")


@main.command()
@_DATA
@_RECIPE
@_OUT
@_DRY
@_OVERRIDES
def headlines(
    data: Path | None, recipe: Path | None, out: Path, dry_run: bool, overrides: tuple[str, ...]
) -> None:
    """Fine-tune the sentence encoder as the second reader of headlines."""
    from training.recipe import headlines as read_recipe

    made = read_recipe(recipe, overrides)
    if dry_run:
        click.echo(made.model_dump_json(indent=2))
        return
    from training.allocator import keep_memory

    keep_memory()
    from training.headlines import FOLDER, train

    command = _command("headlines", *overrides)
    train(data, out / FOLDER, recipe=made, say=click.echo, command=command)


@main.command()
@_DATA
@_OUT
def programs(data: Path | None, out: Path) -> None:
    """Make the ranker of arithmetic programs from public questions and answers."""
    from training import programs as ranker

    ranker.train(_needed(data), _fresh(out / "programs"), click.echo)


@main.command()
@_DATA
@_OUT
@_OVERRIDES
def biencoder(data: Path | None, out: Path, overrides: tuple[str, ...]) -> None:
    """Make the base an encoder that brings questions near their evidence."""
    from training.allocator import keep_memory

    keep_memory()
    from training import biencoder as encoder

    recipe = encoder.read_recipe(None, overrides)
    encoder.train(
        out / "base", _needed(data), _fresh(out / "biencoder"), recipe=recipe, say=click.echo
    )


@main.command()
@_OUT
@click.option("--examples", default=6000, show_default=True, help="Examples they are drawn from.")
def cases(out: Path, examples: int) -> None:
    """Make the built-in library of worked cases, and fit what reads it."""
    from specialists.cases import shelf
    from specialists.engines import encoder

    made = shelf.make(_fresh(out / "cases"), encoder=encoder.load(), examples=examples)
    click.echo(f"cases: {made.cases} of {made.examples} examples")


@main.command()
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="Work folder of the base, with dialogues and tokenizer.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@_OVERRIDES
def curves(corpus: Path, out: Path, overrides: tuple[str, ...]) -> None:
    """Learning curves: small models from nothing, by frames and by parameters."""
    from training.allocator import keep_memory

    keep_memory()
    from training import curves as runs

    runs.make(runs.CurvesRecipe.load(None, overrides), corpus, out, click.echo)


def _fresh(folder: Path) -> Path:
    """The folder, empty."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def _needed(data: Path | None) -> Path:
    if data is None:
        raise ConfigError("this is learned from public data: give its folder with --data")
    return data


@main.command()
@_WORK
@_DATA
@_OUT
@click.option("--quick", is_flag=True, help="A tiny model and little data, in minutes.")
@click.option("--threads", default=1, show_default=True, help="Threads of the models.")
@click.option("--parallel", default=1, show_default=True, help="Stages at a time.")
@click.option("--only", metavar="STAGE", multiple=True, help="Run this stage alone.")
@click.option("--until", metavar="STAGE", help="Stop after this stage.")
@click.option("--again", metavar="STAGE", multiple=True, help="Run a stage although it is done.")
def release(
    work: Path,
    data: Path | None,
    out: Path,
    quick: bool,
    threads: int,
    parallel: int,
    only: tuple[str, ...],
    until: str | None,
    again: tuple[str, ...],
) -> None:
    """Make the base, the adapters, their calibration and the tables. Hours; goes on if stopped."""
    from training.release import Release
    from training.stages import stages

    if quick and out == WEIGHTS:
        raise ConfigError("--quick makes weights that are worth nothing: give it another --out")
    if data is None:
        click.echo("no --data: what is learned from public data is left out")
    results = work / "results" if quick else RESULTS
    listed = stages(quick=quick, threads=threads, data=data is not None)
    Release(listed, work, out, results=results, say=click.echo).run(
        only=only, until=until, again=again, parallel=parallel
    )


def _command(*words: str) -> str:
    """The command line that makes it again; folders are the reader's own affair."""
    return shlex.join(["finroute", "train", *words])


if __name__ == "__main__":
    main()
