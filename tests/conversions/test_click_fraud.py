"""Farms of clicks are held, and schools, offices and carriers are not."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text

from contentflow.byop import services as byop
from contentflow.byop.services import Draft
from contentflow.conversions import click_commissions, click_fraud
from contentflow.conversions.click_fraud import BusiestBlock, Group, judge
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.ledger import commissions, holds
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Source
from contentflow.links import services as links
from contentflow.links.clicks import intake
from contentflow.links.folding import fold
from contentflow.links.journal_lines import JournaledClick, to_line
from contentflow.links.models import Click
from contentflow.links.sums import microseconds
from contentflow.portal import services as portal

MORNING = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture
def many_links(app: Flask, alice: Any, alices_post: Any) -> list[Any]:
    """22 links of two of alice's posts, which pay 15 cents a click."""
    with transaction():
        other = byop.submit_post(alice.id, Draft(title="Un autre", nonce="second"))
        db.session.execute(text("UPDATE byop_submissions SET click_cents = 15"))
        ids = [alices_post.id, other.id]
    found = [link for id in ids for link in links.links_of(id).values() if link.channel != "direct"]
    db.session.rollback()
    return found[:22]


def write(link: Any, at: datetime, visitor: str, address: str = "", block: str = "") -> None:
    click = Click(
        link_id=link.id,
        partner_id=link.partner_id,
        clicked_at=at,
        verdict="valid",
        agent_class="mobile",
        visitor_hash=visitor,
        ip_hash=address or visitor,
        block_hash=block or address or visitor,
    )
    links.add_clicks([click])


def pay(days: int = 1) -> None:
    db.session.rollback()
    with time_machine.travel(MORNING + timedelta(days=days)):
        click_commissions.pay_closed_days()


def reasons() -> set[str]:
    return {hold.reason for hold, _ in holds.list_holds()}


def test_one_machine_on_22_links_for_19_hours_is_held_to_the_last_cent(
    app: Flask, alice: Any, many_links: list[Any]
) -> None:
    with transaction():
        for hour in range(19):
            for link in many_links:
                write(link, MORNING + timedelta(hours=hour, minutes=1), "machine")

    pay()

    assert ledger.balances(alice.id) == {
        "pending": 0,
        "held": 22 * 19 * 15,
        "available": 0,
        "paying": 0,
        "paid": 0,
    }
    assert reasons() == {"repeated", "network_block"}
    assert ledger.check_ledger() is None


def test_eight_clicks_of_one_visitor_on_as_many_links_are_held_among_a_few_others(
    app: Flask, alice: Any, many_links: list[Any]
) -> None:
    with transaction():
        for number in range(8):
            write(many_links[number], MORNING, "machine")
            write(many_links[0], MORNING, f"person {number}")

    pay()

    assert reasons() == {"repeated"}
    assert ledger.balances(alice.id)["pending"] == 0


def test_a_machine_that_changes_its_agent_is_known_by_its_address_and_block(
    app: Flask, alice: Any, many_links: list[Any]
) -> None:
    with transaction():
        for number in range(22):
            write(many_links[number], MORNING, f"agent {number}", "machine", "block")

    pay()

    assert reasons() == {"network_block"}
    assert ledger.balances(alice.id)["pending"] == 0


def test_what_the_journal_brings_late_is_judged_with_its_whole_day(
    app: Flask, alice: Any, many_links: list[Any]
) -> None:
    with transaction():
        for number in range(7):
            write(many_links[number], MORNING, "machine")
    pay()
    assert (ledger.balances(alice.id)["pending"], reasons()) == (105, set())

    for number in range(7, 12):
        click = JournaledClick(
            id=many_links[number].code + new_id()[:15],
            at_us=microseconds(MORNING),
            verdict="valid",
            agent_class="mobile",
            is_attributed=True,
            visitor_hash="machine",
            ip_hash="machine",
            block_hash="machine",
        )
        intake().journal.append(to_line(click))
    assert fold() == 5
    pay(2)

    assert ledger.balances(alice.id) == {"pending": 0, "held": 180, "available": 0, "paying": 0, "paid": 0}
    assert reasons() == {"repeated"}


def test_clicks_of_which_nobody_can_tell_the_block_are_one_block(
    app: Flask, alice: Any, many_links: list[Any]
) -> None:
    with transaction():
        for number in range(22):
            write(many_links[number], MORNING, "x")
        db.session.flush()
        db.session.execute(text("UPDATE clicks SET visitor_hash = NULL, ip_hash = NULL, block_hash = NULL"))

    pay()

    assert reasons() == {"network_block"}


def test_a_few_clicks_a_day_out_of_one_block_are_held_on_the_fourth_day_with_those_before(
    app: Flask, alice: Any, many_links: list[Any]
) -> None:
    for day in range(4):
        with transaction():
            for number in range(5):
                at = MORNING + timedelta(days=day)
                write(many_links[number], at, f"agent {day} {number}", f"machine {day}")
        pay(day + 1)
        if day < 3:
            assert reasons() == set()

    assert reasons() == {"steady_block"}
    assert ledger.balances(alice.id) == {"pending": 0, "held": 300, "available": 0, "paying": 0, "paid": 0}


def test_the_budget_goes_to_the_earliest_clicks_whatever_link_they_are_on(
    app: Flask, alice: Any, bob: Any, many_links: list[Any]
) -> None:
    with transaction():
        db.session.execute(text("UPDATE offers SET daily_budget_cents = 50"))
        bobs = byop.submit_post(bob.id, Draft(title="De Bob", nonce="bob"))
        db.session.execute(text("UPDATE byop_submissions SET click_cents = 15"))
        early = links.links_of(bobs.id)["x"]
        db.session.flush()
        for number, link in enumerate([many_links[0], early, early, many_links[1], many_links[2]]):
            write(link, MORNING + timedelta(minutes=number), f"person {number}")

    pay()

    assert ledger.balances(alice.id)["pending"] == 15
    assert ledger.balances(bob.id)["pending"] == 30


def test_raising_the_budget_pays_nothing_of_the_past_and_counts_from_the_next_day(
    app: Flask, alice: Any, many_links: list[Any]
) -> None:
    for day in range(2):
        with transaction():
            db.session.execute(text(f"UPDATE offers SET daily_budget_cents = {50 if day == 0 else 10_000}"))
            for number in range(5):
                write(many_links[number], MORNING + timedelta(days=day), f"person {day} {number}")
        pay(day + 1)

    pay(5)

    assert ledger.balances(alice.id)["pending"] == 45 + 75


def test_a_click_that_comes_late_finds_no_budget_that_others_had(
    app: Flask, alice: Any, many_links: list[Any]
) -> None:
    with transaction():
        db.session.execute(text("UPDATE offers SET daily_budget_cents = 30"))
        for number in (1, 2):
            write(many_links[number], MORNING, f"person {number}")
    pay()
    with transaction():
        write(many_links[3], MORNING - timedelta(hours=1), "early and late")

    pay(2)

    assert ledger.balances(alice.id)["pending"] == 30


def test_after_an_erasure_no_click_is_credited(app: Flask, alice: Any, many_links: list[Any]) -> None:
    with transaction():
        write(many_links[0], MORNING, "person")
    with transaction():
        portal.erase(alice.id, "ERASE")

    pay()

    assert sum(ledger.balances(alice.id).values()) == 0


def test_clicks_that_sell_nothing_where_others_sell_are_held(
    app: Flask, alice: Any, bob: Any, many_links: list[Any], offer: Any
) -> None:
    with transaction():
        _credit(bob.id, many_links[0], offer, "clicks", 1_000)
        for number in range(10):
            _credit(bob.id, many_links[0], offer, "sale", 1, str(number))
        _credit(alice.id, many_links[0], offer, "clicks", 699)
    assert not click_fraud.sells_nothing(alice.id, offer.id)

    with transaction():
        _credit(alice.id, many_links[0], offer, "clicks", 1, "more")

    assert click_fraud.sells_nothing(alice.id, offer.id)
    assert not click_fraud.sells_nothing(bob.id, offer.id)


def _credit(partner_id: str, link: Any, offer: Any, kind: str, units: int, name: str = "") -> None:
    source = Source(
        key=f"test:{partner_id}:{kind}:{name}",
        kind=kind,
        partner_id=partner_id,
        submission_id=link.submission_id,
        offer_id=offer.id,
        advertiser="Nova",
        channel="x",
        day=clock.today(),
        holding_days=30,
        units=units,
    )
    commissions.add(source, [units])


# What honest traffic looks like; each figure is rough and chosen to be hard on the rules.
IPHONES = [f"iPhone {number}" for number in range(4)]  # Safari's agent says little: many share one.
PHONES = [f"phone {number}" for number in range(400)]


def agent(chance: random.Random) -> str:
    return chance.choice(IPHONES if chance.random() < 0.4 else PHONES)


def carrier(chance: random.Random) -> tuple[str, str]:
    """Behind one of four carriers: 60 blocks each that hide thousands, or a block of one's own."""
    if chance.random() < 0.7:
        block = f"carrier {chance.randrange(4)} {chance.randrange(60)}"
        return block, f"{block} {chance.randrange(256)}"
    return (home := f"home {chance.randrange(10**9)}"), home


def day_of(chance: random.Random, outside: int, inside: int = 0, posts: int = 3) -> list[Group]:
    """``inside`` clicks come through one address (a school, an office), the others from anywhere."""
    seen: set[tuple[str, str, int, int]] = set()
    groups: Counter[tuple[str, str, str]] = Counter()
    for number in range(outside + inside):
        block, address = ("nat", "nat") if number < inside else carrier(chance)
        name = f"{address} {agent(chance)}"
        click = (address, name, chance.randrange(posts), chance.randrange(8 if number < inside else 16))
        if click not in seen:  # A second one within the hour is a duplicate.
            seen.add(click)
            groups[block, address, name] += 1
    return [Group(*key, clicks) for key, clicks in groups.items()]


@pytest.mark.parametrize("outside", [3, 10, 30, 100, 1_000, 5_000])
def test_a_creator_whose_people_come_over_carriers_is_never_held(outside: int) -> None:
    chance = random.Random(outside)

    held = [day for _ in range(200 if outside < 1_000 else 10) if (day := judge(day_of(chance, outside)))]

    assert held == []


@pytest.mark.parametrize(("people", "outside"), [(6, 0), (12, 3), (18, 0), (15, 40), (40, 60), (60, 200)])
def test_an_office_that_opens_a_link_is_not_held(people: int, outside: int) -> None:
    chance = random.Random(people)

    held = [day for _ in range(200) if (day := judge(day_of(chance, outside, people, posts=1)))]

    assert len(held) <= 2


@pytest.mark.parametrize(("pupils", "outside"), [(30, 60), (60, 100), (120, 300)])
def test_a_school_behind_one_address_is_not_held_beside_others(pupils: int, outside: int) -> None:
    chance = random.Random(pupils)

    held = [day for _ in range(200) if (day := judge(day_of(chance, outside, pupils, posts=2)))]

    assert len(held) <= 200 // 20


def test_a_week_of_few_people_is_not_held_and_an_offices_one_day_neither() -> None:
    assert not click_fraud.is_steady([BusiestBlock(4, 1)] * 7)
    assert not click_fraud.is_steady([BusiestBlock(8, 3)] * 7)
    assert not click_fraud.is_steady([BusiestBlock(1, 1)] * 7)
    assert not click_fraud.is_steady([BusiestBlock(15, 14)] + [BusiestBlock(3, 1)] * 6)
    assert click_fraud.is_steady([BusiestBlock(4, 4)] * 4)


def test_a_farm_beside_many_people_is_held_too() -> None:
    chance = random.Random(1)
    one_agent = [Group("block", "machine", "machine", 100)]
    many_agents = [Group("block", "machine", f"agent {number}", 1) for number in range(418)]

    assert "repeated" in judge([*day_of(chance, 3_000), *one_agent])
    assert "repeated" in judge([*day_of(chance, 3_000), *many_agents])
