"""Publish a text, and accept the one that is in force."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import func, select

from contentflow.agreements.errors import EmptyText, TextNotInForce, UnknownKind
from contentflow.agreements.models import KINDS, Acceptance, AcceptanceRecord, LegalText
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.partners.locks import lock_active

MAX_CHARACTERS: Final = 100_000
DRAFT_MARK: Final = "[PROJET]"  # A paragraph that begins so is for the owner, and is not published.


def publish(kind: str, body: str, actor: str) -> LegalText:
    """Put a text in force and return it; the same words again are the version that is in force.

    A first paragraph that marks a draft is left out. Raises ``UnknownKind`` and ``EmptyText``.
    """
    if kind not in KINDS:
        raise UnknownKind
    body = body.replace("\r\n", "\n").strip()
    if is_draft(body):
        body = body.partition("\n\n")[2].strip()
    if not body or len(body) > MAX_CHARACTERS or "\0" in body:
        raise EmptyText
    sha256 = hashlib.sha256(body.encode()).hexdigest()
    known = in_force(kind)
    if known is not None and known.sha256 == sha256:
        return known
    now = clock.now()
    day = clock.in_france(now).date().isoformat()
    of_today = select(LegalText.version).where(
        LegalText.kind == kind, LegalText.version.startswith(f"{day}-")
    )
    number = 1 + len(db.session.scalars(of_today).all())
    text = LegalText(kind=kind, version=f"{day}-{number}", body=body, sha256=sha256, published_at=now)
    db.session.add(text)
    db.session.flush()
    audit.note(actor, "text.publish", text.id, after={"kind": kind, "version": text.version})
    return text


def is_draft(body: str) -> bool:
    """Whether a text says of itself that nobody has read it yet."""
    return body.lstrip().startswith(DRAFT_MARK)


def in_force(kind: str) -> LegalText | None:
    """Return the newest version; None before the first is published."""
    return db.session.scalar(
        select(LegalText)
        .where(LegalText.kind == kind)
        # Of two in one moment the longer number is the later one: 10 comes after 9.
        .order_by(
            LegalText.published_at.desc(), func.length(LegalText.version).desc(), LegalText.version.desc()
        )
        .limit(1)
    )


def accept(partner_id: str, kind: str, version: str, origin: str, *, is_with_code: bool) -> Acceptance:
    """Note that a partner accepted the version in force; again: the acceptance that is there.

    Raises ``TextNotInForce`` for any other version, ``NotFound`` and ``AccountClosed`` of the partner.
    """
    lock_active(partner_id)
    text = in_force(kind)
    if text is None or text.version != version:
        raise TextNotInForce
    known = find_acceptance(partner_id, kind)
    if known is not None:
        return known
    acceptance = Acceptance(
        partner_id=partner_id, text_id=text.id, sha256=text.sha256, origin=origin, is_with_code=is_with_code
    )
    db.session.add(acceptance)
    db.session.flush()
    return acceptance


def find_acceptance(partner_id: str, kind: str) -> Acceptance | None:
    """Return the partner's acceptance of the version in force."""
    text = in_force(kind)
    return None if text is None else acceptances_of([partner_id], text).get(partner_id)


def acceptances_of(partner_ids: Iterable[str], text: LegalText) -> dict[str, Acceptance]:
    """Map those of the partners who accepted ``text`` to their acceptances."""
    found = select(Acceptance).where(
        Acceptance.text_id == text.id, Acceptance.partner_id.in_(list(partner_ids))
    )
    return {acceptance.partner_id: acceptance for acceptance in db.session.scalars(found)}


def export_acceptances(partner_id: str) -> list[AcceptanceRecord]:
    found = (
        select(Acceptance, LegalText)
        .join(LegalText, LegalText.id == Acceptance.text_id)
        .where(Acceptance.partner_id == partner_id)
        .order_by(Acceptance.accepted_at)
    )
    return [
        {
            "id": acceptance.id,
            "kind": text.kind,
            "version": text.version,
            "sha256": acceptance.sha256,
            "at": clock.iso(acceptance.accepted_at),
            "origin": acceptance.origin,
            "with_code": acceptance.is_with_code,
        }
        for acceptance, text in db.session.execute(found)
    ]
