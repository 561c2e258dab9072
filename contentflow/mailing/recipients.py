"""An address is recognised by its keyed hash; the hash stays when the address is erased."""

from __future__ import annotations

import secrets

from flask import current_app
from sqlalchemy import select

from contentflow.core.db import after_commit, db, in_transaction, transaction
from contentflow.core.signing import keyed_hash
from contentflow.mailing.addresses import address_key
from contentflow.mailing.models import KeptKey
from contentflow.mailing.rows import insert_missing

NAME = "recipients"


def recipient_hash(address: str) -> str:
    """Return the hash under which an address stands in deliveries, suppressions and yeses."""
    return keyed_hash(_key(), address_key(address))


def _key() -> bytes:
    kept: bytes | None = current_app.extensions.get("recipients_key")
    return kept if kept is not None else _load()


def _load() -> bytes:
    if in_transaction():
        key = _found_or_made()
        # Kept only once it is certain: a rollback takes a new key back.
        after_commit(lambda: _keep(key))
        return key
    with transaction():
        key = _found_or_made()
    return _keep(key)


def _found_or_made() -> bytes:
    insert_missing(KeptKey, name=NAME, key=secrets.token_bytes(32))
    return bytes(db.session.execute(select(KeptKey.key).where(KeptKey.name == NAME)).scalar_one())


def _keep(key: bytes) -> bytes:
    current_app.extensions["recipients_key"] = key
    return key
