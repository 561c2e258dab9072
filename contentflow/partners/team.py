"""Who runs the programme: roles are given and taken here, and never the last owner's."""

from __future__ import annotations

from sqlalchemy import select

from contentflow.core import audit
from contentflow.core.db import db
from contentflow.core.writes import lock
from contentflow.partners.errors import LastOwner, OwnRole, UnknownRole
from contentflow.partners.models import Partner
from contentflow.partners.roles import TeamRole

LOCK = "partners.owners"


def role_of_new() -> TeamRole:
    """Return what the next who may run the programme becomes: the first one owns it."""
    lock(LOCK)
    has_owner = db.session.scalar(select(Partner.id).where(Partner.role == TeamRole.OWNER).limit(1))
    return TeamRole.OPERATOR if has_owner else TeamRole.OWNER


def read_role(text: str) -> TeamRole | None:
    """Return the role of a word, None for ``none``; raises ``UnknownRole``."""
    if text == "none":
        return None
    try:
        return TeamRole(text)
    except ValueError:
        raise UnknownRole from None


def change_role(partner: Partner, role: TeamRole | None, actor: str, reason: str = "") -> bool:
    """Give a locked partner a role, or take theirs; False when it is theirs already.

    Raises ``LastOwner``, and ``OwnRole`` where somebody would change their own.
    """
    if partner.role == role:
        return False
    if actor == partner.id:
        raise OwnRole
    if role is not TeamRole.OWNER:
        refuse_last_owner(partner)
    before, partner.role = partner.role, role
    audit.note(
        actor,
        "team.role",
        partner.id,
        reason=reason,
        before={"role": before},
        after={"role": role.value if role else None},
    )
    db.session.flush()
    return True


def refuse_last_owner(partner: Partner) -> None:
    """Raise ``LastOwner`` where the programme would have nobody who owns it and may come in."""
    if partner.role != TeamRole.OWNER:
        return
    lock(LOCK)
    others = select(Partner.id).where(
        Partner.role == TeamRole.OWNER, Partner.is_active, Partner.id != partner.id
    )
    if db.session.scalar(others.limit(1)) is None:
        raise LastOwner


def list_team() -> list[Partner]:
    """Return who has a role, the longest-standing first."""
    found = select(Partner).where(Partner.role.is_not(None))
    return list(db.session.scalars(found.order_by(Partner.created_at, Partner.id)))
