"""The router as a tool inside somebody else's LangGraph graph."""

from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.prebuilt import ToolNode

from router.contracts import Answer
from router.router import Router

QUESTION = "What was the revenue of Kestrel Biosciences in 2022?"


class Talk(TypedDict):
    messages: Annotated[list[AnyMessage], add_messages]


def agent(router: Router, *questions: str) -> Any:
    """A graph whose model calls the tool at once and then is done; with its own checkpoints."""
    calls = [
        {"name": "ask_finroute", "args": {"question": q}, "id": f"call{i}"}
        for i, q in enumerate(questions)
    ]

    def model(talk: Talk) -> dict[str, Any]:
        if isinstance(talk["messages"][-1], ToolMessage):
            return {"messages": [AIMessage("done")]}
        return {"messages": [AIMessage("", tool_calls=calls)]}

    graph = StateGraph(Talk)
    graph.add_node("model", model)
    graph.add_node("tools", ToolNode([router.as_tool()]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges(
        "model", lambda talk: "tools" if talk["messages"][-1].tool_calls else END, ["tools", END]
    )
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=InMemorySaver())


async def test_an_agent_asks_and_reads_the_answer(make_router: Callable[..., Router], engine):
    async with make_router(engine) as router:
        app = agent(router, QUESTION)
        config = {"configurable": {"thread_id": "theirs"}}
        done = await app.ainvoke({"messages": [("user", "hi")]}, config)
        history = [s async for s in app.aget_state_history(config)]
    said = next(m for m in done["messages"] if isinstance(m, ToolMessage))
    assert said.status == "success"
    assert said.content.startswith("The revenue of Kestrel Biosciences in 2022 was $")
    assert "[1] income_statement · revenue · Kestrel Biosciences, 2022" in said.content
    assert isinstance(said.artifact, Answer)
    assert said.artifact.status == "complete"
    assert done["messages"][-1].content == "done"
    assert all("question" not in s.values for s in history)  # our graph is no part of theirs


async def test_parallel_calls_each_get_their_own_answer(make_router: Callable[..., Router], engine):
    other = "What was the net income of Kestrel Biosciences in 2021?"
    async with make_router(engine) as router:
        app = agent(router, QUESTION, other)
        config = {"configurable": {"thread_id": "theirs"}}
        done = await app.ainvoke({"messages": [("user", "hi")]}, config)
    said = {m.tool_call_id: m.content for m in done["messages"] if isinstance(m, ToolMessage)}
    assert "revenue" in said["call0"]
    assert "net income" in said["call1"]


async def test_what_cannot_be_asked_is_told_in_words(make_router: Callable[..., Router], engine):
    async with make_router(engine) as router:
        app = agent(router, "")
        done = await app.ainvoke(
            {"messages": [("user", "hi")]}, {"configurable": {"thread_id": "theirs"}}
        )
    said = next(m for m in done["messages"] if isinstance(m, ToolMessage))
    assert said.status == "error"
    assert said.content == "the question is empty"
