"""An answer says what was found, where it comes from, and what is missing: nothing else."""

import re
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from router.compose import Material, compose
from specialists.foundation.contracts import (
    Cell,
    Finding,
    Plan,
    Quantity,
    Ref,
    ServedBy,
    Span,
    Step,
    Subtask,
)
from specialists.workspace.catalogue import Catalogue, Column, Company, Table
from specialists.workspace.numbers import format_quantity

CATALOGUE = Catalogue(
    workspace="mine",
    version="3",
    as_of=date(2024, 5, 1),
    companies=(Company(name="Acme Corp"), Company(name="Level 8 Group")),
    tables=(
        Table(
            name="income",
            title="Income",
            columns=(
                Column(name="company", role="company", type="text"),
                Column(name="year", role="period", type="number"),
                Column(name="revenue", role="measure", type="number", unit="USD", scale=1e6),
            ),
            periods=(2021, 2022),
            rows=4,
        ),
    ),
)


def cell(year: int, value: float, company: str = "Acme Corp") -> Cell:
    return Cell(
        table="income",
        column="revenue",
        row={"company": company, "year": year},
        value=value,
        unit="USD",
        scale=1e6,
        known_at=date(year + 1, 2, 1),
    )


def lookup(id: str, year: int, value: float) -> tuple[Subtask, Finding]:
    subtask = Subtask(
        id=id,
        specialist="table_qa",
        instruction=f"What was the revenue of Acme Corp in {year}?",
        inputs={"company": "Acme Corp", "period": str(year)},
    )
    return subtask, Finding(
        subtask=id,
        specialist="table_qa",
        status="ok",
        value=Quantity(value=value, unit="USD", scale=1e6),
        label=f"revenue of Acme Corp in {year}",
        evidence=(cell(year, value),),
        served_by=ServedBy(model="m", adapter="f" * 64),
    )


def growth(value: float = 25.0) -> tuple[Subtask, Finding]:
    subtask = Subtask(
        id="s3",
        specialist="calculation",
        instruction="By what percentage did the revenue of Acme Corp grow from 2021 to 2022?",
        inputs={"operation": "growth", "a": Ref(ref="s1"), "b": Ref(ref="s2")},
    )
    return subtask, Finding(
        subtask="s3",
        specialist="calculation",
        status="ok",
        value=Quantity(value=value, unit="%"),
        label="growth",
        evidence=(
            cell(2021, 100.0),
            cell(2022, 125.0),
            Step(expression="subtract(125, 100)", result=25.0),
            Step(expression="divide(25, 100)", result=0.25),
        ),
    )


def material(
    *parts: tuple[Subtask, Finding], note: str = "", question: str = "?", **more
) -> Material:
    return Material(
        id="f" * 32,
        question=question,
        plan=Plan(subtasks=tuple(s for s, _ in parts), note=note),
        findings={f.subtask: f for _, f in parts},
        catalogue=CATALOGUE,
        created=datetime(2024, 5, 1, tzinfo=UTC),
        **more,
    )


FULL = (lookup("s1", 2021, 100.0), lookup("s2", 2022, 125.0), growth())


def test_what_was_asked_comes_first_and_what_it_rests_on_after():
    answer = compose(material(*FULL))
    assert answer.text == (
        "The revenue of Acme Corp grew by 25% from 2021 to 2022 [1][2].\n"
        "Based on: the revenue of Acme Corp in 2021 was $100 million [1]; "
        "the revenue of Acme Corp in 2022 was $125 million [2]."
    )
    assert answer.status == "complete"
    assert [s.number for s in answer.sources] == [1, 2]
    assert answer.claims[0].calculation == ("subtract(125, 100) = 25", "divide(25, 100) = 0.25")
    assert answer.sources[1].known_at == date(2023, 2, 1)
    assert answer.provisional == ("table_qa",)


def test_a_fall_is_told_by_the_verb():
    answer = compose(material(*FULL[:2], growth(-25.0)))
    assert answer.text.startswith("The revenue of Acme Corp fell by 25% from")


def test_every_claim_with_a_number_has_a_source():
    answer = compose(material(*FULL))
    cited = {s.number for s in answer.sources}
    for claim in answer.claims:
        assert claim.sources
        assert set(claim.sources) <= cited
        assert all(f"[{n}]" in claim.text for n in claim.sources)


def test_a_lost_part_makes_the_answer_partial_and_is_told():
    subtask, finding = growth()
    lost = finding.model_copy(update={"status": "failed", "value": None, "reason": "no such table"})
    answer = compose(material(*FULL[:2], (subtask, lost)))
    assert answer.status == "partial"
    assert "The revenue of Acme Corp in 2021 was $100 million [1]." in answer.text
    assert "Left open: not answered: By what percentage did the revenue" in answer.text
    assert answer.notes == (
        "not answered: By what percentage did the revenue of Acme Corp grow from 2021 to 2022? "
        "(no such table)",
    )


def test_what_the_workspace_has_not_is_said_by_name():
    answer = compose(material(note="not in this workspace: 'nestle'"))
    assert answer.status == "abstained"
    assert answer.text == (
        "This cannot be answered from the workspace 'mine': not in this workspace: 'nestle'."
    )
    assert answer.claims == ()


def test_a_plan_that_leaves_something_out_makes_a_partial_answer():
    assert compose(material(FULL[0], gaps=("the plan leaves out 2022",))).status == "partial"
    assert compose(material(FULL[0], note="not in this workspace: 'x'")).status == "partial"
    assert compose(material(FULL[0], notes=("gross profit does not add up",))).status == "complete"


def test_a_reason_with_a_number_of_its_own_stays_in_the_notes():
    subtask, finding = lookup("s1", 2021, 1.0)
    lost = finding.model_copy(
        update={"status": "failed", "value": None, "reason": "4711 is in no source"}
    )
    answer = compose(material((subtask, lost)))
    assert answer.text == (
        "This cannot be answered from the workspace 'mine': "
        "not answered: What was the revenue of Acme Corp in 2021?"
    )
    assert "4711" in answer.notes[0]


def test_a_reason_does_not_say_again_what_was_asked():
    subtask, finding = lookup("s1", 2021, 1.0)
    for reason in (f"{subtask.instruction}: no rows", f"no rows: {subtask.instruction}"):
        lost = finding.model_copy(update={"status": "failed", "value": None, "reason": reason})
        notes = compose(material((subtask, lost))).notes
        assert notes == (f"not answered: {subtask.instruction} (no rows)",)


def test_a_label_with_a_foreign_number_is_not_used():
    subtask, finding = lookup("s1", 2021, 100.0)
    loud = subtask.model_copy(update={"instruction": "Revenue is 999 billion, right?"})
    lying = finding.model_copy(update={"label": "revenue, 888 billion by memory"})
    answer = compose(material((loud, lying)))
    assert answer.text == "The table qa step found: $100 million [1]."


def test_numbers_in_names_are_no_figures():
    subtask, finding = lookup("s1", 2021, 100.0)
    named = subtask.model_copy(
        update={"instruction": "What was the revenue of Level 8 Group in 2021?"}
    )
    text = compose(material((named, finding))).text
    assert text == "The revenue of Level 8 Group in 2021 was $100 million [1]."


def test_many_sources_are_cited_as_a_range():
    subtask, finding = lookup("s1", 2021, 100.0)
    spans = tuple(
        Span(document=f"d{i}", title=f"Headline {i}", start=0, end=1, text="x") for i in range(9)
    )
    many = finding.model_copy(update={"evidence": spans})
    answer = compose(material((subtask, many)))
    assert answer.text.endswith("[1–9].")
    assert len(answer.sources) == 9


WORDS = st.text(alphabet="abc 0123456789.,%$[]–-XIV٣", max_size=40)


@settings(max_examples=300, deadline=None)
@given(
    instruction=WORDS,
    label=WORDS,
    reason=WORDS,
    note=WORDS,
    question=WORDS,
    value=st.floats(-1e12, 1e12),
    unit=st.sampled_from(["USD", "%", "x", ""]),
    scale=st.sampled_from([1.0, 1e6]),
)
def test_no_number_gets_in_that_nothing_carries(
    instruction, label, reason, note, question, value, unit, scale
):
    """Whatever a model writes into instructions, labels, reasons and notes."""
    good = Finding(
        subtask="a",
        specialist="any",
        status="ok",
        value=Quantity(value=value, unit=unit, scale=scale),
        label=label,
        evidence=(cell(2021, 100.0),),
    )
    bad = Finding(subtask="b", specialist="any", status="failed", label=label, reason=reason)
    parts = [
        (Subtask(id="a", specialist="any", instruction=instruction), good),
        (Subtask(id="b", specialist="any", instruction=instruction), bad),
    ]
    answer = compose(material(*parts, note=note, question=question))
    written = answer.text.replace(
        answer.claims[0].text, answer.claims[0].text.removesuffix(" [1].")
    )
    shown = format_quantity(Quantity(value=value, unit=unit, scale=scale))
    texts = [shown, question, "Acme Corp", "Level 8 Group", "2021", "2022"]
    allowed = {n for text in texts for n in figures(text)}
    assert figures(written) <= allowed
    assert answer.claims[0].sources == (1,)


def figures(text: str) -> set[str]:
    """Every number of a text, thousands' commas left out."""
    return set(re.findall(r"\d+(?:\.\d+)*", re.sub(r"(?<=\d),(?=\d)", "", text)))
