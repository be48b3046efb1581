"""The trading centre put together from settings: database, objects, keys, ports, judges."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx

from bidding.centre.clock import SOURCE, SteadyClock
from bidding.centre.house import House, ServiceKey, TimeSource, Trust, Vault
from bidding.centre.service import Centre, Judges
from bidding.documents.fields import draw_opening_record
from bidding.judging import DocumentJudging, RecordJudging
from bidding.settings import Settings
from bidding.wiring.ports import Outside
from signing import canonical, sm2
from signing.keystore import load_key, load_secret, save_key, save_secret
from signing.path import Purpose
from signing.sandbox.authority import ServiceCertificate, ServiceRequest
from storage.database import Role, migrate, open_database, sqlite_url
from storage.intake import Intake
from storage.objects import FileObjects
from storage.secrets import FieldCipher, Tagger

Random = Callable[[int], bytes]
_STANDARD = {"standard": timedelta(days=20)}
_DEMO = {**_STANDARD, "demo": timedelta(0)}
"""By rules profile: how long before its deadline a section is released; `demo` only where the settings allow it."""
TICK_SECONDS = 0.3
EPSILON_MS = 50
"""Bound of the clock's error that is printed on receipts; a deployment measures its own."""


@dataclass(frozen=True)
class OwnSecrets:
    """What lies in a party's key folder, opened."""

    folder: Path
    passphrase: str
    random: Random

    def secret(self, name: str) -> bytes:
        """Answer a 32-byte secret of this name, made at the first start."""
        path = self.folder / f"{name}.secret"
        if not path.exists():
            save_secret(path, self.random(32), self.passphrase, self.random)
        return load_secret(path, self.passphrase)

    def key(self, name: str) -> sm2.PrivateKey:
        """Answer an SM2 key of this name, made at the first start."""
        path = self.folder / f"{name}.key"
        if not path.exists():
            save_key(path, sm2.generate(self.random), self.passphrase, self.random)
        return load_key(path, self.passphrase)


def service_key(own: OwnSecrets, http: httpx.Client, sandbox_url: str, *, name: str, uscc: str) -> ServiceKey:
    """Answer the centre's service key with its certificate, asked for at the first start."""
    key, file = own.key("service"), own.folder / "service.cer"
    if not file.exists():
        request = canonical.encode(ServiceRequest(name, Purpose.CENTRE, key.public.point, uscc))
        body = canonical.encode({"request": request, "signature": sm2.sign(key, request)})
        answer = http.post(f"{sandbox_url}/ca/services", content=body, headers={"content-type": "application/json"})
        answer.raise_for_status()
        file.write_bytes(canonical.decode(answer.content, ServiceCertificate).certificate)
    return ServiceKey(file.read_bytes(), key)


def notice_of(settings: Settings) -> dict[str, timedelta]:
    """Answer the rules profiles in force, and the least time between release and deadline in each."""
    return _DEMO if settings.rules == "demo" else _STANDARD


def build_centre(settings: Settings, own: OwnSecrets, outside: Outside, *, name: str, uscc: str) -> Centre:
    """Open everything of one centre."""
    data = Path(settings.data)
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_database(settings.database_url or sqlite_url(data / "centre.sqlite"))
    migrate(engine, Role.CENTRE)
    house = House(
        uscc=uscc,
        name=name,
        engine=engine,
        clock=SteadyClock.start(),
        random=own.random,
        vault=Vault(FieldCipher(own.secret("identity"), own.random), Tagger(own.secret("tags"))),
        signer=service_key(own, outside.http, settings.sandbox_url, name=name, uscc=uscc),
        trust=Trust(outside.trust.anchors(), outside.trust.evidence),
        register=outside.register,
        time_source=TimeSource(SOURCE, EPSILON_MS),
        notice=notice_of(settings),
    )
    scratch = data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    documents = DocumentJudging(outside.trust.refreshed_folder, house.clock)
    centre = Centre.assemble(
        house,
        intake=Intake(data / "intake", own.secret("intake"), own.random),
        objects=FileObjects(data / "objects", own.random),
        authority=outside.tsa,
        judges=Judges(
            documents,
            RecordJudging(documents, uscc, scratch, own.random),
            partial(draw_opening_record, random=own.random),
        ),
        scratch=scratch,
    )
    if missing := centre.missing_bundles():
        logging.getLogger("yizhao.centre").error(
            "bundles of %d bids are not whole in the intake: restore them", len(missing)
        )
    return centre


@dataclass(frozen=True)
class Ticker:
    """The one thread that does what is due, until the party stops."""

    tick: Callable[[], None]
    stopping: threading.Event

    def start(self) -> None:
        """Begin; an error is logged and the next tick tries again."""
        threading.Thread(target=self._run, name="ticker", daemon=True).start()

    def stop(self) -> None:
        """Stop after the tick that is running."""
        self.stopping.set()

    def _run(self) -> None:
        while not self.stopping.wait(TICK_SECONDS):
            try:
                self.tick()
            except Exception:  # the ticker must outlive any fault; what it did not do stays due
                logging.getLogger("yizhao.centre").exception("a tick failed")
