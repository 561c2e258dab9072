"""What every capability stands on; it knows no capability and no HTTP."""

from __future__ import annotations

from flask import Flask

from contentflow.core import (
    audit,
    broker,
    bucket,
    cli,
    db,
    doctor,
    file_permissions,
    heartbeat,
    jobs,
    logs,
    maintenance,
    metrics,
    migrate,
    quarantine,
    registry,
)


def init_app(app: Flask) -> None:
    logs.set_format(app.config["CONTENTFLOW"].log_format)
    db.init_database(app)
    registry.init_registry(app)
    jobs.init_jobs(app)
    broker.init_broker(app)
    bucket.init_bucket(app)
    maintenance.init_maintenance(app)
    app.cli.add_command(cli.developers_group)
    maintenance.register_maintenance(app, "audit.erase_old", audit.erase_old)
    maintenance.register_maintenance(app, "doctor.check_hourly", doctor.check_hourly)
    readiness = registry.registry(app).readiness
    readiness["migrations"] = migrate.check_revision
    readiness["worker"] = heartbeat.check_worker
    registry.registry(app).doctor.update(readiness)
    registry.registry(app).gauges += [
        registry.Gauge("queue_depth", "Rows that are due", "queue", metrics.queue_depths),
        registry.Gauge("queue_age_seconds", "For how long the oldest is due", "queue", metrics.queue_ages),
        registry.Gauge(
            "heartbeat_age_seconds", "Since the worker's last sign of life", "process", metrics.heartbeat_age
        ),
        registry.Gauge(
            "maintenance_age_seconds",
            "Since each maintenance was last done",
            "name",
            metrics.maintenance_ages,
        ),
    ]
    registry.registry(app).doctor["clock"] = heartbeat.check_clock
    registry.registry(app).doctor["broker"] = broker.check_broker
    registry.registry(app).doctor["maintenance"] = maintenance.check_maintenance
    registry.registry(app).doctor["privacy"] = file_permissions.check_permissions
    registry.registry(app).doctor["quarantine"] = quarantine.check_quarantine
