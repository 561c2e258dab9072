"""Conversions become a ledger: what each partner earned, holds, may have, and why.

Tables: ``networks``, ``currency_rates``, ``conversions``, ``credits``, ``holds``, ``ledger_postings``,
``ledger_entries``, ``contracts``.  Pages: ``/postback/<network>``, ``/partner/earnings…``.
Commands: ``network``, ``rate``, ``conversion``, ``hold``, ``contract``, ``ledger``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.registry import registry
from contentflow.core.work import register_chore, register_sweep
from contentflow.earnings import cli, clicks_pay, ledger, postback, services, views
from contentflow.sharekit.services import register_earned


def init_app(app: Flask) -> None:
    app.register_blueprint(postback.bp)
    app.register_blueprint(views.bp)
    register_earned(app, ledger.earned_of_post)
    register_sweep(app, services.mature_due)
    register_chore(app, clicks_pay.pay_closed_days)
    register_chore(app, services.date_anew)
    parts = registry(app)
    parts.exports["conversions"] = services.export_conversions
    parts.exports["ledger"] = services.export_ledger
    parts.doctor["ledger"] = ledger.check_ledger
    for group in cli.GROUPS:
        app.cli.add_command(group)
