"""What is kept of people, and how long: the words of ``/legal`` beside the tables they speak of.

A test holds the tables against the database's, and the lengths are those that the chores use.
"""

from __future__ import annotations

from typing import Final

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from contentflow.config import settings
from contentflow.core.registry import Kept, registry
from contentflow.links import upkeep
from contentflow.mailing import keeping as mail
from contentflow.partners import services as partners
from contentflow.sharekit import keeping as shares

MONTH_DAYS = 30
# What is in these is about offers and machines, not about anybody.
NOBODYS: Final = (
    "offers",
    "offer_pictures",
    "click_budgets",
    "networks",
    "currency_rates",
    "heartbeats",
    "mail_pauses",
)


def init_app(app: Flask) -> None:
    registry(app).kept.extend(KEPT)


def _days(number: int) -> str:
    return str(ngettext("%(num)s jour", "%(num)s jours", number))


def _addresses() -> str:
    return str(_("%(days)s, ou jusqu’à un « stop » ; puis leur empreinte seule", days=_days(mail.KEEP.days)))


def _clicks() -> str:
    return str(_("%(months)s mois, puis des totaux par jour", months=upkeep.KEPT.days // MONTH_DAYS))


def _shares() -> str:
    return str(_("%(months)s mois, puis leur nombre seul", months=shares.KEPT.days // MONTH_DAYS))


def _originals() -> str:
    days = _days(settings().originals_keep_days)
    return str(_("les vidéos d’origine %(days)s ; le reste jusqu’à la suppression du compte", days=days))


def _logins() -> str:
    links, sessions = _days(partners.KEEP_REQUESTS.days), _days(partners.LIFETIME.days)
    return str(_("%(links)s ; les sessions %(sessions)s", links=links, sessions=sessions))


KEPT: Final = (
    Kept(
        _l("Adresses des destinataires d’e-mails, et celles qu’un partenaire a tapées"),
        _addresses,
        ("deliveries", "captured_mails", "mail_tokens"),
    ),
    Kept(
        _l("Empreintes des adresses écrites une fois, des oui et des « stop » ; preuves d’accord"),
        lambda: _("tant que le programme existe"),
        ("first_contacts", "subscriptions", "suppressions", "consent_proofs", "kept_keys"),
    ),
    Kept(
        _l("Visites, sans adresse IP ni signature de navigateur"),
        _clicks,
        ("clicks", "links", "click_link_days", "click_link_totals", "click_partner_days"),
    ),
    Kept(_l("Clés des empreintes de visite"), lambda: _("48 heures"), ("visitor_keys",)),
    Kept(_l("Partages et leurs textes"), _shares, ("contact_share_logs", "share_sums")),
    Kept(_l("Posts et clips des partenaires"), _originals, ("byop_submissions", "assets")),
    Kept(
        _l("Nom et adresse des partenaires"),
        lambda: _("jusqu’à la suppression du compte"),
        ("partners", "erasures"),
    ),
    Kept(
        _l("Liens de connexion et sessions des partenaires"),
        _logins,
        ("login_requests", "login_tokens", "partner_sessions"),
    ),
    Kept(
        _l("Ventes, comptes et contrats"),
        lambda: _("10 ans, obligation comptable"),
        ("conversions", "credits", "ledger_entries", "ledger_postings", "contracts", "holds"),
    ),
    Kept(_l("Compteurs contre les abus, par empreinte"), lambda: _("2 jours"), ("limit_entries",)),
    Kept(
        _l("Journal des actes de l’équipe, sans adresse"),
        lambda: _("tant que le programme existe"),
        ("audit_entries",),
    ),
)
