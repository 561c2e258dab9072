"""The second factor: each code counts once, five wrong ones end it for ten minutes, and it can be lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pyotp
import pytest
import time_machine
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.core.ids import digest
from contentflow.mailing.models import CapturedMail
from contentflow.partners import accounts, second_factor, services
from contentflow.partners.errors import FactorLocked, FactorStands, NoFactor
from contentflow.partners.models import Partner, PartnerSession, RecoveryCode, SecondFactor
from tests.house import run_work

START = clock.now().replace(microsecond=0, second=0)


@pytest.fixture(autouse=True)
def frozen() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(START, tick=False) as moment:
        yield moment


@pytest.fixture
def session(olga: Partner) -> str:
    with transaction():
        return digest(services.open_session(olga.id))


@pytest.fixture
def key(session: str) -> str:
    return second_factor.offered_key(session)


@pytest.fixture
def recovery(olga: Partner, key: str, session: str, frozen: time_machine.Coordinates) -> list[str]:
    """Set up, a minute ago."""
    with transaction():
        codes = second_factor.confirm(olga.id, code_of(key), session)
    frozen.shift(60)
    assert codes is not None
    return codes


def code_of(key: str, seconds: int = 0) -> str:
    return pyotp.TOTP(key).at(clock.now() + timedelta(seconds=seconds))


def tried(partner: Partner, code: str, session: str) -> bool:
    with transaction():
        return second_factor.check(partner.id, code, session)


def passed_at(session: str) -> object:
    return db.session.scalar(
        select(PartnerSession.second_factor_at).where(PartnerSession.token_hash == session)
    )


def test_the_key_is_kept_encrypted(olga, key, recovery):
    assert key.encode() not in db.session.get_one(SecondFactor, olga.id).secret


def test_each_session_is_offered_a_key_of_its_own_and_nothing_is_written(olga, key, session):
    assert second_factor.offered_key(session) == key
    assert second_factor.offered_key("another") != key
    assert db.session.scalars(select(SecondFactor)).all() == []


def test_the_key_of_the_session_that_gives_the_code_is_the_one_that_stays(olga, key, session):
    with transaction():
        other = digest(services.open_session(olga.id))
        assert second_factor.confirm(olga.id, "000000", other) is None

    with transaction():
        assert second_factor.confirm(olga.id, code_of(key), session)


def test_a_right_code_passes_this_session_alone(olga, key, recovery, session):
    with transaction():
        other = digest(services.open_session(olga.id))

    assert tried(olga, code_of(key), session)
    assert passed_at(session) == clock.now() and passed_at(other) is None


@pytest.mark.parametrize("seconds", [-30, 0, 30])
def test_a_clock_that_goes_half_a_minute_wrong_is_right(olga, key, recovery, session, seconds):
    assert tried(olga, code_of(key, seconds), session)


@pytest.mark.parametrize("seconds", [-90, 90])
def test_a_code_of_another_time_is_wrong(olga, key, recovery, session, seconds):
    assert not tried(olga, code_of(key, seconds), session)


def test_a_code_counts_once_and_those_before_it_no_more(olga, key, recovery, session):
    before, now = code_of(key, -30), code_of(key)

    assert tried(olga, now, session)
    assert not tried(olga, now, session)
    assert not tried(olga, before, session)


def test_the_code_of_the_set_up_does_not_pass_again(olga, key, session):
    code = code_of(key)
    with transaction():
        assert second_factor.confirm(olga.id, code, session)

    assert not tried(olga, code, session)


@pytest.mark.parametrize("typed", ["123 456", " 123456 ", "123\u00a0456"])
def test_blanks_in_a_code_do_not_count(olga, key, recovery, session, monkeypatch, typed):
    monkeypatch.setattr(pyotp.TOTP, "generate_otp", lambda self, step: "123456")

    assert tried(olga, typed, session)


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "\x00", "0" * 10_000])
def test_what_is_no_code_is_wrong(olga, key, recovery, session, typed):
    assert not tried(olga, typed, session)


def test_five_wrong_codes_then_ten_minutes_for_right_ones_too(olga, key, recovery, session, frozen):
    for _ in range(5):
        assert not tried(olga, "000000", session)

    with pytest.raises(FactorLocked) as refusal:
        tried(olga, code_of(key), session)
    assert 0 < refusal.value.retry_after_seconds <= 601
    frozen.shift(601)
    assert tried(olga, code_of(key), session)


def test_a_right_code_forgives_the_wrong_ones_before(olga, key, recovery, session, frozen):
    for _ in range(2):
        for _ in range(4):
            assert not tried(olga, "000000", session)
        assert tried(olga, code_of(key), session)
        frozen.shift(60)


def test_a_clock_that_was_ahead_locks_nobody_for_longer(olga, key, recovery, session, frozen):
    with transaction():
        db.session.get_one(SecondFactor, olga.id).locked_until = clock.now() + timedelta(days=365)

    assert tried(olga, code_of(key), session)


def test_a_recovery_code_passes_once_however_it_is_typed(olga, recovery, session):
    assert len(set(recovery)) == 10
    assert tried(olga, recovery[3].lower().replace("-", " "), session)
    assert not tried(olga, recovery[3], session)
    assert second_factor.codes_left(olga.id) == 9


def test_new_recovery_codes_end_the_old_ones(olga, recovery, session):
    with transaction():
        new = second_factor.renew_recovery(olga.id)

    assert not tried(olga, recovery[0], session)
    assert tried(olga, new[0], session)


def test_a_recovery_code_is_nobody_elses(olga, alice, recovery, session):
    with transaction():
        theirs = digest(services.open_session(alice.id))
        assert second_factor.confirm(alice.id, code_of(second_factor.offered_key(theirs)), theirs)

    assert not tried(alice, recovery[0], theirs)


def test_nobody_passes_without_a_factor_or_before_it_is_confirmed(olga, alice, key, session):
    with transaction():
        assert second_factor.confirm(olga.id, "000000", session) is None
    for person in (olga, alice):
        with pytest.raises(NoFactor):
            tried(person, code_of(key), session)


def test_a_second_set_up_is_refused(olga, key, recovery, session):
    with pytest.raises(FactorStands), transaction():
        second_factor.confirm(olga.id, code_of(key), session)


def test_a_reset_takes_all_away_ends_sessions_tells_the_person_and_the_audit(
    app, run, olga, recovery, session
):
    run("partner", "second-factor-reset", "olga@example.org", "--reason", "téléphone perdu")
    run_work(app)

    assert db.session.get(SecondFactor, olga.id) is None
    assert db.session.scalars(select(RecoveryCode)).all() == []
    assert db.session.get_one(PartnerSession, session).revoked_at is not None
    mail = db.session.scalars(select(CapturedMail)).one()
    assert mail.recipient == "olga@example.org" and "second facteur" in mail.subject
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "second_factor.reset")).one()
    assert (entry.actor, entry.subject, entry.reason) == ("cli", olga.id, "téléphone perdu")


def test_a_reset_without_a_factor_is_refused_and_mails_nobody(app, run, olga):
    run("partner", "second-factor-reset", "olga@example.org", ok=False)
    run_work(app)

    assert db.session.scalars(select(CapturedMail)).all() == []


def test_an_erased_person_leaves_no_factor(olga, recovery, alice):
    with transaction():
        accounts.set_role("alice@example.org", accounts.TeamRole.OWNER, "cli")
        services.erase_partner(olga.id)

    assert db.session.scalars(select(SecondFactor)).all() == []
    assert db.session.scalars(select(RecoveryCode)).all() == []
