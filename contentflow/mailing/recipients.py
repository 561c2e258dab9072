"""An address is recognised by its keyed hash; the hash stays when the address is erased."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from flask import current_app
from sqlalchemy import select

from contentflow.core.db import after_commit, db, found_out, in_transaction, transaction
from contentflow.core.signing import keyed_hash
from contentflow.core.writes import insert_missing
from contentflow.mailing.addresses import address_key
from contentflow.mailing.models import HmacKey

NAME = "recipients"
KEPT: Final = timedelta(days=30)  # An address in clear; then its hash alone.


def recipient_hash(address: str) -> str:
    """Return the hash under which an address stands in deliveries, suppressions and yeses."""
    key: bytes | None = current_app.extensions.get("recipients_key")
    return keyed_hash(_load() if key is None else key, address_key(address))


def origin_hash(ip: str) -> str:
    """Return the hash of the IP address from which a consent came: an IP stands nowhere itself."""
    return recipient_hash(f"ip:{ip}")


def _load() -> bytes:
    if in_transaction():
        # Kept only once it is certain: a rollback takes a new key back.
        if "recipients_key" not in found_out():
            key = found_out()["recipients_key"] = _found_or_made()
            after_commit(lambda: _keep(key))
        return bytes(found_out()["recipients_key"])
    with transaction():
        key = _found_or_made()
    return _keep(key)


def _found_or_made() -> bytes:
    insert_missing(HmacKey, name=NAME, key=secrets.token_bytes(32))
    return bytes(db.session.execute(select(HmacKey.key).where(HmacKey.name == NAME)).scalar_one())


def _keep(key: bytes) -> bytes:
    current_app.extensions["recipients_key"] = key
    return key
