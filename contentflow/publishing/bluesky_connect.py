"""Connecting an account of Bluesky: who it is, which server gives out its tokens, the code, who it was.

https://atproto.com/specs/oauth
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contentflow.config import settings
from contentflow.core.bodies import form_body
from contentflow.core.outbound import Answer
from contentflow.publishing import bluesky_identity as identities
from contentflow.publishing import dpop
from contentflow.publishing.bluesky_client import NAME, SCOPE, proven
from contentflow.publishing.calls import ask_stranger, text_in
from contentflow.publishing.hosts import origin_for, own_endpoint
from contentflow.publishing.oauth import (
    Connected,
    ConnectRefused,
    Going,
    Refreshed,
    challenge_of,
    missing_scopes,
    new_signing_key,
    new_verifier,
    redirect_uri,
    with_query,
)
from contentflow.publishing.token_answers import (
    ends_at,
    must_answer,
    or_released,
    refreshed,
    revoked,
    tokens_in,
)

# RFC 6749, 5.2: the session is over, or was never for us.
ENDED = ("invalid_grant", "unauthorized_client")


def begin(host: str, state: str) -> Going:
    """Find out whose tokens are asked for and where, leave the request there, and say where to go."""
    did, handle, issuer = _asked_for(host)
    told = _metadata(issuer)
    verifier, key = new_verifier(), new_signing_key()
    fields = {
        "response_type": "code",
        "redirect_uri": redirect_uri(NAME),
        "scope": SCOPE,
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    fields |= {"login_hint": handle} if handle else {}
    with must_answer():
        answer = _send(told["par"], key, issuer, fields)
    request_uri = text_in(answer.fields(), "request_uri", 500)
    if answer.status not in (200, 201) or not request_uri:
        raise ConnectRefused("scope" if text_in(answer.fields(), "error") == "invalid_scope" else "code")
    kept = {"verifier": verifier, "key": key, "issuer": issuer, "did": did}
    ends = {name: told[name] for name in ("token", "revoke")}
    query = {"client_id": proven(issuer)["client_id"], "request_uri": request_uri}
    return Going(url=with_query(told["authorize"], query), kept={**kept, **ends}, iss=issuer)


def _asked_for(host: str) -> tuple[str, str, str]:
    """Return DID and handle, or "" where a server was typed, and who gives out tokens."""
    origin = origin_for(host, settings().trusted_origins)
    did = identities.find_did(host) if origin not in settings().trusted_origins else ""
    if not did:
        return "", "", identities.issuer_of(origin, may_be_itself=True)
    found = identities.identity_of(did)
    if found.handle != host:
        raise ConnectRefused("mismatch")
    return did, host, identities.issuer_of(found.server)


def _metadata(issuer: str) -> dict[str, str]:
    """RFC 8414, with what the protocol asks for; endpoints count on the server's own origin alone."""
    with must_answer():
        answer = ask_stranger("GET", f"{issuer}/.well-known/oauth-authorization-server")
    told = answer.fields() if answer.status == 200 else {}
    signs = told.get("dpop_signing_alg_values_supported")
    if told.get("issuer") != issuer or not isinstance(signs, list) or "ES256" not in signs:
        raise ConnectRefused("no_bluesky")
    names = {
        "par": ("pushed_authorization_request_endpoint", "/oauth/par"),
        "authorize": ("authorization_endpoint", "/oauth/authorize"),
        "token": ("token_endpoint", "/oauth/token"),
        "revoke": ("revocation_endpoint", "/oauth/revoke"),
    }
    return {ours: own_endpoint(told.get(theirs), issuer, path) for ours, (theirs, path) in names.items()}


def _send(url: str, key: dpop.Jwk, issuer: str, fields: Mapping[str, str]) -> Answer:
    return dpop.call("POST", url, key, body=lambda: form_body({**fields, **proven(issuer)}))


def finish(host: str, kept: Mapping[str, Any], code: str) -> Connected:
    """Change the code for tokens; keep them once DID, handle and server have vouched for one another."""
    issuer = str(kept["issuer"])
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(NAME),
        "code_verifier": str(kept["verifier"]),
    }
    with must_answer():
        answer = _send(str(kept["token"]), kept["key"], issuer, fields)
    told = answer.fields()
    granted = text_in(told, "scope", 500)
    tokens = tokens_in(told)
    if answer.status != 200 or not tokens["access_token"] or told.get("token_type") != "DPoP":
        raise ConnectRefused("code")
    held = {**tokens, **{name: kept[name] for name in ("key", "issuer", "token", "revoke")}}
    with or_released(lambda: revoke(host, held)):
        if missing_scopes(SCOPE, granted):
            raise ConnectRefused("scope")
        found = _vouched(text_in(told, "sub"), str(kept["did"]), issuer)
    return Connected(
        host=found.server.partition("://")[2],
        remote_id=found.did,
        handle=f"@{found.handle}",
        scope=granted,
        tokens={**held, "server": found.server},
        expires_at=ends_at(told),
    )


def _vouched(sub: str, expected: str, issuer: str) -> identities.BlueskyIdentity:
    """The DID that logged in, if it is the one asked for, its handle leads back and its server names us."""
    if expected and sub != expected:
        raise ConnectRefused("mismatch")
    found = identities.identity_of(sub)
    if not identities.vouched(sub, found.handle) or identities.issuer_of(found.server) != issuer:
        raise ConnectRefused("mismatch")
    return found


def refresh(held: Mapping[str, Any]) -> Refreshed:
    """Change the refresh token for a new pair: the old one is of no more use, whatever comes of it."""
    fields = {"grant_type": "refresh_token", "refresh_token": str(held["refresh_token"])}
    return refreshed(lambda: _send(str(held["token"]), held["key"], str(held["issuer"]), fields), held, ENDED)


def revoke(_host: str, held: Mapping[str, Any]) -> None:
    """End the whole session there, by either of its tokens."""
    token = str(held.get("refresh_token") or held["access_token"])
    revoked(lambda: _send(str(held["revoke"]), held["key"], str(held["issuer"]), {"token": token}))
