"""The rules of the sandbox's CSC face: who may have which hashes signed, once each, and never without consent or PIN.

Licence keys sign under a consent on the wallet, read from the bytes behind each hash; INTL demonstration keys under a
PIN. A repeated request of one transaction answers the signatures that were made the first time.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import structs

from signing import csc, sm2
from signing.certificates import Certificate, parse_certificate
from signing.errors import InvalidKeyError, KeyServiceRefusedError, UnavailableError, UnsupportedAlgorithmError
from signing.key_use import signs_data
from signing.ports import MAX_STATEMENTS, Credential
from signing.sandbox.csc_errors import CscRefusal, denied, invalid, unavailable
from signing.sandbox.csc_mechanisms import Mechanism, sign_digest
from signing.sandbox.csc_pins import PinBook, PinPolicy
from signing.sandbox.csc_rules import (
    Authorisation,
    Granted,
    Signing,
    Underway,
    read_consent,
    require_alive,
    require_hashes,
    require_signable,
)
from signing.sandbox.csc_state import Asked, Signed, Transaction, Transactions
from signing.sandbox.keys import KeyVault
from signing.sandbox.redeeming import ConsentDesk, RefusedByWalletError
from signing.schemes import InternationalKey

SAD_LIFE: Final = timedelta(minutes=5)
REPLAY: Final = timedelta(minutes=10)
"""How long after its end a SAD still answers the signatures that were made with it."""
ANSWERS_KEPT: Final = timedelta(hours=24)
"""How long a holder may take, and how long an asynchronous answer waits to be fetched."""


class CscService:
    """One CSC service over a vault. Thread-safe; state lies in a folder that one process owns."""

    def __init__(
        self,
        folder: Path,
        *,
        vault: KeyVault,
        desk: ConsentDesk,
        random: Callable[[int], bytes],
        clock: Callable[[], datetime],
    ) -> None:
        """Open the folder, or make it; `desk` reaches the wallet, `clock` answers aware UTC instants."""
        self._transactions = Transactions(folder / "transactions", random)
        self._pins = PinBook(folder / "pins.json")
        self._vault, self._desk, self._random, self.now = vault, desk, random, clock

    # Credentials

    def add_demonstration(
        self,
        credential: str,
        key: InternationalKey,
        certificate: bytes,
        chain: Sequence[bytes],
        *,
        pin: str,
        scal: Literal["1", "2"] = "2",
        multisign: int = 10,
    ) -> Credential:
        """Hold an INTL demonstration key under a PIN; InvalidKeyError if the certificate is of another key."""
        made = self._vault.add(credential, key, certificate, chain)
        self._pins.put(credential, pin, scal=scal, multisign=multisign, random=self._random)
        return made

    def disable(self, credential: str) -> None:
        """Take a demonstration key out of use."""
        self._pins.disable(credential)

    def find(self, credential: str) -> Credential:
        """Answer a credential; CscRefusal."""
        try:
            return self._vault.find(credential)
        except InvalidKeyError:
            raise invalid("credentialID", "credential_unknown") from None

    def owned_by(self, owner: str) -> tuple[Credential, ...]:
        """Answer the credentials of one owner; CscRefusal if there is none."""
        found = self._vault.ring(owner).credentials
        if not found:
            raise CscRefusal(
                "Invalid parameter userID", "licence_unknown", detail="没有这个执照。请核对统一社会信用代码。"
            )
        return found

    def policy(self, credential: str) -> PinPolicy | None:
        """Answer how a credential is authorised by PIN; None for one that signs under a consent."""
        return self._pins.find(credential)

    def is_enabled(self, credential: Credential) -> bool:
        """Answer whether the key may sign at all: a signing certificate, not taken out of use."""
        policy, certificate = self.policy(credential.id), parse_certificate(credential.certificate)
        by_consent = policy is None and isinstance(certificate.public_key, sm2.PublicKey)
        return signs_data(certificate) and (by_consent or (policy is not None and policy.enabled))

    # Authorisation

    def authorize(self, request: Authorisation) -> Granted | Underway:
        """Authorise a transaction; CscRefusal. Nothing is signed and no consent is spent by this."""
        at, certificate = self.now(), self._usable(request.credential)
        policy = self.policy(request.credential)
        require_hashes(request, most=policy.multisign if policy else MAX_STATEMENTS)
        if policy is None:
            return self._authorize_consent(request, certificate, at)
        self._require_pin(request, policy, at)
        return self._grant(self._transactions.put(self._open(request, at, at + SAD_LIFE + REPLAY)).id, at)

    def check(self, handle: str) -> Granted | Underway:
        """Answer how an authorisation stands; CscRefusal. May be repeated: each SAD replaces the one before."""
        at = self.now()
        transaction = self._transactions.find(handle, "handle", at)
        if transaction is None:
            raise invalid("handle", "handle_invalid")
        if not transaction.signed and self._require_open(transaction.consent) == "pending":
            return Underway(handle)
        return self._grant(transaction.id, at)

    def extend(self, credential: str, sad: str, hashes: tuple[bytes, ...], digest: str) -> Granted:
        """Bind the rest of a PIN transaction to new hashes; the old SAD ends. CscRefusal."""
        at = self.now()
        transaction = self._find(credential, sad, at)
        policy = self.policy(credential)
        if policy is None:
            raise CscRefusal("A consent lists all hashes at once", "extend_not_allowed")
        require_alive(transaction, at)
        left = transaction.number - len(transaction.signed)
        request = Authorisation(credential, left, hashes, digest or transaction.digest, {}, "")
        require_hashes(request, most=left)
        if policy.scal == "2" and not hashes:
            raise CscRefusal("Missing (or invalid type) array parameter hashes", "malformed_request")
        return self._grant(transaction.id, at, hashes=hashes, digest=request.digest)

    # Signatures

    def sign(self, request: Signing) -> tuple[bytes, ...]:
        """Sign, or answer what was signed before in this transaction; CscRefusal."""
        at = self.now()
        return self._complete(self._find(request.credential, request.sad, at).id, request, at)

    def ask(self, request: Signing, *, kept: timedelta) -> str:
        """Take a request for asynchronous signing, answering its responseID; CscRefusal."""
        at = self.now()
        transaction = self._find(request.credential, request.sad, at)
        require_signable(transaction, request, self._usable(request.credential), at)
        token, digest = self._transactions.issue(transaction.id)
        mechanism = request.mechanism
        asked = Asked(request.hashes, mechanism.oid, mechanism.digest, mechanism.salt)
        self._change(transaction.id, at + kept, response=digest, asked=asked)
        return token

    def poll(self, response: str) -> tuple[bytes, ...] | None:
        """Answer the signatures of an asynchronous request, None while there are none yet; CscRefusal."""
        transaction = self._transactions.find(response, "response", self.now())
        if transaction is None or transaction.asked is None:
            raise invalid("requestID", "response_invalid")
        asked = transaction.asked
        mechanism = Mechanism(asked.algorithm, asked.digest, asked.salt)
        try:
            return self._complete(transaction.id, Signing(transaction.credential, "", asked.hashes, mechanism), None)
        except CscRefusal as refusal:
            if refusal.code in ("consent_not_confirmed", "signing_in_progress"):
                return None
            raise

    # Steps

    def _usable(self, credential: str) -> Certificate:
        held = self.find(credential)
        certificate = parse_certificate(held.certificate)
        if not self.is_enabled(held):
            code = "credential_disabled" if signs_data(certificate) else "credential_unknown"
            raise CscRefusal("The credential identified by credentialID is disabled", code)
        if not certificate.not_before <= self.now() <= certificate.not_after:
            raise CscRefusal("Signing certificate is expired", "certificate_expired")
        return certificate

    def _authorize_consent(self, request: Authorisation, certificate: Certificate, at: datetime) -> Granted | Underway:
        if set(request.factors) - {csc.CONSENT_FACTOR}:
            raise _bad_factor()
        data = read_consent(request, certificate)
        state = self._require_open(data.consent)
        opened = self._open(request, at, at + ANSWERS_KEPT)
        handle, digest = self._transactions.issue(opened.id)
        consented = structs.replace(
            opened, consent=data.consent, statements=data.statements, digest="sm3", handle=digest
        )
        self._transactions.put(consented)
        return Underway(handle) if state == "pending" else self._grant(opened.id, at)

    def _require_open(self, consent: str) -> str:
        """Answer the consent's state, or refuse one that the holder has refused or let pass.

        Whether it is spent already is left to the wallet, at signing: it may have been spent for this transaction.
        """
        state = self._state(consent)
        if state in ("refused", "expired"):
            detail = "授权已被拒绝或过期，请重新发起授权。"
            raise CscRefusal("The holder did not consent", f"consent_{state}", error="access_denied", detail=detail)
        return state

    def _state(self, consent: str) -> str:
        try:
            return self._desk.fetch_state(consent)
        except RefusedByWalletError as error:
            raise denied(error) from error
        except UnavailableError as error:
            raise _wallet_down() from error

    def _require_pin(self, request: Authorisation, policy: PinPolicy, at: datetime) -> None:
        if policy.scal == "2" and not request.hashes:
            raise CscRefusal("Missing (or invalid type) array parameter hashes", "malformed_request")
        if set(request.factors) != {csc.PIN_FACTOR}:
            raise _bad_factor()
        try:
            self._pins.require(request.credential, request.factors[csc.PIN_FACTOR], at=at)
        except KeyServiceRefusedError as error:
            if error.code == "pin_locked":
                raise CscRefusal("Credential locked", "pin_locked", detail="口令连续输错，请 5 分钟后再试。") from error
            raise _bad_factor() from error

    def _open(self, request: Authorisation, at: datetime, until: datetime) -> Transaction:
        name = self._transactions.new_id(at)
        if not name:
            raise CscRefusal("Too many open transactions", "too_many_pending", error="access_denied", status=429)
        return Transaction(name, request.credential, request.number, request.digest, request.hashes, until)

    def _grant(self, name: str, at: datetime, **changes: Any) -> Granted:
        sad, digest = self._transactions.issue(name)
        self._change(name, at + SAD_LIFE + REPLAY, sad=digest, sad_until=at + SAD_LIFE, **changes)
        return Granted(sad, int(SAD_LIFE.total_seconds()))

    def _find(self, credential: str, sad: str, at: datetime) -> Transaction:
        self._usable(credential)
        transaction = self._transactions.find(sad, "sad", at)
        if transaction is None or transaction.credential != credential:
            raise invalid("SAD", "sad_invalid")
        return transaction

    def _complete(self, name: str, request: Signing, at: datetime | None) -> tuple[bytes, ...]:
        """Make what is missing and keep it before answering; one thread at a time has the transaction."""
        if not self._transactions.begin(name):
            raise unavailable("signing_in_progress", "同一请求正在处理，请稍后重试。")
        try:
            transaction = self._transactions.get(name)
            require_signable(transaction, request, self._usable(request.credential), at)
            fresh = [h for h in request.hashes if transaction.signature_of(h, request.mechanism.oid) is None]
            if fresh:
                transaction = self._make(transaction, tuple(dict.fromkeys(fresh)), request.mechanism)
            if transaction.consent:
                self._desk.settle(transaction.consent, name)
        finally:
            self._transactions.end(name)
        made = {one.hash: one.signature for one in transaction.signed if one.algorithm == request.mechanism.oid}
        return tuple(made[one] for one in request.hashes)

    def _make(self, transaction: Transaction, fresh: tuple[bytes, ...], mechanism: Mechanism) -> Transaction:
        if transaction.consent:
            signed = self._sign_consented(transaction, mechanism)
        else:
            key = self._vault.international(transaction.credential)
            signed = tuple(Signed(one, mechanism.oid, _sign(key, mechanism, one)) for one in fresh)
        return self._change(transaction.id, transaction.kept_until, signed=(*transaction.signed, *signed))

    def _change(self, name: str, until: datetime, **changes: Any) -> Transaction:
        """Change some fields of a transaction as it is now, and keep it at least until then."""
        return self._transactions.change(
            name, lambda now: structs.replace(now, kept_until=max(now.kept_until, until), **changes)
        )

    def _sign_consented(self, transaction: Transaction, mechanism: Mechanism) -> tuple[Signed, ...]:
        """Spend the consent on all statements of the transaction, then sign them all."""
        credential, statements = transaction.credential, transaction.statements
        try:
            self._desk.redeem(transaction.consent, credential=credential, statements=statements, attempt=transaction.id)
        except RefusedByWalletError as error:
            raise denied(error) from error
        except UnavailableError as error:
            raise _wallet_down() from error
        pairs = zip(transaction.hashes, statements, strict=True)
        return tuple(
            Signed(digest, mechanism.oid, self._vault.sign_with(credential, one.to_be_signed)) for digest, one in pairs
        )


def _sign(key: InternationalKey, mechanism: Mechanism, digest: bytes) -> bytes:
    try:
        return sign_digest(key, mechanism, digest)
    except (UnsupportedAlgorithmError, ValueError) as error:
        raise invalid("signAlgo", "algorithm_not_allowed") from error


def _bad_factor() -> CscRefusal:
    return CscRefusal("The authentication data is invalid", "pin_wrong", error="invalid_authentication_data")


def _wallet_down() -> CscRefusal:
    return unavailable("wallet_unavailable", "电子营业执照没有应答，本次没有签名，请稍后重试。")
