"""The other sides of the matrix as running programs: BouncyCastle (Java), npm sm-crypto (Node), OpenSSL (commands)."""

import base64
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

HERE = Path(__file__).parent
JARS = [Path("/usr/share/java") / f"{name}.jar" for name in ("bcprov", "bcpkix", "bcutil")]
DISTID = "distid:1234567812345678"


class PeerRefusedError(Exception):
    """The other side said no, in its own words."""


class _Conversation:
    """A program that answers one line for one line."""

    def __init__(self, command: list[str], *, cwd: Path | None = None) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd
        )

    def ask(self, line: str) -> list[str]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().rstrip("\n")
        if not answer:
            raise AssertionError(f"the peer died: {self._process.stderr and self._process.stderr.read()}")
        status, _, rest = answer.partition(" ")
        if status != "ok":
            raise PeerRefusedError(rest)
        return rest.split(" ") if rest else []

    def close(self) -> None:
        # communicate() closes the pipes, which ends the program; the wait is bounded all the same.
        self._process.communicate(timeout=30)


class BouncyCastle:
    """BouncyCastle 1.72 of Debian, compiled against its own jars when the session starts."""

    def __init__(self) -> None:
        missing = [str(jar) for jar in JARS if not jar.exists()]
        assert not missing, f"install libbcprov-java, libbcpkix-java and libbcutil-java: {missing}"
        self._folder = tempfile.mkdtemp(prefix="peer-")
        path = ":".join(map(str, JARS))
        subprocess.run(
            ["javac", "-cp", path, "-d", self._folder, str(HERE / "java" / "Peer.java")],
            check=True,
            capture_output=True,
        )
        self._talk = _Conversation(["java", "-Xshare:auto", "-cp", f"{path}:{self._folder}", "Peer"])

    def __call__(self, command: str, *arguments: bytes | str) -> list[bytes]:
        """Run a command of Peer.java; PeerRefusedError with its reason."""
        words = [base64.b64encode(a.encode() if isinstance(a, str) else a).decode() or "-" for a in arguments]
        return [base64.b64decode("" if word == "-" else word) for word in self._talk.ask(" ".join([command, *words]))]

    def close(self) -> None:
        self._talk.close()
        shutil.rmtree(self._folder)


class SmCrypto:
    """Npm sm-crypto 0.5.8, installed from the lock file into a scratch folder."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="node-"))
        for name in ("package.json", "package-lock.json", "peer.js"):
            shutil.copy(HERE / "node" / name, self._folder / name)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=self._folder, check=True, capture_output=True)
        self._talk = _Conversation(["node", "peer.js"], cwd=self._folder)

    def __call__(self, command: str, *arguments: bytes) -> list[bytes]:
        """Run a command of peer.js; PeerRefusedError with its reason."""
        return [bytes.fromhex(word) for word in self._talk.ask(" ".join([command, *(a.hex() for a in arguments)]))]

    def close(self) -> None:
        self._talk.close()
        shutil.rmtree(self._folder)


class OpenSsl:
    """Debian's openssl on the command line, in a scratch folder of its own."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="openssl-"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put(self, name: str, data: bytes, kind: str = "") -> str:
        """Write a file into the folder, as PEM if a kind is given; answer its name."""
        if kind:
            body = base64.encodebytes(data).decode()
            data = f"-----BEGIN {kind}-----\n{body}-----END {kind}-----\n".encode()
        (self._folder / name).write_bytes(data)
        return name

    def get(self, name: str) -> bytes:
        return (self._folder / name).read_bytes()

    def pem(self, name: str) -> bytes:
        """Read one PEM object, as DER."""
        lines = self.get(name).decode().splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("-----BEGIN") and "PARAMETERS" not in line)
        stop = next(i for i in range(start, len(lines)) if lines[i].startswith("-----END"))
        return base64.b64decode("".join(lines[start + 1 : stop]))

    def __call__(self, command: str) -> str:
        """Run `openssl …`; PeerRefusedError with what it printed."""
        done = subprocess.run(
            ["openssl", *command.split()], cwd=self._folder, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode:
            raise PeerRefusedError((done.stderr or done.stdout).strip())
        return done.stdout + done.stderr

    def close(self) -> None:
        shutil.rmtree(self._folder)
