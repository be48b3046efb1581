"""Packing: what goes in comes out, what is missing is named, and nothing secret or half-made stays behind."""

import io
import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from bidding_world import (
    BIDDERS,
    FIELDS,
    NOON,
    Packed,
    Section,
    Wallet,
    World,
    device_key,
    make_random,
    make_request,
    make_section,
    pack,
)
from msgspec.structs import replace as changed

from bidding.bundle import parse_bundle
from bidding.faults import (
    ChangedDocumentError,
    IncompleteBidError,
    RecipientError,
    RecoveryCodeError,
    RehearsalError,
)
from bidding.params import encode_params
from bidding.recovery import format_code, make_code, parse_code, recovery_key
from bidding.unsealing import open_document, open_file_manifest, open_readout, open_stage, unlock_stage
from bidding.workbench.contents import PlainDocument, PlainPart, PlainStage
from bidding.workbench.packing import PackRequest, complete_bundle, prepare_bundle
from bidding.workbench.recipients import DeviceCertificate, DeviceKey, accept_device, unwrap_by_code
from identity.ports import Device
from signing.digests import sm3
from signing.envelope import CHUNK, unwrap_half
from signing.errors import BadSignatureError, TimestampError
from signing.statement import prepare_statement

BIDDER = BIDDERS[0]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def section() -> Section:
    return make_section()


@pytest.fixture(scope="module")
def packed(world: World, section: Section, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack(world, section, tmp_path_factory.mktemp("packed"))


def prepare(request: PackRequest, folder: Path, wallet: Wallet | None = None) -> None:
    wallet = wallet or Wallet({"D1": device_key(BIDDER)})
    prepare_bundle(request, folder / "x.draft", rehearser=wallet, random=make_random("x"), at=NOON)


def test_what_goes_in_comes_out(packed: Packed, section: Section, tmp_path: Path) -> None:
    with packed.file.path.open("rb") as stream:
        bundle = parse_bundle(stream, packed.file.size)
        for number in (1, 2):
            stage = bundle.header.stage(number)
            k_t = unwrap_half(section.officer[number], stage.officer_wrap)
            k_b = unwrap_by_code(stage.wraps[1], packed.prepared.recovery_code)
            assert k_b == unwrap_half(packed.wallet.keys["D1"], stage.wraps[0].wrap)
            opened = open_stage(bundle, stream, number, k_t, k_b, params=section.params, folder=tmp_path)
            assert opened.blame is None
            assert opened.rewrapped is True
            assert opened.readout is not None
            assert {f.id: f.value for f in opened.readout.fields} == FIELDS[number]
            assert [path.read_bytes() for _, path in opened.documents] == [packed.documents[number]]
            assert opened.documents[0][0].name == f"文件{number}.pdf"


def test_the_file_is_named_by_its_digest(packed: Packed) -> None:
    assert packed.file.sm3 == sm3(packed.data).hex()
    assert packed.file.size == len(packed.data)


def test_header_tells_no_names_sizes_or_pages(packed: Packed) -> None:
    bundle = parse_bundle(io.BytesIO(packed.data), packed.file.size)
    text = bundle.label.header
    assert "文件".encode() not in text
    assert b"1234567" not in packed.data
    assert b"3000" not in text
    assert bundle.header.strict


def test_nothing_else_stays_behind(world: World, section: Section, tmp_path: Path) -> None:
    pack(world, section, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".pdf", ".ytb"}


def test_two_bundles_of_one_bid_share_no_secret(world: World, section: Section, tmp_path: Path) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    wallet = Wallet({"D1": device_key(BIDDER)})
    two = [
        prepare_bundle(request, tmp_path / f"{i}.draft", rehearser=wallet, random=make_random(f"{i}"), at=NOON)
        for i in range(2)
    ]
    assert two[0].header_sm3 != two[1].header_sm3
    assert two[0].recovery_code != two[1].recovery_code


@pytest.mark.parametrize("size", [1, CHUNK - 41, CHUNK - 40, CHUNK, 2 * CHUNK + 1], ids=str)
def test_lengths_around_chunks(world: World, tmp_path: Path, size: int) -> None:
    section = make_section("one", stages=1)
    packed = pack(world, section, tmp_path, size=size)
    with packed.file.path.open("rb") as stream:
        bundle = parse_bundle(stream, packed.file.size)
        stage = bundle.header.stage(1)
        k_t = unwrap_half(section.officer[1], stage.officer_wrap)
        keys = unlock_stage(bundle, 1, k_t, unwrap_half(packed.wallet.keys["D1"], stage.wraps[0].wrap))
        assert open_readout(bundle, stream, keys, section.params).value("price") == "1234567.00"
        document = open_file_manifest(bundle, stream, keys).documents[0]
        assert open_document(bundle, stream, keys, document, tmp_path).read_bytes() == packed.documents[1]


def test_an_escrowed_recipient_is_a_named_downgrade(world: World, section: Section, tmp_path: Path) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    escrowed = world.encryption(BIDDER)
    wallet = Wallet({"D1": device_key(BIDDER)})
    request = replace(request, escrowed=escrowed.certificate)
    prepared = prepare_bundle(request, tmp_path / "d", rehearser=wallet, random=make_random("e"), at=NOON)
    signature = world.units[BIDDER].sign(prepared.attributes)
    file = complete_bundle(prepared, signature, world.stamp(signature), tmp_path / "e.ytb")
    with file.path.open("rb") as stream:
        header = parse_bundle(stream, file.size).header
    assert not header.strict
    assert [wrap.kind for wrap in header.stages[0].wraps] == ["device", "licence-encryption", "recovery"]


def without_document(request: PackRequest) -> PackRequest:
    return replace(request, stages=(replace(request.stages[0], documents=()), request.stages[1]))


def with_item(request: PackRequest, item: str) -> PackRequest:
    document = replace(request.stages[0].documents[0], item=item)
    return replace(request, stages=(replace(request.stages[0], documents=(document,)), request.stages[1]))


def with_values(request: PackRequest, **values: str) -> PackRequest:
    return replace(request, stages=(request.stages[0], replace(request.stages[1], values=values)))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        pytest.param(lambda r: replace(r, stages=r.stages[:1]), "阶段", id="a stage missing"),
        pytest.param(without_document, "文件 1", id="a mandatory item missing"),
        pytest.param(lambda r: with_item(r, "doc-9"), "doc-9", id="an unknown item"),
        pytest.param(lambda r: with_item(r, "doc-2"), "doc-2", id="an item of another stage"),
        pytest.param(lambda r: with_values(r, note="x"), "投标报价", id="no price"),
        pytest.param(lambda r: with_values(r, price="1,000", note="x"), "投标报价", id="a price with commas"),
        pytest.param(lambda r: with_values(r, price="1.5", note="x"), "投标报价", id="a price with one place"),
        pytest.param(lambda r: with_values(r, price="1.50", note="a\nb"), "备注", id="a line break"),
        pytest.param(lambda r: with_values(r, price="1.50", note="x", bonus="y"), "bonus", id="an unknown field"),
    ],
)
def test_an_incomplete_bid_is_named(world: World, section: Section, tmp_path: Path, change: object, word: str) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    with pytest.raises(IncompleteBidError, match=word):
        prepare(change(request), tmp_path)  # type: ignore[operator]
    assert not (tmp_path / "x.draft").exists()


@pytest.mark.parametrize("content", [pytest.param(b"", id="empty"), pytest.param(None, id="missing")])
def test_a_document_that_cannot_be_packed(
    world: World, section: Section, tmp_path: Path, content: bytes | None
) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    path = request.stages[0].documents[0].path
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(IncompleteBidError, match="文件1"):
        prepare(request, tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"pages": 0}, id="no pages"),
        pytest.param({"name": "n" * 201}, id="a name too long"),
    ],
)
def test_what_the_opening_would_refuse_is_refused_before(
    world: World, section: Section, tmp_path: Path, fields: dict[str, object]
) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    document = replace(request.stages[0].documents[0], **fields)  # type: ignore[arg-type]
    stages = (replace(request.stages[0], documents=(document,)), request.stages[1])
    with pytest.raises(IncompleteBidError):
        prepare(replace(request, stages=stages), tmp_path)


def test_a_bundle_over_the_sections_limit(world: World, tmp_path: Path) -> None:
    section = make_section("one", stages=1)
    request = make_request(world, section, tmp_path, BIDDER, size=1 << 20)
    params = encode_params(changed(section.params, max_bundle=1 << 20))
    with pytest.raises(IncompleteBidError, match="上限"):
        prepare(replace(request, params=params), tmp_path)
    assert not (tmp_path / "x.draft").exists()


def test_one_device_named_twice(world: World, section: Section, tmp_path: Path) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    with pytest.raises(RecipientError):
        prepare(replace(request, devices=request.devices * 2), tmp_path)
    assert not (tmp_path / "x.draft").exists()


def test_recipients_are_two_at_least(world: World, section: Section, tmp_path: Path) -> None:
    with pytest.raises(RecipientError):
        prepare(replace(make_request(world, section, tmp_path, BIDDER), devices=()), tmp_path)


def test_a_signing_certificate_is_no_encryption_certificate(world: World, section: Section, tmp_path: Path) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    with pytest.raises(RecipientError):
        prepare(replace(request, escrowed=request.certificate), tmp_path)


def test_another_units_certificate(world: World, section: Section, tmp_path: Path) -> None:
    request = replace(make_request(world, section, tmp_path, BIDDER), certificate=world.units[BIDDERS[1]].certificate)
    with pytest.raises(RecipientError):
        prepare(request, tmp_path)


def test_a_device_that_cannot_open_is_found_before_anything_is_written(
    world: World, section: Section, tmp_path: Path
) -> None:
    class Dead:
        def rehearse(self, device: str, wrap: bytes) -> str:
            return sm3(b"rehearse", device.encode(), wrap).hex()

    request = make_request(world, section, tmp_path, BIDDER)
    with pytest.raises(RehearsalError, match="D1"):
        prepare_bundle(request, tmp_path / "x.draft", rehearser=Dead(), random=make_random("x"), at=NOON)
    assert not (tmp_path / "x.draft").exists()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"changed, and longer than before" * 200, id="longer"),
        pytest.param(b"short", id="shorter"),
        pytest.param(b"x" * 3000, id="same length"),
    ],
)
def test_a_document_changed_between_the_passes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(content)
    with pytest.raises(ChangedDocumentError):
        list(PlainPart("document", path, 3000, sm3(b"y" * 3000)).chunks())


def test_a_changed_document_leaves_no_draft(world: World, section: Section, tmp_path: Path) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    path = request.stages[1].documents[0].path

    class Meddler(Wallet):
        def rehearse(self, device: str, wrap: bytes) -> str:
            path.write_bytes(b"other")
            return super().rehearse(device, wrap)

    with pytest.raises(ChangedDocumentError):
        prepare(request, tmp_path, Meddler({"D1": device_key(BIDDER)}))
    assert not (tmp_path / "x.draft").exists()


def test_completion_takes_only_what_belongs_to_the_draft(world: World, section: Section, tmp_path: Path) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    wallet = Wallet({"D1": device_key(BIDDER)})
    draft = tmp_path / "x.draft"
    prepared = prepare_bundle(request, draft, rehearser=wallet, random=make_random("x"), at=NOON)
    before = draft.read_bytes()
    signature = world.units[BIDDER].sign(prepared.attributes)
    other = world.units[BIDDERS[1]].sign(prepared.attributes)
    with pytest.raises(BadSignatureError):
        complete_bundle(prepared, other, world.stamp(other), tmp_path / "x.ytb")
    with pytest.raises(TimestampError):
        complete_bundle(prepared, signature, world.stamp(other), tmp_path / "x.ytb")
    assert draft.read_bytes() == before
    assert not (tmp_path / "x.ytb").exists()
    file = complete_bundle(prepared, signature, world.stamp(signature), tmp_path / "x.ytb")
    assert file.path.exists()
    assert not draft.exists()


def test_secrets_hide_from_repr(packed: Packed) -> None:
    assert packed.prepared.recovery_code not in repr(packed.prepared)


def test_recovery_code_of_zeros_and_of_ones() -> None:
    assert format_code(bytes(20)) == "0000-0000-0000-0000-0000-0000-0000-0000-0"
    assert parse_code(format_code(b"\xff" * 20)) == b"\xff" * 20


def test_recovery_codes_are_read_as_people_write_them() -> None:
    code = format_code(bytes.fromhex("0020408104 0c20408104 0c20408104 0c20408104"))
    assert parse_code(code.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == parse_code(code)


def test_every_wrong_character_and_every_swap_is_noticed() -> None:
    code = make_code(make_random("code"))
    plain = code.replace("-", "")
    wrong = {
        plain[:i] + char + plain[i + 1 :]
        for i, char in itertools.product(range(len(plain)), "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
    } | {plain[:i] + plain[i + 1] + plain[i] + plain[i + 2 :] for i in range(len(plain) - 1)}
    for text in wrong - {plain}:
        with pytest.raises(RecoveryCodeError):
            parse_code(text)


@pytest.mark.parametrize("text", ["", "0000", "0" * 34, "U" * 33, "零" * 33, "0" * 32 + "\u0131"])
def test_codes_that_are_none(text: str) -> None:
    with pytest.raises(RecoveryCodeError):
        parse_code(text)


def test_the_recovery_key_depends_on_code_and_salt() -> None:
    code, other = make_code(make_random("a")), make_code(make_random("b"))
    keys = {recovery_key(c, salt).public.point for c in (code, other) for salt in (b"1" * 16, b"2" * 16)}
    assert len(keys) == 4
    assert recovery_key(code, b"1" * 16) == recovery_key(code.lower(), b"1" * 16)


def test_the_code_of_another_bundle(packed: Packed) -> None:
    wrap = parse_bundle(io.BytesIO(packed.data), packed.file.size).header.stages[0].wraps[1]
    with pytest.raises(RehearsalError):
        unwrap_by_code(wrap, make_code(make_random("other")))


def device(world: World, signer: str, **fields: object) -> Device:
    point = device_key(BIDDER).public.point
    word = changed(DeviceCertificate(1, BIDDER, "D1", point, NOON), **fields)
    return Device("D1", point, world.units[signer].state(prepare_statement(word)))


@pytest.mark.parametrize(
    ("signer", "fields", "ok"),
    [
        pytest.param(BIDDER, {}, True, id="good"),
        pytest.param(BIDDERS[1], {}, False, id="certified by another unit"),
        pytest.param(BIDDER, {"uscc": BIDDERS[1]}, False, id="of another unit"),
        pytest.param(BIDDER, {"device": "D2"}, False, id="another device"),
        pytest.param(BIDDER, {"public_key": device_key(BIDDERS[1]).public.point}, False, id="another key"),
    ],
)
def test_accepting_a_device(world: World, signer: str, fields: dict[str, object], ok: bool) -> None:
    trust = {"anchors": world.anchors, "evidence": world.evidence, "at": NOON}
    if ok:
        assert isinstance(accept_device(device(world, signer, **fields), uscc=BIDDER, **trust), DeviceKey)  # type: ignore[arg-type]
        return
    with pytest.raises(RecipientError):
        accept_device(device(world, signer, **fields), uscc=BIDDER, **trust)  # type: ignore[arg-type]


def test_optional_items_and_several_documents(world: World, section: Section, tmp_path: Path) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    first = request.stages[0]
    again = PlainDocument("doc-1", "文件1 附件.pdf", first.documents[0].path, 1, ())
    stage = PlainStage(1, first.values, (*first.documents, again), ())
    prepare(replace(request, stages=(stage, request.stages[1])), tmp_path)


def test_params_of_another_section_change_the_header(world: World, section: Section, tmp_path: Path) -> None:
    request = make_request(world, section, tmp_path, BIDDER)
    other = replace(request, params=encode_params(changed(section.params, version=2)))
    wallet = Wallet({"D1": device_key(BIDDER)})
    two = [
        prepare_bundle(r, tmp_path / "x.draft", rehearser=wallet, random=make_random("x"), at=NOON)
        for r in (request, other)
    ]
    assert two[0].header_sm3 != two[1].header_sm3
