"""The licence platform's key service for the sandbox (仿真签名服务): it holds keys and signs what a consent lists.

Keys lie in a folder, one file each, sealed with SM4-GCM under a secret that a passphrase opens. Over HTTP nothing is
signed before the wallet has redeemed the consent for exactly these statements.
"""

from collections.abc import Callable, Mapping, Sequence
from hmac import compare_digest
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Final

import httpx
from cryptography.hazmat.primitives import serialization
from litestar import Response, Router, get, post
from litestar.params import FromPath, RawBody
from msgspec import Meta, Struct

from signing import canonical, sm2
from signing.certificates import parse_certificate
from signing.digests import sm3
from signing.errors import DecryptionError, InvalidKeyError, KeystoreError, MalformedError, UnavailableError
from signing.key_use import require_pair, require_signing_certificate
from signing.keystore import load_secret, save_secret
from signing.ports import MAX_STATEMENTS, Credential, KeyRing, Statement
from signing.sandbox.files import replace_file
from signing.sandbox.problems import PROBLEM_JSON, problem
from signing.sandbox.redeeming import ConsentDesk, ConsentLedger, RefusedByWalletError, WalletUnclearError
from signing.schemes import InternationalKey
from signing.sm2 import PrivateKey
from signing.sm2_encoding import SCALAR
from signing.sm4 import Sm4Gcm

Key = PrivateKey | InternationalKey
_NONCE: Final = 12


class SealedKey(Struct, frozen=True, forbid_unknown_fields=True):
    """One key at rest: its credential in the clear, the scalar (PKCS#8 of an INTL key) sealed with its id as AAD."""

    credential: Credential
    nonce: bytes
    sealed: bytes


class SignRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /keys/sign`."""

    credential: Annotated[str, Meta(min_length=1, max_length=100)]
    consent: Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{1,64}\Z")]
    statements: Annotated[tuple[Statement, ...], Meta(min_length=1, max_length=MAX_STATEMENTS)]


class KeyVault:
    """All keys of the sandbox's licences and persons, and its INTL demonstration keys. Thread-safe."""

    def __init__(self, folder: Path, passphrase: str, *, random: Callable[[int], bytes]) -> None:
        """Open the folder, or start an empty one; KeystoreError for a wrong passphrase or a damaged key."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        secret = folder / "vault.key"
        if not secret.exists():
            save_secret(secret, random(32), passphrase, random)
        self._folder, self.random, self._lock = folder, random, Lock()
        self._cipher = Sm4Gcm(load_secret(secret, passphrase)[:16])
        self.ledger = ConsentLedger(folder / "consents.json")
        self._keys: Mapping[str, tuple[Key, Credential]] = {}
        for file in sorted(folder.glob("*.sealed")):
            key, credential = self._unseal(file)
            self._keys = {**self._keys, credential.id: (key, credential)}

    def add(self, credential: str, key: Key, certificate: bytes, chain: Sequence[bytes]) -> Credential:
        """Take a key under a name (`role:owner`), replacing an older one of that name.

        InvalidKeyError if the certificate is of another key.
        """
        require_pair(parse_certificate(certificate), _public(key))
        made = Credential(credential, credential.partition(":")[0], certificate, tuple(chain))
        nonce = self.random(_NONCE)
        sealed = SealedKey(made, nonce, self._cipher.seal(nonce, _encode(key), credential.encode()))
        with self._lock:
            replace_file(self._folder / f"{sm3(credential.encode()).hex()[:32]}.sealed", canonical.encode(sealed))
            self._keys = {**self._keys, credential: (key, made)}
        return made

    def find(self, credential: str) -> Credential:
        """Answer a credential; InvalidKeyError if there is none of that name."""
        return self._get(credential)[1]

    def ring(self, owner: str) -> KeyRing:
        """Answer the credentials of one owner, as in `unit:{owner}`; without its persons'."""
        held = (credential for _, credential in self._keys.values())
        return KeyRing(tuple(c for c in held if compare_digest(c.id.partition(":")[2].encode(), owner.encode())))

    def sign_with(self, credential: str, message: bytes) -> bytes:
        """Sign SM3(Z || message), DER: for the wallet in the same process, which has asked its person.

        InvalidKeyError for an unknown credential, or one whose certificate is not for signing.
        """
        self.require_signing(credential)
        key = self._get(credential)[0]
        return sm2.sign(key, message) if isinstance(key, PrivateKey) else key.sign(message)

    def international(self, credential: str) -> InternationalKey:
        """Answer an INTL demonstration key; InvalidKeyError for an unknown credential, and for every licence key."""
        key = self._get(credential)[0]
        if isinstance(key, PrivateKey):
            raise InvalidKeyError(f"{credential} signs under a consent only")
        return key

    def require_signing(self, credential: str) -> None:
        """Raise InvalidKeyError unless the credential is here and its certificate is for signing."""
        require_signing_certificate(parse_certificate(self.find(credential).certificate))

    def _get(self, credential: str) -> tuple[Key, Credential]:
        try:
            return self._keys[credential]
        except KeyError:
            raise InvalidKeyError(f"no credential {credential}") from None

    def _unseal(self, file: Path) -> tuple[Key, Credential]:
        try:
            kept = canonical.decode(file.read_bytes(), SealedKey)
            key = _decode(self._cipher.open(kept.nonce, kept.sealed, kept.credential.id.encode()))
            # The certificate lies in the clear: another one would give an encryption key the right to sign.
            require_pair(parse_certificate(kept.credential.certificate), _public(key))
        except (MalformedError, DecryptionError, InvalidKeyError) as error:
            raise KeystoreError(f"{file.name} is damaged") from error
        return key, kept.credential


def _public(key: Key) -> sm2.PublicKey | bytes:
    return key.public if isinstance(key, PrivateKey) else key.public_key


def _encode(key: Key) -> bytes:
    if isinstance(key, PrivateKey):
        return key.scalar()
    form, protection = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private.private_bytes(serialization.Encoding.DER, form, protection)


def _decode(data: bytes) -> Key:
    if len(data) == SCALAR:
        return PrivateKey.from_scalar(data)
    private = serialization.load_der_private_key(data, None, unsafe_skip_rsa_key_validation=True)
    return InternationalKey(private)  # type: ignore[arg-type]  # nothing else was sealed, and the seal is unbroken


def create_router(vault: KeyVault, *, wallet: httpx.Client, wallet_url: str) -> Router:
    """Serve `GET /keys/{uscc}` and `POST /keys/sign`; the wallet at `wallet_url` is asked over HTTP."""
    desk = ConsentDesk(vault.ledger, wallet, wallet_url)

    @get("/{uscc:str}", sync_to_thread=True)
    def fetch_ring(uscc: FromPath[str]) -> Response[Any]:
        """证书."""
        ring = vault.ring(uscc)
        if not ring.credentials:
            return problem(404, "licence_unknown", "没有这个执照", "请核对统一社会信用代码。")
        return Response(canonical.encode(ring), media_type="application/json")

    @post("/sign", status_code=200, sync_to_thread=True)
    def sign(body: RawBody) -> Response[Any]:
        """签名."""
        try:
            request = canonical.decode_lenient(body, SignRequest)
        except MalformedError:
            return problem(400, "malformed_request", "请求格式错误", "请按接口文档提交密钥名称、授权编号和待签内容。")
        try:
            vault.require_signing(request.credential)
        except InvalidKeyError:
            return problem(
                404, "credential_unknown", "没有可签名的密钥", "请先查询该执照的证书，再选择其中的签名密钥。"
            )
        refusal = _redeem(desk, request, f"keys/{vault.random(8).hex()}")
        if refusal is not None:
            return refusal
        signatures = [vault.sign_with(request.credential, one.to_be_signed) for one in request.statements]
        return Response(canonical.encode({"signatures": signatures}), media_type="application/json")

    return Router(path="/keys", route_handlers=[fetch_ring, sign])


def _redeem(desk: ConsentDesk, request: SignRequest, attempt: str) -> Response[Any] | None:
    """Have the wallet spend the consent on these statements; a refusal is passed on as it came."""
    try:
        desk.redeem(request.consent, credential=request.credential, statements=request.statements, attempt=attempt)
    except RefusedByWalletError as error:
        return Response(error.body, status_code=error.status, media_type=PROBLEM_JSON)
    except WalletUnclearError:
        return problem(502, "wallet_answer_unclear", "电子营业执照的答复无法理解", "请稍后重试，本次没有签名。")
    except UnavailableError:
        return problem(503, "wallet_unavailable", "电子营业执照没有应答", "请稍后重试，本次没有签名。")
    desk.settle(request.consent, attempt)
    return None
