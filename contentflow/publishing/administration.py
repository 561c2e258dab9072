"""What an operator sees and settles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from contentflow.byop import hooks as byop_hooks
from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import is_id
from contentflow.core.registry import Remark
from contentflow.publishing import breaker, posts
from contentflow.publishing.models import Assignment, SocialAccount
from contentflow.publishing.plan import reach_of
from contentflow.publishing.platforms import PLATFORMS
from contentflow.terminal_language import says


class NothingToSettle(Refused):
    status = 409
    message = _l("Seule une publication « unknown » se règle ainsi.")


class NoAddress(Refused):
    message = _l("L’adresse doit commencer par https:// .")


def list_platforms() -> list[dict[str, Any]]:
    """Return each platform as programs read one."""
    in_use = SocialAccount.state != "disconnected"
    counted = select(SocialAccount.platform, func.count()).where(in_use).group_by(SocialAccount.platform)
    accounts = Counter({name: number for name, number in db.session.execute(counted)})
    rests, rules = {one.platform for one in breaker.paused()}, posts.rules()
    return [
        {
            "platform": name,
            "set_up": reach_of(name, rules) != "hand",
            "reach": reach_of(name, rules),
            "paused": name in rests,
            "accounts": accounts[name],
        }
        for name in PLATFORMS
    ]


def list_assignments(state: str | None, limit: int = 200) -> Sequence[Assignment]:
    where = [Assignment.state == state] if state else []
    found = select(Assignment).where(*where).order_by(Assignment.created_at.desc(), Assignment.id)
    return db.session.scalars(found.limit(limit)).all()


def settle(assignment_id: str, state: str, url: str = "") -> None:
    """End an ``unknown`` one: ``published`` or ``failed``. Raises ``NotFound``, ``NothingToSettle``."""
    if not is_id(assignment_id):
        raise NotFound
    row = db.session.get(Assignment, assignment_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    if row.state != "unknown":
        raise NothingToSettle
    if url and (not url.startswith("https://") or len(url) > 2048 or not url.isprintable()):
        raise NoAddress
    row.state, row.reason = state, "settled"
    if state == "published":
        row.published_at, row.remote_url = clock.now(), url or None
        byop_hooks.log_share(row.partner_id, row.submission_id, row.platform, row.text)
    db.session.flush()


def check_publishing() -> str | None:
    """Doctor: None unless a platform rests, or a publication waits for somebody to say what became of it."""
    rests = ", ".join(sorted(one.platform for one in breaker.paused()))
    if rests:
        sentence = says("Rien ne part sur %s : « contentflow platform resume NOM » y met fin.")
        return Remark(sentence % rests)
    chosen = settings()
    halves = {
        "YOUTUBE_CLIENT_SECRET": (chosen.youtube_client_id, chosen.youtube_client_secret),
        "TIKTOK_CLIENT_SECRET": (chosen.tiktok_client_key, chosen.tiktok_client_secret),
    }
    half = ", ".join(name for name, (client, secret) in halves.items() if bool(client) != bool(secret))
    if half:
        sentence = says("Il manque la moitié d’un accès : réglez %s et son identifiant, ou aucun des deux.")
        return Remark(sentence % half)
    if chosen.has_youtube and not chosen.youtube_audited:
        return Remark(says("YouTube attend l’audit de Google, puis YOUTUBE_AUDITED=true."))
    unknown = db.session.scalar(select(func.count()).where(Assignment.state == "unknown")) or 0
    if unknown:
        sentence = says("%s publications dont nul ne sait rien : voyez « contentflow assignment list ».")
        return Remark(sentence % unknown)
    return None
