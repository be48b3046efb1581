"""`yizhao trust`: folders of trust anchors, an agency's own among them, and their signed editions."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from signing.path import Anchor, TrustAnchors
    from signing.trust_updates import TrustChange

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_PURPOSES = {
    "licence": "电子营业执照证书",
    "seal-maker": "制章单位",
    "timestamp": "可信时间戳",
    "centre": "交易中心",
    "registrar": "登记机关",
}


@click.group()
def trust() -> None:
    """信任名单：查看、自建、发布与更新。."""


@trust.command()
@click.argument("folder", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="一行 JSON。")
def show(folder: Path, *, as_json: bool) -> int:
    """列出名单里的每个信任点：用途、期限、来源。."""
    from signing.trust import load_trust

    found = load_trust(folder)
    if as_json:
        click.echo(json.dumps(_as_json(found), ensure_ascii=False))
        return 0
    click.echo(f"{found.name}　版本 {found.version}{'　【仿真环境】' if found.sandbox else ''}")
    click.echo(f"指纹（SM3）{found.fingerprint}")
    if found.number:
        click.echo(f"第 {found.number} 期，{_day(found.issued_at)} 发布，应在 {_day(found.next_update)} 之前更新")
    if found.next_update is not None and found.next_update <= _now():
        click.echo("注意：这份名单已过更新期限，可能不含最近的变更。")
    _list("信任点", found.anchors)
    return 0


@trust.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("certificate", type=_FILE)
@click.option("--purpose", "purposes", multiple=True, required=True, type=click.Choice(list(_PURPOSES)))
@click.option("--from", "begin", type=click.DateTime(["%Y-%m-%d"]), help="自何日起信任（UTC）。")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="到何日为止（不含，UTC）。")
@click.option("--source", default="", help="信任的依据，如合同、国家名单。")
@click.option("--name", default="自建信任名单", show_default=True, help="新建名单的名称。")
@click.option("--issuer", is_flag=True, help="只作为中间证书收录，本身不受信任。")
def add(
    *,
    folder: Path,
    certificate: Path,
    purposes: tuple[str, ...],
    begin: datetime | None,
    until: datetime | None,
    source: str,
    name: str,
    issuer: bool,
) -> int:
    """把一张证书（DER 或 PEM）收入名单；名单不存在则新建，已有的同一证书被替换。."""
    from signing.certificate_files import read_certificate_file
    from signing.path import Anchor, Purpose
    from signing.trust import LIST_FILE, load_trust, make_trust, save_trust

    found = read_certificate_file(certificate.read_bytes())
    old = load_trust(folder) if (folder / LIST_FILE).exists() else make_trust(name, "1", sandbox=False, anchors=())
    if issuer:
        new = replace(old, issuers=(*(one for one in old.issuers if one.sm3 != found.sm3), found))
    else:
        bounds = (_utc(begin), _utc(until))
        anchor = Anchor(found, frozenset(Purpose(one) for one in purposes), *bounds, source)
        new = replace(old, anchors=(*(one for one in old.anchors if one.certificate.sm3 != found.sm3), anchor))
    save_trust(folder, new)
    click.echo(f"已收入：{found.common_name}（SM3 {found.sm3}）")
    return 0


@trust.command()
@click.argument("folder", type=_FOLDER)
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", required=True, type=_FILE, help="发布者的 SM2 密钥文件。")
@click.option("--certificate", required=True, type=_FILE, help="发布者的证书。")
@click.option("--passphrase-file", required=True, type=_FILE)
@click.option("--days", type=click.IntRange(1, 400), default=30, show_default=True, help="多少天之内须再发布。")
@click.option("--next-publisher", type=_FILE, help="下一期由这张证书签发；默认仍是本期的。")
def publish(
    *,
    folder: Path,
    target: Path,
    key: Path,
    certificate: Path,
    passphrase_file: Path,
    days: int,
    next_publisher: Path | None,
) -> int:
    """签发名单的下一期，写成一个更新文件，并记入文件夹。."""
    from signing import sm2
    from signing.certificate_files import read_certificate_file
    from signing.keystore import load_key
    from signing.trust import load_trust, save_trust
    from signing.trust_updates import encode_update, update_statement

    if target.exists():
        raise click.BadParameter(f"{target} 已存在，不覆盖。")
    old, own, now = load_trust(folder), read_certificate_file(certificate.read_bytes()), _now().replace(microsecond=0)
    successor = read_certificate_file(next_publisher.read_bytes()) if next_publisher else own
    number = old.number + 1
    new = replace(old, number=number, issued_at=now, next_update=now + timedelta(days=days), publisher=successor.sm3)
    private = load_key(key, passphrase_file.read_text("utf-8").strip())
    data = encode_update(new, certificate=own.der, signature=sm2.sign(private, update_statement(new)))
    target.write_bytes(data)
    save_trust(folder, new)
    click.echo(f"已签发第 {number} 期：{target}")
    click.echo(f"发布者证书 SM3：{own.sm3}")
    return 0


@trust.command()
@click.argument("folder", type=_FOLDER)
@click.argument("update", type=_FILE)
@click.option("--publisher", default="", help="发布者证书的 SM3；名单里还没有记发布者时必须给出，请由可靠途径核对。")
@click.option("--dry-run", is_flag=True, help="只核验并列出变更，不写入。")
def update(folder: Path, update: Path, publisher: str, *, dry_run: bool) -> int:
    """核验一个更新文件并换上新一期；旧的一期、别人签的一期都不接受。."""
    from bidding.web.errors import words_of
    from signing.errors import SigningError
    from signing.trust import load_trust, save_trust
    from signing.trust_updates import MAX_UPDATE, judge_update

    with update.open("rb") as stream:
        data = stream.read(MAX_UPDATE + 1)
    try:
        change = judge_update(data, load_trust(folder), at=_now(), pinned=publisher.lower())
    except SigningError as error:
        click.echo(f"未更新：{words_of(error).text}（{error}）", err=True)
        return 1
    _tell(change)
    if not dry_run:
        save_trust(folder, change.trust)
    click.echo("未写入（--dry-run）。" if dry_run else f"信任名单已更新到第 {change.number} 期。")
    return 0


def _tell(change: "TrustChange") -> None:
    _list("新增", change.added)
    _list("移除", change.removed)
    _list("变更", change.altered)
    if not (change.added or change.removed or change.altered):
        click.echo("信任点没有变化。")
    if change.publisher_changes:
        click.echo(f"下一期改由另一张证书签发：SM3 {change.trust.publisher}")


def _list(title: str, anchors: "Iterable[Anchor]") -> None:
    for anchor in anchors:
        certificate = anchor.certificate
        used = "、".join(_PURPOSES[purpose] for purpose in sorted(anchor.purposes))
        bounds = f"{_day(anchor.trusted_from) or '不限'} 至 {_day(anchor.trusted_until) or '不限'}"
        click.echo(f"{title}：{certificate.common_name}　用途：{used}")
        click.echo(
            f"　　信任期：{bounds}　证书有效期至 {_day(certificate.not_after)}　来源：{anchor.source or '未注明'}"
        )
        click.echo(f"　　SM3 {certificate.sm3}")


def _as_json(found: "TrustAnchors") -> dict[str, Any]:
    return {
        "name": found.name,
        "version": found.version,
        "sandbox": found.sandbox,
        "fingerprint": found.fingerprint,
        "number": found.number,
        "issued_at": _text(found.issued_at),
        "next_update": _text(found.next_update),
        "publisher": found.publisher,
        "anchors": [
            {
                "name": anchor.certificate.common_name,
                "sm3": anchor.certificate.sm3,
                "purposes": sorted(anchor.purposes),
                "trusted_from": _text(anchor.trusted_from),
                "trusted_until": _text(anchor.trusted_until),
                "not_after": _text(anchor.certificate.not_after),
                "source": anchor.source,
            }
            for anchor in found.anchors
        ],
    }


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _day(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}" if at else ""


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the edge, where the clock is read
