"""Every refusal becomes a page, a notice for HTMX or JSON: never a trace, a path, SQL or a secret."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from http import HTTPStatus

from flask import Flask, Response, current_app, g, json, make_response, render_template, request
from flask_babel import gettext as _
from gunicorn.http.errors import NoMoreData, ParseException
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    RequestEntityTooLarge,
    ServiceUnavailable,
)

from contentflow.core import logs
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.core.ids import new_id
from contentflow.web.htmx import is_htmx
from contentflow.web.security import our_path

log = logging.getLogger(__name__)

DRAIN_BYTES = 32 * 1024 * 1024
DRAIN_SECONDS = 0.7
PROBLEM = "application/problem+json"


def init_app(app: Flask) -> None:
    app.before_request(lambda: logs.belong_to(request_id=request_id()))
    app.after_request(_tell_request_id)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(RequestEntityTooLarge, _too_large)
    app.register_error_handler(HTTPException, _http)
    for malformed in (ParseException, NoMoreData):  # Chunks are parsed as we read them.
        app.register_error_handler(malformed, lambda error: _http(BadRequest()))
    app.register_error_handler(SQLAlchemyError, _database)
    app.register_error_handler(Exception, _unforeseen)


def request_id() -> str:
    if "request_id" not in g:
        g.request_id = new_id()[:12]
    return str(g.request_id)


def _tell_request_id(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    return response


def sentence(status: int) -> tuple[str, str]:
    """Return the title and the sentence for a status that carries no message of its own."""
    known = {
        400: (
            _("Demande refusée"),
            _("Cette demande est incomplète ou trop ancienne. Recharge la page et réessaie."),
        ),
        403: (_("Demande refusée"), _("Cette demande vient d’un autre site : elle a été refusée.")),
        404: (_("Page introuvable"), _("Cette page n’existe pas, ou plus.")),
        405: (_("Demande refusée"), _("Cette page ne s’ouvre pas de cette façon.")),
        410: (_("Ce contenu n’est plus disponible"), _("Le lien a été retiré ou il est trop ancien.")),
        413: (
            _("C’est trop long"),
            _("Ce que tu as envoyé dépasse la taille acceptée. Raccourcis et réessaie."),
        ),
        429: (_("Doucement"), _("C’est beaucoup en peu de temps. Réessaie dans un instant.")),
        503: (
            _("Un instant"),
            _("Le service reprend dans quelques secondes. Rien de ce qui a été confirmé n’est perdu."),
        ),
    }
    if status < 500:
        refused = (_("Ce n’est pas possible"), _("Cette demande ne peut pas être faite ainsi."))
        return known.get(status, refused)
    return known.get(
        status, (_("Une erreur de notre côté"), _("Ce n’est pas toi. Réessaie dans un instant."))
    )


def answer(status: int, message: str | None = None) -> Response:
    """Render the error page of a status, for HTMX the notice, for a machine the problem."""
    title, default = sentence(status)
    if is_machine():
        return problem(status, message or default)
    context = {"status": status, "title": title, "message": message or default, "request_id": request_id()}
    if is_htmx():
        response = make_response(render_template("web/_error.html", **context), status)
        response.headers.update({"HX-Retarget": "#notices", "HX-Reswap": "innerHTML"})
        return response
    return make_response(render_template("web/error.html", **context, **_way_back(status)), status)


def _way_back(status: int) -> dict[str, str]:
    """Return where a form that was refused stood; nothing where its page cannot be opened again."""
    page = our_path(request.referrer) if request.method == "POST" and status < 500 else None
    routes = current_app.create_url_adapter(request)
    if page is None or routes is None or not routes.test(page.partition("?")[0], method="GET"):
        return {}
    return {"next_url": page, "next_text": _("Revenir à la page")}


def is_machine() -> bool:
    """Whether a program asks: it sends JSON, or would rather have JSON than a page."""
    kinds = ("text/html", "application/json", PROBLEM)
    return request.is_json or request.accept_mimetypes.best_match(kinds, "text/html") != "text/html"


def problem(status: int, detail: str, **more: object) -> Response:
    """Answer a program (RFC 9457): ``detail`` is the sentence that a page would show, ``more`` goes along."""
    title = HTTPStatus(status).phrase
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Response(json.dumps(told | more) + "\n", status, mimetype=PROBLEM)


def _refused(error: Refused) -> Response:
    response = answer(error.status, str(error.message))
    if error.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def _http(error: HTTPException) -> Response:
    if error.response is not None:  # abort(response), or a redirect: it is its own answer
        return make_response(error.response)
    if error.code is not None and 300 <= error.code < 400:
        return make_response(error.get_response())
    response = answer(error.code or 500)
    for name, value in error.get_headers():
        if name in {"Allow", "Retry-After", "Content-Range"}:
            response.headers[name] = value
    return response


def _too_large(error: RequestEntityTooLarge) -> Response:
    drain()
    return _http(error)


def drain() -> None:
    """Read away what the client still sends, for a while: else it meets a reset, not our answer."""
    stream, left, until = request.environ["wsgi.input"], DRAIN_BYTES, time.monotonic() + DRAIN_SECONDS
    with _with_short_timeouts(), contextlib.suppress(TimeoutError):
        while left > 0 and time.monotonic() < until:
            chunk = stream.read(min(left, 65_536))
            if not chunk:
                return
            left -= len(chunk)


@contextlib.contextmanager
def _with_short_timeouts() -> Iterator[None]:
    """Who announces a body and does not send it holds no thread; other servers than gunicorn see to it."""
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        yield
        return
    connection.settimeout(DRAIN_SECONDS)
    try:
        yield
    finally:
        connection.settimeout(None)


def _database(error: SQLAlchemyError) -> Response:
    g.is_without_database = True
    db.session.rollback()
    if isinstance(error, PoolTimeout | DBAPIError):
        log.error("database refused %s (%s): %s", request.endpoint, request_id(), type(error).__name__)
        response = _http(ServiceUnavailable())
        response.headers["Retry-After"] = "5"
        return response
    return _unforeseen(error)


def _unforeseen(error: Exception) -> Response:
    g.is_without_database = True
    log.error("unforeseen error in %s (%s)", request.endpoint, request_id(), exc_info=error)
    return _http(InternalServerError())
