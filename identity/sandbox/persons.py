"""自然人登记: natural persons enrolled with name and resident id, their certificates, and their signature-seals.

The resident id is personal information (个人信息保护法 51: 加密、去标识化). It is checked, turned into a tag under a
key that lies outside the register, and forgotten; no file, answer or log holds it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from threading import Lock
from typing import Final

import httpx
import msgspec
from msgspec import structs

from identity import wire
from identity.consent import SELF, ConsentFile, ConsentRecord, SignedConsent, encode_consent, encode_record
from identity.errors import PersonExistsError, ResidentIdError, SealMakerFailedError, SealOrderRefusedError
from identity.natural import PersonState, ResidentId
from identity.sandbox.book import Book, Letter, Natural, Person, SealNote
from identity.sandbox.keys import person_key
from identity.sandbox.pins import require_length
from identity.sandbox.platform import LicencePlatform
from identity.sandbox.registrar_letters import NOTICES, MakerLine, with_letter
from signing import canonical
from signing.certificates import parse_certificate
from signing.digests import sm3
from signing.errors import MalformedError
from signing.sandbox.authority import CertificateAuthority, Issued

TITLE: Final = "自然人"
MAKER: Final = "制章单位"
_BEIJING: Final = timezone(timedelta(hours=8))
_OK: Final = (200, 201)
_PERIOD: Final = timedelta(minutes=5)
_REFUSED: Final = range(400, 500)


@dataclass(frozen=True)
class PersonDesk:
    """Enrols natural persons, and speaks for them to the CA and the seal maker. One act at a time."""

    platform: LicencePlatform
    authority: CertificateAuthority
    maker: MakerLine
    lock: Lock

    def enrol(self, request: wire.EnrolRequest) -> wire.PersonStateAnswer:
        """Enrol a natural person: certificate, key and password. ResidentIdError, PersonExistsError."""
        require_length(request.pin)
        resident, at = ResidentId(request.resident_id), self.platform.now()
        resident.require_of_age(at.astimezone(_BEIJING).date())
        if resident in request.name.upper():
            raise ResidentIdError("姓名栏里是公民身份号码，请填写姓名")
        tag = self.platform.residents(resident)
        with self.lock:
            if any(one.tag == tag for one in self.platform.register.read().naturals.values()):
                raise PersonExistsError(resident.masked)
            person = f"P{self.platform.random(6).hex()}"
            self._install(person, self._issue(person, request.name))
            self.platform.pins.put(person, request.pin)
            natural = Natural(tag, resident.masked, PersonState.ACTIVE, at, "自然人登记")
            self._enter(person, request.name, natural)
        return self.answer(person)

    def answer(self, person: str) -> wire.PersonStateAnswer:
        """Answer a natural person and their state now; PersonUnknownError."""
        book = self.platform.register.read()
        found, natural = book.person_answer(person), book.natural(person)
        seals = tuple(wire.SealAnswer(one.number, one.kind, one.name) for one in natural.seals)
        return wire.PersonStateAnswer(**vars(found), masked_id=natural.masked_id, seals=seals)

    def revoke(self, person: str, request: wire.PersonRevocation) -> wire.PersonStateAnswer:
        """Revoke the certificate at the person's wish; their seal goes with it. Twice changes nothing."""
        at = self._require_own(person, request.pin)
        with self.lock:
            if self._end(person, "cessationOfOperation", at):
                self._change(person, PersonState.REVOKED, request.reason)
        self.maker.deliver(self.platform)
        return self.answer(person)

    def renew(self, person: str, request: wire.PersonRenewal) -> wire.PersonStateAnswer:
        """Give a person a new key and certificate; the old certificate is superseded, and its seal cancelled."""
        at = self._require_own(person, request.pin)
        with self.lock:
            self._end(person, "superseded", at)
            self._install(person, self._issue(person, self.platform.register.read().person(person).name))
            self._change(person, PersonState.ACTIVE, "个人证书更新")
        self.maker.deliver(self.platform)
        return self.answer(person)

    def make_seal(self, person: str, request: wire.PersonSealRequest) -> wire.PersonStateAnswer:
        """Have the maker make the person's signature-seal, in the place of an older one; their key signs the consent.

        SealOrderRefusedError with the maker's words, SealMakerFailedError, PersonRevokedError.
        """
        self._require_own(person, request.pin)
        with self.lock:
            self.platform.register.read().natural(person).state.require()
            order = self._order(person, request.appearance)
            made = self._ask(structs.replace(order, consent=self._consent(order)))
            self.platform.register.change(partial(_noted, person=person, made=made))
        return self.answer(person)

    # Inside

    def _require_own(self, person: str, pin: str) -> datetime:
        """Pass if this is a natural person, and their password; answer the instant."""
        at = self.platform.now()
        self.platform.register.read().natural(person)
        self.platform.pins.require(person, pin, at=at)
        return at

    def _end(self, person: str, reason: str, at: datetime) -> bool:
        """Revoke the certificate that the person holds; answer whether there was one to revoke."""
        book = self.platform.register.read()
        if book.natural(person).state is PersonState.REVOKED:
            return False
        self.authority.revoke(parse_certificate(book.person(person).certificate).serial, reason, at)
        return True

    def _issue(self, person: str, name: str) -> Issued:
        return self.authority.issue_person(name, company="", uscc="", title=TITLE, person_id=person)

    def _install(self, person: str, issued: Issued) -> None:
        self.platform.vault.add(person_key(person), issued.key, issued.certificate, issued.chain)

    def _enter(self, person: str, name: str, natural: Natural) -> None:
        """Enter the person with the certificate that the vault holds for them."""
        certificate = self.platform.vault.find(person_key(person)).certificate
        held = Person(person, name, "", person_key(person), certificate)

        def rule(book: Book) -> tuple[Book, None]:
            persons, naturals = {**book.persons, person: held}, {**book.naturals, person: natural}
            return structs.replace(book, persons=persons, naturals=naturals), None

        self.platform.register.change(rule)

    def _change(self, person: str, state: PersonState, reason: str) -> None:
        """Enter a new state with the certificate of now, and write to the maker that the old seal is over."""
        at, certificate = self.platform.now(), self.platform.vault.find(person_key(person)).certificate
        notice = {"uscc": "", "person": person, "cause": "certificate-changed", "reason": reason, "actor": TITLE}
        letter = Letter("", NOTICES, canonical.encode(notice))

        def rule(book: Book) -> tuple[Book, None]:
            held = structs.replace(book.person(person), certificate=certificate)
            natural = structs.replace(book.natural(person), state=state, state_since=at, reason=reason, seals=())
            persons, naturals = {**book.persons, person: held}, {**book.naturals, person: natural}
            return with_letter(structs.replace(book, persons=persons, naturals=naturals), letter), None

        self.platform.register.change(rule)

    def _order(self, person: str, appearance: wire.SealAppearance) -> wire.PersonSealOrder:
        book = self.platform.register.read()
        held, seals = book.person(person), book.natural(person).seals
        certificate = parse_certificate(held.certificate)
        return wire.PersonSealOrder(
            v=1,
            person=person,
            name=held.name,
            certificate=held.certificate,
            not_before=certificate.not_before,
            not_after=certificate.not_after,
            appearance=appearance,
            replaces=seals[-1].number if seals else "",
        )

    def _consent(self, order: wire.PersonSealOrder) -> bytes:
        """Have the person's own key sign that this seal, and no other, is to be made."""
        asked, at = canonical.encode(order), self.platform.now()
        record = encode_record(
            ConsentRecord(
                v=1,
                act="apply-seal",
                uscc="",
                company="",
                person=order.person,
                person_name=order.name,
                authorisation=SELF,
                audience=MAKER,
                files=(ConsentFile("个人签名章制作申请", 0, len(asked), sm3(asked).hex()),),
                seal="",
                section="",
                params_sm3="",
                nonce=self.platform.random(16).hex(),
                not_before=at,
                not_after=at + _PERIOD,
            )
        )
        signature = self.platform.vault.sign_with(person_key(order.person), record)
        return encode_consent(SignedConsent(1, record, signature, order.certificate))

    def _ask(self, order: wire.PersonSealOrder) -> tuple[SealNote, ...]:
        try:
            answer = self.maker.post("/maker/person-seals", canonical.encode(order))
            if answer.status_code in _REFUSED:
                raise SealOrderRefusedError(_words(answer))
            if answer.status_code not in _OK:
                raise SealMakerFailedError(f"HTTP {answer.status_code}")
            made = msgspec.json.decode(answer.content, type=wire.MakerAnswer).seals
        except (httpx.HTTPError, msgspec.MsgspecError) as error:
            raise SealMakerFailedError(str(error)) from error
        return tuple(SealNote(one.number, one.kind, one.name) for one in made)


def _words(answer: httpx.Response) -> str:
    """Answer what the maker said; it speaks to people."""
    try:
        return canonical.decode_lenient(answer.content, wire.Problem).detail.rstrip("。")
    except MalformedError:
        return f"HTTP {answer.status_code}"


def _noted(book: Book, *, person: str, made: tuple[SealNote, ...]) -> tuple[Book, None]:
    """Note the seal of now; the one before was cancelled by the maker in the same act."""
    changed = structs.replace(book.natural(person), seals=made)
    return structs.replace(book, naturals={**book.naturals, person: changed}), None
