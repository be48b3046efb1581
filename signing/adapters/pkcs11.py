"""Keys in cryptographic devices (密码机、智能密码钥匙) behind PKCS#11; needs the optional package `python-pkcs11`.

P-256, P-384, P-521, Ed25519 and RSA keys work with the mechanisms of the standard. PKCS#11 names no SM2: each maker of
a GM module has numbers and habits of its own, so an SM2 key is used only with a `Pkcs11Profile` that states them.
SoftHSM2 has no SM mechanism at all. Every signature is verified before it is handed on: a profile that is wrong
about Z, digest or form cannot produce a value that verifies nowhere. See docs/pkcs11.md.
"""

import contextlib
import importlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

from signing import der, sm2
from signing.algorithms import compute_digest, verify_signature
from signing.errors import (
    BadSignatureError,
    InvalidKeyError,
    MalformedError,
    SigningError,
    TokenError,
    TokenMechanismError,
    TokenNotFoundError,
    TokenPinError,
    UnavailableError,
)
from signing.schemes import PublicKey, Scheme, scheme_for
from signing.sm2_encoding import read_signature

ECDSA: Final = 0x1041
EDDSA: Final = 0x1057
_RSA_WITH: Final = {"sha256": 0x40, "sha384": 0x41, "sha512": 0x42}
_EC_KEY, _SM2_CURVE = "1.2.840.10045.2.1", "1.2.156.10197.1.301"
_ED25519: Final = "1.3.101.112"
_RSA_KEY: Final = "1.2.840.113549.1.1.1"
_NULL: Final = b"\x05\x00"
_MAX_OBJECT: Final = 4096


@dataclass(frozen=True)
class Pkcs11Profile:
    """How a module signs with one kind of key.

    `mechanism` is the CKM number. `hashes` says that the module digests what it is given; otherwise it is given the
    digest. `computes_z` (SM2, with `hashes`) says that it also puts Z in front; otherwise we do. `form` is how it
    writes r and s.
    """

    mechanism: int
    hashes: bool = False
    computes_z: bool = False
    form: Literal["raw", "DER", "opaque"] = "raw"

    def __post_init__(self) -> None:
        """Refuse a profile that contradicts itself; ValueError."""
        if self.computes_z and not self.hashes:
            raise ValueError("a module that computes Z also hashes")

    def prepare(self, public_key: PublicKey, scheme: Scheme, message: bytes) -> bytes:
        """Answer what the module is given to sign."""
        if isinstance(public_key, sm2.PublicKey):
            if self.computes_z:
                return message
            return sm2.compute_z(public_key) + message if self.hashes else sm2.digest(public_key, message)
        return message if self.hashes else compute_digest(scheme.digest, message)

    def finish(self, scheme: Scheme, answer: bytes) -> bytes:
        """Answer the signature as everybody else writes it: r and s in DER, other values as they are."""
        if self.form == "opaque":
            return answer
        if scheme.suite == "GM":
            return sm2.encode_signature(*read_signature(answer))
        if self.form == "DER":
            return answer
        half = len(answer) // 2
        return der.sequence(der.integer(int.from_bytes(answer[:half])), der.integer(int.from_bytes(answer[half:])))


def standard_profile(scheme: Scheme) -> Pkcs11Profile:
    """Answer the standard's way for a scheme of suite INTL; TokenMechanismError for SM2, which has none."""
    if scheme.suite == "GM":
        raise TokenMechanismError("PKCS#11 标准没有 SM2 机制，须按厂商资料配置 Pkcs11Profile；SoftHSM2 不支持国密算法")
    if scheme.algorithm.oid == _ED25519:
        return Pkcs11Profile(EDDSA, hashes=True, form="opaque")
    if scheme.algorithm.parameters:  # NULL: RSA
        return Pkcs11Profile(_RSA_WITH[scheme.digest], hashes=True, form="opaque")
    return Pkcs11Profile(ECDSA)


@dataclass(frozen=True)
class Pkcs11Key:
    """A `schemes.SigningKey` in a token: one session, one signature at a time; threads wait for each other."""

    public_key: PublicKey
    scheme: Scheme
    profile: Pkcs11Profile
    _private: Any = field(repr=False, compare=False)
    _session: Any = field(repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def sign(self, message: bytes) -> bytes:
        """Sign the message. TokenError when the device refuses or errs, UnavailableError when it is gone."""
        data = self.profile.prepare(self.public_key, self.scheme, message)
        with self._lock, _translated():
            answer = bytes(self._private.sign(data, mechanism=_mechanism(self.profile.mechanism)))
        try:
            signature = self.profile.finish(self.scheme, answer)
            verify_signature(self.public_key, self.scheme.algorithm, message, signature)
        except (MalformedError, BadSignatureError) as error:
            raise TokenError("密码设备返回的签名值验证不通过，请核对 Pkcs11Profile 的杂凑、Z 值与编码设置") from error
        return signature

    def close(self) -> None:
        """Give the session back."""
        with self._lock, contextlib.suppress(_errors().PKCS11Error):
            self._session.close()


@dataclass
class Pkcs11Token:
    """A token that somebody has logged in to; one per process, because the login belongs to the process.

    The PIN goes to the module and is not kept.
    """

    label: str
    _token: Any = field(repr=False)
    _session: Any = field(repr=False)
    _keys: list[Pkcs11Key] = field(default_factory=list, repr=False)

    @classmethod
    def open(cls, module: Path, label: str, pin: str) -> Self:
        """Log in to the token of this label, through the module (a shared library).

        TokenNotFoundError without the package, the module or the token; TokenPinError; TokenError when this process
        is logged in already; UnavailableError when the device does not answer.
        """
        if not module.is_file():
            raise TokenNotFoundError(f"找不到 PKCS#11 模块 {module.name}")
        with _translated():
            token = _load(module).get_token(token_label=label)
            return cls(label, token, token.open(user_pin=pin, attribute_mapper=_mapper()))

    def key(
        self,
        label: str = "",
        key_id: bytes = b"",
        *,
        profile: Pkcs11Profile | None = None,
        public_key: PublicKey | None = None,
    ) -> Pkcs11Key:
        """Answer the private key of this label, id, or both.

        The public key is read beside it unless given (from the certificate, for modules that keep it elsewhere); the
        profile is the standard's unless given. TokenNotFoundError, TokenMechanismError; InvalidKeyError for a key
        that the device does not let sign.
        """
        with _translated():
            session = self._token.open(attribute_mapper=_mapper())
            try:
                key = self._find(session, {"LABEL": label, "ID": key_id}, profile, public_key)
            except BaseException:
                session.close()
                raise
        self._keys.append(key)
        return key

    def _find(
        self, session: Any, names: dict[str, Any], profile: Pkcs11Profile | None, public_key: PublicKey | None
    ) -> Pkcs11Key:
        kinds = _library().ObjectClass
        private = _only(session, kinds.PRIVATE_KEY, names)
        if not hasattr(private, "sign"):  # the library gives only what CKA_SIGN allows
            raise InvalidKeyError("密码设备中的这一密钥不得用于签名")
        if public_key is None:
            public_key = _read_public(_only(session, kinds.PUBLIC_KEY, names))
        scheme = scheme_for(public_key)
        profile = profile or standard_profile(scheme)
        self._require_mechanism(profile.mechanism)
        return Pkcs11Key(public_key, scheme, profile, private, session)

    def _require_mechanism(self, mechanism: int) -> None:
        try:
            self._token.slot.get_mechanism_info(mechanism)
        except _errors().MechanismInvalid:
            raise TokenMechanismError(
                f"密码设备 {self._token.manufacturer_id} 没有机制 {mechanism:#x}；SoftHSM2 不支持国密算法"
            ) from None

    def close(self) -> None:
        """Log out; the keys of this token end too."""
        for key in self._keys:
            key.close()
        with contextlib.suppress(_errors().PKCS11Error):
            self._session.close()

    def __enter__(self) -> Self:
        """Use as a context that logs out."""
        return self

    def __exit__(self, *_: object) -> None:
        """Log out."""
        self.close()


def _library() -> Any:
    try:
        return importlib.import_module("pkcs11")
    except ImportError as error:
        raise TokenNotFoundError("未安装 python-pkcs11，无法使用密码设备") from error


def _load(module: Path) -> Any:
    try:
        return _library().lib(str(module))
    except _errors().PKCS11Error as error:  # also when the module does not initialise
        raise TokenNotFoundError(f"无法加载 PKCS#11 模块 {module.name}") from error


def _errors() -> Any:
    return importlib.import_module("pkcs11.exceptions")


def _mechanism(number: int) -> Any:
    """Answer a member of the library's enumeration; it takes no bare number, and knows no maker's."""
    kind = _library().Mechanism
    try:
        return kind(number)
    except ValueError:
        member = int.__new__(kind, number)
        member._name_, member._value_ = f"VENDOR_{number:#x}", number
        return member


def _mapper() -> Any:
    """Answer an attribute mapper that lets makers' own key types through."""
    mapper = importlib.import_module("pkcs11.attributes").AttributeMapper()
    mapper.register_handler(
        _library().Attribute.KEY_TYPE,
        lambda value: int(value).to_bytes(8, "little"),
        lambda data: int.from_bytes(data, "little"),
    )
    return mapper


def _only(session: Any, kind: Any, names: dict[str, Any]) -> Any:
    """Answer the one object of this class with these names; those left empty do not matter."""
    attributes = _library().Attribute
    wanted = {attributes[name]: value for name, value in names.items() if value}
    if not wanted:
        raise TokenNotFoundError("须给出密钥的标签或标识")
    found = list(session.get_objects({attributes.CLASS: kind, **wanted}))  # to its end, so that the search is closed
    if len(found) != 1:
        raise TokenNotFoundError(_NOT_FOUND["MultipleObjectsReturned" if found else "NoSuchKey"])
    return found[0]


def _read_public(key: Any) -> PublicKey:
    """Read a public key object: SubjectPublicKeyInfo, or an SM2 key."""
    names, kinds = _library().Attribute, _library().KeyType
    if key.key_type == kinds.RSA:
        modulus, exponent = (int.from_bytes(key[one]) for one in (names.MODULUS, names.PUBLIC_EXPONENT))
        numbers = der.sequence(der.integer(modulus), der.integer(exponent))
        return der.sequence(der.sequence(der.oid(_RSA_KEY), _NULL), der.bit_string(numbers))
    point = der.read(key[names.EC_POINT], limit=_MAX_OBJECT).octets()
    if key.key_type == kinds.EC_EDWARDS:
        return der.sequence(der.sequence(der.oid(_ED25519)), der.bit_string(point))
    curve = der.read(key[names.EC_PARAMS], limit=_MAX_OBJECT)
    if curve.tag == der.OID and curve.oid() == _SM2_CURVE:
        return sm2.PublicKey(point)
    return der.sequence(der.sequence(der.oid(_EC_KEY), curve.raw), der.bit_string(point))


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's errors into ours; none of them holds the PIN."""
    errors = _errors() if _library() else None
    try:
        yield
    except errors.PKCS11Error as error:  # type: ignore[union-attr]
        raise translate(error) from error
    except MalformedError as error:
        raise InvalidKeyError(f"密码设备中的公钥无法识别：{error}") from error


def translate(error: Exception) -> SigningError:
    """Answer our error for one of the library's."""
    name = type(error).__name__
    if name in _PIN:
        return TokenPinError(_PIN[name], locked=name == "PinLocked")
    if name in _NOT_FOUND:
        return TokenNotFoundError(_NOT_FOUND[name])
    if name in _MECHANISM:
        return TokenMechanismError("密码设备不支持这一机制，或不能用于这一密钥")
    if name in _GONE:
        return UnavailableError("与密码设备的会话已中断，请重新登录")
    return TokenError(_REFUSED.get(name, f"密码设备拒绝了操作（{name}）"))


_PIN: Final = {
    "PinIncorrect": "密码设备的口令不正确",
    "PinInvalid": "密码设备的口令不正确",
    "PinLenRange": "密码设备的口令不正确",
    "PinLocked": "密码设备的口令已被锁定",
    "PinExpired": "密码设备的口令已过期",
    "UserPinNotInitialized": "密码设备尚未设置用户口令",
}
_NOT_FOUND: Final = {
    "NoSuchToken": "找不到这一标签的密码设备",
    "MultipleTokensReturned": "有多个同一标签的密码设备",
    "NoSuchKey": "密码设备中没有这一密钥",
    "MultipleObjectsReturned": "密码设备中有多个这样的密钥，请同时给出标签与标识",
    "TokenNotPresent": "密码设备未插入",
    "TokenNotRecognised": "密码设备无法识别",
}
_MECHANISM: Final = frozenset(
    {"MechanismInvalid", "MechanismParamInvalid", "KeyTypeInconsistent", "FunctionNotSupported"}
)
_GONE: Final = frozenset(
    {"SessionHandleInvalid", "SessionClosed", "DeviceRemoved", "DeviceError", "DeviceMemory", "UserNotLoggedIn"}
)
_REFUSED: Final = {
    "UserAlreadyLoggedIn": "本进程已登录这一密码设备，请共用同一个 Pkcs11Token",
    "AnotherUserAlreadyLoggedIn": "密码设备已由另一用户登录",
}
