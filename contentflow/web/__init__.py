"""The HTTP edge that all views share: access, headers, errors, limits, HTMX, language, health.

Pages: ``/``, ``/legal``, ``/language``, ``/healthz``, ``/readyz``, ``/metrics``, ``/robots.txt``,
``/.well-known/security.txt``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.config import settings
from contentflow.core.registry import registry
from contentflow.web import (
    access,
    errors,
    filters,
    health,
    identity,
    language,
    limits,
    metrics,
    security,
    views,
)


def init_app(app: Flask) -> None:
    metrics.init_app(app)
    security.init_app(app)
    language.init_app(app)
    errors.init_app(app)
    filters.init_app(app)
    limits.init_app(app)
    access.init_app(app)
    app.context_processor(_what_is_on)
    app.add_template_global(identity.identity)
    registry(app).doctor["identity"] = identity.check_identity
    app.register_blueprint(views.bp)
    app.register_blueprint(health.bp)


def _what_is_on() -> dict[str, bool]:
    """What pages may promise: mail at all, kits by e-mail, and mails that only reach a local mailbox."""
    chosen = settings()
    return {
        "sends_mail": chosen.sends_mail,
        "can_mail_kits": chosen.can_mail_kits,
        "has_mailbox": chosen.has_local_mailbox,
    }
