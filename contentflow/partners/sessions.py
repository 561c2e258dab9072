"""The logged-in browser: Flask-Login, whose id of a user is the token of our session row."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from flask import Flask, Response, g, has_request_context, session
from flask_login import LoginManager, UserMixin, current_user
from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import BUSY_SECONDS, db, in_transaction, is_sqlite, transaction
from contentflow.core.encryption import decrypt
from contentflow.partners import roles, services
from contentflow.partners.models import Partner, PartnerSession

log = logging.getLogger(__name__)

FRESH = timedelta(minutes=15)
KEPT_AT_LOGIN = ("lang",)


class LoggedIn(UserMixin):  # type: ignore[misc]
    """Flask-Login's user: a partner in one browser.

    ``partner`` is whose pages these are: while somebody sees as a partner, that partner; ``person`` is who
    logged in.
    """

    def __init__(self, token: str, live: services.LiveSession) -> None:
        self.token = token
        self.person = live.partner
        self.partner = live.seen or live.partner
        self.session = live.session

    def get_id(self) -> str:
        return self.token

    @property
    def is_fresh(self) -> bool:
        """Whether this browser logged in within the last 15 minutes; who sees as a partner only reads."""
        return bool(self.seen_as) or _is_recent(self.session.created_at)

    @property
    def role(self) -> str | None:
        return self.person.role

    @property
    def seen_as(self) -> str | None:
        """The id of the partner whose pages somebody else looks at here."""
        return None if self.partner is self.person else self.partner.id

    @property
    def has_passed(self) -> bool:
        """Whether this session gave a second factor, where one is asked for."""
        return self.session.second_factor_at is not None or not settings().console_second_factor

    @property
    def asks_for_code(self) -> bool:
        """Whether an act that wants a code of its own gets one: not in a development without it."""
        return settings().console_second_factor

    @property
    def is_stepped_up(self) -> bool:
        """Whether it gave one within the last 15 minutes."""
        at = self.session.second_factor_at
        return not settings().console_second_factor or (at is not None and _is_recent(at))

    def may(self, permission: str) -> bool:
        return roles.may(self.role, permission)

    def kept_form(self, path: str) -> Mapping[str, Sequence[str]]:
        """Return what was typed for ``path`` before a code was asked for."""
        kept = self.session.kept_form
        form = json.loads(decrypt(kept)) if kept else {}
        fields: Mapping[str, Sequence[str]] = form.get("fields", {}) if form.get("path") == path else {}
        return fields

    def drop_form(self, path: str) -> None:
        if self.kept_form(path):
            with transaction():
                services.keep_form(self.session.token_hash, "")

    def keep_form(self, path: str, fields: Mapping[str, Sequence[str]]) -> None:
        """Keep what was typed until a code is given; the next form takes its place."""
        with transaction():
            services.keep_form(self.session.token_hash, json.dumps({"path": path, "fields": fields}))


def _is_recent(at: datetime) -> bool:
    return bool(-clock.SLACK <= clock.now() - at < FRESH)


def init_app(app: Flask) -> None:
    manager = LoginManager()
    manager.session_protection = None
    manager.user_loader(_load)
    # Not by manager.init_app: its remember cookie and its eager template context are not wanted.
    app.login_manager = manager  # type: ignore[attr-defined]
    app.context_processor(_for_templates)
    app.after_request(_note_use)


def current_partner() -> Partner:
    """Return the partner of a view behind ``@partner_required``."""
    partner = find_current_partner()
    if partner is None:
        raise RuntimeError("current_partner() in a view that anybody may call")
    return partner


def current_person() -> Partner:
    """Return who logged in, of a view behind ``@permission_required``."""
    current_partner()
    person: Partner = current_user.person
    return person


def find_current_partner() -> Partner | None:
    return current_user.partner if current_user.is_authenticated else None


def is_seeing() -> bool:
    """Whether somebody of the team looks at a partner's pages here."""
    return bool(current_user.is_authenticated and current_user.seen_as)


def is_fresh() -> bool:
    """Whether this browser logged in within the last 15 minutes: money, export and erasure ask for it."""
    return bool(current_user.is_authenticated and current_user.is_fresh)


def session_token() -> str:
    """Return the token in this browser's cookie, alive or not; "" without one."""
    return str(session.get("_user_id", ""))


def log_in(token: str) -> None:
    """Put a new session in the cookie in place of all that was there: nothing planted there survives."""
    log_out()
    session["_user_id"] = token
    session["_fresh"] = True
    session.permanent = True


def log_out() -> None:
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
        for found in filter(None, (live.partner, live.session, live.seen)):
            db.session.expunge(found)
    return LoggedIn(token, live)


def _for_templates() -> dict[str, object]:
    """Return ``partner``, and who is ``logged_in`` for them: None for nobody.

    Never an error: the pages that say “the database is away” ask for the partner too.
    """
    nobody: dict[str, object] = {"partner": None, "logged_in": None}
    if not has_request_context() or g.get("is_without_database"):
        return nobody
    try:
        runs_it = current_user.is_authenticated and current_user.role
        logged_in = current_user._get_current_object() if runs_it else None
        return {"partner": find_current_partner(), "logged_in": logged_in}
    except SQLAlchemyError:
        g.is_without_database = True
        if not in_transaction():
            db.session.rollback()
        return nobody


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
