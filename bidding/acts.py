"""Licence-signed acts (行为): what a session alone can never do.

Each act is a canonical statement signed by the unit's licence key through the key service, together with the
consent of the acting person on the wallet that listed SM3 of exactly these bytes.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from identity.consent import SignedConsent
from signing.canonical import Code, Sm3Hex
from signing.statement import SignedStatement

Uscc = Annotated[str, Meta(pattern=r"^[0-9A-Z]{18}\Z")]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]


class Finalise(Struct, frozen=True, forbid_unknown_fields=True):
    """递交: this bundle is our bid (Order 20 art. 27). `replaces` names the bid that it supersedes, or is empty."""

    v: Literal[1]
    act: Literal["submit"]
    section: Code
    params_sm3: Sm3Hex
    bidder: Uscc
    bundle_sm3: Sm3Hex
    size: Annotated[int, Meta(ge=1)]
    replaces: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    key: Hex32
    """Idempotency key of this intention."""


class Withdraw(Struct, frozen=True, forbid_unknown_fields=True):
    """撤回: before the deadline, we take our bid back (招标投标法 29)."""

    v: Literal[1]
    act: Literal["withdraw"]
    section: Code
    params_sm3: Sm3Hex
    bidder: Uscc
    bundle_sm3: Sm3Hex
    key: Hex32


class Release(Struct, frozen=True, forbid_unknown_fields=True):
    """解密授权: the half that we release now is the one committed to in our header as cKB of this stage."""

    v: Literal[1]
    act: Literal["release"]
    section: Code
    params_sm3: Sm3Hex
    bidder: Uscc
    bundle_sm3: Sm3Hex
    stage: Annotated[int, Meta(ge=1, le=4)]
    ckb: Sm3Hex


class SignedAct(Struct, frozen=True, forbid_unknown_fields=True):
    """An act, the licence's signature over it, and the consent that allowed the signature."""

    v: Literal[1]
    statement: SignedStatement
    consent: SignedConsent
