"""Releasing the bidder's half (解密授权) in two steps: `request_release`, then `complete_release` until it answers.

The half is opened by the wallet of one device (the consent lists SM3 of the wrap), or by the recovery code on paper
(`half_from_code`). It is compared with the header's commitment before anything is signed or sent.
"""

from dataclasses import dataclass, field

from msgspec import Struct

from bidding.acts import Release, SignedAct
from bidding.bundle_header import Header, Wrap
from bidding.errors import WrongHalfError
from bidding.faults import RecipientError
from bidding.workbench.acting import ActingParty, PendingAct
from bidding.workbench.recipients import unwrap_by_code
from identity.consent import ConsentFile
from signing.digests import sm3
from signing.envelope import HALF, commit_half


class PendingRelease(Struct, frozen=True, forbid_unknown_fields=True):
    """A release whose consent waits on the wallet; `device` is empty when the half comes from elsewhere."""

    act: PendingAct
    ckb: str
    device: str
    wrap: bytes


@dataclass(frozen=True)
class BidderRelease:
    """What goes to the centre: the licence-signed act, and K_B of the stage (32 bytes)."""

    act: SignedAct
    half: bytes = field(repr=False)


def prepare_release(header: Header, stage: int, bundle_sm3: str) -> Release:
    """Answer the act for one stage of the bundle with this header and digest (hex); KeyError for no such stage."""
    ckb = header.stage(stage).base.ckb
    return Release(1, "release", header.section, header.params_sm3, header.bidder, bundle_sm3, stage, ckb)


def device_wraps(header: Header, stage: int) -> tuple[Wrap, ...]:
    """Answer the wraps that a wallet device can open."""
    return tuple(wrap for wrap in header.stage(stage).wraps if wrap.kind == "device")


def half_from_code(header: Header, stage: int, code: str) -> bytes:
    """Open the recovery wrap with the code as typed: K_B, proven against the header.

    RecoveryCodeError for a misspelt code, RehearsalError for another bundle's, RecipientError if there is none,
    WrongHalfError.
    """
    for wrap in header.stage(stage).wraps:
        if wrap.kind == "recovery":
            return require_half(unwrap_by_code(wrap, code), header.stage(stage).base.ckb)
    raise RecipientError("这个投标文件包没有恢复码")


def request_release(
    party: ActingParty, header: Header, stage: int, bundle_sm3: str, *, device: str = ""
) -> PendingRelease:
    """Ask the person to release a stage's half; with `device` its wrap is opened by that wallet device.

    RecipientError for a device that the header does not name; errors of `ActingParty.ask`.
    """
    act = prepare_release(header, stage, bundle_sm3)
    wrap = _wrap_of(header, stage, device) if device else b""
    also = (ConsentFile(f"第 {stage} 阶段解密密钥的密文", 0, len(wrap), sm3(wrap).hex()),) if device else ()
    return PendingRelease(party.request_act(act, f"第 {stage} 阶段解密授权书", *also), act.ckb, device, wrap)


def complete_release(party: ActingParty, pending: PendingRelease, half: bytes | None = None) -> BidderRelease | None:
    """Open the half and sign, once the person has confirmed; None before.

    `half` is that of `half_from_code` when the release was asked for without a device. The half is opened first, so
    that a lost answer can be asked for again; it leaves memory only by the caller's hand.
    WrongHalfError, RecipientError, the wallet's refusals, and errors of `ActingParty.complete_act`.
    """
    if party.outcome(pending.act.consent) is None:
        return None
    if pending.device:
        half = party.ports.wallet.release(pending.device, pending.wrap, pending.act.consent.id)
    if half is None:
        raise RecipientError("没有给出解密密钥：请使用已登记的手机钱包，或输入恢复码")
    require_half(half, pending.ckb)
    act = party.complete_act(pending.act)
    return None if act is None else BidderRelease(act, half)


def require_half(half: bytes, ckb: str) -> bytes:
    """Answer the half if it is the one that the header commits to; WrongHalfError."""
    if len(half) != HALF or commit_half(b"cKB", half).hex() != ckb:
        raise WrongHalfError("这不是本投标文件包所承诺的解密密钥")
    return half


def _wrap_of(header: Header, stage: int, device: str) -> bytes:
    for wrap in device_wraps(header, stage):
        if wrap.id == device:
            return wrap.wrap
    raise RecipientError(f"投标文件包没有为设备 {device} 加密的解密密钥")
