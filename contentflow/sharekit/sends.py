"""What became of a post's mails: each press of “send”, all of them by state, and taking a send back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select

from contentflow.consent.models import ConsentProof
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.core.ids import is_id
from contentflow.mailing import services as mailing
from contentflow.mailing.models import WAITING, Delivery
from contentflow.sharekit.sentences import UNSETTLED, AddressLine, explain, headline, mail_line

# Mails a page lists: one screen of a phone scrolled a few times, one query.
PAGE = 50
# Rows that a list of addresses shows without scrolling, as kit.css draws it.
ROWS_IN_SIGHT = 6


class SendEntry(NamedTuple):
    """``state`` is the delivery's, None where there is none."""

    address: str
    eligibility: str
    state: str | None
    reason: str = ""

    @property
    def line(self) -> AddressLine:
        if self.state is not None:
            return mail_line(self.address, self.state, self.eligibility)
        sentence = explain(self.eligibility, self.reason)
        return AddressLine(self.address, sentence, "triangle-alert", self.eligibility)


class SendResult(NamedTuple):
    """``cancel_until`` is None when nothing can be taken back any more."""

    send_id: str
    submission_id: str
    sent_at: datetime
    entries: list[SendEntry]
    cancel_until: datetime | None

    @property
    def headline(self) -> str:
        return headline([one.state or "" for one in self.entries if one.eligibility == "queued"])

    @property
    def is_for_later(self) -> bool:
        return self.cancel_until is not None and any(one.state == "scheduled" for one in self.entries)

    @property
    def is_under_way(self) -> bool:
        return any(one.state in UNSETTLED for one in self.entries)

    @property
    def scrolls(self) -> bool:
        return len(self.entries) > ROWS_IN_SIGHT


class SendSummary(NamedTuple):
    """One press of “send” in a list: the states of its mails, and ``cancel_until`` as in ``SendResult``."""

    send_id: str
    sent_at: datetime
    states: list[str]
    cancel_until: datetime | None

    @property
    def headline(self) -> str:
        return headline(self.states)


class Mail(NamedTuple):
    """``recipient`` is None once the address is erased; ``changed_at`` is when it left, or was queued."""

    recipient: str | None
    state: str
    changed_at: datetime

    @property
    def line(self) -> AddressLine:
        return mail_line(self.recipient, self.state)


class MailPage(NamedTuple):
    """One page of a post's mails, the newest first; ``counts`` are of all of them, by state."""

    mails: list[Mail]
    counts: Mapping[str, int]
    number: int
    last: int

    @property
    def newer(self) -> int | None:
        return self.number - 1 if self.number > 1 else None

    @property
    def older(self) -> int | None:
        return self.number + 1 if self.number < self.last else None


def find_send(partner_id: str, submission_id: str, nonce: str) -> str | None:
    """Return the send of this nonce, if it was made already."""
    return db.session.scalar(
        select(ConsentProof.send_id).where(
            ConsentProof.partner_id == partner_id,
            ConsentProof.submission_id == submission_id,
            ConsentProof.nonce == nonce,
        )
    )


def send_result(partner_id: str, send_id: str, submission_id: str | None = None) -> SendResult:
    """Return every entry of a send with its eligibility and, where there is one, its delivery's state.

    Raises ``NotFound``, also for a send of another post than ``submission_id``.
    """
    proof = _own_send(partner_id, send_id)
    if submission_id not in (None, proof.submission_id):
        raise NotFound
    deliveries = list(db.session.scalars(select(Delivery).where(Delivery.send_id == send_id)))
    states = {delivery.recipient: delivery.state for delivery in deliveries}
    return SendResult(
        send_id=send_id,
        submission_id=proof.submission_id,
        sent_at=proof.attested_at,
        entries=[
            SendEntry(address, eligibility, states.get(address) if eligibility == "queued" else None, reason)
            for address, eligibility, reason in proof.answers
        ],
        cancel_until=_cancel_until(deliveries),
    )


def recent_sends(partner_id: str, submission_id: str, limit: int) -> list[SendSummary]:
    """Return the newest presses of “send” that queued something, the newest first."""
    mine = (ConsentProof.partner_id == partner_id, ConsentProof.submission_id == submission_id)
    has_mails = select(Delivery.id).where(Delivery.send_id == ConsentProof.send_id).exists()
    newest_first = select(ConsentProof).where(*mine, has_mails).order_by(ConsentProof.attested_at.desc())
    columns = select(Delivery.state, Delivery.first_tried_at, Delivery.next_attempt_at)
    found = []
    for proof in db.session.scalars(newest_first.limit(limit)).all():
        mails = db.session.execute(columns.where(Delivery.send_id == proof.send_id)).all()
        states = [mail.state for mail in mails]
        found.append(SendSummary(proof.send_id, proof.attested_at, states, _cancel_until(mails)))
    return found


def mails_of_post(
    partner_id: str, submission_id: str, states: Collection[str] = (), number: int = 1
) -> MailPage:
    """Return a page of a post's mails in ``states``, all without any; a page beyond the last is the last."""
    own = (
        Delivery.kind == "share",
        Delivery.partner_id == partner_id,
        Delivery.submission_id == submission_id,
    )
    by_state = select(Delivery.state, func.count()).where(*own).group_by(Delivery.state)
    counts = Counter({state: count for state, count in db.session.execute(by_state)})
    wanted = [Delivery.state.in_(states)] if states else []
    found = sum(count for state, count in counts.items() if not states or state in states)
    last = max(1, -(-found // PAGE))
    number = min(max(number, 1), last)
    newest_first = select(Delivery).where(*own, *wanted).order_by(Delivery.created_at.desc(), Delivery.id)
    rows = db.session.scalars(newest_first.limit(PAGE).offset((number - 1) * PAGE))
    mails = [Mail(row.recipient, row.state, row.settled_at or row.created_at) for row in rows]
    return MailPage(mails, counts, number, last)


def cancel_send(partner_id: str, send_id: str) -> int:
    """Take back what has not left yet; returns how many. The day's cap gives nothing back."""
    _own_send(partner_id, send_id)
    return mailing.cancel_of_send(send_id)


def _own_send(partner_id: str, send_id: str) -> ConsentProof:
    # What cannot be an id is asked of no database: PostgreSQL refuses a NUL.
    proof = db.session.get(ConsentProof, send_id) if is_id(send_id) else None
    if proof is None or proof.partner_id != partner_id:
        raise NotFound
    return proof


def _cancel_until(deliveries: Sequence[Any]) -> datetime | None:
    untouched = (one for one in deliveries if one.state in WAITING and one.first_tried_at is None)
    return max((one.next_attempt_at for one in untouched if one.next_attempt_at is not None), default=None)
