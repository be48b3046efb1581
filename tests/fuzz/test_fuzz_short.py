"""A short run with fixed seeds over every target; `make fuzz` is the long one."""

import ast
import re
import resource
from pathlib import Path
from random import Random

import pytest
from fuzz_guard import FalseValidError, Target, TooSlowError, guarded, never_equal, never_valid, same_bytes, time_limit
from fuzz_mutations import mutate
from fuzz_targets import TARGETS
from fuzz_world import FuzzWorld

from signing.checks import Verdict, check

ROOT = Path(__file__).parents[2]
INPUTS = 400
MEGABYTES = 256


@pytest.fixture(scope="session")
def world() -> FuzzWorld:
    return FuzzWorld()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_no_damage_does_harm(target: Target, world: FuzzWorld) -> None:
    seeds, run = list(target.seeds(world)), guarded(target, world)
    for seed in seeds:
        run(seed)
    random = Random(f"一照 {target.name}")  # noqa: S311 - nothing secret
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(INPUTS // target.cost):
        data = mutate(seeds[number % len(seeds)], random, seeds)
        try:
            run(data)
        except BaseException as error:
            error.add_note(f"input {number}: {data.hex()}")
            raise
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10 <= MEGABYTES


REACHED = {
    "asic_manifest.parse_xml": "asic-manifest",
    "canonical.decode_lenient": "csc-consent",
    "cms_parsing.parse_signers": "cms-stream",
    "der.read_prefix": "seal-contents",
    "key_containers.parse_international": "key-file",
    "key_containers.parse_pkcs8": "key-file",
    "key_containers.parse_sec1": "key-file",
    "key_containers.read_private_key_info": "key-file",
    "key_containers_cfca.parse_cfca": "key-file",
    "key_containers_enveloped.open_enveloped_key": "key-file",
    "key_containers_pkcs12.parse_pkcs12": "key-file",
    "signed_data.parse_certificates": "signed-data",
    "sm2_encoding.parse_ciphertext": "sm2-ciphertext",
}
"""Readers that are not in the table themselves, and the target by which they are reached."""


def readers() -> list[str]:
    """List the public functions of `signing` that read bytes."""
    found = list[str]()
    for path in sorted((ROOT / "signing").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            name, arguments = getattr(node, "name", ""), getattr(node, "args", None)
            if re.match("(parse|read|decode|open)_", name) and arguments and arguments.args:
                kind = arguments.args[0].annotation
                found += [f"{path.stem}.{name}"] if kind and "bytes" in ast.unparse(kind) else []
    return found


def test_every_reader_of_bytes_is_under_test() -> None:
    table = (Path(__file__).parent / "fuzz_targets.py").read_text("utf-8")
    names = {target.name for target in TARGETS}
    missing = [one for one in readers() if one.split(".")[1] not in table and REACHED.get(one) not in names]
    assert missing == [], "add a line to fuzz_targets.TARGETS"


def test_names_are_unique() -> None:
    assert len({target.name for target in TARGETS}) == len(TARGETS)


def spin() -> None:
    while True:
        pass


def test_what_is_too_slow_is_noticed() -> None:
    with pytest.raises(TooSlowError), time_limit(0.05):
        spin()


def test_what_is_falsely_valid_is_noticed() -> None:
    with pytest.raises(FalseValidError):
        never_equal(len, [b"a"])(b"b")


def passing(*warnings: str) -> Verdict:
    return Verdict(check("signature", ok=True, code="SIG"), warnings=warnings)


def failing(_data: bytes) -> Verdict:
    return Verdict(check("signature", ok=False, code="SIG"))


def test_a_judge_that_passes_everything_is_noticed() -> None:
    with pytest.raises(FalseValidError):
        never_valid(lambda _: passing(), len, [b"a"])(b"bc")


def test_a_lenient_judge_that_says_nothing_is_noticed() -> None:
    with pytest.raises(FalseValidError):
        never_valid(lambda _: passing(), len, [b"a"], strict=failing)(b"b")
    never_valid(lambda _: passing("FMT_CMS"), len, [b"a"], strict=failing)(b"b")


def test_another_byte_form_is_noticed() -> None:
    with pytest.raises(FalseValidError):
        same_bytes(bytes.strip, bytes)(b" a")


@pytest.mark.parametrize("data", [b"", b"\x30", b"{}", b"[1]", b"\x30\x03\x02\x01\x05", b'{"a":[1,"b"]}', b"\xff" * 99])
def test_mutations_are_the_same_every_time(data: bytes) -> None:
    found = [[mutate(data, random, [data]) for _ in range(200)] for random in map(Random, (1, 1))]
    assert found[0] == found[1]
    assert len(set(found[0])) > 20
