"""The wallet over HTTP, as an asking party sees it; satisfies identity.ports.Wallet."""

from dataclasses import dataclass

from identity import wire
from identity.adapters.http import Platform
from identity.ports import ConsentAnswer, Device, LoginAnswer, Pending


@dataclass(frozen=True)
class HttpWallet:
    """The wallet of one licence platform. Every call raises refusals by name, or LicencePlatformUnavailableError."""

    platform: Platform

    def request_login(self, *, audience: str, purpose: str, challenge: bytes, number: str) -> Pending:
        """Ask for a login; show `url` as a QR code and the two digits beside it."""
        message = wire.LoginRequest(audience, purpose, challenge, number)
        return _pending(self.platform.post("/wallet/logins", message, wire.PendingAnswer))

    def fetch_login(self, login: str) -> LoginAnswer:
        """Answer how the login stands; LoginUnknownError."""
        answer = self.platform.get(f"/wallet/logins/{login}", wire.LoginStateAnswer)
        return LoginAnswer(answer.state, answer.assertion)

    def request_consent(self, record: bytes) -> Pending:
        """Ask for a consent to this canonical ConsentRecord."""
        message = wire.ConsentRequest(record)
        return _pending(self.platform.post("/wallet/consents", message, wire.PendingAnswer))

    def fetch_consent(self, consent: str) -> ConsentAnswer:
        """Answer how the consent stands; ConsentUnknownError."""
        answer = self.platform.get(f"/wallet/consents/{consent}", wire.ConsentStateAnswer)
        return ConsentAnswer(answer.state, answer.signed)

    def fetch_devices(self, uscc: str) -> tuple[Device, ...]:
        """Answer the unit's device keys; the caller verifies each certificate."""
        answers = self.platform.get(f"/wallet/devices/{uscc}", tuple[wire.DeviceAnswer, ...])
        return tuple(Device(answer.id, answer.public_key, answer.certificate) for answer in answers)

    def rehearse(self, device: str, wrap: bytes) -> str:
        """Answer hex SM3("rehearse" | plaintext) of a wrap; WrapUnopenableError."""
        message = wire.RehearseRequest(wrap)
        return self.platform.post(f"/wallet/devices/{device}/rehearse", message, wire.RehearseAnswer).proof

    def release(self, device: str, wrap: bytes, consent: str) -> bytes:
        """Answer the half inside a wrap, under a confirmed consent of act `release` that lists SM3(wrap)."""
        message = wire.ReleaseRequest(wrap, consent)
        return self.platform.post(f"/wallet/devices/{device}/release", message, wire.ReleaseAnswer).half


def _pending(answer: wire.PendingAnswer) -> Pending:
    return Pending(answer.id, answer.url, answer.expires_at)
