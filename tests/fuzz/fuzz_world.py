"""The messages that are damaged: made at run time by our own writers, from keys that are always the same."""

import base64
import importlib
import io
import re
import sys
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from bidding.params import encode_params
from bidding.receipt import Batch, Leaf, RootStatement, encode_receipt, root_imprint
from identity.consent import ConsentFile, ConsentRecord, encode_record
from sealing import ses
from sealing.seal import SealKind
from signing import canonical, cms, container, der, keystore, sm2
from signing.algorithms import SM2_SIGNATURE, SM3_DIGEST
from signing.certificate_extensions import GeneralName
from signing.cms_recipients import Sm2DecryptionKey
from signing.cms_signing import encode_prepared, prepare_cms
from signing.container import ContainerWriter
from signing.csc import PendingSignatures, encode_pending, hash_statements
from signing.csr import complete_csr, prepare_csr
from signing.digests import sm3
from signing.enveloped_writing import GB_35275, STANDARD_CBC, STANDARD_GCM, encrypt_enveloped
from signing.issuing import ENCRYPTION, Subject
from signing.key_files import encode_pem, encode_pkcs8, encode_sec1, seal_enveloped_key
from signing.ocsp import CertId, SingleStatus, build_ocsp_failure, build_ocsp_request, build_ocsp_response
from signing.pades import FileState, PreparedSignature, write_prepared
from signing.path import RevocationEvidence
from signing.ports import Statement
from signing.schemes import Sm2Key, generate_international
from signing.signed_data import DATA, SIGNED_DATA
from signing.statement import complete_statement, prepare_statement
from signing.timestamps import build_request, build_response
from signing.trust import TrustedCertificate, TrustList, encode_trust
from signing.trust_updates import encode_update, update_statement

TESTS = Path(__file__).parents[1]
VECTORS = TESTS.parent.parent / "shared" / "vectors"
PASSPHRASE = "fuzz"
CONTENT = b"what was signed"
NONCE = 77


def load(folder: str, name: str) -> Any:
    """Load a helper of other tests."""
    place = str(TESTS / folder)
    if place not in sys.path:
        sys.path.append(place)
    return importlib.import_module(name)


class FuzzWorld:
    """Everything that can be damaged, each made when first asked for."""

    @cached_property
    def pki(self) -> Any:
        return load("sealing", "sealing_world").build_world()

    @property
    def now(self) -> datetime:
        return load("sealing", "sealing_world").NOON

    @property
    def common(self) -> dict[str, Any]:
        return {"anchors": self.pki.trust, "evidence": self.evidence}

    @cached_property
    def evidence(self) -> RevocationEvidence:
        return self.pki.trust.evidence

    @cached_property
    def key(self) -> sm2.PrivateKey:
        return self.pki.unit.key

    @cached_property
    def signature(self) -> bytes:
        return self.pki.unit.sign(CONTENT)

    @cached_property
    def ciphertext(self) -> bytes:
        return sm2.encrypt(self.key.public, CONTENT)

    @cached_property
    def protected_key(self) -> bytes:
        return keystore.protect(self.plain_key, PASSPHRASE, lambda count: bytes(range(count)))

    @cached_property
    def plain_key(self) -> bytes:
        return keystore.encode_key(self.key)

    @cached_property
    def certificates(self) -> list[bytes]:
        people = (self.pki.unit, self.pki.person, self.pki.maker, self.pki.clock, self.pki.stranger)
        foreign = self.files("certs", "*cert.pem", "*.crt", "cfca*.pem")
        return [one.certificate.der for one in people] + foreign

    @cached_property
    def crls(self) -> list[bytes]:
        revoked = load("sealing", "sealing_world").revoke_unit(self.pki, self.now)
        return [*self.pki.trust.crls, revoked.crls[0]]

    @cached_property
    def detached(self) -> list[bytes]:
        unit = self.pki.unit
        attributes = cms.prepare_detached(sm3(CONTENT), unit.certificate, self.now)
        value = unit.sign(attributes)
        tokens = (self.pki.stamp(value), None)
        return [cms.complete_detached(attributes, unit.certificate, [], value, token) for token in tokens]

    @cached_property
    def attached(self) -> list[bytes]:
        return [self.attach(CONTENT)]

    @cached_property
    def attached_to_another(self) -> list[bytes]:
        """Good signatures, over something else."""
        return [self.attach(b"another content")]

    def attach(self, content: bytes) -> bytes:
        """Sign a content that is inside, without attributes."""
        unit = self.pki.unit
        info = der.sequence(
            der.integer(1),
            der.sequence(unit.certificate.issuer_der, der.integer(unit.certificate.serial_number)),
            SM3_DIGEST.encode(),
            SM2_SIGNATURE.encode(),
            der.octet_string(unit.sign(content)),
        )
        inside = der.sequence(der.oid(DATA), der.explicit(0, der.octet_string(content)))
        digests, certificates = der.set_of(SM3_DIGEST.encode()), der.explicit(0, unit.certificate.der)
        body = der.sequence(der.integer(1), digests, inside, certificates, der.set_of(info))
        return der.sequence(der.oid(SIGNED_DATA), der.explicit(0, body))

    @cached_property
    def licences(self) -> Any:
        """The authority that issued the unit's certificate."""
        world = load("sealing", "sealing_world")
        return world.Party(world.key("licence ca"), self.pki.trust.anchors[0].certificate)

    @cached_property
    def encryption(self) -> Any:
        return load("sealing", "sealing_world").declare("encryption", self.licences, key_usage=ENCRYPTION)

    @property
    def encryption_key(self) -> Sm2DecryptionKey:
        return Sm2DecryptionKey(self.encryption.key)

    @cached_property
    def enveloped(self) -> list[bytes]:
        holders = [self.encryption.certificate]
        return [encrypt_enveloped(CONTENT, holders, profile=one) for one in (STANDARD_GCM, STANDARD_CBC, GB_35275)]

    @cached_property
    def ocsps(self) -> list[bytes]:
        unit, ca, at = self.pki.unit.certificate, self.licences.certificate, self.now
        ids = [CertId.of(unit.serial_number, ca, digest) for digest in ("sha1", "sm3")]
        said = [SingleStatus(one, "good", at, at + load("sealing", "sealing_world").DAY) for one in ids]
        said.append(SingleStatus(ids[0], "revoked", at, revoked_at=at, reason="keyCompromise"))
        made = (build_ocsp_response([one], ca, self.licences.sign, produced_at=at) for one in said)
        return [*made, build_ocsp_failure("tryLater")]

    @cached_property
    def ocsp_request(self) -> bytes:
        unit, ca = self.pki.unit.certificate, self.licences.certificate
        return build_ocsp_request([CertId.of(unit.serial_number, ca)], nonce=bytes(16))

    @cached_property
    def csr(self) -> bytes:
        names = (GeneralName(2, b"example.com"),)
        prepared = prepare_csr(Subject("某某公司"), self.key.public, alternative_names=names)
        return complete_csr(prepared, self.pki.unit.sign(prepared.to_be_signed))

    @cached_property
    def csrs(self) -> list[bytes]:
        return [self.csr, *self.files("certs", "*csr.pem")]

    @cached_property
    def key_files(self) -> list[bytes]:
        ours, other = Sm2Key(self.key), generate_international("ecdsa").private
        enveloped = seal_enveloped_key(self.encryption.key, self.key.public, bytes)
        cheap = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(10)
        cipher = cheap.key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256())
        store = pkcs12.serialize_key_and_certificates(b"a", other, None, None, cipher.build(PASSPHRASE.encode()))
        plain = [encode_pkcs8(ours), encode_sec1(self.key), enveloped, store]
        return [*plain, encode_pem("EC PRIVATE KEY", encode_sec1(self.key)), *self.files("keys", "*")]

    @cached_property
    def csr_response(self) -> bytes:
        sealed = seal_enveloped_key(self.encryption.key, self.key.public, bytes)
        signing, encryption = (
            der.set_of(self.pki.unit.certificate.der),
            der.explicit(1, self.encryption.certificate.der),
        )
        return der.sequence(signing, der.explicit(0, sealed), encryption)

    @cached_property
    def prepared_cms(self) -> bytes:
        return encode_prepared(prepare_cms(CONTENT, self.pki.unit.certificate, self.now))

    @cached_property
    def csc_pending(self) -> bytes:
        statements = (Statement("act", b"bytes"),)
        hashes = hash_statements(self.key.public, statements)
        return encode_pending(PendingSignatures("credential", "consent", hashes, statements, handle="handle"))

    @cached_property
    def pades_prepared(self) -> bytes:
        digest = sm3(CONTENT).hex()
        state = FileState(1000, 1, 1)
        unit = self.pki.unit.certificate.der
        places = (0, 100, 500, 500)
        return write_prepared(PreparedSignature(1, "Signature1", places, "sm3", digest, CONTENT, unit, (), state))

    @cached_property
    def foreign_messages(self) -> list[bytes]:
        return self.files("cms", "*.der", "signed*.pem") + self.files("parts", "*.dat")

    @cached_property
    def token(self) -> bytes:
        stamp = load("sealing", "sealing_world").Stamp(sm3(CONTENT), 7, self.now, "1.2.3.4.1", NONCE)
        return load("sealing", "sealing_world").make_token(stamp, self.pki.clock.certificate, self.pki.clock.sign)

    @cached_property
    def timestamp_request(self) -> bytes:
        return build_request(sm3(CONTENT), NONCE)

    @cached_property
    def timestamp_response(self) -> bytes:
        return build_response(self.token)

    @cached_property
    def trust_file(self) -> bytes:
        return encode_trust(self.pki.trust)

    @cached_property
    def params(self) -> bytes:
        return encode_params(load("bidding", "bidding_world").make_section().params)

    @cached_property
    def consent(self) -> bytes:
        file = ConsentFile("投标函.pdf", 2, 12345, sm3(CONTENT).hex())
        who = ("91350100M000100Y43", "仿真建筑有限公司", "P0123456789ab", "张三丰", "legal-representative")
        where = ("投标人工作台", (file,), "", "S-1", "ab" * 32, "0f" * 16)
        names = ("uscc", "company", "person", "person_name", "authorisation")
        more = ("audience", "files", "seal", "section", "params_sm3", "nonce")
        fields = dict(zip((*names, *more), (*who, *where), strict=True))
        later = self.now + load("sealing", "sealing_world").DAY / 200
        return encode_record(ConsentRecord(v=1, act="submit", not_before=self.now, not_after=later, **fields))

    @cached_property
    def trust_update(self) -> bytes:
        """An edition of the list with its publisher's signature."""
        unit = self.pki.unit
        times = {"issued_at": self.now, "next_update": self.now + timedelta(days=30)}
        new = replace(self.pki.trust, number=1, publisher=unit.certificate.sm3, **times)
        return encode_update(new, certificate=unit.certificate.der, signature=unit.sign(update_statement(new)))

    @cached_property
    def certificate_file(self) -> bytes:
        """A certificate in PEM."""
        lines = base64.encodebytes(self.pki.unit.certificate.der)
        return b"-----BEGIN CERTIFICATE-----\n" + lines + b"-----END CERTIFICATE-----\n"

    @cached_property
    def statement(self) -> bytes:
        said = TrustList(1, "n", "1", True, (TrustedCertificate("ab" * 32, ()),), ())
        unit = self.pki.unit
        statement = prepare_statement(said)
        return canonical.encode(complete_statement(statement, unit.sign(statement), unit.certificate.der))

    @cached_property
    def centre(self) -> Any:
        """Another small world, with a trading centre in it."""
        return load("bidding", "bidding_world").World()

    @cached_property
    def bundle(self) -> bytes:
        world, folder = load("bidding", "bidding_world"), Path(tempfile.mkdtemp())
        return world.pack(self.centre, world.make_section(stages=1), folder, size=200).data

    @cached_property
    def receipt(self) -> bytes:
        world, centre = load("bidding", "bidding_world"), self.centre.centre
        said = ("0" * 64, world.BIDDERS[0], 1, "1" * 64, 4096, "AB12", world.NOON, "test", 50, "")
        batch = Batch.of([Leaf(1, world.CENTRE, "S-1", *said)], world.make_random("receipt"))
        root = RootStatement(1, "receipt-root", batch.root, world.CENTRE, centre.certificate.sm3, world.NOON)
        signed = centre.state(canonical.encode(root))
        return encode_receipt(batch.receipts(signed)[0], self.centre.stamp(root_imprint(root)))

    @cached_property
    def container(self) -> bytes:
        stream = io.BytesIO()
        writer = ContainerWriter(stream)
        for name, content in {"mimetype": container.MIMETYPE, "header.json": b"{}", "a/b.bin": b"x" * 50}.items():
            writer.add(name, [content])
        writer.finish()
        return stream.getvalue()

    @cached_property
    def manifest(self) -> bytes:
        return container.encode_manifest([("header.json", sm3(b"{}")), ("a/b.bin", sm3(b""))])

    @cached_property
    def asic_files(self) -> list[bytes]:
        files = load("signing", "signing_asic_files")
        objects = {"a.txt": CONTENT, "投标函.pdf": b"%PDF-1.7"}
        listed = files.manifest(objects)
        rest = {"META-INF/ASiCManifest.xml": listed, "META-INF/signature.p7s": self.sign(listed)}
        simple = {"mimetype": files.ASIC_S, "a.txt": CONTENT, "META-INF/signature.p7s": self.detached[0]}
        contents = ({"mimetype": files.ASIC_E, **objects, **rest}, simple)
        return [files.container(one, method=method) for one in contents for method in (0, 8)]

    @cached_property
    def asic_manifests(self) -> list[bytes]:
        return [load("signing", "signing_asic_files").manifest({"a.txt": CONTENT, "b c": b""})]

    def sign(self, content: bytes) -> bytes:
        unit = self.pki.unit
        attributes = cms.prepare_detached(sm3(content), unit.certificate, self.now)
        value = unit.sign(attributes)
        return cms.complete_detached(attributes, unit.certificate, [], value, self.pki.stamp(value))

    @cached_property
    def pdfs(self) -> list[bytes]:
        world, folder = load("sealing", "sealing_world"), Path(tempfile.mkdtemp())
        draft, sealed = folder / "draft.pdf", folder / "sealed.pdf"
        world.draft_pdf(draft)
        self.pki.apply(draft, sealed, SealKind.LEGAL_REPRESENTATIVE, "legal")
        return [draft.read_bytes(), sealed.read_bytes()]

    @cached_property
    def seals(self) -> list[bytes]:
        return [seal.esl for seal in self.pki.seals.values()][:2] + self.files("esl", "*.esl", "*.der")

    @cached_property
    def seal_signatures(self) -> list[bytes]:
        unit, seal = self.pki.unit, self.seals[0]
        statement = ses.write_statement(seal, self.now, sm3(CONTENT), "whole")
        return [
            ses.write_signature(statement, unit.certificate.der, unit.sign(statement), None),
            *self.files("ses", "*.dat"),
        ]

    def files(self, folder: str, *patterns: str) -> list[bytes]:
        """Read files of others where they lie beside the project; none when they do not."""
        found = [path for pattern in patterns for path in sorted((VECTORS / folder).rglob(pattern))]
        return [_plain(path.read_bytes()) for path in found if path.stat().st_size < 1 << 16]


def _plain(data: bytes) -> bytes:
    pem = re.search(rb"-----BEGIN [A-Z0-9 ]+-----([A-Za-z0-9+/=\s]+)-----END", data)
    return base64.b64decode(pem[1]) if pem else data
