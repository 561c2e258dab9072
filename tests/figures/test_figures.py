"""Sums of days and months are what a count says, whatever happened meanwhile, and wherever it happened."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, event, select, text, update

from contentflow.conversions.models import Conversion
from contentflow.core import clock
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.core.ids import new_id
from contentflow.figures import services, sources
from contentflow.figures.models import CLICKS, CUTS, By, FigureChange, FigureSum
from contentflow.ledger import commissions, double_entry
from contentflow.ledger import retention as ledger_retention
from contentflow.ledger import services as ledger
from contentflow.ledger.double_entry import Account
from contentflow.ledger.models import Commission, Source, TransactionKind
from contentflow.links import upkeep
from contentflow.links.models import LinkDay
from contentflow.links.verdicts import Verdict
from contentflow.mailing.models import Delivery
from contentflow.partners import erasure
from contentflow.sharekit import retention as share_retention
from contentflow.sharekit.models import ShareLog

EVERY: tuple[By, ...] = ("day", *CUTS)
FIRST, LAST = date(2026, 8, 20), date(2026, 11, 29)


def agrees(first: date = FIRST, last: date = LAST) -> bool:
    """Whether sums and a count of every row say the same, by every cut; some of it is there."""
    db.session.expire_all()
    for by in EVERY:
        counted = sources.count(by, [(first, last)])
        assert services.sums(by, first, last) == counted, by
    return bool(counted)


def work() -> int:
    """Sweep until all is summed up; a sweep ends after a second."""
    done = 0
    while more := services.sum_up():
        done += more
    return done


def notes() -> list[str]:
    return sorted(db.session.scalars(select(FigureChange.hour).distinct()))


@pytest.fixture
def life(app: Flask, alice: Any, bob: Any, alices_post: Any, click: Any, postback: Any) -> Any:
    """Return a function that does something of each kind at a moment."""
    chance = random.Random(19)

    def live(at: datetime) -> None:
        with time_machine.travel(at, tick=False):
            it = click(verdict=chance.choice(list(Verdict)))
            name = f"S-{at:%y%m%d%H%M}"
            postback(name, click_id=click(), amount_cents=chance.randint(1_000, 9_000))
            if chance.random() < 0.5:
                postback(name, "refund", 500)
            postback(f"N-{at:%y%m%d%H%M}")
            with transaction():
                for partner in (alice, bob):
                    made = {"partner_id": partner.id, "submission_id": alices_post.id}
                    db.session.add(ShareLog(**made, channel="copy", variant=chance.choice(("", "b"))))
                    state = chance.choice(("sent", "queued", "failed"))
                    hash = new_id()
                    db.session.add(Delivery(**made, kind="share", state=state, recipient_hash=hash))
            assert it

    return live


@pytest.fixture
def autumn(life: Callable[[datetime], None]) -> None:
    """Days of four months, some on both sides of midnight and of a change of the clocks."""
    for moment in (
        "2026-08-31 21:59", "2026-08-31 22:00", "2026-09-15 12:00", "2026-10-24 22:30", "2026-10-25 22:30",
        "2026-10-25 23:00", "2026-11-03 09:00", "2026-11-27 22:59", "2026-11-27 23:01",
    ):  # fmt: skip
        life(datetime.fromisoformat(moment).replace(tzinfo=UTC))


@pytest.fixture(autouse=True)
def late_in_november() -> Any:
    with time_machine.travel(datetime(2026, 11, 28, 17, tzinfo=UTC), tick=False):
        yield


def test_before_and_after_summing_up_the_figures_are_what_a_count_says(app: Flask, autumn):
    assert agrees()

    work()

    assert agrees() and agrees(date(2026, 9, 1), date(2026, 9, 30)) and agrees(date(2026, 8, 31), LAST)
    assert {day_of(hour) for hour in notes()} == {"2026-11-28", "2026-11"}


def day_of(hour: str) -> str:
    return sources.day_of(hour).isoformat() if len(hour) == sources.HOUR else hour


def test_what_is_over_is_read_from_the_sums_alone(app: Flask, autumn):
    work()
    with transaction():
        db.session.execute(update(FigureSum).values(presses=FigureSum.presses + 1_000))

    assert services.sums("day", date(2026, 9, 1), date(2026, 9, 30))["2026-09-15"]["presses"] > 1_000
    assert services.sums("day", date(2026, 11, 28), LAST)["2026-11-28"]["presses"] == 2


def test_whole_months_are_read_as_months_and_days_of_months_as_days(app: Flask, autumn):
    work()
    with transaction():
        db.session.execute(delete(FigureSum).where(FigureSum.span == "day"))

    assert services.sums("partner", date(2026, 9, 1), date(2026, 9, 30))
    assert services.sums("partner", date(2026, 9, 1), date(2026, 9, 29)) == {}
    assert services.sums("day", date(2026, 9, 1), date(2026, 9, 30)) == {}


def of_deliveries(**values: Any) -> Callable[[], object]:
    def act() -> None:
        with transaction():
            db.session.execute(update(Delivery).where(Delivery.state != "failed").values(**values))

    return act


def refund() -> None:
    with transaction():
        for one in db.session.scalars(select(Commission)):
            commissions.take([one], 100)


def pay() -> None:
    with transaction():
        for number, one in enumerate(db.session.scalars(select(Commission)).all()):
            legs = double_entry.move(one.id, Account.PENDING, Account.PAID, 50)
            at = clock.now() - timedelta(days=20 * number)
            commissions.post(f"payout:{number}", "payout", legs, one.partner_id, posted_at=at)


def move_sales() -> None:
    """To nobody, on no link."""
    with transaction():
        db.session.execute(update(Conversion).values(partner_id=None, link_id=None, channel=""))


def reclassify() -> None:
    which = upkeep.Which(since=datetime(2026, 9, 15, tzinfo=UTC), until=datetime(2026, 9, 16, tzinfo=UTC))
    assert upkeep.reclassify("valid", "fraud", which, "cli")


def hold() -> None:
    with transaction():
        for one in db.session.scalars(select(Commission)):
            commissions.move(one, Account.HELD, TransactionKind.HOLD)


def delete_of(model: Any) -> Callable[[], object]:
    def act() -> None:
        with transaction():
            db.session.execute(delete(model))

    return act


def later(act: Callable[[], object], days: int) -> Callable[[], object]:
    def then() -> None:
        with time_machine.travel(clock.now() + timedelta(days=days), tick=False):
            act()

    return then


ACTS: dict[str, Callable[[], object]] = {
    "mails leave": of_deliveries(state="sent"),
    "mails fail": of_deliveries(state="failed"),
    "mails have another variant": of_deliveries(variant="b"),
    "commissions are reversed": refund,
    "commissions are paid": pay,
    "commissions are held": hold,
    "sales are nobody's": move_sales,
    "clicks are judged anew": reclassify,
    "day sums of clicks go": delete_of(LinkDay),
    "shares are of long ago": later(share_retention.erase_old_shares, 400),
    "mails go": delete_of(Delivery),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_after_each_change_of_days_that_are_over_the_sums_agree(app: Flask, autumn, act: Any):
    work()
    assert agrees()

    act()

    assert agrees()
    work()
    assert agrees()


def test_what_the_ledger_folds_after_ten_years_is_in_no_sum(app: Flask, life):
    first, last = date(2014, 3, 1), date(2014, 6, 30)
    life(datetime(2014, 3, 15, 12, tzinfo=UTC))
    with time_machine.travel(datetime(2014, 6, 15, 12, tzinfo=UTC), tick=False):
        ledger.mature_due()
    work()
    assert agrees(first, last)

    assert ledger_retention.fold_old()

    assert agrees(first, last)
    work()
    assert agrees(first, last)
    assert not any(line.get("earned_cents") for line in services.sums("day", first, last).values())


def test_after_the_erasure_of_a_partner_the_sums_agree(app: Flask, autumn, alice):
    work()

    with transaction():
        erasure.begin(alice.id)
    assert erasure.finish(alice.id)

    assert agrees()
    work()
    assert agrees()


@pytest.mark.parametrize("what", ["press", "mail", "click", "commission", "sale of nobody"])
def test_one_row_more_of_a_day_that_is_over_is_counted(
    app: Flask, autumn, alices_post, click, postback, what: str
):
    work()
    made = {"partner_id": alices_post.partner_id, "submission_id": alices_post.id}
    with time_machine.travel(datetime(2026, 9, 15, 7, tzinfo=UTC), tick=False):
        if what == "click":
            click()
        elif what == "sale of nobody":
            postback("N-more")
        else:
            with transaction():
                if what == "press":
                    db.session.add(ShareLog(**made, channel="copy"))
                elif what == "mail":
                    db.session.add(Delivery(**made, kind="share", state="sent", recipient_hash="more"))
                else:
                    of = {"offer_id": alices_post.offer_id, "advertiser": "Nova", "channel": "copy"}
                    source = Source(key="more", kind="lead", day=clock.today(), holding_days=9, **made, **of)
                    commissions.add(source, [700])

    assert agrees()
    work()
    assert agrees()


@pytest.mark.parametrize("kind", [ShareLog, LinkDay, Conversion, Commission, Delivery])
def test_a_note_that_is_missing_is_noticed(app: Flask, autumn, kind: Any):
    """The comparison of these tests sees what no trigger had told."""
    work()
    column = {ShareLog: "channel", LinkDay: "verdict", Conversion: "channel", Commission: "channel"}
    if kind is Delivery:
        act = update(Delivery).values(state="sent", variant="c")
    else:
        act = update(kind).values({column[kind]: "bot" if kind is LinkDay else "x"})
    with transaction():
        if kind is LinkDay:
            db.session.execute(delete(LinkDay).where(LinkDay.verdict == "bot"))
            db.session.execute(delete(LinkDay).where(LinkDay.verdict != "valid"))
        db.session.execute(act)
        db.session.execute(delete(FigureChange))

    with pytest.raises(AssertionError):
        agrees()


def test_what_is_written_while_a_day_is_summed_up_is_counted_the_next_time(app: Flask, life, monkeypatch):
    moment = datetime(2026, 9, 15, 12, tzinfo=UTC)
    life(moment)
    count, calls = sources.count, []

    def count_and_write(by: By, spans: Any) -> Any:
        found = count(by, spans)
        if len(calls) < 2:
            calls.append(by)
            more = update(Commission).values(cents=Commission.cents + 1)
            if is_sqlite():  # Nobody else writes meanwhile: in the very transaction, as late as can be.
                db.session.execute(more)
            else:
                with db.engine.begin() as another:
                    another.execute(more)
        return found

    monkeypatch.setattr(sources, "count", count_and_write)
    with transaction():
        services._sum_up_day(date(2026, 9, 15))
    monkeypatch.undo()

    assert "2026-09-15 12" in notes()
    assert agrees()
    work()
    assert agrees()


def test_nothing_to_do_writes_nothing(app: Flask, autumn):
    work()
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))

    assert services.sum_up() == 0
    assert seen and not [one for one in seen if not one.startswith(("SELECT", "BEGIN"))]


def test_today_is_not_summed_up_and_is_once_it_is_over(app: Flask, life):
    life(clock.now())

    assert work() == 0
    with time_machine.travel(clock.now() + timedelta(days=1), tick=False):
        assert work() == 1
        assert agrees()
    with time_machine.travel(clock.now() + timedelta(days=4), tick=False):  # the month is over
        assert work() == 1
        assert agrees(date(2026, 11, 1), date(2026, 11, 30)) and notes() == []


def test_a_verdict_has_its_column(app: Flask):
    names = {column.key for column in services.COLUMNS}

    assert {f"{CLICKS}{verdict}" for verdict in Verdict} == {one for one in names if one.startswith(CLICKS)}
    assert set(sources.SOURCES) - {"clicks"} == {one for one in names if not one.startswith(CLICKS)}


def test_a_year_by_partner_asks_three_times(app: Flask, autumn):
    work()
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))

    services.sums("partner", date(2025, 12, 5), LAST)

    assert len([one for one in seen if one != "BEGIN"]) == 3


def test_the_migration_notes_every_row_that_counts(app: Flask, autumn):
    pay()
    (path,) = Path("migrations/versions").glob("0097_*.py")
    spec = importlib.util.spec_from_file_location("revision", path)
    assert spec and spec.loader
    revision: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(revision)
    with transaction():
        db.session.execute(delete(FigureChange))
        db.session.execute(text(revision.fill(is_sqlite())))

    work()

    assert agrees()
