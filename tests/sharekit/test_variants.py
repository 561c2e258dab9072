"""Two variants of a post: shown by turns, counted apart, and said to differ only when they do."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.experiments import services as experiments
from contentflow.experiments.models import CHANNELS, Variant
from contentflow.experiments.services import keep_rates, programme_rates
from contentflow.links import services as links
from contentflow.links.models import LinkTotal
from contentflow.mailing.models import Delivery
from contentflow.sharekit import services
from contentflow.sharekit.models import ShareLog
from tests.house import post

HTMX = {"HX-Request": "true"}
HOOK = "Tu perds du temps chaque matin ?"


def make_ready(submission):
    with transaction():
        db.session.get(Submission, submission.id).status = "ready"
    db.session.rollback()
    return submission


def make(client, submission, hook=HOOK, cover="0", nonce="n1", **kwargs):
    return post(
        client,
        "/byop/variants",
        {"sid": submission.id, "hook": hook, "cover": cover, "nonce": nonce},
        **kwargs,
    )


def use(client, submission, choice):
    return post(client, "/byop/variants/use", {"sid": submission.id, "use": choice})


def press(client, submission, channel="whatsapp", turn="", **kwargs):
    sent = {"sid": submission.id, "ch": channel} | ({"turn": turn} if turn else {})
    return post(client, "/byop/log", sent, **kwargs)


def page_of(client, url):
    return unescape(client.get(url).get_data(as_text=True))


def kit(client, submission):
    return page_of(client, f"/byop/kit?id={submission.id}")


def turn_of(page):
    return re.search(r'data-turn="([^"]+)"', page)[1]


def variants():
    db.session.rollback()
    return list(db.session.scalars(select(Variant).order_by(Variant.name)))


def logs():
    db.session.rollback()
    return list(db.session.scalars(select(ShareLog).order_by(ShareLog.created_at, ShareLog.id)))


@pytest.fixture
def running(alice_client, alices_post):
    assert make(alice_client, alices_post).status_code == 303
    return alices_post


def test_proposals_stand_in_the_kit_and_nothing_is_published(alice_client, submit):
    submitted = submit(title="Notion : mon cerveau", description="J'y range tout. Tu perds tes notes ?")
    assert 'data-variant="proposed"' not in kit(alice_client, submitted)

    page = kit(alice_client, make_ready(submitted))

    assert 'data-variant="proposed"' in page
    assert "Tu perds tes notes ?" in page
    assert "data-turn" not in page
    assert variants() == []


def test_without_a_second_hook_in_the_words_the_form_is_empty_and_asks(alice_client, submit):
    page = kit(alice_client, make_ready(submit(title="Mon titre", description="")))

    assert "écris-la toi-même" in page
    assert re.search(r'name="hook"', page)
    assert not re.search(r'name="hook"[^>]*value="[^"]', page)


def test_b_has_its_own_links_in_nine_channels_and_the_old_ones_stay(alice_client, alices_post):
    before = {channel: link.code for channel, link in links.links_of(alices_post.id).items()}
    db.session.rollback()

    make(alice_client, alices_post)

    [variant] = variants()
    assert (variant.name, variant.state, variant.hook) == ("b", "running", HOOK)
    assert set(links.links_of(alices_post.id, "b")) == set(CHANNELS)
    assert {channel: link.code for channel, link in links.links_of(alices_post.id).items()} == before


def test_the_kit_shows_the_variant_whose_turn_it_is_with_its_own_links(alice_client, running):
    seen = set()
    for _ in range(20):
        page = kit(alice_client, running)
        shown = re.search(r'class="turn" data-variant="(\w)"', page)[1]
        text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", page, re.DOTALL)[1]
        made = links.links_of(running.id, "b" if shown == "b" else "")
        assert made["copy"].code in text
        assert (HOOK in text) == (shown == "b")
        assert text.startswith("Publicité\n")
        assert text.endswith("#ad")
        db.session.rollback()
        press(alice_client, running, "copy", turn_of(page))
        seen.add(shown)

    assert seen == {"a", "b"}


def test_a_reload_draws_no_new_lot_and_no_get_writes(alice_client, running):
    first, again = kit(alice_client, running), kit(alice_client, running)

    assert turn_of(first) == turn_of(again)
    assert logs() == []


def test_a_press_is_logged_with_its_variant_and_chance_and_brings_the_next_turn(alice_client, running):
    turn = turn_of(kit(alice_client, running))

    answer = press(alice_client, running, "whatsapp", turn, headers=HTMX)

    [entry] = logs()
    assert (entry.turn, entry.chance_bp) == (1, 5_000)
    assert turn_of(answer.get_data(as_text=True)) != turn


def test_a_turn_pressed_twice_counts_twice_and_once_for_the_test(alice_client, running):
    turn = turn_of(kit(alice_client, running))

    press(alice_client, running, "whatsapp", turn)
    press(alice_client, running, "telegram", turn)

    first, second = logs()
    assert (first.turn, second.turn) == (1, None)
    assert first.variant == second.variant


def test_without_the_field_it_is_a_outside_the_test(alice_client, running):
    press(alice_client, running)

    [entry] = logs()
    assert (entry.variant, entry.turn, entry.chance_bp) == ("", None, None)


@pytest.mark.parametrize("channel", ["native", "qr"])
def test_a_native_share_and_a_code_stay_as(alice_client, running, channel):
    press(alice_client, running, channel, turn_of(kit(alice_client, running)))

    [entry] = logs()
    assert (entry.variant, entry.turn) == ("", None)


@pytest.mark.parametrize("turn", ["x", "WzEsMl0.abc", "é" * 300])
def test_a_forged_turn_is_refused_and_nothing_logged(alice_client, running, turn):
    assert press(alice_client, running, "whatsapp", turn).status_code == 422
    assert logs() == []


def test_another_posts_turn_is_refused(alice_client, running, submit):
    other = submit(title="Autre")
    make(alice_client, other)

    answer = press(alice_client, running, "whatsapp", turn_of(kit(alice_client, other)))

    assert answer.status_code == 422
    assert logs() == []


@pytest.mark.parametrize("hook", ["", "   ", "\n\r\n", "\u200b", "x" * 121])
def test_a_hook_that_is_none_is_refused_with_what_was_typed(alice_client, alices_post, hook):
    answer = make(alice_client, alices_post, hook=hook)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)
    assert variants() == []


@pytest.mark.parametrize("cover", ["3", "-1", "x", "99999999999999999999"])
def test_a_cover_beyond_the_three_is_refused(alice_client, alices_post, cover):
    assert make(alice_client, alices_post, cover=cover).status_code == 422
    assert variants() == []


def test_the_same_hook_and_cover_as_a_is_refused(alice_client, alices_post):
    assert make(alice_client, alices_post, hook="une heure gagnée par jour").status_code == 422
    assert variants() == []


def test_another_partners_post_is_missing(bob_client, alices_post):
    assert make(bob_client, alices_post).status_code == 404
    assert use(bob_client, alices_post, "both").status_code == 404
    assert bob_client.get(f"/byop/variants?id={alices_post.id}").status_code == 404


def test_the_same_nonce_again_makes_nothing_more(alice_client, running):
    assert make(alice_client, running, hook="Autre accroche").status_code == 303

    assert [one.hook for one in variants()] == [HOOK]


def test_an_unshared_variant_is_mended_a_shared_one_makes_c(alice_client, running):
    make(alice_client, running, hook="Encore mieux dit", nonce="n2")
    assert [(one.name, one.hook) for one in variants()] == [("b", "Encore mieux dit")]
    _press_until(alice_client, running, "b")

    make(alice_client, running, hook="Tout autre chose", nonce="n3")

    assert [(one.name, one.state) for one in variants()] == [("b", "ended"), ("c", "running")]
    assert set(links.links_of(running.id, "c")) == set(CHANNELS)


def test_an_earlier_variant_can_be_chosen_again(alice_client, running):
    _press_until(alice_client, running, "b")
    make(alice_client, running, hook="Tout autre chose", nonce="n3")

    use(alice_client, running, "b")

    assert [(one.name, one.state) for one in variants()] == [("b", "chosen"), ("c", "ended")]
    assert HOOK in kit(alice_client, running)
    use(alice_client, running, "both")
    assert [(one.name, one.state) for one in variants()] == [("b", "running"), ("c", "ended")]


def test_a_native_share_has_as_words_whoevers_turn_it_is(alice_client, running):
    use(alice_client, running, "b")

    page = kit(alice_client, running)

    native = re.search(r'id="native-text" hidden>(.*?)</span>', page, re.DOTALL)[1]
    assert HOOK not in native
    assert links.links_of(running.id)["native"].code in native
    assert f"/p/{links.links_of(running.id)['copy'].code}" in page


def test_a_turn_of_a_test_that_ended_is_a_press_and_no_trial(alice_client, running):
    _press_until(alice_client, running, "b")
    old = turn_of(kit(alice_client, running))
    make(alice_client, running, hook="Tout autre chose", nonce="n3")

    assert press(alice_client, running, "whatsapp", old).status_code == 303

    assert logs()[-1].turn is None


def _press_until(client, submission, wanted):
    for _ in range(40):
        page = kit(client, submission)
        press(client, submission, "whatsapp", turn_of(page))
        if f'class="turn" data-variant="{wanted}"' in page:
            return
    pytest.fail(f"{wanted} never had its turn")


@pytest.mark.parametrize(("choice", "state"), [("b", "chosen"), ("a", "ended"), ("both", "running")])
def test_the_partner_decides_at_any_time(alice_client, running, choice, state):
    assert use(alice_client, running, choice).status_code == 303

    assert [one.state for one in variants()] == [state]


def test_a_chosen_variant_is_shared_alone_and_outside_the_test(alice_client, running):
    use(alice_client, running, "b")

    for _ in range(3):
        press(alice_client, running, "whatsapp", turn_of(kit(alice_client, running)))

    assert [(entry.variant, entry.turn) for entry in logs()] == [("b", None)] * 3


def test_a_kept_first_version_has_no_turns(alice_client, running):
    use(alice_client, running, "a")

    assert "data-turn" not in kit(alice_client, running)


@pytest.mark.parametrize("choice", ["c", "", "B", "both ", "\x00"])
def test_a_version_that_does_not_exist_cannot_be_used(alice_client, running, choice):
    if choice == "":
        assert use(alice_client, running, choice).status_code == 303  # The name of the first words.
    else:
        assert use(alice_client, running, choice).status_code == 422


def test_preview_and_public_page_show_that_codes_hook(app, alice_client, running):
    b = links.links_of(running.id, "b")["whatsapp"].code
    a = links.links_of(running.id)["whatsapp"].code
    db.session.rollback()

    page = unescape(alice_client.get(f"/p/{b}").get_data(as_text=True))

    assert f"<title>Publicité · {HOOK}" in page
    assert f"/p/{b}" in page
    assert HOOK not in unescape(alice_client.get(f"/p/{a}").get_data(as_text=True))


def test_the_table_shows_numbers_and_says_it_is_too_early(alice_client, running):
    turn = turn_of(kit(alice_client, running))
    press(alice_client, running, "whatsapp", turn)

    page = page_of(alice_client, f"/byop/variants?id={running.id}")

    assert 'data-verdict="early"' in page
    presses = {
        name: int(count) for name, count in re.findall(r'data-variant="(\w)" data-presses="(\d+)"', page)
    }
    assert sum(presses.values()) == 1
    assert "WhatsApp" in page


def test_a_post_with_one_version_has_no_table(alice_client, alices_post):
    assert alice_client.get(f"/byop/variants?id={alices_post.id}").status_code == 404


def test_a_clear_difference_is_said_after_72_hours(alice_client, running, monkeypatch, time_machine):
    time_machine.move_to(clock.now(), tick=False)
    for _ in range(40):
        page = kit(alice_client, running)
        press(alice_client, running, "whatsapp", turn_of(page))
        time_machine.shift(timedelta(minutes=1))
    made = {name: links.links_of(running.id, name)["whatsapp"].id for name in ("", "b")}
    db.session.rollback()
    clicks = [
        (entry.created_at + timedelta(seconds=second), "whatsapp", "b")
        for entry in logs()
        if entry.variant == "b"
        for second in range(4)
    ]
    monkeypatch.setattr("contentflow.sharekit.turns.links.valid_clicks_since", lambda *args: sorted(clicks))

    early = page_of(alice_client, f"/byop/variants?id={running.id}")
    time_machine.shift(timedelta(hours=73))
    later = page_of(alice_client, f"/byop/variants?id={running.id}")

    assert made
    assert 'data-verdict="early"' in early
    assert 'data-verdict="better"' in later
    assert "B fait mieux" in later


def test_withdrawal_stops_both(alice, alice_client, running):
    with transaction():
        byop.archive_post(alice.id, running.id)

    for name in ("", "b"):
        assert alice_client.get(f"/l/{links.links_of(running.id, name)['x'].code}").status_code == 410
    assert make(alice_client, running, nonce="n9").status_code in (409, 410)


def test_the_export_tells_variants_turns_and_chances(alice_client, running):
    press(alice_client, running, "whatsapp", turn_of(kit(alice_client, running)))

    told = alice_client.get("/partner/export.json").get_json()

    [variant] = told["variants"]
    assert set(variant) == {"submission_id", "name", "hook", "cover", "kind", "state", "at"}
    assert (variant["name"], variant["hook"], variant["kind"]) == ("b", HOOK, "own")
    [entry] = told["share_logs"]
    assert (entry["turn"], entry["chance_bp"]) == (1, 5_000)
    assert {"", "b"} == {link["variant"] for link in told["links"]}


def test_switched_off_nothing_of_it_is_there(app, alice_client, running, monkeypatch):
    from dataclasses import replace

    app.config["CONTENTFLOW"] = replace(app.config["CONTENTFLOW"], variants_enabled=False)

    page = kit(alice_client, running)

    assert 'id="variants"' not in page
    assert "data-turn" not in page
    assert alice_client.get(f"/byop/variants?id={running.id}").status_code == 404


def test_the_programmes_rates_are_counted(app, alice_client, running):
    press(alice_client, running, "whatsapp")
    press(alice_client, running, "whatsapp")

    services.count_channel_rates()

    assert programme_rates() == {"whatsapp": 0.0}
    with transaction():
        keep_rates({"whatsapp": 4, "x": 0}, {"whatsapp": 3})
    assert programme_rates() == {"whatsapp": 0.75}


def test_the_kinds_of_hooks_are_told_as_sums(app, alice_client, running):
    _press_until(alice_client, running, "b")
    b = links.links_of(running.id, "b")["whatsapp"]
    with transaction():
        db.session.add(LinkTotal(link_id=b.id, verdict="valid", clicks=3))

    result = app.test_cli_runner().invoke(args=["variants", "kinds", "--json"])

    assert json.loads(result.stdout) == [{"kind": "own", "variants": 1, "presses": 1, "clicks": 3}]


def test_each_recipient_of_a_mail_gets_one_variant_drawn_one_by_one(app, alice_client, running):
    addresses = [f"reader{number}@example.com" for number in range(24)]

    answer = post(
        alice_client,
        "/byop/email",
        {"sid": running.id, "emails": "\n".join(addresses), "consent": "y", "nonce": "m1"},
    )

    assert answer.status_code == 303
    db.session.rollback()
    mails = list(db.session.scalars(select(Delivery).where(Delivery.kind == "share")))
    assert {mail.variant for mail in mails} == {"", "b"}
    assert {mail.chance_bp for mail in mails} == {5_000}
    for mail in mails:
        assert (mail.context["title"] == HOOK) == (mail.variant == "b")
        assert links.links_of(running.id, mail.variant)["email"].code in mail.context["url"]


def test_a_table_counts_recipients_beside_presses(alice_client, running):
    addresses = "\n".join(f"reader{number}@example.com" for number in range(5))
    post(alice_client, "/byop/email", {"sid": running.id, "emails": addresses, "consent": "y", "nonce": "m1"})

    page = page_of(alice_client, f"/byop/variants?id={running.id}")

    presses = dict(re.findall(r'data-variant="(\w)" data-presses="(\d+)"', page))
    assert sum(map(int, presses.values())) == 5


def test_erasure_takes_the_hook(alice, alice_client, running):
    for _ in experiments.sweep_partner(alice.id, ""):
        db.session.commit()

    [variant] = variants()
    assert (variant.hook, variant.state) == ("", "ended")
