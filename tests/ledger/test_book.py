"""A hundred thousand random events of a whole programme, in memory, through the same arithmetic."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from contentflow.conversions import revshare
from contentflow.conversions.revshare import Terms
from contentflow.ledger import double_entry
from contentflow.ledger.contracts import FREE_CENTS
from contentflow.ledger.double_entry import Account, Leg, Share

STEPS = 100_000
PARTNERS = 40


@dataclass
class Lot:
    id: str
    partner: int
    left: int
    account: Account = Account.PENDING


@dataclass
class Sale:
    partner: int
    amount: int
    earned: int
    lots: list[Lot]
    refunded: int = 0


@dataclass
class Book:
    """The accounts, and the largest debt of each partner that clawbacks alone explain."""

    programme: Counter[Account] = field(default_factory=Counter)
    partners: list[Counter[Account]] = field(default_factory=lambda: [Counter() for _ in range(PARTNERS)])
    clawed: Counter[int] = field(default_factory=Counter)

    def post(self, partner: int, legs: list[Leg]) -> None:
        assert sum(leg.cents for leg in legs) == 0
        for leg in legs:
            own = leg.account not in (Account.NETWORK, Account.PROGRAMME)
            (self.partners[partner] if own else self.programme)[leg.account] += leg.cents

    def total(self) -> int:
        return sum(self.programme.values()) + sum(sum(accounts.values()) for accounts in self.partners)


class Programme:
    def __init__(self, chance: random.Random) -> None:
        self.chance, self.book = chance, Book()
        self.sales: list[Sale] = []
        self.lots: list[Lot] = []

    def sell(self) -> None:
        partner, amount = self.chance.randrange(PARTNERS), self.chance.randint(0, 30_000)
        terms = Terms(self.chance.randint(0, 10_000), fixed_cents=self.chance.choice([0, 0, 250]))
        earned = revshare.conversion_earnings(amount, terms)
        room = FREE_CENTS - sum(self.book.partners[partner].values())
        within, beyond = double_entry.split(earned, room)
        lots = [
            Lot(f"{len(self.lots)}/{n}", partner, part) for n, part in enumerate((within, beyond)) if part
        ]
        shares = [Share(lot.id, lot.account, lot.left) for lot in lots]
        self.book.post(partner, double_entry.earn(amount, shares))
        if beyond:
            self.move(lots[-1], Account.HELD)
        self.sales.append(Sale(partner, amount, earned, lots))
        self.lots += lots

    def refund(self) -> None:
        sale = self.chance.choice(self.sales[-200:])
        refund = self.chance.randint(0, sale.amount - sale.refunded)
        if not refund:
            return
        left = sum(lot.left for lot in sale.lots)
        taken = revshare.taken(sale.earned, sale.amount, sale.refunded, refund)
        assert taken <= left
        sale.refunded += refund
        chosen = double_entry.take_from([Share(lot.id, lot.account, lot.left) for lot in sale.lots], taken)
        self.book.post(sale.partner, double_entry.reverse(refund, chosen))
        for share in chosen:
            next(lot for lot in sale.lots if lot.id == share.commission_id).left -= share.cents
            if share.account == Account.AVAILABLE:
                assert double_entry.is_clawback(chosen)
                self.book.clawed[sale.partner] += share.cents
        assert sum(lot.left for lot in sale.lots) == revshare.kept(sale.earned, sale.amount, sale.refunded)

    def move(self, lot: Lot, target: Account) -> None:
        if lot.left and lot.account != target:
            self.book.post(lot.partner, double_entry.move(lot.id, lot.account, target, lot.left))
        lot.account = target

    def shift(self) -> None:
        lot = self.chance.choice(self.lots[-300:])
        self.move(lot, self.chance.choice([Account.HELD, Account.PENDING, Account.AVAILABLE]))

    def mature(self) -> None:
        lot = self.chance.choice(self.lots)
        if lot.account == Account.PENDING:
            self.move(lot, Account.AVAILABLE)

    def pay(self) -> None:
        partner = self.chance.randrange(PARTNERS)
        available = self.book.partners[partner][Account.AVAILABLE]
        if available > 0:
            legs = [Leg(Account.AVAILABLE, -available), Leg(Account.PAID, available)]
            self.book.post(partner, legs)


def test_over_a_hundred_thousand_random_steps_the_sums_hold():
    chance = random.Random(20261124)
    programme = Programme(chance)
    programme.sell()
    acts = [programme.sell, programme.refund, programme.shift, programme.mature, programme.pay]

    for step in range(STEPS):
        chance.choices(acts, [40, 25, 10, 20, 5])[0]()
        if step % 1_000 == 0:
            assert programme.book.total() == 0

    book = programme.book
    assert book.total() == 0
    for partner, accounts in enumerate(book.partners):
        assert accounts[Account.PENDING] >= 0
        assert accounts[Account.HELD] >= 0
        # Held and available lots move by hand here; what was paid and then clawed back is the only debt.
        assert accounts[Account.AVAILABLE] >= -accounts[Account.PAID]
        owed = sum(sale.earned for sale in programme.sales if sale.partner == partner)
        back = sum(
            sale.earned - revshare.kept(sale.earned, sale.amount, sale.refunded)
            for sale in programme.sales
            if sale.partner == partner and sale.refunded
        )
        assert sum(accounts.values()) == owed - back
