"""The words of our own that gave way to the field's do not come back, in code, tests, docs or comments."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from contentflow.config import ROOT

# The word that is meant now, and what says the old one. Where the old word is plain English as well, or the
# field's own for another thing, the pattern is as narrow as the old sense was.
OLD = {
    "jobs": r"\bcore[./]work\b|\bWorkables?\b",
    "broker": r"\b[Bb]ells?\b(?!-mail\.db)|\b(do_)?ring\(|\bBellsAway\b",
    "queue": r"\blanes?\b|\bLanes?\b",
    "task": r"\b(register|run|find)_step\b",
    "maintenance": r"\b[Cc]hores?\b",
    "release": r"\bgive_back\b",
    "keep_lease": r"\bjobs\.held\b",
    "run_inline": r"\blend_hands\b|\bdo_at_hand\b|\bat_hand\b",
    "supervisor": r"\bHousehold\b|\bhousehold\b",
    "poll, reap, wait or kill": r"\b(tend|mourn|bury)\(|\bdef (tend|mourn|bury)\b",
    "parent-death pipe": r"\blifelines?\b",
    "subscriptions": r"\b[Ww]ishes\b",
    "retention": r"\bmailing[./]keeping\b|\bimport keeping\b",
    "circuit breaker": r"\bmailing[./]pauses\b|\bimport pauses\b",
    "indeterminate": r"\bSendOutcome\(.unsure\b|\b(mailing|publishing)\b.*\bunsure\b|\bunsure\(",
    "eligibility": r"\bJudged\b",
    "recipient": r"\bclass Reader\b|\bReader\(",
    "confirm": r"\b(consent|services|subscriptions)\.say_yes\b",
    "HMAC key": r"\bKeptKey\b|\bkept_key\b",
    "context": r"\b[Dd]elivery\.words\b",
    "postback payload": r"\bconversions[./]reports\b|\bearnings[./]reports\b",
    "attribute": r"\bdef attach\b",
    "commission": r"\bclass Credit\b|\bCredit\(",
    "reverse": r"\btake_back\b",
    "click commissions": r"\bclicks_pay\b",
    "click report": r"\bclick_ledger\b",
    "ledger transaction": r"\bclass Posting\b|\bPosting\(",
    "release, of a hold": r"\bunhold\b",
    "conflicting replay": r"\bOtherAmount\b",
    "overview": r"\bearnings[./]home\b|\bearnings\.home\b",
    "short transaction": r"\bpatience\(|\bimport patience\b|\bpatience_seconds\b",
    "fallback cache": r"\blinks[./]memory\b",
    "spooled click": r"\blinks\b.*\bEntry\b",
    "network prefix": r"\bblock_of\(|\bdef block_of\b",
    "attributed": r"\bis_credited\b",
    "link preview": r"\blinks[./]card\b|\bsharekit[./]card\b",
    "resource limits": r"\b[Ll]eash\b",
    "scripts": r"\bpipeline[./](listener|opener|page)\b",
    "render options": r"\bRemakes?\b",
    "render result": r"\bclass Facts\b|\bFacts\(",
    "rerender": r"\bmake_again\b",
    "unprocessable media": r"\bUnfit\b",
    "access": r"\badmission\b",
    "token authenticated": r"\bopen_post\b",
    "encrypt": r"\b(un)?seal\(|\bsealing\b|\bdef (un)?seal",
    "setting types": r"\bcore[./]values\b",
    "errors": r"\bcore[./]refusals\b",
    "MAX_": r"\b(MOST|LONGEST)_[A-Z]+",
    "complete": r"\bsettle_all\b|\bsending\.settle\b",
    "limit, max_…": r"\bmost: (int|float)\b|\bmost=",
    "…_at": r"^\s+at: Mapped",
    "erase": r"\bforget_(?!changes\b)[a-z]+\(",
    "record share": r"\bsharekit\.press\(|\bshares\.press\(",
    "remaining": r"\bplaces_left\b",
    "sync status": r"\bfollow_asset\b",
    "with defaults": r"\bdef completed\b",
    "log in, log out": r"\bsessions\.(enter|leave)\b",
    "request login": r"\bpartners\.ask\(",
}
# Names that stand in a database or a file since the first release, and stay as they are there.
STORED = (
    'SET_ASIDE = "broken-bells-*.db"',
    'f"bells-{queue}.db"',
    '"bells.lock"',
    '"bells-mail.db"',
    'LOOK, LEPT = "chores", "leap"',
    '"wishes", StoredAsJson',
    'RELEASE = "unhold"',
    '"unhold": _l(',
    'b"contentflow sealing:"',
)
WHERE = ("contentflow", "tests", "docs", "templates", "static/js", "bench", "attacks", "faults", "wsgi.py",
         "setup.cfg", "README.md", "CONTRIBUTING.md", ":!*.po", ":!*.mo", ":!tests/vendor",
         ":!tests/install/tables_of*", ":!tests/guards/test_old_words.py")  # fmt: skip
PATTERNS = {word: re.compile(pattern) for word, pattern in OLD.items()}


def sources() -> dict[str, str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *WHERE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    texts = {}
    for name in filter(None, listed.stdout.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in content:
            texts[name] = content.decode()
    return texts


def old_words(texts: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each line that says an old word: where, and the word that is meant."""
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if any(stored in line for stored in STORED):
                continue
            for word, pattern in PATTERNS.items():
                if pattern.search(line):
                    yield f"{name}:{number}: {line.strip()[:80]!r}: the word is “{word}”"


def test_no_old_word_is_left():
    texts = sources()

    assert {"contentflow/core/jobs.py", "CONTRIBUTING.md", "templates/ui.html"} <= texts.keys()
    assert list(old_words(texts)) == []


@pytest.mark.parametrize(
    "line",
    [
        "from contentflow.core.work import Jobs",
        "# The bells say which row to look at.",
        "VIDEO = Lane(2)",
        "def chore() -> None: ...",
        "queue.give_back(claim)",
        "class Household:",
        "    def mourn(self) -> None:",
        "from contentflow.mailing import pauses",
        "outcome = SendOutcome('unsure')",
        "    return unsure('looking')",
        "class Posting(Base):",
        "from contentflow.links import memory  # links.memory",
        "class Facts(TypedDict):",
        "token = seal(text)",
        "MOST_TITLES = 3",
        "def list_partners(most: int) -> None:",
        "    at: Mapped[datetime]",
        "services.forget_clicks()",
        "press = sharekit.press(kit)",
    ],
)
def test_a_planted_old_word_is_named(line: str):
    assert len(list(old_words({"contentflow/planted.py": f"\n{line}\n"}))) >= 1
    assert next(iter(old_words({"contentflow/planted.py": f"\n{line}\n"}))).startswith(
        "contentflow/planted.py:2:"
    )


@pytest.mark.parametrize(
    "line",
    [
        "at most three redirects",
        "the wizard's second step",
        "a stolen backup: database and keys are sealed",
        "the memory of a render is limited",
        "a paused offer takes no new post",
        "        day: date, at: datetime)",
        '        path = chosen.data_dir / f"bells-{queue}.db"',
    ],
)
def test_plain_english_and_stored_names_are_no_old_words(line: str):
    assert list(old_words({"docs/planted.md": line})) == []
