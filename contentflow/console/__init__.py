"""The operator's pages: the week on one board, a list a job, and nothing done that cannot be explained.

Composes, owns no table and no rule: every act calls a verb of the capability that owns the row, and stands in
the audit. Pages: ``/console/…``.
"""

from __future__ import annotations

from flask import Flask


def init_app(app: Flask) -> None:
    from contentflow.console import (
        act_views,
        find_views,
        network_views,
        offer_views,
        payout_views,
        row_views,
        second_factor_views,
        settle_views,
        team_views,
        views,
    )
    from contentflow.console.pages import bp
    from contentflow.console.words import changes, in_words
    from contentflow.payouts import bank_report
    from contentflow.web.security import allow_body

    # They add their pages to the blueprint.
    assert all(
        (
            act_views,
            find_views,
            network_views,
            offer_views,
            payout_views,
            row_views,
            second_factor_views,
            settle_views,
            team_views,
            views,
        )
    )
    allow_body(app, "console.bank_report_payouts", bank_report.MAX_BYTES + payout_views.FORM_BYTES)
    app.register_blueprint(bp)
    app.add_template_filter(in_words)
    app.add_template_filter(changes)
    for endpoint in ("console.add_offer", "console.change_offer", "console.preview_offer"):
        allow_body(app, endpoint, offer_views.MAX_BODY)
