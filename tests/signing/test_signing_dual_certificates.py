"""双证书: what makes two certificates a pair."""

from typing import Any

import pytest
from signing_pki import VECTORS, read_pem
from signing_suites import Party, make_root

from signing.checks import Indication
from signing.dual_certificates import verify_dual
from signing.issuing import ENCRYPTION

CA = make_root("CA")
SIGNING = CA.issue("甲", "sm2:s", serial=100)


def _encryption(ca: Party = CA, name: str = "甲", kind: str = "sm2:e", **fields: Any) -> Party:
    return ca.issue(name, kind, **({"serial": 101, "key_usage": ENCRYPTION} | fields))


@pytest.mark.parametrize(
    ("signing", "encryption", "failed"),
    [
        pytest.param(SIGNING, _encryption(), [], id="a pair"),
        pytest.param(SIGNING, _encryption(name="乙"), ["holder"], id="another holder"),
        pytest.param(SIGNING, _encryption(make_root("别")), ["issuer"], id="another issuer"),
        pytest.param(SIGNING, _encryption(serial=100), ["keys"], id="same serial"),
        pytest.param(SIGNING, _encryption(kind="sm2:s"), ["keys"], id="same key"),
        pytest.param(SIGNING, CA.issue("甲", "sm2:e", serial=101), ["encryption-usage"], id="two for signing"),
        pytest.param(_encryption(), SIGNING, ["signing-usage", "encryption-usage"], id="the wrong way round"),
    ],
)
def test_pairs(signing: Party, encryption: Party, failed: list[str]) -> None:
    assert verify_dual(signing.certificate, encryption.certificate).failed == failed


@pytest.mark.conformance
@pytest.mark.parametrize(("one", "failed"), [("client", ["holder"]), ("server", ["holder"])])
def test_the_pairs_of_tongsuo_name_their_use_in_the_subject(one: str, failed: list[str]) -> None:
    (signing,), (encryption,) = (read_pem(VECTORS / f"certs/tongsuo/tlcp/{one}_{use}.crt") for use in ("sign", "enc"))
    assert verify_dual(signing, encryption).failed == failed


@pytest.mark.conformance
def test_a_pair_of_a_public_site() -> None:
    folder = VECTORS / "cms/gmcert_signed_and_enveloped"
    (signing,), (encryption,) = (read_pem(folder / f"{use}_cert.pem") for use in ("sign", "enc"))
    assert verify_dual(signing, encryption).indication is Indication.TOTAL_PASSED
