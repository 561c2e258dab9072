"""Reports as banks write them, in words enough for the tests."""

from __future__ import annotations

PAIN_002 = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
CAMT_053 = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
CAMT_054 = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"


def amount(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def rejects(*ids: str, code: str = "AC04", message_id: str = "M", cents: int | None = None) -> bytes:
    """A pain.002 that rejects these transfers."""
    original = (
        f'<OrgnlTxRef><Amt><InstdAmt Ccy="EUR">{amount(cents)}</InstdAmt></Amt></OrgnlTxRef>' if cents else ""
    )
    details = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{one}</OrgnlEndToEndId><TxSts>RJCT</TxSts>"
        f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf>{original}</TxInfAndSts>"
        for one in ids
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><Document xmlns="{PAIN_002}"><CstmrPmtStsRpt><GrpHdr/>'
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{message_id}</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>"
        f"<OrgnlPmtInfAndSts><PmtInfSts>PART</PmtInfSts>{details}</OrgnlPmtInfAndSts>"
        "</CstmrPmtStsRpt></Document>"
    ).encode()


def whole_reject(message_id: str, code: str = "AM04") -> bytes:
    return (
        f'<Document xmlns="{PAIN_002}"><CstmrPmtStsRpt><OrgnlGrpInfAndSts>'
        f"<OrgnlMsgId>{message_id}</OrgnlMsgId>"
        f"<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts>"
        "</CstmrPmtStsRpt></Document>"
    ).encode()


def entry(
    end_to_end_id: str,
    cents: int,
    direction: str = "DBIT",
    state: str = "BOOK",
    code: str = "",
    day: str = "2026-11-09",
) -> str:
    back = f"<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>" if code else ""
    money = f'<Amt Ccy="EUR">{amount(cents)}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
    return (
        f"<Ntry>{money}<Sts><Cd>{state}</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>{end_to_end_id}</EndToEndId></Refs>{money}{back}</TxDtls></NtryDtls></Ntry>"
    )


def statement(*entries: str) -> bytes:
    """A camt.053."""
    return _camt(CAMT_053, "BkToCstmrStmt", "Stmt", entries)


def notice(*entries: str) -> bytes:
    """A camt.054."""
    return _camt(CAMT_054, "BkToCstmrDbtCdtNtfctn", "Ntfctn", entries)


def _camt(space: str, root: str, part: str, entries: tuple[str, ...]) -> bytes:
    body = "".join(entries)
    return f'<Document xmlns="{space}"><{root}><{part}>{body}</{part}></{root}></Document>'.encode()
