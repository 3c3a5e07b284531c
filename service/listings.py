"""What there is to ask, and whether the service is there: specialists, workspaces, health."""

from __future__ import annotations

from fastapi import APIRouter, Request

from service.auth import Caller
from service.problems import documented
from service.routers import Listed, Routers
from specialists.foundation.contracts import Value
from specialists.registry import Entry

routes = APIRouter()


class Health(Value):
    """The service is there."""

    status: str = "ok"


class Specialists(Value):
    """Who can answer."""

    specialists: tuple[Entry, ...]


class Workspaces(Value):
    """What can be asked about."""

    workspaces: tuple[Listed, ...]


@routes.get(
    "/v1/specialists", tags=["listings"], summary="Who can answer", responses=documented(401)
)
async def specialists(request: Request, caller: Caller) -> Specialists:
    """Every specialist with its model, adapter and decision record; `provisional` without one."""
    routers: Routers = request.app.state.routers
    return Specialists(specialists=routers.specialists())


@routes.get(
    "/v1/workspaces",
    tags=["listings"],
    summary="What can be asked about",
    responses=documented(401),
)
async def workspaces(request: Request, caller: Caller) -> Workspaces:
    """Every workspace with its tables."""
    routers: Routers = request.app.state.routers
    return Workspaces(workspaces=tuple(await routers.workspaces()))


@routes.get("/healthz", tags=["health"], summary="Is the service there")
async def healthz() -> Health:
    """Answers as soon as the service listens."""
    return Health()


@routes.get("/readyz", tags=["health"], summary="Are the models loaded", responses=documented(503))
async def readyz(request: Request) -> Health:
    """Ready once the models are loaded."""
    routers: Routers = request.app.state.routers
    routers.check_ready()
    return Health()
