"""Validation policies (验证策略) as data: what a verifier accepts, apart from the cryptography that establishes facts.

A policy is a small canonical JSON document; TOML says the same for people who write one. Its SM3 stands in every
answer, so that a report can be judged again by the same rules. Who is trusted is not here but in the trust list
(`signing.trust`); a policy may only narrow it.
"""

import tomllib
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from signing import canonical
from signing.canonical import Code, Name, Sm3Hex
from signing.digests import sm3
from signing.errors import LimitError, MalformedError
from signing.path import Purpose, TrustAnchors

MAX_POLICY: Final = 256 << 10
"""Bytes of a policy file."""

Day = Annotated[str, Meta(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?\Z")]
"""`YYYY-MM-DD`, the last day (UTC) on which something holds; empty: without end."""


class Standing(StrEnum):
    """What a policy says of an algorithm at one time."""

    GOOD = "good"
    DEPRECATED = "deprecated"
    FORBIDDEN = "forbidden"


class AlgorithmRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Until when a digest or a kind of key of at least `bits` is good, and until when it is taken with a warning.

    Names: digests as `sm3`, `sha1`, `sha256`; keys as `sm2`, `rsa`, `ed25519`, `ecdsa-secp256r1`. What no rule names is
    forbidden. Of several rules of one name, the one with the most bits that the key reaches holds.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}\Z")]
    bits: Annotated[int, Meta(ge=0, le=65536)] = 0
    good_until: Day = ""
    usable_until: Day = ""

    def __post_init__(self) -> None:
        """Check the days and their order; ValueError."""
        good, usable = _last(self.good_until), _last(self.usable_until)
        if good is None and usable is not None:
            raise ValueError("usable_until without good_until")
        if good is not None and usable is not None and usable < good:
            raise ValueError("usable_until lies before good_until")


class ValidationPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """What is accepted, and what leaves an answer open.

    `revocation` says whether revocation evidence must be there; `revocation_max_age` (seconds, 0: as the evidence says
    itself) how old it may be at the time in question. `timestamp` says whether a trusted time must be there;
    `authorities` are SM3 of certificates of which one must stand on the path of a timestamp authority (empty: any).
    `expired_authority` says whether a timestamp still proves its time once the authority's certificate has expired and
    no newer timestamp covers it. `clock_slack` (seconds) is how far clocks may differ; `purposes` are the anchors'
    purposes that are accepted; `sandbox` whether test authorities are.
    """

    v: Literal[1]
    id: Code
    version: Name
    algorithms: Annotated[tuple[AlgorithmRule, ...], Meta(min_length=1, max_length=200)]
    revocation: Literal["required", "if-available"] = "required"
    revocation_max_age: Annotated[int, Meta(ge=0, le=10 * 365 * 86400)] = 0
    timestamp: Literal["optional", "required"] = "optional"
    authorities: Annotated[tuple[Sm3Hex, ...], Meta(max_length=200)] = ()
    expired_authority: Literal["accepted", "needs-proof"] = "accepted"
    clock_slack: Annotated[int, Meta(ge=0, le=86400)] = 300
    purposes: Annotated[tuple[Purpose, ...], Meta(max_length=16)] = tuple(sorted(Purpose))
    sandbox: Literal["allowed", "refused"] = "allowed"

    def __post_init__(self) -> None:
        """Refuse two rules for the same thing; ValueError."""
        named = [(rule.name, rule.bits) for rule in self.algorithms]
        if len(set(named)) != len(named):
            raise ValueError("two rules for one algorithm")

    @property
    def slack(self) -> timedelta:
        """Answer how far clocks may differ."""
        return timedelta(seconds=self.clock_slack)

    @property
    def uses_sha1(self) -> bool:
        """Whether SHA-1 may be looked at at all; when and with what warning its rule says."""
        return any(rule.name == "sha1" for rule in self.algorithms)

    def weigh(self, name: str, bits: int, at: datetime) -> Standing:
        """Answer how an algorithm stands at an instant."""
        rules = [rule for rule in self.algorithms if rule.name == name and rule.bits <= bits]
        if not rules:
            return Standing.FORBIDDEN
        rule = max(rules, key=lambda one: one.bits)
        good, usable = _last(rule.good_until), _last(rule.usable_until)
        if good is None or at < good:
            return Standing.GOOD
        return Standing.DEPRECATED if usable is None or at < usable else Standing.FORBIDDEN


@dataclass(frozen=True)
class PolicyFacts:
    """How an answer names the policy that it was judged by. `fingerprint` is SM3 (hex) of the canonical form."""

    id: str
    version: str
    fingerprint: str

    @classmethod
    def of(cls, policy: ValidationPolicy) -> "PolicyFacts":
        """Name a policy."""
        return cls(policy.id, policy.version, fingerprint(policy))


def narrow(anchors: TrustAnchors, policy: ValidationPolicy) -> TrustAnchors:
    """Answer the trust list without what the policy does not accept: purposes, and all of a test list if refused."""
    if anchors.sandbox and policy.sandbox == "refused":
        return replace(anchors, anchors=())
    if set(policy.purposes) >= set(Purpose):
        return anchors
    allowed = frozenset(policy.purposes)
    kept = (replace(one, purposes=one.purposes & allowed) for one in anchors.anchors)
    return replace(anchors, anchors=tuple(one for one in kept if one.purposes))


def fingerprint(policy: ValidationPolicy) -> str:
    """Answer SM3 (hex) of the canonical form, however the file was written."""
    return sm3(canonical.encode(policy)).hex()


def encode_policy(policy: ValidationPolicy) -> bytes:
    """Answer the canonical JSON form."""
    return canonical.encode(policy)


def load_policy(data: bytes) -> ValidationPolicy:
    """Read a policy in JSON or TOML; LimitError, or MalformedError for unknown fields, values or anything else."""
    if len(data) > MAX_POLICY:
        raise LimitError(f"a policy of {len(data)} bytes; at most {MAX_POLICY} are read")
    if data.lstrip()[:1] == b"{":
        return canonical.decode_lenient(data, ValidationPolicy)
    try:
        raw: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
        return msgspec.convert(raw, ValidationPolicy)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        raise MalformedError(f"not a validation policy: {error}") from error


def _last(day: str) -> datetime | None:
    """Answer the instant at which a day has ended (UTC); ValueError for no day of the calendar."""
    if not day:
        return None
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(days=1)


_WEAK_RSA: Final = 1024
_RSA: Final = 2048
_COMMON: Final = (
    AlgorithmRule("sm3"),
    AlgorithmRule("sha256"),
    AlgorithmRule("sha384"),
    AlgorithmRule("sha512"),
    AlgorithmRule("sm2"),
    AlgorithmRule("rsa", _RSA),
    AlgorithmRule("ecdsa-secp256r1"),
    AlgorithmRule("ecdsa-secp384r1"),
    AlgorithmRule("ecdsa-secp521r1"),
    AlgorithmRule("ed25519"),
)
DEFAULT_POLICY: Final = ValidationPolicy(
    1,
    "yizhao-2026.1",
    "2026.1",
    (
        *_COMMON,
        AlgorithmRule("sha1", good_until="2013-12-31"),
        AlgorithmRule("rsa", _WEAK_RSA, good_until="2013-12-31"),
        *(AlgorithmRule(f"ecdsa-{curve}") for curve in ("brainpoolp256r1", "brainpoolp384r1", "brainpoolp512r1")),
        AlgorithmRule("ecdsa-secp224r1", good_until="2030-12-31"),
        *(AlgorithmRule(f"ecdsa-{curve}", good_until="2013-12-31") for curve in ("secp192r1", "secp256k1")),
    ),
)
"""What is judged by when nobody names a policy: weak algorithms are told, and pass (NIST SP 800-131A has the days)."""
PRODUCTION_POLICY: Final = ValidationPolicy(
    1,
    "yizhao-production-2026.1",
    "2026.1",
    (
        *_COMMON,
        AlgorithmRule("sha1", good_until="2013-12-31", usable_until="2020-12-31"),
        AlgorithmRule("rsa", _WEAK_RSA, good_until="2013-12-31", usable_until="2020-12-31"),
    ),
    expired_authority="needs-proof",
    sandbox="refused",
)
"""For decisions: no test authorities, no SHA-1 or short RSA keys but where a timestamp proves that they were used in
their time, and timestamps are renewed before their authority's certificate ends (RFC 3161 4.3)."""
