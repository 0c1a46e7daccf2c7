"""What Prometheus may know: counts and times, summed over the worker processes."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from luthier.web.live import LiveModels
from luthier.web.traffic import Traffic

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""Names the folder through which worker processes share their counts; prometheus_client reads it when imported."""
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The counts of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter("luthier_requests", "Requests answered.", ("route", "status"), registry=self._registry)
        self.seconds = Histogram(
            "luthier_request_seconds",
            "Time from the request's first byte to its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.predictions = Counter(
            "luthier_predictions", "Rows answered.", ("version", "role"), registry=self._registry
        )
        self.outside = Counter(
            "luthier_rows_outside", "Rows outside of what training showed.", ("version",), registry=self._registry
        )
        self.labels = Counter("luthier_labels", "Labels received.", registry=self._registry)
        self.dropped = Counter(
            "luthier_shadow_dropped",
            "Requests the shadow did not answer, for it could not follow.",
            registry=self._registry,
        )
        self._waiting = Gauge(
            "luthier_log_waiting",
            "Predictions on their way into the log.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._compiled = Gauge(
            "luthier_model_compiled",
            "1 where the version answers by its compiled path.",
            ("name", "version", "role"),
            registry=self._registry,
            multiprocess_mode="livemin",
        )

    def render(self, models: LiveModels, traffic: Traffic) -> bytes:
        """All counts in Prometheus' text form."""
        self._waiting.set(traffic.n_waiting)
        for role, model in (("champion", models.champion), ("shadow", models.shadow)):
            if model is not None:
                self._compiled.labels(model.name, model.version, role).set(model.compiled)
        registry = self._registry
        if os.environ.get(SHARED):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
