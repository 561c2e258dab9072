"""Calls that prove who makes them: DPoP (RFC 9449), and assertions signed with our own key (RFC 7523).

A server hands out a nonce with its answers; the next proof carries it, and a call that was refused for want
of one is made once more: nothing came of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from contentflow.core import clock
from contentflow.core.bodies import Body
from contentflow.core.ids import new_token
from contentflow.core.location import origin_of
from contentflow.core.outbound import Answer
from contentflow.publishing.calls import ask_stranger, text_in
from contentflow.publishing.oauth import challenge_of

Jwk = Mapping[str, Any]
ASSERTION_SECONDS = 50  # Servers take one of a minute at most.
_MAX_NONCES = 1_000

_nonces: dict[str, str] = {}


def proof(key: Jwk, method: str, url: str, token: str = "") -> str:
    """Return a proof for one call; ``token`` is the access token that goes with it."""
    claims = {"jti": new_token(), "htm": method, "htu": url.partition("?")[0], "iat": _now()}
    claims |= {"ath": challenge_of(token)} if token else {}
    claims |= {"nonce": nonce} if (nonce := _nonces.get(origin_of(url))) else {}
    public = {name: key[name] for name in ("kty", "crv", "x", "y")}
    return _signed(key, {"typ": "dpop+jwt", "jwk": public}, claims)


def assertion(key: Jwk, client_id: str, issuer: str) -> str:
    """Return what stands for our client's secret at this server, for some seconds."""
    now = _now()
    claims = {"iss": client_id, "sub": client_id, "aud": issuer, "jti": new_token()}
    return _signed(key, {"kid": key["kid"]}, claims | {"iat": now, "exp": now + ASSERTION_SECONDS})


def _signed(key: Jwk, header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode({"alg": "ES256", **header}, claims, ECKey.import_key(dict(key)))


def _now() -> int:
    return int(clock.now().timestamp())


def call(
    method: str,
    url: str,
    key: Jwk,
    token: str = "",
    body: Callable[[], Body] | None = None,
) -> Answer:
    """Call with a proof, twice where the server asks for its nonce first.

    ``body`` makes what is sent anew for each: an assertion counts once. Raises as ``ask_stranger`` does.
    """
    answer = _call(method, url, key, token, body)
    asked = answer.headers.get("WWW-Authenticate") or ""
    wants_nonce = (answer.status == 400 and text_in(answer.fields(), "error") == "use_dpop_nonce") or (
        answer.status == 401 and "use_dpop_nonce" in asked
    )
    return _call(method, url, key, token, body) if wants_nonce else answer


def _call(method: str, url: str, key: Jwk, token: str, body: Callable[[], Body] | None) -> Answer:
    headers = {"DPoP": proof(key, method, url, token), "Accept": "application/json"}
    headers |= {"Authorization": f"DPoP {token}"} if token else {}
    answer = ask_stranger(method, url, headers, body() if body is not None else None)
    told = answer.headers.get("DPoP-Nonce") or ""
    if told and len(told) <= 200 and told.isascii() and told.isprintable():
        if len(_nonces) >= _MAX_NONCES:
            _nonces.clear()  # Each server hands out another one.
        _nonces[origin_of(url)] = told
    return answer
