"""Packing on the bidder's own machine, step by step: what `yizhao bundle pack` does."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import click

from bidding.bid_folder import BidFolder
from bidding.errors import BidFolderError
from bidding.faults import RecipientError
from bidding.params import params_sm3
from bidding.workbench.acting import ActingParty
from bidding.workbench.judging import require_params
from bidding.workbench.packing import BundleFile, PackRequest, PreparedBundle, prepare_bundle
from bidding.workbench.packing_flow import complete_pack, request_pack
from bidding.workbench.recipients import DeviceKey, accept_device
from identity.errors import ConsentExpiredError
from signing.path import TrustAnchors

ALL_DEVICES = "all"


@dataclass(frozen=True)
class LocalPacking:
    """One bid folder, one acting person, one trust list; `recovery_file` is None to have the code printed."""

    bid: BidFolder
    party: ActingParty
    trust: TrustAnchors
    device: str = ALL_DEVICES
    recovery_file: Path | None = None

    def run(self, out: Path, *, sleep: Callable[[float], None] = time.sleep) -> tuple[BundleFile, str]:
        """Prepare, ask on the wallet, wait, sign, stamp; answers the bundle and the recovery code.

        A draft that does not become a bundle is removed, and so is its recovery code.
        """
        request = self.request()
        draft = out.with_name(f".{out.name}.draft")
        try:
            prepared = prepare_bundle(
                request, draft, rehearser=self.party.ports.wallet, random=self.party.random, at=self._now()
            )
            return self._sign(prepared, out, sleep), prepared.recovery_code
        finally:
            draft.unlink(missing_ok=True)

    def request(self) -> PackRequest:
        """Verify parameters and devices; BidFolderError, UntrustedParamsError, RecipientError."""
        sheet, uscc = self.bid.sheet, str(self.party.actor.uscc)
        at, evidence = self.party.clock(), self.trust.evidence
        params = require_params(sheet.params, anchors=self.trust, evidence=evidence, at=at)
        if (sheet.section, sheet.bidder) != (params.section, uscc):
            raise BidFolderError(f"文件夹是 {sheet.bidder} 为标段 {sheet.section} 准备的，与参数或本单位不一致")
        return PackRequest(
            sheet.params.statement, uscc, self.bid.stages(), self._devices(uscc), self.party.certificate()
        )

    def _devices(self, uscc: str) -> tuple[DeviceKey, ...]:
        found = self.party.ports.wallet.fetch_devices(uscc)
        wanted = [device for device in found if self.device in (ALL_DEVICES, device.id)]
        if not wanted:
            raise RecipientError("没有这部已登记的手机钱包" if found else "本单位没有已登记的手机钱包")
        at, evidence = self.party.clock(), self.trust.evidence
        return tuple(accept_device(d, uscc=uscc, anchors=self.trust, evidence=evidence, at=at) for d in wanted)

    def _sign(self, prepared: PreparedBundle, out: Path, sleep: Callable[[float], None]) -> BundleFile:
        digest = params_sm3(self.bid.sheet.params.statement)
        pending = request_pack(self.party, prepared, section=self.bid.sheet.section, params_sm3=digest)
        click.echo(f"请在执照钱包确认：{pending.url}")
        self.party.wait(pending, sleep)
        if self.recovery_file is not None:
            write_secret(self.recovery_file, prepared.recovery_code)
        file = None
        try:
            file = complete_pack(self.party, pending, prepared, out)
        finally:
            if file is None and self.recovery_file is not None:
                self.recovery_file.unlink(missing_ok=True)
        if file is None:
            raise ConsentExpiredError(pending.record.nonce)
        return file

    def _now(self) -> datetime:
        return self.party.clock().replace(microsecond=0)


def write_secret(path: Path, text: str) -> None:
    """Write a new file that only its owner can read, durably; FileExistsError rather than over another."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(text + "\n")
        stream.flush()
        os.fsync(stream.fileno())
