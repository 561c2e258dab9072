"""What is promoted, and how it pays.

Tables: ``offers``, ``offer_pictures``.  Pages: ``/partner/offers``, ``/partner/offers/<id>``.
Commands: ``offer add``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.offers import template_url, terms


def init_app(app: Flask) -> None:
    from contentflow.offers import cli, views

    app.register_blueprint(views.bp)
    app.add_template_filter(template_url.domain, "offer_domain")
    app.add_template_filter(terms.typical_sale)
    app.cli.add_command(cli.group)
