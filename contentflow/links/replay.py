"""The clicks in the spool become rows, each exactly once."""

from __future__ import annotations

import logging
from itertools import islice
from pathlib import Path

from sqlalchemy.exc import DataError, IntegrityError

from contentflow.links import spool
from contentflow.links.clicks import write
from contentflow.links.entries import Entry
from contentflow.links.patience import REFUSALS, brief_transaction
from contentflow.tongue import says

log = logging.getLogger(__name__)

AT_ONCE = 200


def replay_spool() -> int:
    """Insert what waits; return the number of lines. A database that refuses is asked at the next sweep."""
    done = 0
    try:
        for path in spool.take():
            done += _replay(path)
    except REFUSALS as error:
        log.warning("the spool waits: the database refuses it (%s)", type(error).__name__)
    except OSError as error:
        log.error("the spool waits: it cannot be read or written (%s)", error.strerror)
    return done


def _replay(path: Path) -> int:
    done, lines = 0, spool.read(path)
    while batch := list(islice(lines, AT_ONCE)):
        for line in _insert(batch):
            log.error("the database can never take a click of %s; it is kept in %s", path.name, spool.REFUSED)
            spool.refuse(line)
        done += len(batch)
    path.unlink(missing_ok=True)
    return done


def _insert(batch: list[tuple[bytes, Entry]]) -> list[bytes]:
    """Insert a batch and return the lines that break a rule, such as a link that is gone."""
    broken: list[bytes] = []
    with brief_transaction(writes=True) as connection:
        for line, entry in batch:
            try:
                with connection.begin_nested():
                    write(connection, entry)
            except (IntegrityError, DataError, ValueError, TypeError, OverflowError):
                broken.append(line)
    return broken


def check_spool() -> str | None:
    """Doctor: None when no click waits, none was refused and the folder can be written."""
    if not spool.is_writable():
        sentence = says("On ne peut pas écrire dans %s : donnez-le à l’utilisateur du produit.")
        return sentence % spool.folder()
    waiting = spool.waiting()
    if waiting:
        sentence = says(
            "%(count)s clics attendent dans %(where)s : lancez « contentflow worker » (ou « serve »)."
        )
        return sentence % {"count": waiting, "where": spool.folder()}
    refused = spool.refused()
    if refused:
        path = spool.folder() / spool.REFUSED
        sentence = says(
            "%(count)s lignes ne sont pas des clics, ou visent des liens disparus : regardez %(where)s, puis "
            "supprimez-le."
        )
        return sentence % {"count": refused, "where": path}
    return None
