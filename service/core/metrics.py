"""Figures for Prometheus; no text of anybody's, and no address, is among them."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MEDIA = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counters and gauges of one running service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._queries = Counter(
            "passerelle_sparql_queries",
            "SPARQL queries by what became of them.",
            ["outcome", "limit"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "passerelle_sparql_seconds",
            "How long SPARQL queries took.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._requests = Counter(
            "passerelle_http_requests",
            "Requests by part of the service and status.",
            ["part", "status"],
            registry=self._registry,
        )

    def query(self, outcome: str, limit: str | None, seconds: float) -> None:
        """Count a SPARQL query."""
        self._queries.labels(outcome, limit or "").inc()
        self._seconds.observe(seconds)

    def request(self, part: str, status: int) -> None:
        """Count a request."""
        self._requests.labels(part, str(status)).inc()

    def gauge(self, name: str, meaning: str, value: Callable[[], float]) -> None:
        """Show a value that is read whenever somebody asks."""
        Gauge(f"passerelle_{name}", meaning, registry=self._registry).set_function(value)

    def text(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self._registry)
