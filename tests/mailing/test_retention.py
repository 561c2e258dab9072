from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import select, update

from contentflow.consent import retention as proofs
from contentflow.consent.models import ConsentProof, FirstContact
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.registry import export_of
from contentflow.mailing import breaker, retention
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.mailing.recipients import recipient_hash
from tests.house import run_work
from tests.mailing.letters import delivery_to, let_leave, readers, share, states


def grow_old(days: int) -> None:
    at = clock.now() - timedelta(days=days)
    with transaction():
        db.session.execute(update(Delivery).values(created_at=at))
        db.session.execute(update(CapturedMail).values(created_at=at))
        db.session.execute(update(ConsentProof).values(attested_at=at))


def erase_old() -> None:
    retention.erase_old_addresses()
    proofs.erase_old_answers()


def everything_kept() -> str:
    db.session.rollback()
    rows = [*db.session.scalars(select(Delivery)), *db.session.scalars(select(CapturedMail))]
    rows += db.session.scalars(select(ConsentProof)).all()
    return repr([{one.key: getattr(row, one.key) for one in row.__mapper__.column_attrs} for row in rows])


def sent_to_readers(app, alice, post, count: int = 3) -> None:
    share(alice.id, post.id, readers(count))
    let_leave()
    run_work(app)


def test_after_30_days_no_address_is_kept_and_the_hash_still_tells(app, alice, alices_post) -> None:
    sent_to_readers(app, alice, alices_post)
    grow_old(31)

    erase_old()

    kept = everything_kept()
    assert "reader0@example.org" not in kept and "Découvrir" not in kept
    assert share(alice.id, alices_post.id, readers(1)).verdicts == ["already_sent"]


def test_before_30_days_everything_stays(app, alice, alices_post) -> None:
    sent_to_readers(app, alice, alices_post)
    grow_old(29)

    erase_old()

    assert "reader0@example.org" in everything_kept()
    assert len(db.session.scalars(select(CapturedMail)).all()) == 3


def test_what_still_waits_after_30_days_is_given_up_truthfully(app, alice, alices_post) -> None:
    share(alice.id, alices_post.id, readers(2))
    tried = delivery_to("reader0@example.org").id
    with transaction():
        db.session.execute(update(Delivery).where(Delivery.id == tried).values(first_tried_at=clock.now()))
    grow_old(31)

    erase_old()

    assert states() == ["cancelled", "unknown"]
    assert "@example.org" not in everything_kept()
    assert db.session.scalars(select(FirstContact.delivery_id)).all() == [tried]


def test_the_export_has_the_share_deliveries_and_nobody_elses(app, alice, bob, alices_post) -> None:
    share(alice.id, alices_post.id, "reader@example.org")

    (mine,) = export_of(alice.id)["deliveries"]

    fields = "id kind submission_id recipient state outcome at due_at variant chance_bp"
    assert set(mine) == set(fields.split())
    assert (mine["recipient"], mine["state"], mine["submission_id"]) == (
        "reader@example.org",
        "queued",
        alices_post.id,
    )
    assert mine["at"].endswith("Z")
    assert export_of(bob.id)["deliveries"] == []


def test_an_erased_partners_mail_has_neither_address_nor_word(app, alice, alices_post) -> None:
    sent_to_readers(app, alice, alices_post)
    share(alice.id, alices_post.id, "waiting@example.org")

    with transaction():
        retention.cancel_waiting(alice.id)
        for part in (retention, proofs):
            list(part.sweep_partner(alice.id, recipient_hash("alice@example.org")))

    kept = everything_kept()
    assert "example.org" not in kept and "Alice" not in kept
    assert states() == ["cancelled", "sent", "sent", "sent"]


def command(app, *arguments: str):
    result = app.test_cli_runner().invoke(args=[*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_an_operator_sees_how_the_mail_stands_and_ends_a_rest(app, alice, alices_post) -> None:
    share(alice.id, alices_post.id, readers(2))
    with transaction():
        breaker.trip("smtp", 300, "SMTP 535")

    status = command(app, "mailing", "status")
    assert (status["transport"], status["queued"], status["sent"]) == ("smtp", 2, 0)
    assert "SMTP 535" in status["pause"]
    assert command(app, "mailing", "resume") == {"ended": 1}
    assert command(app, "mailing", "status")["pause"] is None


def test_an_operator_sees_that_no_mail_leaves_at_all(make_app) -> None:
    app = make_app(MAIL_TRANSPORT="none")

    assert command(app, "mailing", "status")["transport"] == "none"


def test_an_operator_lists_deliveries_by_state(app, alice, alices_post) -> None:
    share(alice.id, alices_post.id, readers(2))

    assert len(command(app, "deliveries", "list", "--state", "queued")) == 2
    assert command(app, "deliveries", "list", "--state", "sent") == []
    assert len(command(app, "deliveries", "list", "--limit", "1")) == 1
