"""Electronic seal structures: SESeal, TBS_Sign and SES_Signature (电子印章, 电子签章).

Read: GM/T 0031-2014 (v1), GB/T 38540-2020 (v4) and GM/T 0031-2025 (v5), tolerantly and over the original
bytes. Written: v4 by default and v5 by option, as `docs/format/seal.md` says. Nothing here judges;
`sealing.verify` does. Values: `ses_types`, readers: `ses_reading`, writers: `ses_writing`.
"""

from sealing.ses_reading import cut_signature, parse_seal, parse_signature, parse_statement
from sealing.ses_types import (
    ARTWORK,
    CONSENT,
    MAX_SEAL,
    MAX_SIGNATURE,
    OTHER_SM2_NAMES,
    SM2_WITH_SM3,
    V1,
    V4,
    V5,
    CertificateDigest,
    Extension,
    Picture,
    SealInfo,
    SealProperty,
    SesSeal,
    SesSignature,
    Statement,
)
from sealing.ses_writing import write_seal, write_seal_info, write_signature, write_statement

__all__ = (
    "ARTWORK",
    "CONSENT",
    "MAX_SEAL",
    "MAX_SIGNATURE",
    "OTHER_SM2_NAMES",
    "SM2_WITH_SM3",
    "V1",
    "V4",
    "V5",
    "CertificateDigest",
    "Extension",
    "Picture",
    "SealInfo",
    "SealProperty",
    "SesSeal",
    "SesSignature",
    "Statement",
    "cut_signature",
    "parse_seal",
    "parse_signature",
    "parse_statement",
    "write_seal",
    "write_seal_info",
    "write_signature",
    "write_statement",
)
