"""Facts beside a verdict in their published form: certificates, revocation, changes, instants."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from signing.certificates import Certificate
from signing.pdf_changes import Change
from signing.revocation_status import RevocationStatus


def instant(at: datetime | None) -> str | None:
    """Answer an instant as RFC 3339 in UTC; None stays None."""
    return at.astimezone(UTC).isoformat() if at else None


def certificate_json(certificate: Certificate | None) -> dict[str, Any] | None:
    """Answer who a certificate names, who issued it and how long it is good; None without one."""
    if certificate is None:
        return None
    return {
        "subject": certificate.subject_rfc4514,
        "name": certificate.common_name,
        "issuer": certificate.issuer_name,
        "serial": certificate.serial,
        "not_before": instant(certificate.not_before),
        "not_after": instant(certificate.not_after),
        "sm3": certificate.sm3,
        "key_usage": sorted(certificate.key_usage or ()),
    }


def revocation_json(status: RevocationStatus | None) -> dict[str, Any] | None:
    """Answer what was found out about the signer's certificate, by which source and as of when."""
    if status is None:
        return None
    source, revoked = status.source, status.revoked
    return {
        "status": "revoked" if revoked else "good" if source else "unknown",
        "source": source.kind if source else "",
        "issuer": source.issuer if source else "",
        "this_update": instant(source.this_update) if source else None,
        "next_update": instant(source.next_update) if source else None,
        "revoked_at": instant(revoked.since) if revoked else None,
        "reason": revoked.reason if revoked else "",
    }


def changes_json(changes: Iterable[Change]) -> list[dict[str, Any]]:
    """Answer what was done after a signature; boxes are millimetres from the upper left corner of the page."""
    return [
        {
            "page": one.page,
            "what": one.what,
            "allowed": one.allowed,
            "kind": str(getattr(one, "kind", "")),
            "boxes": [list(box) for box in getattr(one, "boxes", ())],
            "revision": one.revision,
        }
        for one in changes
    ]
