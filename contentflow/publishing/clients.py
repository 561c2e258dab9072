"""What we are to a server: its registration of us, once a host, kept encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.exc import IntegrityError

from contentflow.core.db import db, transaction
from contentflow.publishing.models import PlatformClient
from contentflow.publishing.tokens import decrypt_fields, encrypt_fields


def find(platform: str, host: str) -> dict[str, Any] | None:
    """Return what was kept; None for nothing, or once the key that encrypted it is lost."""
    found = db.session.get(PlatformClient, (platform, host), populate_existing=True)
    kept = decrypt_fields(found.sealed) if found else None
    db.session.rollback()
    return kept


def keep(platform: str, host: str, told: Mapping[str, Any]) -> tuple[str, str]:
    """Keep a registration and return (client id, secret); of two that come at once the first stays."""
    row = PlatformClient(
        platform=platform, host=host, client_id=str(told["client_id"])[:500], sealed=encrypt_fields(told)
    )
    try:
        with transaction():
            db.session.merge(row)
    except IntegrityError:
        kept = find(platform, host) or told
        return str(kept["client_id"]), str(kept.get("client_secret", ""))
    return str(told["client_id"]), str(told.get("client_secret", ""))


def erase(platform: str, host: str) -> None:
    with transaction():
        found = db.session.get(PlatformClient, (platform, host))
        if found is not None:
            db.session.delete(found)
