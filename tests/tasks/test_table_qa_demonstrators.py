"""Demonstrators of mixed discipline: what they say is what the tools would say, and how often."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator

import pytest

from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError
from specialists.table_qa.demonstrators import MIXES, Demonstration, demonstrations, meant
from specialists.table_qa.dialogue import CompactEpisode
from specialists.table_qa.discipline import Discipline, discipline
from specialists.table_qa.inputs import TableAnswer, TableQuestion
from specialists.table_qa.policy import SLOW
from specialists.table_qa.task import TableTask
from specialists.task import Example
from specialists.workspace.handles import PATTERN
from specialists.workspace.sandbox import Sandbox
from specialists.workspace.toolbox import Toolbox

TASK = TableTask()
QUESTIONS = [
    *TASK.sliced("one").examples("train", 250, 21),
    *TASK.sliced("several").examples("train", 250, 21),
    *TASK.examples("train", 150, 21),
]
SHOWN = list(demonstrations(TASK, "mixed", QUESTIONS, 5))


def read(example: Example[TableQuestion, TableAnswer], shown: Demonstration) -> Discipline:
    return discipline(example.inputs, shown.messages, shown.answer)


PAIRS = [(e, s, read(e, s)) for e, s in zip(QUESTIONS, SHOWN, strict=True)]


def share(*habits: str, of: int = 500) -> dict[str, float]:
    """What the dialogues of the sliced questions, or of those with a habit, come to."""
    chosen = [(e, s, d) for e, s, d in PAIRS[:of] if not habits or s.habit in habits]
    told: Counter[str] = Counter()
    for example, shown, order in chosen:
        right = shown.answer is not None and TASK.score(example, shown.answer).right
        told["right"] += right
        told["disciplined"] += order.disciplined
        told["both"] += right and order.disciplined
        told["listed"] += order.listed
        told["described"] += order.described
        told["invented"] += order.invented > 0
        told["erred"] += order.errors > 0
        told["recovered"] += bool(order.recovered)
        told["answered"] += order.answered
    return {name: count / len(chosen) for name, count in told.items()}


def test_about_two_in_five_are_right_and_disciplined() -> None:
    all_ = share()
    assert 0.34 < all_["both"] < 0.48
    assert all_["both"] < all_["disciplined"] < 0.65
    assert 0.55 < all_["right"] < 0.8
    assert {s.habit for s in SHOWN} == set(MIXES["mixed"].habits)


def test_each_habit_is_what_it_is_called() -> None:
    careful, mending = share("careful"), share("mending")
    assert careful["both"] == mending["both"] == 1.0
    assert "erred" not in careful or careful["erred"] == 0.0
    assert mending["erred"] == mending["recovered"] == 1.0
    hasty, blind = share("hasty"), share("blind")
    assert hasty["listed"] == 1.0
    assert hasty["described"] == 0.0
    assert blind["listed"] == 0.0
    assert blind["invented"] == 1.0
    inventing, quitting = share("inventing"), share("quitting")
    assert inventing["invented"] == 1.0
    assert 0.2 < inventing["recovered"] < 0.8
    assert quitting["disciplined"] == 1.0
    assert quitting["answered"] == quitting["recovered"] == 0.0
    careless = share("careless")
    assert careless["answered"] > 0.8
    assert careless["right"] < 0.5


def test_the_same_seed_shows_the_same() -> None:
    again = list(demonstrations(TASK, "mixed", QUESTIONS[:40], 5))
    assert [s.messages for s in again] == [s.messages for s in SHOWN[:40]]
    other = list(demonstrations(TASK, "mixed", QUESTIONS[:40], 6))
    assert [s.messages for s in other] != [s.messages for s in SHOWN[:40]]
    told = list(TASK.demonstrations("mixed", QUESTIONS[:5], 5))
    assert told == [s.messages for s in SHOWN[:5]]


def test_dialogues_are_whole_and_within_the_turns() -> None:
    for _, shown, order in PAIRS:
        assert order.turns <= TASK.max_turns
        assert shown.messages[-1].role == "assistant"
        assert set(json.loads(shown.messages[-1].content)) == {"value"}
        assert order.malformed == 0


def test_a_demonstrator_that_means_gold_comes_to_gold() -> None:
    for example in QUESTIONS[:120]:
        script = meant(example, TASK.compact(example.inputs, seed=3))
        asked = [c for m in example.dialogue for c in m.tool_calls if c.name == "sql"]
        assert 1 <= len(script.asks) <= len(asked)


def test_unknown_demonstrators_and_foreign_questions_are_refused() -> None:
    with pytest.raises(ConfigError, match="no demonstrator 'best'; there is mixed"):
        list(TASK.demonstrations("best", QUESTIONS[:1], 1))
    bare = QUESTIONS[0].__class__(
        "q", QUESTIONS[0].inputs, QUESTIONS[0].answer, QUESTIONS[0].dialogue[:2], "train"
    )
    with pytest.raises(ConfigError, match="q: a demonstrator needs a generated example"):
        list(TASK.demonstrations("mixed", [bare], 1))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    asyncio.run(made.aclose())


async def test_the_real_tools_say_the_same(sandbox: Sandbox) -> None:
    """But for the order of a listing, and with it the numbers of the tables' handles."""
    compared = 0
    for example, shown, _ in PAIRS[:500:8]:
        listings = [m.content.split(" ; ") for m in shown.messages if m.role == "tool"]
        if any(len({_form(part) for part in parts}) < len(parts) for parts in listings[:2]):
            continue  # tables of the same kind: which is which cannot be told from here
        compared += 1
        assert example.inputs.snapshot is not None
        tools = Toolbox(example.inputs.snapshot, sandbox)
        episode = TASK.compact(example.inputs)
        names = _names(shown.messages[1].content, episode.messages[1].content)
        messages = list(shown.messages)
        for at, message in enumerate(messages):
            for call in message.tool_calls:
                said = messages[at + 1].content
                if said == f"error: {SLOW}":
                    continue
                here = call.model_copy(
                    update={
                        "arguments": {
                            k: _renamed(v, names, shown.messages, episode)
                            for k, v in call.arguments.items()
                        }
                    }
                )
                meant = episode.expand(here)
                result = await tools.call(meant.name, meant.arguments)
                told = episode.observe(here, result).content
                _learn(names, said, told)
                assert _form(told) == _form(said), (call, said, told)
                assert told.startswith("error") == said.startswith("error")
    assert compared > 30


def _names(theirs: str, ours: str) -> dict[str, str]:
    return dict(
        zip(
            (m[0] for m in PATTERN.finditer(theirs)),
            (m[0] for m in PATTERN.finditer(ours)),
            strict=True,
        )
    )


def _renamed(
    text: str, names: dict[str, str], messages: tuple[Message, ...], episode: CompactEpisode
) -> str:
    """A call in the handles of another dialogue; what is invented stays so."""
    unbound = {
        kind: f"<{kind}{n}>"
        for kind in "tcepn"
        for n in range(1, 13)
        if f"<{kind}{n}>" not in episode.handles
    }
    return PATTERN.sub(lambda m: names[m[0]] if m[0] in names else unbound[m[1]], text)


def _learn(names: dict[str, str], said: str, told: str) -> None:
    """Which handle of theirs is which of ours, from what the tools said."""
    theirs, ours = (sorted(text.split(" ; "), key=_form) for text in (said, told))
    for one, other in zip(theirs, ours, strict=True):
        for old, new in zip(PATTERN.finditer(one), PATTERN.finditer(other), strict=True):
            names.setdefault(old[0], new[0])


def _form(text: str) -> str:
    """An observation with its handles' numbers left out, parts of a listing in order."""
    return " ; ".join(sorted(PATTERN.sub(r"<\1>", part) for part in text.split(" ; ")))
