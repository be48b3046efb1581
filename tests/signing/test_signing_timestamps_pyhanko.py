"""pyHanko judges a GM token of ours, with SM2 taught to it and nothing else."""

import asyncio
from typing import Any

import pytest
from asn1crypto import cms, x509
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.sig_validate import DefaultSignatureValidator
from signing_pki import CA, CRLS, NOON, POLICY, ROOT, TSA

from signing import sm2
from signing.digests import sm3
from signing.registrations import register
from signing.timestamps import Stamp, make_token

IMPRINT = sm3(b"tender")


class _Validator(DefaultSignatureValidator):
    """SM2 by our engine."""

    def validate_signature(
        self, signature: bytes, signed_data: bytes, public_key_info: Any, signature_algorithm: Any, context: Any = None
    ) -> None:
        assert signature_algorithm["algorithm"].dotted == "1.2.156.10197.1.501"
        assert context is None or not context.prehashed
        sm2.verify(sm2.PublicKey(public_key_info["public_key"].native), signed_data, signature)


def _judge(token: bytes, imprint: bytes) -> dict[str, Any]:
    register()
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(ROOT.certificate.der)],
        other_certs=[x509.Certificate.load(CA.certificate.der)],
        crls=list(CRLS),
        moment=NOON,
        allow_fetching=False,
        revocation_mode="hard-fail",
        signature_validator=_Validator(),
    )
    signed = cms.ContentInfo.load(token)["content"]
    return asyncio.run(validate_tst_signed_data(signed, context, lambda _: imprint))


@pytest.mark.interop
def test_pyhanko_verifies_our_gm_token() -> None:
    token = make_token(Stamp(IMPRINT, 55, NOON, POLICY, 7), TSA.certificate, TSA.sign)
    status = _judge(token, IMPRINT)
    assert (status["intact"], status["valid"], status["timestamp"]) == (True, True, NOON)
    assert status["trust_problem_indic"] is None
    assert status["signing_cert"].dump() == TSA.certificate.der
    assert not _judge(token, sm3(b"another"))["intact"]
