"""What all pages of the console share: the blueprint, who acts, why, and what was typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import Blueprint, Response, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from contentflow.config import settings
from contentflow.core.audit import REASON_LENGTH
from contentflow.core.errors import Refused
from contentflow.partners.errors import NoReason
from contentflow.partners.roles import Permission
from contentflow.partners.sessions import current_person
from contentflow.web.access import access_of

bp = Blueprint("console", __name__, url_prefix="/console")


class TooLong(Refused):
    message = _l("C’est trop long : 500 caractères au plus.")


class Place(NamedTuple):
    """A page of the console's navigation."""

    endpoint: str
    name: object


PLACES: Sequence[Place] = (
    Place("console.board", _l("Tableau")),
    Place("console.search", _l("Chercher")),
    Place("console.posts", _l("Posts")),
    Place("console.holds", _l("Retenues")),
    Place("console.partners", _l("Partenaires")),
    Place("console.payouts", _l("Versements")),
    Place("console.offers", _l("Offres")),
    Place("console.networks", _l("Réseaux")),
    Place("console.conversions", _l("Ventes")),
    Place("console.mail", _l("E-mails")),
    Place("console.suppressions", _l("Oppositions")),
    Place("console.numbers", _l("Chiffres")),
    Place("console.audit", _l("Journal")),
    Place("console.health", _l("Santé")),
    Place("console.team", _l("Équipe")),
)


@bp.app_template_global()
def console_places() -> list[Place]:
    """The pages that the role of this person may look at."""
    return [
        place
        for place in PLACES
        if place.endpoint in current_app.view_functions
        and (access := access_of(place.endpoint)) is not None
        and current_user.may(access.permission)
    ]


@bp.app_template_global()
def can(permission: str) -> bool:
    """Whether the role of this person has a permission; a word that is none is a mistake."""
    return bool(current_user.may(Permission(permission)))


@bp.app_template_global()
def disclosure() -> str:
    """The mention that stands first in each share."""
    return settings().ad_disclosure


@bp.app_template_global()
def typed(path: str, name: str) -> str:
    """What was typed for a form before a code was asked for; "" without."""
    values = current_user.kept_form(path).get(name, [])
    return values[0] if values else ""


@bp.after_request
def _forget_typed(response: Response) -> Response:
    is_done = request.method == "POST" and response.status_code < 400
    if is_done and request.endpoint != "console.check_factor" and current_user.is_authenticated:
        current_user.drop_form(request.path)
    return response


def actor() -> str:
    """Return the id of who acts."""
    return current_person().id


def reason(name: str = "reason") -> str:
    """Return why, as only the team reads it; raises ``NoReason``."""
    said = _said(name)
    if not said:
        raise NoReason
    return said


def words(name: str = "words") -> str:
    """Return what the partner will read; "" where nothing was written."""
    return _said(name)


def done(sentence: str, endpoint: str, **values: Any) -> ResponseReturnValue:
    """Go on to a page of the console that says what was done, and takes the focus there."""
    flash(sentence, "ok")
    return redirect(url_for(endpoint, **values), 303)


def _said(name: str) -> str:
    text = " ".join(request.form.get(name, "").split())
    if len(text) > REASON_LENGTH:
        raise TooLong
    return text
