"""The mail with a link and a code, written at the moment it leaves: its row never holds them."""

from __future__ import annotations

import secrets

from flask_babel import force_locale
from flask_babel import gettext as _

from contentflow.config import settings
from contentflow.core.db import db
from contentflow.core.ids import digest, new_token
from contentflow.mailing.messages import Message, render_mail
from contentflow.mailing.models import Delivery
from contentflow.partners.login_requests import code_hash, is_open
from contentflow.partners.models import LoginRequest, LoginToken, Partner


def login_url(token: str) -> str:
    return f"{settings().public_base_url}/partner/login/{token}"


def compose_login(delivery: Delivery) -> Message | None:
    """Write the mail of a login request; None, and so no mail, where it can log nobody in.

    Each try of the mail makes its own link and code; any of a request's works until one is used.
    """
    request = db.session.get(LoginRequest, delivery.context["request_id"])
    partner = db.session.get(Partner, request.partner_id) if request and request.partner_id else None
    if request is None or partner is None or not partner.is_active or not is_open(request):
        return None
    is_invitation = bool(delivery.context.get("is_invitation"))
    # An invitation was asked for in no browser, so no code could be typed there.
    token, code = new_token(), "" if is_invitation else f"{secrets.randbelow(1_000_000):06d}"
    hashed = code_hash(request.id, code) if code else None
    db.session.add(LoginToken(token_hash=digest(token), code_hash=hashed, request_id=request.id))
    programme = settings().email_from_name
    words = {"url": login_url(token), "code": code, "who": partner.name, "programme": programme}
    with force_locale(delivery.language):
        subject = (
            _("Ton lien de connexion à %(name)s", name=programme)
            if code
            else _("Ton invitation à %(name)s", name=programme)
        )
    text, html = render_mail("partners/login_mail", delivery.language, title=subject, **words)
    return Message(subject, text, html, tags=("login",))
