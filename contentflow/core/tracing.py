"""Spans for OpenTelemetry where its library is installed; without it, nothing.

Whoever starts the process (``opentelemetry-instrument``) says where spans go. None holds an address.
"""

from __future__ import annotations

import importlib.util
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any


@cache
def _tracer() -> Any:
    if importlib.util.find_spec("opentelemetry") is None:
        return None
    from opentelemetry import trace

    return trace.get_tracer("contentflow")


def span(name: str, **attributes: str) -> AbstractContextManager[Any]:
    """Return a block that is a span; what it yields takes further attributes, or is None."""
    tracer = _tracer()
    return nullcontext() if tracer is None else tracer.start_as_current_span(name, attributes=attributes)
