"""Rows that two processes may make at once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import inspect
from sqlalchemy.dialects import postgresql, sqlite

from contentflow.core.db import Base, db, is_sqlite


def insert_missing(model: type[Base], **values: Any) -> bool:
    """Insert a row unless its key is taken; False when it is. Never raises for the loser."""
    insert = sqlite.insert if is_sqlite() else postgresql.insert
    key = inspect(model).primary_key
    made = db.session.execute(insert(model).values(**values).on_conflict_do_nothing().returning(*key))
    return made.first() is not None
