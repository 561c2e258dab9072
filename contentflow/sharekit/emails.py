"""Mail a kit to people one by one: plan whom it reaches, then queue it, look at it, take it back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from contentflow.byop import services as byop
from contentflow.core.db import in_transaction
from contentflow.core.errors import NotFound
from contentflow.core.ids import digest, is_id
from contentflow.mailing import services as mailing
from contentflow.mailing.addresses import Parsed, Reason, address_key, parse_addresses
from contentflow.mailing.services import Consent, Judged, ShareWords
from contentflow.partners import locks
from contentflow.partners.models import Partner
from contentflow.sharekit import services
from contentflow.sharekit.kit import Kit

ORIGIN = "kit"
CONSENT = _l("Chacune de ces personnes m’a dit qu’elle voulait recevoir ce message de ma part.")
TOO_MANY = _l("1 000 adresses au plus à la fois : envoie en plusieurs fois.")

VERDICT_SENTENCES = {
    "queued": _l("Recevra ton message"),
    "invalid": _l("Adresse illisible : vérifie-la."),
    "duplicate": _l("Déjà dans la liste"),
    "already_sent": _l("A déjà reçu ce post"),
    "unavailable": _l("Ne recevra pas ce message"),
}
ALREADY_SENTENCES = {
    "waiting": _l("Son message attend déjà de partir"),
    "unknown": _l("A peut-être déjà reçu ce post"),
}
REASON_SENTENCES = {
    Reason.NO_AT: _l("Il manque le « @ » : vérifie l’adresse."),
    Reason.SEVERAL_ATS: _l("Il y a plusieurs « @ » : sépare les adresses par des virgules."),
    Reason.NO_LOCAL: _l("Il manque ce qui précède le « @ »."),
    Reason.NO_DOMAIN: _l("Cette adresse n’a pas de domaine : vérifie la fin."),
    Reason.DOMAIN_WITHOUT_DOT: _l("Le domaine est incomplet : vérifie la fin (.fr, .com…)."),
    Reason.BAD_LOCAL: _l("Ce qui précède le « @ » contient un caractère interdit."),
    Reason.NON_ASCII_LOCAL: _l("Les accents avant le « @ » ne passent pas partout : vérifie l’adresse."),
    Reason.BAD_DOMAIN: _l("Ce domaine n’existe pas sous cette forme : vérifie la fin."),
    Reason.TOO_LONG: _l("Cette adresse est trop longue pour être vraie."),
}
STATE_SENTENCES = {
    "queued": _l("En attente"),
    "sending": _l("Part à l’instant"),
    "sent": _l("Envoyé"),
    "captured": _l("Dans la boîte locale : rien n’est parti"),
    "failed": _l("Refusé par le service d’envoi"),
    "unknown": _l("Issue inconnue : il ne sera pas renvoyé"),
    "cancelled": _l("Annulé"),
}
# Green is for what left, and for nothing else.
STATE_ICONS = {"sent": "check", "queued": "clock", "sending": "clock", "captured": "info", "cancelled": "x"}
UNSETTLED = frozenset({"queued", "sending"})
RECENT = 3  # sends that the kit lists
# The filters of a post's mails: name in the address, states, words.
MAIL_FILTERS = {
    "waiting": (("queued", "sending"), _l("En attente")),
    "sent": (("sent",), _l("Envoyés")),
    "captured": (("captured",), _l("Boîte locale")),
    "failed": (("failed",), _l("Refusés")),
    "unknown": (("unknown",), _l("Issue inconnue")),
    "cancelled": (("cancelled",), _l("Annulés")),
}


@dataclass(frozen=True)
class Plan:
    """Whom a send would reach; ``send_id`` is set when this form sent to these very people before."""

    kit: Kit
    judged: Sequence[Judged]
    send_id: str | None = None

    @property
    def recipients(self) -> int:
        return sum(one.verdict == "queued" for one in self.judged)

    @property
    def has_good_address(self) -> bool:
        return any(one.verdict != "invalid" for one in self.judged)

    def reaching(self) -> list[str]:
        """Return the addresses that would receive it, in their order."""
        return [one.address for one in self.judged if one.verdict == "queued"]


def explain(verdict: str, reason: str = "") -> str:
    if verdict == "invalid" and reason in list(Reason):
        return str(REASON_SENTENCES.get(Reason(reason), VERDICT_SENTENCES["invalid"]))
    if verdict == "already_sent" and reason in ALREADY_SENTENCES:
        return str(ALREADY_SENTENCES[reason])
    return str(VERDICT_SENTENCES[verdict])


def headline(states: Sequence[str]) -> str:
    """Say in one sentence what became of the mails of a send, by their states."""
    going, sent, captured = (
        sum(state in group for state in states) for group in (UNSETTLED, {"sent"}, {"captured"})
    )
    if going:
        return str(ngettext("%(num)s message en route", "%(num)s messages en route", going))
    if sent:
        return str(ngettext("%(num)s message envoyé", "%(num)s messages envoyés", sent))
    if captured:
        return str(_("Rien n’est parti : aucun service d’e-mail n’est réglé."))
    if states and set(states) == {"cancelled"}:
        return str(_("Envoi annulé : rien n’est parti."))
    if "unknown" in states:
        return str(_("On ne sait pas si ces messages sont arrivés."))
    return str(_("Aucun message n’est parti."))


@dataclass(frozen=True)
class MailList:
    """A page of a post's mails; ``filters`` as (name, words, count), only those that hold something."""

    kit: Kit
    page: mailing.MailPage
    chosen: str
    filters: list[tuple[str, str, int]]

    @property
    def count(self) -> int:
        return sum(self.page.counts.values())


def mail_list(partner_id: str, submission_id: str, chosen: str, number: int) -> MailList:
    """Return all mails of a post, or those of one filter; an unknown filter is none. Raises ``NotFound``."""
    kit = services.kit(partner_id, submission_id)
    states = MAIL_FILTERS[chosen][0] if chosen in MAIL_FILTERS else ()
    page = mailing.mails_of_post(partner_id, submission_id, states, number)
    counted = [
        (name, str(words), sum(page.counts.get(state, 0) for state in group))
        for name, (group, words) in MAIL_FILTERS.items()
    ]
    filters = [one for one in counted if one[2] or one[0] == chosen]
    return MailList(kit, page, chosen if states else "", filters)


def send_named(text: str) -> str:
    """Return the id of a send; raises ``NotFound`` for what cannot be one: PostgreSQL refuses a NUL."""
    if not is_id(text):
        raise NotFound
    return text


def read_addresses(text: str) -> list[Parsed]:
    """Raises ``TooManyAddresses``."""
    return parse_addresses(text)


def nonce_of(form_nonce: str, parsed: Sequence[Parsed], with_reply_to: bool) -> str:
    """Return what names this send: the form's nonce and whom it writes to, in whatever order.

    A form may come back (Back, another tab, a restored window): with the same people it is the
    send that was, with others a new one.
    """
    people = sorted({address_key(one.address or one.raw) for one in parsed})
    return digest(json.dumps([form_nonce, people, with_reply_to]))


def plan(partner_id: str, submission_id: str, parsed: Sequence[Parsed], nonce: str = "") -> Plan:
    """Say what would become of each address; in a transaction the plan holds until its end.

    Raises ``NotFound``, also for another partner's post, and ``Withdrawn``.
    """
    if in_transaction():
        byop.lock_post(partner_id, submission_id)
    kit = services.kit(partner_id, submission_id)
    if kit.is_archived:
        raise services.Withdrawn
    judged = mailing.plan_share(partner_id, submission_id, parsed)
    return Plan(kit, judged, mailing.find_send(partner_id, submission_id, nonce) if nonce else None)


def send(partner: Partner, planned: Plan, language: str, nonce: str, with_reply_to: bool) -> str:
    """Queue one mail a recipient, keep the proof of consent, and log the share; returns the send's id."""
    submission_id = planned.kit.submission.id
    words = words_of(partner, planned.kit, with_reply_to)
    consent = Consent(text=str(CONSENT), origin=ORIGIN)
    send_id = mailing.queue_share(partner.id, submission_id, planned.judged, words, language, consent, nonce)
    if planned.recipients:
        message = planned.kit.texts["email"].text
        services.log_share(partner.id, submission_id, "email", message, planned.recipients, send_id)
    return send_id


def cancel(partner_id: str, send_id: str) -> str:
    """Take back what has not left yet, and return the post's id. Raises ``NotFound``."""
    locks.lock_active(partner_id)
    mailing.cancel_send(partner_id, send_id)
    return mailing.send_result(partner_id, send_id).submission_id


def words_of(partner: Partner, kit: Kit, with_reply_to: bool = False) -> ShareWords:
    advertiser = (kit.offer.advertiser or kit.offer.name) if kit.offer else ""
    return ShareWords(
        sender_name=partner.name or _("Un partenaire"),
        advertiser=advertiser,
        disclosure=kit.disclosure,
        title=kit.words.title,
        description=kit.words.description,
        cta=kit.words.cta,
        hashtags=kit.words.hashtags,
        url=kit.urls["email"],
        reply_to=(partner.email or "") if with_reply_to else "",
    )
