"""What the matrix is made of: a town with keys and certificates of both suites, and cells that are really run."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from interop_peers import BouncyCastle, OpenSsl, PeerRefusedError, SmCrypto

from signing import sm2
from signing.certificates import TIME_STAMPING, Certificate, parse_certificate
from signing.errors import SigningError
from signing.issuing import AUTHORITY, SIGNING, CertificateRequest, Subject, build_certificate
from signing.keystore import encode_key
from signing.path import Anchor, Purpose, RevocationEvidence, TrustAnchors
from signing.schemes import InternationalKey, SigningKey, Sm2Key, encode_spki, generate_international
from signing.trust import make_trust

Kind = Literal["sm2", "ecdsa", "rsa"]
KINDS: tuple[Kind, ...] = ("sm2", "ecdsa", "rsa")
DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)
COLUMNS = ("OpenSSL", "BouncyCastle", "pyHanko", "sm-crypto", "rfc3161-client", "Yizhao")


@dataclass(frozen=True)
class Holder:
    """A certificate with its key."""

    certificate: Certificate
    key: SigningKey

    @property
    def pkcs8(self) -> bytes:
        """The private key as plain PKCS#8 DER."""
        if isinstance(self.key, Sm2Key):
            return encode_key(self.key.private)
        assert isinstance(self.key, InternationalKey)
        return pkcs8_of(self.key)

    @property
    def spki(self) -> bytes:
        return encode_spki(self.key.public_key)


def pkcs8_of(key: InternationalKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat  # noqa: PLC0415

    return key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def make_key(kind: Kind) -> SigningKey:
    return Sm2Key(sm2.generate()) if kind == "sm2" else generate_international(kind)


@dataclass(frozen=True)
class Family:
    """One suite's own small hierarchy: root, signer, timestamp authority."""

    root: Holder
    signer: Holder
    tsa: Holder

    @property
    def trust(self) -> TrustAnchors:
        anchor = Anchor(self.root.certificate, frozenset(Purpose))
        return make_trust("互操作", "1", sandbox=True, anchors=(anchor,))


def issue(key: SigningKey, name: str, by: Holder | None, serial: int, *, ca: bool = False, tsa: bool = False) -> Holder:
    request = CertificateRequest(
        Subject(name, organisation="互操作"),
        key.public_key,
        serial,
        NOW - 10 * DAY,
        NOW + 100 * DAY,
        key_usage=AUTHORITY if ca else SIGNING,
        purposes=(TIME_STAMPING,) if tsa else (),
        purposes_critical=tsa,
        is_ca=ca,
    )
    made = build_certificate(request, by.certificate if by else None, (by.key if by else key).sign)
    return Holder(parse_certificate(made), key)


def make_family(kind: Kind) -> Family:
    root = issue(make_key(kind), "互操作根", None, 1, ca=True)
    signer = issue(make_key(kind), "互操作签名人", root, 0x1001)
    return Family(root, signer, issue(make_key(kind), "互操作时间戳", root, 0x1002, tsa=True))


@dataclass
class Town:
    """Everything that a cell may use; made once for the whole matrix."""

    folder: Path
    java: BouncyCastle
    node: SmCrypto
    families: dict[Kind, Family] = field(default_factory=dict)

    def family(self, kind: Kind) -> Family:
        if kind not in self.families:
            self.families[kind] = make_family(kind)
        return self.families[kind]

    def openssl(self) -> OpenSsl:
        return OpenSsl()


Run = Callable[[Town], None]
Direction = Literal["ours", "theirs"]


@dataclass(frozen=True)
class Cell:
    """One question: does the other side take ours, or do we take theirs?

    `refusal` says in one sentence why the answer is known to be no; then the run has to be refused.
    """

    row: str
    column: str
    direction: Direction
    run: Run = field(repr=False)
    refusal: str = ""

    @property
    def id(self) -> str:
        return f"{self.row}|{self.column}|{self.direction}"


class Refused(Exception):  # noqa: N818 - an outcome, not an error
    """The verifying side answered no."""


def attempt(cell: Cell, town: Town) -> str:
    """Run a cell: empty when it worked, else the words of the side that refused."""
    try:
        cell.run(town)
    except (PeerRefusedError, SigningError, Refused) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def evidence(*crls: bytes) -> RevocationEvidence:
    return RevocationEvidence.of(*crls)
