"""``/dev/mailbox``: every mail that would have left, in development without a mail service only."""

from __future__ import annotations

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.core.errors import NotFound
from contentflow.mailing import mailbox
from contentflow.web.admission import public
from contentflow.web.htmx import render

# A mail is foreign HTML: it runs nothing, loads nothing, and is framed by our own page only.
FRAME_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
)

bp = Blueprint("mailing", __name__)


@bp.before_request
def _only_in_development() -> None:
    if not mailbox.is_open(settings()):
        raise NotFound


@bp.get("/dev/mailbox", endpoint="mailbox")
@public
def mails() -> ResponseReturnValue:
    return render("mailing/mailbox.html", mails=mailbox.newest_mails())


@bp.get("/dev/mailbox/<mail_id>")
@public
def captured(mail_id: str) -> ResponseReturnValue:
    mail = mailbox.get_mail(mail_id)
    return render("mailing/captured.html", mail=mail, links=mailbox.links_in(mail.html))


@bp.get("/dev/mailbox/<mail_id>/mail")
@public
def captured_html(mail_id: str) -> ResponseReturnValue:
    return Response(mailbox.get_mail(mail_id).html, headers={"Content-Security-Policy": FRAME_CSP})
