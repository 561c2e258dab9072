"""What every capability stands on; it knows no capability and no HTTP."""

from __future__ import annotations

from flask import Flask

from contentflow.core import audit, cli, db, heartbeat, migrate, private, registry, work  # noqa: F401 (audit: its table)


def init_app(app: Flask) -> None:
    db.init_database(app)
    registry.init_registry(app)
    work.init_work(app)
    app.cli.add_command(cli.developers_group)
    readiness = registry.registry(app).readiness
    readiness["migrations"] = migrate.check_revision
    readiness["worker"] = heartbeat.check_worker
    registry.registry(app).doctor.update(readiness)
    registry.registry(app).doctor["clock"] = heartbeat.check_clock
    registry.registry(app).doctor["bells"] = work.check_bells
    registry.registry(app).doctor["privacy"] = private.check_privacy
