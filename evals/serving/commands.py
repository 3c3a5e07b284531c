"""``finroute evals latency``, ``portfolio``, ``breakeven`` and ``bench-serve``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from evals.commands import DEV, DOCS, RESULTS, Told
from specialists.foundation.records import RunRecord
from specialists.registry import WEIGHTS

_FILE = "latency.json"
_RESULTS = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="Folder of the results.",
)
_WEIGHTS = click.option(
    "--weights",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=WEIGHTS,
    help="Folder of the weights; default: the project's own.",
)


@click.command(cls=Told)
@click.option(
    "--config",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML of what is measured, under which load, at which prices.",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
@click.option("--dry-run", is_flag=True, help="Print the settings and stop.")
@click.option("--page-only", is_flag=True, help="Measure nothing; write the page.")
@click.option(
    "--file",
    "questions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DEV,
    help="JSON lines of questions with gold answers; default: the development questions.",
)
@click.option(
    "--docs", type=click.Path(file_okay=False, path_type=Path), default=DOCS,
    help="Folder of the page.",
)  # fmt: skip
@_WEIGHTS
@_RESULTS
def latency(
    source: Path | None,
    overrides: tuple[str, ...],
    dry_run: bool,
    page_only: bool,
    questions: Path,
    docs: Path,
    weights: Path,
    out: Path,
) -> None:
    """Time and money of an answer: one specialist, the large model alone, the routed system."""
    from evals.serving import latency as measuring
    from evals.serving import page as pages
    from evals.serving.settings import Serving

    settings = Serving.load(source, overrides)
    if dry_run:
        click.echo(settings.model_dump_json(indent=2))
        return
    if not page_only:
        from specialists.workspace import demo

        work = measuring.measure(weights, demo.build(), questions, settings, say=click.echo)
        made = asyncio.run(work)
        out.mkdir(parents=True, exist_ok=True)
        made.write(out / _FILE)
    made = measuring.Latency.read(out / _FILE)
    docs.mkdir(parents=True, exist_ok=True)
    place = docs / "latency-and-cost.md"
    place.write_text(pages.page(made, _runs(weights)), encoding="utf-8")
    click.echo(f"wrote {place}")


@click.command(cls=Told)
@click.option("--usd", type=float, help="Dollars for a thousand questions, at most.")
@click.option("--p95", type=float, help="Seconds that 95 % of questions may take, at most.")
@click.option("--memory", type=int, help="Bytes of models and adapters, at most.")
@_RESULTS
def portfolio(usd: float | None, p95: float | None, memory: int | None, out: Path) -> None:
    """Which specialists are worth having, under a budget, by what `latency` measured."""
    from evals.serving import page, portfolio
    from evals.serving.latency import Latency
    from specialists.foundation.errors import InputError

    made = Latency.read(out / _FILE)
    traffic = page.seen(made)
    if traffic is None or not made.jobs:
        raise InputError("no job was measured: run `finroute evals latency` with examples")
    limits = portfolio.Limits(usd_per_1000=usd, p95_s=p95, memory_bytes=memory)
    found = portfolio.best(page.choices_of(made), traffic, limits)
    if found.portfolio is None:
        click.echo("nothing keeps this budget, not even doing nothing")
        return
    click.echo(found.model_dump_json(indent=2))


@click.command(cls=Told)
@click.argument("case", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def breakeven(case: Path) -> None:
    """From how many questions on a specialist pays for its training: the CASE in TOML."""
    from evals.serving import breakeven as asked

    found = asked.breakeven(asked.load(case))
    click.echo(str(found))
    click.echo(found.model_dump_json(indent=2))


@click.command(name="bench-serve", cls=Told)
@click.argument("job")
@click.option(
    "--config",
    "source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML of the run: server, model, adapter, load, objective.",
)
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Override a setting.")
@click.option("--count", default=200, show_default=True, help="Questions.")
@click.option(
    "--result",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A result that is there already: run nothing, read it.",
)
@click.option("--dry-run", is_flag=True, help="Write the questions, print the command and stop.")
@_RESULTS
def bench_serve(
    job: str,
    source: Path | None,
    overrides: tuple[str, ...],
    count: int,
    result: Path | None,
    dry_run: bool,
    out: Path,
) -> None:
    """vLLM's own benchmark on the questions of JOB, its result in our form."""
    import shlex

    from evals.serving import bench_serve as bench
    from evals.serving.jobs import SEED
    from specialists.registry import task

    settings = bench.Bench.load(source, overrides)
    if result is not None:
        click.echo(bench.read(result, settings).model_dump_json(indent=1))
        return
    folder = out / "bench-serve"
    folder.mkdir(parents=True, exist_ok=True)
    dialogues = [e.dialogue[:2] for e in task(job).examples("companies", count, SEED)]
    dataset = folder / f"{job}.jsonl"
    bench.prompts(dialogues, bench.renderer(settings), dataset)
    place = folder / f"{job}-{settings.arrivals.kind}-{settings.arrivals.level:g}.json"
    if dry_run:
        click.echo(shlex.join(bench.command(settings, dataset, count, place)))
        return
    click.echo(bench.run(settings, dataset, count, place).model_dump_json(indent=1))


def _runs(weights: Path) -> dict[str, list[RunRecord]]:
    from specialists.foundation.records import RUN, Manifest
    from specialists.registry import MANIFEST

    adapters = Manifest.read(weights / MANIFEST).adapters
    return {job: [RunRecord.read(weights / a.folder / RUN)] for job, a in adapters.items()}


COMMANDS = (latency, portfolio, breakeven, bench_serve)
