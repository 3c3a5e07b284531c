"""The HTTP application, made of its parts. It opens no port: ``command`` does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from router.config import Settings
from router.staff import engage
from service import answers, listings, metrics, problems
from service.config import ServiceSettings
from service.limits import BodyLimit
from service.reload import reloading
from service.routers import Routers
from specialists.registry import Registry

_ABOUT = """Ask finance questions of your own tables and texts. Every number in an answer comes with
its source. Errors are problem documents (RFC 9457)."""


def create_app(
    settings: Settings, service: ServiceSettings, registry: Registry | None = None
) -> FastAPI:
    """The application.

    Args:
        settings: the router's.
        service: the service's own.
        registry: who does the work; None: as the settings say.

    Raises:
        RecordError: the embedded models or their decision records are missing or altered.
    """
    registry = registry or engage(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        routers = Routers(settings, service, registry)
        app.state.routers = routers
        routers.start_warming()
        with reloading(routers):
            yield
        await routers.aclose()

    app = FastAPI(
        title="finroute",
        version=_version(),
        description=_ABOUT,
        lifespan=lifespan,
        redoc_url=None,
    )
    app.state.settings = service
    app.add_middleware(BodyLimit, max_bytes=service.max_body_bytes)
    problems.install(app)
    app.include_router(answers.routes)
    app.include_router(listings.routes)
    app.include_router(metrics.routes)
    return app


def _version() -> str:
    try:
        return version("finroute")
    except PackageNotFoundError:  # run from a checkout
        return "0"
