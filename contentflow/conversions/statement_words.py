"""How a statement's rows, sums and differences are said: to programs in fixed words, to people in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final, NamedTuple

from babel.numbers import format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from contentflow.conversions.comparison import Compared, Side, Sum
from contentflow.conversions.currencies import MINOR_DIGITS
from contentflow.conversions.reconciliation import Period
from contentflow.conversions.statement_verdicts import VERDICTS, StatementVerdict
from contentflow.core import clock, terminal
from contentflow.terminal_language import language

WORDS: Final[Mapping[str, object]] = {
    "new": _l("nouveau"),
    "known": _l("déjà connu"),
    "changed": _l("changé"),
    "unknown_click": _l("clic inconnu"),
    "refused": _l("illisible"),
    "pending": _l("en attente"),
    "approved": _l("validé"),
    "rejected": _l("refusé"),
    "sale": _l("vente"),
    "lead": _l("contact"),
    "refund": _l("remboursement"),
}


class Found(NamedTuple):
    """All that is known of one statement, looked at or applied."""

    network: str
    is_applied: bool
    settles: bool
    judged: Sequence[StatementVerdict]
    sums: Sequence[Sum]
    period: Period | None
    compared: Sequence[Compared]

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(one.verdict for one in self.judged)
        return {verdict: counted[verdict] for verdict in VERDICTS}


def for_programs(found: Found) -> dict[str, Any]:
    start, end = found.period or (None, None)
    return {
        "network": found.network,
        "applied": found.is_applied,
        "settles": found.settles,
        "from": clock.iso(start),
        "until": clock.iso(end),
        "counts": found.counts,
        "sums": [asdict(one) for one in found.sums],
        "rows": [
            {
                "line": one.line,
                "transaction": one.transaction,
                "type": one.type,
                "verdict": one.verdict,
                "reason": one.reason,
                "before": asdict(one.before) if one.before else None,
                "after": asdict(one.after) if one.after else None,
            }
            for one in found.judged
        ],
        "comparison": [
            {
                "transaction": one.transaction,
                "type": one.type,
                "currency": one.currency,
                "ours_cents": one.ours_cents,
                "theirs_cents": one.theirs_cents,
                "difference_cents": one.difference_cents,
                "ours_state": one.ours.state if one.ours else None,
                "theirs_state": one.theirs.state if one.theirs else None,
                "agrees": one.agrees,
            }
            for one in found.compared
        ],
    }


def for_people(found: Found) -> str:
    """Return the rows, or once they are applied the comparison and what was refused; then sums and counts."""
    refused = [one for one in found.judged if one.verdict == "refused"]
    compared = [
        {
            "transaction": one.transaction,
            "type": _said(one.type),
            "ours": _money(one.ours_cents, one.ours.currency) if one.ours else "",
            "theirs": _money(one.theirs_cents, one.theirs.currency) if one.theirs else "",
            "difference": _money(one.difference_cents, one.currency) if one.difference_cents else "",
            "ours_state": _said(one.ours.state if one.ours else ""),
            "theirs_state": _said(one.theirs.state if one.theirs else ""),
        }
        for one in found.compared
    ]
    tables = [compared, _rows(refused)] if found.is_applied else [_rows(found.judged)]
    sums = [
        {
            "currency": one.currency,
            "before": _money(one.before_cents, one.currency),
            "after": _money(one.after_cents, one.currency),
            "theirs": _money(one.statement_cents, one.currency),
        }
        for one in found.sums
    ]
    parts = [terminal.in_words(table) for table in (*tables, sums) if table]
    return "\n\n".join([*parts, "\n".join(_sentences(found))])


def _rows(judged: Sequence[StatementVerdict]) -> list[dict[str, Any]]:
    return [
        {
            "line": one.line,
            "verdict": _said(one.verdict),
            "transaction": one.transaction,
            "type": _said(one.type),
            "before": _amount(one.before),
            "after": _amount(one.after),
            "standing": _said(one.after.state if one.after else ""),
            "reason": one.reason,
        }
        for one in judged
    ]


def _sentences(found: Found) -> list[str]:
    counts = ", ".join(f"{_said(verdict)} {count}" for verdict, count in found.counts.items())
    said = [str(_("%(rows)s lignes : %(counts)s.", rows=len(found.judged), counts=counts))]
    if found.settles:
        said.append(_("Ce relevé n’a pas de colonne d’état : ses lignes valent validation."))
    if not found.is_applied:
        return [*said, _("Rien n’est écrit. Pour l’écrire : la même commande avec --apply.")]
    unequal = sum(not one.agrees for one in found.compared)
    missing = sum(one.theirs is None for one in found.compared)
    compared = _(
        "%(all)s transactions comparées : %(unequal)s diffèrent, dont %(missing)s que le relevé n’a pas.",
        all=len(found.compared),
        unequal=unequal,
        missing=missing,
    )
    return [*said, compared]


def _said(word: str | None) -> str:
    return str(WORDS.get(word or "", word or ""))


def _amount(word: Side | None) -> str:
    return _money(word.amount_cents, word.currency) if word else ""


def _money(cents: int | None, currency: str) -> str:
    if cents is None:
        return ""
    digits = MINOR_DIGITS[currency]
    pattern = f"#,##0.{'0' * digits}" if digits else "#,##0"
    number = format_decimal(Decimal(cents).scaleb(-digits), pattern, language())
    return f"{number} {currency}"
