"""The bank's file: one pain.001.001.09 of a run's transfers, made once.

sepaxml draws ids and takes the machine's local time; both are replaced by ours, so that the same run always
gives the same bytes. The holder's name stands as it was given: banks compare it (Verification of Payee,
regulation (EU) 2024/886).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

SCHEMA: Final = "pain.001.001.09"
_SPACE: Final = f"{{urn:iso:std:iso:20022:tech:xsd:{SCHEMA}}}"
_ONE: Final = threading.Lock()  # sepaxml registers namespaces for the whole process.


class CreditTransfer(NamedTuple):
    """One line of the file; ``words`` stand on the partner's statement."""

    end_to_end_id: str
    holder: str
    iban: str
    bic: str
    cents: int
    words: str


class Payer(NamedTuple):
    name: str
    iban: str
    bic: str


def make(
    payer: Payer, message_id: str, made_at: datetime, executes_on: date, transfers: Sequence[CreditTransfer]
) -> bytes:
    """Return the file's bytes, checked against the XSD; the same for the same arguments."""
    from sepaxml import SepaTransfer

    config = {"name": payer.name[:70], "IBAN": payer.iban, "currency": "EUR", "batch": True}
    if payer.bic:
        config["BIC"] = payer.bic
    with _ONE:
        writer = SepaTransfer(config, schema=SCHEMA, clean=False)
        for one in transfers:
            payment = {
                "name": one.holder, "IBAN": one.iban, "amount": one.cents, "description": one.words,
                "execution_date": executes_on, "endtoend_id": one.end_to_end_id,
            }  # fmt: skip
            writer.add_payment(payment | ({"BIC": one.bic} if one.bic else {}))
        drawn: bytes = writer.export(validate=False)
        content = _with_our_ids(drawn, message_id, made_at)
    check(content)
    return content


def check(content: bytes) -> None:
    """Raise lxml's ``DocumentInvalid`` where the file breaks the schema that sepaxml ships.

    Its own check takes a minute for what this one does in a moment.
    """
    import sepaxml
    from lxml import etree

    path = Path(sepaxml.__file__).with_name("schemas") / f"{SCHEMA}.xsd"
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    etree.XMLSchema(etree.parse(str(path), parser)).assertValid(etree.fromstring(content, parser))


def _with_our_ids(drawn: bytes, message_id: str, made_at: datetime) -> bytes:
    root = ElementTree.fromstring(drawn)  # nosec B314  # made here
    made = made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # Booked one by one: a statement that shows one sum names no transfer.
    texts = {"MsgId": message_id, "CreDtTm": made, "PmtInfId": message_id, "BtchBookg": "false"}
    for node in root.iter():
        text = texts.get(node.tag.removeprefix(_SPACE))
        if text is not None:
            node.text = text
    for agent in root.iter(f"{_SPACE}FinInstnId"):
        if not len(agent):
            other = ElementTree.SubElement(agent, f"{_SPACE}Othr")
            ElementTree.SubElement(other, f"{_SPACE}Id").text = "NOTPROVIDED"
    body: bytes = ElementTree.tostring(root, "utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body


def accounts_in(content: bytes) -> dict[str, tuple[str, str, str]]:
    """Return (holder, IBAN, BIC) by end-to-end id of a file that was made here."""
    space = {"p": _SPACE.strip("{}")}
    paths = ("p:Cdtr/p:Nm", "p:CdtrAcct/p:Id/p:IBAN", "p:CdtrAgt/p:FinInstnId/p:BICFI")
    found = {}
    for one in ElementTree.fromstring(content).iterfind(".//p:CdtTrfTxInf", space):  # nosec B314  # made here
        holder, iban, bic = (one.findtext(path, "", space) for path in paths)
        found[one.findtext("p:PmtId/p:EndToEndId", "", space)] = (holder, iban, bic)
    return found


def next_working_day(after: date) -> date:
    """Return the first day after ``after`` on which TARGET settles."""
    day = after + timedelta(days=1)
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def is_working_day(day: date) -> bool:
    """Whether TARGET is open (guideline (EU) 2022/912 of the ECB, annex I).

    Not on weekends, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December.
    """
    sunday = easter(day.year)
    closed = {sunday - timedelta(days=2), sunday + timedelta(days=1)}
    fixed = {(1, 1), (5, 1), (12, 25), (12, 26)}
    return day.weekday() < 5 and (day.month, day.day) not in fixed and day not in closed


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar, by Meeus, Jones and Butcher."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
