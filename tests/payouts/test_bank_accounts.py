"""An account is confirmed by a code, waits, and is never shown; “Ce n'est pas moi” stops everything."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect, select, text

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import Base, db, transaction
from contentflow.mailing.models import CapturedMail
from contentflow.partners.models import Partner, PartnerSession
from contentflow.payouts import bank_accounts, retention
from contentflow.payouts.identity import Iban
from contentflow.payouts.models import BankAccount, BankRequest, BillingProfile, FreezeToken
from contentflow.payouts.payees import open_iban, payee_of
from tests.conftest import MakeApp
from tests.factories.partners import PartnerFactory
from tests.house import browser, log_in, post, run_work
from tests.payouts.conftest import PAYS
from tests.payouts.test_billing import flat

FIRST, SECOND = "FR1420041010050500013M02606", "DE89370400440532013000"
ASK, CONFIRM = "/partner/billing/bank", "/partner/billing/bank/confirm"


def mails(app: Flask, to: str = "alice@example.org") -> list[CapturedMail]:
    """Let the mails leave and return those to an address, the oldest first."""
    run_work(app)
    found = select(CapturedMail).where(CapturedMail.recipient == to).order_by(CapturedMail.created_at)
    return list(db.session.scalars(found))


def code_of(mail: CapturedMail) -> str:
    found = re.search(r"^[0-9]{6}$", mail.text, re.MULTILINE)
    assert found is not None
    return found[0]


def freeze_path(mail: CapturedMail) -> str:
    found = re.search(r"https://share\.example\.org(/partner/billing/freeze/\S+)", mail.text)
    assert found is not None
    return found[1]


def ask(client: FlaskClient, iban: str = FIRST, holder: str = "Éloïse d’Œuvre") -> int:
    return post(client, ASK, {"iban": iban, "holder": holder}).status_code


@pytest.fixture
def give(paying: Flask, payee_client: FlaskClient) -> Callable[..., CapturedMail]:
    """Give an account and confirm it; return the mail about the change."""

    def act(iban: str = FIRST) -> CapturedMail:
        assert ask(payee_client, iban) == 303
        answer = post(payee_client, CONFIRM, {"code": code_of(mails(paying)[-1])})
        assert answer.status_code == 303
        return mails(paying)[-1]

    return act


def accounts() -> list[BankAccount]:
    return list(db.session.scalars(select(BankAccount).order_by(BankAccount.created_at)))


def test_a_code_from_the_mail_makes_the_account(
    paying: Flask, payee: Partner, payee_client: FlaskClient
) -> None:
    assert ask(payee_client, "fr14 2004 1010 0505 0001 3m02 606") == 303
    assert accounts() == []
    mail = mails(paying)[-1]

    code = code_of(mail)
    answer = post(payee_client, CONFIRM, {"code": f" {code[:3]} {code[3:]} "})

    bank = payee_of(payee.id).bank
    assert answer.status_code == 303
    assert (bank.last_four, bank.holder, bank.bic) == ("2606", "Éloïse d’Œuvre", "PSSTFRPP")
    assert bank.usable_at - clock.now() > timedelta(days=6, hours=23)
    assert open_iban(bank.id) == FIRST
    assert "bank_new" in payee_of(payee.id).missing


def test_the_wait_is_the_settings(make_app: MakeApp) -> None:
    app = make_app(**PAYS, PAYOUT_BANK_COOLDOWN_DAYS="0")
    with app.app_context():
        alice = PartnerFactory(email="alice@example.org")
        client = log_in(browser(app), alice.id)
        ask(client)
        post(client, CONFIRM, {"code": code_of(mails(app)[-1])})

        assert payee_of(alice.id).missing == ("no_identity", "no_mandate")


def test_both_mails_show_old_and_new_last_four_and_nothing_more(
    paying: Flask, payee_client: FlaskClient, give: Callable[..., CapturedMail]
) -> None:
    first = give()
    assert "Premier compte : •••• 2606" in flat(first.text)
    ask(payee_client, SECOND)
    asked = mails(paying)[-1]
    changed = give(SECOND)

    for mail in (asked, changed):
        assert "Ancien compte : •••• 2606. Nouveau : •••• 3000." in flat(mail.text)
        assert "Ce n’est pas moi" in mail.text
        freeze_path(mail)
    for mail in mails(paying):
        for iban in (FIRST, SECOND):
            assert iban not in mail.text + mail.html + mail.subject


def test_the_iban_stands_nowhere_but_encrypted(
    paying: Flask, payee_client: FlaskClient, give: Callable[..., CapturedMail], caplog
) -> None:
    with caplog.at_level("DEBUG"):
        give()
        ask(payee_client, SECOND)
    held = " ".join(
        str(row)
        for table in Base.metadata.tables
        if inspect(db.engine).has_table(table)
        for row in db.session.execute(text(f"SELECT * FROM {table}"))
    )
    page = payee_client.get("/partner/billing").get_data(as_text=True)
    export = payee_client.get("/partner/export.json").get_data(as_text=True)

    for iban in (FIRST, SECOND, FIRST[4:], SECOND[4:]):
        assert iban not in held + page + export + caplog.text
    assert "2606" in page


def test_the_audit_has_the_last_four(payee: Partner, give: Callable[..., CapturedMail]) -> None:
    give()
    give(SECOND)

    found = db.session.scalars(
        select(AuditEntry).where(AuditEntry.act == "bank.set").order_by(AuditEntry.recorded_at)
    )
    assert [(entry.actor, entry.before, entry.after) for entry in found] == [
        (payee.id, None, {"last_four": "2606"}),
        (payee.id, {"last_four": "2606"}, {"last_four": "3000"}),
    ]


def test_a_second_account_ends_the_first_and_waits_anew(
    payee: Partner, give: Callable[..., CapturedMail], time_machine
) -> None:
    give()
    time_machine.move_to(clock.now() + timedelta(days=8))
    assert "bank_new" not in payee_of(payee.id).missing

    with transaction():
        request = bank_accounts.ask(payee.id, Iban(SECOND, ""), "Éloïse", "fr")
        request.code_hash = bank_accounts.code_hash(request.id, "123456")
        db.session.flush()
        bank_accounts.confirm(payee.id, "123456", "fr")

    old, new = accounts()
    assert (old.last_four, old.ended_at is not None) == ("2606", True)
    assert new.ended_at is None
    assert "bank_new" in payee_of(payee.id).missing


@pytest.mark.parametrize(
    ("iban", "holder", "said"),
    [
        ("", "Alice", "pas juste"),
        ("FR1420041010050500013M02607", "Alice", "pas juste"),
        ("FR2230006000011234567890188", "Alice", "pas juste"),
        ("SA0380000000608010167519", "Alice", "SEPA"),
        (FIRST, "", "en entier"),
        (FIRST, "x" * 200, "en entier"),
        (FIRST, "Alice 💶", "ne peut pas montrer"),
        (PAYS["PROGRAMME_IBAN"], "Alice", "celui du programme"),
    ],
)
def test_what_is_no_account_is_refused_with_what_was_typed(
    payee_client: FlaskClient, iban: str, holder: str, said: str
) -> None:
    answer = post(payee_client, ASK, {"iban": iban, "holder": holder})

    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in page
    assert f'value="{iban}"' in page and f'value="{holder}"' in page
    assert db.session.scalar(select(BankRequest)) is None


def test_five_wrong_codes_end_it_and_each_says_how_many_are_left(
    paying: Flask, payee_client: FlaskClient
) -> None:
    ask(payee_client)
    code = code_of(mails(paying)[-1])
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    for left in ("Encore 4 essais", "Encore 3 essais", "Encore 2 essais", "Encore 1 essai", "Encore 0 essai"):
        answer = post(payee_client, CONFIRM, {"code": wrong})
        assert answer.status_code == 422
        assert left in answer.get_data(as_text=True)
    answer = post(payee_client, CONFIRM, {"code": code})

    assert answer.status_code == 422
    assert "n’est plus valable" in answer.get_data(as_text=True)
    assert accounts() == []
    assert db.session.scalar(select(BankRequest)).iban is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６"])
def test_what_is_no_code_uses_no_try(paying: Flask, payee_client: FlaskClient, code: str) -> None:
    ask(payee_client)
    mails(paying)

    assert post(payee_client, CONFIRM, {"code": code}).status_code == 422
    assert db.session.scalar(select(BankRequest)).tries == 0


def test_a_code_is_good_for_ten_minutes(paying: Flask, payee_client: FlaskClient, time_machine) -> None:
    ask(payee_client)
    code = code_of(mails(paying)[-1])
    time_machine.move_to(clock.now() + timedelta(minutes=10, seconds=1))

    assert post(payee_client, CONFIRM, {"code": code}).status_code == 422
    assert accounts() == []


def test_a_newer_request_ends_the_older_code(paying: Flask, payee_client: FlaskClient) -> None:
    ask(payee_client)
    old = code_of(mails(paying)[-1])
    ask(payee_client, SECOND)
    new = code_of(mails(paying)[-1])

    if old != new:
        assert post(payee_client, CONFIRM, {"code": old}).status_code == 422
    assert post(payee_client, CONFIRM, {"code": new}).status_code == 303
    assert [account.last_four for account in accounts()] == ["3000"]


def test_a_code_that_is_used_twice_makes_one_account(paying: Flask, payee_client: FlaskClient) -> None:
    ask(payee_client)
    code = code_of(mails(paying)[-1])

    statuses = [post(payee_client, CONFIRM, {"code": code}).status_code for _ in range(2)]

    assert statuses == [303, 422]
    assert len(accounts()) == 1


def test_bobs_code_is_nothing_to_alice(paying: Flask, payee_client: FlaskClient) -> None:
    bob = PartnerFactory(email="bob@example.org")
    ask(log_in(browser(paying), bob.id))

    code = code_of(mails(paying, "bob@example.org")[-1])

    assert post(payee_client, CONFIRM, {"code": code}).status_code == 422
    assert accounts() == []


def test_the_sixth_request_of_an_hour_is_refused(payee_client: FlaskClient) -> None:
    assert [ask(payee_client) for _ in range(6)] == [303] * 5 + [429]


def test_without_mail_no_account_is_taken(make_app: MakeApp) -> None:
    app = make_app(**PAYS, MAIL_TRANSPORT="none")
    with app.app_context():
        client = log_in(browser(app), PartnerFactory(email="alice@example.org").id)

        answer = post(client, ASK, {"iban": FIRST, "holder": "Alice"})

        assert answer.status_code == 422
        assert "aucun e-mail ne part" in answer.get_data(as_text=True)


# Another partner's account


def test_of_a_shared_account_the_team_is_told_and_neither_partner(
    paying: Flask, payee: Partner, payee_client: FlaskClient, give: Callable[..., CapturedMail]
) -> None:
    bob = PartnerFactory(email="bob@example.org", name="Bob")
    bob_client = log_in(browser(paying), bob.id)
    ask(bob_client)
    post(bob_client, CONFIRM, {"code": code_of(mails(paying, "bob@example.org")[-1])})
    before = len(mails(paying, "bob@example.org"))
    PartnerFactory(email="olga@example.org", is_operator=True)

    changed = give()

    (told,) = mails(paying, "olga@example.org")
    assert "Alice, Bob" in told.text
    assert "2606" not in told.text
    assert len(mails(paying, "bob@example.org")) == before
    assert "Bob" not in changed.text + payee_client.get("/partner/billing").get_data(as_text=True)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "bank.shared")).one()
    assert (entry.subject, entry.after) == (payee.id, {"partners": bob.id})


def test_an_account_that_somebody_had_before_is_no_news(
    paying: Flask, payee: Partner, give: Callable[..., CapturedMail]
) -> None:
    give()
    give()

    assert db.session.scalars(select(AuditEntry).where(AuditEntry.act == "bank.shared")).all() == []


# “Ce n'est pas moi”


def test_looking_at_the_link_changes_nothing(
    paying: Flask, payee: Partner, give: Callable[..., CapturedMail]
) -> None:
    path = freeze_path(give())

    for _ in range(2):
        answer = browser(paying).get(path)
        assert answer.status_code == 200
        assert answer.headers["Referrer-Policy"] == "no-referrer"

    assert not payee_of(payee.id).frozen
    assert payee_of(payee.id).bank is not None


def test_its_button_freezes_ends_the_account_and_every_session(
    paying: Flask, payee: Partner, payee_client: FlaskClient, give: Callable[..., CapturedMail]
) -> None:
    PartnerFactory(email="olga@example.org", is_operator=True)
    path = freeze_path(give())

    answer = browser(paying).post(path)

    assert answer.status_code == 200
    assert 'data-state="frozen"' in answer.get_data(as_text=True)
    assert payee_of(payee.id).missing[0] == "frozen"
    assert payee_of(payee.id).bank is None
    alive = select(PartnerSession).where(
        PartnerSession.partner_id == payee.id, PartnerSession.revoked_at.is_(None)
    )
    assert db.session.scalars(alive).all() == []
    assert payee_client.get("/partner/portal").status_code == 303
    (told,) = mails(paying, "olga@example.org")
    assert "Alice" in told.text


def test_the_link_of_the_request_freezes_too_and_ends_what_waits(
    paying: Flask, payee: Partner, payee_client: FlaskClient
) -> None:
    ask(payee_client)
    mail = mails(paying)[-1]

    browser(paying).post(freeze_path(mail))
    again = log_in(browser(paying), payee.id)
    answer = post(again, CONFIRM, {"code": code_of(mail)})

    assert answer.status_code == 422
    assert payee_of(payee.id).frozen
    assert accounts() == []


def test_freezing_again_says_the_same_and_tells_the_team_once(
    paying: Flask, give: Callable[..., CapturedMail]
) -> None:
    PartnerFactory(email="olga@example.org", is_operator=True)
    path = freeze_path(give())

    assert [browser(paying).post(path).status_code for _ in range(2)] == [200, 200]
    assert len(mails(paying, "olga@example.org")) == 1


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 300])
def test_an_unknown_link_freezes_nobody(paying: Flask, payee: Partner, token: str) -> None:
    for method in ("GET", "POST"):
        assert browser(paying).open(f"/partner/billing/freeze/{token}", method=method).status_code == 410
    assert db.session.scalar(select(BillingProfile)) is None


def test_a_link_is_good_for_ninety_days(
    paying: Flask, payee: Partner, give: Callable[..., CapturedMail], time_machine
) -> None:
    path = freeze_path(give())
    time_machine.move_to(clock.now() + timedelta(days=91))

    assert browser(paying).post(path).status_code == 410
    assert not payee_of(payee.id).frozen
    retention.erase_old()
    assert db.session.scalars(select(FreezeToken)).all() == []


def test_the_team_thaws_by_a_command_that_says_why(
    paying: Flask, payee: Partner, give: Callable[..., CapturedMail]
) -> None:
    browser(paying).post(freeze_path(give()))
    thaw = ["billing", "thaw", "alice@example.org", "--reason", "appelée, c’était elle"]

    run = paying.test_cli_runner().invoke(args=thaw)
    again = paying.test_cli_runner().invoke(args=thaw)

    assert (run.exit_code, again.exit_code) == (0, 1)
    assert payee_of(payee.id).missing == ("no_identity", "no_mandate", "no_bank")
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "billing.thaw")).one()
    assert (entry.actor, entry.reason) == ("cli", "appelée, c’était elle")


# What is forgotten


def test_erasure_takes_accounts_codes_and_links(
    paying: Flask, payee: Partner, payee_client: FlaskClient, give: Callable[..., CapturedMail]
) -> None:
    give()
    ask(payee_client, SECOND)

    post(payee_client, "/partner/erase", {"confirm": "EFFACER"})

    (account,) = accounts()
    assert (account.iban, account.iban_hash, account.holder) == (None, "", "")
    assert account.ended_at is not None
    assert db.session.scalars(select(BankRequest)).all() == []
    assert db.session.scalars(select(FreezeToken)).all() == []


def test_the_iban_of_an_ended_account_goes_after_thirteen_months(
    give: Callable[..., CapturedMail], time_machine
) -> None:
    give()
    give(SECOND)
    began = clock.now()
    for days, kept in ((390, True), (400, False)):
        time_machine.move_to(began + timedelta(days=days))
        retention.erase_old()
        assert (accounts()[0].iban is not None) is kept
        assert accounts()[1].iban is not None


def test_a_code_that_never_came_back_leaves_no_iban(payee_client: FlaskClient, time_machine) -> None:
    ask(payee_client)
    time_machine.move_to(clock.now() + timedelta(minutes=11))
    retention.erase_old()

    assert db.session.scalar(select(BankRequest)).iban is None
