"""Connecting a TikTok account: its consent, a code with PKCE, and the account's name read back.

https://developers.tiktok.com/doc/oauth-user-access-token-management
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

NAME = "tiktok"
ENDED = ("invalid_grant", "access_token_invalid")


def scope() -> str:
    return "user.info.basic,video.upload" + (",video.publish" if settings().tiktok_audited else "")


def begin(_host: str, state: str) -> Going:
    """Say where the partner goes; nothing is asked before."""
    verifier = new_verifier()
    fields = {
        "response_type": "code",
        "client_key": settings().tiktok_client_key,
        "redirect_uri": redirect_uri(NAME),
        "scope": scope(),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    url = settings().tiktok_auth_url
    kept = {"verifier": verifier, "origin": origin_of(url), "scope": scope()}
    return Going(url=with_query(url, fields), kept=kept)


def finish(_host: str, kept: Mapping[str, Any], code: str) -> Connected:
    """Change the code for tokens, compare what was granted, and read back whose account it is."""
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri(NAME),
        "code_verifier": str(kept["verifier"]),
    }
    with must_answer():
        answer = _send("token", fields)
    told = answer.fields()
    held = tokens_in(told)
    remote_id = text_in(told, "open_id", 200)
    if answer.status != 200 or not held["access_token"] or not remote_id:
        raise ConnectRefused("code")
    granted = text_in(told, "scope", 500).replace(",", " ")
    with or_released(lambda: revoke("", held)):
        if missing_scopes(str(kept["scope"]).replace(",", " "), granted):
            raise ConnectRefused("scope")
        name = _name(held["access_token"], remote_id)
    return Connected(
        host="tiktok.com",
        remote_id=remote_id,
        handle=name,
        scope=granted,
        tokens=held,
        expires_at=ends_at(told),
    )


def _send(act: str, fields: Mapping[str, str]) -> Answer:
    ours = {"client_key": settings().tiktok_client_key, "client_secret": settings().tiktok_client_secret}
    return ask("POST", f"{settings().tiktok_api_url}/v2/oauth/{act}/", None, form_body({**fields, **ours}))


def _name(token: str, remote_id: str) -> str:
    """Return the account's name; raises ``ConnectRefused`` where it is another account, or none."""
    url = f"{settings().tiktok_api_url}/v2/user/info/?fields=open_id%2Cdisplay_name"
    with must_answer():
        told = ask("GET", url, {"Authorization": f"Bearer {token}"}).fields().get("data")
    user = told.get("user") if isinstance(told, dict) else None
    if not isinstance(user, dict) or text_in(user, "open_id", 200) != remote_id:
        raise ConnectRefused("no_name")
    return text_in(user, "display_name") or remote_id


def refresh(held: Mapping[str, Any]) -> Refreshed:
    """Ask for another pair; TikTok may change the refresh token."""
    fields = {"grant_type": "refresh_token", "refresh_token": str(held["refresh_token"])}
    return refreshed(lambda: _send("token", fields), held, ENDED)


def revoke(_host: str, held: Mapping[str, Any]) -> None:
    revoked(lambda: _send("revoke", {"token": str(held["access_token"])}))
