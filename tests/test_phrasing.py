"""The composable grammar: determinism, the hold-out, and clear errors."""

import random

import pytest

from specialists.foundation.errors import ConfigError
from specialists.phrasing import Phrasing, held_out

RULES = {
    "root": [f"{{verb}} [the] $measure, please ({i})" for i in range(40)],
    "verb": ["show", "give me"],
}


def test_a_draw_is_deterministic_and_fills_slots():
    phrasing = Phrasing("p", RULES)
    one = phrasing.draw(random.Random(3), "train", measure="sales")
    assert one == phrasing.draw(random.Random(3), "train", measure="sales")
    text, template = one
    assert "sales" in text
    assert "{" not in text
    assert "[" not in text
    assert template.startswith("p:")


def test_templates_are_held_out_by_their_text_alone():
    phrasing = Phrasing("p", RULES)
    trained, held = phrasing.pool("train"), phrasing.pool("templates")
    assert held
    assert not set(trained) & set(held)
    assert set(trained) | set(held) == set(phrasing.templates)
    assert phrasing.pool("companies") == phrasing.pool("dev") == trained
    assert set(held) == {t for t in RULES["root"] if held_out(t)}


def test_options_are_kept_about_half_of_the_time():
    phrasing = Phrasing("p", {"root": ["a [b]", "c", "d", "e", "f [b]"]})
    rng = random.Random(0)
    drawn = [phrasing.draw(rng, "train")[0] for _ in range(2000)]
    with_option = sum("b" in text for text in drawn if text[0] in "af")
    without = sum("b" not in text for text in drawn if text[0] in "af")
    assert 0.8 < with_option / without < 1.25


@pytest.mark.parametrize(
    ("rules", "message"),
    [({"start": ["a"]}, "no rule named root"), ({"root": ["{verb} it"]}, "unknown {verb}")],
)
def test_a_broken_grammar_is_refused(rules: dict[str, list[str]], message: str):
    with pytest.raises(ConfigError, match=message):
        Phrasing("p", rules)


def test_a_missing_slot_names_the_template():
    with pytest.raises(ConfigError, match="needs slot 'measure'"):
        Phrasing("p", RULES).draw(random.Random(0), "train")
