"""``/dev/mailbox``: the local mailbox, in development without a mail service."""

from __future__ import annotations

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from contentflow.config import settings
from contentflow.core.errors import NotFound
from contentflow.mailing import mailbox
from contentflow.web.access import public
from contentflow.web.htmx import render
from contentflow.web.security import FRAME_CSP

bp = Blueprint("mailing", __name__)


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
