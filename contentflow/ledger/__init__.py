"""Double entry: what each partner earned, holds, may have, and why.

Tables: ``credits``, ``holds``, ``ledger_postings``, ``ledger_entries``,
``ledger_folds``, ``contracts``, ``earned_years``.
Commands: ``hold``, ``contract``, ``ledger``.
"""

from __future__ import annotations

from flask import Flask
from jinja2 import pass_context
from jinja2.runtime import Context

from contentflow.core.maintenance import register_maintenance, register_sweep
from contentflow.core.registry import registry
from contentflow.ledger import cli, retention, services, words


def init_app(app: Flask) -> None:
    app.add_template_filter(account_words)
    app.add_template_filter(account_sentence)
    register_sweep(app, "ledger.mature_due", services.mature_due)
    register_maintenance(app, "ledger.date_anew", services.date_anew)
    register_maintenance(app, "ledger.fold_old", retention.fold_old)
    parts = registry(app)
    parts.exports["ledger"] = services.export_ledger
    parts.doctor["ledger"] = services.check_ledger
    parts.checked_hourly.add("ledger")
    for group in cli.GROUPS:
        app.cli.add_command(group)


@pass_context
def account_words(_: Context, account: str) -> str:
    """Asks for the context, or Jinja would write the word once and for all in its first reader's language."""
    return words.account_words(account)


@pass_context
def account_sentence(_: Context, account: str) -> str:
    return words.account_sentence(account)
