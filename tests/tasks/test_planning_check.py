"""Plans: soundness, equivalence under renaming and reordering, and hundreds of mutations."""

from __future__ import annotations

import random

import pytest

from specialists.foundation.contracts import Plan, Ref, Scalar, Subtask
from specialists.planning.check import MANY, WHOSE, check, same, score
from specialists.planning.examples import generate
from specialists.planning.render import JOBS
from specialists.planning.task import TASK

NAMES = tuple(JOBS)
EXAMPLES = [e for e in generate(TASK, "companies", 420, 23) if e.answer.subtasks]


def step(name: str, specialist: str = "table_qa", **inputs: Scalar | Ref) -> Subtask:
    return Subtask(id=name, specialist=specialist, instruction=f"Find {name}.", inputs=inputs)


def calc(name: str, operation: str, *refs: str) -> Subtask:
    inputs: dict[str, Scalar | Ref] = {"operation": operation}
    inputs |= {chr(97 + i): Ref(ref=r) for i, r in enumerate(refs)}
    return Subtask(id=name, specialist="calculation", instruction="Compute.", inputs=inputs)


@pytest.mark.parametrize(
    ("steps", "word"),
    [
        ((step("s1", "astrology"),), "no specialist"),
        ((step("s1"), step("s1")), "two steps"),
        ((step("s1"), calc("s2", "sum", "s1", "s9")), "no step"),
        ((calc("s1", "sum", "s2", "s3"), step("s2"), step("s3")), "no earlier"),
        ((calc("s1", "sum", "s2", "s2"), calc("s2", "sum", "s1", "s1")), "circle"),
        ((calc("s1", "sum", "s1", "s1"),), "circle"),
        (tuple(step(f"s{i}") for i in range(40)), "at most"),
        ((Subtask(id="s1", specialist="table_qa", instruction=" "),), "empty instruction"),
        ((Subtask(id="", specialist="table_qa", instruction="x"),), "no id"),
        ((step("s1"), calc("s2", "growth", "s1")), "two numbers"),
        ((step("s1"), calc("s2", "sum", "s1")), "two numbers or more"),
        ((step("s1"), calc("s2", "sorcery", "s1", "s1")), "no operation"),
        ((Subtask(id="s1", specialist="calculation", instruction="x"),), "without numbers"),
        ((), "say why"),
    ],
)
def test_unsound(steps: tuple[Subtask, ...], word: str) -> None:
    assert any(word in problem for problem in check(Plan(subtasks=steps), NAMES))


def test_gold_plans_are_sound_complete_and_right() -> None:
    for example in EXAMPLES:
        assert TASK.validate(example.inputs, example.answer, ()) == [], example.inputs.question
        assert TASK.score(example, example.answer).right


def renamed(plan: Plan, rng: random.Random) -> Plan:
    """The same plan with other ids, in another topological order, commuting inputs shuffled."""
    names = {s.id: f"x{rng.randrange(10**9)}" for s in plan.subtasks}
    waiting = list(plan.subtasks)
    done: set[str] = set()
    steps: list[Subtask] = []
    while waiting:
        ready = [s for s in waiting if set(s.parents()) <= done]
        chosen = rng.choice(ready)
        waiting.remove(chosen)
        done.add(chosen.id)
        inputs = {
            k: Ref(ref=names[v.ref]) if isinstance(v, Ref) else v for k, v in chosen.inputs.items()
        }
        if inputs.get("operation") in MANY:
            keys = [k for k, v in inputs.items() if isinstance(v, Ref)]
            values = [inputs[k] for k in keys]
            rng.shuffle(values)
            inputs |= dict(zip(keys, values, strict=True))
        steps.append(chosen.model_copy(update={"id": names[chosen.id], "inputs": inputs}))
    return Plan(subtasks=tuple(steps), note=plan.note)


def test_equivalent_plans_are_accepted() -> None:
    rng = random.Random(1)
    accepted = 0
    for example in EXAMPLES:
        other = renamed(example.answer, rng)
        assert check(other, NAMES) == []
        assert same(example.answer, other)
        assert score(example.answer, other).right
        accepted += 1
    assert accepted >= 300


def mutations(plan: Plan, rng: random.Random) -> list[Plan]:
    """Plans that ask for something else, or cannot be carried out."""
    steps = list(plan.subtasks)
    made: list[Plan] = []

    def add(changed: list[Subtask]) -> None:
        made.append(Plan(subtasks=tuple(changed), note=plan.note))

    place = rng.randrange(len(steps))
    chosen = steps[place]

    def swap(**inputs: Scalar | Ref) -> None:
        changed = chosen.model_copy(update={"inputs": {**chosen.inputs, **inputs}})
        add([*steps[:place], changed, *steps[place + 1 :]])

    if "period" in chosen.inputs:
        swap(period="1999")
    if "company" in chosen.inputs:
        swap(company="Somebody Else Inc")
    if "measure" in chosen.inputs:
        swap(measure="warranty reserve")
    if chosen.specialist == "calculation":
        swap(operation="ratio" if chosen.inputs["operation"] != "ratio" else "share")
        if chosen.inputs["operation"] not in MANY | WHOSE and "b" in chosen.inputs:
            swap(a=chosen.inputs["b"], b=chosen.inputs["a"])
    other = "sentiment" if chosen.specialist != "sentiment" else "extraction"
    add([*steps[:place], chosen.model_copy(update={"specialist": other}), *steps[place + 1 :]])
    add(steps[:-1])
    add([*steps, step("extra", measure="revenue", company="Somebody Else Inc", period="2001")])
    return made


def test_mutated_plans_are_rejected() -> None:
    rng = random.Random(2)
    rejected = 0
    for example in EXAMPLES:
        for other in mutations(example.answer, rng):
            assert not score(example.answer, other).right, (example.inputs.question, other)
            rejected += 1
    assert rejected >= 1000


def test_most_and_least_are_not_the_same_question() -> None:
    def ranking(word: str, who: str = "company") -> Plan:
        text = f"Which {who} had the {word} revenue in 2022?"
        inputs: dict[str, Scalar | Ref] = {"measure": "revenue", "period": "2022"}
        one = Subtask(id="s1", specialist="table_qa", instruction=text, inputs=inputs)
        return Plan(subtasks=(one,))

    assert same(ranking("highest"), ranking("highest"))
    assert not same(ranking("highest"), ranking("lowest"))


def test_no_plan_is_wrong_and_an_empty_one_is_right_only_where_gold_is() -> None:
    gold = EXAMPLES[0].answer
    empty = Plan(subtasks=(), note="nothing of this is here")
    assert not score(gold, None).right
    assert not score(gold, empty).right
    assert score(empty, empty).right
