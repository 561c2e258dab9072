"""Filters of the console's lists that somebody keeps by a name; each person has their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select

from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.writes import insert
from contentflow.partners.locks import lock_partner
from contentflow.partners.models import SavedView

MOST: Final = 50
NAME_LENGTH: Final = 60
PATH_LENGTH: Final = 500
_ADDRESS: Final = re.compile(r"@|%40", re.IGNORECASE)


class WrongViewName(Refused):
    message = _l("Le nom d’une vue fait de 1 à 60 caractères, sur une ligne.")


class WrongView(Refused):
    message = _l("Une vue est l’adresse d’une page de la console, sans adresse e-mail dedans.")


class TooManyViews(Refused):
    status = 409
    message = _l("50 vues au plus : retirez-en une.")


def list_views(partner_id: str) -> Sequence[SavedView]:
    """Return a person's own, by their names."""
    own = select(SavedView).where(SavedView.partner_id == partner_id)
    return list(db.session.scalars(own.order_by(SavedView.name)))


def save(partner_id: str, name: str, path: str) -> None:
    """Keep ``path``, a page of the console, by a name; the same name again leads to the new path.

    Raises ``WrongViewName``, ``WrongView`` and ``TooManyViews``. No address is kept here: erasing its person
    would have to find it.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= NAME_LENGTH or not name.isprintable():
        raise WrongViewName
    if len(path) > PATH_LENGTH or not path.startswith("/console/") or _ADDRESS.search(path):
        raise WrongView
    lock_partner(partner_id)
    others = select(func.count()).where(SavedView.partner_id == partner_id, SavedView.name != name)
    if (db.session.scalar(others) or 0) >= MOST:
        raise TooManyViews
    kept = insert(SavedView, partner_id=partner_id, name=name, path=path, created_at=clock.now())
    db.session.execute(kept.on_conflict_do_update(index_elements=["partner_id", "name"], set_={"path": path}))
    audit.note(partner_id, "view.save", partner_id, after={"name": name, "path": path})


def remove(partner_id: str, name: str) -> None:
    """Raises ``NotFound``."""
    own = (SavedView.partner_id == partner_id, SavedView.name == name)
    path = db.session.scalar(select(SavedView.path).where(*own))
    if path is None:
        raise NotFound
    db.session.execute(delete(SavedView).where(*own))
    audit.note(partner_id, "view.remove", partner_id, before={"name": name, "path": path})


def erase(partner_id: str) -> None:
    db.session.execute(delete(SavedView).where(SavedView.partner_id == partner_id))
