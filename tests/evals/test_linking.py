"""The linking record, on a few questions."""

from __future__ import annotations

import pytest

from evals import linking
from specialists.workspace.evidence import Asked
from specialists.workspace.ranking import Line

PAGE = (
    Line("Net sales", ("2023", "2022")),
    Line("Interest expense", ("2023", "2022")),
    Line("net sales rose by 7 %", table=False),
)
ASKED = (
    Asked("a", "what were net sales in 2022?", PAGE, (frozenset({0}),)),
    Asked("b", "interest expense and net sales in 2023", PAGE, (frozenset({1}), frozenset({0}))),
    Asked("c", "by how many percent did it rise?", PAGE, (frozenset({2}),)),
)


def test_recall_and_exactness_are_counted_by_pieces_of_evidence() -> None:
    rows = linking.judge("hand", "page order", ASKED, lambda asked: (0, 1, 2))
    assert (rows.recall[1].right, rows.recall[1].count) == (2, 4)
    assert (rows.recall[3].right, rows.exact.right, rows.exact.count) == (4, 2, 3)
    assert rows.exact.low < 2 / 3 < rows.exact.high


@pytest.mark.parametrize("method", [linking.by_links, linking.by_bm25, linking.by_rank()])
def test_methods_order_every_line(method: linking.Order) -> None:
    for asked in ASKED[:2]:
        order = list(method(asked))
        assert sorted(order) == [0, 1, 2]
        assert order[0] in {0, 1}


def test_names_and_strangers() -> None:
    shares = {share.name: share for share in linking.written(5)}
    assert shares["ticker"].right == shares["whole name"].right == 5
    assert shares["stranger"].right == 5
    assert shares["typo"].right >= 3


def test_a_record_without_public_data() -> None:
    said: list[str] = []
    record = linking.measure(None, questions=3, names=2, say=said.append)
    assert record.rows == ()
    assert record.questions[0].count == 3
    assert "| typo |" in linking.markdown(record)
    assert len(said) == len(record.questions) + len(record.names) + len(record.phrases)
