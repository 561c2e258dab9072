"""Short codes, their clicks and the verdict on each.

Tables: ``links``, ``clicks``, ``visitor_keys``, and the sums ``click_partner_days``, ``click_link_days``,
``click_link_totals``, and ``link_changes``.  Pages: ``/l/<code>``.  Files: ``DATA_DIR/journal``.
Commands: ``links reclassify``.

A click is a line in this process's journal before its visitor is answered; one process a ``DATA_DIR`` folds
the journals into the tables.
"""

from __future__ import annotations

from flask import Flask

from contentflow.core.maintenance import register_maintenance, register_sweep
from contentflow.core.registry import Folder, Gauge, registry
from contentflow.links import cli, folding, gauges, services, upkeep, views
from contentflow.links.clicks import check_clicks, init_intake
from contentflow.links.link_cache import forget_changes
from contentflow.links.redirect import Redirect
from contentflow.links.short_transaction import check_database
from contentflow.links.visitor_keys import destroy_old_keys
from contentflow.web.security import wrap_inside_proxies


def init_app(app: Flask) -> None:
    init_intake(app)
    app.url_map.converters["code"] = views.CodeConverter
    app.register_blueprint(views.bp)
    wrap_inside_proxies(app, lambda inner: Redirect(app, inner))
    register_sweep(app, "links.destroy_old_keys", destroy_old_keys)
    register_maintenance(app, "links.erase_old_clicks", upkeep.delete_old_clicks)
    register_maintenance(app, "links.forget_changes", forget_changes)
    app.cli.add_command(cli.group)
    parts = registry(app)
    parts.gauges += [
        Gauge("clicks", "Credited clicks of today by verdict", "verdict", gauges.clicks_of_day),
        Gauge("fold_lag_seconds", "For how long the oldest click waits for its row", "from", gauges.fold_lag),
    ]
    parts.exports["links"] = services.export_links
    parts.exports["clicks"] = services.export_clicks
    parts.erasures.append(services.disable_links_of_partner)
    parts.sweeps.append(services.erase_journaled)
    parts.readiness["database"] = check_database
    parts.readiness["clicks"] = check_clicks
    parts.doctor["journal"] = folding.check_journals
    parts.folders.append(Folder("journal", grows=True))
    parts.never_saved.append("visitor_keys")  # In a backup they would outlive their day.
