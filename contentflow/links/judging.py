"""Verdicts that need the clicks before: bursts and repeats, for many clicks at once. Pure.

A person is a duplicate when a valid click of the same visitor on the same link lies less than 60 minutes
away; after it too, for a click that comes late. Whoever clicks one link more often than
``CLICK_BURST_PER_MINUTE`` out of one address is no person.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from contentflow.links.journal_lines import JournaledClick
from contentflow.links.lookups import HOUR_US, MINUTE_US

LinkedClick = tuple[str, JournaledClick]  # with its link's id
Key = tuple[str, str, bool]  # link's id, hash, whether the click is somebody's
Times = dict[Key, list[int]]  # microseconds since 1970, the earliest first


def address_keys(link_id: str, click: JournaledClick) -> list[Key]:
    """Return where a click's address is known; whose the click is does not matter there."""
    return _keys(link_id, click.ip_hash, click.earlier_ip_hash, True)


def visitor_keys(link_id: str, click: JournaledClick) -> list[Key]:
    return _keys(link_id, click.visitor_hash, click.earlier_hash, click.is_attributed)


def _keys(link_id: str, known: str, earlier: str, is_own: bool) -> list[Key]:
    if not earlier:  # Most of the day.
        return [(link_id, known, is_own)] if known else []
    return [(link_id, one, is_own) for one in (known, earlier) if one]


def bursts(clicks: Iterable[LinkedClick], times: Times, max_clicks: int) -> set[str]:
    """Return the ids of the clicks that are too many of one address in a minute.

    ``clicks`` come the earliest first; ``times`` are those of their addresses in the minute before, at
    least the newest ``max_clicks``, and theirs are added.
    """
    found = set()
    for link_id, click in clicks:
        lists = [times.setdefault(key, []) for key in address_keys(link_id, click)]
        since, until = click.at_us - MINUTE_US, click.at_us
        # Few clicks are few in a minute too.
        if sum(map(len, lists)) >= max_clicks and (
            sum(bisect_right(of, until) - bisect_right(of, since) for of in lists) >= max_clicks
        ):
            found.add(click.id)
        if lists:
            insort(lists[0], until)
    return found


def repeats(clicks: Iterable[LinkedClick], times: Times) -> set[str]:
    """Return the ids of the clicks that repeat a valid one.

    ``clicks`` are people's, the earliest first; ``times`` are the valid ones of their visitors within an
    hour, and those of theirs that are valid are added.
    """
    found = set()
    for link_id, click in clicks:
        lists = [times.setdefault(key, []) for key in visitor_keys(link_id, click)]
        if any(
            of and bisect_left(of, click.at_us + HOUR_US) > bisect_right(of, click.at_us - HOUR_US)
            for of in lists
        ):
            found.add(click.id)
        elif lists:
            insort(lists[0], click.at_us)
    return found
