"""How a factory makes a thing: by the service that makes it in the product, committed, then let go of."""

from __future__ import annotations

from typing import Any

import factory

from contentflow.core.db import db, transaction


class Committed(factory.Factory):
    """A subclass names its ``make``; what comes out is committed and hangs on no session."""

    class Meta:
        abstract = True

    @staticmethod
    def make(**given: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **given: Any) -> Any:
        with transaction():
            made = cls.make(**given)
        db.session.refresh(made)
        db.session.expunge(made)
        db.session.rollback()
        return made
