"""Packing with the licence (封装签名): consent to the manifest, the licence's signature, the timestamp, the bundle.

`prepare_bundle` comes first; then `request_pack`, and `complete_pack` until it answers something.
"""

from pathlib import Path

from bidding.workbench.acting import ActingParty, PendingConsent
from bidding.workbench.packing import BundleFile, PreparedBundle, complete_bundle
from identity.consent import ConsentFile
from signing.digests import sm3
from signing.ports import Statement

MANIFEST_LINE = "投标文件包签名清单"
"""How the one entry of a pack consent is named on the wallet."""


def request_pack(party: ActingParty, prepared: PreparedBundle, *, section: str, params_sm3: str) -> PendingConsent:
    """Ask the person to agree to the bundle's manifest. Errors of `ActingParty.ask`."""
    line = ConsentFile(MANIFEST_LINE, 0, prepared.size, prepared.manifest_sm3)
    return party.ask("pack", (line,), section=section, params_sm3=params_sm3)


def complete_pack(
    party: ActingParty, pending: PendingConsent, prepared: PreparedBundle, path: Path
) -> BundleFile | None:
    """Sign, stamp and name the bundle once the person has confirmed; None before.

    Errors of `outcome` and `sign`; UnavailableError and TimestampError of the timestamp, BadSignatureError.
    """
    if party.outcome(pending) is None:
        return None
    (signature,) = party.sign(pending, party.credential(), [Statement("cms", prepared.attributes)])
    return complete_bundle(prepared, signature, party.ports.tsa.stamp(sm3(signature)), path)
