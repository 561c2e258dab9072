"""The page behind the link of a clip mail: no more of them, or again, with no login."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from contentflow.byop import clip_mail
from contentflow.core.db import transaction
from contentflow.core.errors import NotFound
from contentflow.web.access import token_authenticated
from contentflow.web.htmx import render

MAX_TOKEN_LENGTH = 200

bp = Blueprint("clip_mails", __name__)


@bp.get("/clip-mails/<token>")
@token_authenticated
def page(token: str) -> ResponseReturnValue:
    return _page("byop/clip_mails.html", token)


@bp.post("/clip-mails/<token>", endpoint="switch")
@token_authenticated
def switch(token: str) -> ResponseReturnValue:
    """RFC 8058: 200 to whoever holds a link, known or not; without the button's word it means no more."""
    is_on = request.form.get("again") == "1"
    _check(token)
    with transaction():
        clip_mail.switch(token, is_on=is_on)
    return _page("byop/clip_mails_set.html", token, is_on)


def _page(name: str, token: str, is_on: bool = False) -> Response:
    _check(token)
    response = render(name, token=token, is_on=is_on)
    response.headers.update(
        {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    )
    return response


def _check(token: str) -> None:
    if len(token) > MAX_TOKEN_LENGTH:
        raise NotFound
