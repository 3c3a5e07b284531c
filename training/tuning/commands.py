"""``finroute train run`` and ``finroute train ls``: run a recipe, or see what recipes there are.

Words are parsed, recipes resolved and costs told before any model library is imported.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from specialists.foundation.errors import ConfigError
from specialists.foundation.records import RUN
from training.tuning import checkpoints, cost, processes
from training.tuning.layout import ADAPTER, LOGS, PART, STARTED, SYNC, TRACES
from training.tuning.recipe import Recipe, load, names

RUNS = Path("runs")
CLAIM = checkpoints.RECIPE
MADE = (CLAIM, STARTED, ADAPTER, PART, LOGS, TRACES, SYNC, "log.txt")
"""What a run puts into its folder: what ``--again`` removes."""
INTERRUPTED = 130

_DEVICE = click.option(
    "--device",
    metavar="NAME",
    help="Device to estimate for: cpu-2, h100-80gb, 8xh100-80gb … Default: the one fitting the "
    "base.",
)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("recipe")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the run; with --seeds, of all of them. Default: runs/RECIPE/seed-SEED.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="FINROUTE_DATA",
    help="Folder of public data. Without it only generated examples are used.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Independent runs, of the recipe's seed and those after it.",
)
@click.option(
    "--on",
    type=click.Choice(["here", "ray"]),
    default="here",
    show_default=True,
    help="Where several seeds run. ray: one task a seed on the cluster that RAY_ADDRESS names.",
)
@click.option(
    "--parallel",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Seeds under way at once, each a process of its own.",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint of a stopped run.")
@click.option(
    "--again", is_flag=True, help="Remove what an earlier run left there, and start anew."
)
@click.option("--dry-run", is_flag=True, help="Print the resolved recipe and what it takes; stop.")
@_DEVICE
@click.option(
    "--price",
    type=click.FloatRange(0),
    metavar="USD",
    help="Of an hour of one GPU or core. Default: the device's listed one.",
)
@click.argument("overrides", nargs=-1, type=click.UNPROCESSED, metavar="[--KEY.SUB VALUE]...")
def run(
    recipe: str,
    out: Path | None,
    data: Path | None,
    seeds: int,
    on: str,
    parallel: int,
    resume: bool,
    again: bool,
    dry_run: bool,
    device: str | None,
    price: float | None,
    overrides: tuple[str, ...],
) -> None:
    """Make an adapter by a recipe: SPECIALIST/METHOD/BASE (see `ls`), or a TOML file.

    Anything in the recipe can be set: --learning.rate 1e-3, --seed=5 or learning.rate=1e-3.
    """
    words = assignments(overrides)
    made = load(recipe, words)
    priced = _priced(made, device, price)
    if dry_run:
        click.echo(toml(made))
        click.echo("\n".join(f"# {line}".rstrip() for line in told(cost.estimate(made, priced))))
        return
    if resume and again:
        raise ConfigError("--resume goes on with a run and --again throws it away: give one")
    home = out or RUNS / made.name.replace("/", "-")
    if seeds > 1 or on == "ray":
        from training.tuning import seeds as several

        job = several.Job(
            recipe=recipe,
            overrides=words,
            out=home,
            data=data,
            seeds=several.chosen(made, seeds),
            options=_options(device, price),
        )
        code = several.run(job, made, priced, on=on, parallel=parallel, resume=resume, again=again)
        click.get_current_context().exit(code)
    folder = out or home / f"seed-{made.seed}"
    # The record counts with the device it ran on, unless another one was named.
    on_record = priced if device or price is not None else None
    _one(made, folder, data, resume, again, priced, on_record, recipe, words)


def _one(
    made: Recipe,
    folder: Path,
    data: Path | None,
    resume: bool,
    again: bool,
    device: cost.Device,
    on_record: cost.Device | None,
    recipe: str,
    words: Sequence[str],
) -> None:
    """One run in this process."""
    from training.allocator import keep_memory

    keep_memory()  # starts this command over, in the same process
    say = processes.heard(click.echo)
    if again and processes.first():
        remove(folder)
    elif processes.first():
        check(folder, resume)
    each = made.learning.threads if device.unit == "core" else 1
    together = processes.count() * each if processes.count() > 1 else None
    say(f"{made.name}: {short(cost.estimate(made, device, units=together))}; into {folder}")
    go_on = shlex.join(["finroute", "train", "run", recipe, "--out", str(folder), *words])
    from training.tuning.run import make

    command = shlex.join(["finroute", "train", "run", recipe, *words])
    try:
        record = make(made, folder, data, resume=resume, command=command, say=say, device=on_record)
    except KeyboardInterrupt:
        record = None
    if not processes.first():
        return
    if record is None:
        # Before anything was written there is nothing to resume: the same command starts it.
        resumed = " --resume" if begun(folder) else ""
        click.echo(f"interrupted; go on with: {go_on}{resumed}", err=True)
        click.get_current_context().exit(INTERRUPTED)
    told_ = record.estimate.get("ratio", {})
    off = ", ".join(f"{what} {ratio:g} ×" for what, ratio in told_.items())
    click.echo(
        f"wrote {folder / ADAPTER}: {record.seconds:,.0f} s, {record.spent['usd']:.2f} dollars"
        + (f"; against the estimate: {off}" if off else "")
    )


def finished(folder: Path) -> bool:
    """Whether a folder holds a whole run: the record is written last."""
    return (folder / ADAPTER / RUN).exists()


def begun(folder: Path) -> bool:
    """Whether a folder holds a run that was started, if only just."""
    return (folder / CLAIM).exists()


def stopped(folder: Path) -> bool:
    """Whether a folder holds a run that has something to lose."""
    return not finished(folder) and bool(checkpoints.Checkpoints(folder).all())


def check(folder: Path, resume: bool) -> None:
    """See that a run may have this folder.

    Raises:
        ConfigError: it holds a finished run, or an unfinished one that is not to be resumed.
    """
    if finished(folder):
        raise ConfigError(f"{folder} holds a finished run; --again makes it anew, --out another")
    if stopped(folder) and not resume:
        raise ConfigError(
            f"{folder} holds a run that was not finished: --resume goes on with it, --again "
            "starts anew"
        )
    if resume and not begun(folder):
        raise ConfigError(f"{folder} holds no run to go on with; leave out --resume")


def remove(folder: Path) -> None:
    """Remove what a run left in its folder, and nothing else."""
    for name in (*MADE, checkpoints.FOLDER):
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def assignments(words: Iterable[str]) -> tuple[str, ...]:
    """``key.sub=value`` items of words, which may be ``--key.sub=value`` or ``--key.sub value``.

    Raises:
        NoSuchOption: an option that is neither ours nor a key of recipes.
        ConfigError: a key without a value.
    """
    found: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("--"):
            found.append(word)
            continue
        key, sep, value = word[2:].partition("=")
        if key.partition(".")[0] not in Recipe.model_fields:
            options = [f"--{name}" for name in Recipe.model_fields]
            raise click.NoSuchOption(word.partition("=")[0], possibilities=_near(key, options))
        if not sep:
            value = next(rest, None)
            if value is None or value.startswith("--"):
                raise ConfigError(f"--{key} needs a value: --{key} VALUE, or {key}=VALUE")
        found.append(f"{key}={value}")
    return tuple(found)


def _near(key: str, options: Sequence[str]) -> list[str]:
    from difflib import get_close_matches

    own = ["--out", "--data", "--seeds", "--parallel", "--resume", "--again", "--dry-run"]
    return get_close_matches(f"--{key}", [*own, *options])


def _priced(recipe: Recipe, name: str | None, price: float | None) -> cost.Device:
    if name:
        return cost.device(name, hour_usd=price)
    fit = cost.fitting(recipe)
    return fit if price is None else fit.model_copy(update={"hour_usd": price})


def _options(device: str | None, price: float | None) -> tuple[str, ...]:
    """Options that every seed's own command is given too."""
    named = ("--device", device) if device else ()
    priced = ("--price", str(price)) if price is not None else ()
    return (*named, *priced)


def toml(recipe: Recipe) -> str:
    """A recipe as a TOML file that is the same recipe again."""
    told: dict[str, Any] = recipe.model_dump(mode="json", exclude_none=True)
    lines = [f"{key} = {_value(value)}" for key, value in told.items() if not _table(value)]
    for key, value in told.items():
        if _table(value):
            lines += ["", f"[{key}]", *(f"{k} = {_value(v)}" for k, v in value.items())]
    return "\n".join(lines)


def _table(value: Any) -> bool:
    return isinstance(value, dict)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    # JSON's strings, numbers and booleans are TOML's as well.
    return json.dumps(value, ensure_ascii=False)


def told(made: cost.Estimate) -> Iterator[str]:
    """An estimate in lines."""
    yield f"on {_units(made)} at {made.hour_usd:g} dollars an hour each:"
    for phase in made.phases:
        yield (
            f"  {phase.name:24} {_count(phase.tokens):>7} tokens {phase.flops:9.2e} FLOPs "
            f"{_time(phase.seconds):>10}"
        )
    yield f"in all {short(made)}"
    parts = ", ".join(f"{what} {gb:.1f}" for what, gb in made.memory.items() if gb >= 0.05)
    yield f"memory {made.memory_gb:.1f} of {made.room_gb:.0f} GB: {parts}"
    if not made.fits:
        helps = " or ".join(made.helps) or "a smaller base, or a device with more memory"
        yield f"it does not fit; it would with {helps}"
    yield from (f"note: {note}" for note in made.notes)


def short(made: cost.Estimate) -> str:
    """An estimate in half a line."""
    sampled = f", {_count(made.generated)} sampled" if made.generated else ""
    return (
        f"{made.steps:,} steps, {_count(made.tokens)} tokens{sampled}, {made.flops:.1e} FLOPs, "
        f"{_time(made.seconds)}, {made.usd:.2f} dollars on {_units(made)}"
    )


def _units(made: cost.Estimate) -> str:
    if made.unit == "GPU":
        return made.device if made.units == 1 else f"{made.units} × {made.device}"
    return f"{made.units} core{'s' * (made.units != 1)} of {made.device}"


def _count(number: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number:.0f}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


@click.command()
@click.argument("specialists", nargs=-1)
@_DEVICE
@click.option("--base", metavar="NAME", help="Recipes for this base alone.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def ls(specialists: tuple[str, ...], device: str | None, base: str | None, as_json: bool) -> None:
    """List the recipes: what each makes, and what it takes on a device."""
    rows = list(_rows(_listed(specialists, base), device))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    _show(rows)


def _listed(specialists: tuple[str, ...], base: str | None) -> list[str]:
    every = names()
    known = {
        part: sorted({n.split("/")[i] for n in every}) for i, part in ((0, "job"), (2, "base"))
    }
    for what, said in (("job", specialists), ("base", (base,) if base else ())):
        for name in said:
            if name not in known[what]:
                raise ConfigError(f"no {what} {name!r}: there are {', '.join(known[what])}")
    return [
        name
        for name in every
        if (not specialists or name.split("/")[0] in specialists)
        and (base is None or name.split("/")[2] == base)
    ]


def _rows(listed: Iterable[str], device: str | None) -> Iterator[dict[str, Any]]:
    by_base = sorted(listed, key=lambda name: (name.split("/")[0], name.split("/")[2]))
    for name in by_base:
        made = load(name)
        on = cost.device(device) if device else cost.fitting(made)
        guess = cost.estimate(made, on)
        specialist, method, base = name.split("/")
        yield {
            "recipe": name,
            "specialist": specialist,
            "method": method,
            "base": base,
            "about": made.about,
            "makes": f"LoRA rank {made.lora.rank}",
            "examples": guess.examples,
            "steps": guess.steps,
            "tokens": round(guess.tokens),
            "generated": round(guess.generated),
            "flops": float(f"{guess.flops:.4g}"),
            "memory_gb": round(guess.memory_gb, 1),
            "fits": guess.fits,
            "hours": round(guess.hours, 3),
            "usd": round(guess.usd, 3),
            "device": guess.device,
            "units": guess.units,
        }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    for (specialist, base), group in groupby(rows, key=lambda r: (r["specialist"], r["base"])):
        listed = list(group)
        title = f"[bold]{specialist} · {base}[/bold] on {listed[0]['device']}"
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column("recipe", no_wrap=True, min_width=32)
        for heading in ("episodes", "tokens", "sampled", "GB", "time", "$"):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in listed:
            table.add_row(
                row["recipe"],
                f"{row['examples']:,}",
                _count(row["tokens"]),
                _count(row["generated"]) if row["generated"] else "–",
                f"{row['memory_gb']:.0f}{'' if row['fits'] else '!'}",
                _time(3600 * row["hours"]),
                f"{row['usd']:.2f}" if row["usd"] >= 0.01 else "<0.01",
            )
        console.print(table)
        console.print()
    abouts = dict.fromkeys((row["method"], row["about"]) for row in rows)
    for method, about in abouts:
        console.print(f"[bold]{method}[/bold]  {about}", soft_wrap=True)
    if any(not row["fits"] for row in rows):
        console.print("! does not fit in the device's memory; --dry-run says what would help")
