"""Whatever partners, readers and the clock do, and in whatever order: nobody is mailed who must not be.

The model keeps what people said; each mail that leaves is judged by it at the moment it leaves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from contentflow.consent import services as consents
from contentflow.contacts import invitations
from contentflow.contacts import services as contacts
from contentflow.contacts.judging import Entry, add_entries
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.core.ids import new_id
from contentflow.mailing import transports
from contentflow.mailing.addresses import parse_addresses
from contentflow.mailing.messages import Message
from contentflow.mailing.models import Delivery
from contentflow.mailing.transports import SendOutcome
from contentflow.partners import locks
from contentflow.partners.models import Partner
from contentflow.sharekit import emails, quota, sends
from contentflow.web import limits
from tests.factories.partners import PartnerFactory
from tests.factories.posts import PostFactory
from tests.house import run_work

CAP, INVITES = 2, 2
DAY = timedelta(hours=24)
START = datetime(2027, 3, 1, 9, 0, tzinfo=clock.FRANCE)
PARTNERS, ADDRESSES, POSTS = range(2), range(5), range(2)

partners = st.sampled_from(PARTNERS)
people = st.sampled_from(ADDRESSES)
several = st.lists(people, min_size=1, max_size=5, unique=True)


class Readers:
    """What everybody said, and every mail that left: the oracle."""

    def __init__(self) -> None:
        self.yes: set[tuple[str, str]] = set()
        self.stopped: dict[str, set[str]] = defaultdict(set)
        self.refused: set[str] = set()
        self.bounced: set[str] = set()
        self.left: list[tuple[str, str, str, str | None, datetime]] = []
        self.links: dict[tuple[str, str], dict[str, str]] = {}

    def judge(self, delivery: Delivery, to: str, now: datetime) -> None:
        partner, kind, post = delivery.partner_id, delivery.kind, delivery.submission_id
        assert partner is not None
        assert to not in self.bounced, "mailed a dead address"
        assert not self.stopped[to] & {partner, "*"}, "mailed somebody who said stop"
        same_kind = [one for one in self.left if one[1] == kind and one[0] == partner]
        day = [one for one in same_kind if one[4] > now - DAY]
        if kind == "share":
            shares = [one for one in self.left if one[1] == "share" and one[2] == to]
            assert (partner, to) in self.yes or not shares, "a second mail without a yes"
            assert post not in [one[3] for one in shares], "the same post twice"
            assert len(day) < CAP, "over the cap"
        else:
            asked = [one for one in self.left if one[1] == "invitation" and one[2] == to]
            assert to not in self.refused, "asked somebody who had said no"
            assert partner not in [one[0] for one in asked], "asked twice by one partner"
            assert not [one for one in asked if one[4] > now - timedelta(days=30)], "asked twice in 30 days"
            assert len(day) < INVITES, "over the invitations of a day"
        self.left.append((partner, kind, to, post, now))

    def note_links(self, partner: str, to: str, message: Message) -> None:
        found = re.findall(r"/(subscribe|unsubscribe)/([\w-]{43})", message.text)
        self.links[partner, to] = self.links.get((partner, to), {}) | dict(found)


class Post:
    """The mail service: judges each mail as it leaves."""

    name = "smtp"
    knows_again = True

    def __init__(self, readers: Readers) -> None:
        self.readers = readers

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome:
        delivery = db.session.get(Delivery, delivery_id)
        assert delivery is not None
        try:
            self.readers.judge(delivery, to, clock.now())
            self.readers.note_links(delivery.partner_id or "", to, message)
        except AssertionError as error:
            WRONG.append(str(error))
        return SendOutcome("sent")


WRONG: list[str] = []


class Programme(RuleBasedStateMachine):
    """Each run has people of its own, later than the run before: no clock goes back."""

    app: Flask
    readers: Readers
    start = START
    left = 0

    @initialize()
    def begin(self) -> None:
        WRONG.clear()
        self.readers = type(self).readers = Readers()
        self.clock = time_machine.travel(self.start, tick=False)
        self.now = self.clock.start()
        run = new_id()[:8].lower()
        self.partners = [PartnerFactory(email=f"p{one}-{run}@example.org") for one in PARTNERS]
        self.posts = [[PostFactory(partner_id=one.id, title="x") for _ in POSTS] for one in self.partners]
        self.addresses = [f"r{one}-{run}@example.org" for one in ADDRESSES]
        self.sends: list[tuple[str, str]] = []
        for partner in PARTNERS:
            self.import_people(partner, list(ADDRESSES), "amis")
        self.invite(0, [0, 1, 2])
        self.time_passes(1, True)

    def teardown(self) -> None:
        if hasattr(self, "clock"):
            type(self).left += len(self.readers.left)
            type(self).start = clock.now() + 40 * DAY
            self.clock.stop()
        assert WRONG == []

    def _try(self, act: Any) -> Any:
        try:
            with transaction():
                return act()
        except Refused:
            return None

    @rule(partner=partners, who=several, tag=st.sampled_from(["", "amis"]))
    def import_people(self, partner: int, who: list[int], tag: str) -> None:
        before = self._states(partner)

        def act() -> None:
            locks.lock_active(self.partners[partner].id)
            entries = [
                Entry(
                    n,
                    self.addresses[one].upper() if n % 2 else self.addresses[one],
                    "",
                    (tag,) if tag else (),
                )
                for n, one in enumerate(who)
            ]
            add_entries(self.partners[partner].id, entries, "import")

        self._try(act)
        after = self._states(partner)
        assert {key: after[key] for key in before} == before, "an import changed a state"

    def _states(self, partner: int) -> dict[str, str]:
        db.session.rollback()
        book = contacts.book(self.partners[partner].id)
        return {one.id: one.state for one in book.page.rows}

    @rule(partner=partners, who=several)
    def invite(self, partner: int, who: list[int]) -> None:
        own = self.partners[partner].id
        wanted = {self.addresses[one] for one in who}
        ids = [one.id for one in contacts.book(own).page.rows if (one.address or "").lower() in wanted]
        if ids:
            self._try(
                lambda: invitations.invite(db.session.get_one(Partner, own), ids, "", True, new_id(), "fr")
            )

    @rule(partner=partners, who=people, word=st.sampled_from(["yes", "no"]))
    def answer(self, partner: int, who: int, word: str) -> None:
        key, to = self.partners[partner].id, self.addresses[who]
        token = self.readers.links.get((key, to), {}).get("subscribe")
        if token is None:
            return
        if (
            self._try(lambda: (consents.subscribe if word == "yes" else consents.refuse)(token) or True)
            is None
        ):
            return
        if word == "yes":
            self.readers.stopped[to].discard(key)
            self.readers.refused.discard(to) if not self._others_refused(key, to) else None
            self.readers.yes.add((key, to))
        else:
            self.readers.yes.discard((key, to))
            self.readers.stopped[to].add(key)
            self.readers.refused.add(to)

    def _others_refused(self, partner: str, to: str) -> bool:
        """Whether somebody else's question was answered with no: asked of the product's own list."""
        return bool(consents.refused_by([_hash(to)]))

    @rule(partner=partners, who=people, scope=st.sampled_from(["partner", "all"]))
    def unsubscribe(self, partner: int, who: int, scope: str) -> None:
        key, to = self.partners[partner].id, self.addresses[who]
        token = self.readers.links.get((key, to), {}).get("unsubscribe")
        if token is None:
            return
        self._try(lambda: consents.unsubscribe(token, only_partner=scope == "partner"))
        self.readers.stopped[to].add(key if scope == "partner" else "*")
        gone = {one for one in self.readers.yes if one[1] == to and scope == "all"} | {(key, to)}
        self.readers.yes -= gone

    @rule(who=people)
    def bounce(self, who: int) -> None:
        self._try(lambda: consents.suppress(self.addresses[who], cause="bounce"))
        self.readers.bounced.add(self.addresses[who])

    @rule(
        partner=partners,
        post=st.sampled_from(POSTS),
        who=st.lists(people, max_size=4, unique=True),
        by_tag=st.booleans(),
        hours=st.sampled_from([None, None, 1, 20, 30, 100]),
    )
    def share(self, partner: int, post: int, who: list[int], by_tag: bool, hours: int | None) -> None:
        own = self.partners[partner].id
        due_at = clock.now() + timedelta(hours=hours) if hours else None
        parsed = parse_addresses("\n".join(self.addresses[one] for one in who))
        audience = emails.Audience(parsed, ["amis"] if by_tag else [], [], due_at)

        def act() -> str:
            nonce = new_id()
            planned = emails.plan(own, self.posts[partner][post].id, audience, nonce)
            return quota.send_within_cap(db.session.get_one(Partner, own), planned, "fr", nonce, False)

        with self.app.test_request_context():
            if send_id := self._try(act):
                self.sends.append((own, send_id))

    @rule(number=st.integers(0, 20))
    def cancel(self, number: int) -> None:
        if self.sends:
            own, send_id = self.sends[number % len(self.sends)]
            self._try(lambda: sends.cancel_send(own, send_id))

    @rule(
        hours=st.sampled_from([0.1, 1, 6, 23, 25, 24 * 31]), worker_works=st.sampled_from([True, True, False])
    )
    def time_passes(self, hours: float, worker_works: bool) -> None:
        self.now.shift(timedelta(hours=hours))
        db.session.rollback()
        if worker_works:
            run_work(self.app)
            invitations.expire_unanswered()
        assert WRONG == []


def _hash(address: str) -> str:
    from contentflow.mailing.recipients import recipient_hash

    return recipient_hash(address)


@pytest.mark.proof
def test_no_sequence_of_acts_mails_somebody_it_must_not(
    make_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(SHARE_EMAIL_DAILY_LIMIT=str(CAP), INVITES_PER_DAY=str(INVITES))
    monkeypatch.setattr(limits, "database_now", lambda: clock.now().timestamp())
    monkeypatch.setattr(transports, "chosen", lambda: Post(Programme.readers))
    Programme.app = app
    Programme.readers = Readers()
    with app.app_context():
        from tests.factories.offers import OfferFactory

        OfferFactory()
        run_state_machine_as_test(
            Programme,
            settings=settings(
                max_examples=20,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    assert Programme.left > 40, "too few mails left to have proved anything"
