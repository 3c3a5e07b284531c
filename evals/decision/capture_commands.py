"""``finroute evals run`` and ``screen``: samples are taken; nothing is decided by either."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from evals.commands import Told

HOME = Path("runs/decisions")
"""Where a decision's samples are kept, by the design's name."""
T = TypeVar("T")

_HOME = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder of the decision; default: {HOME}/<name of the design>.",
)
_QUICK = click.option("--quick", is_flag=True, help="In minutes; it decides nothing.")
_RUNS = click.option(
    "--runs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the study's training runs; default: where training leaves them.",
)
_AT_ONCE = click.option(
    "--concurrency", default=32, show_default=True, help="Dialogues under way at once."
)
_THREADS = click.option("--threads", default=1, show_default=True, help="Threads of the models.")
_DEVICE = click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
_DTYPE = click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of in-process models.",
)


@click.command(cls=Told)
@click.argument("design", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
@_QUICK
@_HOME
@_RUNS
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="FINROUTE_DATA",
    help="Folder of public data, where a paper is public.",
)
@click.option("--arm", "arms", multiple=True, help="Only these arms.")
@click.option("--retry-failed", is_flag=True, help="Take samples again that could not be judged.")
@click.option(
    "--on",
    type=click.Choice(["here", "ray"]),
    default="here",
    show_default=True,
    help="ray: on the cluster that RAY_ADDRESS names.",
)
@_AT_ONCE
@_THREADS
@_DEVICE
@_DTYPE
def run(
    design: Path,
    overrides: tuple[str, ...],
    quick: bool,
    home: Path | None,
    runs: Path | None,
    data: Path | None,
    arms: tuple[str, ...],
    retry_failed: bool,
    on: str,
    concurrency: int,
    threads: int,
    device: str,
    dtype: str,
) -> None:
    """Take the samples of DESIGN, a file or the name of one of the project's.

    It can be stopped and goes on where it was. OVERRIDES are ``dotted.key=value``; they are part of
    the design.
    """
    from evals.decision.capture import capture
    from evals.decision.design import load
    from evals.decision.hands import Machine

    registered = load(design, overrides, quick=quick)
    place = home or home_of(registered.name, quick=quick)

    async def work() -> None:
        samples = await capture(
            registered,
            place,
            data=data,
            concurrency=concurrency,
            on=on,
            only=arms,
            retry_failed=retry_failed,
            say=click.echo,
            runs=runs,
            machine=Machine(threads, device, dtype),
        )
        samples.close()

    stoppable(work)
    click.echo(f"the samples are in {place}")


@click.command(cls=Told)
@click.argument("design", type=click.Path(path_type=Path))
@click.argument("overrides", nargs=-1)
@_QUICK
@_HOME
@_RUNS
@click.option("--teacher", default="", help="An arm that would teach the start.")
@click.option("--count", default=100, show_default=True, help="Development questions.")
@click.option("--samples", default=8, show_default=True, help="Replies to each.")
@_AT_ONCE
@_THREADS
@_DEVICE
@_DTYPE
def screen(
    design: Path,
    overrides: tuple[str, ...],
    quick: bool,
    home: Path | None,
    runs: Path | None,
    teacher: str,
    count: int,
    samples: int,
    concurrency: int,
    threads: int,
    device: str,
    dtype: str,
) -> None:
    """Whether DESIGN's start has something to learn, and by which way: advice before training."""
    from evals.decision import screen as screening
    from evals.decision.design import load
    from evals.decision.hands import Machine

    registered = load(design, overrides, quick=quick)
    place = home or home_of(registered.name, quick=quick)

    async def work() -> screening.Screened:
        return await screening.screen(
            registered,
            place,
            teacher=teacher,
            count=count,
            samples=samples,
            concurrency=concurrency,
            machine=Machine(threads, device, dtype),
            runs=runs,
            say=click.echo,
        )

    found = stoppable(work)
    click.echo(f"{found.arm} on {found.questions} development questions, {found.samples} each:")
    click.echo(f"  right once          {found.right} %")
    click.echo(f"  no answer           {found.unparsed} %")
    click.echo(f"  mixed outcomes      {found.mixed} % of the questions")
    click.echo(f"  right in any try    {found.lift} points more")
    if found.gain is not None:
        click.echo(f"  {found.teacher} over it     {found.gain} points")
    for line in found.advice or ("nothing speaks against trying every way",):
        click.echo(f"- {line}")


def home_of(name: str, *, quick: bool = False) -> Path:
    """The folder of a decision."""
    return HOME / (f"{name}-quick" if quick else name)


def stoppable(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Do it; Ctrl-C ends it in order, with what is there kept.

    Raises:
        click.exceptions.Exit: it was stopped; exit code 130.
    """
    try:
        return asyncio.run(work())
    except KeyboardInterrupt:
        click.echo("stopped; the same command goes on from here", err=True)
        raise click.exceptions.Exit(130) from None


COMMANDS = (run, screen)
