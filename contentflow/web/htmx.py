"""Fragment or page, and where to go next: the same views serve HTMX and plain forms."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse


def is_htmx() -> bool:
    headers = request.headers
    return headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in headers


def render(page: str, status: int = 200, **context: Any) -> Response:
    """Render ``byop/new.html``, or for HTMX its fragment ``byop/_new.html``."""
    folder, _, name = page.rpartition("/")
    return make_response(render_template(f"{folder}/_{name}" if is_htmx() else page, **context), status)


def announce(response: Response, event: str) -> Response:
    """Let whatever on the page waits for ``event`` look anew, once this answer stands there."""
    response.headers["HX-Trigger-After-Settle"] = event
    return response


def go_to(url: str) -> BaseResponse:
    """Send the browser to ``url`` after a POST: 303, or ``HX-Redirect`` for HTMX."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)
