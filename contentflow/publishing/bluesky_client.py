"""What we are to Bluesky's servers: a document at an address of ours, which names our key.

https://atproto.com/specs/oauth#clients
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from contentflow.config import settings
from contentflow.publishing import clients
from contentflow.publishing.oauth import new_signing_key, redirect_uri

NAME = "bluesky"
SCOPE = (
    "atproto repo:app.bsky.feed.post?action=create&action=delete blob:video/mp4 blob:image/jpeg blob:text/vtt"
)
_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def client_id() -> str:
    """Return the address of our document; on this machine alone, the protocol's own for development."""
    if settings().is_https:
        return f"{settings().public_base_url}/oauth/client-metadata.json"
    return "http://localhost?" + urlencode({"redirect_uri": redirect_uri(NAME), "scope": SCOPE})


def key() -> dict[str, Any]:
    """Return our private key as a JWK; the first who asks makes it, and so does who lost SECRET_KEY."""
    kept = clients.find(NAME, "")
    if kept is None or "key" not in kept:
        clients.keep(NAME, "", {"client_id": client_id(), "key": new_signing_key()})
        kept = clients.find(NAME, "") or {}
    return dict(kept["key"])


def document() -> dict[str, Any]:
    """Return our document, as servers read it."""
    base = settings().public_base_url
    public = {name: value for name, value in key().items() if name != "d"}
    return {
        "client_id": client_id(),
        "client_name": settings().programme,
        "client_uri": base,
        "policy_uri": f"{base}/legal",
        "application_type": "web",
        "redirect_uris": [redirect_uri(NAME)],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": SCOPE,
        "dpop_bound_access_tokens": True,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": {"keys": [public]},
    }


def proven(issuer: str) -> dict[str, str]:
    """Return the fields by which a server knows us: who we are, signed where we have a document."""
    if not settings().is_https:
        return {"client_id": client_id()}
    from contentflow.publishing import dpop  # Only the worker speaks to servers.

    signed = dpop.assertion(key(), client_id(), issuer)
    return {"client_id": client_id(), "client_assertion_type": _BEARER, "client_assertion": signed}
