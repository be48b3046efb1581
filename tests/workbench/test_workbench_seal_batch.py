"""One batch: every profile and format, through wallet and key service; refusals before anybody is asked."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace as replace_struct
from seal_batch_world import (
    PLACES,
    certified,
    damaged,
    ofd,
    to_seal,
    with_password,
    with_script,
    with_xfa,
    without_pages,
)
from workbench_world import Town, now, pdf

from bidding.errors import SameFileTwiceError, SealChoiceError, SealMissingError, SealPlanError, TooManyToSealError
from bidding.workbench.acting import ActingPorts
from bidding.workbench.seal_batch import MOST_FILES, Batch, BatchFile, FileToSeal, SealBatch, SealOrder, SealProfile
from bidding.workbench.seal_standing import Answers, SealPorts
from identity.errors import PersonNotEntitledError
from sealing.errors import (
    ActivePdfError,
    ClosedOfdError,
    ClosedPdfError,
    FieldError,
    NoPagesError,
    SealCertificateError,
    SealExpiredError,
    SealHolderError,
    SealingError,
    SealNotYetValidError,
    SealStateError,
    SealSuspendedError,
    SignatureRejectedError,
    XfaPdfError,
)
from sealing.ofd import verify_ofd
from sealing.pdf import Act, prepare_acts
from sealing.seal import IssuedSeal, SealKind, SealState
from sealing.verify import verify_pdf
from signing import canonical
from signing.certificates import parse_certificate
from signing.checks import Indication
from signing.errors import KeyServiceRefusedError, MalformedError
from signing.pdf_reading import EncryptedPdfError, NotAPdfError, UnreadablePdfError
from signing.ports import Statement

UNIT = SealKind.UNIT


@pytest.fixture
def ports(town: Town) -> SealPorts:
    outside = town.outside
    acting = ActingPorts(outside.wallet, outside.keys, outside.tsa, outside.register)
    return SealPorts(acting, outside.seals, outside.trust.anchors, now, os.urandom, "本机签章程序")


@pytest.fixture
def batch(ports: SealPorts) -> SealBatch:
    return SealBatch(ports)


def order(town: Town, files: Sequence[FileToSeal], profile: SealProfile = "ses") -> SealOrder:
    return SealOrder(town.actor, UNIT, files, profile=profile)


def passed(town: Town, file: FileToSeal) -> list[str]:
    """Answer the profiles of the signatures of a sealed file, all of which must hold."""
    anchors, judge = town.outside.trust.anchors(), verify_ofd if file.format == "ofd" else verify_pdf
    report = judge(file.target, anchors=anchors, evidence=anchors.evidence, at=now(), expect_uscc=town.bidder.uscc)
    assert report.indication is Indication.TOTAL_PASSED, report
    return [one.profile for one in report.signatures]


@pytest.mark.parametrize(
    ("profile", "form", "reported"),
    [
        pytest.param("ses", "pdf", "SES-v4", id="ses"),
        pytest.param("gm-cms", "pdf", "GM-CMS", id="gm-cms"),
        pytest.param("pades", "pdf", "PAdES-B-T", id="pades"),
        pytest.param("pades-ses", "pdf", "PAdES-B-T+SES-v4", id="pades-ses"),
        pytest.param("ses", "ofd", "SES-v4", id="ofd"),
    ],
)
def test_every_profile_under_one_confirmation(
    *, town: Town, batch: SealBatch, tmp_path: Path, profile: SealProfile, form: str, reported: str
) -> None:
    files = [
        to_seal(tmp_path, f"{number}.{form}", pdf(1, f"{number}") if form == "pdf" else ofd(f"{number}"), form=form)  # type: ignore[arg-type]
        for number in range(2)
    ]
    before = [file.source.read_bytes() for file in files]
    asked = batch.ask(order(town, files, profile))
    assert [line.sm3 for line in asked.record.files] == [one.prepared.document_sm3 for one in asked.files]
    assert batch.finish(asked) is None
    town.confirm(asked.consent.url)
    kept = canonical.decode(canonical.encode(asked), Batch)  # as another process takes it up
    assert batch.finish(kept) is not None
    assert [passed(town, file) for file in files] == [[reported], [reported]]
    assert [file.source.read_bytes() for file in files] == before
    assert town.outside.wallet.fetch_consent(asked.consent.id).state == "used"


def test_a_closed_ofd_takes_no_second_seal(town: Town, batch: SealBatch, tmp_path: Path) -> None:
    first = to_seal(tmp_path, "in.ofd", ofd(), form="ofd", close=True)
    asked = batch.ask(order(town, [first]))
    town.confirm(asked.consent.url)
    batch.finish(asked)
    second = replace(first, source=first.target, target=tmp_path / "twice.ofd")
    with pytest.raises(ClosedOfdError):
        batch.ask(order(town, [second]))
    assert not second.target.exists()


def test_fields_that_were_prepared_take_the_seal(town: Town, batch: SealBatch, tmp_path: Path) -> None:
    source = tmp_path / "in.pdf"
    source.write_bytes(pdf())
    prepare_acts(source, {"unit": PLACES})
    file = FileToSeal("in.pdf", 1, source, tmp_path / "out.pdf", "unit")
    asked = batch.ask(order(town, [file]))
    town.confirm(asked.consent.url)
    batch.finish(asked)
    assert passed(town, file) == ["SES-v4"]
    assert file.target.read_bytes().startswith(source.read_bytes())


def test_two_hundred_files_under_one_confirmation(town: Town, batch: SealBatch, tmp_path: Path) -> None:
    """As many as one consent lists; their statements take more than one request to the key service."""
    files = [to_seal(tmp_path, f"{number}.ofd", ofd(f"{number}"), form="ofd") for number in range(MOST_FILES)]
    with pytest.raises(TooManyToSealError):
        batch.ask(order(town, [*files, to_seal(tmp_path, "one more.ofd", ofd("one more"), form="ofd")]))
    asked = batch.ask(order(town, files))
    assert [line.name for line in asked.record.files] == [file.name for file in files]
    town.confirm(asked.consent.url)
    confirmed = batch.poll(asked)
    once = batch.sign(confirmed)
    assert 0 < sum(not file.signature for file in once.files) < MOST_FILES
    assert once.state == "confirmed"
    done = batch.finish(once)
    assert done is not None
    assert len({file.signature for file in done.files}) == MOST_FILES
    for file in (files[0], files[-1]):
        assert passed(town, file) == ["SES-v4"]


# -- what the wallet refuses


@pytest.mark.parametrize(
    ("profile", "change", "code"),
    [
        pytest.param("gm-cms", lambda found: found, "consent_used", id="once each"),
        pytest.param("gm-cms", lambda _: [Statement("gm-cms", bytes(32))], "digest_not_listed", id="another digest"),
        pytest.param("gm-cms", lambda _: [Statement("gm-cms", b"{}")], "statement_malformed", id="no digest"),
        pytest.param("pades-ses", lambda found: found[1:], "seal_mismatch", id="the message without its seal"),
        pytest.param("pades-ses", lambda found: found[::-1], "seal_mismatch", id="the message before its seal"),
        pytest.param("pades-ses", lambda found: [*found, found[1]], "seal_mismatch", id="the message twice"),
        pytest.param("pades-ses", lambda found: [*found, found[0]], "consent_used", id="the seal twice"),
        pytest.param(
            "pades", lambda found: [Statement("act", found[0].to_be_signed)], "statement_not_allowed", id="as an act"
        ),
    ],
)
def test_only_what_was_shown_is_signed(
    *,
    town: Town,
    batch: SealBatch,
    tmp_path: Path,
    profile: SealProfile,
    change: Callable[[list[Statement]], list[Statement]],
    code: str,
) -> None:
    asked = batch.ask(order(town, [to_seal(tmp_path, "in.pdf", pdf())], profile))
    town.confirm(asked.consent.url)
    confirmed, keys = batch.poll(asked), Recording(batch.ports.acting.keys.sign)
    acting = replace(batch.ports.acting, keys=keys)  # type: ignore[arg-type]
    recorded = SealBatch(replace(batch.ports, acting=acting))
    keys.fetch_certificates = batch.ports.acting.keys.fetch_certificates
    if code == "consent_used" and profile == "gm-cms":
        recorded.sign(confirmed)
    keys.change = change
    with pytest.raises(KeyServiceRefusedError) as refused:
        recorded.sign(confirmed)
    assert refused.value.code == code


class Recording:
    """A key service on the way to which statements are exchanged."""

    def __init__(self, sign: Callable[[str, str, Sequence[Statement]], list[bytes]]) -> None:
        self._sign = sign
        self.change: Callable[[list[Statement]], list[Statement]] = list
        self.fetch_certificates: object = None

    def sign(self, credential: str, consent: str, statements: Sequence[Statement]) -> list[bytes]:
        return self._sign(credential, consent, self.change(list(statements)))


def test_a_message_of_another_consent_is_not_signed(town: Town, batch: SealBatch, tmp_path: Path) -> None:
    """The same document, agreed to twice: the signature says under which consent it was made."""
    source = tmp_path / "in.pdf"
    source.write_bytes(pdf())
    prepare_acts(source, {"unit": PLACES})
    asked = [
        batch.ask(order(town, [FileToSeal("in.pdf", 1, source, tmp_path / f"{n}.pdf", "unit")], "pades")) for n in "ab"
    ]
    for one in asked:
        town.confirm(one.consent.url)
    first, second = (batch.poll(one) for one in asked)
    with pytest.raises(KeyServiceRefusedError) as refused:
        batch.sign(replace_struct(first, signed=second.signed, files=first.files))
    assert refused.value.code == "seal_mismatch"


def test_too_few_signatures_are_none(town: Town, batch: SealBatch, tmp_path: Path) -> None:
    asked = batch.ask(order(town, [to_seal(tmp_path, "in.pdf", pdf())]))
    town.confirm(asked.consent.url)
    keys = Recording(lambda *_: [])
    keys.fetch_certificates = batch.ports.acting.keys.fetch_certificates
    silent = SealBatch(replace(batch.ports, acting=replace(batch.ports.acting, keys=keys)))  # type: ignore[arg-type]
    with pytest.raises(SignatureRejectedError):
        silent.sign(batch.poll(asked))


# -- what is refused before anybody is asked


@dataclass(frozen=True)
class Unasked:
    """A wallet that nobody may ask."""

    def request_consent(self, record: bytes) -> None:
        raise AssertionError(record)


@pytest.fixture
def unasked(ports: SealPorts) -> SealBatch:
    return SealBatch(replace(ports, acting=replace(ports.acting, wallet=Unasked())))  # type: ignore[arg-type]


@pytest.fixture(params=[(), ("good",)], ids=["alone", "behind a good file"])
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[FileToSeal]]:
    good = [to_seal(tmp_path, f"{name}.pdf", pdf(1, name)) for name in request.param]
    yield good
    assert not any(file.target.exists() for file in good)
    assert {path.name for path in tmp_path.iterdir()} <= {"bad.pdf", "bad.ofd", "good.pdf"}


@pytest.mark.parametrize(
    ("data", "form", "error"),
    [
        pytest.param(with_password(), "pdf", EncryptedPdfError, id="password"),
        pytest.param(certified(), "pdf", ClosedPdfError, id="DocMDP 1"),
        pytest.param(damaged(), "pdf", UnreadablePdfError, id="damaged"),
        pytest.param(without_pages(), "pdf", NoPagesError, id="no pages"),
        pytest.param(with_xfa(), "pdf", XfaPdfError, id="XFA"),
        pytest.param(with_script(), "pdf", ActivePdfError, id="script"),
        pytest.param(b"not a PDF", "pdf", NotAPdfError, id="no PDF"),
        pytest.param(b"", "pdf", NotAPdfError, id="empty"),
        pytest.param(b"not an OFD" * 10, "ofd", MalformedError, id="no OFD"),
    ],
)
def test_files_that_cannot_be_sealed(
    *, town: Town, unasked: SealBatch, company: list[FileToSeal], tmp_path: Path, data: bytes, form: str, error: type
) -> None:
    bad = to_seal(tmp_path, f"bad.{form}", data, form=form)  # type: ignore[arg-type]
    with pytest.raises(error) as refused:
        unasked.ask(order(town, [*company, bad]))
    assert refused.value.__notes__ == [bad.name]  # of many files, the error tells which
    assert bad.source.read_bytes() == data


@dataclass(frozen=True)
class Registry:
    """The seal registry with one seal changed."""

    seals: tuple[IssuedSeal, ...]
    state: SealState = SealState.ACTIVE

    def fetch_seals(self, uscc: str) -> tuple[IssuedSeal, ...]:
        del uscc
        return self.seals

    def fetch_state(self, number: str, at: datetime) -> SealState:
        del number, at
        return self.state


def unit_seal(town: Town, uscc: str = "", kind: SealKind = UNIT) -> IssuedSeal:
    return next(one for one in town.outside.seals.fetch_seals(uscc or town.bidder.uscc) if one.kind is kind)


@pytest.mark.parametrize(
    ("registry", "error"),
    [
        pytest.param(lambda _: Registry(()), SealMissingError, id="none"),
        *(
            pytest.param(lambda town, s=state: Registry((replace(unit_seal(town), state=s),)), error, id=f"{state}")
            for state, error in [
                (SealState.SUSPENDED, SealSuspendedError),
                (SealState.EXPIRED, SealExpiredError),
                (SealState.LOST, SealStateError),
                (SealState.CANCELLED, SealStateError),
            ]
        ),
        pytest.param(
            lambda town: Registry((unit_seal(town),), SealState.SUSPENDED), SealSuspendedError, id="suspended just now"
        ),
        pytest.param(lambda town: Registry((unit_seal(town, town.other.uscc),)), SealHolderError, id="someone else's"),
        pytest.param(
            lambda town: Registry((replace(unit_seal(town, kind=SealKind.LEGAL_REPRESENTATIVE), kind=UNIT),)),
            SealCertificateError,
            id="certificate not on its list",
        ),
    ],
)
def test_seals_that_cannot_be_used(
    *, town: Town, unasked: SealBatch, tmp_path: Path, registry: Callable[[Town], Registry], error: type[Exception]
) -> None:
    file = to_seal(tmp_path, "in.pdf", pdf())
    batch = SealBatch(replace(unasked.ports, seals=registry(town)))  # type: ignore[arg-type]
    with pytest.raises(error) as refused:
        batch.ask(order(town, [file]))
    assert type(refused.value) is error
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.source.read_bytes() == pdf()


@pytest.mark.parametrize(
    ("ahead", "error"),
    [
        pytest.param(timedelta(days=-400), SealNotYetValidError, id="not yet valid"),
        pytest.param(timedelta(days=365 * 30), SealExpiredError, id="expired"),
    ],
)
def test_the_period_of_the_seal_itself_counts(town: Town, ahead: timedelta, error: type) -> None:
    """Whatever the registry says: the SESeal's own dates are checked, before anything is written."""
    certificate = town.outside.keys.fetch_certificates(town.bidder.uscc).find("unit").certificate
    with pytest.raises(error):
        Act("seal", unit_seal(town), parse_certificate(certificate), now() + ahead).require_usable()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(lambda one: replace(one, files=()), SealPlanError, id="no file"),
        pytest.param(lambda one: replace(one, files=(*one.files, *one.files)), SealPlanError, id="one target twice"),
        pytest.param(lambda one: replace(one, kind=SealKind.PERSONAL), PersonNotEntitledError, id="a person's seal"),
        pytest.param(lambda one: replace(one, act="record", profile="pades"), SealChoiceError, id="a record's profile"),
    ],
)
def test_orders_that_nobody_can_carry_out(
    *, town: Town, unasked: SealBatch, tmp_path: Path, change: Callable[[SealOrder], SealOrder], error: type[Exception]
) -> None:
    given = order(town, [to_seal(tmp_path, "in.pdf", pdf())])
    with pytest.raises(error):
        unasked.ask(change(given))
    assert len(list(tmp_path.iterdir())) == 1


def test_one_file_twice_is_told(town: Town, unasked: SealBatch, tmp_path: Path) -> None:
    files = [to_seal(tmp_path, f"{name}.ofd", ofd(), form="ofd") for name in "ab"]
    fixed = now()
    batch = SealBatch(replace(unasked.ports, clock=lambda: fixed))
    with pytest.raises(SameFileTwiceError):
        batch.ask(order(town, files))
    assert not any(file.target.exists() for file in files)


def test_a_target_that_is_there_stays(town: Town, unasked: SealBatch, tmp_path: Path) -> None:
    file = to_seal(tmp_path, "in.pdf", pdf())
    file.target.write_bytes(b"somebody's work")
    with pytest.raises(SealPlanError):
        unasked.ask(order(town, [file]))
    assert file.target.read_bytes() == b"somebody's work"


def test_an_ofd_has_one_profile(town: Town, unasked: SealBatch, tmp_path: Path) -> None:
    with pytest.raises(SealChoiceError):
        unasked.ask(order(town, [to_seal(tmp_path, "in.ofd", ofd(), form="ofd")], "pades"))


def test_a_pdf_is_not_closed_by_its_seal(town: Town, unasked: SealBatch, tmp_path: Path) -> None:
    with pytest.raises(SealChoiceError):
        unasked.ask(order(town, [to_seal(tmp_path, "in.pdf", pdf(), close=True)]))


@pytest.mark.parametrize("places", [(), (replace(PLACES[0], page=2),), (replace(PLACES[0], x_mm=190),)], ids=str)
def test_places_that_are_none(town: Town, unasked: SealBatch, tmp_path: Path, places: tuple[object, ...]) -> None:
    file = replace(to_seal(tmp_path, "in.pdf", pdf()), stamps=places)
    with pytest.raises((FieldError, SealingError)):
        unasked.ask(order(town, [file]))
    assert not file.target.exists()


# -- batches that were kept before there were profiles


def test_batches_of_the_first_version_are_read(town: Town, batch: SealBatch, tmp_path: Path) -> None:
    """What is new is left out where it says nothing, so the bytes are those that were always written."""
    asked = batch.ask(order(town, [to_seal(tmp_path, "in.pdf", pdf())]))
    data = canonical.encode(asked)
    for old in (b'"signed":null', b'"statement":""', b'"signature":""', b'"token":""', b'"authorisation":null'):
        assert old in data
    for new in (b"seal_signature", b'"ofd"', b"person_state", b"profile"):
        assert new not in data
    assert canonical.decode(data, Batch) == asked
    for one in (*asked.files, *asked.answers):
        assert canonical.decode(canonical.encode(one), type(one)) == one
    assert {BatchFile, Answers} == {type(asked.files[0]), type(asked.answers[0])}
