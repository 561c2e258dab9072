"""The HTTP edge that all views share: admission, headers, errors, limits, HTMX, language, health.

Pages: ``/``, ``/legal``, ``/language``, ``/healthz``, ``/readyz``, ``/robots.txt``,
``/.well-known/security.txt``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.web import admission, errors, filters, health, language, limits, security, views


def init_app(app: Flask) -> None:
    security.init_app(app)
    language.init_app(app)
    errors.init_app(app)
    filters.init_app(app)
    limits.init_app(app)
    admission.init_app(app)
    app.register_blueprint(views.bp)
    app.register_blueprint(health.bp)
