"""``finroute evals drift``."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evals.commands import Told
from specialists.registry import WEIGHTS

if TYPE_CHECKING:
    from evals.drift.advice import Report

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=Told)
@click.option("--state", "url", default="", help="The router's store; default: this user's own.")
@click.option("--since", type=click.DateTime(), help="Answers from this moment on (UTC).")
@click.option("--until", type=click.DateTime(), help="Answers before this moment (UTC).")
@click.option("--labels", multiple=True, type=_FILE, help="Audited samples, filled in.")
@click.option("--promised", type=_FILE, help="TOML of accuracies, where there is no record.")
@click.option("--baseline", type=_FILE, help="Rates of an earlier time in service.")
@click.option(
    "--write-baseline",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the rates of this time as a baseline, and stop.",
)
@click.option("--sample", type=click.IntRange(1), help="Draw so many parts to be judged, and stop.")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("audit.csv"),
    show_default=True,
    help="Where the sample is written.",
)
@click.option("--seed", default=0, show_default=True, help="Of the sample.")
@click.option("--alpha", default=0.05, show_default=True, help="Chance of ever demoting wrongly.")
@click.option(
    "--drop", default=10.0, show_default=True, help="Points that must not be lost unseen."
)
@click.option("--demote", is_flag=True, help="Write the demotions that are advised.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--weights",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=WEIGHTS,
    help="Folder of the weights; default: the project's own.",
)
def drift(
    url: str,
    since: datetime | None,
    until: datetime | None,
    labels: tuple[Path, ...],
    promised: Path | None,
    baseline: Path | None,
    write_baseline: Path | None,
    sample: int | None,
    to: Path,
    seed: int,
    alpha: float,
    drop: float,
    demote: bool,
    as_json: bool,
    weights: Path,
) -> None:
    """Whether specialists in service still do what their decision records say.

    Draw a sample with --sample, have a person fill in the column "right", and give it back with
    --labels; look as often as you like.
    """
    from evals.drift import audit, demotion, expected, live
    from evals.drift.advice import Watch, advise

    lived = live.read(url, since=_utc(since), until=_utc(until))
    marks: dict[audit.Key, bool] = {}
    for path in labels:
        marks |= audit.read(path)
    if write_baseline is not None:
        expected.baseline(lived).write(write_baseline)
        click.echo(f"wrote {write_baseline}: {len(lived)} parts of answers")
        return
    if sample is not None:
        drawn = audit.draw(lived, sample, seed=seed, labelled=marks)
        audit.write(drawn, to)
        click.echo(f"wrote {to}: {len(drawn)} parts of answers to be judged")
        return
    known = expected.Known(
        promises=expected.promises(weights, promised),
        baseline=None if baseline is None else expected.Baseline.read(baseline),
    )
    watch = Watch.parse({"alpha": alpha, "drop": drop / 100}, origin="--alpha and --drop")
    report = advise(lived, marks, known, watch)
    click.echo(report.model_dump_json(indent=2) if as_json else text(report))
    for each in report.advice:
        if demote and each.verdict == "demote":
            click.echo(f"wrote {demotion.demote(weights, each)}", err=as_json)


def text(report: Report) -> str:
    """The report in lines."""
    lines = [f"{report.parts} parts of answers in service"]
    for each in report.advice:
        lines.append(f"{each.specialist:12} {each.verdict}: {'; '.join(each.reasons)}")
    if report.shift is not None:
        moved = "has moved" if report.shift.moved else "has not moved"
        lines.append(
            f"the mix of jobs {moved}: index {report.shift.psi:.3f}, by chance up to "
            f"{report.shift.chance:.3f}"
        )
    if report.unpromised:
        lines.append(f"nothing is known of what to expect of {', '.join(report.unpromised)}")
    return "\n".join(lines)


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


COMMANDS = (drift,)
