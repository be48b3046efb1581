"""What the options of `yizhao verify` name, read and checked before anything is judged."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from bidding.errors import EvidenceError, VerificationInputError
from bidding.evidence import Evidence, load_evidence
from bidding.verification_asking import StatusPart
from bidding.verification_statuses import read_statuses
from identity.errors import IdentityError
from identity.uscc import UnifiedSocialCreditCode
from signing.errors import SigningError
from signing.path import TrustAnchors
from signing.policy import MAX_POLICY, PRODUCTION_POLICY, encode_policy, load_policy
from signing.trust import load_trust, make_trust, merge_trust

if TYPE_CHECKING:
    from bidding.reporting.details import ReportDetails

MAX_PASSWORD: Final = 4096
MAX_IMPRESSION: Final = 8 << 20
MAX_DETAILS: Final = 64 << 10
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
OUT = click.Path(path_type=Path)
REPORTS: Final = (".html", ".pdf", ".json", ".xml")
MATRICES: Final = (".csv", ".xlsx", ".html")
"""As `bidding.reporting.reports` writes them, which costs too much to ask here."""


def load_lists(folders: Sequence[Path]) -> list[TrustAnchors]:
    """Read the trust folders; one that cannot be read is a mistake of usage."""
    try:
        return [load_trust(folder) for folder in folders]
    except SigningError as error:
        raise click.BadParameter(f"信任名单无法读取（{error}）。", param_hint="--trust") from error


def join_lists(lists: Sequence[TrustAnchors]) -> TrustAnchors:
    """Put the lists side by side, as the children do."""
    return merge_trust(*lists) if lists else make_trust("无信任名单", "0", sandbox=False, anchors=())


def read_policy(name: str) -> bytes:
    """Answer the policy that a name or a file stands for, empty for the built-in one."""
    if name in {"", "default"}:
        return b""
    if name == "production":
        return encode_policy(PRODUCTION_POLICY)
    try:
        path = Path(name)
        if path.stat().st_size > MAX_POLICY:
            raise click.BadParameter("策略文件过大。", param_hint="--policy")
        return encode_policy(load_policy(path.read_bytes()))
    except (OSError, SigningError) as error:
        raise click.BadParameter(f"策略文件无法读取（{error}）。", param_hint="--policy") from error


def read_details(path: Path | None, issued_at: datetime) -> "ReportDetails":
    """Read what an agency says about its report (编号、委托、核验人、复核人 …), TOML or JSON; the instant is ours."""
    import msgspec

    from bidding.reporting.details import ReportDetails

    if path is None:
        return ReportDetails(issued_at=issued_at)
    read = msgspec.json.decode if path.suffix.lower() == ".json" else msgspec.toml.decode
    try:
        if path.stat().st_size > MAX_DETAILS:
            raise click.BadParameter("文件过大。", param_hint="--report-details")
        details = read(path.read_bytes(), type=ReportDetails)
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, ValueError) as error:
        fields = "、".join(name for name in ReportDetails.__struct_fields__ if name != "issued_at")
        text = f"无法读取（{error}）。可写的项：{fields}。"
        raise click.BadParameter(text, param_hint="--report-details") from error
    return msgspec.structs.replace(details, issued_at=issued_at)


def read_code(text: str, option: str) -> str:
    """Check a credit code; one that cannot be right is a mistake of usage, not a finding about a file."""
    try:
        return str(UnifiedSocialCreditCode(text)) if text else ""
    except IdentityError as error:
        raise click.BadParameter(f"不是统一社会信用代码：{text}", param_hint=option) from error


def read_password(path: Path | None) -> str:
    """Read the password from its file, without the line end."""
    if path is None:
        return ""
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_PASSWORD).decode("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter("密码文件无法读取。", param_hint="--password-file") from error


def read_impression(path: Path | None) -> bytes:
    """Read the filed impression."""
    if path is None:
        return b""
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_IMPRESSION else b""
    except OSError as error:
        raise click.BadParameter("印模文件无法读取。", param_hint="--impression") from error
    if not data:
        raise click.BadParameter("印模文件为空或过大。", param_hint="--impression")
    return data


def read_status_folder(folder: Path | None) -> tuple[StatusPart, ...]:
    """Read the seal platform's answers."""
    try:
        return read_statuses(folder) if folder else ()
    except VerificationInputError as error:
        raise click.BadParameter(f"{error}。", param_hint="--statuses") from error


def read_instant(text: str | None) -> datetime:
    """Read the instant to judge as of; now when none is given."""
    if text is None:
        return datetime.now(UTC)  # noqa: TID251 - the edge of the program, where the clock is read
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter("不是 ISO 8601 时间。", param_hint="--at") from error
    if instant.tzinfo is None:
        raise click.BadParameter("时间要带时区，如 2026-11-21T08:00:00Z。", param_hint="--at")
    return instant


def read_evidence(path: Path) -> Evidence | str:
    """Read the evidence to be replayed, or answer why it cannot be: that is a finding about every file."""
    try:
        return load_evidence(path)
    except EvidenceError as error:
        return str(error)


def require_writable(path: Path | None, files: Sequence[Path], option: str, suffixes: Sequence[str] = ()) -> None:
    """Refuse an output that cannot be written, or that would take the place of a file to be judged."""
    if path is None:
        return
    if suffixes and path.suffix.lower() not in suffixes:
        raise click.BadParameter(f"只能写成 {'、'.join(suffixes)}。", param_hint=option)
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise click.BadParameter("不能写到这里。", param_hint=option)
    if path.exists() and any(one.exists() and one.samefile(path) for one in files):
        raise click.BadParameter("不能覆盖要验证的文件。", param_hint=option)
