"""Connecting an account: asked for on a page, worked off by the worker, finished when the partner comes back.

Only the worker speaks to strangers: a server that drips holds up no page.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.broker import enqueue, enqueue_now
from contentflow.core.db import db, transaction
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import digest, is_id, new_id, new_token
from contentflow.partners import locks
from contentflow.publishing import accounts, hosts, posts
from contentflow.publishing.models import ConnectRequest
from contentflow.publishing.oauth import Connected, ConnectRefused
from contentflow.publishing.plan import reach_of
from contentflow.publishing.platforms import SPOKEN
from contentflow.publishing.tokens import decrypt_fields, encrypt_fields

CONNECT = "publishing.connect"
LIFETIME = timedelta(minutes=10)
# Where partners consent whose platform has one place for all.
ELSEWHERE = {"tiktok": "tiktok.com", "youtube": "google.com"}
OPEN = ("asked", "going", "returned")


class NotSetUp(Refused):
    status = 409
    message = _l("Cette plateforme n’est pas reliée au programme : publie là de ta main.")


class BadCallback(Refused):
    status = 400
    message = _l("Cette réponse n’est pas celle que nous attendions : rien n’a été connecté. Recommence.")


def ask(partner_id: str, session_token: str, platform: str, typed: str) -> ConnectRequest:
    """Begin; the worker goes on. Raises ``NotSetUp``, and ``hosts.NoHost`` for what is no public name."""
    locks.lock_active(partner_id)
    if platform not in SPOKEN or reach_of(platform, posts.rules()) == "hand":
        raise NotSetUp
    host = ELSEWHERE.get(platform) or hosts.host_of(
        typed.strip() or (settings().bluesky_url if platform == "bluesky" else ""),
        settings().trusted_origins,
        settings().public_base_url,
    )
    state = new_token()
    request = ConnectRequest(
        id=new_id(),
        state_hash=digest(state),
        partner_id=partner_id,
        session_hash=digest(session_token),
        platform=platform,
        host=host,
        state="asked",
        sealed=encrypt_fields({"state": state}),
        expires_at=clock.now() + LIFETIME,
    )
    db.session.add(request)
    db.session.flush()
    enqueue(CONNECT, request.id)
    return request


class Progress(NamedTuple):
    """A request as its page shows it; ``url`` is where the partner goes, once that is known."""

    request: ConnectRequest
    url: str

    @property
    def place(self) -> str:
        """The site that the partner goes to: of a handle its server's, which its owner may not have typed."""
        return urlsplit(self.url).netloc

    @property
    def is_busy(self) -> bool:
        return self.request.state in ("asked", "returned")


def progress(partner_id: str, request_id: str) -> Progress:
    """Raises ``NotFound``, also for another partner's."""
    request = db.session.get(ConnectRequest, request_id) if is_id(request_id) else None
    if request is None or request.partner_id != partner_id:
        raise NotFound
    kept = decrypt_fields(request.sealed) or {}
    return Progress(request, str(kept.get("url", "")) if request.state == "going" else "")


def come_back(
    partner_id: str, session_token: str, platform: str, state: str, code: str, error: str, iss: str
) -> ConnectRequest:
    """Take what the partner's browser brings back, once; raises ``BadCallback``, and nothing is kept."""
    found = db.session.scalar(
        select(ConnectRequest).where(ConnectRequest.state_hash == digest(state)).with_for_update()
    )
    if (
        found is None
        or not state
        or found.state != "going"
        or found.expires_at <= clock.now()
        or found.platform != platform
        or found.partner_id != partner_id
        or found.session_hash != digest(session_token)
    ):
        raise BadCallback
    kept = decrypt_fields(found.sealed)
    if kept is None or (kept.get("iss") and iss != kept["iss"]) or (iss and not _is_expected(iss, kept)):
        raise BadCallback
    if error or not code or len(code) > 2_000:
        # Whatever else a server names is about our client or itself: nobody declined.
        is_theirs = bool(error) and error != "access_denied"
        found.state, found.reason, found.sealed = "refused", "code" if is_theirs else "declined", None
    else:
        found.state, found.sealed = "returned", encrypt_fields({**kept, "code": code, "url": ""})
        found.lease = found.leased_until = None
        enqueue(CONNECT, found.id)
    db.session.flush()
    return found


def _is_expected(iss: str, kept: dict[str, Any]) -> bool:
    """RFC 9207: who sends one without having said so is not believed either."""
    return iss.rstrip("/") == str(kept.get("iss") or kept.get("origin") or "").rstrip("/")


# The worker


def due_ids() -> list[str]:
    now = clock.now()
    is_free = ConnectRequest.leased_until.is_(None) | (ConnectRequest.leased_until <= now)
    waiting = ConnectRequest.state.in_(("asked", "returned")), is_free, ConnectRequest.expires_at > now
    return list(db.session.scalars(select(ConnectRequest.id).where(*waiting).limit(100)))


def work(request_id: str) -> None:
    """Task: take one request a step further; a second message about it does nothing."""
    from contentflow.publishing.flows import FLOWS  # What speaks to platforms is no part of a web process.

    claimed = _claim(request_id)
    if claimed is None:
        return
    request, kept, lease = claimed
    flow = FLOWS[request.platform]
    try:
        if request.state == "asked":
            going = flow.begin(request.host, str(kept["state"]))
            sealed = encrypt_fields({**kept, **going.kept, "url": going.url, "iss": going.iss})
            host = {"host": going.host} if going.host else {}
            _end(request.id, lease, state="going", sealed=sealed, **host)
        else:
            _write_connected(request, lease, flow.finish(request.host, kept, str(kept["code"])))
    except ConnectRefused as refused:
        _end(request.id, lease, state="refused", reason=refused.reason)


def _claim(request_id: str) -> tuple[ConnectRequest, dict[str, Any], str] | None:
    now, lease = clock.now(), new_id()
    with transaction():
        taken = db.session.execute(
            update(ConnectRequest)
            .where(
                ConnectRequest.id == request_id,
                ConnectRequest.state.in_(("asked", "returned")),
                ConnectRequest.leased_until.is_(None) | (ConnectRequest.leased_until <= now),
                ConnectRequest.expires_at > now,
            )
            # One try has as long as its calls may take: nobody else begins meanwhile.
            .values(
                lease=lease, leased_until=now + timedelta(seconds=12 * settings().publish_timeout_seconds)
            )
        )
        if not taken.rowcount:  # type: ignore[attr-defined]
            return None
        request = db.session.get_one(ConnectRequest, request_id, populate_existing=True)
        kept = decrypt_fields(request.sealed)
        if kept is None:
            request.state, request.reason = "refused", "code"
            return None
        db.session.flush()
        db.session.expunge(request)
    return request, kept, lease


def _write_connected(request: ConnectRequest, lease: str, connected: Connected) -> None:
    with transaction():
        partner = locks.lock_partner(request.partner_id)
        mine = ConnectRequest.id == request.id, ConnectRequest.lease == lease
        if (
            partner is None
            or not partner.is_active
            or db.session.scalar(select(ConnectRequest).where(*mine)) is None
        ):
            return
        try:
            account = accounts.keep(request.partner_id, request.platform, connected)
        except ConnectRefused as refused:
            _set(request.id, lease, state="refused", reason=refused.reason, sealed=None)
            return
        _set(request.id, lease, state="connected", account_id=account.id, sealed=None, reason=None)


def _end(request_id: str, lease: str, **values: Any) -> None:
    with transaction():
        _set(request_id, lease, **values)


def _set(request_id: str, lease: str, **values: Any) -> None:
    mine = ConnectRequest.id == request_id, ConnectRequest.lease == lease
    db.session.execute(update(ConnectRequest).where(*mine).values(lease=None, leased_until=None, **values))


def enqueue_due() -> None:
    found = due_ids() if settings().publishing_enabled else []
    db.session.rollback()
    for request_id in found:
        enqueue_now(CONNECT, request_id)


def erase_old() -> None:
    """Maintenance: what expired keeps no secret, and goes after a day."""
    now = clock.now()
    with transaction():
        over = ConnectRequest.expires_at <= now, ConnectRequest.state.in_(OPEN)
        db.session.execute(update(ConnectRequest).where(*over).values(state="expired", sealed=None))
        db.session.execute(delete(ConnectRequest).where(ConnectRequest.expires_at < now - timedelta(days=1)))
