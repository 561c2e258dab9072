"""A partner's posts a page at a time, with their numbers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from contentflow.byop.models import Submission
from contentflow.core.db import db
from contentflow.core.paging import Listing, Page


@dataclass(frozen=True)
class PostPage(Page[Submission]):
    """Some of ``count`` posts; ``first`` is the number of the first one here, from 1."""

    first: int = 0
    count: int = 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def page_of_posts(partner_id: str, size: int, before: str = "", after: str = "") -> PostPage:
    """Return the ``size`` posts that are older than the post ``before``, or newer than the post ``after``.

    Without either, or with what is no post of the partner's, it is the first page.
    """
    listing = _posts_of(partner_id)
    page = listing.page(size, before, after)
    if not page.rows:
        return PostPage([])
    own = Submission.partner_id == partner_id
    newer = _count(own, listing.is_newer(page.rows[0])) if page.newer else 0
    return PostPage(page.rows, page.newer, page.older, newer + 1, _count(own))


def newest_posts(partner_id: str, limit: int, *which: ColumnElement[bool]) -> list[Submission]:
    return _posts_of(partner_id).newest(limit, *which)


def _posts_of(partner_id: str) -> Listing[Submission]:
    own = Submission.partner_id == partner_id
    return Listing(Submission, Submission.created_at, Submission.id, own)


def _count(*which: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(Submission).where(*which)) or 0
