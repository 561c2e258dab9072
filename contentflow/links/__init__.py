"""Short codes, their clicks and the verdict on each.

Tables: ``links``, ``clicks``, ``visitor_keys``, and the sums ``click_partner_days``, ``click_link_days``,
``click_link_totals``.  Pages: ``/l/<code>``.  Files: ``DATA_DIR/spool``.  Commands: ``links reclassify``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.registry import registry
from contentflow.core.work import register_chore, register_sweep
from contentflow.links import cli, services, upkeep, views
from contentflow.links.clicks import check_database
from contentflow.links.memory import check_clicks, init_memory
from contentflow.links.replay import check_spool, replay_spool
from contentflow.links.visitor_keys import destroy_old_keys


def init_app(app: Flask) -> None:
    init_memory(app)
    app.url_map.converters["code"] = views.CodeConverter
    app.register_blueprint(views.bp)
    register_sweep(app, replay_spool)
    register_sweep(app, destroy_old_keys)
    register_chore(app, upkeep.delete_old_clicks)
    app.cli.add_command(cli.group)
    parts = registry(app)
    parts.exports["links"] = services.export_links
    parts.exports["clicks"] = services.export_clicks
    parts.erasures.append(services.disable_links_of_partner)
    parts.readiness["database"] = check_database
    parts.readiness["clicks"] = check_clicks
    parts.doctor["spool"] = check_spool
