"""A programme that pays: partners who can be paid, what they earned, and who runs it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.agreements import services as agreements
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.encryption import encrypt
from contentflow.ledger import commissions
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Commission, Source
from contentflow.partners import accounts
from contentflow.partners.models import Partner, SecondFactor
from contentflow.partners.roles import TeamRole
from contentflow.payouts import approval, invoice_facts, runs
from contentflow.payouts.drafting import preview
from contentflow.payouts.invoice_facts import InvoiceFacts, RenderedInvoice
from contentflow.payouts.models import BankAccount, BillingProfile
from contentflow.payouts.run_models import PayoutRun, Transfer
from tests.console.conftest import pass_factor
from tests.factories.offers import OfferFactory
from tests.factories.partners import PartnerFactory
from tests.factories.posts import PostFactory
from tests.house import PAYS, browser, log_in, post

IBAN = "FR1420041010050500013M02606"
OCTOBER = datetime(2026, 10, 12, 9, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 6, 9, tzinfo=UTC)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    app = make_app(**PAYS)
    with app.app_context():
        yield app


@pytest.fixture
def frozen() -> Any:
    """It is the 6th of November; a test moves it on."""
    with time_machine.travel(NOVEMBER, tick=False) as traveller:
        yield traveller


@pytest.fixture
def plain_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents of a moment: their making has tests of its own."""

    def render(facts: InvoiceFacts) -> RenderedInvoice:
        text = repr(facts).encode()
        return RenderedInvoice(b"<cii/>" + text, b"%PDF-" + text)

    monkeypatch.setattr(invoice_facts, "render", render)


@pytest.fixture
def programme(app: Flask, frozen: Any, plain_documents: None) -> Programme:
    return Programme(app)


class Programme:
    """What tests do with a programme that pays, by its own verbs."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.post_id, self.offer_id, self._number = "", "", 0
        with transaction():
            self.mandate = agreements.publish("mandate", "Je donne mandat.", "cli").version

    def payee(self, name: str = "alice", **given: Any) -> Partner:
        """A partner who can be paid."""
        partner: Partner = PartnerFactory(email=f"{name}@example.org", name=name.title())
        with transaction():
            self.make_payable(partner, **given)
        return partner

    def make_payable(self, partner: Partner, **given: Any) -> None:
        fields = {
            "kind": "sole_trader", "legal_name": f"{partner.name} d’Œuvre & Fils", "siret": "73282932000074",
            "street": "2 rue du Four", "postcode": "75006", "city": "Paris", "vat": "franchise",
            "checked_at": clock.now(),
        }  # fmt: skip
        if given.get("vat") == "vat":
            given.setdefault("vat_number", "FR44732829320")
        db.session.add(BillingProfile(partner_id=partner.id, **{**fields, **given}))
        agreements.accept(partner.id, "mandate", self.mandate, "/partner/billing", is_with_code=True)
        db.session.add(self.account(partner))

    def account(self, partner: Partner, usable_at: datetime | None = None) -> BankAccount:
        return BankAccount(
            partner_id=partner.id, iban=encrypt(IBAN), last_four="2606", bic="PSSTFRPPXXX",
            iban_hash=hashlib.sha256(partner.id.encode()).hexdigest(),
            holder=f"{partner.name} d’Œuvre & Fils",
            usable_at=usable_at or clock.now() - timedelta(days=8),
        )  # fmt: skip

    def change_account(self, partner: Partner, usable_at: datetime | None = None) -> None:
        with transaction():
            old = select(BankAccount).where(
                BankAccount.partner_id == partner.id, BankAccount.ended_at.is_(None)
            )
            for one in db.session.scalars(old):
                one.ended_at = clock.now()
            db.session.flush()
            db.session.add(self.account(partner, usable_at))

    def earn(
        self,
        partner: Partner,
        cents: int,
        at: datetime = OCTOBER,
        advertiser: str = "Lumière",
        kind: str = "sale",
    ) -> Commission:
        """Let a partner earn what is available at once."""
        self._number += 1
        key = f"{kind}:{self._number}"
        with clock.telling(at):
            if not self.post_id:
                offer = OfferFactory(name="Lampe")
                made = PostFactory(partner_id=partner.id, offer_id=offer.id)
                self.post_id, self.offer_id = made.id, offer.id
            source = Source(
                key=key, kind=kind, partner_id=partner.id, submission_id=self.post_id,
                offer_id=self.offer_id, advertiser=advertiser, channel="copy", day=clock.day_of(at),
                holding_days=0,
            )  # fmt: skip
            with transaction():
                ledger.lock_payee(partner.id)
                earned = ledger.credit(source, cents, source.key, kind)[0]
                earned_id = earned.id
            with transaction():
                commissions.mature(partner.id, [earned_id])
        db.session.rollback()
        return db.session.get_one(Commission, earned_id)

    def refund(self, earned: Commission, cents: int) -> None:
        with transaction():
            ledger.lock_payee(earned.partner_id)
            commission = db.session.get_one(Commission, earned.id)
            self._number += 1
            key = f"refund:{self._number}"
            commissions.reverse(key, "refund", [commission], 0, cents, None)

    def person(self, name: str, role: TeamRole) -> Partner:
        partner: Partner = PartnerFactory(email=f"{name}@example.org", name=name.title())
        with transaction():
            accounts.set_role(f"{name}@example.org", role, "cli")
        return partner

    def draft(self, month: str = "2026-10") -> str:
        with transaction():
            return runs.draft(month, "cli").id

    def digest(self, run_id: str) -> str:
        digest = preview(runs.get_run(run_id)).digest
        db.session.rollback()
        return digest

    def digest_in(self, run_id: str) -> str:
        """The same, inside of a transaction."""
        return preview(runs.get_run(run_id)).digest

    def propose(self, run_id: str, actor: str = "olga") -> None:
        digest = self.digest(run_id)
        with transaction():
            runs.propose(run_id, digest, actor)

    def approve(self, run_id: str, actor: str = "anna") -> None:
        digest = self.digest(run_id)
        with transaction():
            approval.begin(run_id, digest, actor)
        approval.finish(run_id)

    def run(self, month: str = "2026-10") -> str:
        """Draft, propose and approve a month."""
        run_id = self.draft(month)
        self.propose(run_id)
        self.approve(run_id)
        return run_id

    def get(self, run_id: str) -> PayoutRun:
        db.session.rollback()
        return runs.get_run(run_id)

    def transfers(self, run_id: str) -> list[Transfer]:
        db.session.rollback()
        return list(db.session.scalars(select(Transfer).where(Transfer.run_id == run_id)))

    def balances(self, partner: Partner) -> dict[str, int]:
        db.session.rollback()
        return {name: cents for name, cents in ledger.balances(partner.id).items() if cents}


@pytest.fixture
def team(programme: Programme) -> Callable[[str, TeamRole], FlaskClient]:
    """A browser of somebody in a role, whose second factor is set up."""

    def make(name: str, role: TeamRole) -> FlaskClient:
        person = programme.person(name, role)
        with transaction():
            db.session.add(
                SecondFactor(
                    partner_id=person.id, secret=encrypt(SECRET), last_step=0, wrong_tries=0,
                    created_at=clock.now(), confirmed_at=clock.now(),
                )
            )  # fmt: skip
        return pass_factor(log_in(browser(programme.app), person.id))

    return make


def code() -> str:
    """The code that the second factor shows now."""
    return pyotp.TOTP(SECRET).at(int(clock.now().timestamp()))


def act(client: FlaskClient, name: str, /, **fields: Any) -> Any:
    return post(client, f"/console/payouts/{name}", fields)
