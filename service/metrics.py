"""``GET /metrics`` in Prometheus' text form: the model servers, what each holds, and their pool.

Everything is read when it is asked for: nothing is counted twice, and nobody is slowed by counting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from service.auth import Caller
from service.problems import documented
from service.routers import Routers
from specialists.foundation import telemetry

routes = APIRouter()

_STATES = ("loading", "attested", "unattested", "refused")


@routes.get("/metrics", tags=["health"], summary="Prometheus metrics", responses=documented(401))
async def metrics(request: Request, caller: Caller) -> Response:
    """Residency and cold-load time of each adapter on each model server, and how calls went."""
    registry = CollectorRegistry()
    registry.register(_Models(request.app.state.routers))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Models:
    """What is known of the model servers now."""

    def __init__(self, routers: Routers) -> None:
        self._routers = routers

    def collect(self) -> Iterator[Metric]:
        """The metrics; none where models run in process."""
        replicas = self._routers.replicas()
        up = _gauge(telemetry.REPLICA_UP, "The server is healthy and attested.", "replica")
        joins = _counter(telemetry.REPLICA_JOINS, "Times the server joined.", "replica")
        resident = _gauge(
            telemetry.ADAPTER_RESIDENT, "The adapter's state there.", "replica", "adapter", "state"
        )
        load = _gauge(
            telemetry.ADAPTER_LOAD, "Seconds its last cold load took.", "replica", "adapter"
        )
        attest = _gauge(
            telemetry.ADAPTER_ATTEST, "Seconds its attestation took.", "replica", "adapter"
        )
        for each in replicas:
            up.add_metric([each.url], float(each.state == "up"))
            joins.add_metric([each.url], each.joins)
            for held in each.adapters:
                for state in _STATES:
                    resident.add_metric([each.url, held.adapter, state], float(held.state == state))
                if held.load_s is not None:
                    load.add_metric([each.url, held.adapter], held.load_s)
                if held.attest_s is not None:
                    attest.add_metric([each.url, held.adapter], held.attest_s)
        yield from (up, joins, resident, load, attest)
        yield from self._pool()

    def _pool(self) -> Iterator[Metric]:
        stats = self._routers.pool()
        if stats is None:
            return
        waiting = _gauge(telemetry.POOL_WAITING, "Calls that wait for a place.")
        waiting.add_metric([], stats.waiting)
        calls = _counter(telemetry.POOL_CALLS, "What became of calls.", "event")
        for event, count in stats.counts.model_dump().items():
            calls.add_metric([event], count)
        flight = _gauge(telemetry.POOL_IN_FLIGHT, "Calls under way.", "replica")
        broken = _gauge(telemetry.POOL_BREAKER, "The breaker keeps calls away.", "replica")
        failed = _counter(telemetry.POOL_FAILED, "Calls a server did not answer.", "replica")
        for each in stats.replicas:
            flight.add_metric([each.url], each.in_flight)
            broken.add_metric([each.url], float(each.breaker != "closed"))
            failed.add_metric([each.url], each.failed)
        yield from (waiting, calls, flight, broken, failed)


def _gauge(name: str, about: str, *labels: str) -> Any:
    return GaugeMetricFamily(name.replace(".", "_"), about, labels=labels)


def _counter(name: str, about: str, *labels: str) -> Any:
    return CounterMetricFamily(name.replace(".", "_"), about, labels=labels)
