"""The Share Kit: a post's links, texts, QR code and counts, the preview card and the public page.

Tables: ``contact_share_logs``, ``share_sums``.
Commands: ``variants kinds``.
Pages: ``/byop/kit``, ``/byop/log``, ``/byop/qr``, ``/byop/variants``, ``/p/<code>``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.byop.hooks import register_share_log
from contentflow.core.maintenance import register_maintenance
from contentflow.core.registry import registry
from contentflow.links.services import register_link_preview
from contentflow.mailing.hooks import register_batch_composer
from contentflow.sharekit import cli, retention, services, share_mail, views
from contentflow.sharekit import email_views as _email_views  # noqa: F401 (its routes join the blueprint)
from contentflow.sharekit import variant_views as _variant_views  # noqa: F401 (the same)
from contentflow.web.access import FeatureSwitch, add_switch


def init_app(app: Flask) -> None:
    app.register_blueprint(views.bp)
    app.cli.add_command(cli.group)
    add_switch(app, FeatureSwitch("/byop/email", "can_mail_kits", 400, "sharekit/email_off.html"))
    register_link_preview(app, views.preview_card)
    register_share_log(app, services.log_share)
    register_batch_composer(app, "share", share_mail.compose_shares)
    register_maintenance(app, "sharekit.erase_old_shares", retention.erase_old_shares)
    register_maintenance(app, "sharekit.count_channel_rates", services.count_channel_rates)
    registry(app).sweeps.append(retention.sweep_partner)
    registry(app).exports["share_logs"] = services.export_share_logs
