"""Read what the bank reports: rejects (pain.002), statements (camt.053) and notices (camt.054). Pure.

ISO 20022 in any version: elements are known by their local names. A document type, and with it every entity,
is refused where it begins, and nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple
from xml.parsers import expat

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import Refused

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_DEPTH: Final = 40
KINDS: Final = {
    "CstmrPmtStsRpt": "pain.002",
    "BkToCstmrStmt": "camt.053",
    "BkToCstmrDbtCdtNtfctn": "camt.054",
}
REJECTED: Final = ("RJCT",)
DONE: Final = ("ACSC", "ACCC")


class NoReport(Refused):
    message = _l("Ce fichier n’est ni un pain.002, ni un camt.053, ni un camt.054 que l’on puisse lire.")


class ReportTooLarge(Refused):
    message = _l("Ce relevé dépasse 5 Mo : demandez à la banque de le découper.")


class TransferNews(NamedTuple):
    """What happened to one transfer: ``outcome`` is ``paid``, ``rejected`` or ``returned``.

    ``cents`` is None where the report names no amount; ``code`` is the bank's reason, such as AC01.
    ``message_id`` instead of an end-to-end id: the whole file was rejected.
    """

    end_to_end_id: str
    outcome: str
    cents: int | None = None
    code: str = ""
    on: date | None = None
    message_id: str = ""


class ReadReport(NamedTuple):
    kind: str
    lines: list[TransferNews]


@dataclass
class _Node:
    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[_Node] = field(default_factory=list)
    text: str = ""

    def all(self, *path: str) -> Iterator[_Node]:
        if not path:
            yield self
            return
        for child in self.children:
            if child.name == path[0]:
                yield from child.all(*path[1:])

    def first(self, *path: str) -> str:
        return next((node.text.strip() for node in self.all(*path)), "")


def read(content: bytes) -> ReadReport:
    """Return the lines that say what became of a transfer. Raises ``NoReport`` and ``ReportTooLarge``."""
    if len(content) > MAX_BYTES:
        raise ReportTooLarge
    document = _parse(content)
    kind = next((child.name for child in document.children if child.name in KINDS), "")
    if document.name != "Document" or not kind:
        raise NoReport
    root = next(document.all(kind))
    lines = _statuses(root) if KINDS[kind] == "pain.002" else _entries(root)
    return ReadReport(KINDS[kind], list(lines))


def _parse(content: bytes) -> _Node:
    top = _Node("")
    open_nodes = [top]
    parser = expat.ParserCreate(namespace_separator=" ")

    def begin(name: str, attributes: dict[str, str]) -> None:
        if len(open_nodes) > MAX_DEPTH:
            raise NoReport
        node = _Node(name.rpartition(" ")[2], attributes)
        open_nodes[-1].children.append(node)
        open_nodes.append(node)

    def refuse(*_: object) -> None:
        raise NoReport

    def add(text: str) -> None:
        open_nodes[-1].text += text

    parser.StartElementHandler = begin
    parser.EndElementHandler = lambda _: open_nodes.pop()
    parser.CharacterDataHandler = add
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError):  # A charset that nobody knows is a LookupError.
        raise NoReport from None
    return top.children[0]


def _statuses(root: _Node) -> Iterator[TransferNews]:
    """Read a pain.002: each transaction, else the payment or the file whose state is that of all of it."""
    group = next(root.all("OrgnlGrpInfAndSts"), _Node(""))
    message_id, has_details = group.first("OrgnlMsgId"), False
    for payment in root.all("OrgnlPmtInfAndSts"):
        state, code = payment.first("PmtInfSts"), _code(payment)
        details = list(payment.all("TxInfAndSts"))
        for one in details:
            has_details = True
            outcome = _outcome(one.first("TxSts") or state)
            if outcome:
                yield TransferNews(
                    one.first("OrgnlEndToEndId"),
                    outcome,
                    _cents(next(one.all("OrgnlTxRef", "Amt", "InstdAmt"), None)),
                    _code(one) or code,
                    _day(one.first("AccptncDtTm")),
                )
        if not details and _outcome(state) == "rejected":
            has_details = True
            yield TransferNews("", "rejected", code=code, message_id=message_id)
    if not has_details and _outcome(group.first("GrpSts")) == "rejected":
        yield TransferNews("", "rejected", code=_code(group), message_id=message_id)


def _outcome(state: str) -> str:
    return "rejected" if state in REJECTED else "paid" if state in DONE else ""


def _entries(root: _Node) -> Iterator[TransferNews]:
    """Read a camt.053 or camt.054: what is booked, the debits first, whatever order the bank keeps."""
    found = []
    for part in (*root.all("Stmt"), *root.all("Ntfctn")):
        for entry in part.all("Ntry"):
            status = entry.first("Sts", "Cd") or entry.first("Sts")
            if status == "BOOK":
                found += list(_details(entry))
    yield from sorted(found, key=lambda line: line.outcome == "returned")


def _details(entry: _Node) -> Iterator[TransferNews]:
    on = _day(entry.first("BookgDt", "Dt") or entry.first("BookgDt", "DtTm"))
    details = list(entry.all("NtryDtls", "TxDtls"))
    for one in details:
        end_to_end_id = one.first("Refs", "EndToEndId")
        if not end_to_end_id or end_to_end_id == "NOTPROVIDED":
            continue
        amounts = (("AmtDtls", "InstdAmt", "Amt"), ("AmtDtls", "TxAmt", "Amt"), ("Amt",))
        amount = next((node for path in amounts for node in one.all(*path)), None)
        if amount is None and len(details) == 1:
            amount = next(entry.all("Amt"), None)
        direction = one.first("CdtDbtInd") or entry.first("CdtDbtInd")
        outcome = "returned" if direction == "CRDT" else "paid"
        code = one.first("RtrInf", "Rsn", "Cd") or one.first("RtrInf", "Rsn", "Prtry")
        yield TransferNews(end_to_end_id, outcome, _cents(amount), code, on)


def _code(node: _Node) -> str:
    return node.first("StsRsnInf", "Rsn", "Cd") or node.first("StsRsnInf", "Rsn", "Prtry")


def _cents(amount: _Node | None) -> int | None:
    """Return whole cents; -1, which is no transfer's, for another currency or what is no amount."""
    if amount is None:
        return None
    try:
        cents = Decimal(amount.text.strip()) * 100
    except InvalidOperation:
        return -1
    is_ours = (
        amount.attributes.get("Ccy") == "EUR" and cents.is_finite() and cents == cents.to_integral_value()
    )
    return int(cents) if is_ours and abs(cents) < 10**15 else -1


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
