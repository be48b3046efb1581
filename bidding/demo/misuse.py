"""What must be refused, each with its stable code, and with the state left as it was (错误输入)."""

import time
import zipfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

import httpx

from bidding.acts import SignedAct
from bidding.demo.bidders import Bidder
from bidding.demo.cast import ITEMS, Platform, reference
from bidding.demo.desk import AtWorkbench
from bidding.demo.report import Reporter
from bidding.demo.tendering import SECTION, now
from bidding.errors import BiddingError, CentreRefusedError
from bidding.web.errors import words_of
from bidding.workbench.packing import BundleFile
from bidding.workbench.tus import TusClient
from identity.consent import ConsentFile, encode_record
from identity.errors import IdentityError
from signing import canonical
from signing.digests import read_chunks, sm3, sm3_of
from signing.errors import KeyServiceRefusedError, SigningError
from signing.ports import Statement
from signing.statement import SignedStatement


class Scene(Protocol):
    """What the demo has set up by the time that somebody misuses it."""

    reporter: Reporter
    platform: Platform
    homes: Path
    out: Path
    params: bytes
    other: SignedStatement
    desks: list[AtWorkbench]
    workbench_http: httpx.Client

    @property
    def bidders(self) -> Sequence[Bidder]:
        """Answer the bidders, all submitted."""


OUTSIDE = (BiddingError, IdentityError, SigningError)


def misuse(tender: Scene) -> None:
    """Try everything that must not work; the reporter fails the demo when one of them does."""
    Misuse(tender).run()


class Misuse:
    """One round of wrong doing."""

    def __init__(self, tender: Scene) -> None:
        """Take the bidders as they are after submission."""
        self.tender, self.reporter, self.platform = tender, tender.reporter, tender.platform
        self.number = min(1, len(tender.bidders) - 1)
        self.bidder: Bidder = tender.bidders[self.number]
        self.folder = tender.homes / "misuse"
        self.folder.mkdir()

    def run(self) -> None:
        """Go through all of it."""
        self.consents()
        self.subjects()
        self.documents()
        self.bundles()
        self.interruption()

    def expect(self, what: str, codes: set[str], doing: Callable[[], object]) -> None:
        """See that doing something is refused with one of these codes."""
        try:
            doing()
            found = "accepted"
        except CentreRefusedError as error:
            found = error.code
        except KeyServiceRefusedError as error:
            found = error.code
        except OUTSIDE as error:
            found = words_of(error).code
        self.reporter.require(found in codes, f"{what} → {found}", code=found)

    def expect_code(self, what: str, wanted: str, found: str) -> None:
        """See that a refusal had this code."""
        self.reporter.require(found == wanted, f"{what} → {found}", code=found)

    # Consents

    def consents(self) -> None:
        """Try a wrong PIN, a cancelled, a foreign, a used and an expired consent."""
        party, person = self.bidder.party, self.bidder.unit.acting
        statement = canonical.encode({"v": 1, "act": "withdraw", "probe": self.bidder.unit.uscc})
        line = ConsentFile("演示用行为", 0, len(statement), sm3(statement).hex())
        names = {"section": SECTION, "params_sm3": sm3(self.tender.params).hex()}
        pending = party.ask("withdraw", (line,), **names)
        path = f"/wallet/consents/{reference(pending.url)}"
        self.expect_code(
            "执照密码错误",
            "pin_wrong",
            self.platform.refused(f"{path}/confirm", {"person": person.id, "pin": "000000"}),
        )
        self.platform.http.post(f"{path}/refuse", json={"person": person.id})
        self.expect("本人在钱包上取消的授权", {"consent_refused"}, lambda: party.outcome(pending))
        pending = party.ask("withdraw", (line,), **names)
        self.platform.confirm(pending.url, person)
        key = party.credential()
        other = Statement("act", statement.replace(b"probe", b"other"))
        self.expect("把授权用于另一份内容", {"digest_not_listed"}, lambda: party.sign(pending, key, [other]))
        mine = [Statement("act", statement)]
        party.sign(pending, key, mine)
        self.expect("同一授权使用第二次", {"consent_used"}, lambda: party.sign(pending, key, mine))
        self._expired(line, names)

    def _expired(self, line: ConsentFile, names: dict[str, str]) -> None:
        import msgspec

        party, person = self.bidder.party, self.bidder.unit.acting
        record = party.ask("withdraw", (line,), **names).record
        start = now().replace(microsecond=0)
        short = msgspec.structs.replace(
            record, nonce=self.bidder.seals.random(16).hex(), not_before=start, not_after=start + timedelta(seconds=2)
        )
        pending = party.ports.wallet.request_consent(encode_record(short))
        time.sleep(max(0.0, (start + timedelta(seconds=2.2) - now()).total_seconds()))
        path = f"/wallet/consents/{reference(pending.url)}/confirm"
        self.expect_code(
            "过期的授权", "consent_expired", self.platform.refused(path, {"person": person.id, "pin": person.pin})
        )

    # Subjects

    def subjects(self) -> None:
        """Try a revoked licence and an expired authorisation."""
        unit = self.platform.register("仿真吊销贸易有限公司", "钱有为", "135790")
        ghost = self.platform.authorise(unit, "赵过期", "135790")
        grant = {
            "uscc": unit.uscc,
            "person_name": "钱过期",
            "items": sorted(ITEMS),
            "not_before": (now() - timedelta(hours=2)).replace(microsecond=0).isoformat(),
            "not_after": (now() - timedelta(hours=1)).replace(microsecond=0).isoformat(),
            "pin": "135790",
            "person_pin": "135790",
        }
        answer = self.platform.http.post("/registrar/authorisations", json=grant)
        if answer.is_success:
            from dataclasses import replace

            from bidding.demo.cast import Person

            old = replace(
                ghost, agent=Person(answer.json()["person"], "钱过期", "135790"), authorisation=answer.json()["id"]
            )
            party = self.bidder.seals.party(old.actor(old.acting))
            self.expect("过期的办事人授权", {"authorisation_expired"}, lambda: party.standing("submit"))
        else:
            self.expect_code("过期的办事人授权", answer.json()["code"], answer.json()["code"])
        self.platform.http.post(
            f"/registrar/licences/{unit.uscc}/state", json={"state": "revoked", "reason": "演示吊销"}
        )
        party = self.bidder.seals.party(unit.actor(unit.head))
        self.expect("已吊销执照办理投标", {"licence_revoked"}, lambda: party.standing("submit"))
        login = self.tender.workbench_http.post("/api/v1/logins").json()
        body = {"person": unit.head.id, "uscc": unit.uscc, "pin": unit.head.pin, "number": login["number"]}
        path = f"/wallet/logins/{reference(login['url'])}/confirm"
        self.expect_code("已吊销执照登录", "licence_revoked", self.platform.refused(path, body))

    # Documents

    def documents(self) -> None:
        """Try a PDF with a password, and a file that is no PDF."""
        from pypdf import PdfReader, PdfWriter

        source = next(iter(self.bidder.sealed))
        locked, text = self.folder / "locked.pdf", self.folder / "text.pdf"
        writer = PdfWriter()
        writer.add_page(PdfReader(source).pages[0])
        writer.encrypt("secret")
        writer.write(locked)
        text.write_text("这不是 PDF", "utf-8")
        desk = self.tender.desks[self.number]
        self.expect_code("加密的 PDF", "document_encrypted", desk.refused_document("business", locked))
        self.expect_code("不是 PDF 的文件", "not_a_pdf", desk.refused_document("business", text))

    # Bundles

    def bundles(self) -> None:
        """Try a plain ZIP, another section's bundle, changed and truncated ones, a second finalise."""
        bidder, good = self.bidder, self.bidder.bundle
        data = good.path.read_bytes()
        plain = self.folder / "plain.zip"
        with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(bidder.sealed[0], "投标文件.pdf")
        changed = bytearray(data)
        changed[len(changed) // 2] ^= 1
        files = {
            "未加密的普通 ZIP": (plain.read_bytes(), {"bundle_not_encrypted"}),
            "被改动一个字节的标书": (bytes(changed), {"bundle_untrusted"}),
            "被截断的标书": (data[: len(data) * 2 // 3], {"bundle_malformed"}),
        }
        for what, (content, codes) in files.items():
            self.expect(what, codes, lambda content=content: self._submit(self._file(content), self.tender.params))  # type: ignore[misc]
        other = self.tender.other.statement
        self.expect("递交到另一个标段", {"wrong_section"}, lambda: self._submit(good, other))
        first = self.tender.bidders[0]
        old = first.bundles[0]
        self.expect(
            "不写明替换而再次递交另一份标书",
            {"bid_moved"},
            lambda: first.centre.submit(first.act(old, self.tender.params), old.path),
        )

    def _file(self, content: bytes) -> BundleFile:
        path = self.folder / f"{sm3(content).hex()[:12]}.bin"
        path.write_bytes(content)
        with path.open("rb") as stream:
            return BundleFile(path, len(content), sm3_of(read_chunks(stream)).hex())

    def _submit(self, bundle: BundleFile, params: bytes) -> None:
        self.bidder.centre.submit(self.bidder.act(bundle, params), bundle.path)

    # Interruption

    def interruption(self) -> None:
        """Withdraw, and submit again over a line that breaks in the middle."""
        bidder, bundle, params = self.bidder, self.bidder.bundle, self.tender.params
        bidder.centre.withdraw(bidder.withdrawal(params, bundle))
        self.reporter.say(f"{bidder.unit.name} 截止前撤回投标，交易中心签名确认")
        act = bidder.act(bundle, params)
        url, sent = self._half_an_upload(act, bundle.path)
        self.reporter.say(f"上传在 {sent:,} 字节处中断")
        bidder.centre.submit(act, bundle.path, upload=url)
        receipt = bidder.stamped_receipt(act)
        receipts = self.tender.out / "receipts"
        number = len(list(receipts.glob(f"{bidder.unit.uscc}-*.json"))) + 1
        (receipts / f"{bidder.unit.uscc}-{number}.json").write_bytes(receipt)
        self.reporter.require(receipt, "从断点续传完成，取得新回执；旧回执与撤回都在案")

    def _half_an_upload(self, act: SignedAct, path: Path) -> tuple[str, int]:
        import base64

        http = self.bidder.centre.http
        tus = TusClient(http, time.sleep)
        header = base64.urlsafe_b64encode(canonical.encode(act)).decode()
        size = path.stat().st_size
        url = tus.location(tus.create(size, {"yizhao-act": header}))
        half = size // 2
        with path.open("rb") as stream:
            http.patch(
                url,
                content=stream.read(half),
                headers={
                    "tus-resumable": "1.0.0",
                    "upload-offset": "0",
                    "content-type": "application/offset+octet-stream",
                },
            ).raise_for_status()
        return url, half
