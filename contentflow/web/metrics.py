"""``/metrics`` in Prometheus' text format, for this machine or whoever has METRICS_TOKEN."""

from __future__ import annotations

import hmac
import time

from flask import Blueprint, Flask, Response, abort, g, request
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.core import metrics, tracing
from contentflow.core.net import is_loopback
from contentflow.web.access import token_authenticated

bp = Blueprint("metrics", __name__)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# What a proxy adds: whoever comes through one is not of this machine.
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP")
NO_ROUTE = "none"  # A path that no view serves: paths themselves would be endless, and may hold anything.


def init_app(app: Flask) -> None:
    """Called before all others: what they take counts too."""
    app.before_request(_begin)
    app.after_request(_count)
    app.teardown_request(_end)
    app.register_blueprint(bp)


@bp.get("/metrics")
@token_authenticated
def read() -> ResponseReturnValue:
    token = settings().metrics_token
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    has_token = bool(token) and hmac.compare_digest(given.encode(), token.encode())
    # What a proxy of this machine hands on comes from elsewhere.
    is_ours = is_loopback(request.remote_addr or "") and not any(
        name in request.headers for name in FORWARDED
    )
    if not (has_token or is_ours):
        abort(404)
    headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    return Response(metrics.exposition(), headers=headers)


def _begin() -> None:
    g.began = time.perf_counter()
    g.span_block = tracing.span(request.endpoint or NO_ROUTE, **{"http.request.method": request.method})
    g.span = g.span_block.__enter__()


def _count(response: Response) -> Response:
    counts, route = metrics.counts(), request.endpoint or NO_ROUTE
    status = response.status_code
    if g.get("span") is not None:
        g.span.set_attribute("http.response.status_code", status)
    if "began" in g:
        took = time.perf_counter() - g.began
        counts.requests.labels(route, f"{status // 100}xx").observe(took)
    if status == 429:
        counts.limits.labels(route).inc()
    if request.blueprint == "postback" and status >= 400:
        counts.postbacks.labels(str(status)).inc()
    return response


def _end(error: BaseException | None) -> None:
    block = g.pop("span_block", None)
    if block is not None:
        block.__exit__(None, None, None)
