"""The crypto inventory (密码应用清单): every algorithm, identifier, label and library in the code, with its use.

    python -m signing.inventory          writes docs/crypto-inventory.md
    python -m signing.inventory --check  fails when the page is not what the code says, or something is not described

What is used, and where, is found in the source; `inventory_texts` says what it is. Whatever is found there and not
described here stops the build, and so does a description of something that is gone.
"""

import importlib
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from signing.inventory_scan import Findings, scan
from signing.inventory_texts import ENGINES, LABELS, LIBRARIES, NUMBERS, OBJECTS, PRIMITIVES, TEST_WORDS

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "crypto-inventory.md"
_MOST_MODULES: Final = 12


def main(arguments: Collection[str]) -> int:
    """Write the page, or check it; answer the exit code."""
    found = scan(ROOT)
    problems = list(find_gaps(found))
    page = render(found)
    if "--check" not in arguments:
        PAGE.write_text(page, "utf-8")
    elif not PAGE.exists() or PAGE.read_text("utf-8") != page:
        problems.append("docs/crypto-inventory.md is not what the code says: python -m signing.inventory")
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return int(bool(problems))


def find_gaps(found: Findings) -> Iterator[str]:
    """Name what is used and not described, and what is described and not used."""
    described = {oid for group in OBJECTS.values() for oid in group}
    tables: tuple[tuple[str, Mapping[str, frozenset[str]], Collection[str]], ...] = (
        ("object identifier", found.oids, described),
        ("library name", found.primitives, PRIMITIVES),
        ("label", {one: where for one, where in found.labels.items() if one not in TEST_WORDS}, LABELS),
        ("library", found.libraries, LIBRARIES),
    )
    for what, used, known in tables:
        unknown = [one for one in used if one not in known]
        yield from (f"{what} {one} in {_modules(used[one])} is not described" for one in unknown)
        if what in ("object identifier", "label"):
            yield from (f"{what} {one} is described and not used" for one in known if one not in used)
    yield from (f"the constant {name} is gone" for name in NUMBERS if _value(name) is None)
    yield from (
        f"the engine {name} is gone" for name in ENGINES if not (ROOT / f"{name.replace('.', '/')}.py").exists()
    )


def render(found: Findings) -> str:
    """Answer the page as Markdown."""
    return "\n".join((*_head(), *_objects(found), *_names(found), *_engines_and_numbers(), ""))


def _head() -> Iterator[str]:
    yield "# Crypto inventory (密码应用清单)"
    yield ""
    yield "Generated from the code by `python -m signing.inventory`; do not edit by hand. A test fails when this page"
    yield "and the code differ, or when an identifier, library name or label is used that is not described."
    yield ""
    yield "Status: *written* means that we make it (and read it); *read* that only others' data contain it. Whatever is"
    yield "not on this page is refused with a typed error. Suite GM (SM2, SM3, SM4) is the default; INTL is for others."


def _objects(found: Findings) -> Iterator[str]:
    for group, members in OBJECTS.items():
        yield f"\n## {group}\n"
        yield "| object identifier | what | size | status | source | modules |"
        yield "|---|---|---|---|---|---|"
        for oid, (name, size, status, source) in members.items():
            yield f"| {oid} | {name} | {size} | {status} | {source} | {_modules(found.oids.get(oid, ()))} |"


def _names(found: Findings) -> Iterator[str]:
    tables = (
        ("Library classes and functions", "name", PRIMITIVES, found.primitives),
        ("Domain separation", "label", LABELS, found.labels),
        ("Libraries", "library", LIBRARIES, found.libraries),
    )
    for title, head, texts, used in tables:
        yield f"\n## {title}\n"
        yield f"| {head} | use | modules |"
        yield "|---|---|---|"
        yield from (f"| `{one}` | {text} | {_modules(used[one])} |" for one, text in texts.items() if one in used)


def _engines_and_numbers() -> Iterator[str]:
    yield "\n## Engines\n"
    yield "| module | what |"
    yield "|---|---|"
    yield from (f"| {name} | {text} |" for name, text in ENGINES.items())
    yield "\n## Sizes and costs\n"
    yield "| constant | value | meaning |"
    yield "|---|---|---|"
    for name, meaning in NUMBERS.items():
        yield f"| {name} | {_value(name)} | {meaning} |"


def _file(module: str) -> Path:
    return ROOT.joinpath(*module.split(".")).with_suffix(".py")


def _value(name: str) -> str | None:
    module, constant = name.rsplit(".", 1)
    value = getattr(importlib.import_module(module), constant, None)
    return value.decode() if isinstance(value, bytes) else None if value is None else f"{value:,}"


def _modules(names: Collection[str]) -> str:
    listed = sorted(names)
    more = f" and {len(listed) - _MOST_MODULES} more" if len(listed) > _MOST_MODULES else ""
    return ", ".join(listed[:_MOST_MODULES]) + more


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
