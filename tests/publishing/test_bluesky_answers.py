"""What hostile servers answer, and what leaves for Bluesky, letter by letter: no server is asked."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import ECKey

from contentflow.core.outbound import Answer, NotReached
from contentflow.publishing import (
    bluesky_client,
    bluesky_connect,
    bluesky_identity,
    bluesky_record,
    dpop,
    remote_keys,
)
from contentflow.publishing.oauth import ConnectRefused, new_signing_key, redirect_uri

DID = "did:plc:" + "a" * 24
OTHER = "did:plc:" + "b" * 24
PDS, ISSUER = "https://pds.example.fr", "https://auth.example.fr"
HANDLE = "alice.example.fr"
WHO = f"https://public.api.bsky.app/xrpc/com.atproto.identity.resolveHandle?handle={HANDLE}"
DOCUMENT = f"https://plc.directory/{DID}"
RESOURCE = f"{PDS}/.well-known/oauth-protected-resource"
METADATA = f"{ISSUER}/.well-known/oauth-authorization-server"
PAGES: dict[str, Any] = {
    WHO: {"did": DID},
    DOCUMENT: {
        "id": DID,
        "alsoKnownAs": [f"at://{HANDLE}"],
        "service": [
            {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": PDS},
        ],
    },
    RESOURCE: {"resource": PDS, "authorization_servers": [ISSUER]},
    METADATA: {
        "issuer": ISSUER,
        "pushed_authorization_request_endpoint": f"{ISSUER}/oauth/par",
        "authorization_endpoint": f"{ISSUER}/oauth/authorize",
        "token_endpoint": f"{ISSUER}/oauth/token",
        "revocation_endpoint": f"{ISSUER}/oauth/revoke",
        "dpop_signing_alg_values_supported": ["ES256"],
    },
    f"{ISSUER}/oauth/par": {"request_uri": "urn:ietf:params:oauth:request_uri:req-1"},
    f"{ISSUER}/oauth/token": {
        "access_token": "access",
        "refresh_token": "refresh",
        "token_type": "DPoP",
        "sub": DID,
        "scope": bluesky_client.SCOPE,
        "expires_in": 3600,
    },
    f"{ISSUER}/oauth/revoke": {},
}


@pytest.fixture
def web(app: Flask, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A world of pages: an address answers 200 with JSON, a number with that status, nothing not at all."""
    pages = dict(PAGES)
    pages["asked"] = []

    def answer(method: str, url: str, headers: Any = None, body: Any = None) -> Answer:
        pages["asked"].append((method, url, dict(headers or {}), body))
        if url not in pages:
            raise NotReached("nobody")
        page = pages[url]
        return Answer(page, {}, b"") if isinstance(page, int) else Answer(200, {}, json.dumps(page).encode())

    for module in (bluesky_identity, bluesky_connect, dpop):
        for name in ("ask", "ask_stranger"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, answer)
    return pages


def test_a_handle_leads_to_the_place_where_its_owner_consents(web: dict[str, Any]) -> None:
    going = bluesky_connect.begin(HANDLE, "state")

    assert going.url.startswith(
        f"{ISSUER}/oauth/authorize?client_id=https%3A%2F%2Fshare.example.org%2Foauth%2F"
    )
    assert going.iss == ISSUER
    sent = web["asked"][-1][3].head.decode()
    assert "code_challenge_method=S256" in sent and f"login_hint={HANDLE}" in sent
    assert "client_assertion=" in sent


def endpoint(url: Any) -> dict[str, Any]:
    return {**PAGES[DOCUMENT], "service": [{"id": "#atproto_pds", "serviceEndpoint": url}]}


@pytest.mark.parametrize(
    ("page", "told", "reason"),
    [
        (DOCUMENT, {**PAGES[DOCUMENT], "id": OTHER}, "mismatch"),
        (DOCUMENT, {**PAGES[DOCUMENT], "alsoKnownAs": ["at://bob.example.fr"]}, "mismatch"),
        (DOCUMENT, {**PAGES[DOCUMENT], "alsoKnownAs": []}, "mismatch"),
        (DOCUMENT, {**PAGES[DOCUMENT], "alsoKnownAs": [["at://x"], 7, "javascript:alert(1)"]}, "mismatch"),
        (DOCUMENT, {**PAGES[DOCUMENT], "service": []}, "mismatch"),
        (DOCUMENT, {**PAGES[DOCUMENT], "service": {"a": 1}}, "mismatch"),
        (DOCUMENT, endpoint("http://pds.example.fr"), "mismatch"),
        (DOCUMENT, endpoint("https://pds.example.fr:8443"), "mismatch"),
        (DOCUMENT, endpoint("https://me:secret@pds.example.fr"), "mismatch"),
        (DOCUMENT, endpoint("https://pds.example.fr/inside"), "mismatch"),
        (DOCUMENT, endpoint("javascript:alert(1)"), "mismatch"),
        (DOCUMENT, endpoint(["https://pds.example.fr"]), "mismatch"),
        (DOCUMENT, 404, "mismatch"),
        (DOCUMENT, [[[[]]]], "mismatch"),
        (RESOURCE, {"resource": "https://other.example.fr", "authorization_servers": [ISSUER]}, "no_bluesky"),
        (RESOURCE, {"resource": PDS, "authorization_servers": []}, "no_bluesky"),
        (RESOURCE, {"resource": PDS, "authorization_servers": "https://evil.example"}, "no_bluesky"),
        (RESOURCE, {"resource": PDS, "authorization_servers": ["http://auth.example.fr"]}, "no_bluesky"),
        (RESOURCE, 302, "no_bluesky"),
        (METADATA, {**PAGES[METADATA], "issuer": "https://evil.example"}, "no_bluesky"),
        (METADATA, {**PAGES[METADATA], "dpop_signing_alg_values_supported": ["none"]}, "no_bluesky"),
        (METADATA, 500, "no_bluesky"),
        (f"{ISSUER}/oauth/par", {"request_uri": ["x"]}, "code"),
        (f"{ISSUER}/oauth/par", 500, "code"),
    ],
)
def test_a_server_that_does_not_tell_the_truth_connects_nothing(
    web: dict[str, Any], page: str, told: Any, reason: str
) -> None:
    web[page] = told

    with pytest.raises(ConnectRefused) as refused:
        bluesky_connect.begin(HANDLE, "state")

    assert refused.value.reason == reason


def test_endpoints_elsewhere_are_not_believed(web: dict[str, Any]) -> None:
    web[METADATA] = {
        **PAGES[METADATA],
        "token_endpoint": "https://evil.example/token",
        "authorization_endpoint": "javascript:alert(1)",
        "revocation_endpoint": "https://auth.example.fr.evil.example/x",
    }

    going = bluesky_connect.begin(HANDLE, "state")

    assert going.url.startswith(f"{ISSUER}/oauth/authorize?")
    assert (going.kept["token"], going.kept["revoke"]) == (f"{ISSUER}/oauth/token", f"{ISSUER}/oauth/revoke")


@pytest.mark.parametrize(
    ("page", "told", "reason"),
    [
        (f"{ISSUER}/oauth/token", {"sub": OTHER}, "mismatch"),
        (f"{ISSUER}/oauth/token", {"sub": "did:web:127.0.0.1:8080"}, "mismatch"),
        (f"{ISSUER}/oauth/token", {"sub": 7}, "mismatch"),
        (f"{ISSUER}/oauth/token", {"scope": "atproto"}, "scope"),
        (f"{ISSUER}/oauth/token", {"token_type": "Bearer"}, "code"),
        (f"{ISSUER}/oauth/token", {"access_token": 10**400}, "code"),
        (WHO, {"did": OTHER}, "mismatch"),
        (RESOURCE, {"authorization_servers": ["https://evil.example"]}, "mismatch"),
    ],
)
@pytest.mark.parametrize("expected", [DID, ""])
def test_tokens_are_kept_only_when_all_vouch_for_one_another(
    web: dict[str, Any], page: str, told: dict[str, Any], reason: str, expected: str
) -> None:
    kept = {**bluesky_connect.begin(HANDLE, "state").kept, "did": expected}
    web[page] = {**PAGES[page], **told}
    if (page, told.get("sub")) == (f"{ISSUER}/oauth/token", OTHER):
        web[f"https://plc.directory/{OTHER}"] = {**PAGES[DOCUMENT], "id": OTHER}

    with pytest.raises(ConnectRefused) as refused:
        bluesky_connect.finish(HANDLE, kept, "code")

    assert refused.value.reason == reason
    revoked = [url for _, url, *_ in web["asked"] if url.endswith("/oauth/revoke")]
    assert bool(revoked) == (reason != "code")


def test_who_is_vouched_for_is_connected(web: dict[str, Any]) -> None:
    kept = bluesky_connect.begin(HANDLE, "state").kept

    found = bluesky_connect.finish(HANDLE, kept, "code")

    assert (found.host, found.remote_id, found.handle) == ("pds.example.fr", DID, f"@{HANDLE}")
    assert found.tokens["server"] == PDS


# Our document


def test_our_document_names_our_key_and_nothing_secret(client: FlaskClient) -> None:
    answer = client.get("/oauth/client-metadata.json")

    told = answer.get_json()
    assert answer.status_code == 200
    assert told["client_id"] == "https://share.example.org/oauth/client-metadata.json"
    assert told["redirect_uris"] == ["https://share.example.org/partner/accounts/callback/bluesky"]
    assert (told["token_endpoint_auth_method"], told["dpop_bound_access_tokens"]) == ("private_key_jwt", True)
    (key,) = told["jwks"]["keys"]
    assert (key["kty"], key["crv"], key["alg"], "d" in key) == ("EC", "P-256", "ES256", False)
    assert client.get("/oauth/client-metadata.json").get_json() == told


@pytest.mark.parametrize(
    "url", ["http://share.example.org", "http://127.0.0.1:8000", "http://localhost:8000"]
)
def test_without_https_there_is_no_document(make_app: Callable[..., Flask], url: str) -> None:
    answer = make_app(PUBLIC_BASE_URL=url).test_client().get("/oauth/client-metadata.json", base_url=url)

    assert answer.status_code == 404


# Proofs


def test_a_proof_is_of_one_call_with_its_token(app: Flask) -> None:
    key = new_signing_key()
    proof = dpop.proof(key, "POST", "https://pds.example.fr/xrpc/x?y=1", "access")

    read = jwt.decode(proof, ECKey.import_key(key))

    assert (read.header["typ"], read.header["alg"]) == ("dpop+jwt", "ES256")
    assert set(read.header["jwk"]) == {"kty", "crv", "x", "y"}
    assert (read.claims["htm"], read.claims["htu"]) == ("POST", "https://pds.example.fr/xrpc/x")
    hashed = base64.urlsafe_b64encode(hashlib.sha256(b"access").digest()).rstrip(b"=").decode()
    assert read.claims["ath"] == hashed
    again = jwt.decode(dpop.proof(key, "GET", "https://pds.example.fr/"), ECKey.import_key(key)).claims
    assert "ath" not in again and again["jti"] != read.claims["jti"]


def test_a_nonce_is_asked_for_once_and_used_again(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    key, heard = new_signing_key(), []

    def answer(method: str, url: str, headers: Any, body: Any) -> Answer:
        claims = jwt.decode(headers["DPoP"], ECKey.import_key(key)).claims
        heard.append(claims.get("nonce"))
        if claims.get("nonce") is None:
            return Answer(401, {"DPoP-Nonce": "n-1", "WWW-Authenticate": 'DPoP error="use_dpop_nonce"'}, b"")
        return Answer(200, {"DPoP-Nonce": "n-2"}, b"{}")

    monkeypatch.setattr(dpop, "ask_stranger", answer)
    url = "https://nonces.example.fr/xrpc/x"

    assert dpop.call("POST", url, key).status == 200
    assert dpop.call("POST", url, key).status == 200

    assert heard == [None, "n-1", "n-2"]


def test_a_server_that_asks_for_nonces_for_ever_is_asked_twice(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def answer(*call: Any) -> Answer:
        calls.append(call)
        return Answer(400, {"DPoP-Nonce": "x" * 9_000}, b'{"error": "use_dpop_nonce"}')

    monkeypatch.setattr(dpop, "ask_stranger", answer)

    assert dpop.call("POST", "https://greedy.example.fr/", new_signing_key()).status == 400
    assert len(calls) == 2


# Records


def facets(text: str) -> list[tuple[str, str]]:
    made = bluesky_record.record(text, datetime(2026, 11, 28, tzinfo=UTC), "fr", None)["facets"]
    raw = text.encode()
    return [
        (
            raw[one["index"]["byteStart"] : one["index"]["byteEnd"]].decode(),
            one["features"][0].get("tag") or one["features"][0]["uri"],
        )
        for one in made
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Été 🎉 https://a.fr/l/abc #ad", [("https://a.fr/l/abc",) * 2, ("#ad", "ad")]),
        (
            "👨‍👩‍👧‍👦 #café, #thé! ##non #1 #2024été #",
            [("#café", "café"), ("#thé", "thé"), ("#2024été", "2024été")],
        ),
        ("(https://a.fr/l/abc).", [("https://a.fr/l/abc",) * 2]),
        ("« https://a.fr/l/abc »", [("https://a.fr/l/abc",) * 2]),
        ("mail#non a#b", []),
        ("#" + "x" * 65, []),
        ("", []),
    ],
)
def test_links_and_tags_are_counted_in_bytes(text: str, found: list[tuple[str, str]]) -> None:
    assert facets(text) == found


def test_a_records_key_is_a_tid_of_its_moment() -> None:
    with time_machine.travel(datetime(2026, 11, 28, 12, tzinfo=UTC), tick=False):
        first = remote_keys.new("bluesky")
    with time_machine.travel(datetime(2026, 11, 28, 12, 0, 1, tzinfo=UTC), tick=False):
        second = remote_keys.new("bluesky")

    assert re.fullmatch("[2-7a-j][2-7a-z]{12}", first)
    assert first < second
    assert len(remote_keys.new("mastodon")) == 22


def test_the_card_of_words_says_title_and_disclosure() -> None:
    card = bluesky_record.card("Publicité\nUne heure\n\nEssaye https://a.fr/l/abc #ad", None)["external"]

    assert card == {"uri": "https://a.fr/l/abc", "title": "Une heure", "description": "Publicité"}


def test_the_developers_client_names_where_it_comes_back_to(make_app: Callable[..., Flask]) -> None:
    with make_app(PUBLIC_BASE_URL="http://127.0.0.1:8000").app_context():
        assert bluesky_client.client_id().startswith(
            "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%3A8000"
        )
        assert redirect_uri("bluesky").startswith("http://127.0.0.1:8000/")
        assert "client_assertion" not in bluesky_client.proven(ISSUER)
