"""What is said about accounts: the partner is mailed, and the team where it should look.

Nothing here holds an IBAN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask_babel import gettext as _

from contentflow.config import settings
from contentflow.mailing import services as mailing
from contentflow.partners import notices, roles, team
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from contentflow.partners.notices import Notice

KIND: Final = "bank"


def tell_code(partner: Partner, request_id: str, old_four: str, language: str) -> None:
    """Queue the mail with the code; ``old_four`` is "" for the first account."""
    _queue(partner, language, {"request_id": request_id, "old_four": old_four})


def tell_changed(partner: Partner, account_id: str, old_four: str, language: str) -> None:
    _queue(partner, language, {"account_id": account_id, "old_four": old_four})


def _queue(partner: Partner, language: str, words: dict[str, Any]) -> None:
    if settings().sends_mail and partner.email is not None:
        mailing.queue_notice(KIND, partner.id, partner.email, language, words)


def tell_team_of_shared(partner: Partner, others: list[str]) -> None:
    """Tell who settles money that partners are paid on one account; neither of them is told."""
    names = ", ".join(sorted(partners.names_of([partner.id, *others]).values()))

    def write() -> Notice:
        said = (
            _("Ces partenaires ont donné le même compte : %(names)s.", names=names),
            _("C’est permis, et parfois un vol. Aucun d’eux n’en sait rien : demandez avant de payer."),
        )
        return _about(partner, _("Un même compte bancaire pour plusieurs partenaires"), said)

    tell_team(write)


def tell_team_of_freeze(partner: Partner) -> None:
    name = partner.name or partner.email or ""

    def write() -> Notice:
        said = (
            _("%(name)s dit ne pas avoir donné son nouveau compte bancaire.", name=name),
            _(
                "Rien ne lui est plus versé et ses sessions sont fermées. Appelez, puis rendez la main par "
                "« contentflow billing thaw »."
            ),
        )
        return _about(partner, _("Versements gelés : « Ce n’est pas moi »"), said)

    tell_team(write)


def _about(partner: Partner, subject: str, paragraphs: tuple[str, ...]) -> Notice:
    return Notice(subject, paragraphs, f"/console/partners/{partner.id}", _("Regarder"))


def tell_team(write: Callable[[], Notice]) -> None:
    """Tell who settles money, each in their language."""
    for person in team.list_team():
        if person.is_active and roles.may(person.role, roles.Permission.SETTLE):
            notices.tell(person, write)
