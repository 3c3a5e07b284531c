"""Planning as a task: expansion into subtasks, the full form, the examples and their folds."""

from __future__ import annotations

import json
import random

import pytest

from specialists.foundation.contracts import Plan, Ref
from specialists.foundation.errors import AnswerError
from specialists.planning import clauses
from specialists.planning.examples import Tally, generate
from specialists.planning.frames import FRAMES
from specialists.planning.render import PlanningInputs
from specialists.planning.task import TASK, read_written
from specialists.workspace.links import Linker
from specialists.workspace.synthetic import make_snapshot

SNAPSHOT = make_snapshot(8, split="heldout", companies=6)
CATALOGUE = SNAPSHOT.catalogue
LINKER = Linker(CATALOGUE)
ONE, TWO = CATALOGUE.companies[0].name, CATALOGUE.companies[1].name


def ask(question: str, reply: str) -> Plan:
    """The plan that a compact reply to a question stands for."""
    return TASK.begin(PlanningInputs(question, CATALOGUE, LINKER)).answer(reply)


def told(plan: Plan) -> list[str]:
    return [f"{s.id} {s.specialist}: {s.instruction}" for s in plan.subtasks]


def test_growth_looks_up_both_years_and_then_computes() -> None:
    plan = ask(f"how much did {ONE}'s sales grow from 2019 to 2022?", "growth <c1> <e1> <p1>")
    assert told(plan) == [
        f"s1 table_qa: What was the revenue of {ONE} in 2019?",
        f"s2 table_qa: What was the revenue of {ONE} in 2022?",
        f"s3 calculation: By what percentage did the revenue of {ONE} grow from 2019 to 2022?",
    ]
    assert plan.subtasks[2].inputs == {
        "operation": "growth",
        "a": Ref(ref="s1"),
        "b": Ref(ref="s2"),
    }
    assert plan.subtasks[0].inputs == {"measure": "revenue", "company": ONE, "period": "2019"}


def test_years_are_put_in_order_and_one_year_is_set_against_the_one_before() -> None:
    asked = f"{ONE} sales 2022 vs 2020"
    assert told(ask(asked, "growth <c1> <e1> <p1> <p2>")) == told(
        ask(asked, "growth <c1> <e1> <p2> <p1>")
    )
    plan = ask(f"{ONE} sales growth in 2021", "growth <c1> <e1> <p1>")
    assert [s.inputs.get("period") for s in plan.subtasks[:2]] == ["2020", "2021"]


def test_no_year_means_the_latest() -> None:
    (only,) = ask(f"{ONE} sales", "get <c1> <e1>").subtasks
    assert only.inputs["period"] == "2023"


def test_a_shared_value_is_looked_up_once() -> None:
    plan = ask(
        f"{ONE} sales in 2022, and their growth over 2021?",
        "get <c1> <e1> <p1> ; growth <c1> <e1> <p1> <p2>",
    )
    assert len(plan.subtasks) == 3


def test_every_kind_of_handle_reaches_its_specialist() -> None:
    question = f"gross margin, headcount and press of {ONE} in 2022"
    plan = ask(question, "get share <c1> <c2> <e1> <p1> ; get <d1> <e1> <p1> ; press <e1> <p1>")
    assert [s.specialist for s in plan.subtasks] == [
        "table_qa",
        "table_qa",
        "calculation",
        "extraction",
        "sentiment",
    ]
    assert plan.subtasks[3].inputs["measure"] == "number of employees"
    assert plan.subtasks[4].inputs == {"company": ONE, "period": "2022"}


def test_averages_over_years_are_one_table_question() -> None:
    (only,) = ask(f"average sales of {ONE} from 2019 to 2021", "mean <c1> <e1> <p1>").subtasks
    assert only.instruction == f"What was the average revenue of {ONE} from 2019 to 2021?"


def test_averages_over_companies_are_calculated() -> None:
    plan = ask(f"average sales of {ONE} and {TWO} in 2021", "mean <c1> <e1> <e2> <p1>")
    assert [s.specialist for s in plan.subtasks] == ["table_qa", "table_qa", "calculation"]


def test_differences_keep_the_order_they_are_asked_in() -> None:
    question = f"how much more sales did {ONE} have than {TWO} in 2021?"
    plan = ask(question, "diff <c1> <e1> <e2> <p1>")
    assert [s.inputs.get("company") for s in plan.subtasks[:2]] == [ONE, TWO]
    other = ask(question, "diff <c1> <e2> <e1> <p1>")
    assert [s.inputs.get("company") for s in other.subtasks[:2]] == [TWO, ONE]


def test_instructions_link_back_to_what_they_ask() -> None:
    """What the specialists get is linked again: nothing may be lost on the way."""
    for example in generate(TASK, "companies", 150, 31):
        for step in example.answer.subtasks:
            if step.specialist not in {"table_qa", "extraction"} or "screen" in step.inputs:
                continue  # what code carries out is not read again
            linked = example.inputs.linker.link(step.instruction)
            labels = {t.label for _, t in linked.handles.items()}
            if step.inputs.get("company"):
                assert step.inputs["company"] in labels, step.instruction
            measure = str(step.inputs.get("measure", ""))
            assert not linked.unknown, step.instruction
            if step.specialist == "table_qa":  # extraction reads its measure from the inputs
                assert any(label in measure for label in labels), (step.instruction, labels)


def test_an_empty_plan_says_what_is_unknown() -> None:
    plan = ask("revenue of Globex in 2022", "none")
    assert plan.subtasks == ()
    assert "globex" in plan.note
    assert "nothing" in ask("how is the weather?", "none").note


def test_the_compact_prompt_holds_no_name_and_no_digit() -> None:
    episode = TASK.begin(
        PlanningInputs(f"{ONE} sales in 2022 and Globex in 1999", CATALOGUE, LINKER)
    )
    system, user = episode.messages
    assert system.content == "planning"
    assert user.content == "<e1> <c1> in <p1> and unknown in unknown"


def test_handles_are_shuffled_by_seed_and_stable() -> None:
    inputs = PlanningInputs(f"{ONE} sales in 2022", CATALOGUE, LINKER)
    texts = {TASK.begin(inputs, seed=s).messages[1].content for s in range(8)}
    assert len(texts) > 4
    assert TASK.begin(inputs, seed=3).messages == TASK.begin(inputs, seed=3).messages


def test_the_full_form_shows_the_catalogue_and_reads_json() -> None:
    documented = make_snapshot(2, split="heldout", companies=3, documents=True).catalogue
    inputs = PlanningInputs("How is business?", documented, Linker(documented))
    episode = TASK.begin(inputs, form="full")
    shown = episode.messages[1].content
    for company in documented.companies:
        assert company.name in shown
    assert "Income statements" in shown
    assert "sentiment" in shown
    assert len(shown) < 6000
    schema = episode.schema()
    assert isinstance(schema, dict)
    assert schema["$defs"]["WrittenStep"]["properties"]["specialist"]["enum"] == list(
        inputs.specialists
    )
    reply = {
        "subtasks": [
            {
                "id": "s1",
                "specialist": "table_qa",
                "instruction": "x",
                "inputs": [{"name": "period", "value": 2022}],
            },
            {
                "id": "s2",
                "specialist": "calculation",
                "instruction": "y",
                "inputs": [{"name": "a", "ref": "s1"}],
            },
        ]
    }
    plan = episode.answer("```json\n" + json.dumps(reply) + "\n```")
    assert plan.subtasks[0].inputs == {"period": 2022}
    assert plan.subtasks[1].inputs == {"a": Ref(ref="s1")}
    with pytest.raises(AnswerError):
        read_written("I would rather not.")


def test_examples_are_deterministic_and_folds_apart() -> None:
    one = [e.dialogue for e in generate(TASK, "train", 40, 5)]
    assert one == [e.dialogue for e in generate(TASK, "train", 40, 5)]
    assert one != [e.dialogue for e in generate(TASK, "train", 40, 6)]
    train = list(generate(TASK, "train", 400, 5))
    held = list(generate(TASK, "templates", 400, 5))
    assert not {e.template for e in train} & {e.template for e in held}
    assert not {e.company for e in train if e.company} & {e.company for e in held if e.company}
    names = {c.name for e in train for c in e.inputs.catalogue.companies}
    assert not names & {c.name for e in held for c in e.inputs.catalogue.companies}


def test_frames_are_many_and_every_kind_has_held_out_ones() -> None:
    assert sum(len(f.templates) for f in FRAMES.values()) >= 3000
    for name, frames in FRAMES.items():
        assert frames.pool("train"), name
        assert frames.pool("templates"), name


def test_linking_loses_few_examples_and_typical_plans_are_short() -> None:
    tally = Tally()
    made = list(generate(TASK, "train", 600, 7, tally))
    assert tally.lost / tally.drawn < 0.05
    lengths = sorted(len(e.dialogue[2].content.split()) for e in made)
    assert lengths[len(lengths) // 2] <= 8
    assert lengths[-1] <= 60


def test_every_gold_dialogue_reads_back_as_its_plan() -> None:
    for example in generate(TASK, "train", 150, 41):
        user, reply = example.dialogue[1].content, example.dialogue[2].content
        episode = TASK.begin(example.inputs, seed=9)
        mine = handles(episode.messages[1].content)
        names = dict(zip(handles(user), mine, strict=True))  # the same text, other numbers
        plan = episode.answer(" ".join(names.get(word, word) for word in reply.split()))
        assert TASK.score(example, plan).right, (user, reply)


def handles(text: str) -> list[str]:
    return [word for word in text.split() if clauses.PATTERN.fullmatch(word)]


def test_a_random_reply_of_the_grammar_is_rarely_right() -> None:
    """The grammar alone answers nothing: a random verb over the question's handles is wrong."""
    rng = random.Random(3)
    right = 0
    examples = list(generate(TASK, "companies", 200, 43))
    for example in examples:
        episode = TASK.begin(example.inputs)
        found = [h for h in dict.fromkeys(handles(episode.messages[1].content)) if h[1] in "cderp"]
        found.sort(key=lambda h: "cderp".index(h[1]))
        reply = " ".join([rng.choice(clauses.VERBS), *found])
        try:
            plan = episode.answer(reply)
        except AnswerError:
            continue
        right += TASK.score(example, plan).right
    assert right / len(examples) < 0.15
