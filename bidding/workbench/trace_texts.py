"""What the checks of a trace of seal uses ask, in words (用章记录核验)."""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    "trace-format": "文件是规定的唯一编码形式，条数与签署的范围一致",
    "signature": "工作台的签名正确",
    "chain": "工作台的证书可追溯到信任名单",
    "validity": "签署时证书在有效期内",
    "key-usage": "证书可用于此用途",
    "revocation": "签署时证书未被吊销",
    "trace-signer": "签署的证书就是记录所写的工作台的",
    "timestamp-format": "时间戳格式规范",
    "timestamp-imprint": "时间戳是对这份记录签发的",
    "timestamp-digest": "时间戳内容未被改动",
    "timestamp-signature": "时间戳的签名正确",
    "timestamp-certificate": "时间戳写明了签发者证书",
    "timestamp-name": "时间戳写明的签发者与证书相符",
    "timestamp-chain": "时间戳证书可追溯到信任名单",
    "timestamp-validity": "时间戳证书当时在有效期内",
    "timestamp-key-usage": "时间戳证书专用于时间戳",
    "timestamp-revocation": "时间戳证书当时未被吊销",
    "timestamp-order": "签署时间不晚于时间戳",
    "trace-chain": "编号连续，每条的链值由前一条推出，最后一条就是签署的那一条",
    "trace-evidence": "每条所列的确认、时间戳、答复都在文件中，没有多余的",
    "trace-entries": "每条的内容与结果、与本人的确认相符",
    "trace-consents": "每次用章都有本人当时有效的签名确认，并列有所签摘要",
    "trace-tokens": "每个时间戳正确，对该次签名值签发，且在确认期内",
    "trace-answers": "执照与授权的答复由登记机关和法定代表人签署",
    "extension-format": "两份文件都可读取",
    "extension-unit": "两份记录属于同一单位",
    "extension-order": "先前的导出早于这一份",
    "extension-signer": "两份由同一工作台密钥签署",
    "extension-total": "记录条数没有减少",
    "extension-chain": "先前导出的记录原样在这一份之中",
}
"""Name of a check → what it asks."""


def text_of(name: str) -> str:
    """Answer what a check asks; its name where it has no words."""
    return TEXTS.get(name, name)
