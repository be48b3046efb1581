"""What a key signs for a seal on a PDF, in each profile (待签内容).

`ses` needs the TBS_Sign, `gm-cms` the bare digest, `pades` the signed attributes with SM3(consent) in them; `pades-ses`
needs two signatures, over the TBS_Sign and over attributes that name it. Every one of them bears the document's digest.
"""

from datetime import datetime
from typing import Final

from sealing.pdf import PreparedSeal, statement_of, to_be_signed
from sealing.pdf_profiles import Profile
from signing.ports import Statement


def statements_of(prepared: PreparedSeal, consent_sm3: bytes, at: datetime) -> tuple[bytes, tuple[Statement, ...]]:
    """Answer the TBS_Sign (empty where no seal goes in) and all that is to be signed; the message comes last."""
    profile = prepared.profile
    tbs = statement_of(prepared, consent_sm3, at) if profile.has_seal else b""
    seals = (Statement("ses", tbs),) if profile.has_seal else ()
    if profile is Profile.SES:
        return tbs, seals
    kind: Final = "gm-cms" if profile is Profile.GM_CMS else "cms"
    return tbs, (*seals, Statement(kind, to_be_signed(prepared, tbs, consent_sm3)))
