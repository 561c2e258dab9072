"""Each press of a share control is one row of the log, with what was shared."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from contentflow.byop import services as byop
from contentflow.core.db import db, transaction
from contentflow.links.channels import CHANNELS
from contentflow.sharekit import services
from contentflow.sharekit.models import ShareLog
from tests.house import csrf, post
from tests.sharekit.marks import Marks

HTMX = {"HX-Request": "true"}


def press(client, submission, channel, **kwargs):
    return post(client, "/byop/log", {"sid": submission.id, "ch": channel}, **kwargs)


def entries():
    db.session.rollback()  # Whatever this session read before the request is read anew.
    return list(db.session.scalars(select(ShareLog)))


def logged():
    return len(entries())


def test_a_press_moves_the_counter_in_the_fragment(alice_client, alices_post):
    press(alice_client, alices_post, "whatsapp", headers=HTMX)
    answer = press(alice_client, alices_post, "whatsapp", headers=HTMX)

    assert answer.status_code == 200
    fragment = answer.get_data(as_text=True)
    assert fragment.lstrip().startswith('<div id="share-counters"')
    assert Marks(fragment).counts() == dict.fromkeys(CHANNELS, 0) | {"whatsapp": 2}


def test_without_a_click_the_next_step_looks_again_after_a_press(alice_client, alices_post):
    first = alice_client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True)
    answer = press(alice_client, alices_post, "whatsapp", headers=HTMX)
    later = alice_client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True)

    assert answer.headers["HX-Trigger-After-Settle"] == "pressed"
    assert "Partage ton lien une première fois" in first
    assert "Partagé 1 fois, pas encore de clic." in later
    assert first.count("pressed from:body") == later.count("pressed from:body") == 1


def test_a_plain_press_leads_back_to_the_kit(alice_client, alices_post, alices_kit):
    answer = press(alice_client, alices_post, "telegram")

    assert (answer.status_code, answer.location) == (303, alices_kit)
    assert Marks(alice_client.get(alices_kit).get_data(as_text=True)).counts()["telegram"] == 1


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_of_the_list_can_be_logged(alice_client, alices_post, channel):
    assert press(alice_client, alices_post, channel).status_code == 303
    assert [entry.channel for entry in entries()] == [channel]
    assert services.share_counts([alices_post.id]) == {alices_post.id: {channel: 1}}


@pytest.mark.parametrize("channel", ["", "direct", "WhatsApp", "sms", "x'--", "\x00"])
def test_an_unknown_channel_is_refused_and_nothing_is_logged(alice_client, alices_post, channel):
    assert press(alice_client, alices_post, channel).status_code == 422
    assert logged() == 0


def test_the_log_keeps_the_text_that_was_shared(alice_client, alices_post):
    press(alice_client, alices_post, "x")

    [entry] = entries()
    assert entry.message.startswith("Publicité\nUne heure gagnée par jour\n")
    assert entry.recipients_count == 0


def test_a_long_message_is_cut_at_2000_characters(app, alice, alices_post):
    with transaction():
        services.log_share(alice.id, alices_post.id, "copy", "é" * 2_001)

    assert len(entries()[0].message) == 2_000


def test_bob_cannot_log_on_alices_post(bob_client, alices_post):
    assert press(bob_client, alices_post, "x").status_code == 404
    assert press(bob_client, alices_post, "x", headers=HTMX).status_code == 404
    assert logged() == 0


def test_a_get_logs_nothing(alice_client, alices_post):
    answer = alice_client.get(f"/byop/log?sid={alices_post.id}&ch=x")

    assert answer.status_code == 405
    assert logged() == 0


def test_without_a_token_nothing_is_logged(alice_client, alices_post):
    answer = alice_client.post("/byop/log", data={"sid": alices_post.id, "ch": "x"})

    assert answer.status_code == 400
    assert logged() == 0


def test_an_archived_post_cannot_be_shared(alice, alice_client, alices_post):
    with transaction():
        byop.archive_post(alice.id, alices_post.id)

    assert press(alice_client, alices_post, "x").status_code == 410
    assert logged() == 0


def test_presses_over_the_limit_are_refused_and_refused_ones_cost_nothing(alice_client, alices_post):
    object.__setattr__(alice_client.application.config["CONTENTFLOW"], "log_per_minute", 2)
    token = csrf(alice_client)

    def answer(channel):
        data = {"sid": alices_post.id, "ch": channel, "csrf_token": token}
        return alice_client.post("/byop/log", data=data)

    assert [answer(channel).status_code for channel in ("x", "unknown", "x", "x")] == [303, 422, 303, 429]
    assert int(answer("x").headers["Retry-After"]) in range(1, 61)
    assert logged() == 2
