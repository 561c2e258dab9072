"""Mail a kit to people one by one: plan whom it reaches, then queue it, look at it, take it back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from contentflow.byop import moderation
from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.contacts import services as contacts
from contentflow.core.db import in_transaction
from contentflow.core.ids import digest
from contentflow.experiments import services as experiments
from contentflow.experiments.models import FIRST, Variant
from contentflow.mailing.addresses import Parsed, address_key
from contentflow.mailing.messages import Message
from contentflow.partners import locks
from contentflow.partners.addresses import likely_meant
from contentflow.partners.models import Partner
from contentflow.sharekit import sends, services, share_mail, shares, turns
from contentflow.sharekit.sentences import AddressLine, explain
from contentflow.sharekit.shares import Attestation, Candidate, ShareWords

ORIGIN = "kit"
CONSENT = _l("Chacune de ces personnes m’a dit qu’elle voulait recevoir ce message de ma part.")
RECENT = 3  # Sends that the kit lists; all mails stand behind one link below them.
# Of a longer list only what needs a look is shown: a thousand good addresses say nothing.
MAX_LINES = 20
# The filters of a post's mails: name in the address, states, words.
MAIL_FILTERS = {
    "scheduled": (("scheduled",), _l("Programmés")),
    "waiting": (("queued", "sending"), _l("En attente")),
    "sent": (("sent",), _l("Envoyés")),
    "captured": (("captured",), _l("Boîte locale")),
    "failed": (("failed",), _l("Refusés")),
    "unknown": (("unknown",), _l("Issue inconnue")),
    "cancelled": (("cancelled",), _l("Annulés")),
}


class SharePlan(NamedTuple):
    """Whom a send would reach; ``send_id`` is set when this form sent to these very people before."""

    post: Submission
    candidates: Sequence[Candidate] = ()
    send_id: str | None = None
    due_at: datetime | None = None

    @property
    def title(self) -> str:
        return services.words_of(self.post).title

    @property
    def recipients(self) -> int:
        return sum(one.eligibility == "queued" for one in self.candidates)

    @property
    def has_good_address(self) -> bool:
        return any(one.eligibility != "invalid" for one in self.candidates)

    @property
    def scrolls(self) -> bool:
        return len(self.candidates) > sends.ROWS_IN_SIGHT

    def fits(self, left_today: int) -> bool:
        return self.recipients <= left_today

    def reaching(self) -> list[str]:
        """Return the addresses that would receive it, in their order."""
        return [one.address for one in self.candidates if one.eligibility == "queued"]

    def all_lines(self, left_today: int) -> list[AddressLine]:
        queued = explain("queued") if self.fits(left_today) else str(_("Adresse valable"))
        found = []
        for one in self.candidates:
            if one.eligibility == "queued":
                slip = likely_meant(one.address)
                found.append(AddressLine(one.address, queued, "check", "queued", slip=slip))
            else:
                sentence = explain(one.eligibility, one.reason)
                found.append(AddressLine(one.address, sentence, "triangle-alert", one.eligibility))
        return found

    def lines(self, left_today: int) -> list[AddressLine]:
        """Return the addresses to look at: of a long list those with a fault or a slip alone."""
        lines = self.all_lines(left_today)
        is_short = len(lines) <= MAX_LINES
        return [one for one in lines if is_short or one.slip or one.eligibility != "queued"]


@dataclass(frozen=True)
class MailList:
    """A page of a post's mails; ``filters`` as (name, words, count), only those that hold something."""

    post: Submission
    page: sends.MailPage
    chosen: str
    filters: list[tuple[str, str, int]]

    @property
    def title(self) -> str:
        return services.words_of(self.post).title

    @property
    def count(self) -> int:
        return sum(self.page.counts.values())


def mail_list(partner_id: str, submission_id: str, chosen: str, number: int) -> MailList:
    """Return all mails of a post, or those of one filter; an unknown filter is none. Raises ``NotFound``."""
    post = byop.get_submission(partner_id, submission_id)
    states = MAIL_FILTERS[chosen][0] if chosen in MAIL_FILTERS else ()
    page = sends.mails_of_post(partner_id, submission_id, states, number)
    counted = [
        (name, str(words), sum(page.counts.get(state, 0) for state in group))
        for name, (group, words) in MAIL_FILTERS.items()
    ]
    filters = [one for one in counted if one[2] or one[0] == chosen]
    return MailList(post, page, chosen if states else "", filters)


@dataclass(frozen=True)
class Audience:
    """Whom a send names: addresses as they were typed, tags and contacts of the book, and for when."""

    parsed: Sequence[Parsed] = ()
    tags: Sequence[str] = ()
    contacts: Sequence[str] = ()
    due_at: datetime | None = None

    @property
    def names_contacts(self) -> bool:
        return bool(self.tags or self.contacts)


def nonce_of(form_nonce: str, audience: Audience, with_reply_to: bool) -> str:
    """Return what names this send: the form's nonce and whom it writes to, in whatever order.

    A form may come back (Back, another tab, a restored window): with the same people it is the
    send that was, with others a new one.
    """
    people = sorted({address_key(one.address or one.raw) for one in audience.parsed})
    content: list[Any] = [form_nonce, people, with_reply_to]
    if audience.names_contacts or audience.due_at:
        at = audience.due_at.isoformat() if audience.due_at else ""
        content += [sorted(set(audience.tags)), sorted(set(audience.contacts)), at]
    return digest(json.dumps(content))


def plan(partner_id: str, submission_id: str, audience: Audience, nonce: str = "") -> SharePlan:
    """Say what would become of each address; in a transaction the plan holds until its end.

    Raises ``NotFound``, also for another partner's post, ``Withdrawn`` and ``Waiting``.
    """
    find = byop.lock_post if in_transaction() else byop.get_submission
    post = find(partner_id, submission_id)
    if post.archived_at is not None:
        raise services.Withdrawn
    moderation.refuse_waiting(post)
    reached = contacts.reached_by(partner_id, audience.tags, audience.contacts)
    candidates = shares.plan_share(partner_id, post.id, audience.parsed, reached)
    send_id = sends.find_send(partner_id, post.id, nonce) if nonce else None
    return SharePlan(post, candidates, send_id, audience.due_at)


def send(partner: Partner, planned: SharePlan, language: str, nonce: str, with_reply_to: bool) -> str:
    """Queue one mail a recipient, keep the proof of consent, and log the share; returns the send's id."""
    post = planned.post
    drawn = turns.draw_for_mails(post, nonce, planned.reaching())
    words = {
        name: share_words(partner, post, with_reply_to, experiments.find_variant(post.id, name))
        for name in {name for name, _chance in drawn} | {FIRST}
    }
    consent = Attestation(text=str(CONSENT), origin=ORIGIN)
    send_id = shares.queue_share(
        partner.id, post.id, planned.candidates, words, drawn, language, consent, nonce, planned.due_at
    )
    if planned.recipients:
        text = services.text_to_share(post, "email")
        services.log_share(partner.id, post.id, "email", text, planned.recipients, send_id)
    return send_id


def cancel(partner_id: str, send_id: str) -> str:
    """Take back what has not left yet, and return the post's id. Raises ``NotFound``."""
    locks.lock_active(partner_id)
    sends.cancel_send(partner_id, send_id)
    return sends.send_result(partner_id, send_id).submission_id


def preview(partner: Partner, submission_id: str, language: str) -> Message:
    """Return the very mail that a recipient would get, with links that do nothing. Raises ``NotFound``."""
    post = byop.get_submission(partner.id, submission_id)
    return share_mail.preview_share(share_words(partner, post), language, post.id)


def share_words(
    partner: Partner, post: Submission, with_reply_to: bool = False, variant: Variant | None = None
) -> ShareWords:
    """Return the finished words of a post's mail, as they are now; a variant's hook is its subject."""
    offer, words = services.find_offer(post.offer_id), services.words_of(post, variant)
    return ShareWords(
        sender_name=partner.name or _("Un partenaire"),
        advertiser=(offer.advertiser or offer.name) if offer else "",
        disclosure=settings().ad_disclosure,
        title=words.title,
        description=words.description,
        cta=words.cta,
        hashtags=words.hashtags,
        url=services.link_url_of(post, "email", variant),
        reply_to=(partner.email or "") if with_reply_to else "",
    )
