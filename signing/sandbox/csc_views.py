"""What the sandbox's CSC face tells of itself and of its credentials, in the names of v2.0.0.2 and of v1.0.4."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from signing import csc
from signing.certificates import Certificate, parse_certificate
from signing.ports import MAX_STATEMENTS, Credential
from signing.sandbox.csc_mechanisms import describe_key
from signing.sandbox.csc_pins import PinPolicy
from signing.sandbox.csc_service import CscService

Version = Literal["v1", "v2"]
Certificates = Literal["none", "single", "chain"]
SPECS: Final[Mapping[Version, str]] = {"v1": "1.0.4.0", "v2": "2.0.0.2"}
_LOGO: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
"""One transparent pixel: `info` must name a picture."""
_ALGORITHMS: Final = (
    csc.SM2_WITH_SM3,
    "1.2.840.113549.1.1.1",
    "1.2.840.113549.1.1.11",
    "1.2.840.113549.1.1.12",
    "1.2.840.113549.1.1.13",
    "1.2.840.113549.1.1.10",
    "1.2.840.10045.4.3.2",
    "1.2.840.10045.4.3.3",
    "1.2.840.10045.4.3.4",
)


def describe_service(version: Version, methods: tuple[str, ...]) -> dict[str, Any]:
    """Answer the body of `info`."""
    facts: dict[str, Any] = {
        "specs": SPECS[version],
        "name": "Yizhao sandbox key service",
        "logo": _LOGO,
        "region": "CN",
        "lang": "en-US",
        "description": "Sandbox key service of the e-licence platform; docs/format/csc.md tells how consents travel",
        "authType": ["external"],
        "methods": list(methods),
    }
    if version == "v1":
        return facts
    formats = {"signature_formats": {"formats": [], "envelope_properties": []}, "conformance_levels": []}
    return (
        facts
        | formats
        | {
            "asynchronousOperationMode": True,
            "validationInfo": False,
            "signAlgorithms": {"algos": list(_ALGORITHMS)},
        }
    )


def describe_credential(
    service: CscService,
    credential: Credential,
    version: Version,
    *,
    certificates: Certificates,
    cert_info: bool,
    auth_info: bool,
) -> dict[str, Any]:
    """Answer the body of `credentials/info` for one credential, without its id."""
    certificate, policy = parse_certificate(credential.certificate), service.policy(credential.id)
    key = describe_key(certificate.public_key)
    curve = {"curve": key.curve} if key.curve else {}
    status = "enabled" if service.is_enabled(credential) else "disabled"
    return {
        "description": credential.role,
        "key": {"status": status, "algo": list(key.algorithms), "len": key.length, **curve},
        "cert": _describe_certificate(credential, certificate, certificates, service.now(), whole=cert_info),
        **(_auth_v1 if version == "v1" else _auth_v2)(policy, whole=auth_info),
        "SCAL": policy.scal if policy else "2",
        "multisign": policy.multisign if policy else MAX_STATEMENTS,
        "lang": "en-US",
    }


def is_valid(service: CscService, credential: Credential) -> bool:
    """Answer whether the credential can be signed with now."""
    certificate = parse_certificate(credential.certificate)
    return service.is_enabled(credential) and certificate.not_before <= service.now() <= certificate.not_after


def _describe_certificate(
    credential: Credential, certificate: Certificate, wanted: Certificates, at: datetime, *, whole: bool
) -> dict[str, Any]:
    told: dict[str, Any] = {"status": "expired" if at > certificate.not_after else "valid"}
    if wanted != "none":
        chain = (credential.certificate, *credential.chain)[: None if wanted == "chain" else 1]
        told["certificates"] = [base64.b64encode(one).decode() for one in chain]
    if whole:
        told |= {
            "issuerDN": certificate.issuer_name,
            "serialNumber": certificate.serial,
            "subjectDN": certificate.subject_rfc4514,
            "validFrom": f"{certificate.not_before:%Y%m%d%H%M%SZ}",
            "validTo": f"{certificate.not_after:%Y%m%d%H%M%SZ}",
        }
    return told


def _auth_v2(policy: PinPolicy | None, *, whole: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"mode": "explicit"}
    if whole and policy:
        told |= {
            "expression": csc.PIN_FACTOR,
            "objects": [{"type": "Password", "id": csc.PIN_FACTOR, "label": "PIN", "description": "Signature PIN"}],
        }
    elif whole:
        words = "The holder confirms on the e-licence wallet; clientData carries the consent and what is signed"
        factor = {
            "type": "ChallengeResponseOOB",
            "id": csc.CONSENT_FACTOR,
            "label": "Wallet consent",
            "description": words,
        }
        told |= {"expression": csc.CONSENT_FACTOR, "objects": [factor]}
    return {"auth": told}


def _auth_v1(policy: PinPolicy | None, *, whole: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"authMode": "explicit" if policy else "implicit"}
    if whole and policy:
        told["PIN"] = {"presence": "true", "label": "PIN", "description": "Signature PIN"}
        told["OTP"] = {"presence": "false"}
    return told
