"""``finroute train study``: make all adapters of a study."""

from __future__ import annotations

from pathlib import Path

import click

from training.tuning.commands import RUNS, assignments


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the adapters. Default: runs/studies/NAME.",
)
@click.option("--seeds", type=click.IntRange(1), help="Runs of each arm. Default: the study's.")
@click.option("--parallel", type=click.IntRange(1), default=1, show_default=True, help="At a time.")
@click.option("--only", metavar="ARM", multiple=True, help="Make this arm alone.")
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, metavar="[--KEY.SUB VALUE]...")
def study(
    name: str,
    out: Path | None,
    seeds: int | None,
    parallel: int,
    only: tuple[str, ...],
    overrides: tuple[str, ...],
) -> None:
    """Run every recipe of a study under several seeds; what was made already is left as it is."""
    from training.tuning import study as studies

    home = out or RUNS / "studies" / Path(name).name
    studies.run(
        name,
        home,
        seeds=seeds or 0,
        parallel=parallel,
        only=only,
        overrides=assignments(overrides),
        say=click.echo,
    )
    click.echo(f"made {home}; test them with `finroute evals study {home}`")
