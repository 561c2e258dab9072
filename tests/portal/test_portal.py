"""The partner's home: posts, clicks, and the next step; as quick with many posts as with few."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import event

from contentflow.byop import services as byop
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.links.models import Click
from contentflow.portal.next_step import NETWORKS, PostFacts, next_step
from contentflow.sharekit import services as sharekit
from tests.factories.posts import PostFactory
from tests.house import working_at_most
from tests.sharekit.marks import Marks


def page_of(client, url="/partner/portal"):
    response = client.get(url)
    assert response.status_code == 200
    return html.unescape(response.get_data(as_text=True))


def add_posts(partner, number):
    return [PostFactory(partner_id=partner.id, title=f"Post {n}").id for n in range(number)]


def add_clicks(submission_id, channel, verdict, number, days_ago=0):
    with transaction():
        link = links.links_of(submission_id)[channel]
        at = clock.now() - timedelta(days=days_ago)
        kinds = {"verdict": verdict, "agent_class": "browser"}
        links.add_clicks(
            [
                Click(link_id=link.id, partner_id=link.partner_id, clicked_at=at, **kinds)
                for _ in range(number)
            ]
        )


def queries_of(client, url):
    seen = []

    def note(connection, cursor, statement, *rest):
        seen.append(statement)

    with client.application.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        assert client.get(url).status_code == 200
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return len(seen)


def test_a_new_partner_is_told_how_to_begin(alice_client):
    page = page_of(alice_client)

    assert "Ton premier post" in page
    assert [given["href"] for given in Marks(page).attributes() if "byop/new" in given.get("href", "")]
    assert page.count("Créer un post (BYOP)") == 1
    assert "Chaque visite, expliquée" not in page


def test_the_link_to_a_new_post_stands_once(alice_client, alices_post):
    assert page_of(alice_client).count("Créer un post (BYOP)") == 1


def test_each_post_shows_its_state_shares_and_valid_clicks_by_channel(alice, alice_client, alices_post):
    with transaction():
        sharekit.log_share(alice.id, alices_post.id, "x")
        sharekit.log_share(alice.id, alices_post.id, "copy")
    add_clicks(alices_post.id, "whatsapp", "valid", 3)
    add_clicks(alices_post.id, "x", "valid", 1)
    add_clicks(alices_post.id, "x", "bot", 5)

    page = page_of(alice_client)

    row = re.search(r'(?s)<ul class="posts".*?</ul>', page)[0]
    text = " ".join(re.sub(r"<[^>]+>", " ", row).split())
    assert "Une heure gagnée par jour 4 clics valides" in text
    assert "Presque prêt" in text
    assert "2 partages WhatsApp 3 X 1" in text


def test_past_the_three_best_channels_the_clicks_are_summed(alice_client, alices_post):
    for channel, number in {"whatsapp": 5, "x": 4, "copy": 3, "qr": 2, "native": 1}.items():
        add_clicks(alices_post.id, channel, "valid", number)

    page = page_of(alice_client)

    row = re.search(r'(?s)<ul class="posts".*?</ul>', page)[0]
    text = " ".join(re.sub(r"<[^>]+>", " ", row).split())
    assert "WhatsApp 5 X 4 Copie 3 ailleurs 3" in text


def test_the_one_number_is_of_valid_clicks_alone(alice_client, alices_post):
    add_clicks(alices_post.id, "whatsapp", "valid", 3)
    add_clicks(alices_post.id, "whatsapp", "preview_bot", 4)

    page = page_of(alice_client)

    assert 'number-value">3<' in page
    assert "clics valides, sur 7 visites" in page
    assert "Aperçus de messageries, personne n’a cliqué" in page


def test_the_chart_is_a_table_too_and_its_days_are_those_in_france(alice_client, alices_post):
    add_clicks(alices_post.id, "whatsapp", "valid", 2, days_ago=3)

    page = page_of(alice_client)

    assert "UTC" not in page
    table = re.search(r"(?s)Clics valides par jour.*?</table>", page)[0]
    assert table.count("<tr>") == 31
    assert 'num">2<' in table


def test_bobs_portal_knows_nothing_of_alices_posts(alice_client, bob_client, alices_post):
    add_clicks(alices_post.id, "whatsapp", "valid", 2)

    page = page_of(bob_client)

    assert "Une heure gagnée" not in page
    assert "Ton premier post" in page


def test_hostile_titles_are_only_text(alice, alice_client, offer):
    PostFactory(partner_id=alice.id, title="<script>alert(1)</script>")

    assert "<script>alert" not in alice_client.get("/partner/portal").get_data(as_text=True)


def test_twenty_posts_stand_on_a_page(alice, alice_client, offer):
    add_posts(alice, 23)

    first = page_of(alice_client)
    second = page_of(alice_client, neighbour(first, "before"))
    again = page_of(alice_client, neighbour(second, "after"))

    assert first.count('class="row-title"') == 20
    assert "posts 1 à 20 sur 23" in first and "posts 21 à 23 sur 23" in second
    assert second.count('class="row-title"') == 3
    assert titles(again) == titles(first)
    assert neighbour(first, "after") == neighbour(second, "before") == ""


def neighbour(page, which):
    found = re.search(rf'href="(/partner/portal\?{which}=[0-9A-Za-z]+)#posts"', page)
    return found[1] if found else ""


def titles(page):
    return re.findall(r'class="row-title"[^>]*>([^<]+)<', page)


def test_the_pages_show_every_post_once_also_those_of_one_moment(alice, alice_client, offer):
    add_posts(alice, 47)
    with transaction():
        for submission in db.session.scalars(db.select(byop.Submission)):
            submission.created_at = clock.now().replace(microsecond=0, second=0)

    url, seen, turned = "/partner/portal", [], []
    while url:
        page = page_of(alice_client, url)
        seen += titles(page)
        turned.append(url)
        url = neighbour(page, "before")

    assert sorted(seen) == sorted(f"Post {n}" for n in range(47))
    assert len(turned) == 3


def test_a_post_that_comes_meanwhile_moves_no_page(alice, alice_client, offer):
    add_posts(alice, 23)
    older = neighbour(page_of(alice_client), "before")
    before = titles(page_of(alice_client, older))
    PostFactory(partner_id=alice.id, title="New")

    assert titles(page_of(alice_client, older)) == before


@pytest.mark.parametrize("cursor", ["0", "-1", "x", "9" * 40, "0" * 22, "\x00", "é"])
def test_a_page_that_is_not_there_is_the_first(alice_client, alices_post, cursor):
    for which in ("before", "after"):
        assert "Une heure gagnée" in page_of(alice_client, f"/partner/portal?{which}={cursor}")


def test_anothers_post_is_no_cursor(alice, bob, alice_client, alices_post):
    bobs = PostFactory(partner_id=bob.id, title="Bob's").id

    assert "Une heure gagnée" in page_of(alice_client, f"/partner/portal?before={bobs}")


def test_what_a_page_reads_does_not_grow_with_the_posts(alice, alice_client, offer):
    add_posts(alice, 110)

    rows = rows_read(lambda: page_of(alice_client))

    assert rows <= 50 + 20  # The newest ones and the page, never all.


def rows_read(act):
    """Return how many posts were made out of rows."""
    made = []

    def note(target, context):
        made.append(target)

    event.listen(byop.Submission, "load", note)
    try:
        act()
    finally:
        event.remove(byop.Submission, "load", note)
    return len(made)


def test_thirty_posts_cost_as_many_queries_as_three(alice, alice_client, offer):
    add_posts(alice, 3)
    few = queries_of(alice_client, "/partner/portal")
    PostFactory.create_batch(27, partner_id=alice.id, title="More")

    assert queries_of(alice_client, "/partner/portal") == few


def test_three_hundred_posts_take_half_a_second_of_the_processor(alice, alice_client, offer):
    add_posts(alice, 300)
    page_of(alice_client)

    with working_at_most(0.5):
        page_of(alice_client)


def facts(id="a", shares=None, **valid):
    return PostFacts(id, "Titre", shares or {}, valid)


def test_a_post_that_was_never_shared_comes_first():
    step = next_step([facts("a", {"x": 1}, x=5), facts("b")])

    assert (step.act, step.post.id) == ("share", "b")


def test_what_works_is_carried_to_a_network_that_was_not_tried():
    step = next_step([facts("a", {"x": 1}), facts("b", {"whatsapp": 2}, whatsapp=5)])

    assert (step.act, step.post.id, step.best, step.untried) == (
        "another_network",
        "b",
        "whatsapp",
        "telegram",
    )


def test_without_any_click_another_network_is_tried():
    step = next_step([facts("a", {"whatsapp": 1, "telegram": 1})])

    assert (step.act, step.untried) == ("repeat", "x")


def test_once_everything_was_tried_something_new_is_due():
    assert next_step([facts("a", dict.fromkeys(NETWORKS, 1), x=1)]).act == "create"
    assert next_step([]).act == "create"


@pytest.mark.parametrize(
    "shares, sentence",
    [((), "attend son premier partage"), (("x",), "attend son premier clic : essaie-le sur WhatsApp")],
)
def test_the_next_step_is_a_sentence(alice, alice_client, alices_post, shares, sentence):
    with transaction():
        for channel in shares:
            sharekit.log_share(alice.id, alices_post.id, channel)

    assert sentence in page_of(alice_client)
