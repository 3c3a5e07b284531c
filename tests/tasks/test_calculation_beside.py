"""Numbers stand beside the words that ask for them, or nowhere."""

from specialists.calculation.beside import Mark, place


def marks(*rows: tuple[str, str, str, int | None]) -> list[Mark]:
    return [
        Mark(number=f"<n{i}>", measure=c, entity=e, period=p, year=year)
        for i, (c, e, p, year) in enumerate(rows, start=1)
    ]


def test_years_tell_the_numbers_of_one_measure_apart():
    facts = marks(("<c1>", "<e1>", "<p1>", 2021), ("<c1>", "<e1>", "<p2>", 2022))
    assert place("growth of <c1> of <e1> from <p1> to <p2> ?", facts) == (
        "growth of <c1> of <e1> from <p1> <n1> to <p2> <n2> ?",
        {"<n1>", "<n2>"},
    )


def test_years_inside_a_range_follow_its_first():
    facts = marks(*(("<c1>", "", f"<p{i}>", 2018 + i) for i in (1, 2, 3, 4)))
    text, placed = place("average <c1> from <p1> to <p4>", facts)
    assert text == "average <c1> from <p1> <n1> <n2> <n3> to <p4> <n4>"
    assert len(placed) == 4


def test_measures_of_one_year_take_their_own_numbers():
    facts = marks(("<c1>", "<e1>", "<p1>", 2022), ("<c2>", "<e1>", "<p1>", 2022))
    assert (
        place("<c2> over <c1> of <e1> in <p1>", facts)[0]
        == "<c2> <n2> over <c1> <n1> of <e1> in <p1>"
    )


def test_companies_take_their_own_numbers():
    facts = marks(("<c1>", "<e1>", "<p1>", 2022), ("<c1>", "<e2>", "<p1>", 2022))
    text, _ = place("did <e2> have more <c1> than <e1> in <p1> ?", facts)
    assert text == "did <e2> <n2> have more <c1> than <e1> <n1> in <p1> ?"


def test_what_the_question_does_not_name_is_not_placed():
    facts = marks(
        ("<c1>", "<e1>", "<p1>", 2022),
        ("<c1>", "<e2>", "<p1>", 2022),
        ("<c1>", "<e1>", "<p9>", 2017),
        ("", "<e1>", "<p1>", 2022),
    )
    assert place("<c1> of <e1> in <p1>", facts) == ("<c1> <n1> of <e1> in <p1>", {"<n1>"})


def test_an_owner_nobody_named_is_a_guess_and_not_made():
    facts = marks(("<c1>", "<e1>", "<p1>", 2022), ("<c1>", "<e2>", "<p1>", 2022))
    assert place("<c1> in <p1>", facts) == ("<c1> in <p1>", frozenset())


def test_a_range_without_its_first_year_keeps_its_numbers_at_the_measure():
    facts = marks(
        ("<c1>", "", "<p2>", 2021), ("<c1>", "", "<p3>", 2022), ("<c9>", "", "<p1>", 2020)
    )
    text, placed = place("average <c1> from <p1> to <p3>", facts)
    assert text == "average <c1> <n1> from <p1> to <p3> <n2>"
    assert placed == {"<n1>", "<n2>"}
