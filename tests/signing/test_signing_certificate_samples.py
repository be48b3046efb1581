"""Every certificate of the field samples is read, wherever it lies, and this is what is read of it."""

import base64
import subprocess

import pytest
from signing_samples import VECTORS, certificates_in_file

from signing.certificate_extensions import KEY_USAGES
from signing.certificates import Certificate, parse_certificate
from signing.sm2 import PublicKey

pytestmark = pytest.mark.conformance

FILES = {
    "certs/cfca/cfcasm2oca1.pem": ("6424D780BD0C28F3AD07",),
    "certs/tongsuo/sm2-cert.pem": ("5CBD2112C66C7DEB5D2223C5B710E02851D17D6B",),
    "certs/tongsuo/sm2-chain-ca.crt": ("20B9AE6E9EE78E6846B77C192C5C31E8", "20B9AE6E9EE78E6846B77C192C5C31E7"),
    "certs/tongsuo/sm2-first-crt.pem": ("412D8F74ED1C0A5C64AC2B5824E4E4EFDDE56E8B",),
    "certs/tongsuo/sm2-leaf.crt": ("20B9AE6E9EE78E6846B77C192C5C31EA",),
    "certs/tongsuo/sm2-noza-cert.pem": ("1551A3F0A2D493456529E231ECD7540D807E7D70",),
    "certs/tongsuo/sm2-noza-root-cert.pem": ("27F7BFB64CF84D5D0EE2B2BF0FDC0C8A1B4DD38E",),
    "certs/tongsuo/sm2-root-cert.pem": ("5C049C38AB88C1C9DDCE858331EF6049F50C8B5F",),
    "certs/tongsuo/tlcp/chain-ca.crt": ("0", "1"),
    "certs/tongsuo/tlcp/client_enc.crt": ("5B2EBFA257B547C1B04EBCE83AD65E6C595ADDAA",),
    "certs/tongsuo/tlcp/client_enc_expire.crt": ("301F79EFEBEA01205CE72E19301B1F614FC5CE50",),
    "certs/tongsuo/tlcp/client_sign.crt": ("6C4B2D6EA5167893162B7AE5C0B5C4F5876D27C4",),
    "certs/tongsuo/tlcp/client_sign_expire.crt": ("31CC7C5325879DF6D545EE5B898C38E0AC7A6EFC",),
    "certs/tongsuo/tlcp/server_enc.crt": ("68D892E963ACA045620E799D6FC31D937433E57C",),
    "certs/tongsuo/tlcp/server_enc2.crt": ("14",),
    "certs/tongsuo/tlcp/server_enc_expire.crt": ("4650BC5C32BCDE94B117855D2BFB1F0DE366E364",),
    "certs/tongsuo/tlcp/server_sign.crt": ("71B29395CEBE08DA0782598493EC66F9622A65C0",),
    "certs/tongsuo/tlcp/server_sign2.crt": ("13",),
    "certs/tongsuo/tlcp/server_sign_expire.crt": ("1B37E1B834DBF68D601625B2F1BAA8DE470F91D4",),
    "cms/gmcert_signed_and_enveloped/enc_cert.pem": ("2CEB8CC90CB4FC5",),
    "cms/gmcert_signed_and_enveloped/sign_cert.pem": ("2CEB8CC90CB4CD4",),
    "cms/gmcert_signed_and_enveloped/signed_and_enveloped.pem": ("2CE0C00FC292017",),
    "cms/gmssl_certchain_pkcs7.pem": ("172A730A372", "172A730C6AE"),
    "cms/sadk_signed_attached.der": ("A9DC1A90",),
    "cms/sadk_signed_detached.der": ("A9DC1A90",),
    "esl/SESealData_gif_ext_badsig.der": ("65A6EE38170A1468ABCC12464EF7D5C60EF6A589",),
    "esl/UserV1.esl": ("1719D2DAB60", "1719D2E201D"),
    "esl/UserV4.esl": ("1719D2DAB60", "1719D2E201D"),
    "esl/UserV5.esl": ("1719D2DAB60", "1719D2E201D"),
    "interop/bouncycastle/cms_attached.der": ("1001",),
    "interop/bouncycastle/cms_detached.der": ("1001",),
    "interop/bouncycastle/cms_direct.der": ("1001",),
    "interop/bouncycastle/cms_emptyid.der": ("1001",),
    "interop/bouncycastle/cms_gmoid.der": ("1001",),
    "interop/bouncycastle/resp_sha1.tsr": ("1003",),
    "interop/bouncycastle/resp_sm3.tsr": ("1003",),
    "interop/gmssl/ca.pem": ("22BC1160C1487295E3DC03E2",),
    "interop/gmssl/enc.pem": ("B6B64F318082F4C1E02EC974",),
    "interop/gmssl/sign.pem": ("A7E911D4F8F58A24F9A68BF4",),
    "interop/gmssl/signed.der": ("A7E911D4F8F58A24F9A68BF4",),
    "interop/openssl/ca.crt": ("3B8DA7C79C131CEEC987CD3D09C499BD02EC6FF",),
    "interop/openssl/enc.crt": ("1002",),
    "interop/openssl/ocsp.rsp": ("3B8DA7C79C131CEEC987CD3D09C499BD02EC6FF",),
    "interop/openssl/sign.crt": ("1001",),
    "interop/openssl/tsa.crt": ("1003",),
    "keys/cfca_sm2_keyfile.sm2.pem": ("1040990809",),
    "keys/sign_cert.pem": ("17AF20E3374",),
    "ofd/SESV4SignDoc.ofd": ("1719D2DAB60", "1719D2E201D"),
    "ofd/allprotected.ofd": ("1719D2DAB60", "1719D2E201D"),
    "ofd/hello-integrity_gmt0099.ofd": ("17AF20E3374",),
    "ofd/two_seals_second_breaks_first.ofd": ("1719D2DAB60", "1719D2E201D"),
    "parts/antchain_sesv4/SignedValue.dat": ("16030000101CA1",),
    "parts/gomain_cms_attrs_mixed_oid/SignedValue.dat": ("69E2006C0025921F",),
    "parts/tongzhi_cms_rawRS/SignedValue.dat": ("20031000136757",),
    "parts/tongzhi_sesv4_ext0/SignedValue.dat": ("20031000136757", "3DF500F20004A9BC"),
    "pdf_synth/DJ_GMPkiLite_GM_sm2cms.pdf": ("1001",),
    "pdf_synth/DJ_GMPkiLite_GM_sm2cms_tampered.pdf": ("1001",),
    "pdf_synth/GM_sm2seal_sesv4.pdf": ("1001",),
    "pdf_synth/GM_sm2seal_sesv4_tampered.pdf": ("1001",),
    "pdf_synth/adbe_pkcs7_detached_sm2_501.pdf": ("1001",),
    "pdf_synth/adbe_pkcs7_detached_sm2_501_tampered.pdf": ("1001",),
    "ses/SignedValueV4.dat": ("1719D2DAB60", "1719D2E201D"),
    "ses/SignedValueV5.dat": ("1719D2DAB60", "1719D2E201D"),
    "tsp/ca.crt": ("3B8DA7C79C131CEEC987CD3D09C499BD02EC6FF",),
    "tsp/resp_sm3.tsr": ("1003",),
    "tsp/tsa.crt": ("1003",),
}
READ = {
    "6424D780BD0C28F3AD07": ("CFCA TEST SM2 OCA1", "56", True, 5, "2032-07-23"),
    "5CBD2112C66C7DEB5D2223C5B710E02851D17D6B": ("SM2 certificate signing key", "01", False, 4, "2050-09-10"),
    "20B9AE6E9EE78E6846B77C192C5C31E8": ("www.middle.com", "056", True, 4, "2030-04-12"),
    "20B9AE6E9EE78E6846B77C192C5C31E7": ("www.example.com", "056", True, 4, "2030-04-12"),
    "412D8F74ED1C0A5C64AC2B5824E4E4EFDDE56E8B": ("RFC8998 certificate signing key", "012", False, 4, "2050-10-11"),
    "20B9AE6E9EE78E6846B77C192C5C31EA": ("*.alipay.com", "02", False, 8, "2030-04-12"),
    "1551A3F0A2D493456529E231ECD7540D807E7D70": (
        "SM2 certificate signing key without Za",
        "01",
        False,
        4,
        "2050-09-10",
    ),
    "27F7BFB64CF84D5D0EE2B2BF0FDC0C8A1B4DD38E": ("SM2 certificate signing key without Za", "56", True, 4, "2050-09-10"),
    "5C049C38AB88C1C9DDCE858331EF6049F50C8B5F": ("SM2 certificate signing key", "56", True, 4, "2050-09-10"),
    "0": ("root ca", "056", True, 4, "2123-01-29"),
    "1": ("sub ca", "056", True, 4, "2123-01-29"),
    "5B2EBFA257B547C1B04EBCE83AD65E6C595ADDAA": ("client enc", "234", False, 4, "2123-01-29"),
    "301F79EFEBEA01205CE72E19301B1F614FC5CE50": ("client enc", "234", False, 4, "2001-01-01"),
    "6C4B2D6EA5167893162B7AE5C0B5C4F5876D27C4": ("client sign", "01", False, 4, "2123-01-29"),
    "31CC7C5325879DF6D545EE5B898C38E0AC7A6EFC": ("client sign", "01", False, 4, "2001-01-01"),
    "68D892E963ACA045620E799D6FC31D937433E57C": ("server enc", "234", False, 4, "2123-01-29"),
    "14": ("SERVER Enc SM2", "234", False, 7, "2123-01-29"),
    "4650BC5C32BCDE94B117855D2BFB1F0DE366E364": ("server enc", "234", False, 4, "2001-01-01"),
    "71B29395CEBE08DA0782598493EC66F9622A65C0": ("server sign", "01", False, 4, "2123-01-29"),
    "13": ("SERVER Sign SM2", "01", False, 8, "2123-01-29"),
    "1B37E1B834DBF68D601625B2F1BAA8DE470F91D4": ("server sign", "01", False, 4, "2001-01-01"),
    "2CEB8CC90CB4FC5": ("测试服务器名称", "234", False, 6, "2024-02-22"),
    "2CEB8CC90CB4CD4": ("测试服务器名称", "01", False, 6, "2024-02-22"),
    "2CE0C00FC292017": ("O=测试CA,L=杭州,ST=浙江,C=CN", "56", True, 4, "2031-12-23"),
    "172A730A372": ("RootCA for Test", "0156", True, 3, "2035-12-30"),
    "172A730C6AE": ("MiddleCA for Test", "0156", True, 4, "2035-12-30"),
    "A9DC1A90": ("Jon Snow", "02", False, 3, "2025-11-19"),
    "65A6EE38170A1468ABCC12464EF7D5C60EF6A589": ("test111", "01", False, 3, "2019-01-02"),
    "1719D2DAB60": ("Test Certificate", "015", False, 4, "2022-04-21"),
    "1719D2E201D": ("Test Certificate", "015", False, 4, "2022-04-21"),
    "1001": ("signer", "01", False, 4, "2029-01-29"),
    "1003": ("Lab TSA", "01", False, 5, "2029-01-29"),
    "22BC1160C1487295E3DC03E2": ("GmSSL Root", "56", True, 4, "2036-11-18"),
    "B6B64F318082F4C1E02EC974": ("enc", "234", False, 1, "2029-01-29"),
    "A7E911D4F8F58A24F9A68BF4": ("signer", "01", False, 1, "2029-01-29"),
    "3B8DA7C79C131CEEC987CD3D09C499BD02EC6FF": ("Lab SM2 Root", "56", True, 4, "2036-11-18"),
    "1002": ("enc", "234", False, 4, "2029-01-29"),
    "1040990809": ("051@邮储线上收单商户@N51011300018878@1", "01", False, 7, "2025-11-19"),
    "17AF20E3374": ("Test Certificate", "015", False, 4, "2023-07-29"),
    "16030000101CA1": ("国家税务总局浙江省税务局", "0123", False, 14, "2031-12-30"),
    "69E2006C0025921F": ("一部手机办事通设备证书", "01", False, 10, "2023-07-19"),
    "20031000136757": ("37030000001721", "01", False, 7, "2021-05-25"),
    "3DF500F20004A9BC": ("山东省政府统一电子印章制作系统", "01", False, 8, "2024-05-26"),
}
"""Serial: name, key usage by bit numbers, whether a CA, number of extensions, last day."""


def _usage(certificate: Certificate) -> str:
    return "".join(str(n) for n, name in enumerate(KEY_USAGES) if name in (certificate.key_usage or ()))


def test_no_file_of_the_samples_is_left_out() -> None:
    found = {str(path.relative_to(VECTORS)) for path in VECTORS.rglob("*") if path.is_file()}
    assert {name for name in found if certificates_in_file(VECTORS / name)} == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_certificates_of_a_sample(name: str) -> None:
    certificates = certificates_in_file(VECTORS / name)
    assert tuple(one.serial for one in certificates) == FILES[name]
    for one in certificates:
        shown = one.common_name or one.subject_rfc4514
        assert (shown, _usage(one), one.is_ca, len(one.extensions), f"{one.not_after:%Y-%m-%d}") == READ[one.serial]
        assert isinstance(one.public_key, PublicKey)
        assert one.signature_algorithm.is_sm2
        assert (one.unknown_critical, one.uscc_candidates, one.uscc_refused) == ((), (), ())
        assert one.der == parse_certificate(one.der).der


@pytest.mark.parametrize(
    ("name", "crl", "ocsp"),
    [
        pytest.param("certs/cfca/cfcasm2oca1.pem", "http://210.74.42.3/testrca/SM2/crl1.crl", "", id="CFCA by HTTP"),
        pytest.param(
            "keys/cfca_sm2_keyfile.sm2.pem",
            "http://ucrl.cfca.com.cn/SM2/crl14356.crl",
            "",
            id="CFCA partitioned",
        ),
        pytest.param("parts/tongzhi_cms_rawRS/SignedValue.dat", "Ldap://59.255.128.3:3890/c=cn", "", id="LDAP"),
    ],
)
def test_addresses_in_the_samples(name: str, crl: str, ocsp: str) -> None:
    addresses = certificates_in_file(VECTORS / name)[0].addresses
    assert (addresses.crls[:1], "".join(addresses.ocsps[:1])) == ((crl,), ocsp)


@pytest.mark.interop
@pytest.mark.parametrize("name", ["USER.p12", "SealBuilder.p12"])
def test_certificates_of_pkcs12_files(name: str) -> None:
    options = ("-in", VECTORS / "keys" / name, "-nokeys", "-passin", "pass:777777", "-legacy")
    ran = subprocess.run(["openssl", "pkcs12", *options], capture_output=True, check=True)
    assert b"BEGIN CERTIFICATE" in ran.stdout
    for body in ran.stdout.split(b"-----BEGIN CERTIFICATE-----")[1:]:
        certificate = parse_certificate(base64.b64decode(body.partition(b"-----END")[0]))
        assert isinstance(certificate.public_key, PublicKey)
