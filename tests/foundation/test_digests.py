from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specialists.foundation.digests import canonical, digest, file_digests, folder_digest
from specialists.foundation.errors import RecordError

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


@given(values)
def test_canonical_json_is_a_fixed_point(value: object) -> None:
    once = canonical(value)
    assert canonical(json.loads(once)) == once


@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_order_of_keys_does_not_count(value: dict[str, int]) -> None:
    assert digest(value) == digest(dict(reversed(list(value.items()))))


def test_noise_in_the_last_digits_does_not_count() -> None:
    assert canonical([0.1 + 0.2, 1.0, 1e-9]) == b"[0.3,1,1e-09]"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1, 2}])
def test_what_is_no_value_is_refused(value: object) -> None:
    with pytest.raises(RecordError):
        canonical(value)


def test_every_byte_and_name_counts(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "sub" / "b").write_bytes(b"2")
    (tmp_path / ".hidden").write_bytes(b"3")
    (tmp_path / "about").write_bytes(b"4")
    first = folder_digest(tmp_path, leave_out=["about"])
    assert set(file_digests(tmp_path, leave_out=["about"])) == {"a", "sub/b"}
    (tmp_path / "about").write_bytes(b"5")
    assert folder_digest(tmp_path, leave_out=["about"]) == first
    (tmp_path / "a").write_bytes(b"2")
    assert folder_digest(tmp_path, leave_out=["about"]) != first
    (tmp_path / "a").rename(tmp_path / "c")
    (tmp_path / "c").write_bytes(b"1")
    assert folder_digest(tmp_path, leave_out=["about"]) != first


def test_links_and_missing_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(RecordError, match="is a link"):
        file_digests(tmp_path)
    with pytest.raises(RecordError, match="no folder"):
        file_digests(tmp_path / "none")
