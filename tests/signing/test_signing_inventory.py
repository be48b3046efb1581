"""The crypto inventory is what the code says, and nothing cryptographic stands in the code without a description."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from signing import inventory
from signing.inventory_scan import PACKAGES, Findings, scan

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> Findings:
    return scan(ROOT)


def test_the_page_is_what_the_code_says(found: Findings) -> None:
    """If not: python -m signing.inventory."""
    assert inventory.PAGE.read_text("utf-8") == inventory.render(found)


def test_everything_is_described(found: Findings) -> None:
    assert list(inventory.find_gaps(found)) == []


def test_known_algorithms_are_found(found: Findings) -> None:
    assert "signing.algorithms" in found.oids["1.2.156.10197.1.501"]
    assert "signing.envelope" in found.labels["cCEK"]
    assert "signing.keystore" in found.primitives["modes.CBC"]


def test_gmssl_is_a_second_opinion_only(found: Findings) -> None:
    assert found.libraries["gmssl"] == {"signing.selftest"}


@pytest.mark.parametrize(
    ("source", "gap"),
    [
        pytest.param('A = "1.2.156.10197.1.999"', "object identifier 1.2.156.10197.1.999", id="constant"),
        pytest.param('ARC = "1.2.3"\nA = f"{ARC}.4.5"', "object identifier 1.2.3.4.5", id="put together"),
        pytest.param('A = {"urn:oid:1.2.3.4": 1}', "object identifier 1.2.3.4", id="URN"),
        pytest.param("import hashlib\nhashlib.md5(b'')", "library name hashlib.md5", id="hashlib"),
        pytest.param(
            "from cryptography.hazmat.primitives.ciphers import modes\nmodes.CTR(b'')",
            "library name modes.CTR",
            id="mode",
        ),
        pytest.param("sm3(b'new-label', data)", "label new-label", id="label"),
        pytest.param("A = b'another-label\\0'", "label another-label", id="label before a zero"),
        pytest.param(
            "from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey",
            "library name X25519PrivateKey",
            id="class",
        ),
    ],
)
def test_what_is_new_is_noticed(source: str, gap: str, tmp_path: Path) -> None:
    package = tmp_path / "signing"
    package.mkdir()
    (package / "new.py").write_text(source, "utf-8")
    gaps = list(inventory.find_gaps(scan(tmp_path, ("signing",))))
    assert any(one.startswith(gap) and "not described" in one for one in gaps)


def test_what_is_gone_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "signing").mkdir()
    gaps = list(inventory.find_gaps(scan(tmp_path, ("signing",))))
    assert "object identifier 1.2.156.10197.1.501 is described and not used" in gaps


@pytest.mark.slow
@pytest.mark.parametrize("place", ["storage/errors.py", "signing/sm2.py"])
def test_the_import_rule_really_fails(place: str, tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / place).open("a", encoding="utf-8") as module:
        module.write("\nimport gmssl\n")
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    module = place.removesuffix(".py").replace("/", ".")
    assert "gmssl is a second opinion only BROKEN" in done.stdout
    assert f"{module} -> gmssl" in done.stdout
