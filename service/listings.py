"""What there is to ask, and whether the service is there: specialists, workspaces, health."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import Field

from service.auth import Caller
from service.problems import documented
from service.routers import Listed, Routers
from specialists.fleet import ReplicaState
from specialists.foundation.contracts import Value
from specialists.registry import Attestation, Entry

routes = APIRouter()


class Health(Value):
    """The service is there."""

    status: str = "ok"


class Readiness(Health):
    """The models are loaded."""

    refused: tuple[str, ...] = ()
    """Specialists whose adapter may not be served, or failed its attestation."""
    reasons: dict[str, str] = Field(default_factory=dict[str, str])
    """Why, by specialist."""
    attestation: dict[str, Attestation] = Field(default_factory=dict[str, Attestation])
    """Whether each adapter that is served was held against its canary."""
    replicas: tuple[ReplicaState, ...] = ()
    """The model servers, where there are any, and what each serves."""


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
    """Every specialist with its model, its adapter and what its decision record says: whether it is
    served, `provisional` or refused, and why."""
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
async def readyz(request: Request) -> Readiness:
    """Ready once the models are loaded. A refused planner is never ready: nothing can be asked."""
    routers: Routers = request.app.state.routers
    reasons = routers.check_ready()
    return Readiness(
        refused=tuple(sorted(reasons)),
        reasons=reasons,
        attestation={e.name: e.attestation for e in routers.specialists() if e.served},
        replicas=routers.replicas(),
    )
