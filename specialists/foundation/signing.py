"""Ed25519 signatures under decision records: who approved, and whose word counts.

The only file that uses ``cryptography``; it is imported when a signature or a key is at hand.

A signature covers the canonical bytes of ``{"signs", "by", "time", "record"}``: the record's whole
body, who approves and when, and a word that keeps it from being taken for a signature under
anything else. Approvals do not cover each other: two persons sign in any order. Ed25519 is that of
RFC 8032; keys are PEM files, the private one PKCS #8 without a passphrase, readable by its owner
alone.

What this is not: a proof that a key is somebody's. Whoever configures the trusted keys vouches for
that.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from specialists.foundation.decisions import Approval, DecisionRecord
from specialists.foundation.digests import canonical
from specialists.foundation.errors import ConfigError, RecordError

SIGNS = "finroute decision"


def new_key(path: Path) -> Path:
    """Make a key pair: the private key in ``path`` (mode 0600), the public one beside it.

    Returns:
        Where the public key is: ``path`` with ``.pub`` at its end.

    Raises:
        ConfigError: one of the files exists, or cannot be written.
    """
    public = path.with_name(path.name + ".pub")
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    there = [str(each) for each in (path, public) if each.exists()]
    if there:
        raise ConfigError(f"{there[0]} is there already; a key is never replaced")
    try:
        _create(path, secret, 0o600)
        _create(public, public_pem(key.public_key()), 0o644)
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename}: {error.strerror}") from error
    return public


def _create(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def private_key(path: Path) -> Ed25519PrivateKey:
    """The private key in a file.

    Raises:
        ConfigError: no such file, one that others can read, or no Ed25519 key without passphrase.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise ConfigError(f"others can read the private key {path}: chmod 600 {path}")
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ConfigError(f"cannot read the key {path}: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path} is no private key in PEM without a passphrase") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{path} is a key of another kind; Ed25519 is needed")
    return key


def public_key(told: str) -> Ed25519PublicKey:
    """A public key, from PEM text or from the path of a PEM file.

    Raises:
        ConfigError: no such file, or no Ed25519 public key.
    """
    text = told
    if "-----BEGIN" not in told:
        try:
            text = Path(told).expanduser().read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the public key {told}: {error}") from error
    name = "the public key" if text is told else told
    if "PRIVATE KEY" in text:
        raise ConfigError(f"{name} is a private key: trust is given to its public half (.pub)")
    try:
        key = load_pem_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{name} is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigError(f"{name} is a key of another kind; Ed25519 is needed")
    return key


def public_pem(key: Ed25519PublicKey) -> bytes:
    """A public key as PEM."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of a public key's DER form (``openssl pkey -pubin -outform DER``), in hex."""
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def sign(record: DecisionRecord, key: Ed25519PrivateKey, *, by: str, time: str) -> DecisionRecord:
    """The record with one more approval.

    Args:
        by: the person's name.
        time: ISO 8601, UTC.

    Raises:
        RecordError: this person or this key approved it before.
    """
    if not by.strip():
        raise RecordError("an approval needs the name of who approves")
    public = key.public_key()
    mark = fingerprint(public)
    for each in record.approvals:
        if each.key == mark or _person(each.by) == _person(by):
            raise RecordError(
                f"{each.by} approved it before, on {each.time}: a second approval is another "
                "person's, with another key"
            )
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    approval = Approval(
        by=by,
        time=time,
        key=mark,
        public=base64.b64encode(raw).decode(),
        signature=base64.b64encode(key.sign(_signed(record, by, time))).decode(),
    )
    return record.model_copy(update={"approvals": (*record.approvals, approval)})


def check(record: DecisionRecord, trusted: Sequence[str]) -> tuple[str, ...]:
    """Check every approval of a record.

    Args:
        trusted: public keys, each as PEM text or as the path of a PEM file. None at all: signatures
            are held against the keys that stand beside them, which shows that nothing was edited
            since, and not by whom it was signed; nobody counts as having approved.

    Returns:
        Who approved with a trusted key, each person and each key once.

    Raises:
        RecordError: a signature that does not fit the record, or a key that is not trusted.
        ConfigError: a trusted key that is none.
    """
    known = {fingerprint(key) for key in map(public_key, trusted)}
    persons: dict[str, str] = {}
    keys: set[str] = set()
    for approval in record.approvals:
        mark = _verified(record, approval)
        if not known:
            continue
        if mark not in known:
            raise RecordError(
                f"the key {mark[:16]} that signed it for {approval.by} is not trusted"
            )
        if mark not in keys:
            keys.add(mark)
            persons.setdefault(_person(approval.by), approval.by)
    return tuple(persons.values())


def _verified(record: DecisionRecord, approval: Approval) -> str:
    """Fingerprint of the key that an approval's signature was made with."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(approval.public, validate=True))
        signature = base64.b64decode(approval.signature, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RecordError(f"the approval by {approval.by} has no Ed25519 key in it") from error
    if fingerprint(key) != approval.key:
        raise RecordError(f"the approval by {approval.by} names another key than it carries")
    try:
        key.verify(signature, _signed(record, approval.by, approval.time))
    except InvalidSignature as error:
        raise RecordError(
            f"the signature by {approval.by} is not of this record: record or approval was edited"
        ) from error
    return approval.key


def _signed(record: DecisionRecord, by: str, time: str) -> bytes:
    return canonical({"signs": SIGNS, "by": by, "time": time, "record": record.body()})


def _person(by: str) -> str:
    return " ".join(by.split()).casefold()
