"""What a recipe learns from: the same in every process, and never of the companies it is watched
on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from specialists.foundation.errors import ConfigError
from training.tuning import data
from training.tuning import recipe as recipes

SMALL = ("data.count=60", "watch.count=12")
JOBS = ("sentiment", "extraction", "table_qa", "calculation", "planning", "maths")


def gather(name: str, *overrides: str) -> data.Material:
    return data.gather(recipes.load(name, (*SMALL, *overrides)), None)


@pytest.mark.parametrize("job", JOBS)
def test_watched_companies_are_never_learned_from(job):
    made = gather(f"{job}/sft/embedded")
    learned = {e.company or e.template or e.id for e in made.train}
    watched = {e.company or e.template or e.id for e in made.watched}
    assert len(made.train) == 60
    assert len(made.watched) == 12
    assert not learned & watched
    assert {e.fold for e in (*made.train, *made.watched)} <= {"train", "dev"}


def test_examples_are_the_same_in_every_process():
    """Python shuffles its sets anew in each process; a resumed run must not notice."""
    script = (
        "from training.tuning import data, recipe\n"
        f"for job in {JOBS!r}:\n"
        f"    made = recipe.load(f'{{job}}/sft/embedded', {SMALL!r})\n"
        "    print(job, data.gather(made, None).digest)\n"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert len(told[0].splitlines()) == len(JOBS)


def test_the_seed_orders_and_the_data_seed_draws():
    one, other = gather("sentiment/sft/embedded"), gather("sentiment/sft/embedded", "seed=12")
    assert [e.id for e in one.train] != [e.id for e in other.train]
    assert {e.id for e in one.train} == {e.id for e in other.train}
    drawn = gather("sentiment/sft/embedded", "data.seed=13")
    assert {e.id for e in one.train} != {e.id for e in drawn.train}
    assert one.digest != other.digest != drawn.digest


def test_a_staged_order_is_one_part_after_the_other():
    parts = 'data.parts=[{slice="one"}, {slice="several"}]'
    staged = gather("table_qa/sft/embedded", parts, 'data.order="staged"')
    mixed = gather("table_qa/sft/embedded", parts)
    tables = [_tables(e) for e in staged.train]
    assert [t > 1 for t in tables] == [False] * 30 + [True] * 30
    assert sorted(e.id for e in staged.train) == sorted(e.id for e in mixed.train)
    assert [_tables(e) > 1 for e in mixed.train[:30]].count(True) > 5
    assert {_tables(e) > 1 for e in staged.watched} == {True, False}


def _tables(example) -> int:
    calls = [c for m in example.dialogue for c in m.tool_calls if c.name == "sql"]
    return len({c.arguments["query"].split(" FROM ")[1].split(" ")[0] for c in calls})


def test_an_unknown_slice_is_told():
    with pytest.raises(ConfigError, match="one, several"):
        gather("table_qa/sft/embedded", 'data.parts=[{slice="some"}]')


def test_holding_all_companies_back_is_told():
    with pytest.raises(ConfigError, match=r"data\.held"):
        gather("table_qa/sft/embedded", "data.held=1.0", "data.count=2")


@pytest.mark.skipif("FINROUTE_DATA" not in os.environ, reason="FINROUTE_DATA is not set")
def test_public_data_has_its_share_and_its_licence():
    given = Path(os.environ["FINROUTE_DATA"])
    made = data.gather(recipes.load("sentiment/sft/embedded", SMALL), given)
    about = made.about
    assert sum(about["sources"].values()) == 60
    assert 25 <= 60 - about["sources"]["generated"] <= 30
    assert all(told["licence"] for told in about["public"])
    assert about["public"]
