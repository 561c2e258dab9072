"""What is kept of people, and how long: the words of ``/legal`` beside the tables they speak of.

A test holds the tables against the database's, and the lengths are those that maintenance uses.
"""

from __future__ import annotations

from typing import Final

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from contentflow.config import settings
from contentflow.contacts import retention as contacts
from contentflow.core.registry import RetentionRule, registry
from contentflow.links import upkeep
from contentflow.mailing import recipients
from contentflow.mailing import retention as mail_retention
from contentflow.partners import services as partners
from contentflow.sharekit import retention as shares

MONTH_DAYS = 30
# What is in these is about offers and machines, not about anybody.
IMPERSONAL: Final = (
    "offers",
    "bank_reports",
    "offer_pictures",
    "legal_texts",
    "channel_rates",
    "click_budgets",
    "networks",
    "network_statements",
    "postback_reports",
    "currency_rates",
    "heartbeats",
    "doctor_findings",
    "link_changes",
    "figure_changes",
    "mail_pauses",
    "brevo_days",
    "quarantines",
    "platform_clients",
    "platform_pauses",
)


def init_app(app: Flask) -> None:
    registry(app).retention.extend(RULES)


def _days(number: int) -> str:
    return str(ngettext("%(num)s jour", "%(num)s jours", number))


def _originals() -> str:
    days = _days(settings().originals_keep_days)
    return str(_("les vidéos d’origine %(days)s ; le reste jusqu’à la suppression du compte", days=days))


def _logins() -> str:
    links, sessions = _days(partners.REQUEST_RETENTION.days), _days(partners.LIFETIME.days)
    return str(_("%(links)s ; les sessions %(sessions)s", links=links, sessions=sessions))


def _contacts() -> str:
    years = contacts.CONTACT_KEPT.days // 365
    return str(
        _(
            "%(years)s ans après le dernier oui ou clic ; %(days)s après un non, un stop ou une question "
            "sans réponse ; puis leur empreinte seule",
            years=years,
            days=_days(recipients.KEPT.days),
        )
    )


RULES: Final = (
    RetentionRule(
        _l("Carnets d’adresses des partenaires, et qui y a été invité"),
        _contacts,
        ("contacts", "invitations", "list_changes"),
    ),
    RetentionRule(
        _l("Fichiers d’adresses importés"),
        lambda: str(
            _(
                "%(days)s, puis ce que chaque ligne est devenue, sans adresse",
                days=_days(recipients.KEPT.days),
            )
        ),
        ("contact_imports", "import_rows"),
    ),
    RetentionRule(
        _l("Adresses des destinataires d’e-mails, et celles qu’un partenaire a tapées"),
        lambda: str(
            _(
                "%(days)s, ou jusqu’à un « stop » ; puis leur empreinte seule",
                days=_days(recipients.KEPT.days),
            )
        ),
        ("deliveries", "captured_mails", "mail_tokens"),
    ),
    RetentionRule(
        _l("Ce que le service d’e-mail rapporte des envois, par empreinte ; ouvertures sans destinataire"),
        lambda: _days(mail_retention.EVENTS_KEPT.days),
        ("brevo_events", "brevo_lists"),
    ),
    RetentionRule(
        _l("Empreintes des adresses écrites une fois, des oui et des « stop » ; preuves d’accord"),
        lambda: _("tant que le programme existe"),
        ("first_contacts", "subscriptions", "suppressions", "consent_proofs", "kept_keys"),
    ),
    RetentionRule(
        _l("Visites, sans adresse IP ni signature de navigateur"),
        lambda: _("%(months)s mois, puis des totaux par jour", months=upkeep.KEPT.days // MONTH_DAYS),
        ("clicks", "links", "click_link_days", "click_link_totals", "click_partner_days", "figure_sums"),
    ),
    RetentionRule(_l("Clés des empreintes de visite"), lambda: _("48 heures"), ("visitor_keys",)),
    RetentionRule(
        _l("Partages et leurs textes"),
        lambda: _("%(months)s mois, puis leur nombre seul", months=shares.KEPT.days // MONTH_DAYS),
        ("contact_share_logs", "share_sums"),
    ),
    RetentionRule(
        _l("Posts et clips des partenaires"), _originals, ("byop_submissions", "assets", "variants")
    ),
    RetentionRule(
        _l("Comptes de réseaux reliés et publications des partenaires ; jamais un mot de passe"),
        lambda: _("jusqu’à la déconnexion ou la suppression du compte"),
        ("partner_accounts", "connect_requests", "assignments"),
    ),
    RetentionRule(
        _l("Nom et adresse des partenaires"),
        lambda: _("jusqu’à la suppression du compte"),
        ("partners", "sender_pauses", "erasures"),
    ),
    RetentionRule(
        _l("Liens de connexion et sessions des partenaires"),
        _logins,
        ("login_requests", "login_tokens", "partner_sessions"),
    ),
    RetentionRule(
        _l("Second facteur et filtres de qui gère le programme"),
        lambda: _("jusqu’à la suppression du compte"),
        ("second_factors", "recovery_codes", "passkeys", "saved_views"),
    ),
    RetentionRule(
        _l("Ventes, comptes et contrats"),
        lambda: _("10 ans, obligation comptable ; puis le solde seul"),
        (
            *("conversions", "credits", "earned_years", "ledger_entries", "ledger_folds", "ledger_postings"),
            *("contracts", "holds"),
        ),
    ),
    RetentionRule(
        _l("Accords donnés par les partenaires, et leur version"),
        lambda: _("tant que le programme existe"),
        ("acceptances",),
    ),
    RetentionRule(
        _l("Identité de facturation des partenaires"),
        lambda: _(
            "10 ans après la dernière facture, obligation comptable ; sans facture, "
            "jusqu’à la suppression du compte"
        ),
        ("billing_profiles",),
    ),
    RetentionRule(
        _l("Versements, factures et virements ; le fichier remis à la banque, chiffré"),
        lambda: _("10 ans, obligation comptable ; le fichier %(months)s mois", months=13),
        ("payout_runs", "payouts", "invoices", "transfers"),
    ),
    RetentionRule(
        _l("Comptes bancaires des partenaires, chiffrés"),
        lambda: _("%(months)s mois après leur remplacement, ou jusqu’à la suppression du compte", months=13),
        ("bank_accounts", "bank_requests", "freeze_tokens"),
    ),
    RetentionRule(_l("Compteurs contre les abus, par empreinte"), lambda: _("2 jours"), ("limit_entries",)),
    RetentionRule(
        _l("Journal des actes de l’équipe, sans adresse"),
        lambda: _("10 ans"),
        ("audit_entries",),
    ),
)
