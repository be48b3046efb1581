"""The opening as the demo plays it: release, freeze, the officer, readout, documents, record."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bidding.demo.bidders import Bidder
from bidding.demo.report import DemoFailedError, Reporter
from bidding.demo.tendering import SECTION, Staff, yizhao


def wait_for(what: str, ready: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so; DemoFailedError when it does not come."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if ready():
            return
        time.sleep(0.2)
    raise DemoFailedError(f"等待超时：{what}")


@dataclass(frozen=True)
class Opening:
    """Everybody who takes part in the opening."""

    reporter: Reporter
    staff: Staff
    bidders: tuple[Bidder, ...]
    out: Path
    officer_folder: Path
    passphrase: Path
    centre_url: str

    def close(self) -> None:
        """Wait for T + G, and see the count and the first lid."""
        path = f"/sections/{SECTION}/opening"
        wait_for("截标封签", lambda: self.staff.do("GET", path)["phase"] not in {"bidding", "closing"}, 180)
        seen = self.staff.do("GET", path)
        live = sorted(bidder.bundle.sm3 for bidder in self.bidders)
        self.reporter.require(seen["bids"] == len(self.bidders), f"截标后清点：{seen['bids']} 份有效投标")
        self.reporter.require(sorted(seen["bundles"]) == live, "第一封签中的摘要与各投标人回执所记一致（替换后的版本）")

    def release(self) -> None:
        """Every bidder releases its half by consent on the wallet."""
        for bidder in self.bidders:
            size = bidder.release()
            self.reporter.say(f"{bidder.unit.name}：经执照钱包确认，交出 K_B（请求 {size} 字节）", bytes=size)
            self.reporter.require(size < 8192, "开标时每家只传几千字节，与标书大小无关")  # noqa: PLR2004 - one request

    def freeze(self) -> None:
        """Freeze the release set as the host: nothing was readable before, nothing is accepted after."""
        before = self.staff.ask("GET", f"/sections/{SECTION}/readout?stage=1")
        self.reporter.require(before.is_error, "冻结前没有任何唱标内容可读")
        self.staff.do("POST", f"/sections/{SECTION}/freeze", json={"stage": 1})
        frozen = f"/sections/{SECTION}/release-set"
        wait_for("第二封签的时间戳", lambda: self.staff.ask("GET", frozen).is_success)
        self.reporter.say("第二封签（解密集合）已签名并加盖时间戳，此后不再接收 K_B")
        self.reporter.require(self.bidders[0].replaced_release_refused(), "已被替换的旧版本不能再交出 K_B")

    def officer(self) -> None:
        """Let the officer's own client check the set and release K_T."""
        said = yizhao(
            "officer", "open", self.officer_folder, "--centre", self.centre_url, "--section", SECTION,
            "--trust", self.out / "trust", "--passphrase-file", self.passphrase, wait=False,
        )  # fmt: skip
        text, _ = said.communicate(timeout=120)
        self.reporter.require(said.returncode == 0, f"开标人在自己的电脑上核验封签后交出 K_T：{text.strip()[-60:]}")

    def read_out(self) -> dict[str, Any]:
        """唱标 first, then the documents."""
        path = f"/sections/{SECTION}/readout?stage=1"
        wait_for("唱标", lambda: self.staff.ask("GET", path).is_success)
        outcomes = self.staff.do("GET", path)
        by_code = {outcome["uscc"]: outcome for outcome in outcomes}
        for bidder in self.bidders:
            fields = {field["id"]: field["value"] for field in by_code[bidder.unit.uscc]["readout"]}
            self.reporter.require(
                fields == bidder.values, f"唱标 {bidder.unit.name}：报价 {fields['price']} 元，工期 {fields['days']} 天"
            )
        self._write_opened()
        return by_code

    def _write_opened(self) -> None:
        """Wait for the documents, check their seals, and leave them in the folder."""
        for bidder in self.bidders:
            base = f"/sections/{SECTION}/bids/{bidder.bundle.sm3}/documents"
            wait_for("标书文件", partial(self._has_documents, base, len(bidder.sealed)), 120)
            folder = self.out / "opened" / bidder.folder
            folder.mkdir(parents=True, exist_ok=True)
            for document in self._documents(base):
                data = self.staff.ask("GET", f"{base}/{document['document']}?stage=1").content
                (folder / f"{document['document']}.pdf").write_bytes(data)
                (folder / f"{document['document']}.json").write_text(document["report"], "utf-8")
                same = any(path.read_bytes() == data for path in bidder.sealed)
                good = document["indication"] == "TOTAL-PASSED"
                self.reporter.require(
                    same and good,
                    f"{bidder.unit.name} · {document['name']}：与封装前逐字节相同，两枚印章属于该投标人且验证通过",
                )

    def _has_documents(self, base: str, count: int) -> bool:
        return len(self._documents(base)) == count

    def _documents(self, base: str) -> list[dict[str, Any]]:
        answer = self.staff.ask("GET", f"{base}?stage=1")
        found: list[dict[str, Any]] = answer.json() if answer.is_success else []
        return found

    def record(self, seal_by_host: Callable[[bytes], bytes]) -> None:
        """Have the record drawn, sealed by the host and then by each bidder."""
        wait_for("开标记录", self._made)
        for name, seal in [
            ("主持方公章", seal_by_host),
            *((f"{b.unit.name} 公章", b.seal_record) for b in self.bidders),
        ]:
            current = self.staff.ask("GET", f"/sections/{SECTION}/record?stage=1")
            sealed = seal(current.content)
            self.bidders[0].put_record(sealed, current.content)
            self.reporter.require(True, f"开标记录加盖{name}")
        self.staff.do("POST", f"/sections/{SECTION}/end", json={"stage": 1})
        data = self.staff.ask("GET", f"/sections/{SECTION}/record?stage=1").content
        (self.out / "opening-record.pdf").write_bytes(data)

    def _made(self) -> bool:
        return self.staff.ask("POST", f"/sections/{SECTION}/records", json={"stage": 1}).is_success
