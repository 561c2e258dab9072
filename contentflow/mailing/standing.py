"""Whether a sender is still welcome: a breaker a partner, and one for the domain that all mail comes from.

It opens when hard bounces or complaints of 30 days pass their limit, from ``BREAKER_MINIMUM`` mails on;
an operator closes it. Mailbox services judge a domain by these shares (complaints under 0.1 %:
https://support.google.com/a/answer/81126).
"""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, func, select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.core.writes import insert
from contentflow.mailing.models import BULK, UNREACHED, Delivery, SenderPause
from contentflow.terminal_language import says

WINDOW = timedelta(days=30)
DAY_SECONDS = 86_400


class SenderPaused(Refused):
    """The partner's mails, or all of the domain's, rest until an operator resumes them."""

    status = 429
    retry_after_seconds = DAY_SECONDS

    def __init__(self, pause: SenderPause) -> None:
        super().__init__()
        self.message = sentence_of(pause)


def sentence_of(pause: SenderPause) -> str:
    """Say to the partner why nothing leaves; the programme's own domain is not their doing."""
    if "." in pause.scope:
        return str(_("Les envois du programme sont en pause : l’équipe regarde. Rien n’est parti."))
    counts = {"sent": pause.sent, "bounced": pause.bounced, "complained": pause.complained}
    if _passes(pause.complained, pause.sent, settings().complaint_limit_bp):
        return str(
            _(
                "Tes envois sont en pause : sur %(sent)s messages, signalés comme indésirables : "
                "%(complained)s. Parles-en à l’équipe du programme, qui peut les reprendre.",
                **counts,
            )
        )
    return str(
        _(
            "Tes envois sont en pause : sur %(sent)s adresses, refusées pour de bon : %(bounced)s. "
            "Vérifie ta liste, puis parles-en à l’équipe du programme, qui peut les reprendre.",
            **counts,
        )
    )


def check_standing(partner_id: str) -> None:
    """Raises ``SenderPaused`` while nothing leaves in the partner's name."""
    if pause := pause_of(partner_id):
        raise SenderPaused(pause)


def pause_of(partner_id: str | None) -> SenderPause | None:
    scopes = [sending_domain(), partner_id or ""]
    return db.session.scalars(_open_pauses(SenderPause.scope.in_(scopes))).first()


def why_paused(partner_id: str) -> str:
    """Return the sentence of a pause; empty where mail leaves."""
    pause = pause_of(partner_id)
    return sentence_of(pause) if pause else ""


def is_domain_paused() -> bool:
    return db.session.scalars(_open_pauses(SenderPause.scope == sending_domain())).first() is not None


def paused_senders() -> list[SenderPause]:
    return list(db.session.scalars(_open_pauses().order_by(SenderPause.paused_at)))


def _open_pauses(*which: ColumnElement[bool]) -> Select[SenderPause]:
    return select(SenderPause).where(SenderPause.resumed_at.is_(None), *which)


def sending_domain() -> str:
    return settings().email_from.rpartition("@")[2].lower()


def judge(partner_id: str | None) -> None:
    """Pause the partner, or the domain, whose mails are refused or complained of too often."""
    if partner_id is not None:
        _judge(partner_id, Delivery.partner_id == partner_id)
    if domain := sending_domain():
        _judge(domain)


def _judge(scope: str, *own: ColumnElement[bool]) -> None:
    before = db.session.get(SenderPause, scope)
    if before is not None and before.resumed_at is None:
        return
    since = clock.now() - WINDOW
    if before is not None and before.resumed_at is not None:
        since = max(since, before.resumed_at)
    tried = (Delivery.kind.in_(BULK), Delivery.first_tried_at > since, *own)
    outcomes = select(Delivery.outcome, func.count()).where(Delivery.outcome.is_not(None), *tried)
    found = {outcome: count for outcome, count in db.session.execute(outcomes.group_by(Delivery.outcome))}
    bounced, complained = found.get("bounced", 0), found.get("complained", 0)
    limits = ((bounced, settings().bounce_limit_bp), (complained, settings().complaint_limit_bp))
    # No more need be counted than would acquit.
    enough = max(settings().breaker_minimum, *(count * 10_000 // limit + 1 for count, limit in limits))
    counted = select(Delivery.id).where(*tried, Delivery.state.not_in(UNREACHED)).limit(enough).subquery()
    sent = db.session.scalar(select(func.count()).select_from(counted)) or 0
    if sent < settings().breaker_minimum or not any(_passes(count, sent, limit) for count, limit in limits):
        return
    values = {"sent": sent, "bounced": bounced, "complained": complained, "paused_at": clock.now()}
    new = insert(SenderPause, scope=scope, **values)
    again = {**values, "resumed_at": None, "resume_reason": ""}
    db.session.execute(new.on_conflict_do_update(index_elements=["scope"], set_=again))


def _passes(count: int, sent: int, limit_bp: int) -> bool:
    return count * 10_000 > limit_bp * sent


def resume(scope: str, reason: str) -> bool:
    """Let a sender's mails leave again; False when they were not paused."""
    ended = {"resumed_at": clock.now(), "resume_reason": reason[:255]}
    paused = update(SenderPause).where(SenderPause.scope == scope, SenderPause.resumed_at.is_(None))
    done = db.session.execute(paused.values(ended))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def check_senders() -> str | None:
    """Doctor: None when nobody is paused."""
    found = ", ".join(
        f"{one.scope} ({one.bounced} + {one.complained} / {one.sent})" for one in paused_senders()
    )
    if not found:
        return None
    sentence = says(
        "Des envois sont en pause, trop d’adresses mortes ou de plaintes : %s. Regardez, puis « contentflow "
        "mailing resume QUI »."
    )
    return sentence % found
