"""What the DNS says of a name, asked with little patience: for checks, never for a page."""

from __future__ import annotations

SECONDS = 2.0


class DnsUnavailable(Exception):
    """No name server answered: nothing is known."""


def txt_records(name: str) -> list[str]:
    """Return the TXT records of a name; none where the name does not exist. Raises ``DnsUnavailable``."""
    import dns.exception  # Not before somebody asks.
    import dns.resolver

    try:
        answer = dns.resolver.resolve(name, "TXT", lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise DnsUnavailable(type(error).__name__) from error
    return [b"".join(record.strings).decode("utf-8", "replace") for record in answer]
