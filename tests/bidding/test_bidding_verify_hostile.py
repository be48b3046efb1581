"""Input that wants to hurt: each gets a verdict or REFUSED in seconds, with a reason, and the next file its own."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from verify_world import LATER, Desk, locked_pdf, make_desk, plain_pdf, zipped

from bidding.isolation import IsolatedWorker, WorkerDiedError
from bidding.isolation_pool import WorkerPool
from bidding.verification_asking import Asked
from bidding.verification_batch import Item
from bidding.verification_engine import Engine
from signing import der

SECONDS = 20.0
SIGNED = bytes.fromhex("06092a864886f70d010702")
DATA = bytes.fromhex("06092a864886f70d010701")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return make_desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture(scope="module")
def engine(desk: Desk) -> Iterator[Engine]:
    pool = WorkerPool(1)
    yield Engine(pool, desk.trust)
    pool.close()


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """Put numbered objects into a file with a table; the first is the catalog."""
    out, places = bytearray(b"%PDF-1.7\n"), list[int]()
    for number, one in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, one)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def _form(*fields: bytes) -> bytes:
    names = b" ".join(b"%d 0 R" % number for number in range(4, 4 + len(fields)))
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</SigFlags 3/Fields[%b]>>>>" % names,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Annots[%b]>>" % names,
        *fields,
    )


def _field(contents: bytes, name: bytes = b"S1", byte_range: bytes = b"0 10 20 10") -> bytes:
    value = b"<</Type/Sig/Filter/X/SubFilter/adbe.pkcs7.detached/ByteRange[%b]/Contents<%b>>>" % (byte_range, contents)
    return b"<</Type/Annot/Subtype/Widget/FT/Sig/T(%b)/Rect[0 0 50 50]/P 3 0 R/V %b>>" % (name, value)


def _message(certificates: bytes = b"", crls: bytes = b"", signers: bytes = b"") -> bytes:
    parts = [b"\x02\x01\x01", der.tlv(0x31, b""), der.tlv(0x30, DATA)]
    parts += [der.tlv(0xA0, certificates)] if certificates else []
    parts += [der.tlv(0xA1, crls)] if crls else []
    return der.tlv(0x30, SIGNED + der.tlv(0xA0, der.tlv(0x30, b"".join([*parts, der.tlv(0x31, signers)]))))


ENTITIES = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">'
    + b"".join(b'<!ENTITY %c "%b">' % (c, b"&%c;" % (c - 1) * 10) for c in range(ord("c"), ord("l")))
    + b"]><ofd:OFD>&k;</ofd:OFD>"
)
REFUSED, FAILED, NOTHING = "REFUSED", "TOTAL-FAILED", "NO-SIGNATURE"


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        pytest.param("a.pdf", lambda: b"", {REFUSED}, id="empty"),
        pytest.param("a.pdf", lambda: b"%PDF-1.7\n%%EOF", {REFUSED}, id="no table"),
        pytest.param("a.pdf", lambda: plain_pdf().replace(b"startxref", b"startxxxx"), {REFUSED, NOTHING}, id="xref"),
        pytest.param(
            "a.pdf",
            lambda: pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R]/Count 9>>"),
            {REFUSED, NOTHING},
            id="a page tree without an end",
        ),
        pytest.param("a.ofd", lambda: zipped({"OFD.xml": ENTITIES}), {REFUSED}, id="entity bomb"),
        pytest.param("a.ofd", lambda: zipped({"OFD.xml": b"<a>" * 90_000}), {REFUSED}, id="deep XML"),
        pytest.param("a.ofd", lambda: zipped({"OFD.xml": bytes(90 << 20)}), {REFUSED}, id="inflated XML"),
        pytest.param("a.p7s", lambda: b"\x30\x84\x80\x00\x00\x00" + bytes(64), {REFUSED}, id="2^31 long"),
        pytest.param("a.p7s", lambda: b"\x30\x88" + b"\xff" * 8 + bytes(64), {REFUSED}, id="2^64 long"),
        pytest.param("a.p7s", lambda: _message(signers=b"\x30\x00" * (7 << 20)), {REFUSED}, id="14 MiB of signers"),
        pytest.param("a.p7s", lambda: _message(b"\x30\x00" * (7 << 20)), {REFUSED}, id="14 MiB of certificates"),
        pytest.param("a.p7s", lambda: _message(crls=b"\x30\x00" * 262_000), {REFUSED, NOTHING}, id="262000 lists"),
        pytest.param("a.pdf", locked_pdf, {REFUSED}, id="password"),
        pytest.param("a.pdf", lambda: _form(_field(b"")), {FAILED, REFUSED}, id="a signature of no bytes"),
        pytest.param(
            "a.pdf", lambda: _form(_field(b"00"), _field(b"00")), {FAILED, REFUSED}, id="two of one name"
        ),
        pytest.param("a.json", lambda: b'{"a":' * 200_000, {REFUSED}, id="deep JSON"),
        pytest.param("a.ytb", lambda: b"PK\x03\x04" + bytes(26) + b"mimetypevnd.yizhao", {REFUSED}, id="half a bundle"),
        pytest.param("a.asice", lambda: zipped({"mimetype": b"x", "META-INF/ASiCManifest1.xml": ENTITIES}),
                     {REFUSED, FAILED, NOTHING, "INDETERMINATE"}, id="entities in a container"),
        pytest.param("a.png", lambda: b"\x89PNG\r\n\x1a\n" + b"\xff" * 1000, {REFUSED}, id="a picture"),
    ],
)  # fmt: skip
def test_it_ends_in_seconds(
    desk: Desk, engine: Engine, tmp_path: Path, *, name: str, make: Callable[[], bytes], expected: set[str]
) -> None:
    path, good = tmp_path / name, tmp_path / "good.json"
    path.write_bytes(make())
    good.write_bytes(desk.receipt())
    asked = Asked(at=LATER, trust=(str(desk.folder),))
    start = time.monotonic()
    answer = engine.judge(Item(path, name), asked).answer
    assert time.monotonic() - start < SECONDS
    assert answer["indication"] in expected, answer["reason"]
    assert answer["reason"]
    assert bool(answer["code"]) == (answer["indication"] == REFUSED)
    assert engine.judge(Item(good, "good"), asked).answer["indication"] == "TOTAL-PASSED"


@pytest.mark.parametrize("head", [b"%PDF-1.7\n", b"PK\x03\x04", b"{", b"\x30\x80", b""])
def test_ten_sparse_gigabytes_are_not_read(desk: Desk, engine: Engine, tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "huge"
    path.write_bytes(head)
    os.truncate(path, 10 << 30)
    start = time.monotonic()
    answer = engine.judge(Item(path, "huge"), Asked(at=LATER, trust=(str(desk.folder),))).answer
    assert (answer["indication"], answer["code"]) == ("REFUSED", "too_large")
    assert time.monotonic() - start < SECONDS


def test_a_wrong_name_changes_nothing(desk: Desk, engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(desk.receipt())
    asked = Asked(at=LATER, trust=(str(desk.folder),))
    assert engine.judge(Item(path, path.name), asked).answer["format"] == "receipt"


def test_what_costs_too_much_is_refused_with_the_reason(desk: Desk, tmp_path: Path) -> None:
    worker = IsolatedWorker()
    path = tmp_path / "r.json"
    path.write_bytes(desk.receipt())
    with pytest.raises(WorkerDiedError) as caught:
        worker.ask({"task": "verify", "file": str(path), "trust": "", "at": LATER.isoformat()}, seconds=0.01)
    worker.close()
    assert (caught.value.cause, "时间" in caught.value.why) == ("time", True)


_CHILD = """
import resource, sys
from bidding import isolation_worker as child
child.CPU_SECONDS, child.MEMORY = 1, {memory}
def burn(request):
    data = bytearray({take})
    while {loop}:
        pass
    return {{}}
child.TASKS["burn"] = burn
child.main()
"""


@pytest.mark.parametrize(
    ("memory", "take", "loop", "cause"),
    [
        pytest.param(900 << 20, 1, True, "time", id="time"),
        pytest.param(300 << 20, 1 << 30, False, "memory", id="memory"),
    ],
)
def test_the_system_ends_what_takes_too_much(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, memory: int, take: int, loop: bool, cause: str
) -> None:
    script = tmp_path / "child.py"
    script.write_text(_CHILD.format(memory=memory, take=take, loop=loop))
    real = subprocess.Popen

    def start(command: list[str], **options: object) -> "subprocess.Popen[bytes]":
        del command
        return real([sys.executable, str(script)], **options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr("bidding.isolation.subprocess.Popen", start)
    worker = IsolatedWorker()
    with pytest.raises(WorkerDiedError) as caught:
        worker.ask({"task": "burn", "file": ""})
    worker.close()
    assert caught.value.cause == cause


_PROBE = """
import json, socket, sys
from bidding.isolation_bounds import close_network
closed, found = close_network(), []
for kind in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    try:
        socket.socket(kind, socket.SOCK_STREAM if kind != socket.AF_NETLINK else socket.SOCK_RAW)
        found.append(str(kind))
    except PermissionError:
        pass
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
    found.append("connected")
except OSError:
    pass
print(json.dumps([closed, found]))
"""


def test_no_child_opens_a_socket() -> None:
    """A listener that nobody may reach, and every family of sockets refused by the system itself."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        reached = threading.Event()
        threading.Thread(target=lambda: (trap.accept(), reached.set()), daemon=True).start()
        port = str(trap.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", _PROBE, port], capture_output=True, check=True)
        assert done.stdout == b"[true, []]\n"
        assert not reached.is_set()


def test_addresses_in_documents_are_not_followed(desk: Desk, engine: Engine, tmp_path: Path) -> None:
    """External references of every kind lead to a trap that must stay silent."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/x".encode()
        entity = b'<!DOCTYPE a SYSTEM "%b"><a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="%b"/></a>'
        action = b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/URI/URI(%b)>>>>" % url
        for name, data in (
            ("a.ofd", zipped({"OFD.xml": entity % (url, url)})),
            ("a.pdf", pdf(action, b"<</Type/Pages/Kids[]/Count 0>>")),
        ):
            path = tmp_path / name
            path.write_bytes(data)
            engine.judge(Item(path, name), Asked(at=LATER, trust=(str(desk.folder),)))
        with pytest.raises(TimeoutError):
            trap.accept()
