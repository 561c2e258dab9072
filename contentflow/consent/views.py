"""The pages behind a mail's links: stop it, or say yes to the next ones. Whoever holds the link may."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l

from contentflow.consent import services
from contentflow.consent.promises import promise
from contentflow.core.db import transaction
from contentflow.core.errors import NotFound, Refused
from contentflow.mailing.recipients import KEPT
from contentflow.web.access import token_authenticated
from contentflow.web.htmx import render
from contentflow.web.security import MAX_TOKEN_LENGTH, client_ip

bp = Blueprint("consent", __name__)
ANSWERS = {"yes": services.subscribe, "no": services.refuse}


class UnknownAnswer(Refused):
    message = _l("Répondez par oui ou par non.")


def _page(name: str, token: str, purpose: str, only_partner: bool = False) -> Response:
    recipient = services.find_recipient(token, purpose)
    asked = promise(recipient.partner_name if recipient else "")
    shown: dict[str, Any] = {"recipient": recipient, "promise": asked, "kept_days": KEPT.days}
    response = render(f"consent/{name}.html", only_partner=only_partner, token=token, **shown)
    return _kept_to_itself(response)


def _kept_to_itself(response: Response) -> Response:
    """The address holds the token: it goes to no other site and into no cache."""
    response.headers.update({"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
    return response


def _check_length(token: str) -> None:
    if len(token) > MAX_TOKEN_LENGTH:
        raise NotFound


@bp.get("/unsubscribe/<token:token>", endpoint="unsubscribe")
@token_authenticated
def ask_to_unsubscribe(token: str) -> ResponseReturnValue:
    _check_length(token)
    return _page("unsubscribe", token, "unsubscribe")


@bp.post("/unsubscribe/<token:token>", endpoint="unsubscribed")
@token_authenticated
def unsubscribe(token: str) -> ResponseReturnValue:
    """RFC 8058: 200 to whoever holds a link, known or not; without a scope everything stops."""
    _check_length(token)
    only_partner = request.form.get("scope") == "partner"
    with transaction():
        services.unsubscribe(token, only_partner)
    return _page("unsubscribed", token, "unsubscribe", only_partner)


@bp.get("/subscribe/<token:token>", endpoint="subscribe")
@token_authenticated
def ask_to_confirm(token: str) -> ResponseReturnValue:
    _check_length(token)
    return _page("subscribe", token, "subscribe")


@bp.post("/subscribe/<token:token>", endpoint="subscribed")
@token_authenticated
def answer(token: str) -> ResponseReturnValue:
    """Without an answer it is a yes: mails that have left post so."""
    _check_length(token)
    said = request.form.get("answer") or "yes"
    if said not in ANSWERS:
        raise UnknownAnswer
    with transaction():
        ANSWERS[said](token, client_ip())
    return _page("subscribed" if said == "yes" else "refused", token, "subscribe")


@bp.get("/preferences/<token:token>", endpoint="preferences")
@token_authenticated
def ask_preferences(token: str) -> ResponseReturnValue:
    _check_length(token)
    return _preferences(token)


@bp.post("/preferences/<token:token>", endpoint="preferred")
@token_authenticated
def prefer(token: str) -> ResponseReturnValue:
    """200 to whoever holds a link, known or not; 422 without one of the three choices."""
    _check_length(token)
    wish = request.form.get("scope", "")
    if wish not in WISHES:
        return _preferences(token, status=422)
    with transaction():
        WISHES[wish](token)
    return _preferences(token, wish)


WISHES: Final[Mapping[str, Callable[[str], None]]] = {
    "partner": lambda token: services.unsubscribe(token, only_partner=True),
    "all": services.unsubscribe,
    "erase": services.forget,
}


def _preferences(token: str, wish: str = "", status: int = 200) -> Response:
    held = services.find_held(token)
    recipient = services.find_recipient(token, "unsubscribe")
    context = {"held": held, "recipient": recipient, "wish": wish, "is_unclear": status == 422}
    return _kept_to_itself(render("consent/preferences.html", status, kept_days=KEPT.days, **context))
