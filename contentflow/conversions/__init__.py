"""What networks report becomes conversions, and clicks that pay: each credited to the partner of its click.

Tables: ``networks``, ``postback_reports``, ``network_statements``, ``currency_rates``, ``conversions``,
``click_budgets``.
Pages: ``/postback/<network>``, ``/postback/<network>/<token>``.
Commands: ``network``, ``rate``, ``conversion``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.conversions import cli, click_commissions, exporting, networks, reports, retention, views
from contentflow.core.maintenance import register_maintenance
from contentflow.core.registry import registry


def init_app(app: Flask) -> None:
    app.register_blueprint(views.bp)
    register_maintenance(app, "conversions.credit_clicks", click_commissions.pay_closed_days)
    register_maintenance(app, "conversions.end_old_secrets", networks.end_old_secrets)
    register_maintenance(app, "conversions.delete_old", retention.delete_old)
    register_maintenance(app, "conversions.delete_old_reports", reports.delete_old)
    registry(app).doctor["networks"] = reports.check_networks
    registry(app).exports["conversions"] = exporting.export_conversions
    for group in cli.GROUPS:
        app.cli.add_command(group)
