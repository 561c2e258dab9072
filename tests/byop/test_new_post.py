"""The form of a new post: what is accepted, what is refused, and what stays as it was typed."""

from __future__ import annotations

import html
import re
import threading
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from contentflow.byop import services
from contentflow.byop.forms import URL_SENTENCES
from contentflow.byop.models import Submission
from contentflow.byop.source_url import UrlProblem
from contentflow.core.db import db
from contentflow.offers.models import Offer
from contentflow.partners.models import Partner
from contentflow.pipeline.models import Asset
from contentflow.web.limits import LimitEntry
from tests.factories.offers import OfferFactory
from tests.house import browser, csrf, log_in, post, working_at_most

HTMX = {"HX-Request": "true"}
KIT = re.compile(r"^/byop/kit\?id=([0-9A-Za-z]{22})$")
XSS = '"><script>alert(1)</script>'


def text_of(response: TestResponse) -> str:
    return html.unescape(response.get_data(as_text=True)).replace("\u00a0", " ")


def counted() -> tuple[int, int, int]:
    db.session.rollback()
    return tuple(db.session.query(model).count() for model in (Submission, Asset, LimitEntry))  # type: ignore[return-value]


def posts_of(partner: Partner) -> list[Submission]:
    db.session.rollback()  # What was read before is another moment's.
    return services.list_submissions(partner.id)


def only_post(partner: Partner) -> Submission:
    [made] = posts_of(partner)
    return made


def submit(client: FlaskClient, **fields: Any) -> TestResponse:
    return post(client, "/byop/submit", fields)


def test_the_page_offers_the_form_with_a_nonce_and_the_first_offer_chosen(
    alice_client: FlaskClient, offer: Offer
):
    page = text_of(alice_client.get("/byop/new"))

    assert "Colle l’URL d’une vidéo" in page
    assert re.search(r'name="nonce" type="hidden" value="[0-9A-Za-z]{22}"', page)
    assert re.search(rf'value="{offer.id}" checked', page)
    assert "Nova" in page
    assert "40 % de la commission de chaque vente" in page.replace("\u202f", " ")


def test_with_several_offers_none_is_chosen_and_one_must_be(alice_client: FlaskClient, offer: Offer):
    OfferFactory(name="Carnet", url="https://carnet.example.com/")
    page = text_of(alice_client.get("/byop/new"))

    refused = submit(alice_client, title="Sans offre", must_choose="1")

    assert 'name="must_choose" value="1"' in page
    assert not re.search(r"name=\"offer_id\"[^>]* checked", page)
    assert refused.status_code == 422
    assert "Choisis l’offre que tu partages." in text_of(refused)
    assert "Sans offre" in text_of(refused)


def test_the_page_of_an_offer_brings_its_offer_chosen(alice_client: FlaskClient, offer: Offer):
    other = OfferFactory(name="Carnet", url="https://carnet.example.com/")

    page = text_of(alice_client.get(f"/byop/new?offer={other.id}"))

    assert re.search(rf'value="{other.id}" checked', page)


def test_the_fragment_for_htmx_is_the_form_alone(alice_client: FlaskClient, offer: Offer):
    fragment = alice_client.get("/byop/new", headers=HTMX).get_data(as_text=True)

    assert "<html" not in fragment
    assert 'id="post-form"' in fragment


def test_without_any_offer_the_page_says_what_to_do(alice_client: FlaskClient):
    assert "Demande à l’équipe du programme" in text_of(alice_client.get("/byop/new"))


def test_a_post_leads_to_its_kit(alice_client: FlaskClient, alice: Partner, offer: Offer):
    response = submit(
        alice_client,
        source_url=" \u200ehttps://video.\u200bexample.com/1\u00a0",
        title="Titre",
        description="Ligne 1\r\nLigne 2",
        hashtags="ia, #tools",
        cta="Essaye",
        offer_id=offer.id,
        nonce="n",
    )

    made = only_post(alice)
    assert response.status_code == 303
    assert KIT.match(response.headers["Location"])[1] == made.id  # type: ignore[index]
    assert (made.source_url, made.title, made.cta) == ("https://video.example.com/1", "Titre", "Essaye")
    assert (made.description, made.hashtags) == ("Ligne 1\nLigne 2", "#ia #tools")


def test_htmx_is_told_where_to_go(alice_client: FlaskClient, offer: Offer):
    response = post(alice_client, "/byop/submit", {"title": "Titre"}, headers=HTMX)

    assert response.status_code == 204
    assert KIT.match(response.headers["HX-Redirect"])


def test_everything_may_be_empty(alice_client: FlaskClient, alice: Partner, offer: Offer):
    assert submit(alice_client).status_code == 303
    assert only_post(alice).title == ""


def test_two_posts_without_a_nonce_are_two(alice_client: FlaskClient, alice: Partner, offer: Offer):
    submit(alice_client)
    submit(alice_client)

    assert len(posts_of(alice)) == 2


@pytest.mark.parametrize("nonce", ["n", "x" * 5_000, "\x00", "' OR 1=1 --", "🙂"])
def test_the_form_pressed_twice_is_one_post(
    alice_client: FlaskClient, alice: Partner, offer: Offer, nonce: str
):
    first = submit(alice_client, title="Titre", nonce=nonce)
    second = submit(alice_client, title="Titre", nonce=nonce)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["Location"] == second.headers["Location"]
    assert only_post(alice).title == "Titre"


def test_the_same_nonce_with_other_words_is_a_new_post(
    alice_client: FlaskClient, alice: Partner, offer: Offer
):
    submit(alice_client, title="Un", nonce="n")
    submit(alice_client, title="Deux", nonce="n")

    assert {made.title for made in posts_of(alice)} == {"Un", "Deux"}


def test_two_presses_at_once_are_one_post(app: Flask, alice: Partner, offer: Offer):
    clients = [log_in(browser(app), alice.id) for _ in range(4)]
    tokens = [csrf(client) for client in clients]
    start, answers = threading.Barrier(4), []

    def press(client: FlaskClient, token: str) -> None:
        start.wait()
        data = {"csrf_token": token, "title": "Titre", "nonce": "n"}
        with app.app_context():
            answers.append(client.post("/byop/submit", data=data))

    threads = [threading.Thread(target=press, args=pair) for pair in zip(clients, tokens, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert [answer.status_code for answer in answers] == [303] * 4
    assert {answer.headers["Location"] for answer in answers} == {f"/byop/kit?id={only_post(alice).id}"}


@pytest.mark.parametrize(
    ("field", "max_length"), [("title", 120), ("description", 2_000), ("hashtags", 300), ("cta", 200)]
)
def test_what_is_too_long_is_refused_at_its_field_and_never_cut(
    alice_client: FlaskClient, alice: Partner, offer: Offer, field: str, max_length: int
):
    before = counted()
    refused = submit(alice_client, **{field: "é" * (max_length + 1)})

    page = text_of(refused)
    assert refused.status_code == 422
    assert (
        f"{max_length} caractères au plus : il y en a {max_length + (2 if field == 'hashtags' else 1)}"
        in page
    )
    assert f'id="{field}-error"' in page
    assert re.search(rf'aria-describedby="[^"]*{field}-error[^"]*"', page)
    assert "é" * (max_length + 1) in page
    assert counted() == before

    fits = "é" * (max_length - 1 if field == "hashtags" else max_length)
    assert submit(alice_client, **{field: fits}).status_code == 303
    assert fits in getattr(only_post(alice), field)


def test_hashtags_that_grow_too_long_with_their_signs_are_refused(alice_client: FlaskClient, offer: Offer):
    typed = ",".join(f"a{number}" for number in range(75))

    assert len(typed) <= 300
    assert submit(alice_client, hashtags=typed).status_code == 422


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://video.example.com/" + "x" * 2_048, UrlProblem.TOO_LONG),
        ("https://exa mple.com/", UrlProblem.UNREADABLE),
        ("ftp://video.example.com/", UrlProblem.SCHEME),
        ("javascript:alert(1)", UrlProblem.SCHEME),
        ("video.example.com/1", UrlProblem.SCHEME),
        ("https://alice:secret@video.example.com/", UrlProblem.CREDENTIALS),
        ("https:///1", UrlProblem.NO_HOST),
        ("https://video.example.com:8443/", UrlProblem.PORT),
        ("http://127.0.0.1/", UrlProblem.PRIVATE_ADDRESS),
        ("http://[::1]/", UrlProblem.PRIVATE_ADDRESS),
        ("http://169.254.169.254/latest/meta-data", UrlProblem.PRIVATE_ADDRESS),
    ],
)
def test_a_url_that_is_not_fetched_is_refused_with_what_to_do(
    alice_client: FlaskClient, offer: Offer, url: str, reason: UrlProblem
):
    before = counted()
    refused = submit(alice_client, source_url=url, title="Gardé")

    page = text_of(refused)
    assert refused.status_code == 422
    assert str(URL_SENTENCES[reason]).replace("\u00a0", " ") in page
    assert url in page
    assert "Gardé" in page
    assert counted() == before


def test_every_reason_has_its_sentence():
    assert set(URL_SENTENCES) == set(UrlProblem)


@pytest.mark.parametrize("unknown", ["nobody", "x" * 22, "\x00"])
def test_an_unknown_offer_is_refused_at_its_field(alice_client: FlaskClient, offer: Offer, unknown: str):
    before = counted()
    refused = submit(alice_client, title="Gardé", offer_id=unknown)

    assert refused.status_code == 422
    assert 'id="offer_id-error"' in text_of(refused)
    assert "Gardé" in text_of(refused)
    assert counted() == before


def test_without_any_offer_a_post_is_refused_and_what_was_typed_stays(alice_client: FlaskClient):
    before = counted()
    refused = submit(alice_client, title="Gardé")

    assert refused.status_code == 422
    assert "Demande à l’équipe du programme" in text_of(refused)
    assert "Gardé" in text_of(refused)
    assert counted() == before


def test_a_refused_form_keeps_all_that_was_typed_and_its_nonce(alice_client: FlaskClient, offer: Offer):
    typed = {
        "source_url": "ftp://video.example.com/",
        "title": "Mon titre",
        "description": "Ma description",
        "hashtags": "#ia",
        "cta": "Mon appel",
        "offer_id": offer.id,
        "nonce": "my-nonce",
    }
    page = text_of(submit(alice_client, **typed))

    assert [value for value in typed.values() if value not in page] == []


def test_a_refused_form_comes_to_htmx_as_a_fragment(alice_client: FlaskClient, offer: Offer):
    refused = post(alice_client, "/byop/submit", {"title": "x" * 121}, headers=HTMX)

    assert refused.status_code == 422
    assert "<html" not in refused.get_data(as_text=True)
    assert 'id="title-error"' in refused.get_data(as_text=True)


@pytest.mark.parametrize(
    "field", ["title", "description", "hashtags", "cta", "source_url", "offer_id", "nonce"]
)
def test_markup_stays_text_in_the_form_and_the_preview(alice_client: FlaskClient, offer: Offer, field: str):
    data = {field: XSS, "source_url": "ftp://x" if field != "source_url" else XSS}
    refused = submit(alice_client, **data)

    assert refused.status_code == 422
    assert "<script>alert" not in refused.get_data(as_text=True)


@pytest.mark.parametrize(
    "text", ["{title} %s {0} %(x)s {{ 7*7 }}", "👨‍👩‍👧 🇫🇷", "مرحبا", "日本語", "ﬁ İ ß", "a\u0301"]
)
def test_unicode_and_braces_are_kept_as_typed(
    alice_client: FlaskClient, alice: Partner, offer: Offer, text: str
):
    submit(alice_client, title=text, description=text, cta=text)

    made = only_post(alice)
    assert (made.title, made.description, made.cta) == (text, text, text)


def test_control_characters_and_line_breaks_are_cut_from_titles(
    alice_client: FlaskClient, alice: Partner, offer: Offer
):
    submit(alice_client, title="Un\r\nBcc:\x00 x\u2028y\u202ez", description="a\x00b", cta="c\x1b[0m")

    made = only_post(alice)
    assert (made.title, made.description, made.cta) == ("Un Bcc: x yz", "ab", "c[0m")


def test_over_the_limit_a_post_is_refused_with_when_to_try_again(make_app, alice: Partner, offer: Offer):
    client = log_in(browser(make_app(SUBMIT_PER_MINUTE="2")), alice.id)
    for title in ("Un", "Deux"):
        assert submit(client, title=title).status_code == 303
    before = counted()

    refused = submit(client, title="Trois")

    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert counted() == before


def test_the_limit_is_each_partners_own(make_app, alice: Partner, bob: Partner, offer: Offer):
    app = make_app(SUBMIT_PER_MINUTE="1")

    assert submit(log_in(browser(app), alice.id)).status_code == 303
    assert submit(log_in(browser(app), bob.id)).status_code == 303


def test_ten_megabytes_in_a_field_are_refused_in_under_a_second(alice_client: FlaskClient, offer: Offer):
    token, before = csrf(alice_client), counted()

    with working_at_most(1):
        refused = alice_client.post("/byop/submit", data={"csrf_token": token, "title": "x" * 10_000_000})

    assert refused.status_code == 413
    assert counted() == before


def test_without_its_token_a_post_is_refused(alice_client: FlaskClient, offer: Offer):
    before = counted()

    assert alice_client.post("/byop/submit", data={"title": "x"}).status_code == 400
    assert counted() == before


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_post_from_another_site_is_refused(
    alice_client: FlaskClient, offer: Offer, headers: dict[str, str]
):
    before = counted()

    assert post(alice_client, "/byop/submit", {"title": "x"}, headers=headers).status_code == 403
    assert counted() == before


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/byop/new"), ("POST", "/byop/submit"), ("GET", "/byop/edit?id=x")]
)
def test_a_stranger_is_sent_to_log_in(client: FlaskClient, method: str, path: str):
    response = client.open(path, method=method)

    assert response.status_code == 303
    assert response.headers["Location"].startswith("/partner/login?next=")


@pytest.mark.parametrize(
    "path", ["/byop/new", "/byop/submit", "/byop/preview", "/byop/kit?id=x", "/byop/none"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_the_feature_off_every_path_says_so(make_app, alice: Partner, method: str, path: str):
    client = log_in(browser(make_app(FEATURE_BYOP="false")), alice.id)

    response = client.open(path, method=method)

    assert response.status_code == 404
    assert "désactivée" in text_of(response)


def test_get_on_submit_is_not_a_page(alice_client: FlaskClient):
    assert alice_client.get("/byop/submit").status_code == 405
