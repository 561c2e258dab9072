"""Who somebody is on Bluesky: a handle, a DID and a server, each of which must vouch for the others.

https://atproto.com/specs/handle, https://atproto.com/specs/did
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import quote

from contentflow.config import settings
from contentflow.core.location import origin_of
from contentflow.core.outbound import Answer, is_stranger_url
from contentflow.publishing.calls import NoAnswer, NotReached, ask, ask_stranger, text_in
from contentflow.publishing.oauth import ConnectRefused

_DID = re.compile(r"did:plc:[a-z2-7]{24}|did:web:[a-z0-9]([a-z0-9.-]{0,240}[a-z0-9])?")
_HANDLE = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


class BlueskyIdentity(NamedTuple):
    """What a DID's own document says: its handle, or "", and the origin of its server."""

    did: str
    handle: str
    server: str


def find_did(handle: str) -> str:
    """Return the DID that a handle leads to; "" for none. The name service is asked through the AppView."""
    if not _HANDLE.fullmatch(handle):
        return ""
    query = f"handle={quote(handle, safe='')}"
    told = _heard(ask, f"{settings().bluesky_appview_url}/xrpc/com.atproto.identity.resolveHandle?{query}")
    did = text_in(told.fields(), "did") if told is not None and told.status == 200 else ""
    if not did:
        told = _heard(ask_stranger, f"https://{handle}/.well-known/atproto-did")
        did = told.body[:300].decode(errors="replace").strip() if told and told.status == 200 else ""
    return did if _DID.fullmatch(did) else ""


def _heard(call: Any, url: str) -> Answer | None:
    try:
        return call("GET", url)  # type: ignore[no-any-return]
    except (NotReached, NoAnswer):
        return None


def identity_of(did: str) -> BlueskyIdentity:
    """Read a DID's document; raises ``ConnectRefused`` where it has none or names no server."""
    if not _DID.fullmatch(did):
        raise ConnectRefused("mismatch")
    if did.startswith("did:plc:"):
        answer = _heard(ask, f"{settings().plc_url}/{did}")
    else:
        answer = _heard(ask_stranger, f"https://{did.removeprefix('did:web:')}/.well-known/did.json")
    if answer is None:
        raise ConnectRefused("unreachable")
    told = answer.fields() if answer.status == 200 else {}
    server = _server_in(told.get("service"), did)
    if told.get("id") != did or not server:
        raise ConnectRefused("mismatch")
    names = told.get("alsoKnownAs")
    listed = [one for one in names if isinstance(one, str)] if isinstance(names, list) else []
    handles = [one.removeprefix("at://").lower() for one in listed if one.startswith("at://")]
    handle = next((one for one in handles if _HANDLE.fullmatch(one) and len(one) <= 253), "")
    return BlueskyIdentity(did, handle, server)


def _server_in(services: Any, did: str) -> str:
    for one in services if isinstance(services, list) else []:
        if isinstance(one, dict) and one.get("id") in ("#atproto_pds", f"{did}#atproto_pds"):
            endpoint = text_in(one, "serviceEndpoint", 500).rstrip("/")
            return endpoint if is_server(endpoint) else ""
    return ""


def is_server(origin: str) -> bool:
    """Whether this is the bare origin of a server that may be called."""
    is_allowed = is_stranger_url(origin) or origin in settings().trusted_origins
    return is_allowed and origin_of(origin) == origin


def vouched(did: str, handle: str) -> bool:
    """Whether a handle leads to the DID that claims it."""
    return bool(handle) and find_did(handle) == did


def issuer_of(server: str, *, may_be_itself: bool = False) -> str:
    """Return who gives out tokens for a server, as the server says (RFC 9728); raises ``ConnectRefused``.

    ``may_be_itself``: what a partner typed may be such a one, which protects nothing.
    """
    answer = _heard(ask_stranger, f"{server}/.well-known/oauth-protected-resource")
    if answer is None:
        raise ConnectRefused("unreachable")
    told = answer.fields() if answer.status == 200 else {}
    named = told.get("authorization_servers")
    first = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else ""
    if told.get("resource") == server and is_server(first):
        return first
    if may_be_itself and not told:
        return server
    raise ConnectRefused("no_bluesky")
