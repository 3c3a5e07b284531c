"""``/v1/answers``: ask a question, as one reply or as events; read an earlier answer again."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from fastapi.responses import Response
from pydantic import Field

from router.contracts import Answer, Question, Started
from router.state import Recorded
from service.auth import Caller
from service.config import ServiceSettings
from service.problems import documented
from service.routers import Routers
from service.stream import MEDIA_TYPE, EventStream, while_there
from specialists.foundation.calls import calling
from specialists.foundation.contracts import Value

routes = APIRouter(prefix="/v1/answers", tags=["answers"])

_EXAMPLES = {
    "one value": {
        "summary": "A figure of one company",
        "value": {"question": "What was the revenue of Kestrel Robotics in 2022?"},
    },
    "as of a day": {
        "summary": "Only what was known on a day",
        "value": {
            "question": "Which company had the highest net income in 2021?",
            "workspace": "demo",
            "as_of": "2022-12-31",
        },
    },
    "events": {
        "summary": "Follow the answer as it comes to be",
        "value": {
            "question": "How much did the revenue of Kestrel Robotics grow from 2021 to 2022?",
            "stream": True,
        },
    },
}
_EVENTS = """id: 0
event: started
data: {"event":"started","id":"5f0c…","question":"What was …"}

id: 1
event: plan
data: {"event":"plan","plan":{"subtasks":[…]}}

id: 2
event: answer
data: {"event":"answer","answer":{"id":"5f0c…","text":"…",…}}

"""


class Ask(Value):
    """A question."""

    question: Annotated[str, Field(description="The question, at most 2,000 characters.")]
    workspace: Annotated[
        str | None, Field(max_length=200, description="Whose data; none: the service's default.")
    ] = None
    as_of: Annotated[date | None, Field(description="Only what was known on this day counts.")] = (
        None
    )
    stream: Annotated[bool, Field(description="Send server-sent events instead.")] = False


@routes.post(
    "",
    response_model=Answer,
    summary="Ask a question",
    responses={
        200: {
            "description": "The answer; with `stream` or `Accept: text/event-stream`, its events.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EVENTS}},
            "headers": {
                "Location": {
                    "description": "Where the answer can be read again.",
                    "schema": {"type": "string"},
                }
            },
        },
        **documented(401, 404, 413, 422, 429, 503),
    },
    openapi_extra={"requestBody": {"content": {"application/json": {"examples": _EXAMPLES}}}},
)
async def ask(
    request: Request,
    response: Response,
    asked: Ask,
    caller: Caller,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Answer | Response:
    """Plans the question, has specialists do the steps, and composes an answer in which every
    number has a source. A client that leaves ends the work."""
    Question.of(asked.question, asked.as_of)
    routers: Routers = request.app.state.routers
    router = await routers.of(asked.workspace)
    routers.begin()
    if asked.stream or MEDIA_TYPE in accept:
        events = router.astream(asked.question, as_of=asked.as_of)
        try:
            with calling(tenant=caller):
                first = await anext(events)  # what is refused outright gets its own status
        except BaseException:
            await routers.end()
            raise
        settings: ServiceSettings = request.app.state.settings
        return EventStream(
            first,
            events,
            keep_alive_s=settings.keep_alive_s,
            finished=routers.end,
            headers=_where(first.id) if isinstance(first, Started) else {},
        )
    try:
        with calling(tenant=caller):
            answer = await while_there(request, router.aask(asked.question, as_of=asked.as_of))
    finally:
        await routers.end()
    response.headers.update(_where(answer.id))
    return answer


@routes.get(
    "/{id}",
    summary="Read an answer again",
    responses=documented(401, 404),
)
async def read(
    request: Request,
    caller: Caller,
    id: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="An answer's id.")],
) -> Recorded:
    """An answer with its steps; one still under way, or failed, has no `answer` yet."""
    routers: Routers = request.app.state.routers
    return await routers.recorded(id)


def _where(id: str) -> dict[str, str]:
    return {"Location": f"{routes.prefix}/{id}"}
