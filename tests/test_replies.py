"""One JSON object and nothing beside it."""

from __future__ import annotations

import pytest

from specialists.foundation.errors import AnswerError
from specialists.replies import one_object

RIGHT = '{"value": 12.5, "unit": "USD"}'


@pytest.mark.parametrize(
    "text", [RIGHT, f" {RIGHT}\n", f"```json\n{RIGHT}\n```", f"```\n{RIGHT}```"]
)
def test_one_object_is_read(text: str) -> None:
    assert one_object(text) == {"value": 12.5, "unit": "USD"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "12.5",
        f"{RIGHT}{RIGHT}",
        f"{RIGHT}\n{RIGHT}",
        f"The answer is {RIGHT}",
        f"{RIGHT} I am sure.",
        f"```json\n{RIGHT}\n```\n{RIGHT}",
        '{"value": 1, "value": 12.5}',
        '{"a": {"value": 1, "value": 2}}',
        '{"value": NaN}',
        '{"value": Infinity}',
        '{"value": -Infinity}',
        '{"value": 1e999}',
        '{"value": ' + "9" * 400 + "}",
        '{"value": ' + "9" * 5000 + "}",
        '{"value": ١٢}',
        "{'value': 12.5}",
        "[" * 100_000,
        "[" * 5_000,
        '{"value": "' + "x" * 30_000 + '"}',
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(AnswerError, match=r"not one JSON object|characters"):
        one_object(text)
