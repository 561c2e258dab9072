"""The picture of an offer: judged by its first bytes, kept in the database, shown to partners."""

from __future__ import annotations

import hashlib

from flask_babel import lazy_gettext as _l

from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.offers.models import Offer, OfferPicture

MAX_BYTES = 500_000


class WrongPicture(Refused):
    message = _l("L’image d’une offre est un JPEG, un PNG ou un WebP de 500 ko au plus.")


def set_picture(offer: Offer, content: bytes) -> None:
    """Keep ``content`` as the offer's picture, in place of the one before; raises ``WrongPicture``."""
    if content.startswith(b"\xff\xd8\xff"):
        mimetype = "image/jpeg"
    elif content.startswith(b"\x89PNG\r\n\x1a\n"):
        mimetype = "image/png"
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        mimetype = "image/webp"
    else:
        raise WrongPicture
    if len(content) > MAX_BYTES:
        raise WrongPicture
    db.session.merge(OfferPicture(offer_id=offer.id, mimetype=mimetype, content=content))
    offer.picture_digest = hashlib.sha256(content).hexdigest()
    db.session.flush()


def get_picture(offer_id: str) -> OfferPicture:
    """Raises ``NotFound`` where the offer has none."""
    picture = db.session.get(OfferPicture, offer_id)
    if picture is None:
        raise NotFound
    return picture
