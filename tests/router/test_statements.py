"""Questions become statements."""

import pytest

from router.statements import statement
from specialists.foundation.contracts import Finding, Quantity, Subtask


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
