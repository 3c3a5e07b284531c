"""Plans from any model: retold when they are not sound, refused when they cannot be right."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from router.config import CaseSettings
from router.planner import Planner
from specialists import registry as registries
from specialists.agent import Specialist
from specialists.engines.langchain import LangChainEngine
from specialists.foundation.contracts import Completion, Message
from specialists.foundation.errors import EngineError, PlanError
from specialists.workspace.links import Linker
from specialists.workspace.versions import Workspace

QUESTION = "What was the revenue of Kestrel Biosciences in 2022?"
JOBS = ("table_qa", "calculation", "sentiment", "extraction")


class Says:
    """An engine that replies in order, and keeps what it was told."""

    model = "says"

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.told: list[list[Message]] = []
        self.sampled: list[float] = []

    async def chat(self, messages: Sequence[Message], **options: Any) -> Completion:
        self.told.append(list(messages))
        self.sampled.append(options["sampling"].temperature)
        if not self.replies:
            raise EngineError("the server is down")
        message = Message(role="assistant", content=self.replies.pop(0))
        return Completion(message=message, finish_reason="stop", model=self.model)

    async def aclose(self) -> None:
        return


@pytest.fixture(scope="module")
def make_planner(workspace: Workspace) -> Callable[..., Planner]:
    catalogue = workspace.snapshot().catalogue

    def make(engine: Any, form: str = "full", max_steps: int = 24) -> Planner:
        specialist = Specialist(registries.task("planning"), engine, form=form)  # type: ignore[arg-type]
        return Planner(specialist, catalogue, Linker(catalogue), JOBS, max_steps, CaseSettings())

    return make


def written(*steps: dict[str, Any], note: str = "") -> str:
    return json.dumps({"subtasks": list(steps), "note": note})


def lookup(id: str = "s1", specialist: str = "table_qa", **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "specialist": specialist,
        "instruction": QUESTION,
        "inputs": [{"name": "company", "value": "Kestrel Biosciences"}],
        **more,
    }


async def test_a_chat_models_plan_is_taken(make_planner):
    engine = Says(written(lookup()))
    drafted = await make_planner(engine).draft(QUESTION, engine=engine)
    assert drafted.plan.subtasks[0].instruction == QUESTION
    told = engine.told[0][1].content
    assert "Kestrel Biosciences" in told
    assert "Income" in told or "income" in told
    assert drafted.gaps == ()


async def test_the_planner_never_sees_a_documents_text(make_planner, workspace: Workspace):
    engine = Says(written(lookup()))
    await make_planner(engine).draft(QUESTION, engine=engine)
    told = "\n".join(m.content for m in engine.told[0])
    for document in workspace.snapshot().documents[:200]:
        assert document.text not in told


async def test_an_unsound_plan_goes_back_once_with_the_reason(make_planner):
    engine = Says(written(lookup(specialist="oracle")), written(lookup()))
    drafted = await make_planner(engine).draft(QUESTION, engine=engine)
    assert len(drafted.plan.subtasks) == 1
    assert len(engine.told) == 2
    assert engine.told[1][-2].content == written(lookup(specialist="oracle"))
    assert "no specialist 'oracle'" in engine.told[1][-1].content


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (written(lookup(specialist="oracle")), "no specialist 'oracle'"),
        (written(lookup("s1"), lookup("s1")), "called 's1'"),
        (written(lookup(inputs=[{"name": "a", "ref": "s9"}])), "'s9', which is no step"),
        (written(lookup("s1", inputs=[{"name": "a", "ref": "s1"}])), "comes no earlier"),
        ("I would rather not.", "not one JSON object"),
        (written(*(lookup(f"s{i}", instruction=f"{QUESTION} {i}") for i in range(5))), "5 steps"),
    ],
)
async def test_two_unsound_plans_are_an_error_that_says_why(make_planner, bad: str, message: str):
    engine = Says(bad, bad)
    with pytest.raises(PlanError, match=message):
        await make_planner(engine, max_steps=4).draft(QUESTION, engine=engine)


async def test_why_an_earlier_plan_did_not_do_is_told(make_planner):
    engine = Says(written(lookup()))
    await make_planner(engine).draft(
        QUESTION, engine=engine, reason="s1 (table_qa) failed: no rows"
    )
    assert "s1 (table_qa) failed: no rows" in engine.told[0][-1].content


async def test_a_model_tuned_to_handles_is_drawn_from_again_instead_of_told(make_planner):
    engine = Says("growth <c9>", "get <c1> <e1> <p1>")
    drafted = await make_planner(engine, "compact").draft(QUESTION, engine=engine)
    assert len(drafted.plan.subtasks) == 1
    assert engine.sampled == [0.0, 0.7]
    assert engine.told[0] == engine.told[1]


async def test_what_the_question_names_and_no_plan_uses_is_a_gap(make_planner):
    engine = Says("get <c1> <e1>", "get <c1> <e1>")
    question = "What was the revenue of Kestrel Biosciences in 2020?"
    drafted = await make_planner(engine, "compact").draft(question, engine=engine)
    assert drafted.gaps == ("the plan leaves out 2020",)
    assert drafted.plan.subtasks


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("What was the revenue of Nestle in 2022?", "'nestle'"),
        ("What was the revenue of Kestrel Biosciences in 2035?", "'2035'"),
    ],
)
async def test_a_plan_about_something_else_is_refused(make_planner, question: str, named: str):
    """A year or company that is not there must not silently become the latest, or all."""
    engine = Says(*["get <c1> <e1>" if "Kestrel" in question else "top <c1> <p1>"] * 2)
    drafted = await make_planner(engine, "compact").draft(question, engine=engine)
    assert drafted.plan.subtasks == ()
    assert drafted.plan.note == f"not in this workspace: {named}"


async def test_a_server_that_is_down_is_no_bad_plan(make_planner):
    engine = Says()
    with pytest.raises(EngineError, match="the planner did not answer: the server is down"):
        await make_planner(engine).draft(QUESTION, engine=engine)


async def test_a_langchain_chat_model_plans(make_planner):
    from langchain_core.language_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage

    chat = GenericFakeChatModel(messages=iter([AIMessage(written(lookup()))]))
    engine = LangChainEngine(chat, name="fake", structured="instructions")
    drafted = await make_planner(engine).draft(QUESTION, engine=engine)
    assert drafted.plan.subtasks[0].specialist == "table_qa"
    assert drafted.served_by.model == "fake"
