"""Looking through the source of the packages for cryptography: object identifiers, library names, labels.

Everything is found in the syntax trees; nothing is imported or run.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

PACKAGES: Final = ("signing", "identity", "sealing", "storage", "bidding")
LIBRARIES: Final = frozenset(
    {
        "asn1crypto",
        "cryptography",
        "ctypes",
        "gmssl",
        "gmssl_pyx",
        "hashlib",
        "hmac",
        "pkcs11",
        "pyhanko",
        "secrets",
        "ssl",
    }
)
"""Top-level modules by which cryptography comes into the house."""
_OID = re.compile(r"(?:urn:oid:)?([0-2]\.\d+(?:\.\d+){2,})\Z")
_NOT_OBJECTS: Final = frozenset({"0.0.0.0", "1.0.4.0", "2.0.0.2"})  # noqa: S104 - an address, and versions of CSC
_HASHING: Final = frozenset({"sm3", "sm3_of", "Sm3", "kdf", "sha256", "hmac_sm3", "new", "update"})
_NAMESPACES: Final = frozenset({"hashes", "algorithms", "modes", "padding", "ec", "hashlib", "hmac", "AEAD"})
_LABEL = re.compile(rb"(?:[A-Za-z][A-Za-z0-9_./ -]{0,40}\x00?|[\x00\x01])\Z")
_ENDED_LABEL = re.compile(rb"[a-z][a-z0-9-]{3,40}\x00\Z")


@dataclass(frozen=True)
class Findings:
    """What stands where: each value is the set of modules (dotted names) in which it was found."""

    oids: Mapping[str, frozenset[str]]
    primitives: Mapping[str, frozenset[str]]
    """Library classes and functions, such as `hashes.SM3` or `modes.GCM`."""
    labels: Mapping[str, frozenset[str]]
    """Constant bytes that are hashed in front of something else."""
    libraries: Mapping[str, frozenset[str]]


def scan(root: Path, packages: tuple[str, ...] = PACKAGES) -> Findings:
    """Look through all modules of the packages below `root`, but not through the inventory itself."""
    found = _Found()
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
            if not module.startswith("signing.inventory"):
                _scan_module(module, ast.parse(path.read_text("utf-8")), found)
    return Findings(_freeze(found.oids), _freeze(found.primitives), _freeze(found.labels), _freeze(found.libraries))


@dataclass(frozen=True)
class _Found:
    oids: dict[str, set[str]] = field(default_factory=dict)
    primitives: dict[str, set[str]] = field(default_factory=dict)
    labels: dict[str, set[str]] = field(default_factory=dict)
    libraries: dict[str, set[str]] = field(default_factory=dict)


def _freeze(found: dict[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(found[key]) for key in sorted(found)}


def _scan_module(module: str, tree: ast.Module, found: _Found) -> None:
    constants, imported = dict(_constants(tree)), set(_imported(tree))
    for node in ast.walk(tree):
        for oid in _oids(node, constants):
            found.oids.setdefault(oid, set()).add(module)
        for library in _libraries(node):
            found.libraries.setdefault(library, set()).add(module)
        for name in _primitives(node, imported):
            found.primitives.setdefault(name, set()).add(module)
        for label in _labels(node):
            found.labels.setdefault(label, set()).add(module)


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Answer the texts that are given names at the top of a module, so that f-strings can be put together."""
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        value = getattr(node, "value", None)
        for target in targets:
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield target.id, value.value


def _imported(tree: ast.Module) -> Iterator[str]:
    """Answer the names in this module that stand for a library's collection of algorithms."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in LIBRARIES:
            yield from (alias.asname or alias.name for alias in node.names if alias.name in _NAMESPACES)
        if isinstance(node, ast.Import):
            yield from (alias.asname or alias.name for alias in node.names if alias.name in ("hashlib", "hmac"))


def _primitives(node: ast.AST, imported: Collection[str]) -> Iterator[str]:
    """Answer `hashes.SM3` for an attribute of a collection, and what is imported from `cryptography` by its name."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
        yield f"{node.value.id}.{node.attr}"
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cryptography.hazmat."):
        yield from (alias.name for alias in node.names if alias.name not in _NAMESPACES)


def _oids(node: ast.AST, constants: Mapping[str, str]) -> Iterator[str]:
    text = None
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.JoinedStr):
        text = "".join(_part(value, constants) for value in node.values)
    match = _OID.match(text) if text else None
    if match and match[1] not in _NOT_OBJECTS:
        yield match[1]


def _part(value: ast.expr, constants: Mapping[str, str]) -> str:
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.FormattedValue) and isinstance(value.value, ast.Name):
        return constants.get(value.value.id, "\0")
    return "\0"


def _libraries(node: ast.AST) -> Iterator[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
    yield from (name.split(".")[0] for name in names if name.split(".")[0] in LIBRARIES)


def _labels(node: ast.AST) -> Iterator[str]:
    """Answer what is hashed first, what ends in a zero byte, and the choices of a `Literal`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes) and _ENDED_LABEL.match(node.value):
        yield _spell(node.value)
    if isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "Literal":
        yield from _bytes_in(node.slice)
    if isinstance(node, ast.Call) and node.args:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _HASHING:
            yield from _bytes_in(node.args[0])


def _bytes_in(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, bytes) and _LABEL.match(part.value):
            yield _spell(part.value)


def _spell(label: bytes) -> str:
    return label.decode("ascii").encode("unicode_escape").decode("ascii").replace("\\x00", "\\0")
