"""``finroute evals sober`` and ``audit``: nothing heavy is imported before one runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evals.commands import DOCS, HERE, RESULTS, Told
from specialists.registry import WEIGHTS

if TYPE_CHECKING:
    from evals.sober.drawn import Reply

SECTIONS = ("published", "gold", "overlaps", "replies", "audit", "decided")
JOBS = ("sentiment", "extraction", "table_qa", "calculation", "planning")
FLAGSHIP = ("table_qa", "calculation")
"""Asked under every setting."""
WORDS = HERE / "sober" / "words.md"
_DATA = click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="FINROUTE_DATA",
    help="Folder of public data; without it what is about public sets is left out.",
)
_WEIGHTS = click.option(
    "--weights",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=WEIGHTS,
    help="Folder of the weights; default: the project's own.",
)


@click.command(cls=Told)
@click.option("--only", multiple=True, type=click.Choice(SECTIONS), help="Only these sections.")
@click.option("--page-only", is_flag=True, help="Measure nothing; write the page.")
@click.option("--count", default=40, show_default=True, help="Questions that replies are drawn to.")
@click.option("--most", default=10_000, show_default=True, help="Training examples made again.")
@_DATA
@_WEIGHTS
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=RESULTS, show_default=False
)
@click.option(
    "--docs", type=click.Path(file_okay=False, path_type=Path), default=DOCS, show_default=False
)
def sober(
    only: tuple[str, ...],
    page_only: bool,
    count: int,
    most: int,
    data: Path | None,
    weights: Path,
    out: Path,
    docs: Path,
) -> None:
    """What else could have made a verdict: seeds, settings, lengths, labels, contamination."""
    from evals.decision.commands import DECISIONS
    from evals.machine import commit, device, now
    from evals.sober import report
    from evals.sober.audit import audited, read
    from evals.sober.decided import decided
    from evals.sober.page import page
    from specialists.foundation.records import Manifest
    from specialists.registry import MANIFEST

    place = out / "sober.json"
    chosen = () if page_only else only or SECTIONS
    adapters = {j: a.digest for j, a in Manifest.read(weights / MANIFEST).adapters.items()}
    found = (
        report.Sober.read(place)
        if place.exists()
        else report.Sober(made=now(), device=device(1), commit=commit(), adapters=adapters)
    )
    made: dict[str, object] = {}
    if "published" in chosen:
        made["published"] = report.reanalysed()
    if "gold" in chosen:
        made["generated"] = tuple(report.own(JOBS, 10 * count, click.echo))
        if data is not None:
            made["gold"] = tuple(report.checked(data, click.echo))
    if "overlaps" in chosen:
        made["overlaps"] = report.overlaps(weights, data, count=300, most=most, say=click.echo)
    if "replies" in chosen:
        made["replies"] = report.replied(_drawn(weights, count))
    if "audit" in chosen and (out / "audit.csv").exists():
        made["audit"] = audited(read(out / "audit.csv"))
    if "decided" in chosen:
        made["decided"] = decided(DECISIONS)
    if made:
        now_made = {"made": now(), "device": device(1), "commit": commit(), "adapters": adapters}
        found = found.model_copy(update={**made, **now_made})
        out.mkdir(parents=True, exist_ok=True)
        found.write(place)
    words = WORDS.read_text("utf-8") if WORDS.exists() else ""
    (docs / "sober.md").write_text(page(found, words), encoding="utf-8")
    click.echo(f"wrote {docs / 'sober.md'}")


def _drawn(weights: Path, count: int) -> list[Reply]:
    from evals.sober import drawn, settings

    async def ask() -> list[Reply]:
        papers = drawn.sheets(JOBS, count)
        own, *others = settings.settings()
        replies = await drawn.draw(weights, papers, own, samples=8, say=click.echo)
        some = [paper for paper in papers if paper.job in FLAGSHIP]
        for setting in others:
            replies += await drawn.draw(weights, some, setting, samples=2, say=click.echo)
        return replies

    return asyncio.run(ask())


@click.command(cls=Told)
@click.option(
    "--samples",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a decision's export; default: the adapters in service are asked.",
)
@click.option("--design", type=click.Path(path_type=Path), help="Of the samples.")
@click.option("--quick", is_flag=True, help="The samples are of the design's quick form.")
@click.option("--count", default=100, show_default=True, help="Outputs to read.")
@click.option("--seed", default=0, show_default=True, help="Of the draw.")
@_DATA
@_WEIGHTS
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("audit.csv"))
def audit(
    samples: Path | None,
    design: Path | None,
    quick: bool,
    count: int,
    seed: int,
    data: Path | None,
    weights: Path,
    out: Path,
) -> None:
    """Draw outputs for a person to read; half of each job's are judged wrong where there are any.

    Fill the columns reader_verdict (right, wrong, unsure) and note; `finroute evals sober --only
    audit` holds them against the scorer's.
    """
    from evals.decision.design import load
    from evals.decision.samples import Samples
    from evals.sober import audit as sheets
    from evals.sober import drawn, exported, settings
    from specialists.foundation.errors import ConfigError

    if out.exists():
        raise ConfigError(f"{out} is there already: somebody may have read it; give another --out")
    if samples is None:
        papers = drawn.sheets(JOBS, max(count // 3, 10), data)
        greedy = settings.named("greedy")
        replies = asyncio.run(drawn.draw(weights, papers, greedy, say=click.echo))
    elif design is None:
        raise ConfigError("samples need the --design that they were taken for")
    else:
        registered = load(design, quick=quick)
        with Samples.read(samples, registered) as found:
            replies = exported.replies(found, registered, data=data)
    sheets.write(out, sheets.sheet(replies, count, seed))
    click.echo(f"wrote {out}: read it, and fill reader_verdict and note")


COMMANDS = (sober, audit)
