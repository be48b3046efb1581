"""Attacks on containers: what was only stamped is not signed, and lists without end are not read."""

import pytest
from signing_asic_files import manifest
from signing_pki import token
from test_signing_asic import LIST, SIGNATURE, asic_e, asic_s, verify

from signing import der
from signing.checks import Indication
from signing.digests import sm3
from signing.errors import LimitError

SLIPPED, STAMPS, STAMP = "后塞入.pdf", "META-INF/ASiCManifest2.xml", "META-INF/timestamp2.tst"


def test_a_stamped_object_is_not_a_signed_one() -> None:
    listed = manifest({SLIPPED: b"slipped in"}, digest="sm3", signature=STAMP)
    files = asic_e() | {SLIPPED: b"slipped in", STAMPS: listed, STAMP: token(sm3(listed))}
    report = verify(files)
    assert report.indication is Indication.TOTAL_PASSED
    assert report.uncovered == (SLIPPED,)
    assert any(text.startswith("UNCOVERED") for text in report.warnings)


def test_a_stamped_object_without_any_signature() -> None:
    files = {name: data for name, data in asic_s().items() if name != SIGNATURE}
    report = verify(files | {"META-INF/timestamp.tst": token(sm3(b"one"))})
    assert (report.indication, report.uncovered) == (Indication.TOTAL_PASSED, ())


def test_a_token_of_another_form_is_judged_for_what_it_says() -> None:
    """BER lengths around a token are a departure, not a forgery."""
    made = token(sm3(b"one"))
    outer = der.read(made, limit=1 << 16)
    files = {name: data for name, data in asic_s().items() if name != SIGNATURE}
    report = verify(files | {"META-INF/timestamp.tst": b"\x30\x80" + outer.body + b"\0\0"})
    assert report.indication is Indication.TOTAL_PASSED
    assert report.signatures[0].verdict.warnings


@pytest.mark.parametrize("count", [64, 65])
def test_manifests_are_counted(count: int) -> None:
    more = {f"META-INF/ASiCManifest{n}.xml": b"<" for n in range(count - 1)}
    if count == 64:
        assert len(verify(asic_e() | more).signatures) == count
        return
    with pytest.raises(LimitError):
        verify(asic_e() | more)


def test_manifests_are_weighed_together() -> None:
    big = manifest({f"{n}": b"" for n in range(20)}) + b" " * (3 << 20)
    with pytest.raises(LimitError):
        verify(asic_e() | {"META-INF/ASiCManifest2.xml": big, LIST: big})
