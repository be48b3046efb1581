"""The officer's client (开标人客户端): opening keys that never enter a service. docs/format/bundle.md 8.3.

The rules are pure: `verify_release_set` judges what the centre sends, `release_officer_halves` opens for exactly that
set. Around them stand the key folder and the record file, which remembers for ever what was opened for.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from bidding.bundle import parse_label, verify_label
from bidding.bundle_header import Header, Label, Point, ephemeral_points
from bidding.errors import MalformedBundleError, MalformedParamsError
from bidding.faults import KeyFolderError, OfficerRefusedError
from bidding.lids import ClosedSet, FrozenSet, OfficerFault, OfficerHalf, OfficerRelease, StageId, StampedStatement
from bidding.params import SectionParams, params_sm3, parse_params
from identity.people import belongs_to
from signing import canonical
from signing.canonical import Code, Sm3Hex
from signing.certificates import parse_certificate
from signing.checks import Check, SubIndication, Verdict, check
from signing.digests import sm3
from signing.envelope import unwrap_half
from signing.errors import DecryptionError, MalformedError, UnsupportedAlgorithmError, VerdictError
from signing.keystore import load_key, save_key
from signing.path import Purpose, RevocationEvidence, TrustAnchors
from signing.sm2 import PrivateKey, generate
from signing.statement import SignedStatement, parse_statement, verify_statement
from signing.timestamps import parse_token, verify_token

RECORD_FILE: Final = "opened.json"
PUBLIC_FILE: Final = "opening-keys.json"


# Keys


class OpeningKey(Struct, frozen=True, forbid_unknown_fields=True):
    """The public half of one stage's opening key: 04||x||y."""

    stage: StageId
    public_key: Point


class OpeningKeys(Struct, frozen=True, forbid_unknown_fields=True):
    """What the officer hands to the tenderer for the section parameters (开标公钥)."""

    v: Literal[1]
    keys: Annotated[tuple[OpeningKey, ...], Meta(min_length=1, max_length=4)]


def generate_opening_keys(
    folder: Path, stages: Sequence[int], passphrase: str, random: Callable[[int], bytes]
) -> OpeningKeys:
    """Make a key for each stage into an empty or new folder, and answer the public points.

    The files are `stage-S.key` (encrypted, mode 0600) and `opening-keys.json`. KeyFolderError for a folder that
    already has keys: an opening key serves one section and is never made anew. KeystoreError from the key files.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.glob("*.key")) or (folder / PUBLIC_FILE).exists():
        raise KeyFolderError(f"{folder.name} 中已有开标密钥；每个标段使用新的文件夹")
    keys = []
    for stage in sorted(set(stages)):
        key = generate(random)
        save_key(_key_file(folder, stage), key, passphrase, random)
        keys.append(OpeningKey(stage, key.public.point))
    public = OpeningKeys(1, tuple(keys))
    _write_durably(folder / PUBLIC_FILE, canonical.encode(public))
    return public


def load_opening_key(folder: Path, stage: int, passphrase: str) -> PrivateKey:
    """Load the private key of one stage; KeyFolderError if there is none, KeystoreError if it does not open."""
    if not _key_file(folder, stage).exists():
        raise KeyFolderError(f"{folder.name} 中没有第 {stage} 阶段的开标密钥")
    return load_key(_key_file(folder, stage), passphrase)


def _key_file(folder: Path, stage: int) -> Path:
    return folder / f"stage-{stage}.key"


# What the centre sends


class ReleaseSet(Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters as the tenderer signed them, and both lids as the centre signed and stamped them."""

    v: Literal[1]
    params: SignedStatement
    closed: StampedStatement
    frozen: StampedStatement


@dataclass(frozen=True)
class ReadSet:
    """A release set taken apart, nothing judged yet."""

    source: ReleaseSet
    params: SectionParams
    closed: ClosedSet
    frozen: FrozenSet

    @property
    def frozen_sm3(self) -> str:
        """SM3 (hex) of the frozen set's canonical bytes: its name for ever."""
        return sm3(self.source.frozen.signed.statement).hex()

    def wanted(self, stage: int) -> dict[str, str]:
        """Answer which headers are needed for a stage: bundle digest → header digest, released rows only."""
        return {bid.bundle_sm3: bid.header_sm3 for bid in self.frozen.released(stage)}


def parse_release_set(data: bytes | ReleaseSet) -> ReadSet:
    """Take a release set apart; MalformedError or MalformedParamsError."""
    source = data if isinstance(data, ReleaseSet) else canonical.decode(data, ReleaseSet)
    params = parse_params(source.params.statement)
    closed, _ = parse_statement(source.closed.signed, ClosedSet)
    frozen, _ = parse_statement(source.frozen.signed, FrozenSet)
    return ReadSet(source, params, closed, frozen)


@dataclass(frozen=True)
class _Asked:
    anchors: TrustAnchors
    evidence: RevocationEvidence
    at: datetime


def verify_release_set(
    release: ReadSet,
    stage: int,
    labels: Mapping[str, Label],
    *,
    opening_key: bytes,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> Verdict:
    """Judge everything that must hold before the officer opens a stage; `at` is the officer's own clock.

    `labels` are header, manifest and signature of each released bundle by its digest; `opening_key` the public point
    of the officer's own key for this stage. Raises MalformedBundleError or MalformedError for what cannot be read.
    """
    asked = _Asked(anchors, evidence, at)
    return (
        _named("params", _signed(release.source.params, release.params.tenderer.uscc, Purpose.LICENCE, asked))
        + _named("closed", _stamped(release.source.closed, release.params, asked))
        + _named("frozen", _stamped(release.source.frozen, release.params, asked))
        + Verdict(*_rules(release, stage, opening_key, at))
        + _labels(release, stage, labels, asked)
    )


def _signed(signed: SignedStatement, uscc: str, purpose: Purpose, asked: _Asked) -> Verdict:
    certificate = parse_certificate(signed.certificate)
    own = belongs_to(certificate, uscc) and certificate.person_id in ("", uscc)
    why = "" if own else f"签署者为 {certificate.common_name}，应为 {uscc}"
    signer = check("signer", own, code="ID_MISMATCH", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why=why)
    verdict = verify_statement(signed, anchors=asked.anchors, evidence=asked.evidence, at=asked.at, purpose=purpose)
    return Verdict(signer) + verdict


def _stamped(stamped: StampedStatement, params: SectionParams, asked: _Asked) -> Verdict:
    imprint = sm3(stamped.signed.signature)
    return (
        _signed(stamped.signed, params.centre.uscc, Purpose.CENTRE, asked)
        + verify_token(stamped.token, imprint=imprint, anchors=asked.anchors, evidence=asked.evidence)
        + Verdict(_after("stamped-after-deadline", _stamp_time(stamped), params.deadline))
    )


def _rules(release: ReadSet, stage: int, opening_key: bytes, at: datetime) -> Iterator[Check]:
    """Yield what binds parameters, lid 1, lid 2 and the officer's own key to each other."""
    params, closed, frozen = release.params, release.closed, release.frozen
    name = params_sm3(release.source.params.statement)
    mine = any(each.id == stage and each.opening_key == opening_key for each in params.stages)
    window = closed.closed_at + timedelta(seconds=params.release_window)
    complete = all(bid.released for bid in frozen.bids)
    yield _rule("own-key", mine, "标段参数中这一阶段的开标公钥不是您的")
    yield _rule("one-section", closed.section == params.section and closed.params_sm3 == name, "第一封签不是本标段的")
    yield _rule(
        "lid-2-on-lid-1", frozen.closed_sm3 == sm3(release.source.closed.signed.statement).hex(), "两封签不相连"
    )
    yield _rule("same-bids", frozen.covers(closed), "解密集合与截标时的投标不一致")
    yield _rule("stage", stage in frozen.stages or not closed.bundles, "解密集合不含这一阶段")
    yield _rule("window", complete or frozen.frozen_at >= window, "解密时限未到，仍有投标人可以解密")
    yield _after("closed-after-deadline", closed.closed_at, params.closes_at)
    yield _after("own-clock", at, frozen.frozen_at - _SKEW)


def _labels(release: ReadSet, stage: int, labels: Mapping[str, Label], asked: _Asked) -> Verdict:
    wanted = release.wanted(stage)
    missing = sorted(digest for digest, header in wanted.items() if not _is_label(labels.get(digest), header))
    verdict = Verdict(_rule("labels", not missing, f"缺少或不符的投标文件包头：{'、'.join(d[:16] for d in missing)}"))
    if missing:
        return verdict
    headers = [parse_label(labels[digest]) for digest in sorted(wanted)]
    verdict += Verdict(*_distinct(headers))
    for digest in sorted(wanted):
        one = verify_label(
            labels[digest],
            params=release.source.params.statement,
            anchors=asked.anchors,
            evidence=asked.evidence,
            at=asked.at,
        )
        verdict += _named(digest[:16], one)
    return verdict


def _distinct(headers: Sequence[Header]) -> Iterator[Check]:
    bidders = [header.bidder for header in headers]
    points = [point for header in headers for point in ephemeral_points(header)]
    yield _rule("bidders-distinct", len(set(bidders)) == len(bidders), "同一投标人有两份投标")
    yield _rule("points-distinct", len(set(points)) == len(points), "两份投标使用了同一个密文点（复制投标）")


def _is_label(label: Label | None, header_sm3: str) -> bool:
    return label is not None and sm3(label.header).hex() == header_sm3


def _stamp_time(stamped: StampedStatement) -> datetime | None:
    try:
        return parse_token(stamped.token).gen_time
    except (MalformedError, UnsupportedAlgorithmError):
        return None


def _named(prefix: str, verdict: Verdict) -> Verdict:
    """Say of which object each check is."""
    renamed = (Check(f"{prefix}: {c.name}", c.code, c.result, c.why, c.sub) for c in verdict.checks)
    return Verdict(*renamed, warnings=verdict.warnings)


def _rule(name: str, ok: bool, why: str) -> Check:
    return check(name, ok, code="LID", sub=SubIndication.SIG_CONSTRAINTS_FAILURE, why="" if ok else why)


def _after(name: str, moment: datetime | None, earliest: datetime) -> Check:
    ok = moment is not None and moment >= earliest
    why = "" if ok else f"{moment or '没有时间'} 早于 {earliest}"
    return check(name, ok, code="OUTSIDE", sub=SubIndication.TIMESTAMP_ORDER_FAILURE, why=why)


_SKEW: Final = timedelta(seconds=5)
"""How far the officer's clock may be behind the centre's."""


# The record, and the opening


class Opened(Struct, frozen=True, forbid_unknown_fields=True):
    """For this section and stage the officer has opened this set, and will never open another."""

    section: Code
    stage: StageId
    frozen_sm3: Sm3Hex
    at: datetime


class OfficerRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """All that one key folder was ever used for."""

    v: Literal[1]
    opened: tuple[Opened, ...]

    def extended(self, release: ReadSet, stage: int, at: datetime) -> "OfficerRecord":
        """Answer the record with this set in it; OfficerRefusedError if another was opened for that stage before."""
        for entry in self.opened:
            if (entry.section, entry.stage) == (release.params.section, stage):
                if entry.frozen_sm3 != release.frozen_sm3:
                    raise OfficerRefusedError(f"第 {stage} 阶段已为另一份解密集合开过标，不再为第二份开标")
                return self
        if any(entry.stage == stage for entry in self.opened):
            raise OfficerRefusedError("这把开标密钥已用于另一个标段")
        moment = at.replace(microsecond=at.microsecond // 1000 * 1000)
        return OfficerRecord(1, (*self.opened, Opened(release.params.section, stage, release.frozen_sm3, moment)))


def load_record(folder: Path) -> OfficerRecord:
    """Read the record of a key folder, empty when nothing was opened yet; KeyFolderError for a damaged one."""
    path = folder / RECORD_FILE
    if not path.exists():
        return OfficerRecord(1, ())
    try:
        return canonical.decode(path.read_bytes(), OfficerRecord)
    except MalformedError as error:
        raise KeyFolderError(f"{RECORD_FILE} 已损坏，不能开标") from error


def release_officer_halves(
    key: PrivateKey, release: ReadSet, stage: int, labels: Mapping[str, Label]
) -> OfficerRelease:
    """Open K_T of every released bid of a stage, and sign; the caller has judged the set and written the record."""
    halves, faults = list[OfficerHalf](), list[OfficerFault]()
    for digest in sorted(release.wanted(stage)):
        wrap = parse_label(labels[digest]).stage(stage).officer_wrap
        try:
            halves.append(OfficerHalf(digest, unwrap_half(key, wrap)))
        except DecryptionError:
            faults.append(OfficerFault(digest, "WRAP"))
    answer = OfficerRelease(1, release.params.section, stage, release.frozen_sm3, tuple(halves), tuple(faults))
    return answer.signed_by(key)


def open_stage_for(
    folder: Path,
    passphrase: str,
    release: ReadSet,
    stage: int,
    labels: Mapping[str, Label],
    *,
    anchors: TrustAnchors,
    evidence: RevocationEvidence,
    at: datetime,
) -> OfficerRelease:
    """Judge, record, and only then open: the whole act of the officer, with a key folder.

    Raises OfficerRefusedError when a check does not pass or another set was opened before, KeyFolderError and
    KeystoreError from the folder. Doing it again for the same set gives the same answer.
    """
    key = load_opening_key(folder, stage, passphrase)
    try:
        verify_release_set(
            release,
            stage,
            labels,
            opening_key=key.public.point,
            anchors=anchors,
            evidence=evidence,
            at=at,
        ).require()
    except (VerdictError, MalformedError, MalformedBundleError, MalformedParamsError) as error:
        raise OfficerRefusedError(f"解密集合未通过核验，没有交出开标密钥：{error}") from error
    with _locked(folder):
        record = load_record(folder).extended(release, stage, at)
        _write_durably(folder / RECORD_FILE, canonical.encode(record))
    return release_officer_halves(key, release, stage, labels)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time look at the record and extend it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write_durably(path: Path, data: bytes) -> None:
    """Replace a file so that after a power cut it is the old or the new one."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
