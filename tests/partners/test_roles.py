"""Who runs the programme: four roles, what each may, and an owner always."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from contentflow.core import audit, clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.mailing import services as mailing
from contentflow.mailing.models import Delivery
from contentflow.partners import accounts, erasure, notices, services, team
from contentflow.partners.errors import LastOwner, OwnRole, UnknownRole
from contentflow.partners.models import Partner
from contentflow.partners.roles import PERMISSIONS, Permission, TeamRole, may
from tests.factories.partners import PartnerFactory

OPERATORS = set(Permission) - {Permission.MANAGE_TEAM, Permission.PAY}
GRID = {
    "owner": set(Permission),
    "operator": OPERATORS,
    "accountant": {"board", "see_partners", "see_money", "settle", "draft_payouts", "pay", "see_offers",
                   "see_numbers", "see_audit", "export"},
    "reader": {"board", "see_posts", "see_partners", "see_money", "see_offers", "see_networks", "see_mail",
               "see_audit", "see_health", "see_numbers", "export"},
}  # fmt: skip


@pytest.mark.parametrize("role", TeamRole)
def test_a_role_may_what_the_grid_says_and_nothing_else(role: TeamRole):
    assert {permission for permission in Permission if may(role, permission)} == GRID[role]
    assert set(PERMISSIONS) == set(TeamRole)


@pytest.mark.parametrize("role", [None, "", "admin", "OWNER"])
def test_no_role_and_an_unknown_one_may_nothing(role: str | None):
    assert [permission for permission in Permission if may(role, permission)] == []
    assert not may("owner", "everything")


def test_the_first_who_runs_the_programme_owns_it_and_later_ones_operate(app):
    first = PartnerFactory(email="olga@example.org", is_operator=True)
    second = PartnerFactory(email="oscar@example.org", is_operator=True)

    assert (first.role, second.role) == ("owner", "operator")
    assert first.is_operator and second.is_operator  # What the release before reads.


@pytest.mark.parametrize("role", ["operator", "none"])
def test_the_last_owner_is_not_demoted(app, olga: Partner, role: str):
    with pytest.raises(LastOwner), transaction():
        accounts.set_role("olga@example.org", team.read_role(role), "cli")

    assert services.get_partner(olga.id).role == "owner"
    assert db.session.scalars(select(AuditEntry)).all() == []


def test_the_last_owner_neither_erases_the_account_nor_is_suspended(app, olga: Partner):
    with pytest.raises(LastOwner), transaction():
        erasure.begin(olga.id)
    with pytest.raises(LastOwner), transaction():
        accounts.suspend("olga@example.org", "cli")

    assert services.get_partner(olga.id).is_active


def test_a_suspended_owner_is_no_second_one(app, olga: Partner):
    PartnerFactory(email="oscar@example.org", is_operator=True)
    with transaction():
        accounts.set_role("oscar@example.org", TeamRole.OWNER, "cli")
        accounts.suspend("oscar@example.org", "cli")

    with pytest.raises(LastOwner), transaction():
        accounts.set_role("olga@example.org", None, "cli")


def test_nobody_changes_their_own_role(app, olga: Partner):
    PartnerFactory(email="oscar@example.org", is_operator=True)
    with transaction():
        accounts.set_role("oscar@example.org", TeamRole.OWNER, olga.id, "partage la charge")

    with pytest.raises(OwnRole), transaction():
        accounts.set_role("olga@example.org", TeamRole.READER, olga.id)


def test_a_word_that_is_no_role_is_refused():
    with pytest.raises(UnknownRole):
        team.read_role("admin")


def test_a_change_of_role_is_audited_with_before_after_and_why(run, alice: Partner, olga: Partner):
    run("partner", "role", "alice@example.org", "accountant", "--reason", "tient ceux de bob@example.org")

    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.actor, entry.role, entry.act, entry.subject) == ("cli", "cli", "team.role", alice.id)
    assert (entry.before, entry.after) == ({"role": None}, {"role": "accountant"})
    assert entry.reason == "tient ceux de […]"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("voir bob@example.org, puis <o.g+t@exa-mple.fr>", "voir […], puis <[…]>"),
        ("IBAN FR7630006000011234567890189 reçu", "IBAN […] reçu"),
        ("FR76 3000 6000 0112 3456 7890 189", "[…]"),
        ("fr7630006000011234567890189", "[…]"),
        ("clé " + "a" * 43, "clé […]"),
        ("le post 0123456789abcdefABCDEF, 12 ventes", "le post 0123456789abcdefABCDEF, 12 ventes"),
        ("vu le 27/11/2026 à 10:00", "vu le 27/11/2026 à 10:00"),
    ],
)
def test_no_address_secret_or_iban_is_kept(written: str, kept: str):
    assert audit.redacted(written) == kept


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET reason = 'x'", "DELETE FROM audit_entries"])
def test_the_database_lets_no_entry_be_changed_or_deleted(app, statement: str):
    with transaction():
        audit.note("cli", "act", "subject", reason="why")

    with pytest.raises(IntegrityError), transaction():
        db.session.execute(text(statement))

    assert db.session.scalars(select(AuditEntry.reason)).all() == ["why"]


def test_an_entry_goes_after_ten_years(app):
    now = clock.now()
    with transaction():
        for years in (9, 11):
            at = now.replace(year=now.year - years, day=1)
            db.session.add(AuditEntry(actor="cli", act=f"{years} years ago", subject="", recorded_at=at))
    audit.erase_old()

    assert db.session.scalars(select(AuditEntry.act)).all() == ["9 years ago"]


def test_a_notice_is_in_the_language_of_the_last_login(app):
    olga, alice = PartnerFactory(email="olga@example.org"), PartnerFactory(email="alice@example.org")
    for partner, languages in ((olga, ("fr", "en")), (alice, ())):
        for language in languages:
            with transaction():
                mailing.queue_login(partner.email, "request", language)
        with transaction():
            notices.tell(db.session.merge(partner), lambda: notices.suspended("words"))

    found = db.session.scalars(
        select(Delivery).where(Delivery.kind == "notice").order_by(Delivery.created_at)
    )
    assert [(one.language, one.context["subject"]) for one in found] == [
        ("en", "Your account is suspended"),
        ("fr", "Ton compte est suspendu"),
    ]
