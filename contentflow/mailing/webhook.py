"""``/webhooks/brevo``: Brevo tells what became of the mails.

Brevo calls again (after 10 minutes, 1, 2 and 8 hours) only where it got no answer in time, or 429; on any
other status of 400 and more the events are lost for ever. So whoever holds the token is answered 429
whatever goes wrong here, unless the body will never be readable.
"""

from __future__ import annotations

import logging
from hmac import compare_digest
from typing import Any

from flask import Blueprint, Response, json, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import settings
from contentflow.core.broker import enqueue
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.mailing import brevo_lists, outcomes
from contentflow.web.access import token_authenticated
from contentflow.web.errors import problem

log = logging.getLogger(__name__)

bp = Blueprint("webhooks", __name__, url_prefix="/webhooks")
MAX_BYTES = 5 * 1024 * 1024  # Of ten thousand events, and some more.
AGAIN_SECONDS = 60
# What may be applied before the answer: a bounce then holds for the very next send.
APPLY_SECONDS, APPLY_TIMEOUT_MS = 0.5, 1_000
APPLY = "mailing.apply_events"


class WrongBearer(Refused):
    status = 401


@bp.url_value_preprocessor
def ask_for_token(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Before anything else: nobody without it is read for five megabytes."""
    if not _has_token():
        raise WrongBearer
    request.max_content_length = MAX_BYTES


@bp.post("/brevo", endpoint="brevo")
@token_authenticated
def receive() -> ResponseReturnValue:
    body = request.get_data()
    items = brevo_lists.read_items(body)
    with transaction(brevo_lists.TIMEOUT_MS):
        list_id = brevo_lists.keep_list(body)
    with transaction(brevo_lists.TIMEOUT_MS):
        stored = brevo_lists.store_list(list_id, items)
        enqueue(APPLY, list_id)
    try:
        outcomes.apply_due(APPLY_SECONDS, APPLY_TIMEOUT_MS)
    except SQLAlchemyError as error:  # They are stored: the worker applies what is left.
        log.warning("events wait to be applied (%s)", type(error).__name__)
    answer = {"stored": stored.stored, "known": stored.known}
    return Response(json.dumps(answer) + "\n", mimetype="application/json")


@bp.errorhandler(Exception)
def refuse(error: Exception) -> Response:
    if not _has_token():
        return problem(401, "The bearer token is missing or wrong.")
    if isinstance(error, brevo_lists.Unreadable):
        return problem(422, "It is no JSON object, and no list.")
    log.error("events are asked for again: %s", type(error).__name__, exc_info=error)
    db.session.rollback()
    response = problem(429, "It was not stored: please send it again.")
    response.headers["Retry-After"] = str(AGAIN_SECONDS)
    return response


def _has_token() -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token.strip().encode("latin-1", "replace")
    found = [compare_digest(given, one.encode()) for one in settings().brevo_webhook_token]
    return kind.lower() == "bearer" and any(found)
