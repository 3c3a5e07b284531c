"""The commands that calibrate, examine and report; nothing heavy is imported before one runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from specialists.foundation.errors import FinrouteError
from specialists.registry import TASKS, WEIGHTS

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README = HERE.parent / "README.md"
DOCS = HERE.parent / "docs"
DEV = HERE / "questions" / "dev.jsonl"

_WEIGHTS = click.option(
    "--weights",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=WEIGHTS,
    help="Folder of the weights; default: the project's own.",
)
_QUESTIONS = click.option(
    "--file",
    "questions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=DEV,
    help="JSON lines of questions with gold answers; default: the development questions.",
)
_RESULTS = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="Folder of the results.",
)
_DATA = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="FINROUTE_DATA",
    help="Folder of public data; without it the public sets are left out.",
)
_THREADS = click.option("--threads", default=1, show_default=True, help="Threads of the models.")


class Told(click.Command):
    """Errors raised on purpose are shown as one line, with their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except FinrouteError as error:
            click.echo(f"finroute evals: {error}", err=True)
            ctx.exit(error.exit_code)


@click.command(cls=Told)
@click.option("--job", "jobs", multiple=True, type=click.Choice([*TASKS]), help="Only these.")
@click.option("--count", default=500, show_default=True, help="Examples to fit a job on.")
@click.option("--checked", default=500, show_default=True, help="Examples to check it on.")
@click.option("--generated", default=240, show_default=True, help="Generated whole questions.")
@click.option("--answers/--no-answers", default=True, help="Learn when answers are given, too.")
@click.option("--again", is_flag=True, help="Jobs that are calibrated already, too.")
@_QUESTIONS
@_WEIGHTS
@_RESULTS
def calibrate(
    jobs: tuple[str, ...],
    count: int,
    checked: int,
    generated: int,
    answers: bool,
    again: bool,
    questions: Path,
    weights: Path,
    out: Path,
) -> None:
    """Make confidences probabilities, and learn when an answer is sure enough to be given."""
    from evals import calibrating, gold
    from specialists.foundation.records import CALIBRATION, Manifest
    from specialists.registry import MANIFEST
    from specialists.workspace import demo

    manifest = Manifest.read(weights / MANIFEST)
    for job in jobs or manifest.adapters:
        if not again and (weights / manifest.adapters[job].folder / CALIBRATION).is_file():
            click.echo(f"{job:12} is calibrated already")
            continue
        asyncio.run(
            calibrating.specialist(weights, job, count=count, checked=checked, say=click.echo)
        )
    if not answers:
        return
    asked = asyncio.run(
        calibrating.rehearse(
            weights, demo.build(), gold.read(questions), generated=generated, say=click.echo
        )
    )
    made = calibrating.assure(weights, asked, say=click.echo)
    out.mkdir(parents=True, exist_ok=True)
    calibrating.keep(out / "rehearsal.json", made, asked)


@click.command(cls=Told)
@click.option("--arm", "arms", multiple=True, help="Only these arms.")
@_QUESTIONS
@_WEIGHTS
@_RESULTS
@_THREADS
def sealed(arms: tuple[str, ...], questions: Path, weights: Path, out: Path, threads: int) -> None:
    """Put questions to the router and to what it must beat. Sealed ones: once a release."""
    from evals import examining
    from specialists.workspace import demo

    place = out / f"exam-{questions.stem}.json"

    def keep(report: examining.Report) -> None:
        out.mkdir(parents=True, exist_ok=True)
        place.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")

    report = asyncio.run(
        examining.examine(
            weights,
            demo.build(),
            questions,
            arms=arms or examining.ARMS,
            threads=threads,
            keep=keep,
            say=click.echo,
        )
    )
    for margin in report.margins:
        click.echo(f"over {margin.arm:12} {margin.difference:+.3f} (≥ {margin.low:+.3f}, "
                   f"p {margin.p:.2g})")  # fmt: skip
    click.echo(f"wrote {place}")


@click.command(cls=Told)
@click.option("--count", default=10_000, show_default=True, help="Items of each set, at most.")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="FINROUTE_DATA",
    required=True,
    help="Folder of public data.",
)
@click.option("--keep", is_flag=True, help="Write how votes are weighed beside the weights.")
@_WEIGHTS
@_RESULTS
@_THREADS
def sentfin(count: int, data: Path, keep: bool, weights: Path, out: Path, threads: int) -> None:
    """Real headlines: words alone, the language model, the second reader, both together."""
    from evals.sentfin import measure

    report = asyncio.run(
        measure(weights, data, count=count, threads=threads, say=click.echo, keep=keep)
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "sentfin.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")


@click.command(cls=Told)
@click.option("--only", multiple=True, help="Make only this record; may be given several times.")
@click.option("--again", is_flag=True, help="Make records anew that are of these weights.")
@click.option("--page-only", is_flag=True, help="Measure nothing; write the page.")
@click.option("--count", default=250, show_default=True, help="Questions of each held-out fold.")
@_DATA
@click.option(
    "--docs",
    type=click.Path(file_okay=False, path_type=Path),
    default=DOCS,
    help="Folder of the page.",
)
@_WEIGHTS
@_RESULTS
@_THREADS
def embedded(
    only: tuple[str, ...],
    again: bool,
    page_only: bool,
    count: int,
    data: Path | None,
    docs: Path,
    weights: Path,
    out: Path,
    threads: int,
) -> None:
    """Every measure of the embedded models, and the page that shows them."""
    from evals import embedded as pages
    from evals import measures

    if not page_only:
        place = measures.Place(weights, out, data, threads, count, click.echo)
        asyncio.run(measures.make(place, only, again=again))
    docs.mkdir(parents=True, exist_ok=True)
    text = pages.page(pages.read(weights, out), docs / "figures")
    (docs / "embedded-models.md").write_text(text, encoding="utf-8")
    click.echo(f"wrote {docs / 'embedded-models.md'}")


@click.command(cls=Told)
@click.option("--count", default=250, show_default=True, help="Questions of each held-out fold.")
@click.option("--controls", default=200, show_default=True, help="How many of them controls get.")
@click.option(
    "--public-count", default=500, show_default=True, help="Questions of each public set, at most."
)
@_DATA
@_WEIGHTS
@_RESULTS
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

    text = asyncio.run(run())
    if write_readme:
        table.embed(README, text)
    click.echo(f"\n{text}")


@click.command(cls=Told)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--count", default=150, show_default=True, help="Questions of each paper.")
@click.option("--page-only", is_flag=True, help="Ask nothing; write the page from the results.")
@_RESULTS
@click.option(
    "--docs",
    type=click.Path(file_okay=False, path_type=Path),
    default=DOCS,
    show_default=False,
    help="Folder of the page; default: the project's docs.",
)
@_THREADS
def study(folder: Path, count: int, page_only: bool, out: Path, docs: Path, threads: int) -> None:
    """Ask what a study's adapters in FOLDER learned, and write its page."""
    from evals import study as asking
    from evals import study_page
    from evals.machine import device
    from specialists.registry import task

    name = folder.name
    kept, episodes = out / "studies" / f"{name}.json", out / "studies" / f"{name}.jsonl.gz"
    if page_only:
        made, asked = asking.Made.read(kept), asking.read(episodes)
    else:
        there = asking.candidates(folder)
        made = asking.made(there, device(threads))
        job = task(made.specialist)
        work = asking.ask(there, episodes, task=job, count=count, threads=threads, say=click.echo)
        asked = asyncio.run(work)
        made.write(kept)
    words = HERE / "studies" / f"{name}.md"
    study_page.write(
        docs / f"{name}.md",
        study_page.page(
            name.replace("-", " ").capitalize(),
            asked,
            made,
            command=f"finroute evals study {folder}",
            words=words.read_text("utf-8") if words.exists() else "",
        ),
    )
    click.echo(f"wrote {docs / f'{name}.md'}")


COMMANDS = (accuracy, calibrate, sealed, sentfin, embedded, study)
