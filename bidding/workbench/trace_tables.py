"""The trace of seal uses as people read it (用章记录): words, the CSV, and the package of all forms."""

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bidding.workbench.trace_rows import SealUse
from identity.consent import LEGAL_REPRESENTATIVE, SELF
from identity.texts import beijing
from sealing.seal import TITLES
from signing.errors import SigningError
from signing.timestamps import TimestampToken, parse_token

OUTCOMES: Final[Mapping[str, str]] = {
    "sealed": "已盖章",
    "refused": "未确认",
    "expired": "已过期",
    "failed": "未办成",
}
KIND_NAMES: Final[Mapping[str, str]] = {kind.value: title for kind, title in TITLES.items()}
PROFILES: Final[Mapping[str, str]] = {
    "ses": "国密电子印章签名",
    "gm-cms": "国密 CMS 签名",
    "pades": "PAdES 签名",
    "pades-ses": "PAdES 与国密电子印章签名",
}
CLOCK: Final = "工作台时钟"
"""Source of an entry's own time."""
COLUMNS: Final = (
    "时间（北京时间，工作台时钟）", "标段", "文件", "印章", "印章编号", "结果", "原因代码", "办理人", "人员编号",
    "办理依据", "证书序列号", "盖章前 SM3", "签署摘要 SM3", "盖章后 SM3", "确认记录 SM3", "网络地址", "编号",
    "签名形式", "签名值 SM3", "时间戳时间（北京时间）", "时间戳机构", "时间戳 SM3", "链值",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula, in the full-width spelling too."""
_FIXED: Final = (1980, 1, 1, 0, 0, 0)
"""Dates in the package say nothing: what is dated is signed."""


def write_csv(uses: Sequence[SealUse]) -> bytes:
    """Write entries as CSV for spreadsheets: UTF-8 with byte order mark, no cell that would run as a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_harmless(cell) for cell in _cells(use)] for use in uses)
    return ("\ufeff" + text.getvalue()).encode("utf-8", "backslashreplace")


def write_package(files: Mapping[str, bytes]) -> bytes:
    """Put the forms of one export into a ZIP."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def name_authority(authorisation: str) -> str:
    """Say by what authority a person acted."""
    if authorisation == SELF:
        return "本人，只代表自己"
    return "法定代表人本人" if authorisation == LEGAL_REPRESENTATIVE else f"授权 {authorisation}"


def token_of(use: SealUse) -> TimestampToken | None:
    """Answer the time token of an entry, taken apart; None if there is none, or it cannot be read."""
    try:
        return parse_token(use.token) if use.token else None
    except SigningError:
        return None


def token_time(use: SealUse) -> datetime | None:
    """Answer the time that the token states; it proves it only once it was verified."""
    token = token_of(use)
    return token.gen_time if token else None


def token_issuer(use: SealUse) -> str:
    """Answer who stamped it, by the certificate in the token."""
    token = token_of(use)
    return token.certificate.common_name if token and token.certificate else ""


def _cells(use: SealUse) -> tuple[str, ...]:
    stamped = token_time(use)
    return (
        beijing(use.at), use.section, use.file, KIND_NAMES.get(use.kind, use.kind), use.seal,
        OUTCOMES.get(use.outcome, use.outcome), use.code, use.person_name, use.person,
        name_authority(use.authorisation), use.certificate, use.before_sm3, use.document_sm3, use.after_sm3,
        use.consent_sm3 if use.consent else "",
        use.address, str(use.number), PROFILES.get(use.profile, use.profile),
        use.signature_sm3, beijing(stamped) if stamped else "", token_issuer(use), use.token_sm3, use.chain,
    )  # fmt: skip


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
