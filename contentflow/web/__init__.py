"""The HTTP edge that all views share: admission, headers, errors, limits, HTMX, language, health.

Pages: ``/``, ``/legal``, ``/language``, ``/healthz``, ``/readyz``, ``/robots.txt``,
``/.well-known/security.txt``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.config import settings
from contentflow.web import admission, errors, filters, health, language, limits, security, views


def init_app(app: Flask) -> None:
    security.init_app(app)
    language.init_app(app)
    errors.init_app(app)
    filters.init_app(app)
    limits.init_app(app)
    admission.init_app(app)
    app.context_processor(_what_is_on)
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
