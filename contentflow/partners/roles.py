"""What each role may: a role is a set of permissions, and each page of the console names its one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flask_babel import lazy_gettext as _l


class TeamRole(StrEnum):
    """Who runs the programme; a partner has none."""

    OWNER = "owner"
    OPERATOR = "operator"
    ACCOUNTANT = "accountant"
    READER = "reader"


class Permission(StrEnum):
    """One thing that somebody may look at or do."""

    BOARD = "board"
    SEE_POSTS = "see_posts"
    MODERATE = "moderate"
    SEE_PARTNERS = "see_partners"
    MANAGE_PARTNERS = "manage_partners"
    SEE_AS = "see_as"
    SEE_MONEY = "see_money"
    SETTLE = "settle"
    DRAFT_PAYOUTS = "draft_payouts"
    PAY = "pay"
    SEE_OFFERS = "see_offers"
    MANAGE_OFFERS = "manage_offers"
    SEE_NETWORKS = "see_networks"
    MANAGE_NETWORKS = "manage_networks"
    SEE_MAIL = "see_mail"
    MANAGE_MAIL = "manage_mail"
    SEE_AUDIT = "see_audit"
    SEE_HEALTH = "see_health"
    SEE_NUMBERS = "see_numbers"
    MANAGE_TEAM = "manage_team"
    EXPORT = "export"
    EXPORT_ADDRESSES = "export_addresses"


_ALL: Final = frozenset(Permission)
_LOOKS: Final = frozenset(each for each in Permission if each.startswith("see_")) - {Permission.SEE_AS}

PERMISSIONS: Final[Mapping[TeamRole, frozenset[Permission]]] = {
    TeamRole.OWNER: _ALL,
    TeamRole.OPERATOR: _ALL - {Permission.MANAGE_TEAM, Permission.PAY},
    TeamRole.ACCOUNTANT: frozenset(
        {
            Permission.BOARD,
            Permission.SEE_PARTNERS,
            Permission.SEE_MONEY,
            Permission.SETTLE,
            Permission.DRAFT_PAYOUTS,
            Permission.PAY,
            Permission.SEE_OFFERS,
            Permission.SEE_NUMBERS,
            Permission.SEE_AUDIT,
            Permission.EXPORT,
        }
    ),
    TeamRole.READER: _LOOKS | {Permission.BOARD, Permission.EXPORT},
}

NAMES: Final = {
    TeamRole.OWNER: _l("propriétaire"),
    TeamRole.OPERATOR: _l("opérateur"),
    TeamRole.ACCOUNTANT: _l("comptable"),
    TeamRole.READER: _l("lecteur"),
}


def role_name(role: str) -> str:
    """Return a role in the reader's language; an unknown word stays as it is."""
    return str(NAMES[TeamRole(role)]) if role in set(TeamRole) else role


def may(role: str | None, permission: str) -> bool:
    """Whether a role, as it stands in the database, has a permission; nobody and unknown words have none."""
    try:
        return Permission(permission) in PERMISSIONS[TeamRole(role or "")]
    except ValueError:
        return False
