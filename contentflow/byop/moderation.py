"""The team looks at a post before anybody else sees it: approve, refuse, send again, withdraw.

A post that waits is ``submitted``; its links are made and answer 404. Approved, it is what its video is;
refused, it is ``failed`` with a reason, and may be sent again. All of it can be undone for some minutes, but
a withdrawal.
"""

from __future__ import annotations

from typing import Final

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.core import audit, clock, undo
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import is_id
from contentflow.links import services as links
from contentflow.mailing import services as mailing
from contentflow.partners import locks, notices
from contentflow.partners.errors import NoReason
from contentflow.partners.models import Partner
from contentflow.partners.notices import Notice
from contentflow.pipeline import services as pipeline
from contentflow.pipeline.models import Asset

APPROVE: Final = "post.approve"
FIRST: Final = 3  # posts of a partner that are looked at, where MODERATION is "first"
REASON_LENGTH: Final = 500
# Said to the partner, before the team's own words.
REASONS: Final = {
    "off_topic": _l("Ce post ne parle pas de l’offre."),
    "claims": _l("Il promet ce que l’offre ne tient pas, ou ne peut pas prouver."),
    "disclosure": _l("La mention publicitaire manque ou se voit trop peu."),
    "rights": _l("Il montre des images, des sons ou des marques sans droit."),
    "quality": _l("L’image, le son ou le texte ne sont pas assez soignés."),
    "other": _l("Il ne convient pas au programme."),
}


class AlreadyModerated(Refused):
    status = 409
    message = _l("Déjà fait : ce post n’attend plus.")


class Waiting(Refused):
    status = 409
    message = _l("Ce post attend sa relecture : ses liens s’allument dès qu’il est validé.")


def waits_first(partner_id: str) -> bool:
    """Whether the next post of a partner is looked at before anybody sees it."""
    if settings().moderation != "first":
        return settings().moderation == "all"
    seen = (
        Submission.partner_id == partner_id, Submission.status != "submitted", Submission.refusal.is_(None)
    )  # fmt: skip
    return len(db.session.scalars(select(Submission.id).where(*seen).limit(FIRST)).all()) < FIRST


def wait_again(submission: Submission) -> None:
    """Let a post that was changed wait once more, where it was approved before or every post is looked at.

    Its links answer 404 meanwhile, and its mails that wait do not leave. The caller holds its row.
    """
    if submission.is_waiting or settings().moderation == "off":
        return
    approved = select(AuditEntry.id).where(AuditEntry.subject == submission.id, AuditEntry.act == APPROVE)
    if settings().moderation == "all" or db.session.scalar(approved.limit(1)) is not None:
        submission.status, submission.reason = "submitted", None
        links.hold_links(submission.id)
        mailing.cancel_waiting(submission.id)


def refuse_waiting(submission: Submission) -> None:
    """Raise ``Waiting`` for a post that nobody may see yet."""
    if submission.is_waiting:
        raise Waiting


def approve(submission_id: str, actor: str) -> AuditEntry:
    """Let a post be what its video is, and light its links. Raises ``AlreadyModerated``."""
    submission, partner = _waiting(submission_id)
    asset = db.session.get_one(Asset, submission.asset_id)
    is_made = asset.state in ("ready", "failed")
    submission.status = asset.state if is_made else "processing"
    submission.reason = pipeline.reason_sentence(asset.reason) if is_made else None
    links.light_links(submission.id)

    def notice() -> Notice:
        said = _(
            "« %(title)s » est validé : ses liens mènent à l’offre. À toi de partager !",
            title=_title(submission),
        )
        return Notice(_("Ton post est validé"), (said,), _kit(submission), _("Ouvrir mon post"))

    told = notices.tell(partner, notice, leaves_at=undo.over_at())
    db.session.flush()
    after = {"status": submission.status, "notice": told}
    return audit.note(actor, APPROVE, submission.id, before={"status": "submitted"}, after=after)


def refuse(submission_id: str, reason: str, words: str, actor: str, note: str = "") -> AuditEntry:
    """Refuse a post for one of ``REASONS``; the partner reads it with ``words``, ``note`` is the team's.

    Raises ``NoReason`` and ``AlreadyModerated``.
    """
    if reason not in REASONS:
        raise NoReason
    submission, partner = _waiting(submission_id)
    submission.status, submission.refusal = "failed", reason
    with force_locale("fr"):
        submission.reason = _refusal(reason, words)[:REASON_LENGTH]

    def notice() -> Notice:
        said = (
            _("« %(title)s » n’est pas validé.", title=_title(submission)),
            _refusal(reason, words),
            _("Corrige-le, puis envoie-le de nouveau : il sera relu."),
        )
        return Notice(_("Ton post est à revoir"), said, _kit(submission), _("Corriger mon post"))

    told = notices.tell(partner, notice, leaves_at=undo.over_at())
    db.session.flush()
    after = {"status": "failed", "refusal": reason, "words": words, "notice": told}
    before = {"status": "submitted"}
    return audit.note(actor, "post.refuse", submission.id, reason=note or reason, before=before, after=after)


def undo_moderation(entry: AuditEntry) -> None:
    """Let a post wait again; the mail that would have told the partner does not leave.

    Raises ``AlreadyModerated`` where something else became of the post meanwhile.
    """
    submission, _partner = _locked(entry.subject)
    is_as_left = submission.archived_at is None and (
        submission.refusal == (entry.after or {}).get("refusal") and submission.status != "submitted"
    )
    if not is_as_left:
        raise AlreadyModerated
    submission.status, submission.refusal, submission.reason = "submitted", None, None
    links.hold_links(submission.id)
    mailing.cancel_waiting(submission.id)
    mailing.cancel_words(str((entry.after or {}).get("notice", "")))
    db.session.flush()


def withdraw(submission_id: str, words: str, actor: str, reason: str) -> AuditEntry:
    """Take a post away for good: its links answer 410, its mails do not leave, the partner is told.

    Raises ``AlreadyModerated`` once it is withdrawn.
    """
    submission, partner = _locked(submission_id)
    if submission.archived_at is not None:
        raise AlreadyModerated
    submission.archived_at = clock.now()
    links.light_links(submission.id)  # What is withdrawn says so, also where it waited.
    links.disable_links(submission.id)
    mailing.cancel_waiting(submission.id)

    def notice() -> Notice:
        said = _(
            "« %(title)s » a été retiré par le programme : ses liens ne mènent plus à l’offre.",
            title=_title(submission),
        )
        return Notice(_("Ton post a été retiré"), tuple(filter(None, (said, words))))

    notices.tell(partner, notice)
    db.session.flush()
    before, after = {"status": submission.status}, {"status": "archived", "words": words}
    return audit.note(actor, "post.withdraw", submission.id, reason=reason, before=before, after=after)


def send_again(partner_id: str, submission_id: str) -> None:
    """Let a partner's refused post wait for moderation once more. Again: nothing more happens.

    Raises ``NotFound``, also for another partner's, and ``AccountClosed``.
    """
    locks.lock_active(partner_id)
    submission, _partner = _locked(submission_id)
    if submission.partner_id != partner_id or submission.archived_at is not None:
        raise NotFound
    if submission.refusal is None:
        return
    submission.status, submission.refusal, submission.reason = "submitted", None, None
    db.session.flush()


def _locked(submission_id: str) -> tuple[Submission, Partner]:
    """Hold the partner's row, then the post's, as every act on a post does."""
    owner = select(Submission.partner_id).where(Submission.id == submission_id)
    partner_id = db.session.scalar(owner) if is_id(submission_id) else None
    partner = locks.lock_partner(partner_id) if partner_id else None
    if partner is None:
        raise NotFound
    mode = {"key_share": True}
    submission = db.session.get_one(Submission, submission_id, with_for_update=mode, populate_existing=True)
    return submission, partner


def _waiting(submission_id: str) -> tuple[Submission, Partner]:
    submission, partner = _locked(submission_id)
    if submission.status != "submitted" or submission.archived_at is not None:
        raise AlreadyModerated
    return submission, partner


def _kit(submission: Submission) -> str:
    return f"/byop/kit?id={submission.id}"


def _refusal(reason: str, words: str) -> str:
    return " ".join(filter(None, (str(REASONS[reason]), words)))


def _title(submission: Submission) -> str:
    return submission.title or _("Découverte utile")
