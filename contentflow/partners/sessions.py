"""The logged-in browser: Flask-Login, whose id of a user is the token of our session row."""

from __future__ import annotations

import logging
from datetime import timedelta

from flask import Flask, Response, g, has_request_context, session
from flask_login import LoginManager, UserMixin, current_user
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from contentflow.core import clock
from contentflow.core.db import BUSY_SECONDS, db, in_transaction, is_sqlite
from contentflow.partners import services
from contentflow.partners.models import Partner, PartnerSession

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=15)
KEPT_AT_LOGIN = ("lang",)


class LoggedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's user: a partner in one browser."""

    def __init__(self, token: str, live: services.LiveSession) -> None:
        self.token = token
        self.partner = live.partner
        self.session = live.session

    def get_id(self) -> str:
        return self.token

    @property
    def is_fresh(self) -> bool:
        """Whether this browser logged in within the last 15 minutes."""
        return bool(-clock.SLACK <= clock.now() - self.session.created_at < FRESH)


def init_app(app: Flask) -> None:
    manager = LoginManager()
    manager.session_protection = None
    manager.user_loader(_load)
    # Not by manager.init_app: its remember cookie and its eager template context are not wanted.
    app.login_manager = manager  # type: ignore[attr-defined]
    app.context_processor(lambda: {"partner": _partner_for_templates()})
    app.after_request(_note_use)


def current_partner() -> Partner:
    """Return the partner of a view behind ``@partner_required``."""
    partner = find_current_partner()
    if partner is None:
        raise RuntimeError("current_partner() in a view that anybody may call")
    return partner


def find_current_partner() -> Partner | None:
    return current_user.partner if current_user.is_authenticated else None


def is_fresh() -> bool:
    """Whether this browser logged in within the last 15 minutes: money, export and erasure ask for it."""
    return bool(current_user.is_authenticated and current_user.is_fresh)


def session_token() -> str:
    """Return the token in this browser's cookie, alive or not; "" without one."""
    return str(session.get("_user_id", ""))


def enter(token: str) -> None:
    """Put a new session in the cookie in place of all that was there: nothing planted there survives."""
    leave()
    session["_user_id"] = token
    session["_fresh"] = True
    session.permanent = True


def leave() -> None:
    kept = {name: session[name] for name in KEPT_AT_LOGIN if name in session}
    session.clear()
    session.update(kept)
    session.permanent = bool(kept)
    for name in ("_login_user", "csrf_token"):
        g.pop(name, None)


def _load(token: str) -> LoggedIn | None:
    live = services.find_session(token)
    if live is None:
        return None
    if not in_transaction():
        # Detached, they outlive the commits and roll-backs of this request without another query.
        db.session.expunge(live.partner)
        db.session.expunge(live.session)
    return LoggedIn(token, live)


def _partner_for_templates() -> Partner | None:
    """Never an error: the pages that say “the database is away” ask for the partner too."""
    if not has_request_context() or g.get("is_without_database"):
        return None
    try:
        return find_current_partner()
    except SQLAlchemyError:
        g.is_without_database = True
        if not in_transaction():
            db.session.rollback()
        return None


def _note_use(response: Response) -> Response:
    user = g.get("_login_user")
    if isinstance(user, LoggedIn) and not g.get("is_without_database"):
        due = clock.now() - services.TOUCH_EVERY
        if user.session.last_used_at <= due:
            _touch(user.session.token_hash)
    return response


def _touch(token_hash: str) -> None:
    """Write the last use by itself and only if the database is free: no page waits or fails for it."""
    now = clock.now()
    hurry, rest = ("PRAGMA busy_timeout=250", f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
    if not is_sqlite():
        hurry, rest = ("SET LOCAL lock_timeout='250ms'", "SELECT 1")
    try:
        with db.engine.connect() as connection:
            connection.exec_driver_sql(hurry)
            try:
                connection.execute(
                    update(PartnerSession)
                    .where(PartnerSession.token_hash == token_hash, PartnerSession.last_used_at < now)
                    .values(last_used_at=now)
                )
                connection.commit()
            finally:
                connection.rollback()
                connection.exec_driver_sql(rest)
    except SQLAlchemyError:
        log.info("a session's last use was not written: the database was busy")
