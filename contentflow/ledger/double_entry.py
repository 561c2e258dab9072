"""Double entry: every event is a transaction whose legs sum to zero. Pure.

An amount owed to a partner is positive; ``network`` is negative by what the networks owe the
programme; ``programme`` is what stays with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple


class Account(StrEnum):
    """``network`` and ``programme`` are the programme's; the others are each partner's own."""

    NETWORK = "network"
    PROGRAMME = "programme"
    PENDING = "pending"
    HELD = "held"
    AVAILABLE = "available"
    PAYING = "paying"
    PAID = "paid"


# What a run took to be paid stands in ``paying``: it is on its way, and no statement's rest anymore.
UNPAID: Final = (Account.PENDING, Account.HELD, Account.AVAILABLE)
PARTNER_ACCOUNTS: Final = (*UNPAID, Account.PAYING, Account.PAID)


class Leg(NamedTuple):
    """``commission_id``: the commission that a partner's leg belongs to."""

    account: Account
    cents: int
    commission_id: str | None = None


class Share(NamedTuple):
    """A part of one commission, and the account in which it stands."""

    commission_id: str
    account: Account
    cents: int


def earn(gross_cents: int, shares: Iterable[Share]) -> list[Leg]:
    """A network owes what it reported; the partner's shares come out of it, the programme has the rest.

    Clicks earn without it: the programme pays them.
    """
    legs = [Leg(share.account, share.cents, share.commission_id) for share in shares]
    rest = gross_cents - sum(leg.cents for leg in legs)
    return _balanced([Leg(Account.NETWORK, -gross_cents), Leg(Account.PROGRAMME, rest), *legs])


def reverse(gross_cents: int, shares: Iterable[Share]) -> list[Leg]:
    """The mirror of ``earn``: a refund, a clawback."""
    return [Leg(leg.account, -leg.cents, leg.commission_id) for leg in earn(gross_cents, shares)]


def move(commission_id: str, source: Account, target: Account, cents: int) -> list[Leg]:
    return _balanced([Leg(source, -cents, commission_id), Leg(target, cents, commission_id)])


def take_from(left: Sequence[Share], cents: int) -> list[Share]:
    """Choose what a refund takes: what is held or pending first, what is available last."""
    order = [Account.HELD, Account.PENDING, Account.AVAILABLE]
    chosen = []
    for share in sorted(left, key=lambda share: order.index(share.account)):
        part = min(share.cents, cents)
        cents -= part
        if part:
            chosen.append(Share(share.commission_id, share.account, part))
    if cents:
        raise ValueError("a refund takes more than was credited")
    return chosen


def is_clawback(shares: Iterable[Share]) -> bool:
    """Whether something is taken that was available already: that is named, and shown as such."""
    return any(share.account == Account.AVAILABLE for share in shares)


def split(cents: int, room_cents: int) -> tuple[int, int]:
    """Cut an amount into what fits a limit and what goes beyond it."""
    within = min(cents, max(room_cents, 0))
    return within, cents - within


def _balanced(legs: list[Leg]) -> list[Leg]:
    if sum(leg.cents for leg in legs):
        raise ValueError("the legs of a transaction sum to zero")
    return [leg for leg in legs if leg.cents]
