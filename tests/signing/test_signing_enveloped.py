"""Enveloped messages: for SM2, RSA and EC recipients, in the spellings of the field, refused with one word."""

import io
import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from cms_pki import EC_BOX, INTL_ROOT, P384, RSA, RSA_BOX, SECOND_BOX, SM2_BOX, Foreigner, make_foreigner
from cryptography.hazmat.primitives.asymmetric import padding as rsa_padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from signing_pki import CA, EVIDENCE, NOON, TRUST, UNIT, Holder

from signing import der, sm2
from signing.algorithms import AlgorithmIdentifier, compute_digest
from signing.checks import Indication
from signing.cms_ciphers import SM4, SM4_CBC, ContentCipher, Encryption, decrypt, read_cipher, strip_padding
from signing.cms_names import AUTH_ENVELOPED_DATA, DATA, ENVELOPED_DATA, GM_DATA, GM_ENVELOPED_DATA
from signing.cms_recipients import DecryptionKey, InternationalDecryptionKey, Sm2DecryptionKey
from signing.cms_writing import encode_signer
from signing.enveloped_data import (
    MAX_ENVELOPED,
    NO_INTEGRITY,
    EnvelopedData,
    open_enveloped,
    open_signed,
    parse_enveloped,
)
from signing.enveloped_streaming import decrypt_stream, encrypt_stream
from signing.enveloped_writing import (
    GB_35275,
    INTL_CBC,
    INTL_GCM,
    STANDARD_CBC,
    STANDARD_GCM,
    EncryptionProfile,
    encrypt_enveloped,
    encrypt_signed,
)
from signing.errors import (
    BadSignatureError,
    DecryptionError,
    InvalidKeyError,
    LimitError,
    MalformedError,
    SigningError,
    UnsupportedAlgorithmError,
)
from signing.path import Purpose
from signing.sm2_encoding import parse_ciphertext

CONTENT = "报价 1,000,000 元".encode() * 5
PADDED = CONTENT + b"\x0c" * 12
PROFILES = [STANDARD_GCM, STANDARD_CBC, GB_35275, INTL_GCM, INTL_CBC]
Box = Holder | Foreigner


def _key(box: Box) -> DecryptionKey:
    if isinstance(box, Holder):
        return Sm2DecryptionKey(box.key)
    assert box.key is not None
    return InternationalDecryptionKey(box.key)  # type: ignore[arg-type]


def _open(data: bytes, box: Box = SM2_BOX) -> bytes:
    return open_enveloped(parse_enveloped(data), _key(box), box.certificate).content


@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
def test_sm2_recipients(profile: EncryptionProfile) -> None:
    data = encrypt_enveloped(CONTENT, [SM2_BOX.certificate, SECOND_BOX.certificate], profile=profile)
    der.require_der(data, limit=1 << 16)
    assert CONTENT not in data
    message = parse_enveloped(data)
    assert message.cipher.key_size == (16 if "SM4" in profile.name else 32)
    for box in (SM2_BOX, SECOND_BOX):
        for certificate in (box.certificate, None):
            opened = open_enveloped(message, _key(box), certificate)
            assert opened.content == CONTENT
            assert opened.authenticated is profile.authenticated
            assert opened.warnings == (() if profile.authenticated else (NO_INTEGRITY,))
    for key, certificate in ((SM2_BOX, SECOND_BOX), (UNIT, None), (UNIT, UNIT), (SM2_BOX, UNIT)):
        with pytest.raises(DecryptionError):
            open_enveloped(message, _key(key), certificate.certificate if certificate else None)


P384_BOX = make_foreigner(P384.key, INTL_ROOT, name="P-384 reader", encrypts=True)


@pytest.mark.parametrize("box", [RSA_BOX, EC_BOX, P384_BOX], ids=["RSA", "P-256", "P-384"])
@pytest.mark.parametrize("profile", [STANDARD_GCM, INTL_GCM, INTL_CBC], ids=lambda one: one.name)
def test_international_recipients(profile: EncryptionProfile, box: Foreigner) -> None:
    data = encrypt_enveloped(CONTENT, [box.certificate, SM2_BOX.certificate], profile=profile)
    assert _open(data, box) == _open(data) == CONTENT
    with pytest.raises(SigningError):
        _open(data, RSA_BOX if box is not RSA_BOX else EC_BOX)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100_000])
@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
def test_sizes(profile: EncryptionProfile, size: int) -> None:
    content = os.urandom(size)
    data = encrypt_enveloped(content, [SM2_BOX.certificate], profile=profile)
    assert _open(data) == content
    assert _streamed(data) == content
    assert _streamed(_written(content, profile)) == _open(_written(content, profile)) == content


def test_the_layout_of_gb_35275() -> None:
    body = _body(encrypt_enveloped(CONTENT, [SM2_BOX.certificate], profile=GB_35275), GM_ENVELOPED_DATA)
    assert body.take().integer() == 1
    (recipient,) = body.take(der.SET).children()
    version, name, algorithm, key = recipient.children()
    assert (version.integer(), algorithm.children()[0].oid()) == (1, "1.2.156.10197.1.301.3")
    assert name.children()[1].integer() == SM2_BOX.certificate.serial_number
    assert len(parse_ciphertext(key.octets()).c2) == 16
    kind, cipher, content = body.take().children()
    assert (kind.oid(), cipher.children()[0].oid(), content.tag) == (GM_DATA, SM4_CBC, 0x80)
    body.end()


def test_randomness_is_an_argument() -> None:
    made = [encrypt_enveloped(CONTENT, [SM2_BOX.certificate], random=bytes) for _ in range(2)]
    assert parse_enveloped(made[0]).ciphertext == parse_enveloped(made[1]).ciphertext
    assert (
        parse_enveloped(made[0]).ciphertext
        != parse_enveloped(encrypt_enveloped(CONTENT, [SM2_BOX.certificate])).ciphertext
    )


@pytest.mark.parametrize(
    ("recipients", "profile", "error"),
    [
        pytest.param([UNIT.certificate], GB_35275, InvalidKeyError, id="a signing certificate"),
        pytest.param([SM2_BOX.certificate, RSA.certificate], INTL_GCM, InvalidKeyError, id="one of two"),
        pytest.param([RSA_BOX.certificate], GB_35275, UnsupportedAlgorithmError, id="RSA under GM types"),
        pytest.param([EC_BOX.certificate], GB_35275, UnsupportedAlgorithmError, id="ECDH under GM types"),
        pytest.param([], STANDARD_GCM, LimitError, id="nobody"),
        pytest.param([SM2_BOX.certificate] * 65, STANDARD_GCM, LimitError, id="too many"),
    ],
)
def test_who_is_refused(recipients: list, profile: EncryptionProfile, error: type[Exception]) -> None:  # type: ignore[type-arg]
    with pytest.raises(error):
        encrypt_enveloped(CONTENT, recipients, profile=profile)
    with pytest.raises(error):
        encrypt_stream(io.BytesIO(CONTENT), io.BytesIO(), recipients, profile=profile)


def test_too_large_for_one_piece() -> None:
    with pytest.raises(LimitError):
        encrypt_enveloped(bytes(MAX_ENVELOPED), [SM2_BOX.certificate])
    with pytest.raises(LimitError):
        parse_enveloped(bytes(MAX_ENVELOPED + 1))


# Spellings of the field

KEY, IV = bytes(range(16)), bytes(range(16, 32))


def _cbc(content: bytes = CONTENT) -> bytes:
    encryption = Encryption(ContentCipher("SM4", "CBC", 16, IV), KEY)
    return encryption.update(content) + encryption.finish()


def _ecb(content: bytes) -> bytes:
    encryptor = Cipher(algorithms.SM4(KEY), modes.ECB()).encryptor()  # noqa: S305 - as found
    return encryptor.update(content)


def _gcm(tag: int = 16) -> tuple[bytes, bytes]:
    encryptor = Cipher(algorithms.SM4(KEY), modes.GCM(IV[:12])).encryptor()
    return encryptor.update(CONTENT) + encryptor.finalize(), encryptor.tag[:tag]


def _message(
    *,
    encrypted_key: bytes = b"",
    key_oid: str = "1.2.156.10197.1.301.3",
    rid: bytes = b"",
    cipher: AlgorithmIdentifier = AlgorithmIdentifier(SM4_CBC, der.octet_string(IV)),  # noqa: B008 - a frozen value
    ciphertext: bytes = b"",
    piece: bytes = b"",
    tail: bytes = b"",
    outer: str = GM_ENVELOPED_DATA,
    extra: bytes = b"",
) -> bytes:
    certificate = SM2_BOX.certificate
    name = rid or der.sequence(certificate.issuer_der, der.integer(certificate.serial_number))
    info = der.sequence(
        der.integer(1),
        name,
        AlgorithmIdentifier(key_oid).encode(),
        der.octet_string(encrypted_key or sm2.encrypt(SM2_BOX.key.public, KEY)),
    )
    content = der.sequence(der.oid(GM_DATA), cipher.encode(), piece or der.tlv(0x80, ciphertext or _cbc()))
    body = der.sequence(der.integer(1), der.set_of(info, *([extra] if extra else [])), content, tail)
    return der.sequence(der.oid(outer), der.explicit(0, body))


def _raw_key(order: str, prefix: bytes) -> bytes:
    cipher = parse_ciphertext(sm2.encrypt(SM2_BOX.key.public, KEY))
    tail = cipher.c3 + cipher.c2 if order == "C1C3C2" else cipher.c2 + cipher.c3
    return prefix + cipher.c1[1:] + tail


def _parameters(tag: int | None = 16) -> bytes:
    return der.sequence(der.octet_string(IV[:12]), der.integer(tag) if tag else b"")


POINT = SM2_BOX.key.public.point
FIELD = {
    "301.3": _message(),
    "301.2 (GmSSL)": _message(key_oid="1.2.156.10197.1.301.2"),
    "301": _message(key_oid="1.2.156.10197.1.301"),
    "standard types": _message(outer=ENVELOPED_DATA),
    "bare 104 with an IV (CFCA)": _message(cipher=AlgorithmIdentifier(SM4, der.octet_string(IV))),
    "raw C1C3C2": _message(encrypted_key=_raw_key("C1C3C2", b"\x04")),
    "raw C1C2C3": _message(encrypted_key=_raw_key("C1C2C3", b"\x04")),
    "raw without 04": _message(encrypted_key=_raw_key("C1C3C2", b"")),
    "key identifier (SADK)": _message(rid=der.tlv(0x80, SM2_BOX.certificate.subject_key_id)),
    "key identifier by SHA-1": _message(rid=der.tlv(0x80, compute_digest("sha1", POINT))),
    "key identifier in a structure": _message(
        rid=der.explicit(0, der.octet_string(SM2_BOX.certificate.subject_key_id))
    ),
    "empty issuer": _message(rid=der.sequence(b"\0\0", der.integer(SM2_BOX.certificate.serial_number))),
    "no issuer": _message(rid=der.sequence(b"\x30\0", der.integer(SM2_BOX.certificate.serial_number))),
    "content in pieces": _message(piece=der.tlv(0xA0, der.octet_string(_cbc()[:20]), der.octet_string(_cbc()[20:]))),
    "unprotected attributes": _message(tail=der.explicit(1, der.sequence(der.oid(DATA), der.set_of()))),
    "a password recipient beside": _message(extra=der.explicit(3, der.integer(0))),
    "ECB, padded": _message(cipher=AlgorithmIdentifier(SM4), ciphertext=_ecb(PADDED)),
    "ECB with NULL": _message(cipher=AlgorithmIdentifier(f"{SM4}.1", b"\x05\0"), ciphertext=_ecb(PADDED)),
    "GCM as 104.8": _message(
        cipher=AlgorithmIdentifier(f"{SM4}.8", _parameters()), ciphertext=b"".join(_gcm()), outer=ENVELOPED_DATA
    ),
    "GCM as 104.10": _message(cipher=AlgorithmIdentifier(f"{SM4}.10", _parameters()), ciphertext=b"".join(_gcm())),
    "GCM, tag of 12 by default": _message(
        cipher=AlgorithmIdentifier(f"{SM4}.8", _parameters(None)), ciphertext=b"".join(_gcm(12))
    ),
    "AuthEnvelopedData, tag of 14": _message(
        cipher=AlgorithmIdentifier(f"{SM4}.10", _parameters(14)),
        ciphertext=_gcm()[0],
        tail=der.octet_string(_gcm(14)[1]),
        outer=AUTH_ENVELOPED_DATA,
    ),
}


@pytest.mark.parametrize("data", FIELD.values(), ids=FIELD.keys())
def test_spellings_of_the_field(data: bytes) -> None:
    assert _open(data) == CONTENT


def test_ecb_without_padding() -> None:
    plain = CONTENT[:32]
    assert _open(_message(cipher=AlgorithmIdentifier(SM4), ciphertext=_ecb(plain))) == plain
    assert strip_padding(plain) is None


def test_authenticated_attributes() -> None:
    """RFC 5083 2.2: the tag is over the attributes as a SET OF as well."""
    attributes = der.sequence(der.oid("1.2.840.113549.1.9.3"), der.set_of(der.oid(DATA)))
    encryptor = Cipher(algorithms.SM4(KEY), modes.GCM(IV[:12])).encryptor()
    encryptor.authenticate_additional_data(der.set_of(attributes))
    ciphertext = encryptor.update(CONTENT) + encryptor.finalize()
    made = {
        "cipher": AlgorithmIdentifier(f"{SM4}.8", _parameters()),
        "ciphertext": ciphertext,
        "outer": AUTH_ENVELOPED_DATA,
    }
    tag = der.octet_string(encryptor.tag)
    data = _message(tail=der.explicit(1, attributes) + tag, **made)  # type: ignore[arg-type]
    assert _open(data) == CONTENT
    for tail in (tag, der.explicit(1, attributes.replace(b"\x01\x07\x01", b"\x01\x07\x02")) + tag):
        with pytest.raises(DecryptionError):
            _open(_message(tail=tail, **made))  # type: ignore[arg-type]
    with pytest.raises(UnsupportedAlgorithmError):
        _streamed(data)


def test_pkcs1_is_read() -> None:
    box = RSA_BOX.certificate
    name = der.sequence(box.issuer_der, der.integer(box.serial_number))
    wrapped = RSA.key.public_key().encrypt(KEY, rsa_padding.PKCS1v15())  # type: ignore[union-attr, call-arg]
    data = _message(rid=name, key_oid="1.2.840.113549.1.1.1", encrypted_key=wrapped)
    assert _open(data, RSA_BOX) == CONTENT
    for changed in (wrapped[:-1] + bytes((wrapped[-1] ^ 1,)), bytes(256), wrapped[1:]):
        data = _message(rid=name, key_oid="1.2.840.113549.1.1.1", encrypted_key=changed)
        with pytest.raises(DecryptionError, match=r"^the message does not open$"):
            _open(data, RSA_BOX)


@pytest.mark.parametrize(
    "algorithm",
    [
        pytest.param(AlgorithmIdentifier("1.2.840.113549.3.7", der.octet_string(bytes(8))), id="3DES"),
        pytest.param(AlgorithmIdentifier(f"{SM4}.3", der.octet_string(IV)), id="OFB"),
        pytest.param(AlgorithmIdentifier(f"{SM4}.8", der.octet_string(IV)), id="104.8 that is no GCM"),
        pytest.param(AlgorithmIdentifier(f"{SM4}.10", der.octet_string(IV)), id="104.10 that is no GCM"),
    ],
)
def test_unknown_ciphers(algorithm: AlgorithmIdentifier) -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        parse_enveloped(_message(cipher=algorithm))


@pytest.mark.parametrize(
    "algorithm",
    [
        pytest.param(AlgorithmIdentifier(SM4_CBC), id="CBC without IV"),
        pytest.param(AlgorithmIdentifier(SM4_CBC, der.octet_string(IV[1:])), id="short IV"),
        pytest.param(AlgorithmIdentifier(SM4, der.integer(1)), id="an IV that is a number"),
        pytest.param(AlgorithmIdentifier(f"{SM4}.8", _parameters(8)), id="tag of 8"),
        pytest.param(AlgorithmIdentifier(f"{SM4}.8", _parameters(17)), id="tag of 17"),
        pytest.param(AlgorithmIdentifier(f"{SM4}.8", der.sequence(der.octet_string(b""))), id="no nonce"),
        pytest.param(AlgorithmIdentifier(f"{SM4}.8", _parameters() + b"\x05\0"), id="trailing"),
    ],
)
def test_parameters_out_of_form(algorithm: AlgorithmIdentifier) -> None:
    with pytest.raises(MalformedError):
        read_cipher(algorithm)


# Signed and enveloped


def _signed_and_enveloped(content: bytes, *, ciphertext: bytes, cipher: AlgorithmIdentifier) -> bytes:
    enveloped = _body(_message(cipher=cipher, ciphertext=ciphertext), GM_ENVELOPED_DATA)
    version, recipients, inner = (one.raw for one in enveloped.rest)
    digests = der.set_of(AlgorithmIdentifier("1.2.156.10197.1.401").encode())
    info = encode_signer(b"", UNIT.certificate, UNIT.sign(content))
    certificates = der.explicit(0, CA.certificate.der, UNIT.certificate.der)
    body = der.sequence(version, recipients, digests, inner, certificates, der.set_of(info))
    return der.sequence(der.oid("1.2.156.10197.6.1.4.2.4"), der.explicit(0, body))


@pytest.mark.parametrize(
    ("content", "ciphertext", "cipher"),
    [
        pytest.param(CONTENT, _cbc(), AlgorithmIdentifier(SM4_CBC, der.octet_string(IV)), id="CBC"),
        pytest.param(CONTENT, _ecb(PADDED), AlgorithmIdentifier(SM4), id="ECB, padded"),
        pytest.param(bytes(31) + b"\1", _ecb(bytes(31) + b"\1"), AlgorithmIdentifier(SM4), id="ECB that looks padded"),
    ],
)
def test_signed_and_enveloped(content: bytes, ciphertext: bytes, cipher: AlgorithmIdentifier) -> None:
    data = _signed_and_enveloped(content, ciphertext=ciphertext, cipher=cipher)
    asked = {"anchors": TRUST, "evidence": EVIDENCE, "purpose": Purpose.LICENCE, "at": NOON}
    opened, (one,) = open_signed(parse_enveloped(data), _key(SM2_BOX), SM2_BOX.certificate, **asked)  # type: ignore[arg-type]
    assert (opened.content, opened.warnings) == (content, ())
    assert one.verdict.indication is Indication.TOTAL_PASSED, one.verdict
    other = _signed_and_enveloped(b"another", ciphertext=ciphertext, cipher=cipher)
    _, (one,) = open_signed(parse_enveloped(other), _key(SM2_BOX), SM2_BOX.certificate, **asked)  # type: ignore[arg-type]
    assert one.verdict.failed == ["signature"]


@pytest.mark.parametrize("profile", [GB_35275, STANDARD_CBC], ids=lambda one: one.name)
def test_we_write_signed_and_enveloped(profile: EncryptionProfile) -> None:
    boxes, chain = [SM2_BOX.certificate, SECOND_BOX.certificate], (CA.certificate,)
    data = encrypt_signed(CONTENT, UNIT.sign(CONTENT), UNIT.certificate, boxes, profile=profile, chain=chain)
    der.require_der(data, limit=1 << 16)
    asked = {"anchors": TRUST, "evidence": EVIDENCE, "purpose": Purpose.LICENCE, "at": NOON}
    opened, (one,) = open_signed(parse_enveloped(data), _key(SECOND_BOX), SECOND_BOX.certificate, **asked)  # type: ignore[arg-type]
    assert (opened.content, one.verdict.indication) == (CONTENT, Indication.TOTAL_PASSED)
    with pytest.raises(BadSignatureError):
        encrypt_signed(CONTENT, UNIT.sign(b"x"), UNIT.certificate, boxes, profile=profile)
    with pytest.raises(InvalidKeyError):
        encrypt_signed(CONTENT, SM2_BOX.sign(CONTENT), SM2_BOX.certificate, boxes, profile=profile)
    with pytest.raises(ValueError, match="no place"):
        encrypt_signed(CONTENT, UNIT.sign(CONTENT), UNIT.certificate, boxes, profile=STANDARD_GCM)


def test_nobody_signed() -> None:
    with pytest.raises(MalformedError):
        open_signed(
            parse_enveloped(_message()),
            _key(SM2_BOX),
            anchors=TRUST,
            evidence=EVIDENCE,
            purpose=Purpose.LICENCE,
            at=NOON,
        )


# Streams


def _written(content: bytes, profile: EncryptionProfile = STANDARD_GCM) -> bytes:
    sink = io.BytesIO()
    encrypt_stream(io.BytesIO(content), sink, [SM2_BOX.certificate, SECOND_BOX.certificate], profile=profile)
    return sink.getvalue()


def _streamed(data: bytes, box: Box = SM2_BOX) -> bytes:
    spool = io.BytesIO()
    try:
        facts = decrypt_stream(io.BytesIO(data), spool, _key(box), box.certificate)
    except SigningError:
        assert spool.getvalue() == b""
        raise
    assert facts.size == len(spool.getvalue())
    assert facts.warnings == (() if facts.authenticated else (NO_INTEGRITY,))
    return spool.getvalue()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda one: one.name)
def test_streams(profile: EncryptionProfile) -> None:
    content = os.urandom((2 << 20) + 12345)
    data = _written(content, profile)
    assert _streamed(data) == _open(data) == _streamed(data, SECOND_BOX) == content
    whole = encrypt_enveloped(content, [SM2_BOX.certificate], profile=profile)
    assert _streamed(whole) == content
    for changed in (data[:-1], data + b"\0", data[: len(data) // 2]):
        with pytest.raises(SigningError):
            _streamed(changed)


STREAMED = [name for name, data in FIELD.items() if not name.startswith(("ECB", "GCM"))]


@pytest.mark.parametrize("name", STREAMED)
def test_spellings_in_streams(name: str) -> None:
    assert _streamed(FIELD[name]) == CONTENT


def test_what_does_not_stream() -> None:
    for name in set(FIELD) - set(STREAMED):
        with pytest.raises(UnsupportedAlgorithmError):
            _streamed(FIELD[name])


def test_memory_of_streams_does_not_grow(tmp_path: Path) -> None:
    """48 MiB out of a file, encrypted, and back."""
    size = 48 << 20
    paths = [tmp_path / name for name in ("content", "message", "spool")]
    with paths[0].open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    with paths[0].open("rb") as source, paths[1].open("wb") as sink:
        encrypt_stream(source, sink, [SM2_BOX.certificate], profile=INTL_GCM)
    with paths[1].open("rb") as source, paths[2].open("w+b") as spool:
        facts = decrypt_stream(source, spool, _key(SM2_BOX), SM2_BOX.certificate)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (facts.size, paths[2].stat().st_size) == (size, size)
    assert size < paths[1].stat().st_size < size + 4096
    assert peak < 10 << 20


# Bytes from outside


def _body(data: bytes, outer: str) -> der.Fields:
    kind, holder = der.read(data, limit=1 << 20).children()
    assert kind.oid() == outer
    return holder.inner(der.context(0)).fields()


AUTHENTIC = [encrypt_enveloped(CONTENT, [SM2_BOX.certificate]), _written(CONTENT)]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(AUTHENTIC), st.data())
def test_a_changed_byte_gives_the_content_or_nothing(seed: bytes, data: st.DataObject) -> None:
    at, flip = data.draw(st.integers(0, len(seed) - 1)), data.draw(st.integers(1, 255))
    changed = seed[:at] + bytes((seed[at] ^ flip,)) + seed[at + 1 :]
    for read in (_open, _streamed):
        try:
            assert read(changed) == CONTENT
        except SigningError:
            continue


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(FIELD.values())), st.data())
def test_changes_never_end_in_a_trace(seed: bytes, data: st.DataObject) -> None:
    at, flip = data.draw(st.integers(0, len(seed) - 1)), data.draw(st.integers(1, 255))
    for changed in (seed[:at], seed[:at] + bytes((seed[at] ^ flip,)) + seed[at + 1 :], seed + b"\0"):
        for read in (_open, _streamed):
            try:
                read(changed)
            except SigningError:
                continue


def test_one_word_for_everything() -> None:
    """Padding, key size, wrong key, changed key: nobody learns which."""
    message = parse_enveloped(_message())
    wrong: list[EnvelopedData] = [
        replace(message, ciphertext=message.ciphertext[:-1] + bytes((message.ciphertext[-1] ^ 1,))),
        replace(message, ciphertext=message.ciphertext[:-1]),
        replace(message, ciphertext=b""),
        parse_enveloped(_message(encrypted_key=sm2.encrypt(SM2_BOX.key.public, KEY + b"1"))),
        parse_enveloped(_message(encrypted_key=sm2.encrypt(UNIT.key.public, KEY))),
        parse_enveloped(_message(encrypted_key=b"noise")),
    ]
    for one in wrong:
        with pytest.raises(DecryptionError, match=r"^the message does not open$") as caught:
            open_enveloped(one, _key(SM2_BOX), SM2_BOX.certificate)
        assert caught.value.__cause__ is None
    with pytest.raises(DecryptionError):
        decrypt(message.cipher, KEY[1:], message.ciphertext)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(SigningError):
        parse_enveloped(data)
    with pytest.raises(SigningError):
        _streamed(data)
