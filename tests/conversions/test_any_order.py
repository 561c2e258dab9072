"""Whatever order words, holds, clawbacks and time come in: a sale is worth what its latest words say.

A few hundred random steps; ``CONTENTFLOW_RANDOM_STEPS=100000`` walks as far as wanted.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from contentflow.conversions import revshare, services
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Conversion, Network
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import holds
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Commission, LedgerEntry, LedgerTransaction

STEPS = int(os.environ.get("CONTENTFLOW_RANDOM_STEPS", "300"))
CHECKED_EVERY = 1 if STEPS <= 1_000 else 100
SHARE_BP = 4_000


@dataclass
class Words:
    """What a network said last of one sale and of its refunds; ``clawed``: what an operator took."""

    click_id: str
    state: str | None = None
    amount: int = 0
    changed: int = -1
    refunds: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    clawed: int = 0

    @property
    def effect(self) -> revshare.Effect:
        if self.state is None:
            return revshare.Effect()
        standing = [amount for state, amount, _ in self.refunds.values() if state != "rejected"]
        earned = revshare.partner_share(self.amount, SHARE_BP)
        return revshare.effect(self.state, self.amount, earned, self.amount, standing)


class Walk:
    """Random steps over some sales of one partner, each checked against the words alone."""

    def __init__(self, network: Network, partner: Any, clicks: list[str], chance: random.Random) -> None:
        self.network_id, self.partner, self.chance = network.id, partner, chance
        self.sales = {f"T{number}": Words(click_id) for number, click_id in enumerate(clicks)}
        self.traveller: time_machine.travel | None = None

    def step(self) -> None:
        act = self.chance.choices(
            [self.report, self.refund, self.claw, self.let_go, self.refuse, self.pass_time, self.mature],
            [40, 15, 4, 6, 2, 8, 8],
        )[0]
        act()

    def report(self) -> None:
        name, words = self.chance.choice(list(self.sales.items()))
        state = self.chance.choice(["pending", "approved", "rejected"])
        amount = self.chance.choice([words.amount, 0, self.chance.randrange(1, 90_000)])
        changed = self.chance.choice([words.changed + 1, self.chance.randrange(0, words.changed + 2)])
        self.say(name, "sale", amount, state, changed, click_id=words.click_id)
        if changed >= words.changed:
            words.state, words.amount, words.changed = state, amount, changed

    def refund(self) -> None:
        sale, words = self.chance.choice(list(self.sales.items()))
        name = f"{sale}-R{self.chance.randrange(3)}"
        state = self.chance.choice(["pending", "approved", "rejected"])
        amount, known = self.chance.randrange(0, 50_000), words.refunds.get(name, ("", 0, -1))[2]
        changed = self.chance.choice([known + 1, self.chance.randrange(0, known + 2)])
        self.say(name, "refund", amount, state, changed, refund_of=sale)
        if changed >= known:
            words.refunds[name] = (state, amount, changed)

    def say(self, name: str, kind: str, amount: int, state: str, changed: int, **more: str) -> None:
        changed_at = BEGIN + timedelta(seconds=changed)
        fields = {"click_id": "", "currency": "EUR", "at": BEGIN, **more}
        report = Report(
            transaction=name, type=kind, amount=amount, state=state, changed_at=changed_at, **fields
        )
        with transaction():
            services.record(db.session.get_one(Network, self.network_id), report)

    def claw(self) -> None:
        found = list(
            db.session.scalars(select(Commission).where(Commission.cents > Commission.reversed_cents))
        )
        if found:
            commission = self.chance.choice(found)
            cents, of = self.chance.randrange(1, commission.left_cents + 1), commission.conversion_id
            with transaction():
                ledger.claw_back(commission.id, cents, "by name", "cli")
            self.words_of(of).clawed += cents

    def refuse(self) -> None:
        held = holds.list_holds()
        if held:
            _, commission = self.chance.choice(held)
            id, of = commission.id, commission.conversion_id
            with transaction():
                cents = ledger.reject_commission(id, "by name", "cli")
            self.words_of(of).clawed += cents

    def let_go(self) -> None:
        held = [
            commission.id
            for _, commission in holds.list_holds()
            if set(holds.open_reasons(commission.id)) != {holds.CONTRACT}
        ]
        if held:
            with transaction():
                holds.release_commission(self.chance.choice(held), "cli")

    def words_of(self, conversion_id: str | None) -> Words:
        return self.sales[db.session.get_one(Conversion, conversion_id).transaction]

    def pass_time(self) -> None:
        moment = clock.now() + timedelta(days=self.chance.randrange(0, 20))
        self.stop()
        self.traveller = time_machine.travel(moment, tick=False)
        self.traveller.start()

    def stop(self) -> None:
        if self.traveller is not None:
            self.traveller.stop()

    def mature(self) -> None:
        ledger.mature_due()

    def check(self) -> None:
        db.session.rollback()
        assert ledger.check_ledger() is None
        for name, words in self.sales.items():
            self.check_sale(name, words)
        if ledger.balances(self.partner.id)["available"] < 0:
            assert db.session.scalar(select(LedgerTransaction.id).where(LedgerTransaction.kind == "clawback"))

    def check_sale(self, name: str, words: Words) -> None:
        ids = select(Conversion.id).where((Conversion.transaction == name) | (Conversion.refund_of == name))
        booked = (
            select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
            .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
            .where(LedgerTransaction.conversion_id.in_(ids))
            .group_by(LedgerEntry.account)
        )
        sums = {account: int(cents) for account, cents in db.session.execute(booked)}
        network, programme = sums.pop("network", 0), sums.pop("programme", 0)
        left = max(words.effect.earned_cents - words.clawed, 0)
        assert network == -words.effect.gross_cents
        assert sum(sums.values()) == left
        assert programme == words.effect.gross_cents - left
        found = select(Commission).join(Conversion).where(Conversion.transaction == name)
        standing = [one for one in db.session.scalars(found) if one.left_cents]
        assert sum(one.left_cents for one in standing) == left
        assert all(one.is_approved == words.effect.is_approved for one in standing)
        assert words.effect.is_approved or "available" not in {one.state for one in standing}


BEGIN = clock.now().replace(microsecond=0)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_sale_is_worth_its_latest_words_whatever_came_before(
    app: Flask, alice, click, network: Network, seed: int
):
    chance = random.Random(seed)
    walk = Walk(network, alice, [click(verdict=verdict) for verdict in ("valid", "self", "valid")], chance)
    try:
        for number in range(STEPS // 2):
            walk.step()
            if number % CHECKED_EVERY == 0:
                walk.check()
        walk.check()
    finally:
        walk.stop()
