"""Requests and tasks are spans where OpenTelemetry is there, and nothing where it is not."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.core import tracing
from contentflow.core.broker import broker, register_task

export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[export.InMemorySpanExporter]:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    kept, provider = export.InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(tracing, "_tracer", lambda: provider.get_tracer("test"))
    yield kept
    provider.shutdown()


def test_a_request_is_a_span_without_its_address(app: Flask, client: FlaskClient, spans):
    client.get("/nothing-here?email=reader@example.org")
    client.get("/healthz")

    missing, alive = spans.get_finished_spans()
    assert (missing.name, alive.name) == ("none", "health.healthz")
    assert dict(missing.attributes) == {"http.request.method": "GET", "http.response.status_code": 404}


def test_a_task_is_a_span_that_ends_with_its_error(app: Flask, spans):
    def explode(row_id: str) -> None:
        raise ZeroDivisionError

    register_task(app, "test.task", "mail", explode)

    broker().run("test.task", "a-row")

    (span,) = spans.get_finished_spans()
    assert (span.name, dict(span.attributes)) == ("test.task", {"row_id": "a-row"})


def test_without_the_library_nothing_is_done(monkeypatch: pytest.MonkeyPatch, client: FlaskClient):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    tracing._tracer.cache_clear()
    try:
        with tracing.span("x") as span:
            assert span is None
        assert client.get("/healthz").status_code == 200
    finally:
        tracing._tracer.cache_clear()
