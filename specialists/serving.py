"""Which adapters may be served: those that a decision record adopts, and what settings add to them.

A record that is broken (edited, cut off, of another adapter, signed by a stranger) is an error, as
altered weights are: somebody changed what is served, and nobody should find out by an answer. An
adapter that is merely not justified is refused alone: it is not loaded, the list says why, its
steps fail with that reason, and the other specialists go on. The base does not stand in for it: an
answer from weights that nobody judged on the job would be no better justified.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from specialists.foundation.config import Config
from specialists.foundation.contracts import Value
from specialists.foundation.decisions import DecisionRecord, Verdict
from specialists.foundation.errors import RecordError
from specialists.foundation.records import DECISION, DEMOTION, Demotion


class Trust(Config):
    """Whose signatures count."""

    keys: tuple[str, ...] = ()
    """Public keys of those who may approve: each the whole path of a PEM file (``~`` is the user's
    own folder) or the PEM text itself. Without any, records count as unsigned."""
    approvals: int = Field(default=0, ge=0, le=2)
    """How many persons must have approved a record, each with a trusted key: 2 is the two-person
    rule."""

    @field_validator("keys")
    @classmethod
    def _whole(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if "-----BEGIN" not in key and not Path(key).expanduser().is_absolute():
                raise ValueError(
                    f"{key} is a path that depends on the current folder, where anybody may have "
                    "put a key; give the whole path"
                )
        return keys

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if self.approvals > len(self.keys):
            raise ValueError(
                f"trust.approvals = {self.approvals} needs the keys of as many persons; "
                f"{len(self.keys)} are trusted"
            )
        return self


class Serving(Config):
    """What may be served."""

    provisional: bool = False
    """Serve adapters whose record does not adopt them, too; their answers say so."""
    unrecorded: bool = False
    """Take an adapter without a record for one that is not adopted, instead of refusing it."""
    trust: Trust = Trust()


SHIPPED = Serving(provisional=True)
"""For the adapters of the package, whose page says what they are."""
MEASURING = Serving(provisional=True, unrecorded=True)
"""For whoever measures adapters: there is no record before there are measurements."""


class Standing(Value):
    """Whether an adapter is served, and by what right."""

    served: bool
    adopted: bool
    """A valid record adopts it."""
    decision: str | None = None
    """Id of its record."""
    verdict: Verdict | None = None
    approved: tuple[str, ...] = ()
    """Who approved the record with a trusted key."""
    reason: str
    """Why it is served, served provisionally or refused."""


def standing(
    folder: Path, serving: Serving, *, specialist: str, adapter: str, base: str
) -> Standing:
    """Where an adapter stands by the record beside it.

    Args:
        folder: of the adapter.
        adapter: its digest.
        base: digest of its base.

    Raises:
        RecordError: a record that is broken, of something else, or signed by a key that is not
            trusted; a demotion of another adapter.
        ConfigError: a trusted key that is none.
    """
    if not (folder / DECISION).is_file():
        if not serving.unrecorded:
            return Standing(
                served=False, adopted=False, reason=f"refused: there is no {DECISION} beside it"
            )
        return _allowed(serving, "no decision record speaks of it")
    try:
        record = DecisionRecord.read(folder / DECISION)
        record.check(specialist=specialist, adapter=adapter, base=base)
        approved = _approved(record, serving.trust)
    except RecordError as error:
        raise RecordError(f"the decision on {specialist} is refused: {error}") from error
    told = {"decision": record.id, "verdict": record.verdict, "approved": approved}
    missing = serving.trust.approvals - len(approved)
    if missing > 0:
        reason = (
            f"refused: record {record.id} has {len(approved)} of the {serving.trust.approvals} "
            "approvals it needs by trusted keys"
        )
        found = Standing(served=False, adopted=False, reason=reason)
    elif (demoted := _demoted(folder, specialist, adapter)) is not None:
        found = _allowed(serving, demoted)
    elif record.adopts:
        found = Standing(served=True, adopted=True, reason=f"adopted by record {record.id}")
    else:
        found = _allowed(serving, why(record))
    return found.model_copy(update=told)


def why(record: DecisionRecord) -> str:
    """Why a record does not adopt its adapter, in a clause."""
    if record.verdict == "adopt" and record.quick:
        return f"record {record.id} was made in the quick form, which justifies nothing"
    if record.verdict == "adopt":
        return f"record {record.id} adopts {record.adopted}, and this is a run of {record.arm}"
    reason = f": {record.reasons[0]}" if record.reasons else ""
    return f"record {record.id} says {record.verdict!r}{reason}"


def _demoted(folder: Path, specialist: str, adapter: str) -> str | None:
    """Why the adapter was demoted in service, in a clause; None: it was not."""
    if not (folder / DEMOTION).is_file():
        return None
    told = Demotion.read(folder / DEMOTION)
    if told.adapter != adapter:
        raise RecordError(
            f"{folder / DEMOTION} speaks of another adapter than {specialist}'s: "
            f"{told.adapter[:12]}, not {adapter[:12]}. Remove it if the adapter was replaced"
        )
    return f"it was demoted in service on {told.decided[:10]}: {told.reasons[0]}"


def _allowed(serving: Serving, fact: str) -> Standing:
    if serving.provisional:
        return Standing(served=True, adopted=False, reason=f"provisional: {fact}")
    reason = f"refused: {fact}; specialists.provisional = true serves it, labelled"
    return Standing(served=False, adopted=False, reason=reason)


def _approved(record: DecisionRecord, trust: Trust) -> tuple[str, ...]:
    if not record.approvals:
        return ()
    from specialists.foundation.signing import check  # cryptography, only where it is needed

    return check(record, trust.keys)
