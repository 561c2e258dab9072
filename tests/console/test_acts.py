"""What the team does: one act, one “already”, a reason, an entry in the audit, and undone in ten minutes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.services import Draft
from contentflow.consent import inquiries
from contentflow.consent import services as consent
from contentflow.conversions.models import Conversion
from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.ledger import holds as holding
from contentflow.ledger.models import Commission, Hold
from contentflow.links import services as links
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.partners import services as partners
from tests.console.conftest import pass_factor
from tests.factories.offers import OfferFactory
from tests.house import browser, log_in, look_anew, post, run_work


@pytest.fixture
def app(make_app: Any) -> Any:
    app = make_app(MODERATION="all")
    with app.app_context():
        yield app


@pytest.fixture
def waiting(app: Flask, alices_post: Submission) -> Submission:
    assert alices_post.status == "submitted"
    return alices_post


@pytest.fixture
def hold(app: Flask, waiting: Submission, postback: Any, click: Any) -> Hold:
    """Of a sale out of a click of the partner's own."""
    postback("S-1", click_id=click(verdict="self"))
    return db.session.scalars(select(Hold)).one()


def verdicts(answer: Any) -> list[str]:
    return re.findall(r'data-verdict="([a-z]+)"', answer.text)


def undo_of(answer: Any) -> str:
    found = re.search(r'data-undo="([0-9A-Za-z]{22})"', answer.text)
    assert found, answer.text
    return found[1]


def entries(act: str = "") -> list[AuditEntry]:
    look_anew()
    found = select(AuditEntry).order_by(AuditEntry.recorded_at)
    return list(db.session.scalars(found.where(AuditEntry.act == act) if act else found))


def status_of(submission: Submission) -> str:
    look_anew()
    return db.session.get_one(Submission, submission.id, populate_existing=True).status


def visit(app: Flask, submission: Submission) -> int:
    code = links.links_of(submission.id)["copy"].code
    look_anew()
    return browser(app).get(f"/l/{code}").status_code


# Moderation


def test_a_waiting_post_answers_404_on_links_page_and_pictures_and_says_so_in_its_kit(
    app, waiting, alice_client
):
    code = links.links_of(waiting.id)["copy"].code
    visitor = browser(app)

    preview = {"User-Agent": "WhatsApp/2.23"}
    paths = (f"/l/{code}", f"/p/{code}", f"/p/{code}/clip.mp4", f"/l/{waiting.asset_id}")
    for path in paths:
        assert visitor.get(path).status_code == 404, path
        assert visitor.get(path, headers=preview).status_code == 404, path
    kit = alice_client.get(f"/byop/kit?id={waiting.id}")
    assert "en relecture" in kit.text and 'id="share-text"' not in kit.text


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("/byop/log", {"ch": "copy"}),
        ("/byop/email", {"emails": "bob@example.org", "consent": "y", "nonce": "n"}),
    ],
)
def test_a_waiting_post_is_not_shared(waiting, alice_client, url, fields):
    assert post(alice_client, url, {"sid": waiting.id, **fields}).status_code == 409
    assert db.session.scalars(select(Delivery)).all() == []


def test_what_a_waiting_post_becomes_meanwhile_does_not_let_it_out(app, waiting, alice_client):
    run_work(app)

    assert status_of(waiting) == "submitted" and visit(app, waiting) == 404


def test_approval_lights_the_links_and_tells_the_partner_once_it_cannot_be_undone(app, olga_client, waiting):
    run_work(app)
    with time_machine.travel(clock.now(), tick=False) as moment:
        answer = post(olga_client, "/console/posts/approve", {"post": waiting.id})
        run_work(app)
        mails_before = db.session.scalars(select(CapturedMail)).all()
        moment.shift(601)
        run_work(app)

    assert verdicts(answer) == ["done"] and mails_before == []
    assert status_of(waiting) == "ready" and visit(app, waiting) == 302
    mail = db.session.scalars(select(CapturedMail)).one()
    assert mail.recipient == "alice@example.org" and "validé" in mail.subject
    (entry,) = entries("post.approve")
    assert (entry.before, entry.after["status"]) == ({"status": "submitted"}, "ready")
    assert entry.role == "owner" and entry.request_id == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("mode", ["all", "first"])
def test_an_approved_post_that_is_edited_is_looked_at_again(make_app, alice, alices_post, olga, mode):
    """Under “first” it is one of those that were looked at before."""
    app = make_app(MODERATION=mode)
    with app.app_context():
        client, team = log_in(browser(app), alice.id), pass_factor(log_in(browser(app), olga.id))
        words = {"sid": alices_post.id, "title": "Une heure", "hashtags": "#ia", "cta": "Essaye ici"}
        with transaction():
            db.session.get_one(Submission, alices_post.id).status = "submitted"
            links.hold_links(alices_post.id)
        post(team, "/console/posts/approve", {"post": alices_post.id})
        assert visit(app, alices_post) == 302

        same = {**words, "title": "Une heure gagnée par jour"}
        post(client, "/byop/edit", same)
        assert (status_of(alices_post), visit(app, alices_post)) != ("submitted", 404)
        answer = post(client, "/byop/edit", words)

        assert (status_of(alices_post), visit(app, alices_post)) == ("submitted", 404)
        kit = client.get(answer.headers["Location"]).text
        assert "ton post va être relu" in kit and "en relecture" in kit
        post(team, "/console/posts/approve", {"post": alices_post.id})
        assert visit(app, alices_post) == 302


@pytest.mark.parametrize("mode", ["off", "first"])
def test_a_post_that_nobody_looked_at_is_edited_freely(make_app, alice, alices_post, mode):
    app = make_app(MODERATION=mode)
    with app.app_context():
        client = log_in(browser(app), alice.id)
        with transaction():
            db.session.get_one(Submission, alices_post.id).status = "ready"
            links.light_links(alices_post.id)
        post(client, "/byop/edit", {"sid": alices_post.id, "title": "Autre", "cta": "Ici"})

        assert (status_of(alices_post), visit(app, alices_post)) == ("ready", 302)


def test_a_refusal_names_one_of_six_reasons_and_a_sentence_and_the_post_may_come_again(
    app, olga_client, waiting, alice_client
):
    fields = {
        "post": waiting.id,
        "reason": "claims",
        "words": "Dis plutôt ce que tu as vu.",
        "note": "3e fois",
    }
    answer = post(olga_client, "/console/posts/refuse", fields)
    kit = alice_client.get(f"/byop/kit?id={waiting.id}")

    assert verdicts(answer) == ["done"] and status_of(waiting) == "failed" and visit(app, waiting) == 404
    assert "ne peut pas prouver. Dis plutôt ce que tu as vu." in kit.text and "3e fois" not in kit.text
    (entry,) = entries("post.refuse")
    assert entry.reason == "3e fois" and entry.after["refusal"] == "claims"
    post(alice_client, "/byop/edit", {"sid": waiting.id, "title": "Ce que j’ai vu"})
    post(alice_client, "/byop/send-again", {"sid": waiting.id})
    assert status_of(waiting) == "submitted"


@pytest.mark.parametrize("reason", ["", "boring", "claims\x00"])
def test_a_refusal_without_one_of_the_reasons_changes_nothing_and_keeps_what_was_typed(
    olga_client, waiting, reason
):
    answer = post(
        olga_client, "/console/posts/refuse", {"post": waiting.id, "reason": reason, "words": "Bravo"}
    )

    assert answer.status_code == 422 and "Bravo" in answer.text
    assert status_of(waiting) == "submitted" and entries() == []


def test_a_new_video_of_a_refused_post_does_not_light_its_links(app, olga_client, waiting, alice_client):
    post(olga_client, "/console/posts/refuse", {"post": waiting.id, "reason": "quality"})
    post(alice_client, "/byop/video", {"sid": waiting.id, "source_url": "https://video.example.com/1"})

    assert visit(app, waiting) == 404


def test_a_withdrawn_post_answers_410_even_if_it_waited(app, olga_client, waiting):
    answer = post(olga_client, "/console/posts/withdraw", {"post": waiting.id, "reason": "demande du client"})

    assert verdicts(answer) == ["done"] and "data-undo" not in answer.text
    assert visit(app, waiting) == 410


def test_only_the_first_three_posts_of_a_partner_wait(make_app, alice, offer):
    with make_app(MODERATION="first").app_context():

        def submit(number: int) -> str:
            with transaction():
                return byop.submit_post(alice.id, Draft(title=str(number), nonce=str(number))).status

        assert [submit(number) for number in range(4)] == ["submitted"] * 4
        with transaction():
            for row in db.session.scalars(select(Submission)):
                row.status = "ready"
        assert submit(5) == "processing"


def test_without_moderation_no_post_waits(make_app, alice, offer):
    with make_app().app_context(), transaction():
        assert byop.submit_post(alice.id, Draft(title="x", nonce="x")).status == "processing"


# Undo


@pytest.mark.parametrize("reason", ["", "quality"])
def test_moderation_is_undone_with_its_mail(app, olga_client, waiting, reason):
    act = "refuse" if reason else "approve"
    done = post(olga_client, f"/console/posts/{act}", {"post": waiting.id, "reason": reason})

    answer = post(olga_client, "/console/undo", {"entry": undo_of(done)})

    assert answer.status_code == 200 and status_of(waiting) == "submitted" and visit(app, waiting) == 404
    assert [row.state for row in db.session.scalars(select(Delivery))] == ["cancelled"]
    assert len(entries("undo")) == 1


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_who_is_asked_why_sees_the_post_and_may_do_nothing(olga_client, waiting, headers):
    asked = {"act": "refuse", "list": "posts", "id": waiting.id}
    came_from = {"Referer": "https://share.example.org/console/posts?state=submitted"}
    page = post(olga_client, "/console/confirm", asked, headers={**headers, **came_from}).text

    assert waiting.cta in page and "#ad" in page
    assert 'href="/console/posts?state=submitted"' in page
    assert ("data-cancel" in page) is bool(headers)


@pytest.mark.parametrize("post_id", ["x" * 22, "\x00" * 22, ""])
def test_who_is_asked_about_no_post_sees_none(olga_client, post_id):
    asked = {"act": "refuse", "list": "posts", "id": post_id}

    assert post(olga_client, "/console/confirm", asked).status_code == 200


def test_an_act_is_undone_once(olga_client, waiting):
    entry = undo_of(post(olga_client, "/console/posts/approve", {"post": waiting.id}))
    post(olga_client, "/console/undo", {"entry": entry})
    post(olga_client, "/console/posts/approve", {"post": waiting.id})

    again = post(olga_client, "/console/undo", {"entry": entry})

    assert again.status_code == 409 and status_of(waiting) != "submitted"


def test_after_ten_minutes_it_is_too_late(olga_client, waiting):
    with time_machine.travel(clock.now(), tick=False) as moment:
        entry = undo_of(post(olga_client, "/console/posts/approve", {"post": waiting.id}))
        moment.shift(601)
        late = post(olga_client, "/console/undo", {"entry": entry})

    assert late.status_code == 409 and entries("undo") == []


def test_an_undo_stands_in_the_audit_under_what_it_was_done_to_and_is_offered_no_more(olga_client, waiting):
    entry = undo_of(post(olga_client, "/console/posts/approve", {"post": waiting.id}))
    before = olga_client.get("/console/audit").text
    post(olga_client, "/console/undo", {"entry": entry})
    page = olga_client.get(f"/console/audit?subject={waiting.id}").text

    assert f'data-undo="{entry}"' in before and "data-undo" not in page
    assert re.findall(r'data-state="([a-z.]+)"', page) == ["undo", "post.approve"]
    (undone,) = entries("undo")
    assert undone.before["act"] == "post.approve" and undone.before["undoes"] == entry


def test_anothers_act_is_not_undone(olga_client, in_role, waiting):
    entry = undo_of(post(olga_client, "/console/posts/approve", {"post": waiting.id}))

    assert post(in_role("operator"), "/console/undo", {"entry": entry}).status_code == 404
    assert entries("undo") == []


@pytest.mark.parametrize("entry", ["", "x", "x" * 22, "\x00" * 22])
def test_what_is_no_act_is_not_undone(olga_client, entry):
    assert post(olga_client, "/console/undo", {"entry": entry}).status_code == 404


def test_a_suspension_is_undone_and_never_told(app, olga_client, alice, alice_client):
    done = post(olga_client, "/console/partners/suspend", {"partner": alice.id, "reason": "fraude ?"})
    look_anew()
    assert (
        not partners.get_partner(alice.id).is_active
        and alice_client.get("/partner/portal").status_code == 303
    )

    post(olga_client, "/console/undo", {"entry": undo_of(done)})
    run_work(app)

    look_anew()
    assert partners.get_partner(alice.id).is_active
    assert db.session.scalars(select(CapturedMail)).all() == []


# Holds


def test_a_release_lets_the_money_go_on_and_is_not_undone(olga_client, hold):
    answer = post(olga_client, "/console/holds/release", {"hold": hold.id, "reason": "vu avec Alice"})

    look_anew()
    assert verdicts(answer) == ["done"] and "data-undo" not in answer.text
    assert db.session.scalars(select(Commission.state)).one() == "pending"
    assert entries("hold.release")[0].reason == "vu avec Alice"


def test_a_kept_hold_waits_for_nobody_and_can_wait_again(olga_client, hold):
    assert 'data-job="holds" data-waiting="1"' in olga_client.get("/console/").text
    done = post(olga_client, "/console/holds/keep", {"hold": hold.id})
    after = olga_client.get("/console/").text
    post(olga_client, "/console/undo", {"entry": undo_of(done)})

    assert 'data-job="holds"' not in after
    assert 'data-job="holds" data-waiting="1"' in olga_client.get("/console/").text
    assert holding.held_by_reason(hold.partner_id)


def test_an_undone_hold_is_one_press_away(olga_client, hold):
    entry = undo_of(post(olga_client, "/console/holds/keep", {"hold": hold.id}))
    undone = post(olga_client, "/console/undo", {"entry": entry}, headers={"HX-Request": "true"}).text

    assert f"/console/holds?hold={hold.id}" in undone and "e-mail" not in undone
    assert olga_client.get(f"/console/holds?hold={hold.id}").text.count("data-state=") == 1


@pytest.fixture
def contract_hold(hold: Hold) -> Hold:
    """A hold of Alice's that a contract with Nova ends."""
    hold.reason = "contract"
    db.session.commit()
    return hold


def test_a_gain_that_waits_for_a_contract_is_neither_released_nor_kept(olga_client, contract_hold):
    sent = {"hold": contract_hold.id, "reason": "vu"}
    answers = [post(olga_client, f"/console/holds/{act}", sent) for act in ("release", "keep")]

    assert [verdicts(answer) for answer in answers] == [["refused"], ["refused"]]
    assert entries("hold.release") == entries("hold.keep") == []
    assert 'data-job="contracts" data-waiting="1"' in olga_client.get("/console/").text
    page = olga_client.get("/console/holds?reason=contract").text
    assert f"/console/partners/{contract_hold.partner_id}#contracts" in page
    assert 'value="keep"' not in page and 'name="id"' not in page


def test_a_contract_is_noted_where_the_partner_stands_and_lets_go_what_waited(olga_client, contract_hold):
    partner_id = contract_hold.partner_id
    advertiser = db.session.scalars(select(Commission.advertiser)).one()
    page = olga_client.get(f"/console/partners/{partner_id}").text
    sent = {"partner": partner_id, "advertiser": advertiser, "version": "2026-1", "accepted": "2026-01-15"}

    answers = [post(olga_client, "/console/partners/contract", sent) for _ in range(2)]

    look_anew()
    assert f'data-contract="{advertiser}"' in page
    assert [answer.status_code for answer in answers] == [303, 303]
    assert db.session.get_one(Hold, contract_hold.id).released_at is not None
    (entry,) = entries("contract.record")
    assert (entry.subject, entry.after["version"]) == (partner_id, "2026-1")
    assert "data-contract=" not in olga_client.get(f"/console/partners/{partner_id}").text


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"version": ""}, 422),
        ({"accepted": "2199-01-01"}, 422),
        ({"accepted": "hier"}, 422),
        ({"advertiser": "Nobody"}, 404),
        ({"partner": "x" * 22}, 404),
    ],
)
def test_a_contract_that_cannot_be_is_not_noted(olga_client, contract_hold, wrong, status):
    sent = {"partner": contract_hold.partner_id, "advertiser": "Nova", "version": "2026-1", **wrong}

    assert post(olga_client, "/console/partners/contract", sent).status_code == status
    assert entries("contract.record") == []


# Sales of nobody


def test_a_sale_of_nobody_is_given_once_with_its_candidates_beside_it(olga_client, waiting, postback, click):
    click()
    sale = postback("N-1").id
    code = links.links_of(waiting.id)["copy"].code
    page = olga_client.get(f"/console/conversions/{sale}").text
    fields = {
        "conversion": sale,
        "code": f"https://share.example.org/l/{code}",
        "reason": "le client l’a dit",
    }
    first = post(olga_client, "/console/conversions/attach", fields)
    again = post(olga_client, "/console/conversions/attach", fields)

    assert "Une heure gagnée par jour" in page and "Alice Martin" in page
    assert (first.status_code, again.status_code) == (303, 409)
    assert db.session.get_one(Conversion, sale).partner_id == waiting.partner_id
    (entry,) = entries("conversion.attach")
    assert entry.after["partner"] == waiting.partner_id and entry.reason == "le client l’a dit"


def test_a_dismissed_sale_waits_for_nobody(olga_client, waiting, postback):
    sale = postback("N-1").id
    assert 'data-job="unattributed" data-waiting="1"' in olga_client.get("/console/").text
    first = post(olga_client, "/console/conversions/dismiss", {"conversion": sale, "reason": "essai"})
    again = post(olga_client, "/console/conversions/dismiss", {"conversion": sale, "reason": "essai"})

    assert (first.status_code, again.status_code) == (303, 409)
    assert 'data-job="unattributed"' not in olga_client.get("/console/").text


@pytest.mark.parametrize("code", ["", "x", "AbCdEf7", "\x00"])
def test_a_code_that_is_no_link_gives_nothing(olga_client, waiting, postback, code):
    fields = {"conversion": postback("N-1").id, "code": code, "reason": "essai"}

    assert post(olga_client, "/console/conversions/attach", fields).status_code == 404
    assert entries("conversion.attach") == []


# Bulk


def test_bulk_names_each_row_and_means_those_alone(app, olga_client, alice, waiting):
    with transaction():
        other = byop.submit_post(alice.id, Draft(title="Un autre post", nonce="other")).id
    page = post(
        olga_client, "/console/confirm", {"act": "approve", "list": "posts", "id": [waiting.id, other]}
    )
    with transaction():
        later = byop.submit_post(alice.id, Draft(title="Plus tard", nonce="later"))
        later_id = later.id

    answer = post(
        olga_client, "/console/posts/approve", {"post": re.findall(r'name="post" value="([^"]+)"', page.text)}
    )

    assert "Un autre post" in page.text and "Une heure gagnée par jour" in page.text
    assert verdicts(answer) == ["done", "done"]
    assert db.session.get_one(Submission, later_id).status == "submitted"


def test_the_confirmation_changes_nothing(olga_client, waiting):
    post(olga_client, "/console/confirm", {"act": "withdraw", "list": "posts", "id": waiting.id})

    assert status_of(waiting) == "submitted" and entries() == []


@pytest.mark.parametrize("number", [0, 201])
def test_no_row_and_201_are_refused(olga_client, waiting, number):
    ids = [f"{n:022}" for n in range(number)]
    for path, fields in (
        ("/console/confirm", {"act": "approve", "list": "posts", "id": ids}),
        ("/console/posts/approve", {"post": ids}),
    ):
        assert post(olga_client, path, fields).status_code == 422


def test_200_rows_are_taken(olga_client):
    answer = post(olga_client, "/console/posts/approve", {"post": [f"{n:022}" for n in range(200)]})

    assert verdicts(answer) == ["gone"] * 200


@pytest.mark.parametrize(
    ("act", "of"),
    [("approve", "holds"), ("accept", "posts"), ("", ""), ("approve", "none"), ("undo", "posts")],
)
def test_an_act_of_another_list_is_refused(olga_client, act, of):
    assert post(olga_client, "/console/confirm", {"act": act, "list": of, "id": "x" * 22}).status_code == 422


def test_ids_of_another_kind_are_gone(olga_client, alice, waiting):
    answer = post(
        olga_client, "/console/posts/approve", {"post": [alice.id, "../../etc", "é", waiting.asset_id]}
    )

    assert verdicts(answer) == ["gone"] * 4 and status_of(waiting) == "submitted"


def test_two_operators_at_once_one_act_one_already(olga_client, in_role, waiting):
    other = in_role("operator")
    first = post(olga_client, "/console/posts/approve", {"post": waiting.id})
    second = post(other, "/console/posts/approve", {"post": waiting.id})
    third = post(other, "/console/posts/refuse", {"post": waiting.id, "reason": "other"})

    assert [verdicts(one) for one in (first, second, third)] == [["done"], ["already"], ["already"]]
    assert len(entries("post.approve")) == 1 and entries("post.refuse") == []


# Reasons


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/console/posts/withdraw", "post"), ("/console/holds/release", "hold"),
        ("/console/partners/suspend", "partner"), ("/console/partners/sessions/end", "partner"),
        ("/console/partners/note", "partner"), ("/console/see", "partner"), ("/console/team/role", "email"),
        ("/console/team/invite", "email"), ("/console/suppressions/add", "address"),
        ("/console/suppressions/remove", "address"),
    ],
)  # fmt: skip
def test_without_a_reason_it_is_422_and_nothing_happens(olga_client, alice, waiting, path, field):
    value = {
        "post": waiting.id,
        "partner": alice.id,
        "email": "alice@example.org",
        "address": "b@example.org",
    }
    answer = post(olga_client, path, {field: value.get(field, "x" * 22), "role": "reader", "reason": "  "})

    assert answer.status_code == 422
    assert entries() == []


def test_a_reason_of_501_letters_is_refused(olga_client, alice):
    assert (
        post(olga_client, "/console/partners/suspend", {"partner": alice.id, "reason": "x" * 501}).status_code
        == 422
    )


# Team and suppressions


def test_the_last_owner_neither_leaves_nor_changes_their_own_role(olga_client, olga):
    for path in ("role", "remove"):
        fields = {"email": "olga@example.org", "role": "reader", "reason": "départ"}
        assert post(olga_client, f"/console/team/{path}", fields).status_code == 409
    look_anew()
    assert partners.get_partner(olga.id).role == "owner" and entries() == []


def test_an_invitation_gives_a_role_and_mails_a_link(app, olga_client):
    post(
        olga_client,
        "/console/team/invite",
        {"email": "paul@example.org", "role": "reader", "reason": "stage"},
    )
    run_work(app)

    made = partners.find_partner_by_email("paul@example.org")
    assert made and made.role == "reader"
    assert db.session.scalars(select(CapturedMail.recipient)).all() == ["paul@example.org"]


@pytest.mark.parametrize(("cause", "status"), [("unsubscribe", 409), ("complaint", 409), ("bounce", 200)])
def test_an_unsubscribe_or_complaint_is_not_removed_here(olga_client, cause, status):
    with transaction():
        consent.suppress("Bob+Tag@Example.org", cause=cause)

    answer = post(
        olga_client,
        "/console/suppressions/remove",
        {"address": "bob+tag@example.org", "reason": "insiste"},
    )

    assert answer.status_code == status
    assert bool(inquiries.look_up("BOB+TAG@example.org").suppressions) is (status == 409)


def test_a_suppression_is_asked_about_by_address_and_leaves_none_in_the_audit(olga_client):
    post(
        olga_client,
        "/console/suppressions/add",
        {"address": "bob@example.org", "reason": "bob@example.org écrit"},
    )
    page = post(olga_client, "/console/suppressions", {"address": "BOB@example.org"})
    unknown = post(olga_client, "/console/suppressions", {"address": "eve@example.org"})

    assert 'data-state="operator"' in page.text and 'data-state="operator"' not in unknown.text
    assert all("bob" not in f"{one.subject}{one.reason}{one.before}{one.after}" for one in entries())


# The audit


def test_every_post_that_is_done_stands_in_the_audit(app, olga_client, alice, waiting, hold, offer, postback):
    """Of each POST of the console that a person may press: what it needs, and that it was noted."""
    with transaction():
        consent.suppress("bounced@example.org", cause="bounce")
    why, sales = {"reason": "parce que"}, [postback("N-1").id, postback("N-2").id]
    code = links.links_of(waiting.id)["copy"].code
    bob = {"email": "bob2@example.org", "role": "reader", **why}
    done = {
        "/console/posts/approve": {"post": waiting.id},
        "/console/holds/keep": {"hold": hold.id},
        "/console/holds/release": {"hold": hold.id, **why},
        "/console/partners/sessions/end": {"partner": alice.id, **why},
        "/console/partners/note": {"partner": alice.id, "note": "à rappeler"},
        "/console/partners/contract": {"partner": alice.id, "advertiser": "Nova", "version": "2026-1"},
        "/console/partners/suspend": {"partner": alice.id, **why},
        "/console/partners/resume": {"partner": alice.id},
        "/console/offers/new": {"name": "Nova 2", "url": "https://nova.example.com/2", "nonce": "n"},
        f"/console/offers/{offer.id}": {"name": "Nova 3", "url": "https://nova.example.com/3"},
        "/console/offers/pause": {"offer": offer.id},
        "/console/offers/resume": {"offer": offer.id},
        "/console/networks/add": {"name": "kwanko"},
        "/console/networks/try": {"network": "kwanko"},
        "/console/networks/rotate": {"network": "kwanko", **why},
        "/console/networks/end": {"network": "kwanko", **why},
        "/console/networks/retire": {"network": "kwanko", **why},
        "/console/conversions/attach": {"conversion": sales[0], "code": code, **why},
        "/console/conversions/dismiss": {"conversion": sales[1], **why},
        "/console/mail/resume": {},
        "/console/views": {"name": "mienne", "path": "/console/posts"},
        "/console/suppressions/add": {"address": "b@example.org", **why},
        "/console/suppressions/remove": {"address": "bounced@example.org", **why},
        "/console/team/invite": bob,
        "/console/team/role": {**bob, "role": "accountant"},
        "/console/team/remove": bob,
        "/console/export": {"list": "holds", "query": ""},
        "/console/posts/withdraw": {"post": waiting.id, **why},
        "/console/see": {"partner": alice.id, **why},
        "/console/see/end": {},
    }
    apart = {
        # They need more than fields, or only ask: tests of their own.
        "/console/posts/refuse", "/console/undo", "/console/confirm", "/console/suppressions",
        "/console/second-factor", "/console/second-factor/check", "/console/second-factor/passkey",
        "/console/second-factor/passkey/options", "/console/second-factor/passkey/remove",
        "/console/second-factor/recovery",
        "/console/team/reset", "/console/offers/preview",
    }  # fmt: skip
    posts = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/console")
        and "POST" in (rule.methods or ())
        and not rule.rule.startswith("/console/payouts")  # tests/payouts has them
    }
    named = {path.replace(offer.id, "<offer_id>") for path in done}
    assert posts == named | apart, "a new act needs a line here"

    for path, fields in done.items():
        before = len(entries())
        answer = post(olga_client, path, fields)
        assert answer.status_code in {200, 303}, (path, answer.text[-400:])
        assert len(entries()) > before, path
    assert {one.actor for one in entries()} <= {partners.find_partner_by_email("olga@example.org").id, "cli"}


def test_nothing_that_is_only_looked_at_is_noted(olga_client, alice, waiting):
    for path in ("/console/", "/console/posts", "/console/audit", f"/console/partners/{alice.id}"):
        olga_client.get(path)

    assert entries() == []


def test_the_export_is_of_exactly_the_filter_and_streams(olga_client, alice, waiting):
    with transaction():
        byop.submit_post(alice.id, Draft(title="=cmd()", nonce="other"))
    query = f"state=submitted&partner={alice.id}"
    answer = post(olga_client, "/console/export", {"list": "posts", "query": query})
    nobodys = post(olga_client, "/console/export", {"list": "posts", "query": "state=ready"})

    assert answer.mimetype == "text/csv" and answer.text.count("submitted") == 2 and "'=cmd()" in answer.text
    assert len(nobodys.text.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("role", "of", "status"),
    [
        ("reader", "partners", 403), ("reader", "deliveries", 403), ("reader", "posts", 200),
        ("accountant", "deliveries", 403), ("accountant", "posts", 403), ("accountant", "conversions", 200),
        ("operator", "partners", 200), ("operator", "nothing", 404),
    ],
)  # fmt: skip
def test_who_may_export_what(in_role, role, of, status):
    assert post(in_role(role), "/console/export", {"list": of, "query": ""}).status_code == status


# Bad input


@pytest.mark.parametrize(
    "query",
    ["since=0000-01-01", "since=2026-13-01", "since=x", "since=9999-01-01", "since=2026-02-30", "since=\x00"],
)
@pytest.mark.parametrize("path", ["posts", "audit", "mail", "conversions"])
def test_a_date_that_is_none_is_422(olga_client, path, query):
    assert olga_client.get(f"/console/{path}?{query}").status_code == 422


@pytest.mark.parametrize("q", ["%", "_", "'", "%_'", "\\", "a%", "x" * 5_000])
def test_no_sign_is_a_wildcard(olga_client, alice, q):
    answer = olga_client.get("/console/partners", query_string={"q": q})

    assert answer.status_code == 200 and "alice@example.org" not in answer.text


@pytest.mark.parametrize("q", ["Ali", "alice m", "ALICE@Example.org"])
def test_a_partner_is_found_by_the_beginning_of_the_name_or_the_whole_address(olga_client, alice, bob, q):
    answer = olga_client.get("/console/partners", query_string={"q": q})

    assert "alice@example.org" in answer.text and "bob@example.org" not in answer.text


@pytest.mark.parametrize("after", ["x", "x" * 22, "\x00", "'--"])
def test_a_foreign_cursor_is_the_first_page(olga_client, waiting, after):
    answer = olga_client.get("/console/posts", query_string={"after": after})

    assert answer.status_code == 200 and "Une heure gagnée" in answer.text


def test_a_list_goes_on_after_50_rows(app, olga_client, alice, offer):
    with transaction():
        for number in range(53):
            byop.submit_post(alice.id, Draft(title=f"Post {number:02}", nonce=str(number), offer_id=""))

    first = olga_client.get("/console/posts?state=submitted")
    following = re.search(r'href="(/console/posts\?[^"]*after=[^"]*)"', first.text)
    assert following
    second = olga_client.get(following[1].replace("&amp;", "&"))

    ids = [re.findall(r'data-id="([0-9A-Za-z]{22})"', page.text) for page in (first, second)]
    assert [len(page) for page in ids] == [50, 3] and not set(ids[0]) & set(ids[1])


def test_the_board_counts_what_its_line_opens(olga_client, waiting, hold):
    board = olga_client.get("/console/").text
    jobs = re.findall(r'data-job="([a-z]+)" data-waiting="([0-9]+)"><a href="([^"]+)"', board)

    assert {name for name, _waiting, _url in jobs} == {"moderation", "holds"}
    for _name, number, url in jobs:
        page = olga_client.get(url.replace("&amp;", "&")).text
        assert len(re.findall(r'data-id="[0-9A-Za-z]{22}"', page)) == int(number)


@pytest.fixture
def offer(app: Flask) -> Any:
    return OfferFactory()


# In the place of the row


HTMX = {"HX-Request": "true"}


def test_a_row_is_asked_about_done_and_undone_in_its_own_place(olga_client, waiting):
    sent = {"act": "refuse", "list": "posts", "id": waiting.id}
    asked = post(olga_client, "/console/confirm", sent, headers=HTMX)
    refused = post(olga_client, "/console/posts/refuse", {"post": waiting.id}, headers=HTMX)
    why = {"post": waiting.id, "reason": "claims", "words": "Dis ce que tu as vu."}
    done = post(olga_client, "/console/posts/refuse", why, headers=HTMX)
    again = post(olga_client, "/console/posts/refuse", why, headers=HTMX)
    undone = post(olga_client, "/console/undo", {"entry": undo_of(done)}, headers=HTMX)

    for answer in (asked, refused, done, again, undone):
        text = answer.text.strip()
        assert text.startswith("<article") and text.endswith("</article>") and "<h1" not in text
        assert f'data-id="{waiting.id}"' in text
    assert (asked.status_code, refused.status_code) == (200, 422)
    assert (verdicts(done), verdicts(again), verdicts(undone)) == (["done"], ["already"], ["undone"])
    assert f'id="reason-claims-{waiting.id}"' in asked.text and "Dites pourquoi" in refused.text
    assert status_of(waiting) == "submitted"


def test_a_hold_is_a_line_of_a_list_and_several_rows_have_a_page(olga_client, hold, waiting):
    one = post(olga_client, "/console/confirm", {"act": "keep", "list": "holds", "id": hold.id}, headers=HTMX)
    two = {"act": "approve", "list": "posts", "id": [waiting.id, "x" * 22]}
    page = post(olga_client, "/console/confirm", two, headers=HTMX)

    assert one.text.strip().startswith("<li")
    assert page.text.strip().startswith('<div id="confirm"')
