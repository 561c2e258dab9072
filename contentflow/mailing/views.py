"""The pages behind a mail's links, and ``/dev/mailbox`` in development without a mail service."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.core.db import transaction
from contentflow.core.errors import NotFound
from contentflow.mailing import keeping, mailbox, services
from contentflow.web.admission import open_post, public
from contentflow.web.htmx import render
from contentflow.web.security import FRAME_CSP, LONGEST_TOKEN

bp = Blueprint("mailing", __name__)


def _page(name: str, token: str, purpose: str, only_partner: bool = False) -> Response:
    reader = services.find_reader(token, purpose)
    kept_days = keeping.KEEP.days
    response = render(f"mailing/{name}.html", reader=reader, only_partner=only_partner, kept_days=kept_days)
    # The address holds the token: it goes to no other site and into no cache.
    response.headers.update({"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
    return response


def _check_length(token: str) -> None:
    if len(token) > LONGEST_TOKEN:
        raise NotFound


@bp.get("/unsubscribe/<token:token>")
@open_post
def unsubscribe(token: str) -> ResponseReturnValue:
    _check_length(token)
    return _page("unsubscribe", token, "unsubscribe")


@bp.post("/unsubscribe/<token:token>", endpoint="unsubscribed")
@open_post
def stop(token: str) -> ResponseReturnValue:
    """RFC 8058: 200 to whoever holds a link, known or not; without a scope everything stops."""
    _check_length(token)
    only_partner = request.form.get("scope") == "partner"
    with transaction():
        services.unsubscribe(token, only_partner)
    return _page("unsubscribed", token, "unsubscribe", only_partner)


@bp.get("/subscribe/<token:token>")
@open_post
def subscribe(token: str) -> ResponseReturnValue:
    _check_length(token)
    return _page("subscribe", token, "subscribe")


@bp.post("/subscribe/<token:token>", endpoint="subscribed")
@open_post
def say_yes(token: str) -> ResponseReturnValue:
    _check_length(token)
    with transaction():
        services.subscribe(token)
    return _page("subscribed", token, "subscribe")


@bp.get("/dev/mailbox", endpoint="mailbox")
@public
def mails() -> ResponseReturnValue:
    _check_development()
    return render("mailing/mailbox.html", mails=mailbox.newest_mails())


@bp.get("/dev/mailbox/<mail_id>")
@public
def captured(mail_id: str) -> ResponseReturnValue:
    _check_development()
    mail = mailbox.get_mail(mail_id)
    return render("mailing/captured.html", mail=mail, links=mailbox.links_in(mail.html))


@bp.get("/dev/mailbox/<mail_id>/mail")
@public
def captured_html(mail_id: str) -> ResponseReturnValue:
    _check_development()
    return Response(mailbox.get_mail(mail_id).html, headers={"Content-Security-Policy": FRAME_CSP})


def _check_development() -> None:
    if not mailbox.is_open(settings()):
        raise NotFound
