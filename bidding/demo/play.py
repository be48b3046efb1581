"""The whole tender, step by step: what `make demo` does. Every check that does not hold ends it."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx

from bidding.acts import SignedAct
from bidding.cli.verify import judge_all
from bidding.demo.attack import loot
from bidding.demo.bidders import Bidder, make_client, seal_record
from bidding.demo.cast import Platform, Unit
from bidding.demo.desk import AtWorkbench
from bidding.demo.materials import Materials, find_materials
from bidding.demo.misuse import misuse
from bidding.demo.opening import Opening
from bidding.demo.parties import Parties, three_parties
from bidding.demo.report import Reporter
from bidding.demo.tendering import (
    SECTION,
    Staff,
    in_seconds,
    log_in,
    make_section,
    now,
    publish,
    sign_params,
    yizhao,
)
from bidding.errors import SubmissionRefusedError
from bidding.officer import OpeningKeys
from bidding.wiring.bidder import BidderPorts, bidder_ports
from bidding.wiring.machine import system_random
from bidding.workbench.acting import ActingParty
from bidding.workbench.seal_standing import SealPorts
from sealing.adapters.maker_http import HttpSealRegistry
from signing import canonical
from signing.adapters.revocation_http import fetch_trust
from signing.digests import sm3
from signing.statement import SignedStatement
from signing.trust import save_trust

NAMES = ("仿真滨海建设工程有限公司", "仿真崂山路桥集团有限公司", "仿真胶州市政工程有限公司")
HEADS = ("陈建国", "林晓梅", "孙志远")
PRICES = ("18329600.00", "17985000.50", "18100888.00")
DAYS = ("365", "350", "360")
PIN = "246810"


@dataclass
class Play:
    """One run of the demo: who takes part, where things lie, what was found."""

    out: Path
    bidders_wanted: int
    deadline_seconds: int
    samples: Path
    reporter: Reporter = field(default_factory=Reporter)
    parties: Parties | None = None
    bidders: list[Bidder] = field(default_factory=list)

    def run(self) -> None:
        """Play all steps; leaves everything in the folder. DemoFailedError says which check did not hold."""
        with self._parties() as parties, ExitStack() as stack:
            self.parties = parties
            Tender(self, parties, stack).run()

    @contextmanager
    def _parties(self) -> Iterator[Parties]:
        with self.reporter.step(
            "启动三方：仿真环境、投标人工作台、交易中心（各自的数据库、密钥与文件夹，只以 HTTP 相连）"
        ):
            shutil.rmtree(self.out / "parties", ignore_errors=True)
            stack = ExitStack()
            parties = stack.enter_context(three_parties(self.out / "parties", self.found_centre))
            for party in (parties.sandbox, parties.centre, parties.workbench):
                self.reporter.say(f"{party.name}：{party.url}，进程 {party.pid}", url=party.url, pid=party.pid)
        with stack:
            yield parties

    def found_centre(self, sandbox_url: str) -> str:
        """Register the trading centre, whose licence the centre's service needs to start."""
        with httpx.Client(base_url=sandbox_url, timeout=30) as http:
            self.centre_unit = Platform(http).register("仿真市公共资源交易中心", "周敏", PIN)
        return self.centre_unit.uscc


T = TypeVar("T")


def together(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """Let the bidders work side by side, as they do; answers in order."""
    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        return [waiting.result() for waiting in [pool.submit(job) for job in jobs]]


class Tender:
    """The tender itself, once the parties are up."""

    def __init__(self, play: Play, parties: Parties, stack: ExitStack) -> None:
        """Open the clients of everybody who is no party."""
        self.play, self.parties, self.stack, self.reporter = play, parties, stack, play.reporter
        self.out = play.out
        self.platform = Platform(self._client(parties.sandbox.url))
        self.centre_http = self._client(parties.centre.url)
        self.workbench_http = self._client(parties.workbench.url)
        self.homes = self.out / "homes"

    def _client(self, url: str) -> httpx.Client:
        return self.stack.enter_context(httpx.Client(base_url=url, timeout=120))

    @property
    def bidders(self) -> list[Bidder]:
        """Answer the bidders."""
        return self.play.bidders

    def run(self) -> None:
        """Play all steps in their order."""
        self.licences()
        self.publish_section()
        for folder in ("sealed", "bundles", "receipts", "refusals", "opened"):
            shutil.rmtree(self.out / folder, ignore_errors=True)
            (self.out / folder).mkdir(parents=True)
        self.log_in()
        bids = self.assemble_and_seal()
        self.pack(bids)
        self.submit()
        self.refusals()
        self.attack()
        self.late()
        self.open()
        self.verify_everything()

    # 2

    def licences(self) -> None:
        """Licences, certificates and seals of everybody."""
        with self.reporter.step("登记机关发照：电子营业执照、双证书、法定代表人证书，并同步发放一套五枚电子印章"):
            names = [(NAMES[i % 3] + ("" if i < 3 else str(i)), HEADS[i % 3]) for i in range(self.play.bidders_wanted)]  # noqa: PLR2004
            self.tenderer = self.platform.register("仿真市住房和城乡建设局", "吴海波", PIN)
            units = [self.platform.register(name, head, PIN) for name, head in names]
            units[0] = self.platform.authorise(units[0], "王小明", PIN)
            self.trust = self.out / "trust"
            self._refresh_trust()
            self.ports = self.stack.enter_context(bidder_ports(self.parties.sandbox.url, self.trust, system_random))
            registry = HttpSealRegistry(self.ports.http, self.parties.sandbox.url)
            for unit in (self.play.centre_unit, self.tenderer, *units):
                seals = registry.fetch_seals(unit.uscc)
                self.reporter.require(len(seals) == 5, f"{unit.name}（{unit.uscc}）：执照与五枚印章", uscc=unit.uscc)  # noqa: PLR2004 - the set of five
            agent = units[0].agent
            self.reporter.say(f"{units[0].name} 授权经办人 {agent.name if agent else ''} 办理投标，期限一天")
            self.units = units

    def _refresh_trust(self) -> None:
        with httpx.Client(timeout=30) as http:
            trust = fetch_trust(http, f"{self.parties.sandbox.url}/ca/trust")
        save_trust(self.trust, trust)
        self.fingerprint = trust.fingerprint

    def seal_ports(self, audience: str) -> SealPorts:
        """Answer the ports of a person's own machine."""
        ports: BidderPorts = self.ports
        registry = HttpSealRegistry(ports.http, self.parties.sandbox.url)
        return SealPorts(ports.acting, registry, self._trust, now, system_random, audience)

    def _trust(self) -> Any:
        with httpx.Client(timeout=30) as http:
            return fetch_trust(http, f"{self.parties.sandbox.url}/ca/trust")

    # 3

    def publish_section(self) -> None:
        """Make the opening key outside the service, sign the parameters, and have the centre release them."""
        with self.reporter.step("开标人在服务之外生成开标密钥，招标人签署标段参数，交易中心核验并发布"):
            self.officer = self.homes / "officer"
            shutil.rmtree(self.homes, ignore_errors=True)
            self.homes.mkdir(parents=True)
            self.passphrase = self.homes / "officer.passphrase"
            self.passphrase.write_text("officer-passphrase-for-the-demo\n", "ascii")
            yizhao("officer", "keygen", self.officer, "--passphrase-file", self.passphrase)
            keys = canonical.decode((self.officer / "opening-keys.json").read_bytes(), OpeningKeys)
            self.deadline = in_seconds(self.play.deadline_seconds)
            self.signed = self._publish(keys, self.deadline, SECTION)
            self.params = self.signed.statement
            other = self.homes / "officer-2"
            yizhao("officer", "keygen", other, "--passphrase-file", self.passphrase)
            keys = canonical.decode((other / "opening-keys.json").read_bytes(), OpeningKeys)
            self.other = self._publish(keys, in_seconds(3600), SECTION[:-1] + "2")
            self.reporter.say(
                f"标段 {SECTION} 已发布，截止 {self.deadline.isoformat()}", params_sm3=sm3(self.params).hex()
            )

    def _publish(self, keys: OpeningKeys, deadline: datetime, section: str) -> SignedStatement:
        params = make_section(self.tenderer, self.play.centre_unit, keys, deadline, section=section)
        actor = self.tenderer.actor(self.tenderer.head)
        party = ActingParty(self.ports.acting, now, system_random, "招标人", actor)
        signed = sign_params(params, party, self.platform, self.tenderer.head)
        publish(self.centre_http, signed)
        return signed

    # 4

    def log_in(self) -> None:
        """Everybody logs in by e-licence."""
        with self.reporter.step("投标人以电子营业执照扫码登录工作台；交易中心工作人员登录交易平台"):
            self.desks = []
            for unit in self.units:
                person = unit.acting
                token = log_in(self.workbench_http, self.platform, unit, person)
                self.desks.append(AtWorkbench(self.workbench_http, token, self.platform, unit))
                role = "经办人" if unit.agent else "法定代表人"
                self.reporter.say(
                    f"{unit.name}：{role} {person.name} 已登录（挑战、两位数字、执照证书、吊销与主体状态均已核验）"
                )
            staff = self.play.centre_unit
            self.staff = Staff(self.centre_http, log_in(self.centre_http, self.platform, staff, staff.head))

    # 5, 6

    def assemble_and_seal(self) -> list[Path]:
        """Drafts from real PDFs, letters from the licence, both seals."""
        materials = find_materials(self.play.samples, self.homes / "materials", len(self.units))
        kind = "真实 PDF" if materials[0].real else "生成的 PDF"
        with self.reporter.step(
            f"组装投标文件（{kind}）：执照数据填入投标函与开标一览表，每部分一个带书签和页码的 PDF"
        ):
            jobs = [partial(self._assemble, *each) for each in zip(self.desks, materials, count())]
            for desk, pages in zip(self.desks, together(jobs), strict=True):
                self.reporter.say(f"{desk.unit.name}：{len(pages)} 个部分，共 {sum(pages)} 页", pages=pages)
        with self.reporter.step(
            "加盖电子印章：先法定代表人章（本人确认、本人密钥），后公章；每枚均有可信时间戳与用章记录"
        ):
            bids = []
            for desk, found in zip(self.desks, together([desk.seal for desk in self.desks]), strict=True):
                self.reporter.say(
                    f"{desk.unit.name}：{found.files} 份文件，{found.seals} 枚章，用章记录 {found.entries} 条"
                )
                bid = desk.export(self.homes / f"bid-{desk.unit.uscc}")
                self._keep_sealed(desk.unit, bid)
                bids.append(bid)
            return bids

    def _assemble(self, desk: AtWorkbench, material: Materials, number: int) -> list[int]:
        values = {"price": PRICES[number % 3], "days": DAYS[number % 3], "quality": "合格"}
        desk.open(self.parties.centre.url, SECTION)
        for path in material.business:
            desk.add("business", path)
        for path in material.technical:
            desk.add("technical", path)
        return desk.fill_and_assemble(values)

    def _keep_sealed(self, unit: Unit, bid: Path) -> None:
        for path in sorted(bid.glob("*.pdf")):
            shutil.copyfile(path, self.out / "sealed" / f"{unit.uscc}-{path.name}")

    # 7

    def pack(self, bids: list[Path]) -> None:
        """Pack on the bidder's own machine."""
        with self.reporter.step(
            "封装：投标人在自己的进程中运行 yizhao bundle pack，K_B 加密给手机钱包与恢复码并已演练"
        ):
            for desk, bid in zip(self.desks, bids, strict=True):
                home = self.homes / desk.unit.uscc
                home.mkdir()
                bidder = Bidder(
                    unit=desk.unit,
                    folder=desk.unit.uscc,
                    home=home,
                    platform=self.platform,
                    centre=make_client(self.parties.centre.url, self._trust, now, self.centre_http),
                    seals=self.seal_ports("投标人自己的电脑"),
                    sandbox_url=self.parties.sandbox.url,
                    trust=self.trust,
                    values=desk.values,
                    sealed=sorted(bid.glob("*.pdf")),
                )
                self.play.bidders.append(bidder)
            first = self.play.bidders[0]
            jobs = [partial(b.pack, bid, f"{b.folder}-1.ytb") for b, bid in zip(self.play.bidders, bids, strict=True)]
            *made, self.second = together([*jobs, partial(first.pack, bids[0], f"{first.folder}-2.ytb")])
            for bidder, bundle in zip(self.play.bidders, made, strict=True):
                bidder.bundles.append(bundle)
                self.reporter.say(f"{bidder.unit.name}：{bundle.size:,} 字节", sm3=bundle.sm3, size=bundle.size)

    # 8

    def submit(self) -> None:
        """Submit, receipt, replace, withdraw and submit again."""
        with self.reporter.step("递交：断点续传、执照签署的递交、R1 回执（无需任何服务即可验证）；一家替换标书"):
            for bidder in self.play.bidders:
                act, _ = bidder.submit(bidder.bundle, self.params)
                self._keep_receipt(bidder, bidder.stamped_receipt(act), 1)
                replay = bidder.centre.submit(act, bidder.bundle.path)
                kept = json.loads(bidder.stamped_receipt(act))["r1"]
                self.reporter.require(json.loads(replay)["r1"] == kept, f"{bidder.unit.name}：重复递交返回同一份 R1")
            first = self.play.bidders[0]
            old = first.bundle
            act, _ = first.submit(self.second, self.params, replaces=old.sm3)
            first.bundles.append(self.second)
            self._keep_receipt(first, first.stamped_receipt(act), 2)
            self.reporter.say(f"{first.unit.name} 在截止前用新版本替换了原标书", old=old.sm3, new=self.second.sm3)
            for bidder in self.play.bidders:
                for bundle in bidder.bundles:
                    shutil.copyfile(bundle.path, self.out / "bundles" / bundle.path.name)
            said = yizhao(
                "receipt", "verify", "--trust", self.trust, *sorted((self.out / "receipts").iterdir()), wait=False
            )
            text, _ = said.communicate(timeout=120)
            self.reporter.require(said.returncode == 0, "离线验证全部回执通过", said=text[-400:])

    def _keep_receipt(self, bidder: Bidder, data: bytes, version: int) -> None:
        self._refresh_trust()
        (self.out / "receipts" / f"{bidder.unit.uscc}-{version}.json").write_bytes(data)

    def refusals(self) -> None:
        """Try what must be refused before any receipt, and misuse of licence, consent and documents."""
        with self.reporter.step("应当拒绝的：普通 ZIP、其他标段的标书、错误密码、过期或重复使用的授权、被吊销的执照……"):
            misuse(self)

    # 9

    def attack(self) -> None:
        """Play the attacker with everything the centre stores."""
        with self.reporter.step("封签之前的攻击者：拿走交易中心的数据库、文件与全部密钥"):
            centre = self.parties.centre
            words = tuple(w for b in self.play.bidders for w in (b.unit.name, b.unit.uscc, b.unit.acting.name))
            markers = ("%PDF-", *(b.values["price"] for b in self.play.bidders))
            found = loot(centre.data, centre.keys, words, markers)
            names = found.names_found
            self.reporter.require(not names, f"{found.files} 个存储文件中没有任何投标人名称、代码或人名", found=names)
            self.reporter.require(
                found.bundles_unwrapped >= len(self.play.bidders),
                f"用中心的密钥剥去收件加密 {found.bundles_unwrapped} 份",
            )
            self.reporter.require(found.wraps_opened == 0, f"{found.wraps_tried} 次尝试，没有一个半密钥被打开")
            self.reporter.require(not found.markers_found, "剥去收件加密后的标书里没有任何明文内容")
            for path in (
                f"/sections/{SECTION}/bidders",
                f"/sections/{SECTION}/bidders/count",
                f"/sections/{SECTION}/bidders/export",
                "/storage",
            ):
                answer = self.staff.ask("GET", path)
                held = answer.status_code == httpx.codes.FORBIDDEN and answer.json()["code"] == "sealed_until_opening"
                self.reporter.require(held, f"工作人员 GET {path}：{answer.status_code} sealed_until_opening")

    def late(self) -> None:
        """One attempt after the deadline gets a signed refusal."""
        with self.reporter.step("截止之后的一次递交：得到交易中心签名的拒收凭证"):
            bidder = self.play.bidders[-1]
            act = bidder.act(bidder.bundle, self.params, replaces=bidder.bundle.sm3)
            wait = (self.deadline - now()).total_seconds()
            self.reporter.require(wait > 0, f"全部标书已在截止前就绪（余 {wait:.0f} 秒）", left=round(wait, 1))
            self.reporter.say("等待截止……")
            time.sleep(max(0.0, wait) + 0.2)
            refusal = self._refused(bidder, act)
            (self.out / "refusals" / f"{bidder.unit.uscc}-late.json").write_bytes(refusal)
            self.reporter.require(refusal, "迟到的递交被拒绝，拒收凭证已保存")

    def _refused(self, bidder: Bidder, act: SignedAct) -> bytes:
        """Answer the signed refusal of a late act, as soon as its timestamp has come."""
        refusal = b""
        for _ in range(100):
            try:
                if refusal:
                    bidder.centre.fetch_receipt(act)
                else:
                    bidder.centre.submit(act, bidder.bundle.path)
            except SubmissionRefusedError as error:
                refusal = error.refusal
            if refusal and b'"token":null' not in refusal:
                return refusal
            time.sleep(0.1)
        return refusal

    # 10

    def open(self) -> None:
        """Hold the opening, to the sealed record."""
        opening = Opening(
            self.reporter,
            self.staff,
            tuple(self.play.bidders),
            self.out,
            self.officer,
            self.passphrase,
            self.parties.centre.url,
        )
        with self.reporter.step("开标一：截标、清点（第一封签）"):
            opening.close()
        with self.reporter.step("开标二：投标人在手机钱包上确认，交出 K_B"):
            opening.release()
        with self.reporter.step("开标三：冻结解密集合（第二封签），签名并加盖时间戳"):
            opening.freeze()
        with self.reporter.step("开标四：开标人客户端交出 K_T"):
            self._refresh_trust()
            opening.officer()
        with self.reporter.step("开标五：先唱标，再逐份解密核验印章"):
            opening.read_out()
        with self.reporter.step("开标六：开标记录，主持方与各投标人加盖公章"):
            host = self.homes / "host"
            host.mkdir()
            ports, unit = self.seal_ports("交易平台"), self.play.centre_unit
            opening.record(lambda record: seal_record(ports, self.platform, unit, record, host))

    # 11

    def verify_everything(self) -> None:
        """Verify all that is left, offline."""
        with self.reporter.step("离线核验全部成果"):
            self._refresh_trust()
            groups = (
                "sealed/*.pdf",
                "bundles/*.ytb",
                "receipts/*",
                "refusals/*",
                "opened/*/*.pdf",
                "opening-record.pdf",
            )
            files = [path for pattern in groups for path in sorted(self.out.glob(pattern))]
            question = {"trust": str(self.trust), "at": now().isoformat()}
            for path, answer in zip(files, judge_all(files, question), strict=True):
                name = str(path.relative_to(self.out))
                good = answer["indication"] == "TOTAL-PASSED" and not answer["warnings"]
                self.reporter.require(
                    good, f"{name}：{answer['indication']}", sm3=answer["sm3"], reason=answer["reason"]
                )
            self.reporter.say(f"信任名单指纹 {self.fingerprint}", fingerprint=self.fingerprint)
