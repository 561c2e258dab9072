"""A post as the business knows it: accepted once, with its terms, its asset and its links."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask

from contentflow.byop import services
from contentflow.byop.models import Submission
from contentflow.byop.services import Draft
from contentflow.byop.words import Words
from contentflow.core.db import Base, db, transaction
from contentflow.core.errors import NotFound, Refused
from contentflow.core.registry import export_of
from contentflow.links import services as links
from contentflow.links.channels import CHANNELS, DIRECT
from contentflow.offers import services as offers
from contentflow.offers.models import Offer
from contentflow.partners.models import Partner
from contentflow.pipeline import services as pipeline
from contentflow.pipeline.models import Asset
from tests.house import run_work

DRAFT = Draft(title="Titre", description="Texte", hashtags="#ia", cta="Essaye", nonce="one")
VIDEO = "https://video.example.com/watch?v=1"


def submit(partner: Partner, draft: Draft = DRAFT) -> Submission:
    with transaction():
        made = services.submit_post(partner.id, draft)
    db.session.refresh(made)
    return made


def rows() -> dict[str, int]:
    """Return how many rows each table of a post has."""
    db.session.rollback()
    return {
        name: db.session.execute(Base.metadata.tables[name].select()).all().__len__()
        for name in ("byop_submissions", "assets", "links")
    }


NOTHING = {"byop_submissions": 0, "assets": 0, "links": 0}


def test_a_post_is_processing_and_its_asset_new(app: Flask, alice: Partner, offer: Offer):
    post = submit(alice, replace(DRAFT, source_url=VIDEO))

    asset = pipeline.get_asset(post.asset_id)
    assert (post.status, asset.state, asset.details["download_url"]) == ("processing", "new", VIDEO)
    assert (post.offer_id, post.revshare_bp, post.reason) == (offer.id, 4000, None)


def test_all_links_of_a_post_exist_once_it_is_submitted(app: Flask, alice: Partner, offer: Offer):
    post = submit(alice)

    assert set(links.links_of(post.id)) == {*CHANNELS, DIRECT}
    assert {link.destination for link in links.links_of(post.id).values()} == {offer.url}


def test_the_worker_makes_a_post_of_words_alone_ready(app: Flask, alice: Partner, offer: Offer):
    post = submit(alice)

    run_work(app)

    assert services.get_submission(alice.id, post.id).status == "ready"


def test_a_post_with_a_video_waits_for_the_renderer(app: Flask, alice: Partner, offer: Offer):
    post = submit(alice, replace(DRAFT, source_url=VIDEO))

    run_work(app)

    assert services.get_submission(alice.id, post.id).status == "processing"


def test_a_post_fails_as_its_asset_does_and_keeps_the_reason(app: Flask, alice: Partner, offer: Offer):
    post = submit(alice)
    with transaction():
        db.session.get_one(Asset, post.asset_id).attempts = 5

    run_work(app)

    failed = services.get_submission(alice.id, post.id)
    assert (failed.status, failed.reason) == ("failed", pipeline.reason_sentence("interrupted"))


def test_without_an_offer_chosen_the_first_one_is_taken(app: Flask, alice: Partner, offer: Offer):
    with transaction():
        second = offers.add_offer("Autre", "https://other.example.com/", "", 1000).id

    assert submit(alice).offer_id == offer.id
    assert submit(alice, replace(DRAFT, offer_id=second)).offer_id == second


@pytest.mark.parametrize("unknown", ["nobody", "x" * 22, "\x00", "é" * 22, "' OR 1=1 --"])
def test_an_unknown_offer_is_refused_and_nothing_is_written(
    app: Flask, alice: Partner, offer: Offer, unknown: str
):
    with pytest.raises(services.OfferNotOpen):
        submit(alice, replace(DRAFT, offer_id=unknown))

    assert rows() == NOTHING


def test_without_any_offer_the_refusal_says_what_to_do(app: Flask, alice: Partner):
    with pytest.raises(services.NoOffer) as refused:
        submit(alice)

    assert "Demande à l’équipe" in str(refused.value.message)
    assert rows() == NOTHING


def test_a_partner_who_does_not_exist_brings_nothing(app: Flask, offer: Offer):
    with pytest.raises(NotFound), transaction():
        services.submit_post("nobody", DRAFT)

    assert rows() == NOTHING


def test_a_post_keeps_the_share_it_was_accepted_with(app: Flask, alice: Partner, offer: Offer):
    post = submit(alice)
    with transaction():
        db.session.get_one(Offer, offer.id).revshare_bp = 100

    assert services.get_submission(alice.id, post.id).revshare_bp == 4000
    assert submit(alice, replace(DRAFT, nonce="two")).revshare_bp == 100


def test_the_same_form_twice_is_the_same_post(app: Flask, alice: Partner, offer: Offer):
    first, second = submit(alice), submit(alice)

    assert second.id == first.id
    assert rows() == {"byop_submissions": 1, "assets": 1, "links": len(CHANNELS) + 1}


@pytest.mark.parametrize("change", [{"title": "Autre"}, {"source_url": VIDEO}, {"cta": ""}, {"nonce": "two"}])
def test_another_nonce_or_other_words_are_another_post(
    app: Flask, alice: Partner, offer: Offer, change: dict[str, str]
):
    assert submit(alice, replace(DRAFT, **change)).id != submit(alice).id


def test_two_partners_with_the_same_nonce_have_a_post_each(
    app: Flask, alice: Partner, bob: Partner, offer: Offer
):
    assert submit(alice).id != submit(bob).id


def test_a_draft_without_a_nonce_is_always_a_new_post(app: Flask, alice: Partner, offer: Offer):
    bare = replace(DRAFT, nonce="")

    assert submit(alice, bare).id != submit(alice, bare).id


def test_eight_threads_with_one_form_make_one_post(app: Flask, alice: Partner, offer: Offer):
    start, made, failed = threading.Barrier(8), [], []

    def press() -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction():
                    made.append(services.submit_post(alice.id, DRAFT).id)
            except Exception as error:
                failed.append(error)

    in_threads(press, 8)

    assert failed == []
    assert (len(made), len(set(made))) == (8, 1)
    assert rows() == {"byop_submissions": 1, "assets": 1, "links": len(CHANNELS) + 1}


def in_threads(act: Callable[[], None], number: int) -> None:
    db.session.rollback()
    threads = [threading.Thread(target=act) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)


def test_bob_sees_alices_post_as_missing(app: Flask, bob: Partner, alices_post: Submission):
    for act in (
        lambda: services.get_submission(bob.id, alices_post.id),
        lambda: services.edit_words(bob.id, alices_post.id, Words(title="Volé")),
        lambda: services.archive_post(bob.id, alices_post.id),
    ):
        with pytest.raises(NotFound), transaction():
            act()

    assert services.find_public(alices_post.id).title == alices_post.title  # type: ignore[union-attr]


@pytest.mark.parametrize("unknown", ["", "nobody", "x" * 22, "\x00" * 22, "x" * 100_000, "é" * 22])
def test_an_id_that_nobody_has_is_missing(app: Flask, alice: Partner, unknown: str):
    assert services.find_public(unknown) is None
    with pytest.raises(NotFound):
        services.get_submission(alice.id, unknown)


def test_posts_are_listed_newest_first_and_only_ones_own(
    app: Flask, alice: Partner, bob: Partner, offer: Offer
):
    older, newer = submit(alice), submit(alice, replace(DRAFT, nonce="two"))
    submit(bob)

    assert [post.id for post in services.list_submissions(alice.id)] == [newer.id, older.id]


def test_mended_words_reach_the_asset_and_leave_the_links(
    app: Flask, alice: Partner, alices_post: Submission
):
    codes = {link.code for link in links.links_of(alices_post.id).values()}
    words = Words("Mieux", "Dit", "#outils", "Viens")

    with transaction():
        services.edit_words(alice.id, alices_post.id, words)

    post = services.get_submission(alice.id, alices_post.id)
    assert services.words_of(post) == words
    details = pipeline.get_asset(post.asset_id).details
    assert {name: details[name] for name in ("title", "description", "hashtags", "cta")} == {
        "title": "Mieux",
        "description": "Dit",
        "hashtags": "#outils",
        "cta": "Viens",
    }
    assert {link.code for link in links.links_of(post.id).values()} == codes


def test_archiving_twice_is_archiving_once(app: Flask, alice: Partner, alices_post: Submission):
    archived = []
    for _ in range(2):
        with transaction():
            services.archive_post(alice.id, alices_post.id)
        archived.append(services.get_submission(alice.id, alices_post.id).archived_at)

    assert archived[0] is not None
    assert archived[1] == archived[0]
    assert all(link.disabled_at for link in links.links_of(alices_post.id).values())
    assert services.find_public(alices_post.id) is None


def test_an_archived_post_is_not_mended(app: Flask, alice: Partner, alices_post: Submission):
    with transaction():
        services.archive_post(alice.id, alices_post.id)

    with pytest.raises(services.Archived) as refused, transaction():
        services.edit_words(alice.id, alices_post.id, Words(title="Trop tard"))

    assert isinstance(refused.value, Refused)
    assert services.get_submission(alice.id, alices_post.id).title == alices_post.title


def test_the_export_holds_every_post_with_its_terms(app: Flask, alice: Partner, offer: Offer):
    post = submit(alice, replace(DRAFT, source_url=VIDEO))

    [exported] = export_of(alice.id)["submissions"]

    assert exported.pop("at").endswith("Z")
    assert exported == {
        "id": post.id,
        "asset_id": post.asset_id,
        "title": "Titre",
        "description": "Texte",
        "hashtags": "#ia",
        "cta": "Essaye",
        "source_url": VIDEO,
        "offer_id": offer.id,
        "status": "processing",
        "reason": None,
        "revshare_bp": 4000,
    }
