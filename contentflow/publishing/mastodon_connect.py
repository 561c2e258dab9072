"""Connecting an account on a Mastodon server: discovery, registration once a host, the code, the name.

https://docs.joinmastodon.org/client/authorized/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.bodies import form_body
from contentflow.core.outbound import Answer
from contentflow.publishing import clients
from contentflow.publishing.calls import ask_stranger, number_in, text_in
from contentflow.publishing.hosts import origin_for, own_endpoint
from contentflow.publishing.oauth import (
    Connected,
    ConnectRefused,
    Going,
    challenge_of,
    missing_scopes,
    new_verifier,
    redirect_uri,
    with_query,
)
from contentflow.publishing.token_answers import must_answer, or_released, revoked

NAME = "mastodon"
WRITE = "write:statuses write:media"


def origin_of_host(host: str) -> str:
    return origin_for(host, settings().trusted_origins)


def begin(host: str, state: str) -> Going:
    """Find the server's endpoints, register with it once, and say where the partner goes."""
    origin = origin_of_host(host)
    told = _metadata(origin)
    scope = f"{WRITE} read:statuses {'profile' if 'profile' in told['scopes'] else 'read:accounts'}"
    client_id, secret = _client(origin, host, scope)
    verifier = new_verifier()
    fields = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri(NAME),
        "scope": scope,
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    kept = {"verifier": verifier, "scope": scope, "token": told["token"], "revoke": told["revoke"]}
    secrets = {"client_id": client_id, "client_secret": secret}
    return Going(
        url=with_query(told["authorize"], fields), kept={**kept, **secrets}, iss=told["iss"], host=host
    )


def _metadata(origin: str) -> dict[str, Any]:
    """RFC 8414 where the server has it; endpoints count on its own origin alone, else the old paths."""
    with must_answer():
        answer = ask_stranger("GET", f"{origin}/.well-known/oauth-authorization-server")
    told = answer.fields() if answer.status == 200 else {}
    scopes = told.get("scopes_supported")
    issuer = text_in(told, "issuer").rstrip("/")
    sends_iss = told.get("authorization_response_iss_parameter_supported") is True
    return {
        "authorize": own_endpoint(told.get("authorization_endpoint"), origin, "/oauth/authorize"),
        "token": own_endpoint(told.get("token_endpoint"), origin, "/oauth/token"),
        "revoke": own_endpoint(told.get("revocation_endpoint"), origin, "/oauth/revoke"),
        "scopes": [one for one in scopes if isinstance(one, str)] if isinstance(scopes, list) else [],
        "iss": issuer if sends_iss and issuer == origin else "",
    }


def _client(origin: str, host: str, scope: str) -> tuple[str, str]:
    known = clients.find(NAME, host)
    if known is not None and known.get("redirect") == redirect_uri(NAME) and known.get("scope") == scope:
        return str(known["client_id"]), str(known["client_secret"])
    fields = {
        "client_name": settings().programme,
        "redirect_uris": redirect_uri(NAME),
        "scopes": scope,
        "website": settings().public_base_url,
    }
    answer = _asked("POST", f"{origin}/api/v1/apps", form=fields)
    told = answer.fields()
    client_id, secret = text_in(told, "client_id", 500), text_in(told, "client_secret", 500)
    if answer.status not in (200, 201) or not client_id or not secret:
        raise ConnectRefused("no_mastodon")
    kept = {"client_id": client_id, "client_secret": secret, "scope": scope, "redirect": redirect_uri(NAME)}
    return clients.keep(NAME, host, kept)


def _asked(method: str, url: str, token: str = "", form: Mapping[str, str] | None = None) -> Answer:
    headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    with must_answer():
        return ask_stranger(method, url, headers, form_body(form) if form is not None else None)


def finish(host: str, kept: Mapping[str, Any], code: str) -> Connected:
    """Change the code for a token, compare what was granted, and read back whose account it is."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": str(kept["client_id"]),
        "client_secret": str(kept["client_secret"]),
        "redirect_uri": redirect_uri(NAME),
        "code_verifier": str(kept["verifier"]),
    }
    answer = _asked("POST", str(kept["token"]), form=fields)
    told = answer.fields()
    if text_in(told, "error") == "invalid_client" or answer.status == 401:
        clients.erase(NAME, host)  # The server does not know us any more: the next try registers anew.
    token = text_in(told, "access_token", 2_000)
    if answer.status != 200 or not token:
        raise ConnectRefused("code")
    granted = text_in(told, "scope", 500) or str(kept["scope"])
    with or_released(lambda: revoke(host, {**kept, "access_token": token})):
        if missing_scopes(str(kept["scope"]), granted):
            raise ConnectRefused("scope")
        who = _asked("GET", f"{origin_of_host(host)}/api/v1/accounts/verify_credentials", token).fields()
        remote_id = text_in(who, "id", 100)
        name = text_in(who, "acct", 100) or text_in(who, "username", 100)
        if not remote_id or not name:
            raise ConnectRefused("no_name")
    secrets = {name_: kept[name_] for name_ in ("client_id", "client_secret", "revoke")}
    return Connected(
        host=host,
        remote_id=remote_id,
        handle=f"@{name}@{host}" if "@" not in name else f"@{name}",
        scope=granted,
        tokens={"access_token": token, **secrets},
        limits=read_limits(host),
    )


def revoke(host: str, held: Mapping[str, Any]) -> None:
    fields = {"token": str(held["access_token"])}
    fields |= {name: str(held[name]) for name in ("client_id", "client_secret")}
    revoked(lambda: _asked("POST", str(held["revoke"]), form=fields))


def read_limits(host: str) -> dict[str, Any]:
    """Return what this server allows, and when that was read; nothing where it does not say."""
    told = _asked("GET", f"{origin_of_host(host)}/api/v2/instance").fields().get("configuration")
    limits = {
        "max_characters": number_in(told, "statuses", "max_characters", maximum=100_000),
        "characters_reserved_per_url": number_in(
            told, "statuses", "characters_reserved_per_url", maximum=999
        ),
        "video_size_limit": number_in(told, "media_attachments", "video_size_limit"),
    }
    return {**{name: value for name, value in limits.items() if value}, "read_at": clock.iso(clock.now())}
