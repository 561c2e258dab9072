"""A partner's posts a page at a time: as quick with thousands of posts as with three."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select

from contentflow.byop.models import Submission
from contentflow.core.db import db
from contentflow.core.ids import is_id


@dataclass(frozen=True)
class PostPage:
    """Some of ``count`` posts, the newest first; ``first`` is the number of the first one here, from 1.

    ``newer`` and ``older`` are the ids of the posts from which the neighbouring pages go on, "" at an end.
    """

    posts: list[Submission]
    first: int
    count: int
    newer: str = ""
    older: str = ""

    @property
    def last(self) -> int:
        return self.first + len(self.posts) - 1


def page_of_posts(partner_id: str, size: int, before: str = "", after: str = "") -> PostPage:
    """Return the ``size`` posts that are older than the post ``before``, or newer than the post ``after``.

    Without either, or with what is no post of the partner's, it is the first page.
    """
    count = _count(Submission.partner_id == partner_id)
    if cursor := _find(partner_id, before):
        posts = newest_posts(partner_id, size, _is_older(cursor))
        if posts:
            return _page(partner_id, posts, count)
    if cursor := _find(partner_id, after):
        nearest = _select(partner_id, _is_newer(cursor)).order_by(Submission.created_at, Submission.id)
        posts = list(db.session.scalars(nearest.limit(size)))[::-1]
        if len(posts) == size:
            return _page(partner_id, posts, count)
    return _page(partner_id, newest_posts(partner_id, size), count)


def newest_posts(partner_id: str, most: int, *which: ColumnElement[bool]) -> list[Submission]:
    newest_first = (Submission.created_at.desc(), Submission.id.desc())
    return list(db.session.scalars(_select(partner_id, *which).order_by(*newest_first).limit(most)))


def _page(partner_id: str, posts: list[Submission], count: int) -> PostPage:
    if not posts:
        return PostPage([], 0, 0)
    newer = _count(Submission.partner_id == partner_id, _is_newer(posts[0]))
    has_older = newer + len(posts) < count
    return PostPage(posts, newer + 1, count, posts[0].id if newer else "", posts[-1].id if has_older else "")


def _select(partner_id: str, *which: ColumnElement[bool]) -> Select[Submission]:
    return select(Submission).where(Submission.partner_id == partner_id, *which)


def _count(*which: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(Submission).where(*which)) or 0


def _find(partner_id: str, submission_id: str) -> Submission | None:
    found = db.session.get(Submission, submission_id) if is_id(submission_id) else None
    return found if found is not None and found.partner_id == partner_id else None


def _is_older(than: Submission) -> ColumnElement[bool]:
    is_tied = (Submission.created_at == than.created_at) & (Submission.id < than.id)
    return (Submission.created_at <= than.created_at) & ((Submission.created_at < than.created_at) | is_tied)


def _is_newer(than: Submission) -> ColumnElement[bool]:
    is_tied = (Submission.created_at == than.created_at) & (Submission.id > than.id)
    return (Submission.created_at >= than.created_at) & ((Submission.created_at > than.created_at) | is_tied)
