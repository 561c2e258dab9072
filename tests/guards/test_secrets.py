"""No secret stands in the repository: keys, tokens and passwords that would work somewhere."""

from __future__ import annotations

import re
import subprocess

import pytest

from contentflow.config import ROOT

# How the keys begin of whom we or our operators deal with, and of what people commit by mistake.
SHAPES = {
    "private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}",
    "Brevo": r"xkeysib-[0-9a-f]{40,}|xsmtpsib-[0-9a-f]{40,}",
    "AWS": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "GitHub": r"\bgh[oprsu]_[A-Za-z0-9]{36,}|github_pat_\w{60,}",
    "GitLab": r"\bglpat-[\w-]{20,}",
    "Google": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "Slack": r"\bxox[abeoprs]-[0-9A-Za-z-]{20,}|hooks\.slack\.com/services/T\w+/B\w+/\w{20,}",
    "Stripe": r"\b[rs]k_live_[0-9A-Za-z]{20,}",
    "PyPI": r"\bpypi-AgEIcHlwaS5vcmc[\w-]{50,}",
    "Telegram": r"\b[0-9]{8,10}:AA[\w-]{33}\b",
    "signed token": r"\beyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{30,}",
    "setting": r"^(?:SECRET_KEY|BREVO_API_KEY|BACKUP_PASSPHRASE|S3_SECRET_KEY)=[^\s#\"'$…]{8,}",
}
SECRET = re.compile("|".join(f"(?:{shape})" for shape in SHAPES.values()), re.MULTILINE)


def secrets_in(text: str) -> list[str]:
    return [found[0][:40] for found in SECRET.finditer(text)]


def test_no_file_holds_a_secret() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and (secrets := secrets_in(path.read_text(errors="replace"))):
            found[name] = secrets

    assert found == {}


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "A" * 64,
        "xkeysib-" + "0a" * 32,
        "AKIA" + "A1B2" * 4,
        "ghp_" + "aB3" * 12,
        "SECRET_" + "KEY=kdf83hfdsk3",
        "eyJhbGciOiJIUzI1NiJ9a" + ".eyJzdWIiOiIxMjM0NTY3" + "." + "s" * 43,
    ],
)
def test_a_secret_would_be_found(secret: str) -> None:
    assert secrets_in(f"first line\n{secret}\n")
