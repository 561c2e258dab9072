"""What a partner earns: whole cents, basis points, rounded down, and never a cent of drift. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

WHOLE_BP = 10_000


class Terms(NamedTuple):
    """How a post pays: the terms it was accepted with, whatever its offer says later.

    A sale or a lead earns the share of its commission plus ``fixed_cents``; a valid click earns
    ``click_cents``. What is earned waits ``holding_days``.
    """

    revshare_bp: int
    fixed_cents: int = 0
    click_cents: int = 0
    holding_days: int = 30


def partner_share(commission_cents: int, share_bp: int) -> int:
    """Return the partner's part of a commission, in cents, rounded down.

    ``share_bp`` is basis points: 4000 means 40 %. The odd cent stays with the programme,
    so the shares never add up to more than was earned.
    """
    return commission_cents * share_bp // WHOLE_BP


def conversion_earnings(commission_cents: int, terms: Terms) -> int:
    return partner_share(commission_cents, terms.revshare_bp) + terms.fixed_cents


def click_earnings(valid_clicks: int, click_cents: int, budget_left_cents: int | None = None) -> int:
    """Return what clicks earn; a budget pays whole clicks only, so none is paid in part."""
    if budget_left_cents is not None and click_cents:
        valid_clicks = min(valid_clicks, max(budget_left_cents, 0) // click_cents)
    return valid_clicks * click_cents


class Effect(NamedTuple):
    """What one sale or lead is worth by the network's latest words: cents, and whether they are approved.

    ``gross_cents`` is what the network owes, ``earned_cents`` the partner's part of it.
    """

    gross_cents: int = 0
    earned_cents: int = 0
    is_approved: bool = False


def effect(state: str, euro_cents: int, earned_cents: int, amount: int, refunds: Sequence[int]) -> Effect:
    """Return what is left of a conversion of ``amount`` minor units after the refunds that stand.

    ``euro_cents`` and ``earned_cents`` are of the whole amount. What goes back beyond it is not counted; a
    conversion of 0 goes back whole. A rejected one is worth nothing.
    """
    is_approved = state == "approved"
    if state == "rejected" or (refunds and not amount):
        return Effect(is_approved=is_approved)
    if not refunds:
        return Effect(euro_cents, earned_cents, is_approved)
    refunded = min(sum(refunds), amount)
    return Effect(kept(euro_cents, amount, refunded), kept(earned_cents, amount, refunded), is_approved)


def kept(cents: int, amount: int, refunded: int) -> int:
    """Return what is left of ``cents`` once ``refunded`` of ``amount`` went back, rounded down."""
    return cents * (amount - refunded) // amount if amount else 0


def taken(cents: int, amount: int, refunded_before: int, refund: int) -> int:
    """Return what one refund takes of ``cents``.

    It is the difference of what is kept before and after, so that partial refunds, however many,
    take exactly all of it once the whole amount went back. An amount of 0 (a lead that earned a
    fixed commission) goes back whole.
    """
    before = kept(cents, amount, refunded_before) if amount else cents
    return before - kept(cents, amount, refunded_before + refund)
