"""One adapter, one paper, two frameworks: how often each calls it right, and where they differ.

    python -m evals.frameworks.compare --count 200 --out evals/results/frameworks.json

Ours is asked twice: as it serves, replies held to the grammar, and free, as the other framework
asks. What separates the first two is the grammar's doing, what separates the last two is not.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from evals import questions
from evals.frameworks import harness, sheet
from evals.intervals import wilson
from specialists import registry
from specialists.agent import Specialist, answer_one
from specialists.foundation.contracts import Sampling, Value
from specialists.foundation.digests import digest
from specialists.foundation.records import Manifest
from specialists.registry import MANIFEST, WEIGHTS
from specialists.task import Example

Way = Literal["held", "free"]
WAYS: tuple[Way, ...] = ("held", "free")

CONTROLS = 100
"""Questions of a control, at most: the first."""


class Answered(Value):
    """One question, both ways of ours and the other framework's."""

    id: str
    label: str
    """Gold."""
    held: str
    free: str
    other: str
    """Labels read; empty where none was."""
    output: str
    """Of the other framework, verbatim."""
    reply: str
    """Ours, free, verbatim."""


class Row(Value):
    """How often one way is right."""

    name: str
    right: int
    accuracy: float
    low: float
    """95 % Wilson interval."""
    high: float


class Comparison(Value):
    """A whole comparison."""

    job: str
    paper: str
    paper_digest: str
    count: int
    adapter: str
    """Digest."""
    base: str
    framework: str
    version: str
    reported: float
    """Accuracy as the other framework reports it."""
    rows: tuple[Row, ...]
    controls: tuple[Row, ...]
    """The other framework with something left out: that these fall shows what the check can see."""
    agree: int
    """Questions on which ours, free, and the other framework read the same label."""
    differing: tuple[Answered, ...]
    """All questions on which any two of the three differ."""


async def ours(
    examples: Sequence[Example[Any, Any]], way: Way, base: Path, adapter: Path
) -> list[tuple[str, str]]:
    """Our labels and replies.

    Args:
        way: ``held`` to the grammar, or ``free``.
    """
    from specialists.engines.local import LocalEngine

    engine = await asyncio.to_thread(
        LocalEngine.load, base, adapters={sheet.JOB: adapter}, held=way == "held"
    )
    specialist = Specialist(registry.task(sheet.JOB), engine, adapter=sheet.JOB)
    try:
        runs = await asyncio.gather(
            *(
                answer_one(specialist, e.inputs, sampling=Sampling(max_tokens=harness.MOST))
                for e in examples
            )
        )
    finally:
        await engine.aclose()
    return [
        (
            run.answer.sentiment if run.answer is not None else "",
            run.completions[-1].message.content if run.completions else run.outcome.error,
        )
        for run in runs
    ]


def compare(
    examples: Sequence[Example[Any, Any]], paper: str, weights: Path = WEIGHTS
) -> Comparison:
    """Put the questions to our adapter through both frameworks.

    Raises:
        ConfigError: the other framework is not installed.
    """
    manifest = Manifest.read(weights / MANIFEST)
    artefact = manifest.adapters[sheet.JOB]
    base, adapter = weights / manifest.base.folder, weights / artefact.folder
    given = sheet.rows(registry.task(sheet.JOB), examples)
    with tempfile.TemporaryDirectory(prefix="finroute-frameworks-") as folder:
        path = sheet.write(Path(folder) / "sheet.jsonl", given)
        other = harness.run(path, base, adapter)
        few = sheet.write(Path(folder) / "few.jsonl", given[:CONTROLS])
        alone = harness.run(few, base, None)
        plain = harness.run(few, base, adapter, template=False)
    said = {way: asyncio.run(ours(examples, way, base, adapter)) for way in WAYS}
    theirs = {told.id: told for told in other.told}
    answered = [
        Answered(
            id=row["id"],
            label=row["label"],
            held=held,
            free=free,
            other=theirs[row["id"]].label.replace("[invalid]", ""),
            output=theirs[row["id"]].output,
            reply=reply,
        )
        for row, (held, _), (free, reply) in zip(given, said["held"], said["free"], strict=True)
    ]
    return Comparison(
        job=sheet.JOB,
        paper=paper,
        paper_digest=digest(given),
        count=len(given),
        adapter=artefact.digest,
        base=manifest.base.digest,
        framework=other.framework,
        version=other.version,
        reported=round(other.accuracy, 6),
        rows=(
            _row("ours, held", [a.held == a.label for a in answered]),
            _row("ours, free", [a.free == a.label for a in answered]),
            _row(other.framework, [theirs[a.id].right for a in answered]),
        ),
        controls=(
            _row("without the adapter", [told.right for told in alone.told]),
            _row("without the chat template", [told.right for told in plain.told]),
        ),
        agree=sum(a.free == a.other for a in answered),
        differing=tuple(a for a in answered if len({a.held, a.free, a.other}) > 1),
    )


def _row(name: str, right: Sequence[bool]) -> Row:
    low, high = wilson(sum(right), len(right))
    share = sum(right) / len(right) if right else 0.0
    return Row(
        name=name,
        right=sum(right),
        accuracy=round(share, 4),
        low=round(low, 4),
        high=round(high, 4),
    )


def paper(count: int, public: str, data: Path | None) -> tuple[str, list[Example[Any, Any]]]:
    """Questions of held-out templates, or the first of a public set."""
    if public:
        from itertools import islice

        from evals.public.staged import examples

        return public, list(islice(examples(public, job=sheet.JOB, data=data), count))
    found = next(p for p in questions.generated(sheet.JOB, count) if p.name == "templates")
    return found.name, list(found.questions)


@click.command()
@click.option("--count", default=200, show_default=True, help="Questions.")
@click.option("--public", default="", help="A public set instead of generated questions.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="FINROUTE_DATA",
    help="Folder of public data.",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write a JSON record.")
def main(count: int, public: str, data: Path | None, out: Path | None) -> None:
    """The sentiment adapter through our loop and through lm-evaluation-harness."""
    name, examples = paper(count, public, data)
    found = compare(examples, name)
    for row in (*found.rows, *found.controls):
        click.echo(f"{row.name:26} {row.accuracy:.3f} [{row.low:.3f}, {row.high:.3f}]")
    click.echo(f"the same label, free: {found.agree} of {found.count}")
    for each in found.differing:
        click.echo(f"{each.id}: gold {each.label}, held {each.held or '-'}, free "
                   f"{each.free or '-'} ({each.reply!r}), other {each.other or '-'} "
                   f"({each.output!r})")  # fmt: skip
    if out is not None:
        out.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
