"""Groups whose episodes agree teach nothing: they are drawn again elsewhere, deterministically."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from training import jobs
from training.tuning import recipe as recipes
from training.tuning.groups import Groups, Paid, agree

TASK = jobs.task("sentiment")
EXAMPLES = list(TASK.examples("train", 40, 3))


class Scripted:
    """Draws episodes that are right where the script says so; remembers what it was asked."""

    def __init__(self, right) -> None:
        self.right, self.asked = right, []

    async def draw(self, wishes, *, temperature=None) -> list[Any]:
        self.asked += wishes
        drawn = []
        for number, wish in enumerate(wishes):
            answer = wish.example.answer if self.right(wish, number) else None
            run = SimpleNamespace(answer=answer, problems=(), broken=False, messages=())
            drawn.append(SimpleNamespace(wish=wish, run=run, mask=[1]))
        return drawn


def groups(right, *overrides: str, method: str = "grpo") -> tuple[Groups, Scripted]:
    made = recipes.load(f"sentiment/{method}/embedded", ("grpo.group=4", *overrides))
    drawing = Scripted(right)
    return Groups(made, TASK, drawing, EXAMPLES), drawing  # type: ignore[arg-type]


def mixed(place: int):
    """Only groups of examples at or after ``place`` have both outcomes; others are all wrong."""
    late = {id(e) for e in EXAMPLES[place:]}
    return lambda wish, number: id(wish.example) in late and number % 2 == 0


async def test_agreeing_groups_are_replaced_by_those_that_follow():
    made, drawing = groups(mixed(3), "grpo.refill=1")
    drawn = await made.draw([1, 2, 3, 4], step=0)
    assert (drawn.asked, drawn.replaced) == (6, 2)
    assert not any(agree(group) for group in drawn.groups)
    learned = {id(group[0].rollout.wish.example) for group in drawn.groups}
    assert learned == {id(EXAMPLES[place]) for place in (3, 4, 5, 6)}
    assert len(drawing.asked) == 6 * 4


async def test_without_refill_they_stay():
    made, _ = groups(mixed(3), "grpo.refill=0")
    drawn = await made.draw([1, 2, 3, 4], step=0)
    assert (drawn.asked, drawn.replaced) == (4, 0)
    assert [agree(group) for group in drawn.groups] == [True, True, False, False]


async def test_refilling_gives_up_after_as_many_rounds_as_it_may():
    made, drawing = groups(lambda wish, number: False, "grpo.refill=2")
    drawn = await made.draw([0, 1], step=0)
    assert (drawn.asked, drawn.replaced) == (6, 0)
    assert len(drawing.asked) == 3 * 2 * 4


async def test_seeds_follow_from_recipe_step_and_place_alone():
    first, one = groups(mixed(0))
    second, two = groups(mixed(0))
    await first.draw([4, 5], step=7)
    await second.draw([4, 5], step=7)
    assert [w.seed for w in one.asked] == [w.seed for w in two.asked]
    assert len({w.seed for w in one.asked}) == len(one.asked)
    other, three = groups(mixed(0), "seed=12")
    await other.draw([4, 5], step=7)
    assert not {w.seed for w in one.asked} & {w.seed for w in three.asked}
    await second.draw([4, 5], step=8)
    assert len({w.seed for w in two.asked}) == len(two.asked)


async def test_a_placebo_pays_by_lot_whatever_was_said():
    made, _ = groups(lambda wish, number: False, method="grpo_placebo")
    made.luck = 0.5
    drawn = await made.draw(list(range(40)), step=0)
    paid = [p.reward for group in drawn.groups for p in group]
    assert set(paid) == {0.0, 1.0}
    assert 0.35 < sum(paid) / len(paid) < 0.65  # type: ignore[arg-type]
    again = await made.draw(list(range(40)), step=0)
    assert paid == [p.reward for group in again.groups for p in group]


@pytest.mark.parametrize(
    ("rewards", "same"),
    [
        ([1.0, 1.0, 1.0], True),
        ([1.0, 0.0, 1.0], False),
        ([None, 1.0, 0.0], False),
        ([None, None, 1.0], True),
        ([0.5, 0.5 + 1e-12], True),
    ],
)
def test_agreement_is_of_those_that_could_be_judged(rewards, same):
    group = [Paid(SimpleNamespace(), {}, reward) for reward in rewards]  # type: ignore[arg-type]
    assert agree(group) is same
