"""Captures on a real tiny model: nothing twice, nothing lost, broken parts told from wrong ones."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.decision import questions, scorer, taking
from evals.decision.capture import FILE, Part, Samples, capture
from evals.decision.design import Registered, load
from evals.decision.progress import NOTE, Progress
from evals.decision.samples import GREEDY, Sample
from evals.decision.taking import Variant
from evals.questions import calibrates
from specialists.foundation.contracts import Sampling
from specialists.foundation.errors import ConfigError, DataError, RecordError
from specialists.foundation.records import RUN, RunRecord, artefact_digest

LETTERS = str.maketrans("0123456789", "ghijklmnop")

DESIGN = """
specialist = "sentiment"
study = "study"
start = "base"
arms = [
    {name = "base", kind = "base"},
    {name = "tuned", kind = "trained", runs = 2},
    {name = "words", kind = "classical"},
]
contrasts = [{arm = "tuned", against = "base"}]
papers = [{name = "sealed", fold = "companies", count = 6}]
[[guards]]
paper = {name = "frames", fold = "templates", count = 3}
[decode]
samples = 2
max_tokens = 24
"""


@pytest.fixture
def study(base: Path, adapters: dict[str, Path], tmp_path: Path) -> Path:
    """A design whose study trained two adapters on the tiny base."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.toml").write_text('specialist = "sentiment"\n')
    (tmp_path / "d.toml").write_text(DESIGN)
    for seed, name in ((11, "alpha"), (12, "beta")):
        made(base, adapters[name], tmp_path / "runs" / "tuned" / f"seed-{seed}" / "adapter")
    return tmp_path


def made(base: Path, adapter: Path, folder: Path, *, recipe: str = "r" * 64, on: str = "") -> None:
    """An adapter as training leaves it."""
    folder.mkdir(parents=True)
    for file in adapter.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    RunRecord.of(
        folder,
        kind="adapter",
        name="sentiment",
        base=on or artefact_digest(base),
        recipe={"base": {"source": str(base)}},
        recipe_digest=recipe,
    ).write(folder / RUN)


def registered(study: Path, *overrides: str) -> Registered:
    return load(study / "d.toml", overrides)


async def taken(study: Path, home: Path, *overrides: str, **settings: Any) -> Samples:
    return await capture(
        registered(study, *overrides),
        home,
        runs=study / "runs",
        **{"say": lambda line: None, "access": None, **settings},
    )


def bare(rows: list[Sample]) -> list[dict[str, Any]]:
    """Rows without what differs from one day to the next."""
    return [row.model_dump(exclude={"seconds"}) for row in rows]


@pytest.fixture(autouse=True)
def _few_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classical arm learns from few headlines: what it knows is not asked here."""
    monkeypatch.setattr("evals.decision.classical.COUNT", 60)


async def test_every_run_of_every_arm_is_asked_everything_once(study: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with await taken(study, tmp_path / "home", say=said.append) as samples:
        rows = samples.rows()
        counts = Counter((r.arm, r.run, r.paper, r.decode) for r in rows)
        assert counts["tuned", 2, "sealed", "sampled"] == 12
        assert counts["base", 1, "sealed", GREEDY] == 6
        assert counts["words", 1, "frames", "sampled"] == 6
        assert ("base", 1, "frames", GREEDY) not in counts, "guards are asked as the design decodes"
        assert len(rows) == 4 * (6 * 3 + 3 * 2)
        assert {r.seed for r in rows if r.arm == "tuned"} == {11, 12}
        assert all(r.parses and r.score is not None and r.finish == "stop" for r in rows)
        assert all(set(r.figures) >= {"reward_right", "holds"} for r in rows)
        for row in rows:
            json.loads(row.output)
        lots: dict[Any, set[int]] = {}
        for row in rows:
            lots.setdefault((row.paper, row.question, row.draw), set()).add(row.draw_seed)
        assert all(len(seeds) == 1 for seeds in lots.values()), "arms were drawn by other lots"
        cube = samples.cube("sealed")
        assert {n: s.shape for n, s in cube.arms.items()} == {
            "base": (1, 6, 2),
            "tuned": (2, 6, 2),
            "words": (1, 6, 2),
        }
        assert np.isfinite(samples.cube("frames").arms["tuned"]).all()
        told = samples.study
        assert sorted(told["order"]) == ["base/1", "tuned/1", "tuned/2", "words/1"]
        assert set(told["training"]) == {"tuned/1", "tuned/2"}
        assert told["shortfalls"] == [
            "6 questions, where 300 are wanted",
            f"{len(set(cube.sheet.companies))} companies, where 40 are wanted",
        ]
        (attempt,) = told["attempts"]
        assert (attempt["status"], attempt["taken"]) == ("finished", len(rows))
    assert any(NOTE in line for line in said)
    said.clear()
    with await taken(study, tmp_path / "home", say=said.append) as again:
        assert bare(again.rows()) == bare(rows)
    assert said == ["nothing to take"]


async def test_a_capture_that_was_stopped_goes_on_to_the_same_samples(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with await taken(study, tmp_path / "whole") as whole:
        wanted = bare(whole.rows())
    take, count = taking.Taker.take, 0

    async def stopped(self: Any, contestant: Any, turn: Any) -> Sample:
        nonlocal count
        count += 1
        if count == 20:
            job.cancel()  # what Ctrl-C does
        return await take(self, contestant, turn)

    with monkeypatch.context() as patch:
        patch.setattr(taking.Taker, "take", stopped)
        job = asyncio.ensure_future(taken(study, tmp_path / "cut", concurrency=4))
        with pytest.raises(asyncio.CancelledError):
            await job
    with Samples.open(tmp_path / "cut" / FILE) as part:
        assert 0 < len(part) < len(wanted)
        assert part.study["attempts"][0]["status"] == "stopped"
    only = await taken(study, tmp_path / "cut", only=["tuned"])
    only.close()
    with await taken(study, tmp_path / "cut", concurrency=3) as mended:
        assert [_less(r) for r in bare(mended.rows())] == [_less(r) for r in wanted]


def _less(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("arm", "run", "question", "decode", "draw", "output")}


STOPPED = """
import sys
from evals.decision.capture_commands import run
run(sys.argv[1:])
"""


def test_ctrl_c_ends_it_with_130_and_a_file_that_can_go_on(study: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = [f"{study}/d.toml", "--home", home, "--runs", study / "runs"]
    many = ["decode.samples=300", "--concurrency", "4", "--arm", "base"]
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, *map(str, [*words, *many])],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": os.getcwd(), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    for line in process.stdout:
        if re.search(r"· [1-9][\d,]* of 2,", line):
            break
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "the same command goes on from here" in said
    with Samples.open(home / FILE) as samples:
        taken = len(samples)
        assert taken > 0
        assert (
            samples.study["attempts"][0] | {"status": "stopped", "taken": taken}
            == (samples.study["attempts"][0])
        )


# --- what is missing or changed -----------------------------------------------------------------


async def test_missing_runs_are_named(study: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"2 of 4 training runs are missing .*13, tuned/seed-14"):
        await taken(
            study, tmp_path / "home", 'arms=[{name="base",kind="base"},{name="tuned",runs=4}]'
        )


async def test_an_altered_adapter_is_refused(study: Path, tmp_path: Path) -> None:
    config = study / "runs" / "tuned" / "seed-12" / "adapter" / "adapter_config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(RecordError, match=r"altered adapter_config\.json"):
        await taken(study, tmp_path / "home")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"recipe": "s" * 64}, "made by several recipes: rrrrrrrrrrrr, ssssssssssss"),
        ({"on": "0" * 64}, "several bases: .*tuned/2 on 000000000000"),
    ],
)
async def test_runs_of_two_recipes_or_bases_are_refused(
    study: Path, base: Path, adapters: dict[str, Path], fields: dict[str, str], why: str
) -> None:
    arms = 'arms=[{name="base",kind="base"},{name="tuned",runs=3}]'
    made(base, adapters["beta"], study / "runs" / "tuned" / "seed-13" / "adapter", **fields)
    told = why.replace("tuned/2", "tuned/3")
    with pytest.raises(RecordError, match=told):
        await taken(study, study / "home", arms)


async def test_adapters_made_anew_do_not_mix_with_the_old(
    study: Path, base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    (await taken(study, tmp_path / "home", only=["words"])).close()
    folder = study / "runs" / "tuned" / "seed-12" / "adapter"
    folder.rename(study / "old")
    made(base, adapters["alpha"], folder)
    with pytest.raises(RecordError, match="arm tuned, run 2: the samples were taken from"):
        await taken(study, tmp_path / "home")


async def test_other_questions_or_another_decoding_of_one_name_are_refused(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot = Variant(name="hot", sampling=Sampling(temperature=1.5, max_tokens=8), samples=1)
    part = Part((hot,), papers=("sealed",), questions=2)
    with await taken(study, tmp_path / "home", part=part, only=["base"]) as samples:
        assert [r.decode for r in samples.rows()] == ["hot", "hot"]
        assert samples.cube("sealed", ["base"], "hot", 1, questions=2).arms["base"].shape == (
            1,
            2,
            1,
        )
    cold = hot.model_copy(update={"sampling": Sampling(max_tokens=8)})
    with pytest.raises(RecordError, match="'hot' were decoded in another way before"):
        await taken(study, tmp_path / "home", part=Part((cold,)))
    monkeypatch.setattr(questions, "place", lambda seed, paper, name: name)
    with pytest.raises(RecordError, match="questions of sealed, frames are not those"):
        await taken(study, tmp_path / "home")


async def test_what_a_design_cannot_be_asked_for_is_refused(study: Path, tmp_path: Path) -> None:
    for settings, why in (
        ({"on": "the moon"}, "here or ray"),
        ({"only": ["nobody"]}, "no arms nobody"),
        ({"part": Part(papers=("none",))}, "no papers none"),
    ):
        with pytest.raises(ConfigError, match=why):
            await taken(study, tmp_path / "home", **settings)
    public = 'papers=[{name="posts",fold="public"}]'
    with pytest.raises(ConfigError, match="paper posts is public: name the folder"):
        await taken(study, tmp_path / "public", public)


# --- what breaks --------------------------------------------------------------------------------


async def test_a_broken_judge_stops_the_capture_and_is_never_a_zero(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def breaks(example: Any, answer: Any) -> bool:
        nonlocal count
        count += 1
        if count == 5:
            raise ZeroDivisionError("no scale")
        return True

    monkeypatch.setattr(scorer, "JUDGES", {"sentiment": breaks})
    with pytest.raises(DataError, match=r"judge broke down: ZeroDivisionError.*--retry-failed"):
        await taken(study, tmp_path / "home", concurrency=2)
    with Samples.open(tmp_path / "home" / FILE) as samples:
        (unjudged,) = samples.failed()
        assert (unjudged.score, unjudged.parses) == (None, True)
        assert "no scale" in unjudged.error
    with await taken(study, tmp_path / "home", retry_failed=True) as mended:
        assert mended.failed() == []
        assert [r.key for r in mended.retried()] == [unjudged.key]
        mended.cube("sealed")


SERVER = '''
"""A chat model that does as the text it is asked about says."""
from typing import Any
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

DOWN = []

class Scripted(BaseChatModel):
    model: str = ""
    timeout: float = 0

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any):
        asked = messages[1].content
        if "profit" in asked and DOWN:
            raise ConnectionError("the line is dead")
        if "loss" in asked:
            text = "I would rather not say."
        elif "long" in asked:
            raise ValueError("maximum context length exceeded")
        else:
            text = '{"sentiment": "positive"}'
        used = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        reply = AIMessage(text, usage_metadata=used)
        return ChatResult(generations=[ChatGeneration(message=reply)])
'''
HEADLINES = """id,headline,company,sentiment
a,Acme posts record profit,Acme,positive
b,Acme posts deep loss,Acme,negative
c,Bolt opens a store,Bolt,neutral
d,Bolt has a long day,Bolt,neutral
"""


@pytest.fixture
def server(study: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """An endpoint arm over questions of one's own; returns the switch that cuts the line."""
    (study / "scripted_server.py").write_text(SERVER)
    (study / "own.csv").write_text(HEADLINES)
    monkeypatch.syspath_prepend(str(study))
    (study / "d.toml").write_text(
        """
specialist = "sentiment"
start = "base"
arms = [
    {name = "base", kind = "classical"},
    {name = "large", kind = "endpoint", model = "scripted", form = "full", \
provider = "scripted_server:Scripted", price = {input_usd = 1.0, output_usd = 2.0}},
]
contrasts = [{arm = "large", against = "base"}]
papers = [{name = "mine", fold = "own", file = "own.csv"}]
decode = {samples = 1}
looks = {at = [1.0]}
"""
    )

    def switch(down: bool) -> None:
        import scripted_server  # pyright: ignore[reportMissingImports]

        scripted_server.DOWN[:] = [True] if down else []

    return switch


async def test_a_dead_line_is_unjudged_and_a_reply_that_is_none_is_wrong(
    study: Path, tmp_path: Path, server: Callable[[bool], None]
) -> None:
    server(True)
    said: list[str] = []
    part = Part(variants=(taking.usual(registered(study).design)[0],))
    with await taken(study, tmp_path / "home", part=part, say=said.append) as samples:
        by_id = {r.question.rpartition("/")[2]: r for r in samples.rows(arm="large")}
        dead, mute, plain, long = (by_id[name] for name in "abcd")
        assert (dead.finish, dead.score, dead.failed) == ("error", None, True)
        assert "the line is dead" in dead.error
        assert (mute.finish, mute.score, mute.parses) == ("error", 0.0, False)
        assert "does not keep to the form" in mute.error
        assert (plain.score, plain.parses, plain.tokens) == (0.0, True, 5)
        assert plain.figures["cost_usd"] == pytest.approx(20e-6)
        assert (long.finish, long.score) == ("error", 0.0)
        with pytest.raises(DataError, match="was not judged"):
            samples.cube("mine")
    assert any("1 samples failed" in line for line in said)
    server(False)
    with await taken(study, tmp_path / "home", part=part) as still:
        assert len(still.failed()) == 1, "failed samples are not taken again unasked"
    with await taken(study, tmp_path / "home", part=part, retry_failed=True) as mended:
        assert mended.failed() == []
        assert [r.error for r in mended.retried()] == [dead.error]
        assert mended.cube("mine").arms["large"].sum() == 1


async def test_what_a_model_cannot_read_is_wrong_and_its_tools_are_real(
    base: Path, adapters: dict[str, Path], tmp_path: Path
) -> None:
    made(base, adapters["alpha"], tmp_path / "adapter")
    (tmp_path / "d.toml").write_text(
        f"""
specialist = "table_qa"
start = "cells"
arms = [
    {{name = "tiny", kind = "adapter", folder = "{tmp_path / "adapter"}"}},
    {{name = "free", kind = "adapter", folder = "{tmp_path / "adapter"}", held = false}},
    {{name = "cells", kind = "classical"}},
]
contrasts = [{{arm = "tiny", against = "cells"}}]
papers = [{{name = "sealed", fold = "companies", count = 5, slice = "one"}}]
decode = {{samples = 1, max_tokens = 40}}
"""
    )
    with await taken(tmp_path, tmp_path / "home") as samples:
        rows = samples.rows(decode="sampled")
        assert all(r.score is not None for r in rows)
        held = [r for r in rows if r.arm == "tiny"]
        assert any(r.turns > 1 for r in held), "no tool was called"
        assert all("disciplined" in r.figures for r in held)
        free = [r for r in rows if r.arm == "free"]
        assert {r.finish for r in free} <= {"length", "stop", "turns"}
        assert all(r.truncated == (r.finish == "length") for r in free)
        assert {r.output for r in free}.isdisjoint({r.output for r in held})


ANSWERS = """question,output
own/own/a,"{""sentiment"": ""positive""}"
Acme posts deep loss,"{""sentiment"": ""negative""}"
own/own/c,neutral
own/own/d,"{""sentiment"": ""positive""}"
"""


async def test_answers_in_a_file_are_a_contestant_and_must_all_be_there(
    study: Path, tmp_path: Path, server: Callable[[bool], None]
) -> None:
    arms = 'arms=[{name="base",kind="classical"},{name="large",kind="answers",file="answers.csv"}]'
    (study / "answers.csv").write_text(ANSWERS)
    with await taken(study, tmp_path / "home", arms) as samples:
        by_id = {
            r.question.rpartition("/")[2]: (r.score, r.parses)
            for r in samples.rows(arm="large", decode="sampled")
        }
        assert by_id == {
            "a": (1.0, True),
            "b": (1.0, True),
            "c": (0.0, False),
            "d": (0.0, True),
        }
    (study / "answers.csv").write_text("\n".join(ANSWERS.splitlines()[:3]))
    with pytest.raises(DataError, match=r"2 of 4 questions have no answer .*own/own/"):
        await taken(study, tmp_path / "fewer", arms)
    (study / "own.csv").write_text(HEADLINES + "e,Acme sinks,Acme,gloomy\nf,,Acme,neutral\n")
    with pytest.raises(Exception, match=r"line 6: .*gloomy.*\n.*line 7: nothing in headline"):
        await taken(study, tmp_path / "faults", arms)


# --- questions and progress ---------------------------------------------------------------------


def test_a_sealed_test_follows_from_the_adapters_and_looks_at_a_fair_half(study: Path) -> None:
    told = registered(study)
    one = questions.draw(told, told.seed(["a" * 64]), access=None)
    again = questions.draw(told, told.seed(["a" * 64]), access=None)
    other = questions.draw(told, told.seed(["b" * 64]), access=None)
    ids = [q.id for q in one["sealed"]]
    assert ids == [q.id for q in again["sealed"]]
    assert set(ids).isdisjoint(q.id for q in other["sealed"])
    places = [q.place for q in one["sealed"]]
    assert places == sorted(places)
    numbers = [int(name.rpartition("/")[2]) for name in ids]
    assert numbers != sorted(numbers), "questions are looked at in the order they were generated"


@pytest.mark.parametrize(("count", "all_of_them"), [(40, False), (4, True)])
def test_held_out_templates_are_those_for_testing_where_they_suffice(
    study: Path, count: int, all_of_them: bool
) -> None:
    """Four questions have fewer templates than say anything; forty have enough."""
    told = registered(study, f'papers=[{{name="p",fold="templates",count={count}}}]', "guards=[]")
    seen = [questions.draw(told, seed, access=None)["p"] for seed in range(4)]
    assert all(len(drawn) == count for drawn in seen)
    calibrating = any(calibrates(q.template) for drawn in seen for q in drawn)
    assert calibrating is all_of_them


def test_opening_a_public_test_is_written_down(study: Path, tmp_path: Path) -> None:
    data = tmp_path / "data" / "tfns"
    data.mkdir(parents=True)
    words = [hashlib.sha256(str(n).encode()).hexdigest().translate(LETTERS) for n in range(60)]
    rows = "\n".join(f"{' '.join(re.findall('.{8}', word))},1" for word in words)
    (data / "sent_train.csv").write_text(f"text,label\n{rows}\n")
    papers = 'papers=[{name="public",fold="public",slice="tfns",count=4}]'
    public = registered(study, papers, "guards=[]")
    log = tmp_path / "access.jsonl"
    drawn = questions.draw(public, 1, data=tmp_path / "data", access=log)
    (line,) = log.read_text().splitlines()
    told = json.loads(line)
    assert told["design"] == public.digest
    assert (told["set"], told["count"]) == ("sentiment/tfns", len(drawn["public"]))


def test_progress_tells_share_time_left_and_that_nobody_may_stop_by_it() -> None:
    clock = iter([0.0, 10.0])
    progress = Progress(4, print, clock=lambda: next(clock))
    row = Sample(arm="a", run=1, paper="p", question="q", company="c", template="t", draw=0)
    progress.saw(row.model_copy(update={"score": 1.0}))
    progress.saw(row)
    assert progress.line() == (
        f"50% · 2 of 4 samples, 1 failed · about 10 s left · a 1.000 ({NOTE})"
    )


async def test_one_at_a_time_everyone_is_asked_a_question_before_the_next(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a machine that is busy for a while is so for all of them alike."""
    asked: list[tuple[str, str]] = []
    take = taking.Taker.take

    async def watched(self: taking.Taker, contestant: Any, turn: taking.Turn) -> Sample:
        asked.append((contestant.entrant.name, turn.question.id))
        return await take(self, contestant, turn)

    monkeypatch.setattr(taking.Taker, "take", watched)
    greedy = Variant(name="timed", sampling=Sampling(temperature=0.0, max_tokens=24), samples=1)
    part = Part(variants=(greedy,), papers=("sealed",), questions=3)
    with await taken(study, tmp_path / "home", concurrency=1, part=part) as samples:
        assert len(samples) == 4 * 3
    everyone = {"base/1", "tuned/1", "tuned/2", "words/1"}
    rounds = [asked[place : place + 4] for place in range(0, len(asked), 4)]
    assert len(rounds) == 1 + 3, "a first question to warm up, then three"
    for each in rounds:
        assert {name for name, _ in each} == everyone
        assert len({question for _, question in each}) == 1
