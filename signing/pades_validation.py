"""A second opinion on PDF signatures: pyHanko with SM2 and SM3 taught to it. Our own judge is `sealing.verify`.

`install` extends the library's tables once (the OCSP rule included that makes its own validation context); the
functions answer what the library says, as plain values. Its answer is one input, never the verdict.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from signing import sm2
from signing.digests import sm3
from signing.errors import BadSignatureError, InvalidKeyError, MalformedError, SigningError, UnsupportedAlgorithmError
from signing.pades import ValidationData
from signing.pdf_reading import UnreadablePdfError, is_library_error
from signing.registrations import register

_SM2_OIDS: Final = frozenset({"1.2.156.10197.1.501", "1.2.156.10197.1.301.1", "1.2.156.10197.1.301"})


@dataclass(frozen=True)
class Opinion:
    """What the library says of one signature.

    `coverage` and `changes` are its words (ENTIRE_FILE, LTA_UPDATES, …; empty when it did not say); `fault` is why
    it could not judge at all.
    """

    field: str
    intact: bool
    valid: bool
    trusted: bool
    coverage: str
    changes: str
    accepted: bool
    fault: str = ""


def install() -> None:
    """Teach pyHanko SM2 and SM3: tables, OCSP identifiers by SM3, and the validator it falls back on. Idempotent."""
    register()
    x509, keys = import_module("asn1crypto.x509"), import_module("asn1crypto.keys")
    if not hasattr(x509.Name, "sm3"):
        x509.Name.sm3 = property(lambda name: sm3(name.dump()))
        keys.PublicKeyInfo.sm3 = property(lambda info: sm3(bytes(info["public_key"])))
    # for responders with id-pkix-ocsp-nocheck the library builds a fresh context, without the validator it was given
    context: Any = import_module("pyhanko_certvalidator.context")
    context.DefaultSignatureValidator = make_validator_class()


@cache
def make_validator_class() -> Any:
    """Answer a class of the library's SignatureValidator that verifies SM2 by `signing.sm2` and leaves others to it."""
    validate: Any = import_module("pyhanko_certvalidator.sig_validate")

    class Sm2SignatureValidator(validate.DefaultSignatureValidator):  # type: ignore[misc]
        """SM2 with SM3 under the standard identity; everything else as the library does it."""

        def validate_signature(
            self,
            signature: bytes,
            signed_data: bytes,
            public_key_info: Any,
            signature_algorithm: Any,
            context: Any = validate.DEFAULT_VALIDATION_CONTEXT,
        ) -> None:
            """Raise InvalidSignature unless the value is of this key."""
            if signature_algorithm["algorithm"].dotted not in _SM2_OIDS:
                super().validate_signature(signature, signed_data, public_key_info, signature_algorithm, context)
                return
            _verify_sm2(signature, signed_data, public_key_info, prehashed=context.prehashed)

    return Sm2SignatureValidator


def _verify_sm2(signature: bytes, signed_data: bytes, public_key_info: Any, *, prehashed: bool) -> None:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - what the library expects

    if prehashed:  # only SM3(M) is left, and SM2 signs SM3(Z | M)
        raise UnsupportedAlgorithmError("SM2 over a content without signed attributes")
    try:
        sm2.verify(sm2.PublicKey(bytes(public_key_info["public_key"])), signed_data, signature)
    except (BadSignatureError, InvalidKeyError, MalformedError) as error:
        raise InvalidSignature from error


def ask_library(
    path: Path,
    *,
    roots: Sequence[bytes],
    data: ValidationData | None = None,
    at: datetime,
    timestamp_roots: Sequence[bytes] = (),
) -> tuple[Opinion, ...]:
    """Ask the library about every signature and document timestamp that it recognises, as of `at`; nothing is fetched.

    `roots` are DER. Raises UnreadablePdfError for a file that it cannot open.
    """
    install()
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)  # its log repeats what we report ourselves
    known = data or ValidationData()
    with _open_reader(path) as reader:
        embedded = [*reader.embedded_signatures]
        return tuple(_ask(one, roots, timestamp_roots or roots, known, at) for one in embedded)


@contextmanager
def _open_reader(path: Path) -> Iterator[Any]:
    with path.open("rb") as stream:
        try:
            yield import_module("pyhanko.pdf_utils.reader").PdfFileReader(stream, strict=False)
        except SigningError:
            raise
        except Exception as error:  # a library that reads hostile files may raise anything at all
            if not is_library_error(error):
                raise
            raise UnreadablePdfError(f"{type(error).__name__}: {str(error)[:200]}") from error


def ask_library_for_lasting(path: Path, field: str, *, roots: Sequence[bytes], at: datetime) -> str:
    """Ask for the AdES verdict (EN 319 102-1 5.6) on one signature with what is inside the file only: e.g. "PASSED".

    Answers "…: reason" for anything else. Raises UnreadablePdfError for a file without that field.
    """
    install()
    ades, declared = import_module("pyhanko.sign.validation.ades"), import_module("pyhanko.sign.validation.policy_decl")
    with _open_reader(path) as reader:
        found = [one for one in reader.embedded_regular_signatures if one.field_name == field]
        if not found:
            raise UnreadablePdfError(f"no signature {field!r}")
        spec = declared.PdfSignatureValidationSpec(_specify(roots))
        timing = import_module("pyhanko_certvalidator.ltv.types").ValidationTimingInfo(at, at, False)
        try:
            result = asyncio.run(ades.ades_lta_validation(found[0], spec, timing_info=timing))
        except Exception as error:  # noqa: BLE001 - a library that reads hostile files may raise anything at all
            return f"FAULT: {type(error).__name__}: {str(error)[:200]}"
    status = result.ades_subindic.status.name
    return status if status == "PASSED" else f"{status}: {result.ades_subindic} {result.failure_msg or ''}"


def _specify(roots: Sequence[bytes]) -> Any:
    context, registry = import_module("pyhanko_certvalidator.context"), import_module("pyhanko_certvalidator.registry")
    policy = import_module("pyhanko_certvalidator.policy_decl")
    declared = import_module("pyhanko.sign.validation.policy_decl")
    settings = import_module("pyhanko.sign.validation.settings")
    anchors = registry.SimpleTrustManager.build(trust_roots=[_certificate(root) for root in roots])
    required = policy.CertRevTrustPolicy(policy.REQUIRE_REVINFO)
    trust = context.CertValidationPolicySpec(
        trust_manager=anchors, revinfo_policy=required, signature_validator=make_validator_class()()
    )
    usage = settings.KeyUsageConstraints(key_usage={"digital_signature"})
    local = declared.RevocationInfoGatheringSpec(online_fetching_rule=declared.RevinfoOnlineFetchingRule.LOCAL_ONLY)
    return declared.SignatureValidationSpec(
        cert_validation_policy=trust,
        ts_cert_validation_policy=trust,
        key_usage_settings=usage,
        revinfo_gathering_policy=local,
    )


def _ask(
    embedded: Any, roots: Sequence[bytes], timestamp_roots: Sequence[bytes], data: ValidationData, at: datetime
) -> Opinion:
    validation = import_module("pyhanko.sign.validation")
    contexts = [_context(trusted, data, at) for trusted in (roots, timestamp_roots)]
    name = str(embedded.field_name)
    try:
        if str(embedded.sig_object["/Type"]) == "/DocTimeStamp":
            status = asyncio.run(validation.async_validate_pdf_timestamp(embedded, contexts[1]))
            accepted = status.intact and status.valid and status.trusted
        else:
            judged = validation.async_validate_pdf_signature(embedded, *contexts)
            status = asyncio.run(judged)
            accepted = status.bottom_line
    except Exception as error:  # noqa: BLE001 - a library that reads hostile files may raise anything at all
        fault = f"{type(error).__name__}: {str(error)[:200]}"
        return Opinion(name, False, False, False, "", "", False, fault)
    changes = getattr(status, "modification_level", None)
    coverage = getattr(status.coverage, "name", "")
    return Opinion(
        name,
        intact=bool(status.intact),
        valid=bool(status.valid),
        trusted=bool(status.trusted),
        coverage=coverage,
        changes=getattr(changes, "name", ""),
        accepted=bool(accepted),
    )


def _context(roots: Sequence[bytes], data: ValidationData, at: datetime) -> Any:
    crl, ocsp = import_module("asn1crypto.crl"), import_module("asn1crypto.ocsp")
    return import_module("pyhanko_certvalidator").ValidationContext(
        trust_roots=[_certificate(root) for root in roots],
        other_certs=[_certificate(one) for one in data.certificates],
        crls=[crl.CertificateList.load(one) for one in data.crls],
        ocsps=[ocsp.OCSPResponse.load(one) for one in data.ocsps],
        moment=at,
        allow_fetching=False,
        revocation_mode="require" if data.crls or data.ocsps else "soft-fail",
        signature_validator=make_validator_class()(),
    )


def _certificate(data: bytes) -> Any:
    return import_module("asn1crypto.x509").Certificate.load(data)
