"""Questions become statements."""

import pytest

from router.statements import statement
from specialists.foundation.contracts import Finding, Quantity, Ref, Subtask


@pytest.mark.parametrize(
    ("question", "value", "said"),
    [
        ("What was the revenue of A in 2022?", Quantity(value=5, unit="USD", scale=1e6),
         "The revenue of A in 2022 was $5 million"),
        ("By what percentage did the revenue of A grow from 2021 to 2022?",
         Quantity(value=-2.5, unit="%"), "The revenue of A fell by 2.5% from 2021 to 2022"),
        ("By how much did the revenue of A change from 2021 to 2022?",
         Quantity(value=3, unit="USD", scale=1e6),
         "The revenue of A rose by $3 million from 2021 to 2022"),
        ("By how much did the revenue of A exceed the revenue of B?",
         Quantity(value=-3, unit="USD", scale=1e6),
         "The revenue of A fell short of the revenue of B by $3 million"),
        ("What was the revenue of A divided by assets in 2022, as a multiple?",
         Quantity(value=1.2, unit="x"), "The revenue of A divided by assets in 2022 was 1.2x"),
        ("What was the compound annual growth rate of the revenue of A from 2019 to 2022?",
         Quantity(value=4, unit="%"),
         "The compound annual growth rate of the revenue of A from 2019 to 2022 was 4%"),
        ("What percentage of the revenue of A was the revenue of the Cloud segment of A in 2022?",
         Quantity(value=40, unit="%"),
         "The revenue of the Cloud segment of A was 40% of the revenue of A in 2022"),
        ("Which company had the highest revenue in 2022?", "Acme",
         "Acme had the highest revenue in 2022"),
        ("Which 3 companies had the highest revenue in 2022?", "Acme, Bolt, Cog",
         "Acme, Bolt, Cog had the highest revenue in 2022"),
        ("In which year was the revenue of A highest from 2019 to 2022?", "2021",
         "The revenue of A was highest from 2019 to 2022 in 2021"),
        ("What is the tone of the news about A in 2022?", "positive: 2 positive of 2 headlines",
         "The tone of the news about A in 2022 is positive: 2 positive of 2 headlines"),
        ("Find the churn", "3 %", "Churn: 3 %"),
    ],
)  # fmt: skip
def test_statement(question: str, value: Quantity | str, said: str):
    subtask = Subtask(id="s", specialist="any", instruction=question)
    finding = Finding(subtask="s", specialist="any", status="ok", value=value, label="churn")
    assert statement(subtask, finding) == said


@pytest.mark.parametrize(
    ("question", "value", "label", "said"),
    [
        ("Which 2 companies had the highest revenue in 2022?", "Acme and Bolt",
         "Acme: $5 million; Bolt: $4 million",
         "Acme ($5 million) and Bolt ($4 million) had the highest revenue in 2022"),
        ("Which company in the Energy sector had the second highest revenue in 2022?", "Bolt",
         "Bolt: $4 million",
         "Bolt ($4 million) had the second highest revenue in 2022 of the companies in the Energy"
         " sector"),
        ("Which of Acme and Bolt had the lowest revenue in 2022?", "Bolt", "Bolt: $4 million",
         "Of Acme and Bolt, Bolt ($4 million) had the lowest revenue in 2022"),
        ("Which segment of Acme had the highest revenue in 2022?", "Cloud", "Cloud: $4 million",
         "Cloud ($4 million) had the highest revenue in 2022 of the segments of Acme"),
        ("Which companies had revenue above $9 billion in 2022?", "none", "",
         "No company had revenue above $9 billion in 2022"),
        ("How many companies had revenue above $4 million in 2022?",
         Quantity(value=1, unit="count"), "Acme: $5 million",
         "1 company had revenue above $4 million in 2022: Acme ($5 million)"),
        ("How many companies are there in the Energy sector?", Quantity(value=3, unit="count"),
         "companies in Energy", "There are 3 companies in the Energy sector"),
        ("In which year was the revenue of Acme highest from 2019 to 2022?", "2021",
         "2021: $5 million",
         "The revenue of Acme was highest in 2021 ($5 million), looking at the years from 2019 to"
         " 2022"),
        ("What rank did Acme have by revenue among all companies in 2022?", Quantity(value=3),
         "3 of 40, with $5 million",
         "Acme was number 3 of 40 by revenue among all companies in 2022, with $5 million"),
    ],
)  # fmt: skip
def test_screens(question: str, value: Quantity | str, label: str, said: str):
    subtask = Subtask(id="s", specialist="table_qa", instruction=question, inputs={"screen": "x"})
    finding = Finding(subtask="s", specialist="table_qa", status="ok", value=value, label=label)
    assert statement(subtask, finding) == said


def test_yes_and_no_say_what_was_compared():
    def found(name: str, value: Quantity | str) -> Finding:
        return Finding(subtask=name, specialist="any", status="ok", value=value)

    findings = {"s1": found("s1", Quantity(value=5, unit="USD", scale=1e6)),
                "s2": found("s2", Quantity(value=4, unit="USD", scale=1e6))}  # fmt: skip
    higher = Subtask(
        id="s3",
        specialist="calculation",
        instruction="Was the revenue of A in 2022 higher than the revenue of B in 2022?",
        inputs={"operation": "greater", "a": Ref(ref="s1"), "b": Ref(ref="s2")},
    )
    assert statement(higher, found("s3", "yes"), findings) == (
        "Yes: the revenue of A in 2022 ($5 million) was higher than the revenue of B in 2022 "
        "($4 million)"
    )
    limit = Subtask(
        id="s3",
        specialist="calculation",
        instruction="Was the revenue of A in 2022 lower than $3 million?",
        inputs={"operation": "greater", "a": Ref(ref="s1"), "limit": 3e6, "side": "below"},
    )
    assert statement(limit, found("s3", "no"), findings) == (
        "No: the revenue of A in 2022 ($5 million) was not lower than $3 million"
    )


def test_points_and_years_are_written_as_such():
    asked = "By how much did the margin of A change from 2021 to 2022?"
    change = Subtask(id="s", specialist="any", instruction=asked)
    points = Finding(subtask="s", specialist="any", status="ok", value=Quantity(value=-2, unit="%"))
    assert statement(change, points) == (
        "The margin of A fell by 2 percentage points from 2021 to 2022"
    )
    founded = Subtask(id="s", specialist="any", instruction="What is the year founded of A?")
    year = Finding(subtask="s", specialist="any", status="ok", value=Quantity(value=1895))
    assert statement(founded, year) == "The year founded of A is 1895"
