"""``finroute evals sign``, ``verify``, ``keys`` and ``schema``: who answers for a record, and the
form it has. Nothing heavy is imported before one runs.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click

from evals.commands import Told

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=Told)
@click.argument("record", type=click.Path(exists=True, path_type=Path))
@click.option("--key", required=True, type=_FILE, help="The private key, made with `keys new`.")
@click.option("--by", required=True, help="Who approves: a person's name.")
def sign(record: Path, key: Path, by: str) -> None:
    """Approve RECORD, a decision.json or the folder it is in.

    The signature covers the whole record, the name and the time. Read the record and its page
    first: approving says that you did.
    """
    from specialists.foundation import signing
    from specialists.foundation.decisions import DecisionRecord
    from specialists.foundation.records import DECISION

    path = record / DECISION if record.is_dir() else record
    told = DecisionRecord.read(path)
    signing.check(told, ())  # nobody signs beside a signature that does not fit
    secret = signing.private_key(key)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    signing.sign(told, secret, by=by, time=now).write(path)
    adopted = f", adopts {told.adopted}" if told.adopted else ""
    click.echo(
        f"{by} approved record {told.id}: {told.specialist}, adapter "
        f"{(told.adapter or 'none')[:12]}, {told.verdict}{adopted}\n"
        f"key {signing.fingerprint(secret.public_key())}"
    )


@click.command(cls=Told)
@click.argument("folders", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--config", "source", help="The router's TOML file or profile: whose keys count.")
@click.option("--trust", "keys", multiple=True, type=_FILE, help="A public key that counts, too.")
@click.option("--approvals", type=click.IntRange(0, 2), help="How many each record needs.")
@click.option(
    "--samples",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of exported samples that the records must be of.",
)
@click.pass_context
def verify(
    ctx: click.Context,
    folders: tuple[Path, ...],
    source: str | None,
    keys: tuple[Path, ...],
    approvals: int | None,
    samples: tuple[Path, ...],
) -> None:
    """Check the records in FOLDERS: of weights, of adapters, or single files.

    Without FOLDERS: those of the adapters that come with finroute. Ends with 6 where one does not
    hold, and says why.
    """
    from evals.decision.verify import places, sampled, verified
    from router import config
    from specialists.registry import WEIGHTS
    from specialists.serving import Trust

    trust = config.load(source).specialists.trust
    more = tuple(str(key.resolve()) for key in keys)
    needed = trust.approvals if approvals is None else approvals
    given = {"keys": (*trust.keys, *more), "approvals": needed}
    trust = Trust.parse(given, origin="who is trusted")
    known = sampled(samples)
    found = [verified(place, trust, known) for place in places(folders or (WEIGHTS,))]
    for each in found:
        click.echo(each.line(), err=bool(each.problem))
    if any(each.problem for each in found):
        ctx.exit(6)


@click.group()
def keys() -> None:
    """Keys that records are approved with."""


@keys.command(cls=Told)
@click.argument("file", type=_FILE)
def new(file: Path) -> None:
    """Make a key: the private one in FILE, the public one in FILE.pub."""
    from specialists.foundation import signing

    public = signing.new_key(file)
    mark = signing.fingerprint(signing.public_key(str(public)))
    click.echo(
        f"{file}: keep it to yourself\n{public}: give it to whoever serves by your word\n"
        f"fingerprint {mark}\n\nto trust it, in router.toml:\n\n"
        f'[specialists.trust]\nkeys = ["{public.resolve()}"]\napprovals = 1'
    )


@keys.command(cls=Told)
@click.argument("file", type=_FILE)
def show(file: Path) -> None:
    """Print the fingerprint of a public key."""
    from specialists.foundation import signing

    click.echo(signing.fingerprint(signing.public_key(str(file))))


@click.command(cls=Told)
def schema() -> None:
    """Print the JSON schema of a decision record."""
    from specialists.foundation import decisions

    click.echo(json.dumps(decisions.schema(), indent=1, ensure_ascii=False))


COMMANDS = (sign, verify, keys, schema)
