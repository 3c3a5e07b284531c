"""Approvals: who signed what, and whose signature counts."""

import base64
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from specialists.foundation import signing
from specialists.foundation.decisions import DecisionRecord
from specialists.foundation.errors import ConfigError, RecordError

Make = Callable[..., DecisionRecord]
WHEN = "2026-11-21T09:00:00+00:00"


@pytest.fixture(scope="module")
def pair() -> list[Ed25519PrivateKey]:
    return [Ed25519PrivateKey.generate() for _ in range(3)]


@pytest.fixture(scope="module")
def trusted(pair: list[Ed25519PrivateKey]) -> list[str]:
    return [signing.public_pem(key.public_key()).decode() for key in pair]


@pytest.fixture
def signed(make_record: Make, pair: list[Ed25519PrivateKey]) -> DecisionRecord:
    once = signing.sign(make_record(), pair[0], by="Ann", time=WHEN)
    return signing.sign(once, pair[1], by="Ben", time=WHEN)


def test_two_persons_approve(signed: DecisionRecord, trusted: list[str]) -> None:
    assert signing.check(signed, trusted[:2]) == ("Ann", "Ben")
    assert signing.check(signed, ()) == ()  # whole, and by nobody that is known here


def test_an_approval_does_not_change_what_was_approved(
    signed: DecisionRecord, make_record: Make, tmp_path: Path, trusted: list[str]
) -> None:
    assert signed.id == make_record().id
    signed.write(tmp_path / "decision.json")
    assert signing.check(DecisionRecord.read(tmp_path / "decision.json"), trusted) == ("Ann", "Ben")


def test_the_same_person_or_key_approves_once(
    make_record: Make, pair: list[Ed25519PrivateKey], trusted: list[str]
) -> None:
    once = signing.sign(make_record(), pair[0], by="Ann", time=WHEN)
    for key, by in ((pair[0], "Ben"), (pair[1], "ANN ")):
        with pytest.raises(RecordError, match="Ann approved it before"):
            signing.sign(once, key, by=by, time=WHEN)
        alone = signing.sign(make_record(), key, by=by, time=WHEN)
        forged = once.model_copy(update={"approvals": (*once.approvals, *alone.approvals)})
        assert signing.check(forged, trusted) == ("Ann",)
    with pytest.raises(RecordError, match="needs the name"):
        signing.sign(make_record(), pair[0], by=" ", time=WHEN)


def test_a_key_that_is_not_trusted_is_refused(signed: DecisionRecord, trusted: list[str]) -> None:
    with pytest.raises(RecordError, match="signed it for Ben is not trusted"):
        signing.check(signed, trusted[:1])


def test_a_removed_approval_is_missed(signed: DecisionRecord, trusted: list[str]) -> None:
    fewer = signed.model_copy(update={"approvals": signed.approvals[:1]})
    assert signing.check(fewer, trusted) == ("Ann",)


@pytest.mark.parametrize("keys", [0, 2])
@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("by", "Cleo", "signature by Cleo is not of this record"),
        ("time", "2027-01-01T00:00:00+00:00", "is not of this record"),
        ("signature", base64.b64encode(bytes(64)).decode(), "is not of this record"),
        ("signature", "", "is not of this record"),
        ("signature", "%%", "has no Ed25519 key in it"),
        ("public", base64.b64encode(bytes(31)).decode(), "has no Ed25519 key in it"),
        ("key", "0" * 64, "names another key than it carries"),
    ],
)
def test_an_edited_approval_is_refused_with_and_without_trusted_keys(
    signed: DecisionRecord, trusted: list[str], keys: int, field: str, value: str, reason: str
) -> None:
    first = signed.approvals[0].model_copy(update={field: value})
    edited = signed.model_copy(update={"approvals": (first, signed.approvals[1])})
    with pytest.raises(RecordError, match=reason):
        signing.check(edited, trusted[:keys])


def test_approvals_of_another_record_do_not_fit(
    signed: DecisionRecord, make_record: Make, trusted: list[str]
) -> None:
    """The id is mended, so that only the signature tells."""
    other = make_record(adapter="c" * 64).model_copy(update={"approvals": signed.approvals})
    with pytest.raises(RecordError, match="is not of this record"):
        signing.check(other, trusted)


# --- keys ---------------------------------------------------------------------------------------


def test_a_new_key_is_its_owners_alone(make_record: Make, tmp_path: Path) -> None:
    public = signing.new_key(tmp_path / "ann")
    assert (tmp_path / "ann").stat().st_mode & 0o777 == 0o600
    key = signing.private_key(tmp_path / "ann")
    record = signing.sign(make_record(), key, by="Ann", time=WHEN)
    assert signing.check(record, [str(public)]) == ("Ann",)
    for name in ("ann", "ann.pub"):
        (tmp_path / name).rename(tmp_path / "kept")
        with pytest.raises(ConfigError, match="never replaced"):
            signing.new_key(tmp_path / "ann")
        (tmp_path / "kept").rename(tmp_path / name)
    with pytest.raises(ConfigError, match="cannot write"):
        signing.new_key(tmp_path / "none" / "ann")


def test_openssl_makes_the_same_keys_and_fingerprints(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=True)
    path.chmod(0o600)
    key = signing.private_key(path)
    told = subprocess.run(
        f"openssl pkey -in {path} -pubout -outform DER | openssl dgst -sha256",
        shell=True,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert told.split()[-1] == signing.fingerprint(key.public_key())


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_private_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    signing.new_key(tmp_path / "ann")
    (tmp_path / "ann").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        signing.private_key(tmp_path / "ann")


def test_what_is_no_key_says_so(tmp_path: Path, trusted: list[str]) -> None:
    public = signing.new_key(tmp_path / "ann")
    curve = generate_private_key(SECP256R1())
    other = tmp_path / "other"
    other.write_bytes(
        curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
    other.chmod(0o600)
    foreign = curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public.chmod(0o600)
    for path, reason in (
        (public, "no private key"),
        (other, "of another kind"),
        (tmp_path / "none", "cannot read"),
    ):
        with pytest.raises(ConfigError, match=reason):
            signing.private_key(path)
    for told, reason in (
        (str(tmp_path / "ann"), "is a private key"),
        (str(tmp_path / "none"), "cannot read"),
        (foreign.decode(), "of another kind"),
        (trusted[0].replace("MC", "XX"), "no public key"),
    ):
        with pytest.raises(ConfigError, match=reason):
            signing.public_key(told)


def test_checking_takes_no_time(signed: DecisionRecord, trusted: list[str]) -> None:
    def once() -> float:
        begun = time.perf_counter()
        signing.check(signed, trusted)
        return time.perf_counter() - begun

    assert min(once() for _ in range(5)) < 0.01
