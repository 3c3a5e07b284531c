"""The router as a LangChain tool, so that any LangGraph agent can ask it.

The model reads the answer's text with its sources; the whole answer travels beside it as the tool
message's artifact. What cannot be answered is told in words, as a tool's result, not raised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from langchain_core.tools import BaseTool, StructuredTool, ToolException

from router.contracts import Answer
from specialists.foundation.errors import FinrouteError

if TYPE_CHECKING:
    from router.router import Router


def as_tool(router: Router, name: str) -> BaseTool:
    """A tool that takes a question and returns the answer's text, the ``Answer`` as artifact."""
    catalogue = f"workspace {router.workspace.name!r}"

    async def aask(
        question: Annotated[str, "One finance question, with company and fiscal year."],
    ) -> tuple[str, Answer]:
        try:
            answer = await router.aask(question)
        except FinrouteError as error:
            raise ToolException(str(error)) from error
        return told(answer), answer

    def ask(
        question: Annotated[str, "One finance question, with company and fiscal year."],
    ) -> tuple[str, Answer]:
        try:
            answer = router.ask(question)
        except FinrouteError as error:
            raise ToolException(str(error)) from error
        return told(answer), answer

    return StructuredTool.from_function(
        func=ask,
        coroutine=aask,
        name=name,
        description=(
            f"Answers a finance question from the tables and documents of {catalogue}. "
            "Every number comes with its source; what is not there is said to be not there."
        ),
        response_format="content_and_artifact",
        handle_tool_error=True,
    )


def told(answer: Answer) -> str:
    """The answer as a model reads it."""
    sources = [f"[{s.number}] {s.title}" for s in answer.sources]
    status = f"({answer.status})" if answer.status != "complete" else ""
    return "\n".join(filter(None, [f"{answer.text} {status}".strip(), *sources]))
