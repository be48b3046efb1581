"""Where notices may be sent, and where never (SSRF): pure rules over an address that was resolved once.

https to public addresses only; beside it http to loopback, where a set-up says that it is a sandbox. The address that
passed is the one that is connected to, so that a name cannot mean another place a moment later.
"""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bidding.errors import WebhookAddressError

Resolve = Callable[[str, int], Sequence[str]]
"""Host name and port → IP addresses; OSError when there are none."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_URL: Final = 2000
_SCHEMES: Final = {"https": 443, "http": 80}
_TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))
"""NAT64: an IPv4 address stands in the last four bytes."""
_EXTRA: Final = (ipaddress.ip_network("100.64.0.0/10"), ipaddress.ip_network("192.88.99.0/24"))


@dataclass(frozen=True)
class Target:
    """An address to send to: the connection goes to `ip`, certificate and Host are those of `host`."""

    scheme: str
    host: str
    port: int
    ip: str
    path: str

    @property
    def authority(self) -> str:
        """Answer the value of the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _SCHEMES[self.scheme] else f"{name}:{self.port}"

    @property
    def url(self) -> str:
        """Answer the URL that is connected to."""
        name = f"[{self.ip}]" if ":" in self.ip else self.ip
        return f"{self.scheme}://{name}:{self.port}{self.path}"


def find_target(url: str, resolve: Resolve, *, loopback: bool) -> Target:
    """Answer where to connect for a URL; `loopback` also allows http and https to this machine, for sandboxes.

    WebhookAddressError when the URL is not plain, does not resolve, or if any of its addresses is not allowed.
    """
    scheme, host, port, path = _parts(url)
    try:
        found = [ipaddress.ip_address(text.partition("%")[0]) for text in resolve(host, port)]
    except (OSError, UnicodeError, ValueError) as error:
        raise WebhookAddressError(f"地址 {host} 无法解析") from error
    local = loopback and bool(found) and all(address.is_loopback for address in found)
    if not found or not (local or all(is_public(address) for address in found)):
        raise WebhookAddressError(f"地址 {host} 指向内部、本机或特殊网络")
    if scheme != "https" and not local:
        raise WebhookAddressError("须为 https 地址")
    return Target(scheme, host, port, str(found[0]), path)


def is_public(address: Address) -> bool:
    """Whether anybody on the Internet has this address: not private, local, metadata, multicast, reserved, nested."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner or any(address in network for network in _TRANSLATED) or address.is_site_local:
            return False
    elif any(address in network for network in _EXTRA):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _parts(url: str) -> tuple[str, str, int, str]:
    if len(url) > MAX_URL or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise WebhookAddressError("地址只能由可见的 ASCII 字符组成")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise WebhookAddressError("地址格式不正确") from error
    if parts.scheme not in _SCHEMES or not host or "@" in parts.netloc or parts.fragment or port == 0:
        raise WebhookAddressError("须为 https 地址，不含用户名、密码和片段")
    path = parts.path or "/"
    return parts.scheme, host, port or _SCHEMES[parts.scheme], f"{path}?{parts.query}" if parts.query else path
