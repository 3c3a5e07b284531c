"""Teachers of every form: a server on loopback that speaks OpenAI's protocol, released adapters in
process, the student itself; and the way from their dialogues to the student's."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from specialists.agent import Run, Specialist
from specialists.engines.local import LocalEngine
from specialists.foundation.contracts import Message
from specialists.foundation.errors import ConfigError
from specialists.table_qa.full import FullEpisode
from specialists.table_qa.task import TableTask
from specialists.task import Example, Outcome, Task
from training import jobs
from training.tuning import data, loading, teachers, traces
from training.tuning.recipe import Recipe, load
from training.tuning.teachers import express, possible
from training.tuning.workshop import Workshop


class Server(ThreadingHTTPServer):
    """Replies by what it is asked, and keeps what it was sent."""

    daemon_threads = True
    say: Callable[[str], str | None]
    """From a question to the reply; None: it fails."""
    seen: list[dict[str, Any]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append(body | {"key": self.headers["Authorization"]})
        text = self.server.say(body["messages"][1]["content"])
        status, answer = (
            200,
            {
                "id": "x",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [
                    {
                        "index": 0,
                        "finish_reason": "stop",
                        "message": {"role": "assistant", "content": text},
                    }
                ],
                "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
            },
        )
        if text is None:
            status, answer = 400, {"error": {"message": "out of order"}}
        told = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.seen = []
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def workshop(recipe: Recipe, folder: Path) -> Workshop:
    """What a run hands to a method."""
    made = data.gather(recipe, None)
    task = data.task(recipe)
    student = loading.student(recipe, tools=bool(task.tool_names), turns=task.max_turns > 1)
    return Workshop(recipe, folder, task, made, student, None, False, lambda text: None)


def tiny(base: Path, name: str, *more: str) -> Recipe:
    """A named recipe over the tiny base, on little data."""
    return load(
        f"{name}/embedded", [f"base.source={base}", "data.count=24", "watch.count=8", *more]
    )


def some(job: str, count: int) -> list[Example[Any, Any]]:
    return list(itertools.islice(jobs.task(job).examples("train", count, 3), count))


# --- a server as the teacher ----------------------------------------------------------------------


def test_a_server_teaches_a_compact_student_and_is_asked_again_where_it_failed(
    base: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEACHERS_KEY", "sesame")
    recipe = tiny(
        base,
        "sentiment/distill",
        "data.public=0",
        "teacher.engine=langchain",
        "teacher.source=large-1",
        f"teacher.url={server.url}",
        "teacher.api_key_env=TEACHERS_KEY",
        "teacher.form=full",
        "teacher.price={input_usd=2.0, output_usd=8.0}",
        "teacher.budget_usd=5.0",
        "teacher.parallel=4",
    )
    shop = workshop(recipe, tmp_path)
    full = {_full(shop.task, e)[-1].content: e for e in shop.material.train}
    tired = set(list(full)[:3])

    def say(question: str) -> str | None:
        answer = json.loads(full[question].dialogue[-1].content)
        return None if question in tired else json.dumps(answer, separators=(",", " :"))

    server.say = say
    first = traces.gather(shop)
    assert first is not None
    dialogues, about = first
    told = about["traces"]
    count = len(shop.material.train)
    # The reply is told as the student writes it, under the student's own prompt.
    assert {d.messages for d in dialogues} == {
        e.dialogue for q, e in full.items() if q not in tired
    }
    assert told["ways"] == {"same reply": told["kept"]}
    assert told["failed"] == 3
    assert told["kept"] == count - 3
    assert told["teacher"] == {
        "engine": "langchain",
        "model": "large-1",
        "name": "large-1",
        "provider": "openai",
        "url": server.url,
    }
    assert told["form"] == {"teacher": "full", "student": "compact"}
    assert told["cost_usd"] == pytest.approx((count - 3) * (100 * 2 + 10 * 8) / 1e6)
    assert {seen["key"] for seen in server.seen} == {"Bearer sesame"}
    assert "sesame" not in (tmp_path / "traces" / traces.HEADER).read_text()
    assert server.seen[0]["messages"][0]["content"] == shop.task.instructions
    assert server.seen[0]["response_format"]["type"] == "json_schema"
    asked = len(server.seen)
    tired.clear()
    again = traces.gather(dataclasses.replace(shop, resume=True))
    assert again is not None
    assert len(server.seen) == asked + 3
    assert len(again[0]) == len({e.dialogue for e in full.values()})
    assert again[1]["traces"]["failed"] == 0
    # Once there is a checkpoint, learning goes on with the dialogues that it began with.
    path = tmp_path / "traces" / traces.LINES
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:10]))
    (tmp_path / "checkpoints" / "checkpoint-5").mkdir(parents=True)
    asked = len(server.seen)
    fixed = traces.gather(dataclasses.replace(shop, resume=True))
    assert fixed is not None
    assert len(server.seen) == asked
    assert len(fixed[0]) < len(again[0])


def test_a_misfit_reply_is_paid_for(base: Path, tmp_path: Path, server: Server) -> None:
    recipe = tiny(
        base,
        "sentiment/distill",
        "data.count=6",
        "data.public=0",
        "teacher.engine=langchain",
        "teacher.source=large-1",
        f"teacher.url={server.url.replace('127', 'reader:secret@127', 1)}",
        "teacher.form=full",
        "teacher.price={input_usd=2.0}",
    )
    server.say = lambda question: "it looks good to me"
    shop = workshop(recipe, tmp_path)
    with pytest.raises(ConfigError, match="right on none of 0 questions"):
        traces.gather(shop)
    told = json.loads((tmp_path / "traces" / traces.HEADER).read_text())
    assert told["failed"] == 6
    assert told["teacher"]["url"] == server.url
    assert told["calls"] == len(server.seen) == 12
    assert told["cost_usd"] == pytest.approx(12 * 100 * 2 / 1e6)


def _full(task: Task[Any, Any], example: Example[Any, Any]) -> list[Message]:
    return task.begin(example.inputs, form="full").messages


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        (["teacher.engine=langchain"], r"teacher\.source"),
        (["teacher.engine=langchain", "teacher.source=m", "teacher.adapter=x"], "only a local"),
        (
            ["teacher.engine=langchain", "teacher.source=m", "teacher.api_key_env=NOT_THERE"],
            "NOT_THERE is not set",
        ),
        (
            ["teacher.engine=langchain", "teacher.source=m", "teacher.provider=no.such:Thing"],
            r"teacher\.provider",
        ),
        (["teacher.adapter=released", "specialist=maths"], "no released one of this job"),
        (["teacher.adapter="], "method self_sft learns from that"),
        (["teacher.adapter=/nowhere"], "/nowhere: no adapter"),
    ],
)
def test_a_teacher_that_cannot_be_is_refused(base: Path, settings: list[str], wrong: str) -> None:
    recipe = tiny(base, "sentiment/distill", *settings)
    with pytest.raises(ConfigError, match=wrong):
        teachers.load(recipe, data.task(recipe))


# --- in process -----------------------------------------------------------------------------------


def test_the_start_learns_from_its_own_right_replies(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held to the grammar, so that an untrained model is right now and then."""
    recipe = tiny(
        base, "sentiment/self_sft", "data.public=0", "rollout.held=true", "self_sft.samples=3"
    )
    shop = workshop(recipe, tmp_path)
    made = traces.gather(shop)
    assert made is not None
    gold = {e.dialogue for e in shop.material.train}
    assert made[0]
    assert {d.messages for d in made[0]} <= gold
    told = made[1]["traces"]
    assert told["teacher"]["base"] == shop.student.digest
    assert told["sampling"]["temperature"] == recipe.rollout.temperature
    assert (told["samples"], told["keep"]) == (3, 1)

    # A process that learns beside the first one reads what that wrote, and no model for it.
    path = tmp_path / "traces" / traces.LINES
    before = path.read_bytes()
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(LocalEngine, "load", None)
    assert traces.gather(shop) == made
    assert path.read_bytes() == before


def test_a_start_that_says_anything_is_right_on_nothing(base: Path, tmp_path: Path) -> None:
    recipe = tiny(base, "sentiment/self_sft", "data.public=0", "data.count=6")
    with pytest.raises(ConfigError, match="right on none of 6 questions"):
        traces.gather(workshop(recipe, tmp_path))


def test_a_released_adapter_teaches_dialogues_with_the_real_tools(tmp_path: Path) -> None:
    recipe = load(
        "table_qa/distill/embedded",
        ["data.count=6", "watch.count=4", "teacher.adapter=released", "teacher.form=compact"],
    )
    shop = workshop(recipe, tmp_path)
    made = traces.gather(shop)
    assert made is not None
    assert len(made[0]) >= 3
    asked = {e.dialogue[0].content + e.dialogue[1].content for e in shop.material.train}
    for dialogue in made[0]:
        assert dialogue.tools == ()  # the compact form shows none
        roles = [m.role for m in dialogue.messages]
        assert roles[:3] == ["system", "user", "assistant"]
        assert "tool" in roles
        assert dialogue.messages[-1].role == "assistant"
        assert not dialogue.messages[-1].tool_calls
    # Handles are numbered at random, as gold's are, and not as gold's.
    assert not {d.messages[0].content + d.messages[1].content for d in made[0]} <= asked
    told = made[1]["traces"]["teacher"]
    assert told["adapter"] != told["base"]


# --- how it is asked ------------------------------------------------------------------------------


class Silent:
    """An engine that is never asked."""

    model = "silent"

    async def chat(self, *args: Any, **options: Any) -> Any:
        raise AssertionError("nobody asks it")

    async def aclose(self) -> None: ...


def test_the_prompts_hash_follows_what_is_asked() -> None:
    one, other = some("table_qa", 2)
    full = teachers.Teacher(Specialist(TableTask(), Silent(), form="full"))
    assert full.prompt(one.inputs) == full.prompt(other.inputs)
    compact = teachers.Teacher(Specialist(TableTask(), Silent()))
    assert compact.prompt(one.inputs) == compact.prompt(other.inputs) != full.prompt(one.inputs)

    class Reworded(TableTask):
        instructions = TableTask.instructions + " Be brief."

    class Fewer(FullEpisode):
        def tools(self) -> Any:
            return super().tools()[:-1]

    class Poorer(TableTask):
        def begin(self, inputs: Any, *, form: Any = "compact", seed: int | None = None) -> Any:
            return Fewer(self.instructions, inputs)

    for changed in (Reworded(), Poorer()):
        teacher = teachers.Teacher(Specialist(changed, Silent(), form="full"))
        assert teacher.prompt(one.inputs) != full.prompt(one.inputs)


@pytest.mark.parametrize("job", ["sentiment", "extraction", "calculation", "table_qa"])
def test_handles_are_numbered_as_golds_are(job: str) -> None:
    task = jobs.task(job)
    for example in some(job, 5):
        asked = task.begin(example.inputs).messages
        mixed = teachers.shuffled(task, example)
        assert mixed == (tuple(asked) != example.dialogue[: len(asked)])


# --- from form to form ----------------------------------------------------------------------------


def held(task: Task[Any, Any], example: Example[Any, Any], reply: str, form: Any) -> Run:
    """A dialogue of one reply, as a teacher held it."""
    messages = task.begin(example.inputs, form=form).messages
    said = (*messages, Message(role="assistant", content=reply))
    return Run(Outcome(example.inputs, None), messages=said)


def test_a_reply_in_handles_goes_over_from_form_to_form() -> None:
    task, (example,) = jobs.task("extraction"), some("extraction", 1)
    reply = example.dialogue[-1].content
    run = held(task, example, reply.replace(", ", ",\n "), "full")
    made = express(task, example, run, teacher="full", student="compact", seed=None)
    assert made == ("same reply", example.dialogue)
    back = express(
        task,
        example,
        held(task, example, reply, "compact"),
        teacher="compact",
        student="full",
        seed=None,
    )
    assert back == ("same reply", (*_full(task, example), example.dialogue[-1]))


def test_a_reply_that_means_something_else_in_the_other_form_does_not() -> None:
    task, (example,) = jobs.task("extraction"), some("extraction", 1)
    run = held(task, example, '{"value": "none"}', "full")
    told = express(task, example, run, teacher="full", student="compact", seed=None)
    assert told == ("filtered gold", example.dialogue)
    run = held(task, example, '{"value": "none"}', "compact")
    why = express(task, example, run, teacher="compact", student="full", seed=None)
    assert why == "its reply is none in the full form: it means something else there"


def test_where_nothing_goes_over_gold_is_kept_and_called_gold() -> None:
    plan = some("planning", 1)[0]
    run = held(jobs.task("planning"), plan, '{"subtasks": []}', "full")
    made = express(jobs.task("planning"), plan, run, teacher="full", student="compact", seed=None)
    assert made == ("filtered gold", plan.dialogue)
    bare = dataclasses.replace(plan, dialogue=())  # of data of one's own: an answer alone
    why = express(jobs.task("planning"), bare, run, teacher="full", student="compact", seed=None)
    assert isinstance(why, str)
    assert why.startswith("its reply is none in the compact form")
    table = some("table_qa", 1)[0]
    run = held(jobs.task("table_qa"), table, "{}", "full")
    made = express(jobs.task("table_qa"), table, run, teacher="full", student="compact", seed=1)
    assert made == ("filtered gold", table.dialogue)


def test_dialogues_with_tools_cannot_go_from_handles_to_names() -> None:
    possible(jobs.task("table_qa"), "compact", "compact")
    possible(jobs.task("table_qa"), "full", "compact")
    possible(jobs.task("calculation"), "compact", "full")
    with pytest.raises(ConfigError, match=r"teacher\.form = \"full\""):
        possible(jobs.task("table_qa"), "compact", "full")
