"""``finroute evals``: judge the specialists. Models are loaded when a command runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from evals.asking import ask
from evals.commands import COMMANDS
from specialists.foundation.errors import FinrouteError
from specialists.registry import WEIGHTS

RESULTS = Path(__file__).with_name("results")
README = Path(__file__).parent.parent / "README.md"


@click.group(name="evals")
def main() -> None:
    """Judge the specialists: how often they are right, how fast, and beside what."""


for command in (ask, *COMMANDS):
    main.add_command(command)


@main.command()
@click.option("--count", default=250, show_default=True, help="Questions of each held-out fold.")
@click.option("--controls", default=200, show_default=True, help="How many of them controls get.")
@click.option(
    "--public-count", default=500, show_default=True, help="Questions of each public set, at most."
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="FINROUTE_DATA",
    help="Folder of public data; without it the public sets are left out.",
)
@click.option(
    "--weights",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=WEIGHTS,
    help="Folder of the weights; default: the project's own.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="Folder for accuracy.json and accuracy.md.",
)
@click.option("--threads", default=2, show_default=True, help="Threads of the models.")
@click.option("--write-readme", is_flag=True, help="Put the table into the README.")
def accuracy(
    count: int,
    controls: int,
    public_count: int,
    data: Path | None,
    weights: Path,
    out: Path,
    threads: int,
    write_readme: bool,
) -> None:
    """Accuracy of each specialist on what it was not trained on, beside its controls."""
    from evals import table
    from evals.accuracy import measure
    from evals.arms import Arms
    from evals.machine import device, now

    async def run() -> str:
        arms = Arms.open(weights, threads=threads)
        try:
            report = await measure(
                arms,
                count=count,
                controls=controls,
                data=data,
                public_count=public_count,
                started=now(),
                device=device(threads),
                say=click.echo,
            )
        finally:
            await arms.aclose()
        text = table.markdown(report)
        out.mkdir(parents=True, exist_ok=True)
        (out / "accuracy.json").write_text(report.model_dump_json(indent=2) + "\n", "utf-8")
        (out / "accuracy.md").write_text(text + "\n", "utf-8")
        return text

    try:
        text = asyncio.run(run())
        if write_readme:
            table.embed(README, text)
    except FinrouteError as error:
        click.echo(f"finroute evals: {error}", err=True)
        raise SystemExit(error.exit_code) from error
    click.echo(f"\n{text}")


if __name__ == "__main__":
    main()
