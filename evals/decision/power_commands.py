"""``finroute evals power`` and ``prove``: what a design can find, and whether the rule keeps its
promises. Nothing heavy is imported before one runs.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from evals.commands import DOCS, RESULTS, Told

RECORD = "method.json"
PAGE = "method-proof.md"
WORDS = Path(__file__).parent / "proof.md"


@click.command(cls=Told)
@click.argument("design", type=click.Path(path_type=Path))
@click.option("--simulations", default=1000, show_default=True, help="Of each gain.")
@click.option("--gain", "gains", multiple=True, type=float, help="A true gain, in points.")
@click.option("--start", default=45.0, show_default=True, help="The start's accuracy, per cent.")
@click.option("--run-sd", default=0.85, show_default=True, help="Of one arm's accuracy, points.")
@click.option("--company-sd", default=4.0, show_default=True, help="Of the gain, points.")
@click.option("--template-sd", default=5.0, show_default=True, help="Of the gain, points.")
@click.option("--question-sd", default=10.0, show_default=True, help="Of the gain, points.")
@click.option("--companies", type=int, help="Of the test; default: the least that may decide.")
@click.option("--templates", default=30, show_default=True, help="Of the test.")
@click.option("--needed/--no-needed", default=False, help="Search sizes that would be enough.")
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path), help="Also here.")
@click.option("--set", "overrides", multiple=True, help="`key=value` laid over the design.")
def power(
    design: Path,
    simulations: int,
    gains: tuple[float, ...],
    start: float,
    run_sd: float,
    company_sd: float,
    template_sd: float,
    question_sd: float,
    companies: int | None,
    templates: int,
    needed: bool,
    seed: int,
    out: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """What DESIGN, a file or a name, can find: the whole rule's power, before anything is spent.

    Told for the sizes that the design plans and for the least that may decide, at no gain, at δ,
    at the aim and at 8 points. What is not known before, how much runs, companies, templates and
    questions differ, is told by the options; screen or an earlier record has figures.
    """
    from dataclasses import replace

    from evals.decision import power as powers
    from evals.decision.design import load
    from evals.decision.scenario import Scenario

    asked = load(design, overrides).design
    truth = Scenario(
        runs={},
        start=start,
        run_sd=run_sd,
        company_sd=company_sd,
        template_sd=template_sd,
        question_sd=question_sd,
        templates=templates,
    )
    sizes = [powers.planned(asked), powers.least(asked)]
    if companies is not None:
        sizes[0] = replace(sizes[0], companies=companies)
    at = gains or powers.gains(asked)
    rows: list[powers.Row] = []
    line = "{:<52} {:<16} {:>5}  {:>15}  {:>15}  {:>15}  {:>5}"
    click.echo(
        line.format("sizes", "candidate", "gain", "adopted", "falsely", "insufficient", "saved")
    )
    for size in sizes:
        for row in powers.of_design(asked, truth, size, at, simulations=simulations, seed=seed):
            shares = (str(row.power), str(row.false), str(row.insufficient))
            told = line.format(
                row.sizes, row.candidate, f"{row.gain:+g}", *shares, f"{row.saved:.0%}"
            )
            click.echo(told)
            rows.append(row)
    click.echo(
        f"by the formula, runs and clusters aside: {powers.by_formula(asked, truth)} questions for "
        f"{asked.rule.aim:g} points"
    )
    enough: dict[str, list[str]] = {}
    if needed:
        for arm in dict.fromkeys(row.candidate for row in rows):
            ways = powers.needed(asked, truth, sizes[0], arm, seed=seed)
            enough[arm] = [str(way) for way in ways]
            told = ", or ".join(enough[arm]) or "nothing up to 20 runs or fourfold questions"
            click.echo(f"{arm}: for {asked.rule.power:.0%} at {asked.rule.aim:g} points: {told}")
    if out is not None:
        told = {"rows": [row.model_dump(mode="json") for row in rows], "needed": enough}
        out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


@click.command(cls=Told)
@click.option("--full", is_flag=True, help="Every cell, 2,000 simulations each: 20 to 30 minutes.")
@click.option("--simulations", type=click.IntRange(2), help="Of each cell.")
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes.")
@click.option("--page-only", is_flag=True, help="Simulate nothing; write the page.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the results; default: the project's own with --full, else none.",
)
@click.option(
    "--docs",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the page; default: as --out.",
)
@click.pass_context
def prove(
    ctx: click.Context,
    full: bool,
    simulations: int | None,
    seed: int,
    workers: int,
    page_only: bool,
    out: Path | None,
    docs: Path | None,
) -> None:
    """Whether the whole decision rule keeps its promises, by simulation: false adoption, power,
    coverage, and what looks save; beside them the naive pooled test.

    The short form takes a minute and writes nothing unless told where. Exit code 1: a promise is
    missed by more than Monte-Carlo error.
    """
    from evals.decision import proof, proof_page

    if full or page_only:
        out, docs = out or RESULTS, docs or DOCS
    if page_only:
        assert out is not None
        made = proof.Proof.read(out / RECORD)
    else:
        made = proof.prove(
            proof.cells(full=full),
            simulations=simulations or (proof.FULL if full else proof.SHORT),
            seed=seed,
            workers=workers,
            say=click.echo,
        )
        if out is not None:
            made.write(out / RECORD)
            click.echo(f"wrote {out / RECORD}")
    if docs is not None:
        words = WORDS.read_text("utf-8") if WORDS.exists() else ""
        docs.mkdir(parents=True, exist_ok=True)
        (docs / PAGE).write_text(proof_page.page(made, words=words), encoding="utf-8")
        click.echo(f"wrote {docs / PAGE}")
    for bound in made.bounds:
        click.echo(f"{bound.state:12} {bound.promise}; worst: {bound.worst}")
    if any(bound.state == "missed" for bound in made.bounds):
        ctx.exit(1)


COMMANDS = (power, prove)
