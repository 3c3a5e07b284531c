"""Collecting dialogues: from a real in-process model whose replies a grammar holds to the form (so
that a third of them is right by luck), and from engines whose replies are written out."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specialists.agent import Specialist
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import (
    Completion,
    Message,
    ReplySchema,
    Sampling,
    ToolSpec,
    Usage,
)
from specialists.foundation.errors import ConfigError, EngineError, RecordError
from specialists.foundation.prices import Price
from specialists.sentiment.task import SentimentTask
from specialists.task import Example
from training.tuning import traces
from training.tuning.dialogues import Dialogue
from training.tuning.teachers import Teacher
from training.tuning.traces import Asking, Collected, collect

TASK = SentimentTask()
EXAMPLES = list(TASK.examples("train", 40, 3))
GOLD = {e.dialogue[1].content: e.dialogue[-1].content for e in EXAMPLES}
LABELS = [f'{{"sentiment": "{label}"}}' for label in ("positive", "neutral", "negative")]

Say = Callable[[Sequence[Message], Sampling], "str | Exception"]


class Scripted:
    """An engine whose replies are written out; each call takes ten tokens in and five out."""

    model = "scripted"

    def __init__(self, say: Say, *, pause: float = 0.0) -> None:
        self._say, self._pause = say, pause
        self.asked: list[str] = []
        self.most = 0
        self._open = 0

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        adapter: str | None = None,
        schema: ReplySchema | None = None,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        logprobs: bool = False,
    ) -> Completion:
        self.asked.append(messages[-1].content)
        self._open += 1
        self.most = max(self.most, self._open)
        await asyncio.sleep(self._pause)
        self._open -= 1
        said = self._say(messages, sampling)
        if isinstance(said, Exception):
            raise said
        return Completion(
            message=Message(role="assistant", content=said),
            finish_reason="stop",
            usage=Usage(calls=1, prompt_tokens=10, completion_tokens=5),
        )

    async def aclose(self) -> None: ...


def right(messages: Sequence[Message], sampling: Sampling) -> str:
    return GOLD[messages[-1].content]


def wrong(messages: Sequence[Message], sampling: Sampling) -> str:
    return next(label for label in LABELS if label != right(messages, sampling))


def teaching(
    say: Say, *, price: Price | None = None, temperature: float = 1.0, **options: Any
) -> Teacher:
    specialist = Specialist(TASK, Scripted(say, **options))
    return Teacher(specialist, Sampling(temperature=temperature), price)


def engine_of(teacher: Teacher) -> Scripted:
    assert isinstance(teacher.specialist.engine, Scripted)
    return teacher.specialist.engine


async def ask(
    teacher: Teacher,
    out: Path,
    *,
    examples: Sequence[Example[Any, Any]] = EXAMPLES,
    say: Callable[[str], None] = lambda text: None,
    **asking: Any,
) -> Collected:
    return await collect(teacher, examples, Asking(**asking), out, form="compact", say=say)


def lines(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / traces.LINES).read_text().splitlines()]


async def test_only_right_dialogues_are_kept_word_for_word(base: Path, tmp_path: Path) -> None:
    engine = LocalEngine.load(base)
    teacher = Teacher(Specialist(TASK, engine), Sampling(temperature=1.0, max_tokens=32))
    got = await ask(teacher, tmp_path, samples=2, keep=1, seed=5)
    await engine.aclose()
    assert 0 < len(got.dialogues) < len(EXAMPLES)
    gold = {e.dialogue[:2]: e.dialogue for e in EXAMPLES}
    for dialogue in got.dialogues:
        assert dialogue.messages == gold[dialogue.messages[:2]]
    header = got.header
    assert header["questions"] == header["done"] == len(EXAMPLES)
    assert header["kept"] + header["wrong"] == len(EXAMPLES)
    assert header["right"] < header["tries"] <= 2 * len(EXAMPLES)
    assert header["calls"] == header["unpriced_calls"] == header["tries"]
    assert {line["reason"] for line in lines(tmp_path) if not line.get("kept")} <= {
        f"wrong: {note}" if note else "wrong" for note in _notes()
    }


def _notes() -> set[str]:
    return {TASK.score(e, TASK.begin(e.inputs).answer(label)).note
            for e in EXAMPLES for label in LABELS}  # fmt: skip


async def test_what_is_said_depends_on_the_question_not_on_the_order(
    base: Path, tmp_path: Path
) -> None:
    engine = LocalEngine.load(base)
    teacher = Teacher(Specialist(TASK, engine), Sampling(temperature=1.0, max_tokens=32))
    whole = await ask(teacher, tmp_path / "a", examples=EXAMPLES[:12], seed=5)
    part = await ask(teacher, tmp_path / "b", examples=EXAMPLES[:12][::-1], seed=5, parallel=1)
    other = await ask(teacher, tmp_path / "c", examples=EXAMPLES[:12], seed=6)
    await engine.aclose()
    assert {d.digest for d in whole.dialogues} == {d.digest for d in part.dialogues}
    assert {d.digest for d in whole.dialogues} != {d.digest for d in other.dialogues}


async def test_a_wrong_answer_is_never_kept(tmp_path: Path) -> None:
    got = await ask(teaching(wrong), tmp_path, samples=3)
    assert got.dialogues == []
    assert got.header["wrong"] == len(EXAMPLES)
    assert got.header["tries"] == 3 * len(EXAMPLES)


async def test_an_answer_with_a_problem_is_not_kept(tmp_path: Path) -> None:
    class Strict(SentimentTask):
        def validate(self, inputs: Any, answer: Any, evidence: Any) -> list[str]:
            return ["it rests on nothing"]

    teacher = Teacher(Specialist(Strict(), Scripted(right)))
    got = await ask(teacher, tmp_path)
    assert got.dialogues == []
    assert got.header["reasons"] == {"it rests on nothing": len(EXAMPLES)}


async def test_words_that_are_no_answer_are_told(tmp_path: Path) -> None:
    got = await ask(teaching(lambda m, s: "up, I think"), tmp_path)
    assert got.dialogues == []
    assert all("up, I think" in line["reason"] for line in lines(tmp_path))


async def test_the_same_dialogue_is_kept_once(tmp_path: Path) -> None:
    engine = Scripted(right)
    twice = [*EXAMPLES[:5], *EXAMPLES[:5]]
    teacher = Teacher(Specialist(TASK, engine), Sampling(temperature=1.0))
    got = await ask(teacher, tmp_path, examples=twice, samples=3, keep=3)
    assert len(got.dialogues) == 5
    assert len(engine.asked) == 2 * 5 * 3  # asked in vain: the same words each time
    assert got.header["kept"] == 10
    assert got.header["unique"] == 5


async def test_asking_ends_when_enough_is_right(tmp_path: Path) -> None:
    teacher = teaching(right)
    got = await ask(teacher, tmp_path, samples=4, keep=1)
    assert len(engine_of(teacher).asked) == len(EXAMPLES)
    assert got.header["ways"] == {"own words": len(EXAMPLES)}


async def test_who_would_say_the_same_again_is_asked_once(tmp_path: Path) -> None:
    teacher = teaching(wrong, temperature=0.0)
    await ask(teacher, tmp_path, samples=4)
    assert len(engine_of(teacher).asked) == len(EXAMPLES)


async def test_no_more_than_so_many_at_once(tmp_path: Path) -> None:
    teacher = teaching(right, pause=0.001)
    await ask(teacher, tmp_path, parallel=3)
    assert engine_of(teacher).most == 3


# --- going on ------------------------------------------------------------------------------------


async def test_what_is_done_is_not_asked_again(tmp_path: Path) -> None:
    first = await ask(teaching(right), tmp_path, examples=EXAMPLES[:15])
    again = teaching(right)
    told: list[str] = []
    second = await ask(again, tmp_path, say=told.append)
    assert len(engine_of(again).asked) == len(EXAMPLES) - 15
    assert second.dialogues[:15] == first.dialogues
    assert told[0] == "traces: 15 questions are done already"
    third = teaching(right)
    assert (await ask(third, tmp_path)).dialogues == second.dialogues
    assert engine_of(third).asked == []
    assert second.header["calls"] == len(EXAMPLES)


async def test_half_a_line_is_dropped_and_its_question_asked_again(tmp_path: Path) -> None:
    whole = await ask(teaching(right), tmp_path)
    path = tmp_path / traces.LINES
    data = path.read_bytes()
    path.write_bytes(data[:-25])
    again = teaching(right)
    got = await ask(again, tmp_path)
    assert len(engine_of(again).asked) == 1
    assert got.dialogues == whole.dialogues
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert len(lines(tmp_path)) == len(EXAMPLES)


async def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    await ask(teaching(right), tmp_path, parallel=1)
    path = tmp_path / traces.LINES
    told = path.read_text().splitlines()
    told[3] = told[3][:-9]
    path.write_text("\n".join(told) + "\n")
    with pytest.raises(RecordError, match="damaged in line 4"):
        await ask(teaching(right), tmp_path)


async def test_a_failed_call_is_written_down_and_tried_again(tmp_path: Path) -> None:
    broken = {e.dialogue[1].content for e in EXAMPLES[3:9]}

    def say(messages: Sequence[Message], sampling: Sampling) -> str | Exception:
        if messages[-1].content in broken:
            return EngineError("the server has a cold")
        return right(messages, sampling)

    got = await ask(teaching(say), tmp_path)
    assert len(got.dialogues) == len(EXAMPLES) - 6
    assert got.header["failed"] == 6
    failed = [line for line in lines(tmp_path) if line.get("error")]
    assert {line["error"] for line in failed} == {"the server has a cold"}
    again = teaching(right)
    mended = await ask(again, tmp_path)
    assert set(engine_of(again).asked) == broken
    assert len(mended.dialogues) == len(EXAMPLES)
    assert (mended.header["failed"], mended.header["calls"]) == (0, len(EXAMPLES) + 6)


async def test_a_broken_teacher_is_not_asked_for_ever(tmp_path: Path) -> None:
    many = list(TASK.examples("train", 200, 4))
    teacher = teaching(lambda m, s: EngineError("no such host"))
    with pytest.raises(EngineError, match=r"failed on 2\d questions .*: no such host"):
        await ask(teacher, tmp_path, examples=many, parallel=4)
    assert len(engine_of(teacher).asked) < 30
    assert len(lines(tmp_path)) == len(engine_of(teacher).asked)


async def test_another_question_under_the_same_id_is_asked(tmp_path: Path) -> None:
    await ask(teaching(right), tmp_path, examples=EXAMPLES[:3])
    swapped = [
        Example(a.id, b.inputs, b.answer, b.dialogue, b.fold)
        for a, b in zip(EXAMPLES[:3], EXAMPLES[3:6], strict=True)
    ]
    got = await ask(teaching(right), tmp_path, examples=swapped)
    assert got.dialogues == [Dialogue(e.dialogue) for e in EXAMPLES[3:6]]


async def test_traces_of_another_teacher_or_prompt_are_refused(tmp_path: Path) -> None:
    await ask(teaching(right), tmp_path)
    with pytest.raises(ConfigError, match="samples was 1 and is 2"):
        await ask(teaching(right), tmp_path, samples=2)

    class Reworded(SentimentTask):
        name = "tone"

    with pytest.raises(ConfigError, match="prompt was"):
        await ask(Teacher(Specialist(Reworded(), Scripted(right))), tmp_path)
    (tmp_path / traces.HEADER).unlink()
    with pytest.raises(ConfigError, match=r"no traces\.json"):
        await ask(teaching(right), tmp_path)


async def test_a_full_disk_is_told_and_what_was_written_stands(tmp_path: Path) -> None:
    await ask(teaching(right), tmp_path, examples=EXAMPLES[:3], parallel=1)
    size, before = (
        (tmp_path / traces.LINES).stat().st_size,
        resource.getrlimit(resource.RLIMIT_FSIZE),
    )
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (size + 100, before[1])
    )  # no file may be longer: a disk with no room
    try:
        with pytest.raises(RecordError, match=r"cannot write .*File too large"):
            await ask(teaching(right), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    again = teaching(right)
    assert len((await ask(again, tmp_path)).dialogues) == len(EXAMPLES)
    assert len(engine_of(again).asked) == len(EXAMPLES) - 3


# --- money ---------------------------------------------------------------------------------------

DEAR = Price(input_usd=1_000.0, output_usd=2_000.0)
CALL_USD = (10 * 1_000 + 5 * 2_000) / 1e6
"""What a scripted call really costs at that price."""


async def test_side_by_side_calls_do_not_outspend_the_budget(tmp_path: Path) -> None:
    teacher = teaching(right, price=DEAR, pause=0.001)
    told: list[str] = []
    got = await ask(teacher, tmp_path, budget_usd=2.4, parallel=16, say=told.append)
    asked = len(engine_of(teacher).asked)
    assert 0 < asked < len(EXAMPLES)
    assert got.header["cost_usd"] == pytest.approx(asked * CALL_USD)
    assert got.header["cost_usd"] <= 2.4
    assert len(got.dialogues) == asked
    assert not got.interrupted
    assert "no more questions are asked" in told[-1]
    # A call that began could have cost this much at worst; what is left has no room for it.
    assert got.header["budget_usd"] == 2.4


async def test_what_was_spent_before_counts_when_it_goes_on(tmp_path: Path) -> None:
    first = await ask(teaching(right, price=DEAR), tmp_path, budget_usd=2.4)
    poor = teaching(right, price=DEAR)
    same = await ask(poor, tmp_path, budget_usd=2.4)
    assert engine_of(poor).asked == []
    assert same.dialogues == first.dialogues
    rich = teaching(right, price=DEAR)
    more = await ask(rich, tmp_path, budget_usd=100.0)
    assert len(more.dialogues) == len(EXAMPLES)
    assert more.header["cost_usd"] == pytest.approx(len(EXAMPLES) * CALL_USD)


async def test_a_budget_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"set teacher\.price"):
        await ask(teaching(right), tmp_path, budget_usd=1.0)
    with pytest.raises(ConfigError, match="no hour_usd"):
        await ask(teaching(right, price=Price(hour_usd=2.0)), tmp_path / "b", budget_usd=1.0)


async def test_a_machine_by_the_hour_is_paid_once(tmp_path: Path) -> None:
    teacher = teaching(right, price=Price(hour_usd=3600.0), pause=0.01)
    got = await ask(teacher, tmp_path, parallel=40)
    assert got.header["cost_usd"] < 0.01 * len(EXAMPLES)
    assert got.header["cost_usd"] == pytest.approx(got.header["seconds"], abs=0.06)


# --- stopping ------------------------------------------------------------------------------------

SLOW = """
import asyncio, sys
sys.path.insert(0, {tests!r})
import test_traces as t
from pathlib import Path
async def main():
    teacher = t.teaching(t.right, pause=0.05)
    got = await t.ask(teacher, Path(sys.argv[1]), parallel=2, say=lambda s: print(s, flush=True))
    print("interrupted", got.interrupted, len(got.dialogues), flush=True)
print("begins", flush=True)
asyncio.run(main())
"""


@contextmanager
def _collecting(out: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that collects, some lines further than it began."""
    path = out / traces.LINES
    before = path.stat().st_size if path.exists() else 0
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW.format(tests=str(Path(__file__).parent)), str(out)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not path.exists() or path.stat().st_size < before + 800:
            assert process.poll() is None, "it ended by itself"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_ctrl_c_keeps_what_is_done_and_a_kill_too(tmp_path: Path) -> None:
    with _collecting(tmp_path) as process:
        os.kill(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    found = re.search(r"interrupted True (\d+)", said)
    assert found is not None, said
    done = int(found[1])
    assert 0 < done < len(EXAMPLES)
    assert len(lines(tmp_path)) == done

    with _collecting(tmp_path) as process:
        process.kill()
    rest = teaching(right)
    got = await ask(rest, tmp_path)
    assert len(got.dialogues) == len(EXAMPLES)
    assert len(engine_of(rest).asked) < len(EXAMPLES) - done
    whole = await ask(teaching(right), tmp_path / "whole")
    assert got.dialogues == whole.dialogues
    assert got.header["digest"] == whole.header["digest"]


def test_ids_that_occur_twice_are_told_apart() -> None:
    keys = list(itertools.chain(traces._keys([EXAMPLES[0], EXAMPLES[0], EXAMPLES[1]])))
    assert keys == [EXAMPLES[0].id, f"{EXAMPLES[0].id}~2", EXAMPLES[1].id]
