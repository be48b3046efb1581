"""`yizhao bundle`: pack a bid on the bidder's own machine, look at a bundle, judge it, open it with both halves."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from bidding.cli.exits import CODES
from signing.checks import Indication, Result, Verdict

if TYPE_CHECKING:
    from bidding.bid_folder import BidFolder
    from bidding.bundle import Bundle
    from bidding.bundle_header import Header, StageHeader
    from bidding.params import SectionParams
    from signing.statement import SignedStatement

AUDIENCE = "投标人电脑上的封装程序"
_KINDS = {"device": "手机钱包", "recovery": "恢复码", "licence-encryption": "执照加密证书（私钥托管）"}
_PARTS = {"readout": "唱标信息", "manifest": "文件清单", "document": "文件"}
_MARKS = {Result.OK: "✓", Result.FAILED: "✗", Result.UNKNOWN: "?"}
_WORDS = {
    Indication.TOTAL_PASSED: "全部通过",
    Indication.TOTAL_FAILED: "不通过",
    Indication.INDETERMINATE: "无法确定",
}
_HALF = 32
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group()
def bundle() -> None:
    """投标文件包：在本机封装，查看，核验，用两份密钥打开。."""


@bundle.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--trust", required=True, type=_FOLDER, help="信任名单文件夹。")
@click.option("--sandbox", required=True, help="执照平台地址（登记机关、钱包、签名、时间戳）。")
@click.option("--uscc", required=True, help="投标单位的统一社会信用代码。")
@click.option("--person", default="", help="办理人编号；默认法定代表人。")
@click.option("--authorisation", default="", help="经办人的授权编号。")
@click.option("--device", default="all", show_default=True, help="用哪部手机钱包解密：设备编号，或 all。")
@click.option("--recovery-file", type=click.Path(path_type=Path), help="把恢复码写到这个新文件（仅本人可读）。")
def pack(
    folder: Path,
    out: Path,
    trust: Path,
    sandbox: str,
    uscc: str,
    person: str,
    authorisation: str,
    device: str,
    recovery_file: Path | None,
) -> int:
    """把 FOLDER（工作台导出的文件夹或 ZIP）封装为 OUT.ytb；明文不离开这台电脑。."""
    from bidding.cli.packing import LocalPacking
    from bidding.wiring.bidder import bidder_ports
    from bidding.workbench.acting import ActingParty, find_actor

    for path in (out, recovery_file):
        if path is not None and path.exists():
            raise click.BadParameter(f"{path} 已存在，不覆盖。")
    with _bid_folder(folder) as bid, bidder_ports(sandbox, trust, _random) as ports:
        actor = find_actor(ports.acting.register, uscc, person=person, authorisation=authorisation)
        party = ActingParty(ports.acting, _now, _random, AUDIENCE, actor)
        file, code = LocalPacking(bid, party, ports.trust, device, recovery_file).run(out)
    click.echo(f"投标文件包：{file.path}")
    click.echo(f"大小：{file.size:,} 字节")
    click.echo(f"SM3：{file.sm3}")
    if recovery_file is None:
        click.echo(f"恢复码（只显示这一次，请抄写并分开保管）：{code}")
    else:
        click.echo(f"恢复码已写入 {recovery_file}，请打印后离线保管。")
    return 0


@bundle.command()
@click.argument("file", type=_FILE)
def inspect(file: Path) -> int:
    """查看包头：谁投的、哪个标段、几个阶段、谁能解密。不需要任何密钥，也不作任何核验。."""
    with _opened(file) as found:
        if found is None:
            return CODES[Indication.REFUSED]
        bundle_, _ = found
        for line in _lines(bundle_.header, bundle_.size):
            click.echo(line)
    return 0


@bundle.command()
@click.argument("file", type=_FILE)
@click.option("--trust", required=True, type=_FOLDER, help="信任名单文件夹。")
@click.option("--params", "params_file", type=_FILE, help="同时核对是否为这份标段参数制作。")
def verify(file: Path, trust: Path, params_file: Path | None) -> int:
    """核验签名、时间戳、每一部分的摘要：退出码 0 全部通过，1 不通过，2 无法确定，4 无法读取。."""
    from bidding.bundle import verify_bundle
    from bidding.workbench.judging import verify_params
    from signing.trust import load_trust

    anchors = load_trust(trust)
    data, signed = _read_params(params_file) if params_file else (None, None)
    with _opened(file) as found:
        if found is None:
            return CODES[Indication.REFUSED]
        parsed, stream = found
        evidence, at = anchors.evidence, _now()
        verdict = verify_bundle(parsed, stream, params=data, anchors=anchors, evidence=evidence, at=at)
        if signed is not None:
            verdict += verify_params(signed, anchors=anchors, evidence=evidence, at=at)
    _tell(file, verdict)
    return CODES[verdict.indication]


@bundle.command("open")
@click.argument("file", type=_FILE)
@click.option("--stage", type=click.IntRange(1, 4), default=1, show_default=True, help="开标阶段。")
@click.option("--kt", required=True, help="开标人的一半：64 位十六进制，或 @文件。")
@click.option("--kb", default="", help="投标人的一半：64 位十六进制，或 @文件。")
@click.option("--recovery-code-file", "code_file", type=_FILE, help="用恢复码得出投标人的一半。")
@click.option("--params", "params_file", type=_FILE, help="同时核对唱标信息的各项与标段参数一致。")
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="写到这个文件夹。")
def open_command(
    file: Path, stage: int, kt: str, kb: str, code_file: Path | None, params_file: Path | None, out: Path
) -> int:
    """用两份密钥重新打开一个阶段：任何人拿到两份都能自己核对开标结果。."""
    from bidding.faults import StageFaultError
    from bidding.params import parse_params
    from bidding.workbench.releasing import half_from_code

    if bool(kb) == bool(code_file):
        raise click.UsageError("请给出 --kb 或 --recovery-code-file 之一。")
    params = parse_params(_read_params(params_file)[0]) if params_file else None
    k_t = _half(kt, "--kt")
    with _opened(file) as found:
        if found is None:
            return CODES[Indication.REFUSED]
        parsed, stream = found
        if stage not in [each.base.stage for each in parsed.header.stages]:
            raise click.BadParameter(f"包里没有第 {stage} 阶段。", param_hint="--stage")
        k_b = half_from_code(parsed.header, stage, code_file.read_text("utf-8")) if code_file else _half(kb, "--kb")
        out.mkdir(parents=True, exist_ok=True)
        try:
            _open_stage(parsed, stream, stage, halves=(k_t, k_b), params=params, out=out)
        except StageFaultError as error:
            click.secho(f"不能打开（{error.code}，责任：{error.fault}）：{error}", fg="red", err=True)
            return CODES[Indication.TOTAL_FAILED]
    return 0


def _open_stage(
    parsed: "Bundle",
    stream: BinaryIO,
    stage: int,
    *,
    halves: tuple[bytes, bytes],
    params: "SectionParams | None",
    out: Path,
) -> None:
    """Write readout, manifest and documents of a stage, and name them; StageFaultError."""
    from bidding.readout import parse_readout
    from bidding.unsealing import open_document, open_file_manifest, open_part, open_readout, unlock_stage
    from signing import canonical

    keys = unlock_stage(parsed, stage, *halves)
    if params is None:
        readout = parse_readout(b"".join(open_part(parsed, stream, keys, "part-1")))
    else:
        readout = open_readout(parsed, stream, keys, params)
    (out / f"stage-{stage}-readout.json").write_bytes(canonical.encode(readout))
    click.echo(f"第 {stage} 阶段唱标信息：")
    for field in readout.fields:
        click.echo(f"  {field.id}：{field.value}")
    manifest = open_file_manifest(parsed, stream, keys)
    (out / f"stage-{stage}-manifest.json").write_bytes(canonical.encode(manifest))
    for document in manifest.documents:
        path = open_document(parsed, stream, keys, document, out)
        click.echo(f"  {path.name}  {document.name}  {document.pages} 页  SM3 {document.sm3}")


def _lines(header: "Header", size: int) -> Iterator[str]:
    yield f"标段：{header.section}"
    yield f"标段参数 SM3：{header.params_sm3}"
    yield f"投标人：{header.bidder}"
    yield f"大小：{size:,} 字节"
    for stage in header.stages:
        yield from _stage_lines(stage)
    strict = "严格模式：只有投标人自己掌握解密密钥" if header.strict else "降级：有一份解密密钥加密给了私钥被托管的证书"
    yield strict


def _stage_lines(stage: "StageHeader") -> Iterator[str]:
    yield f"第 {stage.base.stage} 阶段，{len(stage.base.parts)} 个部分（大小为填充后，不等于原文大小）："
    for part in stage.base.parts:
        yield f"  {part.id}  {_PARTS[part.kind]}  {part.padded:,} 字节"
    yield "  投标人一方的解密人："
    for wrap in stage.wraps:
        yield f"    {_KINDS[wrap.kind]}  {wrap.id}"


def _tell(file: Path, verdict: Verdict) -> None:
    click.secho(f"{verdict.indication}  {_WORDS[verdict.indication]}  {file.name}", bold=True)
    for item in verdict.checks:
        click.echo(f"  {_MARKS[item.result]} {item.code} {item.name} {item.why}".rstrip())
    for warning in verdict.warnings:
        click.echo(f"  ! {warning}")


@contextlib.contextmanager
def _opened(file: Path) -> "Iterator[tuple[Bundle, BinaryIO] | None]":
    """Lend the bundle and its stream; None for what is no bundle, which was told."""
    from bidding.bundle import parse_bundle
    from bidding.errors import MalformedBundleError

    with file.open("rb") as stream:
        try:
            parsed = parse_bundle(stream, file.stat().st_size)
        except MalformedBundleError as error:
            click.secho(f"REFUSED  {file.name}  不是格式正确的投标文件包：{error}", fg="red", err=True)
            yield None
            return
        yield parsed, stream


@contextlib.contextmanager
def _bid_folder(path: Path) -> "Iterator[BidFolder]":
    """Lend the bid folder; a ZIP is unpacked beside nothing else and forgotten afterwards."""
    from bidding.bid_folder import read_bid_folder, read_zip

    if path.is_dir():
        yield read_bid_folder(path)
        return
    with tempfile.TemporaryDirectory(prefix="yizhao-") as name:
        yield read_zip(path, Path(name) / "bid")


def _read_params(path: Path) -> "tuple[bytes, SignedStatement | None]":
    """Read the canonical parameters, bare or inside the tenderer's signed statement (as the centre serves them)."""
    from signing import canonical
    from signing.errors import MalformedError
    from signing.statement import SignedStatement

    with path.open("rb") as stream:
        data = stream.read(canonical.MAX_DOCUMENT + 1)
    try:
        signed = canonical.decode(data, SignedStatement)
    except MalformedError:
        return data, None
    return signed.statement, signed


def _half(text: str, option: str) -> bytes:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise click.BadParameter("读不到这个文件。", param_hint=option) from error
    try:
        half = bytes.fromhex(text)
    except ValueError:
        half = b""
    if len(half) != _HALF:
        raise click.BadParameter("应为 64 位十六进制数。", param_hint=option)
    return half


def _random(size: int) -> bytes:
    return os.urandom(size)  # noqa: TID251 - the edge of the program, where randomness is made


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the edge of the program, where the clock is read
