"""Connecting a YouTube channel: Google's consent, a code with PKCE, and the channel's name read back.

https://developers.google.com/youtube/v3/guides/auth/server-side-web-apps
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contentflow.config import settings
from contentflow.core.bodies import form_body
from contentflow.core.location import origin_of
from contentflow.core.outbound import Answer
from contentflow.publishing.calls import ask, text_in
from contentflow.publishing.oauth import (
    Connected,
    ConnectRefused,
    Going,
    Refreshed,
    challenge_of,
    missing_scopes,
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

NAME = "youtube"
SCOPE = "https://www.googleapis.com/auth/youtube.upload https://www.googleapis.com/auth/youtube.readonly"
ENDED = ("invalid_grant",)


def begin(_host: str, state: str) -> Going:
    """Say where the partner goes; nothing is asked before. ``consent`` brings a refresh token each time."""
    verifier = new_verifier()
    fields = {
        "response_type": "code",
        "client_id": settings().youtube_client_id,
        "redirect_uri": redirect_uri(NAME),
        "scope": SCOPE,
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
    }
    url = settings().youtube_auth_url
    return Going(url=with_query(url, fields), kept={"verifier": verifier, "origin": origin_of(url)})


def finish(_host: str, kept: Mapping[str, Any], code: str) -> Connected:
    """Change the code for tokens, compare what was granted, and read back whose channel it is."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(NAME),
        "code_verifier": str(kept["verifier"]),
    }
    with must_answer():
        answer = _send(fields)
    told = answer.fields()
    held = tokens_in(told)
    if answer.status != 200 or not held["access_token"]:
        raise ConnectRefused("code")
    with or_released(lambda: revoke("", held)):
        if missing_scopes(SCOPE, text_in(told, "scope", 2_000)):
            raise ConnectRefused("scope")
        remote_id, title = _channel(held["access_token"])
    return Connected(
        host="youtube.com",
        remote_id=remote_id,
        handle=title,
        scope="youtube.upload youtube.readonly",
        tokens=held,
        expires_at=ends_at(told),
    )


def _send(fields: Mapping[str, str]) -> Answer:
    ours = {"client_id": settings().youtube_client_id, "client_secret": settings().youtube_client_secret}
    return ask("POST", settings().youtube_token_url, None, form_body({**fields, **ours}))


def _channel(token: str) -> tuple[str, str]:
    """Return the channel's id and name; raises ``ConnectRefused`` for a login that has none."""
    url = f"{settings().youtube_api_url}/youtube/v3/channels?part=id%2Csnippet&mine=true"
    with must_answer():
        told = ask("GET", url, {"Authorization": f"Bearer {token}"}).fields()
    items = told.get("items")
    first = items[0] if isinstance(items, list) and items and isinstance(items[0], dict) else {}
    snippet = first.get("snippet")
    remote_id = text_in(first, "id", 100)
    if not remote_id:
        raise ConnectRefused("no_channel")
    return remote_id, text_in(snippet if isinstance(snippet, dict) else {}, "title") or remote_id


def refresh(held: Mapping[str, Any]) -> Refreshed:
    """Ask for another access token; Google keeps the refresh token, others change it."""
    fields = {"grant_type": "refresh_token", "refresh_token": str(held["refresh_token"])}
    return refreshed(lambda: _send(fields), held, ENDED)


def revoke(_host: str, held: Mapping[str, Any]) -> None:
    url = settings().youtube_token_url.rpartition("/")[0] + "/revoke"
    token = str(held.get("refresh_token") or held["access_token"])
    revoked(lambda: ask("POST", url, None, form_body({"token": token})))
