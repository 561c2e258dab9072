"""An act that began before the end of an account or of a post comes before it or is refused, never into it.

Two connections, on SQLite and on PostgreSQL: one ends the account or the post and does not commit yet; the
other has begun its request, its session still alive. Then the first commits.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from contentflow.byop import services as byop
from contentflow.contacts.models import Contact, ContactImport
from contentflow.core.broker import broker
from contentflow.core.db import Base, db, is_sqlite, transaction
from contentflow.core.errors import Refused
from contentflow.mailing import sending, transports
from contentflow.mailing.models import Delivery
from contentflow.partners import erasure
from contentflow.partners import services as partners
from contentflow.pipeline import queue
from contentflow.pipeline import services as pipeline
from contentflow.pipeline.models import Asset
from contentflow.pipeline.renders import RenderResult
from contentflow.portal import services as portal
from contentflow.publishing.models import Assignment, SocialAccount
from tests.house import csrf, post

OWN = ("byop_submissions", "assets", "links", "contact_share_logs", "deliveries", "consent_proofs")
OWN += ("partner_sessions", "login_requests", "login_tokens", "first_contacts")
OWN += ("contacts", "contact_imports", "invitations", "assignments", "partner_accounts", "connect_requests")
CONTACT, IMPORT, ASSIGNMENT, ACCOUNT = "C" * 22, "I" * 22, "A" * 22, "S" * 22
Act = Callable[[], object]
WORDS = {"title": "Secret words", "description": "", "hashtags": "", "cta": ""}


def rows() -> dict[str, list[str]]:
    """Every row that a partner's act may write, as text."""
    db.session.rollback()
    wanted = [table for table in Base.metadata.sorted_tables if table.name in OWN]
    found = {table.name: sorted(map(str, db.session.execute(table.select()))) for table in wanted}
    db.session.rollback()
    return found


class Meanwhile(threading.Thread):
    """Another connection's act; ``outcome`` is what it returned, or the refusal it met."""

    def __init__(self, app: Flask, act: Act) -> None:
        super().__init__(daemon=True)
        self.app, self.act, self.outcome = app, act, None

    def run(self) -> None:
        with self.app.app_context():
            try:
                self.outcome = self.act()
            except Exception as error:
                self.outcome = error
            finally:
                db.session.remove()


def is_waiting() -> bool:
    """Whether somebody waits for our lock. SQLite does not tell: there the test gives it time."""
    if is_sqlite():
        return False
    with db.engine.connect() as connection:
        wanted = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        return bool(connection.execute(text(wanted + " AND wait_event_type = 'Lock'")).scalar())


def overtake(app: Flask, end: Act, act: Act) -> Any:
    """Let ``act`` begin while ``end`` is not committed; return its outcome and the rows before and after."""
    other = Meanwhile(app, act)
    with transaction():
        end()
        db.session.flush()
        other.start()
        deadline = time.monotonic() + (0.4 if is_sqlite() else 5)
        while other.is_alive() and not is_waiting() and time.monotonic() < deadline:
            time.sleep(0.02)
    ended = rows()
    other.join(15)
    assert not other.is_alive()
    assert not isinstance(other.outcome, Exception) or isinstance(other.outcome, Refused), other.outcome
    return other.outcome, ended, rows()


@pytest.fixture
def sent(alice_client: FlaskClient, alices_post: Any) -> str:
    """A send of alice's that waits."""
    fields = {"sid": alices_post.id, "emails": "friend@example.org", "consent": "1", "nonce": "n1"}
    assert post(alice_client, "/byop/email", fields).status_code == 303
    return str(db.session.scalars(db.select(Delivery.send_id)).one())


@pytest.fixture
def film(app: Flask, alices_post: Any) -> Any:
    """Alice's post has a clip that waits for approval, and its original is here."""
    with transaction():
        asset = db.session.get_one(Asset, alices_post.asset_id)
        asset.has_video, asset.state, asset.render_id = True, "ready", "R" * 22
        asset.result = RenderResult(covers=3, start=0.0, framing="crop")
        asset.details = {**asset.details, "download_url": "https://video.example.com/1"}
    return alices_post


@pytest.fixture
def rests(alice: Any, alices_post: Any) -> None:
    """Alice has a contact, a file that waits to be imported, an account and a publication on it."""
    hers = {"partner_id": alice.id}
    with transaction():
        db.session.add(
            Contact(id=CONTACT, address_hash="c", address="friend@example.net", origin="add", **hers)
        )
        content = b"email\nother@example.net\n"
        db.session.add(
            ContactImport(id=IMPORT, file_sha256="f", mapping="", content=content, state="preview", **hers)
        )
        account = {"platform": "mastodon", "host": "social.example", "remote_id": "1", "handle": "@alice"}
        db.session.add(SocialAccount(id=ACCOUNT, **account, **hers))
        db.session.flush()
        db.session.add(
            Assignment(
                id=ASSIGNMENT,
                submission_id=alices_post.id,
                account_id=ACCOUNT,
                platform="mastodon",
                state="scheduled",
                what="words",
                text="Secret words",
                nonce="a",
                remote_key="k",
                publish_at=alices_post.created_at,
                **hers,
            )
        )


def film_body() -> dict[str, Any]:
    return {"video": (io.BytesIO(b"a film"), "film.mp4"), "title": "Secret words", "nonce": "late"}


ACTS: dict[str, Callable[[str, str], tuple[str, dict[str, Any]]]] = {
    "submit": lambda sid, send: ("/byop/submit", {"title": "Secret words", "nonce": "other"}),
    "upload": lambda sid, send: ("/byop/submit", film_body()),
    "edit": lambda sid, send: ("/byop/edit", {"sid": sid, **WORDS}),
    "send again": lambda sid, send: ("/byop/send-again", {"sid": sid}),
    "archive": lambda sid, send: ("/byop/archive", {"sid": sid}),
    "approve": lambda sid, send: ("/byop/approve", {"sid": sid}),
    "cover": lambda sid, send: ("/byop/cover", {"sid": sid, "cover": "2"}),
    "retry": lambda sid, send: ("/byop/retry", {"sid": sid, "framing": "blur"}),
    "withdraw": lambda sid, send: ("/byop/withdraw", {"sid": sid}),
    "another video": lambda sid, send: (
        "/byop/video",
        {"sid": sid, "source_url": "https://video.example.com/2"},
    ),
    "another file": lambda sid, send: ("/byop/video", {"sid": sid, **film_body()}),
    "want mail": lambda sid, send: ("/byop/want-mail", {"sid": sid}),
    "log": lambda sid, send: ("/byop/log", {"sid": sid, "ch": "copy"}),
    "second version": lambda sid, send: (
        "/byop/variants",
        {"sid": sid, "hook": "Secret words", "cover": "0"},
    ),
    "use a version": lambda sid, send: ("/byop/variants/use", {"sid": sid, "use": "both"}),
    "e-mail": lambda sid, send: (
        "/byop/email",
        {"sid": sid, "emails": "late@example.org", "consent": "1", "nonce": "n2"},
    ),
    "cancel": lambda sid, send: ("/byop/email/cancel", {"send": send}),
    "add contacts": lambda sid, send: ("/partner/contacts/add", {"emails": "late@example.net"}),
    "tag": lambda sid, send: ("/partner/contacts/tag", {"contact": CONTACT, "tags": "secret"}),
    "forget": lambda sid, send: ("/partner/contacts/forget", {"contact": CONTACT}),
    "invite": lambda sid, send: (
        "/partner/contacts/invite",
        {"contact": CONTACT, "consent": "1", "nonce": "n3"},
    ),
    "a file": lambda sid, send: (
        "/partner/contacts/import",
        {"file": (io.BytesIO(b"email\nsecret@example.net\n"), "late.csv"), "nonce": "n4"},
    ),
    "import": lambda sid, send: (f"/partner/contacts/import/{IMPORT}/start", {"email": "1"}),
    "stop importing": lambda sid, send: (f"/partner/contacts/import/{IMPORT}/stop", {}),
    "connect": lambda sid, send: (
        "/partner/accounts/connect",
        {"platform": "mastodon", "host": "late.example"},
    ),
    "disconnect": lambda sid, send: ("/partner/accounts/disconnect", {"account": ACCOUNT}),
    "publish": lambda sid, send: (
        "/byop/publish",
        {"sid": sid, "platform": "instagram", "what": "text", "when": "now", "nonce": "n5"},
    ),
    "move": lambda sid, send: (
        "/byop/publish/move",
        {"assignment": ASSIGNMENT, "at": "2030-01-01T10:00", "zone": "Europe/Paris"},
    ),
    "do not publish": lambda sid, send: ("/byop/publish/cancel", {"assignment": ASSIGNMENT}),
    "answer": lambda sid, send: ("/byop/publish/answer", {"assignment": ASSIGNMENT, "there": "no"}),
    "delete there": lambda sid, send: ("/byop/publish/delete", {"assignment": ASSIGNMENT}),
}
OF_A_POST = (
    "edit",
    "approve",
    "withdraw",
    "another video",
    "another file",
    "cover",
    "retry",
    "second version",
    "log",
    "e-mail",
    "publish",
)


def request_of(client: FlaskClient, url: str, fields: dict[str, Any]) -> Act:
    data = {"csrf_token": csrf(client), **fields}
    return lambda: client.post(url, data=data).status_code


@pytest.mark.parametrize("name", ACTS)
def test_nothing_is_done_in_the_name_of_a_person_who_was_erased(
    app: Flask, alice: Any, alice_client: FlaskClient, film: Any, sent: str, rests: None, name: str
):
    act = request_of(alice_client, *ACTS[name](film.id, sent))

    status, ended, after = overtake(app, lambda: portal.erase(alice.id, "ERASE"), act)

    assert status in (404, 303)
    assert after == ended


@pytest.mark.parametrize("name", OF_A_POST)
def test_nothing_is_done_to_a_post_that_was_withdrawn(
    app: Flask, alice: Any, alice_client: FlaskClient, film: Any, sent: str, rests: None, name: str
):
    act = request_of(alice_client, *ACTS[name](film.id, sent))

    status, ended, after = overtake(app, lambda: byop.archive_post(alice.id, film.id), act)

    assert status in (409, 410)
    assert after == ended


def test_two_archives_at_once_are_one(app: Flask, alice: Any, alice_client: FlaskClient, alices_post: Any):
    act = request_of(alice_client, "/byop/archive", {"sid": alices_post.id})

    status, ended, after = overtake(app, lambda: byop.archive_post(alice.id, alices_post.id), act)

    assert (status, after) == (303, ended)


@pytest.mark.parametrize("end", ["erase", "archive"])
def test_no_mail_is_claimed_for_one_who_just_left(
    app: Flask, alice: Any, alices_post: Any, sent: str, end: str
):
    def claim() -> object:
        with transaction():
            return sending.claim(delivery_id, transports.chosen())

    with transaction():
        delivery = db.session.scalars(db.select(Delivery)).one()
        delivery.next_attempt_at, delivery_id = delivery.created_at, delivery.id
    ends = {
        "erase": lambda: portal.erase(alice.id, "ERASE"),
        "archive": lambda: byop.archive_post(alice.id, alices_post.id),
    }

    claimed, ended, after = overtake(app, ends[end], claim)

    assert claimed is None
    assert after == ended


def test_a_mail_of_one_who_was_erased_meanwhile_is_not_tried_again(
    app: Flask, alice: Any, alices_post: Any, sent: str
):
    with transaction():
        delivery = db.session.scalars(db.select(Delivery)).one()
        delivery.next_attempt_at, delivery_id = delivery.created_at, delivery.id
    transport = transports.chosen()
    with transaction():
        claim = sending.claim(delivery_id, transport)
    assert claim is not None

    def settle() -> None:
        with transaction():
            sending.complete(claim, transports.SendOutcome("indeterminate"), transport)

    overtake(app, lambda: portal.erase(alice.id, "ERASE"), settle)
    erasure.finish(alice.id)

    with transaction():
        delivery = db.session.get_one(Delivery, delivery_id)
        assert (delivery.recipient, delivery.context) == (None, {})
        delivery.next_attempt_at = delivery.created_at
    with transaction():
        assert sending.claim(delivery_id, transport) is None
    assert db.session.get_one(Delivery, delivery_id).state == "unknown"


def test_words_that_are_made_ready_wait_for_the_erasure(app: Flask, alice: Any, alices_post: Any):
    def finish() -> None:
        with transaction():
            pipeline.finish_words(claim)

    with transaction():
        claim = pipeline.claim_words(alices_post.asset_id)
    assert claim is not None

    overtake(app, lambda: portal.erase(alice.id, "ERASE"), finish)
    erasure.finish(alice.id)

    assert "Secret" not in str(rows()) and "Une heure" not in str(rows())


@pytest.mark.parametrize("which", [queue.IS_HERE, queue.IS_AWAY])
def test_no_video_is_begun_for_one_who_just_left(app: Flask, alice: Any, film: Any, which: Any):
    def claim() -> object:
        with transaction():
            return queue.claim_next(which)

    with transaction():
        asset = db.session.get_one(Asset, film.asset_id)
        asset.state, asset.original_at = "new", film.created_at if which is queue.IS_HERE else None

    claimed, ended, after = overtake(app, lambda: portal.erase(alice.id, "ERASE"), claim)

    assert claimed is None
    assert after == ended


def test_a_clip_that_is_done_at_that_moment_is_not_kept(app: Flask, alice: Any, film: Any):
    def finish() -> bool:
        with transaction():
            return pipeline.finish(claim, render_id="N" * 22, result=RenderResult(start=1.0))

    with transaction():
        asset = db.session.get_one(Asset, film.asset_id)
        asset.state, asset.original_at = "new", film.created_at
    with transaction():
        claim = queue.claim_next(queue.IS_HERE)
    assert claim is not None

    overtake(app, lambda: portal.erase(alice.id, "ERASE"), finish)
    erasure.finish(alice.id)

    asset = db.session.get_one(Asset, film.asset_id)
    assert (asset.render_id, asset.result, asset.state) == (None, RenderResult(), "failed")
    db.session.rollback()
    assert finish() is False


def test_nobody_logs_in_to_an_account_that_just_ended(app: Flask, alice: Any):
    def log_in() -> str:
        with transaction():
            return partners.login_with_token(token)

    with transaction():
        token = partners.make_login_link("alice@example.org")

    outcome, ended, after = overtake(app, lambda: portal.erase(alice.id, "ERASE"), log_in)

    assert isinstance(outcome, Refused)
    assert after == ended


# The guard: every verb takes the partner's row first.


def statements_of(act: Act) -> list[list[str]]:
    """Return what each transaction of ``act`` asked of the database, in order."""
    done: list[list[str]] = []
    open_ones: dict[int, list[str]] = {}

    def begin(connection: Any) -> None:
        open_ones[id(connection)] = []
        done.append(open_ones[id(connection)])

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        open_ones.setdefault(id(connection), []).append(" ".join(statement.split()))

    engine = db.engine
    db.event.listen(engine, "begin", begin)
    db.event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        db.event.remove(engine, "begin", begin)
        db.event.remove(engine, "before_cursor_execute", note)
    return done


def writes(statement: str) -> bool:
    return statement.startswith(("INSERT INTO ", "UPDATE ", "DELETE FROM ")) and any(
        f" {table} " in f"{statement.replace('(', ' ')} " for table in OWN
    )


def reads(statement: str) -> bool:
    return statement.startswith("SELECT") and any(f"FROM {table} " in f"{statement} " for table in OWN)


def is_lock(statement: str) -> bool:
    whole = "partners.is_active" in statement and "FROM partners" in statement
    return whole and (is_sqlite() or "FOR NO KEY UPDATE" in statement)


def unlocked(act: Act) -> list[str]:
    """Return the first statement of each writing transaction that came before the partner's lock."""
    found = []
    for transaction_ in statements_of(act):
        if not any(map(writes, transaction_)):
            continue
        first = next((n for n, one in enumerate(transaction_) if is_lock(one)), len(transaction_))
        found += [one for one in transaction_[:first] if reads(one) or writes(one)][:1]
    return found


OTHERS = {
    # Not the partner's own acts on what is theirs, or told apart by a test of their own.
    "/partner/erase": {"confirm": "ERASE"},
    "/byop/preview": {},
    "/byop/part": {},
    "/byop/part/begin": {"size": "1"},
    "/byop/part/drop": {},
    "/byop/email/check": {"sid": "x", "emails": ""},
    "/byop/email/plan": {"sid": "x", "emails": ""},
    # Switched off here; each begins with the partner's row (payouts.profiles, payouts.bank_accounts).
    "/partner/billing": {},
    "/partner/billing/bank": {},
    "/partner/billing/bank/confirm": {},
    "/partner/payouts/contest": {},  # The run's row first, then the partner's, as whoever approves.
}


def test_every_post_of_a_partner_takes_the_partners_row_first(
    app: Flask, alice_client: FlaskClient, film: Any, sent: str, rests: None
):
    from contentflow.web.access import Role, access_of

    posts = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and getattr(access_of(rule.endpoint), "role", None) is Role.PARTNER
    }
    acts = [act(film.id, sent) for act in ACTS.values()] + list(OTHERS.items())
    named = {rule.replace("<import_id>", IMPORT) for rule in posts}
    assert named == {url for url, _ in acts}, "a new verb needs a line in ACTS"

    found = {}
    for url, fields in sorted(acts, key=lambda one: one[0] in ("/byop/archive", "/partner/erase")):
        loose = unlocked(request_of(alice_client, url, fields))
        if loose:
            found[url] = loose

    assert found == {}


def test_every_task_of_the_worker_takes_the_partners_row_first(
    app: Flask, film: Any, sent: str, monkeypatch: pytest.MonkeyPatch
):
    with transaction():
        delivery = db.session.scalars(db.select(Delivery)).one()
        delivery.next_attempt_at, delivery_id = delivery.created_at, delivery.id
        asset = db.session.get_one(Asset, film.asset_id)
        asset.state, asset.has_video = "new", False
    named = {"mailing.send": delivery_id, "pipeline.prepare": film.asset_id}
    others = {
        *("pipeline.fetch", "pipeline.render"),  # Their claims and outcomes have tests above.
        *("contacts.import", "publishing.connect", "publishing.publish"),  # In their own folders' tests.
        "payouts.approve",  # The run's row first, then those of all of its partners.
        # What is there already: numbers, tokens that end, what a platform allows its account.
        *("publishing.follow", "publishing.revoke", "publishing.creator"),
        *(
            "mailing.read_list",
            "mailing.apply_events",
            "contacts.tell_list",
            "mailing.read_day",
        ),  # Of many partners' mails at once.
    }
    assert set(broker().tasks) == set(named) | others

    for name, row_id in named.items():
        _, task = broker().tasks[name]
        asked = statements_of(lambda task=task, row_id=row_id: task(row_id))
        writing = [one for one in asked if any(map(writes, one))]
        assert writing, name
        first = next(n for n, one in enumerate(writing[0]) if is_lock(one))
        assert not any(map(writes, writing[0][:first])), name
