"""``finroute evals design``, ``decide``, ``replay``: nothing heavy is imported before one runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evals.commands import RESULTS, Told
from evals.decision.capture_commands import home_of, stoppable

if TYPE_CHECKING:
    from evals.decision.design import Registered
    from specialists.foundation.decisions import DecisionRecord

DECISIONS = RESULTS.parent / "decisions"
"""The project's own: record, page and samples of each design."""
_DESIGN = click.argument("design", type=click.Path(path_type=Path))
_OVERRIDES = click.argument("overrides", nargs=-1)
_QUICK = click.option("--quick", is_flag=True, help="In minutes; it decides nothing.")
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(cls=Told)
@_DESIGN
@_OVERRIDES
@_QUICK
def design(design: Path, overrides: tuple[str, ...], quick: bool) -> None:
    """Check DESIGN, a file or the name of one of the project's, and print its digest.

    Commit it before its first run: from then on a changed design is refused.
    """
    from evals.decision.design import load

    _told(load(design, overrides, quick=quick))


def _told(registered: Registered) -> None:
    made = registered.design
    click.echo(f"{registered.name}: {registered.digest}")
    for arm in made.arms:
        held = " held against " + ", ".join(c.against for c in made.contrasts if c.arm == arm.name)
        role = "kept where none is adopted" if arm.name == made.start else ""
        role = role or ("a control" if arm.control else "")
        role = role or (held.strip() if arm.name in made.candidates else "described")
        click.echo(f"  {arm.name:16} {arm.kind:10} {arm.runs} run{'s' * (arm.runs > 1)}, {role}")
    asked = sum(paper.count for paper in made.papers)
    click.echo(
        f"{asked} questions × {made.decode.samples} samples; adopted is what gains "
        f"{made.rule.delta:g} points or more, shown at {made.rule.alpha:g} after Holm; looks at "
        + ", ".join(f"{share:.0%}" for share in made.looks.at)
    )


@click.command(cls=Told)
@_DESIGN
@_OVERRIDES
@_QUICK
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of adapters and samples; default: runs/decisions/<name of the design>.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of record, page and exported samples; default: `decision` in the home folder.",
)
@click.option(
    "--data",
    type=_FOLDER,
    envvar="FINROUTE_DATA",
    help="Folder of public data, where a paper is public.",
)
@click.option(
    "--on",
    type=click.Choice(["here", "ray"]),
    default="here",
    show_default=True,
    help="Where samples are taken. ray: on the cluster that RAY_ADDRESS names.",
)
@click.option("--concurrency", default=32, show_default=True, help="Dialogues at once.")
@click.option("--parallel", default=1, show_default=True, help="Training runs at once.")
@click.option("--threads", default=1, show_default=True, help="Threads of in-process models.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option(
    "--install",
    "folders",
    multiple=True,
    type=_FOLDER,
    help="Write the record of this adapter beside it, so that it is served by it.",
)
def decide(
    design: Path,
    overrides: tuple[str, ...],
    quick: bool,
    home: Path | None,
    out: Path | None,
    data: Path | None,
    on: str,
    concurrency: int,
    parallel: int,
    threads: int,
    device: str,
    folders: tuple[Path, ...],
) -> None:
    """From DESIGN to a verdict with its evidence: power, screen, training, samples, record, page.

    It can be stopped and goes on where it was. OVERRIDES are ``dotted.key=value``; they are part of
    the design.
    """
    from evals.decision import decide as deciding
    from evals.decision.design import load
    from evals.decision.hands import Machine

    registered = load(design, overrides, quick=quick)
    place = home or home_of(registered.name, quick=quick)
    work = deciding.Work(
        registered,
        place,
        out or place / "decision",
        data=data,
        on=on,
        concurrency=concurrency,
        parallel=parallel,
        machine=Machine(threads, device),
        say=click.echo,
    )
    _verdict(stoppable(lambda: deciding.decide(work)))
    click.echo(f"wrote {work.out / deciding.PAGE}")
    for path in deciding.install(work.out, folders):
        click.echo(f"wrote {path}")


def _verdict(record: DecisionRecord) -> None:
    adopted = f" {record.adopted}" if record.adopted else ""
    click.echo(f"{record.specialist}: {record.verdict}{adopted} (record {record.id})")
    for reason in record.reasons:
        click.echo(f"- {reason}")
    for need in record.needs:
        click.echo(f"- it would take {need}")


@click.command(cls=Told)
@click.argument("folders", nargs=-1, type=_FOLDER)
@click.option("--write", is_flag=True, help="Write record and page anew instead of comparing.")
def replay(folders: tuple[Path, ...], write: bool) -> None:
    """Compute the records in FOLDERS anew from their samples; default: all of the project's.

    Each must come out to the same bytes.
    """
    from evals.decision import decide as deciding

    told = folders or tuple(sorted(p.parent for p in DECISIONS.glob("*/decision.json")))
    for folder in told:
        made = deciding.written(folder) if write else deciding.replay(folder)
        click.echo(f"{folder}: {made.verdict} ({made.id}), {made.samples.count:,} samples")


COMMANDS = (design, decide, replay)
