"""One machine that names another address with each request; the limit of unknown codes must hold.

python attacks/forged_address.py URL        (behind proxies: the limit is the proxies' address's or ours)
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request

REQUESTS = 150
MAX_ANSWERED = 60  # UNKNOWN_CODE_PER_MINUTE


def status_of(url: str, number: int) -> int:
    forged = f"203.0.113.{number % 250}"
    headers = {"X-Forwarded-For": forged, "Forwarded": f"for={forged}", "X-Real-IP": forged}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def main(url: str) -> int:
    statuses = [status_of(f"{url}/l/zzz{number:04d}", number) for number in range(REQUESTS)]
    answered = sum(status != 429 for status in statuses)
    print(f"{REQUESTS} unknown codes under {REQUESTS} addresses: {answered} answered, {MAX_ANSWERED} may be")
    return int(answered > MAX_ANSWERED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
