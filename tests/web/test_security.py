from __future__ import annotations

import io
import re
import socket
import threading
import time

import pytest
from flask.testing import FlaskClient

from contentflow.web.security import HEADERS
from tests.house import browser, csrf, post, working_at_most


@pytest.mark.parametrize(
    "path", ["/", "/legal", "/healthz", "/nowhere", "/static/css/app.css", "/robots.txt"]
)
def test_every_answer_carries_the_headers(client: FlaskClient, path: str):
    response = client.get(path)

    for name, value in HEADERS.items():
        assert response.headers[name] == value
    assert "max-age" in response.headers["Strict-Transport-Security"]
    assert "HX-Request" in response.headers["Vary"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "share.example.org.evil.example",
        "share.example.org:444",
        "[::2]",
    ],
)
def test_a_foreign_host_is_refused(client: FlaskClient, host: str):
    assert client.get("/", base_url=f"https://{host}").status_code == 400


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a" * 5000, ".."])
def test_a_host_that_no_name_can_have_is_refused_like_any_other(client: FlaskClient, host: str):
    response = client.get("/", headers={"Host": host})

    assert response.status_code == 400
    assert "Content-Security-Policy" in response.headers


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8000",
        "127.0.0.1:9000",
        "[::1]:8000",
        "share.example.org",
        "Share.Example.ORG",
        "share.example.org.",
        "share.example.org.:443",
    ],
)
def test_the_public_host_and_loopback_are_answered(client: FlaskClient, host: str):
    assert client.get("/", base_url=f"https://{host}").status_code == 200


def test_nothing_is_built_from_the_hosts_header(client: FlaskClient):
    page = client.get("/.well-known/security.txt", base_url="http://localhost:8000").get_data(as_text=True)

    assert "localhost" not in page
    assert "https://share.example.org" in page


def test_a_post_without_a_token_is_refused(client: FlaskClient):
    assert client.post("/language", data={"lang": "en"}).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}],
)
def test_a_post_from_elsewhere_is_refused_even_with_a_token(client: FlaskClient, headers: dict[str, str]):
    response = post(client, "/language", {"lang": "en"}, headers=headers)

    assert response.status_code == 403


def test_over_plain_http_a_page_without_referrer_posts_with_its_token_alone(make_app):
    client = browser(make_app(PUBLIC_BASE_URL="http://share.example.org"))
    here = {"base_url": "http://share.example.org", "headers": {"Origin": "null"}}
    page = client.get("/legal", base_url=here["base_url"]).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)

    with_token = client.post("/language", data={"lang": "en", "csrf_token": token[1]}, **here)
    without = client.post("/language", data={"lang": "en"}, **here)

    assert with_token.status_code == 303
    assert without.status_code == 400


@pytest.mark.parametrize("url", ["https://[bad", "https://share.example.org]/", "//["])
def test_an_address_that_cannot_be_read_is_a_foreign_one(client: FlaskClient, url: str):
    origin = post(client, "/language", {"lang": "en"}, headers={"Origin": url})
    referrer = post(client, "/language", {"lang": "en"}, headers={"Referer": url})
    wanted = client.get("/byop/new", headers={"HX-Request": "true", "HX-Current-URL": url})

    assert origin.status_code == 403
    assert (referrer.status_code, referrer.location) == (303, "/")
    assert wanted.headers["HX-Redirect"] == "/partner/login?next=/partner/portal"


def test_the_token_may_come_as_a_header(client: FlaskClient):
    token = csrf(client)

    response = client.post("/language", data={"lang": "en"}, headers={"X-CSRFToken": token})

    assert response.status_code == 303


def test_a_huge_field_is_refused_at_once(client: FlaskClient):
    body = b"lang=" + b"x" * 10_000_000

    with working_at_most(1):
        response = client.post(
            "/language",
            input_stream=io.BytesIO(body),
            content_type="application/x-www-form-urlencoded",
            headers={"Content-Length": str(len(body))},
        )

    assert response.status_code == 413


def test_a_long_body_that_is_announced_and_never_sent_is_not_waited_for(client: FlaskClient):
    ours, theirs = socket.socketpair()
    giving_up = threading.Timer(5, theirs.close)
    giving_up.start()
    started = time.monotonic()

    with ours, ours.makefile("rb") as stream:
        response = client.post(
            "/language",
            content_type="application/x-www-form-urlencoded",
            environ_overrides={
                "CONTENT_LENGTH": "10000000",
                "wsgi.input": stream,
                "gunicorn.socket": ours,
            },
        )
        is_blocking_again = ours.getblocking()
    waited = time.monotonic() - started
    giving_up.cancel()
    theirs.close()

    assert response.status_code == 413
    assert waited < 3
    assert is_blocking_again


@pytest.mark.parametrize("length", [66_000, 1_000_000])
def test_a_huge_field_in_chunks_is_refused_and_not_cut(client: FlaskClient, length: int):
    body = f"csrf_token={csrf(client)}&lang=en&more=".encode() + b"x" * length

    response = client.post(
        "/language",
        input_stream=io.BytesIO(body),
        content_type="application/x-www-form-urlencoded",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert response.status_code == 413


def test_the_session_cookie_is_hard_to_steal(client: FlaskClient):
    post(client, "/language", {"lang": "en"})
    cookie = client.get_cookie("__Host-session", domain="share.example.org")

    assert cookie is not None
    assert cookie.secure
    assert cookie.http_only
    assert cookie.same_site == "Lax"


def test_a_forwarded_address_counts_only_behind_a_trusted_proxy(make_app):
    from contentflow.web.security import client_ip

    forwarded = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "X-Forwarded-Host": "evil.example"}
    seen = {}
    for proxies in ("0", "1", "2"):
        app = make_app(TRUSTED_PROXIES=proxies)
        app.before_request(lambda proxies=proxies: seen.update({proxies: client_ip()}))
        assert browser(app).get("/healthz", headers=forwarded).status_code == 200

    assert seen == {"0": "127.0.0.1", "1": "198.51.100.7", "2": "203.0.113.9"}


def test_the_language_is_remembered(client: FlaskClient):
    assert 'lang="fr"' in client.get("/").get_data(as_text=True)

    response = post(
        client, "/language", {"lang": "en"}, headers={"Referer": "https://share.example.org/legal?x=1"}
    )

    assert response.headers["Location"] == "/legal?x=1"
    assert 'lang="en"' in client.get("/").get_data(as_text=True)


def test_the_browsers_language_is_spoken(client: FlaskClient):
    page = client.get("/", headers={"Accept-Language": "en-GB,en;q=0.9,fr;q=0.5"}).get_data(as_text=True)

    assert 'lang="en"' in page


@pytest.mark.parametrize(
    "referrer", ["https://evil.example/x", "https://share.example.org//evil.example", ""]
)
def test_the_language_form_never_leads_away(client: FlaskClient, referrer: str):
    response = post(client, "/language", {"lang": "en"}, headers={"Referer": referrer})

    assert response.headers["Location"] == "/"


def test_an_unknown_language_is_refused(client: FlaskClient):
    assert post(client, "/language", {"lang": "de"}).status_code == 422


@pytest.mark.parametrize("path", ["/", "/legal", "/partner/login", "/l/0000000", "/nowhere", "/byop/qr"])
def test_every_page_in_a_language_says_what_it_depends_on(client: FlaskClient, path: str) -> None:
    """A cache between us and the visitor must not give the English page to a French reader."""
    response = client.get(path)

    varied = {name.strip() for name in response.headers["Vary"].split(",")}
    assert varied >= {"Accept-Language", "Cookie", "HX-Request"}


def test_what_is_the_same_in_every_language_stays_in_caches(client: FlaskClient) -> None:
    for path in ("/healthz", "/robots.txt", "/static/css/app.css"):
        assert "Accept-Language" not in client.get(path).headers["Vary"]
