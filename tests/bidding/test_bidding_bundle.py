"""Bundles: one form only, every changed byte noticed, and blame that follows from the bytes (trust.md A.5)."""

import base64
import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from bidding_world import (
    BIDDERS,
    DAY,
    NOON,
    Packed,
    Section,
    Signer,
    World,
    device_key,
    make_random,
    make_request,
    make_section,
    pack,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from bidding.bundle import (
    ESCROWED,
    Bundle,
    parse_bundle,
    parse_label,
    require_section,
    verify_bundle,
    verify_entries,
    verify_label,
)
from bidding.bundle_header import Header, Label, Part, StageHeader, h0_sm3, h1_sm3, padded_size, parse_header
from bidding.errors import BiddingError, MalformedBundleError, WrongSectionError
from bidding.faults import Fault, StageFaultError
from bidding.lids import OfficerFault
from bidding.params import encode_params
from bidding.unsealing import _unframe, open_stage, unlock_stage
from bidding.workbench import packing
from bidding.workbench.contents import PlainPart
from bidding.workbench.packing import PreparedBundle, complete_bundle
from bidding.workbench.recipients import DeviceKey, Recipients
from bidding.workbench.sealing_stage import Named, SealedStage, seal_stage
from signing import canonical, cms, container
from signing.checks import Indication
from signing.container import ContainerWriter
from signing.digests import sm3
from signing.envelope import (
    commit_cek,
    commit_document,
    derive_cek,
    part_key,
    unwrap_half,
    wrap_half,
    wrap_officer_half,
)
from signing.sm2 import PublicKey

BIDDER = BIDDERS[0]
WORLD = World()
SECTION = make_section()
TRUST: dict[str, Any] = {"anchors": WORLD.anchors, "evidence": WORLD.evidence, "at": NOON}


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack(WORLD, SECTION, tmp_path_factory.mktemp("bundle"), size=100)


def parse(data: bytes) -> Bundle:
    return parse_bundle(io.BytesIO(data), len(data))


def judge(data: bytes, params: bytes | None = None) -> Indication:
    return verify_bundle(parse(data), io.BytesIO(data), params=params, **TRUST).indication


def contents(data: bytes) -> dict[str, bytes]:
    stream = io.BytesIO(data)
    return {e.name: container.read_entry(stream, e, limit=1 << 30) for e in parse(data).entries}


def rebuild(entries: Mapping[str, bytes]) -> bytes:
    """Answer a container whose ZIP is perfect, whatever is in it."""
    stream = io.BytesIO()
    writer = ContainerWriter(stream)
    for name, content in entries.items():
        writer.add(name, [content])
    writer.finish()
    return stream.getvalue()


def rejected(data: bytes) -> bool:
    try:
        return judge(data) is not Indication.TOTAL_PASSED
    except MalformedBundleError:
        return True


# Judging


def test_a_good_bundle_passes(packed: Packed) -> None:
    assert judge(packed.data, SECTION.data) is Indication.TOTAL_PASSED
    assert judge(packed.data) is Indication.TOTAL_PASSED


def test_everything_asked_has_a_name(packed: Packed) -> None:
    verdict = verify_bundle(parse(packed.data), io.BytesIO(packed.data), params=SECTION.data, **TRUST)
    names = [one.name for one in verdict.checks]
    assert names[:7] == ["container", "entries", "section", "recipients", "header", "bidder", "timestamp"]


def other_key() -> bytes:
    stages = (changed(SECTION.params.stages[0], opening_key=device_key("x").public.point), SECTION.params.stages[1])
    return encode_params(changed(SECTION.params, stages=stages))


@pytest.mark.parametrize(
    "params",
    [
        pytest.param(make_section("other", "S-2").data, id="another section"),
        pytest.param(encode_params(changed(SECTION.params, version=2)), id="another version"),
        pytest.param(other_key(), id="another opening key"),
        pytest.param(b"{}", id="no parameters"),
    ],
)
def test_another_section_is_refused(packed: Packed, params: bytes) -> None:
    bundle = parse(packed.data)
    assert verify_label(bundle.label, params=params, **TRUST).failed == ["section"]
    with pytest.raises(WrongSectionError):
        require_section(bundle.header, params)


def test_its_own_section_is_not(packed: Packed) -> None:
    require_section(parse(packed.data).header, SECTION.data)


def signed_by(packed: Packed, signer: Signer, *, token: bool = True) -> Label:
    """Answer the bundle's label with another signature over the same manifest."""
    label = parse(packed.data).label
    attributes = cms.prepare_detached(sm3(label.manifest), signer.certificate, NOON)
    signature = signer.sign(attributes)
    stamp = WORLD.stamp(signature) if token else None
    return changed(label, signature=cms.complete_detached(attributes, signer.certificate, (), signature, stamp))


@pytest.mark.parametrize(
    ("label", "failed"),
    [
        pytest.param(lambda p: signed_by(p, WORLD.units[BIDDERS[1]]), ["bidder"], id="another unit"),
        pytest.param(
            lambda p: signed_by(p, WORLD.issue("张三", uscc=BIDDER, person="P0123456789ab")),
            ["bidder"],
            id="a person of the unit",
        ),
        pytest.param(lambda p: signed_by(p, WORLD.units[BIDDER], token=False), ["timestamp"], id="no timestamp"),
        pytest.param(lambda p: signed_by(p, WORLD.units[BIDDER]), [], id="signed again by the unit"),
    ],
)
def test_who_signed(packed: Packed, label: Callable[[Packed], Label], failed: list[str]) -> None:
    assert verify_label(label(packed), params=None, **TRUST).failed == failed


def test_an_unknown_authority_is_indeterminate(packed: Packed) -> None:
    nobody = replace(WORLD.anchors, anchors=())
    verdict = verify_label(parse(packed.data).label, params=None, anchors=nobody, evidence=WORLD.evidence, at=NOON)
    assert verdict.indication is Indication.INDETERMINATE


def test_years_later_the_timestamp_still_holds(packed: Packed) -> None:
    late = {**TRUST, "at": NOON + 3650 * DAY}
    assert verify_label(parse(packed.data).label, params=None, **late).indication is Indication.TOTAL_PASSED


# Changed bytes


def test_every_changed_byte_outside_the_parts_is_noticed(packed: Packed) -> None:
    data = packed.data
    parts = {at for e in parse(data).entries[2:-2] for at in range(e.offset, e.end)}
    for at in set(range(len(data))) - parts:
        changed_data = bytearray(data)
        changed_data[at] ^= 0x20 if chr(data[at]).isalpha() else 1
        with pytest.raises(MalformedBundleError):
            parse(bytes(changed_data))


def test_changed_bytes_of_parts_are_noticed(packed: Packed) -> None:
    bundle = parse(packed.data)
    for entry in bundle.entries[2:-2]:
        for at in range(entry.offset, entry.end, 37):
            data = bytearray(packed.data)
            data[at] ^= 1
            assert verify_entries(bundle, io.BytesIO(bytes(data))).failed == ["entries"]


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("mimetype", 1),
        ("header.json", 9),
        ("stage-1/part-1.bin", 40),
        ("stage-2/part-3.bin", 40),
        (container.MANIFEST_NAME, 7),
        (container.SIGNATURE_NAME, 11),
    ],
)
def test_a_changed_byte_under_a_perfect_zip_is_noticed(packed: Packed, name: str, step: int) -> None:
    whole = contents(packed.data)
    for at in range(0, len(whole[name]), step):
        content = bytearray(whole[name])
        content[at] ^= 0x20 if chr(content[at]).isalpha() else 1
        assert rejected(rebuild({**whole, name: bytes(content)})), at


def test_entries_of_another_bundle_are_noticed(packed: Packed, tmp_path: Path) -> None:
    other = contents(pack(WORLD, SECTION, tmp_path, BIDDERS[1], size=100).data)
    whole = contents(packed.data)
    for name in whole:
        if name != "mimetype":
            assert rejected(rebuild({**whole, name: other[name]})), name
    assert rejected(rebuild({**other, "header.json": whole["header.json"]}))


# The one form


def edit(packed: Packed, change: Callable[[Header], Header]) -> bytes:
    return canonical.encode(change(parse(packed.data).header))


def in_stage(change: Callable[[StageHeader], StageHeader]) -> Callable[[Header], Header]:
    return lambda header: changed(header, stages=(change(header.stages[0]), *header.stages[1:]))


def in_base(**fields: Any) -> Callable[[Header], Header]:
    return in_stage(lambda stage: changed(stage, base=changed(stage.base, **fields)))


def in_parts(change: Callable[[tuple[Part, ...]], tuple[Part, ...]]) -> Callable[[Header], Header]:
    return in_stage(lambda stage: changed(stage, base=changed(stage.base, parts=change(stage.base.parts))))


def in_wrap(**fields: Any) -> Callable[[Header], Header]:
    return in_stage(lambda stage: changed(stage, wraps=(changed(stage.wraps[0], **fields), *stage.wraps[1:])))


OFF_CURVE = b"\x04" + bytes(63) + b"\x01"
SHORT_WRAP = wrap_half(device_key("x").public, b"y" * 32, make_random("w"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda h: changed(h, stages=h.stages[::-1]), id="stages in another order"),
        pytest.param(lambda h: changed(h, stages=h.stages[1:]), id="no first stage"),
        pytest.param(lambda h: changed(h, stages=(h.stages[0], h.stages[0])), id="a stage twice"),
        pytest.param(lambda h: changed(h, bidder=BIDDERS[1]), id="header and stage name two bidders"),
        pytest.param(in_base(section="S-9"), id="a stage of another section"),
        pytest.param(in_base(opening_key=OFF_CURVE), id="opening key off the curve"),
        pytest.param(in_base(ckt="0" * 63), id="a short commitment"),
        pytest.param(in_base(ckt="A" * 64), id="a commitment in capitals"),
        pytest.param(in_parts(lambda p: p[:1]), id="one part"),
        pytest.param(in_parts(lambda p: (p[1], p[0], *p[2:])), id="parts in another order"),
        pytest.param(in_parts(lambda p: (p[0], changed(p[1], kind="document"), p[2])), id="no manifest"),
        pytest.param(in_parts(lambda p: (*p[:2], changed(p[2], kind="manifest"))), id="two manifests"),
        pytest.param(in_parts(lambda p: (*p[:2], changed(p[2], id="part-4"))), id="a gap"),
        pytest.param(in_parts(lambda p: (*p[:2], changed(p[2], padded=145))), id="not a length class"),
        pytest.param(in_parts(lambda p: (*p[:2], changed(p[2], padded=39))), id="shorter than its frame"),
        pytest.param(in_parts(lambda p: (changed(p[0], padded=1 << 20), *p[1:])), id="a readout of 1 MiB"),
        pytest.param(in_stage(lambda s: changed(s, wraps=s.wraps[:1])), id="one recipient"),
        pytest.param(in_stage(lambda s: changed(s, wraps=s.wraps[::-1])), id="recipients in another order"),
        pytest.param(in_stage(lambda s: changed(s, wraps=(s.wraps[0],) * 2)), id="a recipient twice"),
        pytest.param(in_stage(lambda s: changed(s, officer_wrap=s.wraps[0].wrap)), id="one C1 twice"),
        pytest.param(in_stage(lambda s: changed(s, officer_wrap=s.officer_wrap + b"\0")), id="a byte after a wrap"),
        pytest.param(in_wrap(wrap=b""), id="an empty wrap"),
        pytest.param(in_wrap(wrap=SHORT_WRAP[:-1]), id="a wrap cut short"),
        pytest.param(in_wrap(public_key=OFF_CURVE), id="a recipient off the curve"),
        pytest.param(in_wrap(salt=b"1" * 16), id="a salt for a device"),
        pytest.param(in_wrap(kind="somebody"), id="an unknown kind of recipient"),
        pytest.param(lambda h: changed(h, suite="INTL"), id="another suite"),
        pytest.param(lambda h: changed(h, v=2), id="another version"),
    ],
)
def test_headers_that_are_refused(packed: Packed, change: Callable[[Header], Header]) -> None:
    with pytest.raises(MalformedBundleError):
        parse_header(edit(packed, change))


def test_the_header_itself_is_accepted(packed: Packed) -> None:
    assert parse_header(edit(packed, lambda header: header)) == parse(packed.data).header


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda data: b" " + data, id="a blank before"),
        pytest.param(lambda data: data.replace(b'"v":1}', b'"v":1,"w":2}'), id="an unknown field"),
        pytest.param(lambda data: data.replace(b'"v":1}', b'"v":1,"v":1}'), id="a field twice"),
        pytest.param(lambda data: data.replace(b'"section"', b'"\\u0073ection"'), id="an escape"),
        pytest.param(lambda data: data[:-1], id="cut short"),
        pytest.param(lambda _: b"[" * 100_000, id="deep"),
        pytest.param(lambda data: data + b" " * (1 << 18), id="too long"),
        pytest.param(lambda _: b"\xff\xfe", id="not UTF-8"),
    ],
)
def test_other_spellings_of_the_header_are_refused(packed: Packed, spell: Callable[[bytes], bytes]) -> None:
    with pytest.raises(MalformedBundleError):
        parse_header(spell(parse(packed.data).label.header))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda c: {**c, "extra.bin": b""}, id="an entry after the signature"),
        pytest.param(lambda c: dict(reversed(c.items())), id="reversed"),
        pytest.param(lambda c: {k: v for k, v in c.items() if k != "stage-2/part-3.bin"}, id="a part missing"),
        pytest.param(lambda c: {**c, "stage-1/part-1.bin": c["stage-1/part-1.bin"] + b"x"}, id="a part too long"),
        pytest.param(lambda c: {**c, container.SIGNATURE_NAME: b""}, id="no signature"),
        pytest.param(lambda c: {**c, container.SIGNATURE_NAME: b"0" * 70_000}, id="a signature too long"),
        pytest.param(lambda c: {**c, container.MANIFEST_NAME: b""}, id="no manifest"),
        pytest.param(lambda c: {"mimetype": c["mimetype"]}, id="a mimetype alone"),
        pytest.param(lambda c: {k: c[k] for k in list(c)[:3]}, id="three entries"),
    ],
)
def test_containers_that_are_refused(packed: Packed, change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> None:
    with pytest.raises(MalformedBundleError):
        parse(rebuild(change(contents(packed.data))))


@pytest.mark.parametrize("cut", [0, 1, 97, 98, 99, 1000, 10_000])
def test_truncated_files_are_refused(packed: Packed, cut: int) -> None:
    with pytest.raises(MalformedBundleError):
        parse(packed.data[:cut])
    with pytest.raises(MalformedBundleError):
        parse(packed.data[: -cut - 1])


@settings(max_examples=150)
@given(edits=st.lists(st.tuples(st.integers(0, 1 << 14), st.binary(min_size=1, max_size=12)), max_size=5))
def test_random_damage_raises_nothing_else(packed: Packed, edits: list[tuple[int, bytes]]) -> None:
    data = bytearray(packed.data)
    for at, piece in edits:
        data[at % len(data) : at % len(data) + len(piece)] = piece
    with contextlib.suppress(MalformedBundleError):
        parse(bytes(data))


@settings(max_examples=150)
@given(
    name=st.sampled_from(["header.json", container.MANIFEST_NAME, container.SIGNATURE_NAME]),
    at=st.integers(0, 1 << 13),
    piece=st.binary(max_size=8),
    drop=st.integers(0, 8),
)
def test_random_damage_under_a_perfect_zip_raises_nothing_else(
    packed: Packed, name: str, at: int, piece: bytes, drop: int
) -> None:
    whole = contents(packed.data)
    content = whole[name]
    content = content[: at % len(content)] + piece + content[at % len(content) + drop :]
    with contextlib.suppress(MalformedBundleError):
        parse(rebuild({**whole, name: content}))


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedBundleError):
        parse(data)


def test_a_label_is_judged_without_the_file(packed: Packed) -> None:
    label = parse(packed.data).label
    sent = canonical.decode(canonical.encode(label), Label)
    assert parse_label(sent) == parse(packed.data).header
    assert verify_label(sent, params=SECTION.data, **TRUST).indication is Indication.TOTAL_PASSED


def test_only_one_recipient_of_their_own_is_too_few(packed: Packed) -> None:
    header = parse(packed.data).header
    stages = tuple(
        changed(s, wraps=(s.wraps[0], changed(s.wraps[1], kind="licence-encryption", id="01", salt=b"")))
        for s in header.stages
    )
    data = canonical.encode(changed(header, stages=stages))
    verdict = verify_label(changed(parse(packed.data).label, header=data), params=None, **TRUST)
    assert "recipients" in verdict.failed
    assert verdict.warnings == (ESCROWED,)


# The bytes are those of the specification: an independent reading of docs/format/bundle.md


def test_commitments_and_keys_by_the_specification(packed: Packed) -> None:
    header = parse(packed.data).header
    stage = header.stages[0]
    k_b = packed.wallet.keys["D1"]
    assert h0_sm3(stage.base) == sm3(canonical.encode(stage.base))
    text = b'{"base":' + canonical.encode(stage.base) + b',"ccek":"' + stage.ccek.encode() + b'"}'
    assert h1_sm3(stage.base, stage.ccek) == sm3(text)
    assert stage.base.ckb == sm3(b"cKB", unwrap_half(k_b, stage.wraps[0].wrap)).hex()


def test_the_manifest_lists_base64_digests(packed: Packed) -> None:
    whole = contents(packed.data)
    lines = whole[container.MANIFEST_NAME].decode().splitlines()
    assert len(lines) == 4 + len(whole) - 2
    for name, line in zip(list(whole)[:-2], lines[3:-1], strict=True):
        assert f'URI="{name}"' in line
        assert f"<ds:DigestValue>{base64.b64encode(sm3(whole[name])).decode()}</ds:DigestValue>" in line


# Opening and blame


@dataclass(frozen=True)
class Halves:
    k_t: bytes
    k_b: bytes


@dataclass(frozen=True)
class Forged:
    """A bundle made by a bidder whose client does as it likes, and the halves of its first stage."""

    data: bytes
    halves: Halves


Tweak = Callable[[SealedStage, Halves], SealedStage]


def forge(folder: Path, tweak: Tweak) -> Forged:
    """Pack a one-stage bid, letting `tweak` change the sealed stage before it is written and signed."""
    request = make_request(WORLD, ONE, folder, BIDDER, size=100)
    drawn: list[bytes] = []
    stream = make_random("forge")

    def random(count: int) -> bytes:
        drawn.append(stream(count))
        return drawn[-1]

    survey = packing._survey(request, ONE.params)[0]
    recipients = Recipients((DeviceKey("D1", device_key(BIDDER).public),), None, packing.make_code(stream), b"s" * 16)
    named = Named(ONE.params.section, packing.params_sm3(ONE.data), BIDDER)
    sealed = seal_stage(survey, ONE.params.stage(1).opening_key, recipients, named=named, random=random)
    halves = Halves(drawn[0], drawn[1])
    sealed = tweak(sealed, halves)
    header = Header(1, "GM", named.section, named.params_sm3, named.bidder, (sealed.header,))
    draft = folder / "forged.draft"
    entries, manifest = packing._write(draft, header, [sealed])
    attributes = cms.prepare_detached(sm3(manifest), request.certificate, NOON)
    signature = WORLD.units[BIDDER].sign(attributes)
    prepared = PreparedBundle(draft, entries, attributes, request.certificate.der, "", "", entries[-1].end, "")
    file = complete_bundle(prepared, signature, WORLD.stamp(signature), folder / "forged.ytb")
    return Forged(file.path.read_bytes(), halves)


ONE: Section = make_section("one", stages=1)
OTHER = b"o" * 32


def honest(stage: SealedStage, _: Halves) -> SealedStage:
    return stage


def with_header(stage: SealedStage, **fields: Any) -> SealedStage:
    return replace(stage, header=changed(stage.header, **fields))


def other_wrap(stage: SealedStage, _: Halves) -> SealedStage:
    base = stage.header.base
    wrap = wrap_officer_half(PublicKey(base.opening_key), OTHER, h1_sm3(base, stage.header.ccek))
    return with_header(stage, officer_wrap=wrap)


def random_wrap(stage: SealedStage, halves: Halves) -> SealedStage:
    key = PublicKey(stage.header.base.opening_key)
    return with_header(stage, officer_wrap=wrap_half(key, halves.k_t, make_random("vendor")))


def other_cek(stage: SealedStage, halves: Halves) -> SealedStage:
    stage = with_header(stage, ccek=sm3(b"cCEK", b"k" * 16).hex())
    return replace(random_wrap(stage, halves), cek=b"k" * 16)


def garbage_under_the_committed_key(stage: SealedStage, _: Halves) -> SealedStage:
    return replace(stage, cek=b"k" * 16)


def other_salt(stage: SealedStage, _: Halves) -> SealedStage:
    return replace(stage, salts=(OTHER, *stage.salts[1:]))


def with_part(stage: SealedStage, number: int, source: bytes) -> SealedStage:
    """Put other bytes of the same length into a part, with the commitment already made over the first ones."""
    parts = list(stage.parts)
    parts[number] = PlainPart(parts[number].kind, source, len(source), sm3(source))
    return replace(stage, parts=tuple(parts))


def other_readout(stage: SealedStage, _: Halves) -> SealedStage:
    assert isinstance(stage.parts[0].source, bytes)
    return with_part(stage, 0, stage.parts[0].source.replace(b"1234567.00", b"9999999.00"))


SALT = b"s" * 32
GOOD = Part("part-3", "document", 144, commit_document(SALT, sm3(b"m" * 100)).hex())


@pytest.mark.parametrize(
    ("plain", "ok"),
    [
        pytest.param(SALT + (100).to_bytes(8) + b"m" * 100 + bytes(4), True, id="good"),
        pytest.param(SALT + (100).to_bytes(8) + b"m" * 100 + b"\0\0\0\1", False, id="padding is not zero"),
        pytest.param(SALT + (104).to_bytes(8) + b"m" * 100 + bytes(4), False, id="length tells of the padding too"),
        pytest.param(SALT + (99).to_bytes(8) + b"m" * 99 + bytes(5), False, id="another length"),
        pytest.param(SALT + (10).to_bytes(8) + b"m" * 10 + bytes(94), False, id="padded too far"),
        pytest.param(SALT + (1 << 60).to_bytes(8) + b"m" * 100 + bytes(4), False, id="a huge length"),
        pytest.param(b"t" * 32 + (100).to_bytes(8) + b"m" * 100 + bytes(4), False, id="another salt"),
        pytest.param(SALT + (100).to_bytes(8) + b"n" * 100 + bytes(4), False, id="another content"),
    ],
)
def test_the_frame_of_a_part(plain: bytes, ok: bool) -> None:
    cuts = [plain[:60], plain[60:141], plain[141:]]
    if ok:
        assert b"".join(_unframe(iter(cuts), GOOD)) == b"m" * 100
        return
    with pytest.raises(StageFaultError) as raised:
        list(_unframe(iter(cuts), GOOD))
    assert (raised.value.fault, raised.value.code) == (Fault.BIDDER, "COMMITMENT")


@pytest.mark.parametrize(
    ("tweak", "k_t", "k_b", "blame"),
    [
        pytest.param(honest, "k_t", "k_b", None, id="honest"),
        pytest.param(random_wrap, "k_t", "k_b", None, id="another vendor's random wrap"),
        pytest.param(honest, "k_t", None, (Fault.BIDDER, "KB_NONE"), id="phone dead"),
        pytest.param(honest, "k_t", OTHER, (Fault.BIDDER, "KB"), id="another half released"),
        pytest.param(honest, "k_t", b"short", (Fault.BIDDER, "KB"), id="something else released"),
        pytest.param(honest, None, "k_b", (Fault.OFFICER, "KT_NONE"), id="officer silent"),
        pytest.param(honest, OfficerFault("0" * 64, "WRAP"), "k_b", (Fault.UNKNOWN, "WRAP"), id="wrap does not open"),
        pytest.param(honest, OTHER, "k_b", (Fault.UNKNOWN, "KT"), id="officer lies, or the wrap does"),
        pytest.param(honest, None, None, (Fault.BIDDER, "KB_NONE"), id="both missing: the bidder's comes first"),
        pytest.param(other_wrap, OTHER, "k_b", (Fault.BIDDER, "KT"), id="wrap carries another half than committed"),
        pytest.param(other_cek, "k_t", "k_b", (Fault.BIDDER, "CEK"), id="two-key bundle (salamander)"),
        pytest.param(garbage_under_the_committed_key, "k_t", "k_b", (Fault.BIDDER, "CHUNK"), id="body garbage"),
        pytest.param(other_salt, "k_t", "k_b", (Fault.BIDDER, "COMMITMENT"), id="another salt"),
        pytest.param(other_readout, "k_t", "k_b", (Fault.BIDDER, "COMMITMENT"), id="another price than committed"),
    ],
)
def test_blame_is_derived(tmp_path: Path, tweak: Tweak, k_t: Any, k_b: Any, blame: tuple[Fault, str] | None) -> None:
    forged = forge(tmp_path, tweak)
    assert judge(forged.data, ONE.data) is Indication.TOTAL_PASSED  # nobody can see it before the opening
    given_t = forged.halves.k_t if k_t == "k_t" else k_t
    given_b = forged.halves.k_b if k_b == "k_b" else k_b
    opened = open_stage(
        parse(forged.data), io.BytesIO(forged.data), 1, given_t, given_b, params=ONE.params, folder=tmp_path
    )
    assert (opened.blame and (opened.blame.fault, opened.blame.code)) == blame
    if blame is None:
        assert opened.rewrapped is (tweak is honest)
        assert len(opened.documents) == 1
    assert not list(tmp_path.glob("*.part"))


def resealed(stage: SealedStage, halves: Halves, number: int, source: bytes) -> SealedStage:
    """Make the commitment fit other contents too: a client that seals whatever it likes, correctly."""
    stage = with_part(stage, number, source)
    parts = list(stage.header.base.parts)
    cm = commit_document(stage.salts[number], sm3(source)).hex()
    parts[number] = changed(parts[number], cm=cm, padded=padded_size(parts[number].kind, len(source)))
    base = changed(stage.header.base, parts=tuple(parts))
    cek = derive_cek(halves.k_t, halves.k_b, h0_sm3(base))
    stage = with_header(replace(stage, cek=cek), base=base, ccek=commit_cek(cek).hex())
    return random_wrap(stage, halves)


@pytest.mark.parametrize(
    ("number", "change"),
    [
        pytest.param(0, lambda _: b"not JSON", id="readout is not JSON"),
        pytest.param(0, lambda m: m.replace(b'"stage":1', b'"stage":2'), id="readout of another stage"),
        pytest.param(0, lambda m: m.replace(BIDDER.encode(), BIDDERS[1].encode()), id="readout of another bidder"),
        pytest.param(0, lambda m: m.replace(b"1234567.00", b"1,234,567"), id="price ill formed"),
        pytest.param(0, lambda m: m + b" ", id="readout not canonical"),
        pytest.param(1, lambda m: m.replace(b'"part-3"', b'"part-4"'), id="manifest names another part"),
        pytest.param(1, lambda m: m.replace(b'"size":100', b'"size":101'), id="manifest has another size"),
        pytest.param(1, lambda m: m.replace(b'"v":1', b'"v":2'), id="manifest of another version"),
        pytest.param(2, lambda m: m[:-1] + b"x", id="document is not the one of the manifest"),
    ],
)
def test_contents_that_do_not_fit_are_the_bidders(
    tmp_path: Path, number: int, change: Callable[[bytes], bytes]
) -> None:
    def tweak(stage: SealedStage, halves: Halves) -> SealedStage:
        return resealed(stage, halves, number, change(b"".join(stage.parts[number].chunks())))

    forged = forge(tmp_path, tweak)
    opened = open_stage(
        parse(forged.data),
        io.BytesIO(forged.data),
        1,
        forged.halves.k_t,
        forged.halves.k_b,
        params=ONE.params,
        folder=tmp_path,
    )
    assert opened.blame is not None
    assert (opened.blame.fault, opened.blame.code) == (Fault.BIDDER, "CONTENT")


def test_a_changed_blob_is_the_platforms(tmp_path: Path) -> None:
    forged = forge(tmp_path, honest)
    bundle = parse(forged.data)
    data = bytearray(forged.data)
    data[bundle.entries[4].offset + 5] ^= 1
    opened = open_stage(
        bundle, io.BytesIO(bytes(data)), 1, forged.halves.k_t, forged.halves.k_b, params=ONE.params, folder=tmp_path
    )
    assert opened.blame is not None
    assert (opened.blame.fault, opened.blame.code) == (Fault.PLATFORM, "CHUNK")
    assert opened.readout is not None  # what opened before it is kept


def test_a_truncated_blob_is_the_platforms(tmp_path: Path) -> None:
    forged = forge(tmp_path, honest)
    bundle = parse(forged.data)
    stream = io.BytesIO(forged.data[: bundle.entries[4].offset + 5])
    opened = open_stage(bundle, stream, 1, forged.halves.k_t, forged.halves.k_b, params=ONE.params, folder=tmp_path)
    assert opened.blame is not None
    assert opened.blame.fault is Fault.PLATFORM


def test_a_stage_fault_says_whose_and_why(tmp_path: Path) -> None:
    forged = forge(tmp_path, honest)
    with pytest.raises(StageFaultError) as raised:
        unlock_stage(parse(forged.data), 1, forged.halves.k_t, None)
    assert isinstance(raised.value, BiddingError)
    assert (raised.value.fault, raised.value.code) == (Fault.BIDDER, "KB_NONE")


def test_the_readout_key_opens_the_readout_and_nothing_else(tmp_path: Path) -> None:
    forged = forge(tmp_path, honest)
    keys = unlock_stage(parse(forged.data), 1, forged.halves.k_t, forged.halves.k_b)
    assert keys.part_key("part-1") == part_key(keys.cek, "part-1")
    assert len({keys.part_key(f"part-{i}") for i in (1, 2, 3)}) == 3
    assert keys.cek.hex() not in repr(keys)


def test_halves_of_one_stage_open_no_other(packed: Packed) -> None:
    bundle = parse(packed.data)
    first = bundle.header.stage(1)
    k_t = unwrap_half(SECTION.officer[1], first.officer_wrap)
    k_b = unwrap_half(packed.wallet.keys["D1"], first.wraps[0].wrap)
    unlock_stage(bundle, 1, k_t, k_b)
    with pytest.raises(StageFaultError):
        unlock_stage(bundle, 2, k_t, k_b)
