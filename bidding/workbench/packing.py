"""Packing (封装): sealed documents become a bundle that nobody can open alone. docs/format/bundle.md 3 to 8.1.

Two steps around the remote licence key: `prepare_bundle` writes everything but the signature into a draft file and
answers what must be signed; `complete_bundle` puts signature and timestamp in and gives the file its name. The key
halves exist in memory only, while `prepare_bundle` runs; documents are passed over twice, in constant memory.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bidding.bundle import MAX_SIGNATURE, parse_bundle
from bidding.bundle_header import Header, parse_header, signed_names
from bidding.errors import MalformedBundleError
from bidding.faults import IncompleteBidError, RecipientError
from bidding.params import SectionParams, params_sm3, parse_params
from bidding.recovery import make_code
from bidding.workbench.contents import PlainStage, Survey, survey_stage
from bidding.workbench.recipients import DeviceKey, Recipients, Rehearser, rehearse
from bidding.workbench.sealing_stage import Named, SealedStage, part_chunks, seal_stage
from signing import canonical, cms, container, sm2
from signing.certificates import Certificate, parse_certificate
from signing.container import Entry
from signing.digests import Sm3, read_chunks, sm3
from signing.errors import BadSignatureError, TimestampError
from signing.timestamps import parse_token

Random = Callable[[int], bytes]


@dataclass(frozen=True)
class PackRequest:
    """What goes into a bundle, for whom, and whose signing certificate will sign it.

    `params` are the canonical section parameters, already verified against the trust list; `devices` the bidder's
    wallet keys, already accepted by `accept_device`; `escrowed` a licence encryption certificate, if the bidder has
    chosen that named downgrade.
    """

    params: bytes
    bidder: str
    stages: tuple[PlainStage, ...]
    devices: tuple[DeviceKey, ...]
    certificate: Certificate
    escrowed: Certificate | None = None


@dataclass(frozen=True)
class PreparedBundle:
    """A draft without signature. `attributes` (DER) are to be signed by the certificate's key, as kind `cms`.

    `manifest_sm3` (hex) is the digest that the consent of act `pack` lists; `size` are the bytes so far.
    `recovery_code` is shown to the bidder once and kept nowhere.
    """

    draft: Path
    entries: tuple[Entry, ...]
    attributes: bytes
    certificate: bytes
    manifest_sm3: str
    header_sm3: str
    size: int
    recovery_code: str = field(repr=False)


@dataclass(frozen=True)
class BundleFile:
    """A finished bundle: where it is, its bytes, and SM3 (hex) of the whole file."""

    path: Path
    size: int
    sm3: str


def prepare_bundle(
    request: PackRequest, draft: Path, *, rehearser: Rehearser, random: Random, at: datetime
) -> PreparedBundle:
    """Check, rehearse and encrypt into `draft`; `at` becomes the claimed signing time.

    Raises IncompleteBidError, RecipientError, RehearsalError, ChangedDocumentError, MalformedParamsError; then no
    file is left.
    """
    params = parse_params(request.params)
    surveys = _survey(request, params)
    code = make_code(random)
    recipients = Recipients(request.devices, request.escrowed, code, random(16))
    named = Named(params.section, params_sm3(request.params), request.bidder)
    sealed = [
        seal_stage(survey, params.stage(survey.stage).opening_key, recipients, named=named, random=random)
        for survey in surveys
    ]
    for stage in sealed:
        rehearse(stage.header, stage.k_b, code=code, rehearser=rehearser)
    stages = tuple(stage.header for stage in sealed)
    header = Header(1, "GM", named.section, named.params_sm3, named.bidder, stages)
    _require_readable(header)
    try:
        entries, manifest = _write(draft, header, sealed)
        _require_size(entries[-1].end + MAX_SIGNATURE, params.max_bundle)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    attributes = cms.prepare_detached(sm3(manifest), request.certificate, at)
    return PreparedBundle(
        draft=draft,
        entries=entries,
        attributes=attributes,
        certificate=request.certificate.der,
        manifest_sm3=sm3(manifest).hex(),
        header_sm3=sm3(canonical.encode(header)).hex(),
        size=entries[-1].end,
        recovery_code=code,
    )


def complete_bundle(prepared: PreparedBundle, signature: bytes, token: bytes, path: Path) -> BundleFile:
    """Put signature and RFC 3161 token in, and rename the draft to `path` once it is durable.

    The token's imprint is SM3(signature). Raises BadSignatureError or TimestampError when one of them is not for this
    draft; the draft then stays as it was.
    """
    certificate = parse_certificate(prepared.certificate)
    _require_signed(certificate, prepared.attributes, signature)
    if parse_token(token).imprint != sm3(signature):
        raise TimestampError("the token is not over this signature")
    message = cms.complete_detached(prepared.attributes, certificate, (), signature, token)
    with prepared.draft.open("r+b") as stream:
        writer = container.ContainerWriter(stream, prepared.entries)
        writer.add(container.SIGNATURE_NAME, [message])
        size = writer.finish()
        stream.flush()
        os.fsync(stream.fileno())
        parse_bundle(stream, size)
        stream.seek(0)
        state = Sm3()
        for chunk in read_chunks(stream):
            state.update(chunk)
    prepared.draft.replace(path)
    _sync_folder(path.parent)
    return BundleFile(path, size, state.hexdigest())


def _require_size(size: int, limit: int) -> None:
    if size > limit:
        raise IncompleteBidError(f"投标文件包有 {size} 字节，超过本标段上限 {limit} 字节")


def _require_readable(header: Header) -> None:
    """Refuse here what every reader would refuse: a device named twice, two recipients with one key."""
    try:
        parse_header(canonical.encode(header))
    except MalformedBundleError as error:
        raise RecipientError(str(error)) from error


def _survey(request: PackRequest, params: SectionParams) -> list[Survey]:
    if request.certificate.may_sign is False or request.bidder not in request.certificate.uscc_candidates[:1]:
        raise RecipientError("签名证书不是投标单位的签名证书")
    if [stage.stage for stage in request.stages] != [stage.id for stage in params.stages]:
        raise IncompleteBidError("每个开标阶段都要有内容，且按顺序给出")
    return [survey_stage(stage, params, bidder=request.bidder) for stage in request.stages]


def _write(draft: Path, header: Header, stages: Sequence[SealedStage]) -> tuple[tuple[Entry, ...], bytes]:
    """Write all entries but the signature; answer them, and the manifest's bytes."""
    data = canonical.encode(header)
    with draft.open("wb") as stream:
        writer = container.ContainerWriter(stream)
        digests = [writer.add(name, chunks) for name, chunks in _contents(header, data, stages)]
        manifest = container.encode_manifest(list(zip(signed_names(header), digests, strict=True)))
        writer.add(container.MANIFEST_NAME, [manifest])
        stream.flush()
        os.fsync(stream.fileno())
    return writer.entries, manifest


def _contents(header: Header, data: bytes, stages: Sequence[SealedStage]) -> Iterator[tuple[str, Iterator[bytes]]]:
    names = iter(signed_names(header))
    yield next(names), iter([container.MIMETYPE])
    yield next(names), iter([data])
    for stage in stages:
        for number in range(len(stage.header.base.parts)):
            yield next(names), part_chunks(stage, number, aad=sm3(data))


def _require_signed(certificate: Certificate, attributes: bytes, signature: bytes) -> None:
    if not isinstance(certificate.public_key, sm2.PublicKey):
        raise BadSignatureError("a bundle is signed with SM2")
    sm2.verify(certificate.public_key, attributes, signature)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
