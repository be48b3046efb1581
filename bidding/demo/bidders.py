"""One bidder of the demo: at the workbench for drafting and sealing, on its own machine for packing and submitting."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx

from bidding.acts import Finalise, SignedAct
from bidding.bid_folder import read_bid_folder
from bidding.bundle import parse_bundle
from bidding.bundle_header import Header
from bidding.centre.record import field_of
from bidding.demo.cast import Platform, Unit
from bidding.demo.report import DemoFailedError
from bidding.demo.tendering import SECTION, finish, yizhao
from bidding.errors import CentreRefusedError
from bidding.workbench.acting import ActingParty
from bidding.workbench.packing import BundleFile
from bidding.workbench.releasing import BidderRelease, complete_release, device_wraps, request_release
from bidding.workbench.seal_batch import FileToSeal, SealBatch, SealOrder
from bidding.workbench.seal_standing import SealPorts
from bidding.workbench.submitting import (
    CentreClient,
    finalise_line,
    prepare_finalise,
    prepare_withdraw,
    withdraw_line,
)
from sealing.seal import SealKind
from signing import canonical
from signing.digests import read_chunks, sm3, sm3_of

T = TypeVar("T")


@dataclass
class Bidder:
    """Everything one bidder has; filled as the demo goes on."""

    unit: Unit
    folder: str
    home: Path
    platform: Platform
    centre: CentreClient
    seals: SealPorts
    sandbox_url: str
    trust: Path
    values: dict[str, str] = field(default_factory=dict)
    sealed: list[Path] = field(default_factory=list)
    bundles: list[BundleFile] = field(default_factory=list)
    released: BidderRelease | None = None

    @property
    def bundle(self) -> BundleFile:
        """The newest bundle: the one that counts."""
        return self.bundles[-1]

    @property
    def party(self) -> ActingParty:
        """The acting person, on the bidder's own machine."""
        return self.seals.party(self.unit.actor(self.unit.acting))

    @property
    def header(self) -> Header:
        """The header of the bundle that counts."""
        with self.bundle.path.open("rb") as stream:
            return parse_bundle(stream, self.bundle.size).header

    # Packing

    def pack(self, bid: Path, name: str) -> BundleFile:
        """`yizhao bundle pack` in a process of the bidder's own; the person confirms on the wallet meanwhile."""
        out = self.home / name
        words: list[str | Path] = [
            "bundle", "pack", bid, out, "--trust", self.trust, "--sandbox", self.sandbox_url, "--uscc", self.unit.uscc,
            "--person", self.unit.acting.id, "--recovery-file", self.home / f"{name}.recovery",
        ]  # fmt: skip
        if self.unit.agent:
            words += ["--authorisation", self.unit.authorisation]
        process = yizhao(*words, wait=False)
        said = ""
        for line in process.stdout or ():
            said += line
            if "/wallet/consents/" in line:
                self.platform.confirm(line.strip().split("：")[-1].split()[-1], self.unit.acting)
                break
        try:
            finish(process)
        except DemoFailedError as error:
            raise DemoFailedError(f"{said}{error}") from error
        with out.open("rb") as stream:
            return BundleFile(out, out.stat().st_size, sm3_of(read_chunks(stream)).hex())

    # Submitting

    def act(self, bundle: BundleFile, params: bytes, *, replaces: str = "") -> SignedAct:
        """Answer the licence-signed finalise of a bundle: consent on the wallet, signature by the key service."""
        finalise = prepare_finalise(params, self.unit.uscc, bundle, random=self.seals.random, replaces=replaces)
        return self._signed(finalise, finalise_line(finalise))

    def withdrawal(self, params: bytes, bundle: BundleFile) -> SignedAct:
        """Answer the licence-signed withdrawal of a bundle."""
        withdraw = prepare_withdraw(params, self.unit.uscc, bundle.sm3, random=self.seals.random)
        party = self.party
        pending = party.request_act(withdraw, withdraw_line(withdraw))
        self.platform.confirm(pending.consent.url, self.unit.acting)
        return _done(party.complete_act(pending))

    def _signed(self, act: Finalise, line: str) -> SignedAct:
        party = self.party
        pending = party.request_act(act, line)
        self.platform.confirm(pending.consent.url, self.unit.acting)
        return _done(party.complete_act(pending))

    def submit(self, bundle: BundleFile, params: bytes, *, replaces: str = "") -> tuple[SignedAct, bytes]:
        """Upload and finalise; answers the act and the receipt file, which was verified."""
        act = self.act(bundle, params, replaces=replaces)
        return act, self.centre.submit(act, bundle.path)

    def stamped_receipt(self, act: SignedAct) -> bytes:
        """Answer the receipt again, as soon as its timestamp has come."""
        for _ in range(100):
            data = self.centre.fetch_receipt(act)
            if data is not None and b'"token":null' not in data:
                return data
            time.sleep(0.1)
        raise DemoFailedError("回执的时间戳没有来")

    # Opening

    def release(self) -> int:
        """Release K_B by consent on the wallet; answers the bytes that went over the wire."""
        party, header = self.party, self.header
        device = device_wraps(header, 1)[0].id
        pending = request_release(party, header, 1, self.bundle.sm3, device=device)
        self.platform.confirm(pending.act.consent.url, self.unit.acting)
        self.released = _done(complete_release(party, pending))
        self.centre.release(self.released)
        return len(canonical.encode(self.released.act)) + len(self.released.half)

    def replaced_release_refused(self) -> bool:
        """Whether the centre refuses the half of a bundle that was replaced."""
        old = self.bundles[0]
        with old.path.open("rb") as stream:
            header = parse_bundle(stream, old.size).header
        party = self.party
        pending = request_release(party, header, 1, old.sm3, device=device_wraps(header, 1)[0].id)
        self.platform.confirm(pending.act.consent.url, self.unit.acting)
        try:
            self.centre.release(_done(complete_release(party, pending)))
        except CentreRefusedError:
            return True
        return False

    def seal_record(self, record: bytes) -> bytes:
        """Fill the unit's own field in the opening record with its 公章."""
        return seal_record(self.seals, self.platform, self.unit, record, self.home)

    def put_record(self, data: bytes, base: bytes) -> None:
        """Hand in a version of the record with one more seal."""
        self.centre.put_record(SECTION, data, sm3(base).hex(), 1)


def seal_record(ports: SealPorts, platform: Platform, unit: Unit, record: bytes, home: Path) -> bytes:
    """Seal an opening record with a unit's 公章, in the field prepared for it, by consent of its acting person."""
    source, target = home / "record.pdf", home / "record-sealed.pdf"
    source.write_bytes(record)
    target.unlink(missing_ok=True)
    person = unit.acting
    file = FileToSeal(f"开标记录 {SECTION}.pdf", 1, source, target, field_of(unit.uscc))
    order = SealOrder(unit.actor(person), SealKind.UNIT, [file], section="", params_sm3="", act="record")
    batches = SealBatch(ports)
    batch = batches.ask(order)
    platform.confirm(batch.consent.url, person)
    _done(batches.finish(batch))
    return target.read_bytes()


def read_sealed(bid: Path) -> list[Path]:
    """Answer the sealed PDFs of a bid folder, checked against its sheet."""
    found = read_bid_folder(bid)
    return [bid / document.file for document in found.sheet.documents]


def make_client(
    url: str, trust: Callable[[], object], clock: Callable[[], object], http: httpx.Client | None = None
) -> CentreClient:
    """Answer a bidder's client of the centre."""
    return CentreClient(http or httpx.Client(base_url=url, timeout=60), trust, clock, time.sleep)  # type: ignore[arg-type]


def _done(value: T | None) -> T:
    if value is None:
        raise DemoFailedError("执照钱包上的确认没有生效")
    return value
