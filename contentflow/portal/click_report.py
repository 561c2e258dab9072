"""Every hit explained: by day, channel, post or link, out of the roll-ups; and raw, as a CSV that streams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple, cast, get_args

from flask_babel import format_date
from flask_babel import gettext as _
from sqlalchemy import Row, and_, func, or_, select

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.words import DEFAULT_TITLE
from contentflow.core import clock
from contentflow.core.csv_lines import Dialect
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.links import services as links
from contentflow.links.models import Click, Link, LinkDay, LinkTotal, PartnerDay
from contentflow.links.sentences import CHANNEL_NAMES, VERDICTS, channel_name, explain_hits
from contentflow.links.verdicts import Verdict

By = Literal["day", "channel", "post", "link"]
DAYS = 90  # A quarter fits a page; the sums of each link go back to its first day.
AT_ONCE = 2_000  # Lines a short read: a file of millions holds no connection.
HEAD = ("at", "submission_id", "channel", "code", "verdict", "click_id")


class ReportLine(NamedTuple):
    """``key`` sorts, ``label`` is read; ``counts`` are hits by verdict; ``post`` names a link's post."""

    key: str
    label: str
    counts: Mapping[str, int]
    submission_id: str = ""
    post: str = ""

    @property
    def hits(self) -> int:
        return sum(self.counts.values())

    @property
    def valid(self) -> int:
        return self.counts.get(links.VALID, 0)

    @property
    def sentence(self) -> str:
        return explain_hits(self.counts)


def read_by(text: str) -> By:
    """Raises ``NotFound`` for a view that does not exist."""
    for known in get_args(By):
        if text == known:
            return cast(By, known)
    raise NotFound


def lines(partner_id: str, by: By, submission_id: str = "") -> list[ReportLine]:
    """Return the lines of a view: days of the last 90, the newest first; else the most visited first.

    Raises ``NotFound`` for another's post.
    """
    if submission_id:
        byop.get_submission(partner_id, submission_id)
    if by == "day":
        rows = _post_days(submission_id) if submission_id else _partner_days(partner_id)
        days = _gather(rows, lambda day: format_date(date.fromisoformat(day), "long"), {})
        return sorted(days, key=lambda line: line.key, reverse=True)
    titles = {post.id: post.title or DEFAULT_TITLE for post in byop.list_submissions(partner_id)}
    ids = [submission_id] if submission_id else list(titles)
    of_link = Link.channel + " " + Link.code + " " + Link.submission_id
    key = {"channel": Link.channel, "post": Link.submission_id, "link": of_link}[by]
    sums = (
        select(key, LinkTotal.verdict, func.sum(LinkTotal.clicks))
        .join(Link, Link.id == LinkTotal.link_id)
        .where(Link.submission_id.in_(ids))
        .group_by(key, LinkTotal.verdict)
    )

    def label(key: str) -> str:
        if by == "channel":
            return channel_name(key)
        if by == "post":
            return titles.get(key, key)
        channel, code, _post = key.split(" ")
        return f"{channel_name(channel)} · /l/{code}"

    found = _gather(db.session.execute(sums), label, titles)
    return sorted(found, key=lambda line: (-line.hits, line.label))


def _gather(
    rows: Iterable[Row[Any, Any, Any]], label: Callable[[str], str], titles: Mapping[str, str]
) -> list[ReportLine]:
    counts: dict[str, dict[str, int]] = {}
    for key, verdict, number in rows:
        if number:
            counts.setdefault(str(key), {})[verdict] = int(number)
    found = []
    for key, of_key in counts.items():
        post = key.rpartition(" ")[2]  # A link's key ends with its post; a post's key is the post.
        known, title = (post, titles[post]) if post in titles else ("", "")
        found.append(ReportLine(key, label(key), of_key, known, "" if post == key else title))
    return found


def _partner_days(partner_id: str) -> Iterable[Row[Any, Any, Any]]:
    own = (
        select(PartnerDay.day, PartnerDay.verdict, func.sum(PartnerDay.clicks))
        .where(
            PartnerDay.partner_id == partner_id,
            PartnerDay.verdict.in_([str(verdict) for verdict in Verdict]),
            PartnerDay.day > clock.today() - timedelta(days=DAYS),
        )
        .group_by(PartnerDay.day, PartnerDay.verdict)
    )
    return db.session.execute(own)


def _post_days(submission_id: str) -> Iterable[Row[Any, Any, Any]]:
    of_post = (
        select(LinkDay.day, LinkDay.verdict, func.sum(LinkDay.clicks))
        .join(Link, Link.id == LinkDay.link_id)
        .where(Link.submission_id == submission_id, LinkDay.day > clock.today() - timedelta(days=DAYS))
        .group_by(LinkDay.day, LinkDay.verdict)
    )
    return db.session.execute(of_post)


def csv_of_clicks(partner_id: str, dialect: Dialect) -> Iterator[str]:
    """Yield the partner's raw clicks, the oldest first, some thousand lines at a time.

    Each batch is a short read of its own, so that ten million lines hold no connection and no memory.
    """
    titles = _("Date"), _("Post"), _("Réseau"), _("Lien"), _("Verdict"), _("Numéro du clic")
    yield dialect.start + dialect.line(titles if dialect.is_for_people else HEAD)
    words = {verdict: str(told) for verdict, told in VERDICTS.items()}
    names = {channel: channel_name(channel) for channel in CHANNEL_NAMES}
    after: tuple[datetime, str] | None = None
    while batch := _batch(partner_id, after):
        yield "".join(
            dialect.line(
                (
                    dialect.moment(at),
                    post or DEFAULT_TITLE,
                    names[channel],
                    f"/l/{code}",
                    words[verdict],
                    click_id,
                )
            )
            if dialect.is_for_people
            else dialect.line((dialect.moment(at), submission_id, channel, code, verdict, click_id))
            for at, submission_id, channel, code, verdict, click_id, post in batch
        )
        after = batch[-1][0], batch[-1][5]


def _batch(
    partner_id: str, after: tuple[datetime, str] | None
) -> list[Row[datetime, str, str, str, str, str, str]]:
    wanted = (
        select(
            Click.clicked_at,
            Submission.id,
            Link.channel,
            Link.code,
            Click.verdict,
            Click.id,
            Submission.title,
        )
        .join(Link, Link.id == Click.link_id)
        .join(Submission, Submission.id == Link.submission_id)
        .where(Click.partner_id == partner_id)
        .order_by(Click.clicked_at, Click.id)
        .limit(AT_ONCE)
    )
    if after is not None:
        later = or_(Click.clicked_at > after[0], and_(Click.clicked_at == after[0], Click.id > after[1]))
        wanted = wanted.where(Click.clicked_at >= after[0], later)
    batch = list(db.session.execute(wanted))
    db.session.rollback()
    return batch
