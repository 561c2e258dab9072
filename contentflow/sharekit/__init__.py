"""The Share Kit: a post's links, texts, QR code and counts, the preview card and the public page.

Tables: ``contact_share_logs``, ``share_sums``.
Pages: ``/byop/kit``, ``/byop/log``, ``/byop/qr``, ``/p/<code>``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.registry import registry
from contentflow.core.work import register_chore
from contentflow.links.services import register_card
from contentflow.mailing.services import register_show
from contentflow.sharekit import email_views as _email_views  # noqa: F401 (its routes join the blueprint)
from contentflow.sharekit import keeping, services, views
from contentflow.web.admission import Gate, close_when_off


def init_app(app: Flask) -> None:
    app.register_blueprint(views.bp)
    close_when_off(app, Gate("/byop/email", "can_mail_kits", 400, "sharekit/email_off.html"))
    register_card(app, views.preview_card)
    register_show(app, services.shown_in_mail)
    register_chore(app, keeping.forget_old_shares)
    registry(app).sweeps.append(keeping.sweep_partner)
    registry(app).exports["share_logs"] = services.export_share_logs
