"""Statements: signed data in its one byte form."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import Struct, structs
from signing_pki import EVIDENCE, NOON, TRUST, UNIT, make_root, trust

from signing.checks import Indication, SubIndication
from signing.errors import BadSignatureError, MalformedError, NotCanonicalError
from signing.path import Purpose, RevocationEvidence
from signing.statement import (
    SignedStatement,
    complete_statement,
    encode_statement,
    parse_statement,
    prepare_statement,
    verify_statement,
)


class Act(Struct, frozen=True, forbid_unknown_fields=True):
    act: str
    size: int


ACT = Act("submit", 12)
BYTES = prepare_statement(ACT)
SIGNED = complete_statement(BYTES, UNIT.sign(BYTES), UNIT.certificate.der)


def _verify(signed: SignedStatement, **changes: object) -> tuple[Indication, SubIndication | None, list[str]]:
    asked = {"anchors": TRUST, "evidence": EVIDENCE, "at": NOON, "purpose": Purpose.LICENCE, **changes}
    verdict = verify_statement(signed, **asked)  # type: ignore[arg-type]
    return verdict.indication, verdict.sub_indication, verdict.failed


def test_there_and_back() -> None:
    assert BYTES == b'{"act":"submit","size":12}'
    assert parse_statement(SIGNED, Act) == (ACT, SIGNED)
    assert parse_statement(encode_statement(SIGNED), Act) == (ACT, SIGNED)
    assert _verify(SIGNED) == (Indication.TOTAL_PASSED, None, [])


def test_a_mistaken_key_service_is_noticed() -> None:
    with pytest.raises(BadSignatureError):
        complete_statement(BYTES, UNIT.sign(b"something else"), UNIT.certificate.der)


@pytest.mark.parametrize(
    ("signed", "changes", "expected"),
    [
        pytest.param(
            structs.replace(SIGNED, statement=BYTES.replace(b"12", b"13")),
            {},
            (Indication.TOTAL_FAILED, SubIndication.SIG_CRYPTO_FAILURE, ["signature"]),
            id="changed",
        ),
        pytest.param(
            SIGNED,
            {"at": NOON + timedelta(days=31)},
            (Indication.TOTAL_FAILED, SubIndication.EXPIRED, ["validity"]),
            id="certificate expired",
        ),
        pytest.param(
            SIGNED,
            {"evidence": RevocationEvidence()},
            (Indication.INDETERMINATE, SubIndication.TRY_LATER, []),
            id="no list",
        ),
        pytest.param(
            SIGNED,
            {"anchors": replace(trust(make_root("别的根").certificate), issuers=())},
            (Indication.INDETERMINATE, SubIndication.NO_CERTIFICATE_CHAIN_FOUND, []),
            id="unknown authority",
        ),
    ],
)
def test_reasons(
    signed: SignedStatement, changes: dict[str, object], expected: tuple[Indication, SubIndication | None, list[str]]
) -> None:
    assert _verify(signed, **changes) == expected


@pytest.mark.parametrize(
    ("data", "error"),
    [
        pytest.param(encode_statement(SIGNED) + b"\n", NotCanonicalError, id="trailing newline"),
        pytest.param(encode_statement(SIGNED).replace(b'"v":1', b'"v":2'), MalformedError, id="another version"),
        pytest.param(
            encode_statement(structs.replace(SIGNED, statement=BYTES + b" ")), NotCanonicalError, id="inner space"
        ),
        pytest.param(
            encode_statement(structs.replace(SIGNED, statement=b"{}")), MalformedError, id="another statement"
        ),
        pytest.param(b"\xff", MalformedError, id="noise"),
    ],
)
def test_other_byte_forms_are_refused(data: bytes, error: type[MalformedError]) -> None:
    with pytest.raises(error):
        parse_statement(data, Act)


def test_no_changed_byte_ever_passes() -> None:
    data = encode_statement(SIGNED)
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 7
        try:
            _, signed = parse_statement(bytes(changed), Act)
            assert _verify(signed)[0] is not Indication.TOTAL_PASSED, f"byte {at}"
        except MalformedError:
            continue
