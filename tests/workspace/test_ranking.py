"""The ranking of a page's lines and cells, on a page written by hand."""

from __future__ import annotations

import numpy as np

from specialists.workspace import ranking
from specialists.workspace.ranking import Line

YEARS = ("2023", "2022", "2021")
PAGE = (
    Line("Net sales", YEARS),
    Line("Cost of products sold", YEARS),
    Line("Interest expense on senior notes", YEARS),
    Line("Prepaid rent", YEARS, heading="Current assets"),
    Line("Total", YEARS, heading="Current assets"),
    Line("the senior notes bear interest at 4.5 % and mature in 2029", table=False),
    Line("net sales rose by 7 % because of higher prices in all regions", table=False),
)


def first(question: str) -> str:
    return PAGE[ranking.rank(question, PAGE)[0].line].text


def test_the_row_that_is_named_comes_first() -> None:
    assert first("what was the interest expense on the senior notes in 2022?") == PAGE[2].text
    assert first("by how much did the cost of products sold change from 2021 to 2023") == (
        PAGE[1].text
    )
    assert first("how large was prepaid rent in 2023") == PAGE[3].text


def test_every_line_is_ranked_once_and_scores_fall() -> None:
    order = ranking.rank("net sales in 2022", PAGE)
    assert sorted(r.line for r in order) == list(range(len(PAGE)))
    scores = [r.score for r in order]
    assert scores == sorted(scores, reverse=True)
    assert ranking.rank("net sales", []) == []


def test_the_cell_of_the_year_asked_comes_first() -> None:
    best = ranking.rank_cells("what were net sales in 2022?", PAGE)[0]
    assert (best.line, PAGE[best.line].headers[best.column]) == (0, "2022")
    assert ranking.rank_cells("net sales", [PAGE[5]]) == []


def test_an_encoder_counts() -> None:
    def likes_rent(question: str, texts: object) -> np.ndarray:
        return np.array([1.0 if i == 3 else -1.0 for i in range(len(PAGE))])

    plain = ranking.line_scores("net sales in 2022", PAGE)
    helped = ranking.line_features("net sales in 2022", PAGE, likes_rent("", PAGE))
    column = ranking.LINE_FEATURES.index("similar")
    assert helped[3, column] == 1.0
    assert helped[0, column] == -1.0
    assert plain.shape == (len(PAGE),)


def test_years_and_tokens() -> None:
    assert ranking.years("from 2019-21 and FY23") == {2019, 2021, 2023}
    assert ranking.years("1,234.5 and 2019.5") == set()
    assert ranking.tokens("Operating companies") == ranking.tokens("operations of the company")
