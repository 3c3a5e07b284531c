"""A design is whole and coherent, its digest covers all of it, and its test is unguessable."""

import shutil
from pathlib import Path

import pytest

from evals.decision import design
from specialists.foundation.errors import ConfigError

NAMES = sorted(path.stem for path in design.DESIGNS.glob("*.toml"))


@pytest.fixture
def copied(tmp_path):
    """The calculation design and its study, to be changed."""
    shutil.copytree("training/studies/decide-calculation", tmp_path / "study")
    text = (design.DESIGNS / "calculation.toml").read_text("utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace("training/studies/decide-calculation", "study"), "utf-8")
    return file


@pytest.mark.parametrize("name", NAMES)
def test_the_projects_designs_are_valid(name):
    registered = design.load(Path(name))
    assert registered.design.candidates
    assert all(not registered.design.arm(c).control for c in registered.design.candidates)
    asked = sum(paper.count for paper in registered.design.papers)
    assert asked >= registered.design.limits.questions


def test_the_digest_covers_the_design_and_every_file_of_its_study(copied):
    before = design.load(copied).digest
    assert design.load(copied).digest == before
    assert design.load(copied, ["rule.delta=2"]).digest != before
    assert design.load(copied, quick=True).digest != before
    recipe = copied.parent / "study" / "grpo.toml"
    recipe.write_text(recipe.read_text("utf-8").replace("steps = 40", "steps = 41"), "utf-8")
    assert design.load(copied).digest != before


def test_what_is_only_said_about_it_does_not_count(copied):
    assert design.load(copied, ['about="words"']).digest == design.load(copied).digest


def test_the_tests_seed_follows_from_design_and_adapters(copied):
    registered = design.load(copied)
    assert registered.seed(["a", "b"]) == registered.seed(["b", "a"])
    assert registered.seed(["a", "b"]) != registered.seed(["a", "c"])
    assert design.load(copied, ["rule.delta=2"]).seed(["a", "b"]) != registered.seed(["a", "b"])


def test_the_quick_form_is_smaller_everywhere(copied):
    whole, quick = design.load(copied).design, design.load(copied, quick=True).design
    assert sum(p.count for p in quick.papers) <= whole.quick.questions
    assert {arm.runs for arm in quick.arms} == {1, 2}
    assert quick.decode.samples == 2
    assert quick.contrasts == whole.contrasts


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("start=nobody", "no arms named nobody"),
        ('contrasts=[{arm="sft",against="sft"}]', "cannot be held against itself"),
        ("contrasts=[]", "needs contrasts"),
        ("papers=[]", "needs papers"),
        ('study=""', "need a study"),
        ("study=nowhere", "has no study.toml"),
        ("looks.at=[0.5]", "end with 1"),
        ("looks.at=[1.0,0.5]", "ascending"),
        ("rule.delta=0", "greater than 0"),
        ("rule.dellta=1", "unknown key"),
        ('arms=[{name="a",kind="adapter"},{name="b"}]', "no arms named"),
    ],
)
def test_what_is_wrong_is_named(copied, change, told):
    with pytest.raises(ConfigError, match=told):
        design.load(copied, [change])


def test_an_unknown_design_names_those_there_are():
    with pytest.raises(ConfigError, match="no design nothing; the project has calculation"):
        design.load(Path("nothing"))
