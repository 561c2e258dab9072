"""The partner's home: it composes what the other capabilities know, and owns no table and no rule.

Pages: ``/partner/portal``, ``/partner/earnings…``, ``/partner/export.json``, ``/partner/erase``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.portal import views


def init_app(app: Flask) -> None:
    app.register_blueprint(views.bp)
    app.register_blueprint(views.earnings_bp)
