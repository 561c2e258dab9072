"""Domains of throw-away mailboxes, by the list that ships with the product.

https://github.com/disposable-email-domains/disposable-email-domains, of the installed release: nobody is
asked over the network. Forwarding services that people live behind (Apple, DuckDuckGo, SimpleLogin) are
not on it.
"""

from __future__ import annotations


def is_disposable(domain: str) -> bool:
    """Whether a domain, in lower-case ASCII as ``check_address`` returns it, or one above it is on the list.

    Such services give every user a name below their own too.
    """
    from disposable_email_domains import blocklist  # Ten thousand names: not before somebody asks.

    labels = domain.rstrip(".").split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))
