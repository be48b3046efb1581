"""`yizhao verify` and `yizhao receipt verify`: the offline verifier."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_fields
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from bidding.cli import verify_options as options
from bidding.cli.exits import CODES, USAGE, worst
from bidding.cli.verify_options import read_instant as _instant
from bidding.cli.verify_outputs import save_evidence, write_outputs, write_whole
from bidding.cli.verify_printing import Progress, tell
from bidding.errors import VerificationInputError
from bidding.evidence import Evidence, encode_evidence, make_evidence
from bidding.isolation_pool import WorkerPool, cores
from bidding.verification_asking import Asked
from bidding.verification_batch import Item, beside, expand
from bidding.verification_engine import Engine, Judged, judge_side_by_side, refuse_all
from bidding.verification_statuses import ask_statuses
from sealing.seal import SealKind
from signing.checks import Indication
from signing.digests import Sm3, read_chunks
from signing.path import TrustAnchors


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--trust", multiple=True, type=options.FOLDER, help="信任名单文件夹，可多次给出（并用）。")
@click.option("--policy", default="default", show_default=True, help="验证策略：default、production 或策略文件。")
@click.option("--at", "at", type=str, help="以哪一时刻判断，如 2026-11-21T08:00:00Z；默认现在。")
@click.option("--json", "as_json", is_flag=True, help="每个文件一行 JSON。")
@click.option("--report", type=options.OUT, help="把报告写到 .pdf、.html、.json 或 .xml 文件。")
@click.option(
    "--report-details",
    "details",
    type=options.FILE,
    help="报告的编号、委托、核验机构、核验人、复核人等，TOML 或 JSON；写明机构的报告留有盖章处。",
)
@click.option("--matrix", type=options.OUT, help="把核验矩阵写到 .csv、.xlsx 或 .html 文件。")
@click.option("--expect-uscc", default="", help="签章单位应为此统一社会信用代码。")
@click.option("--partner", "partners", multiple=True, help="联合体成员的统一社会信用代码，可多次给出。")
@click.option("--expect-person", default="", help="法定代表人章或个人签名应属于此人（姓名）。")
@click.option(
    "--require-seal",
    "require",
    multiple=True,
    type=click.Choice([str(kind) for kind in SealKind]),
    help="必须有此种印章。",
)
@click.option("--password-file", type=options.FILE, help="PDF 密码所在文件。")
@click.option("--statuses", type=options.FOLDER, help="印章状态查询答复（签名 JSON）所在文件夹。")
@click.option("--maker", help="向此地址的印章平台查询印章状态（联网，仅在给出时）。")
@click.option("--impression", type=options.FILE, help="备案印模：图像或 .esl，与各签章比对。")
@click.option("--compare-stamps", "compare", is_flag=True, help="比对页面上画出的印章与印章数据中的图像。")
@click.option("--save-evidence", "save", type=options.OUT, help="把作出结论所依据的证据写到此文件。")
@click.option("--replay", type=options.FILE, help="按保存的证据重新核验，不需要信任名单。")
@click.option("--jobs", type=click.IntRange(1, 64), help="同时核验几个文件；默认按处理器数。")
@click.option("--progress/--no-progress", default=None, help="在标准错误输出上报告进度；默认仅在终端上。")
@click.option(
    "--content", type=options.FILE, help="签名或时间戳的原文；不给出时取同名而无 .p7s、.sig、.tst 等后缀的文件。"
)
def verify(files: tuple[Path, ...], **given: Any) -> int:
    """验证 PDF、OFD、投标文件包、回执、拒收凭证、印章、签名消息、时间戳与 ASiC 容器。

    可给出文件、文件夹、通配符与 ZIP 压缩包。
    退出码 0 全部通过，1 有不通过，2 无法确定，3 无签名，4 无法读取。.
    """
    wanted = _read(files, given)
    details = options.read_details(given["details"], _instant(None))
    wanted.progress = sys.stderr.isatty() if given["progress"] is None else given["progress"]
    with tempfile.TemporaryDirectory(prefix="yizhao-verify-") as scratch:
        judged = _judge(wanted, Path(scratch))
        for one in judged:
            tell(one.answer, as_json=given["as_json"])
        write_outputs(judged, report=given["report"], matrix=given["matrix"], details=details)
        if given["save"]:
            save_evidence(given["save"], wanted.asked, wanted.lists, judged)
    return worst([CODES[Indication(one.answer["indication"])] for one in judged])


def judge_all(files: list[Path], question: dict[str, Any]) -> list[dict[str, Any]]:
    """Answer for each of these files, in order, by the trust folder and as of the instant in the question."""
    folder = question["trust"]
    asked = Asked(at=datetime.fromisoformat(question["at"]), trust=(folder,) if folder else ())
    pool = WorkerPool(max(1, min(cores(), len(files))))
    try:
        engine = Engine(pool, options.join_lists(options.load_lists([Path(one) for one in asked.trust])))
        items = [Item(path, path.name, beside(path)) for path in files]
        return [one.answer for one in judge_side_by_side(engine, items, asked)]
    finally:
        pool.close()


@dataclass
class _Wanted:
    """Everything that the command line says, read."""

    files: tuple[Path, ...]
    asked: Asked
    lists: list[TrustAnchors]
    password: str = ""
    content: Path | None = None
    maker: str = ""
    jobs: int = 0
    saves: bool = False
    progress: bool = False
    evidence: Evidence | str | None = None
    """What is replayed, or why it cannot be."""


def _read(files: tuple[Path, ...], given: dict[str, Any]) -> _Wanted:
    content, replay = given["content"], given["replay"]
    if content and len(files) != 1:
        raise click.BadParameter("给出原文时只能验证一个签名文件。", param_hint="--content")
    kept = (*files, content) if content else files
    options.require_writable(given["report"], kept, "--report", options.REPORTS)
    options.require_writable(given["matrix"], kept, "--matrix", options.MATRICES)
    options.require_writable(given["save"], kept, "--save-evidence")
    if replay:
        return _read_replay(files, given)
    lists = options.load_lists(given["trust"])
    asked = Asked(
        at=_instant(given["at"]),
        trust=tuple(str(folder) for folder in given["trust"]),
        policy=options.read_policy(given["policy"]),
        expect_uscc=given["expect_uscc"].strip(),
        partners=tuple(options.read_code(code.strip(), "--partner") for code in given["partners"]),
        person_name=given["expect_person"].strip(),
        require=given["require"],
        statuses=options.read_status_folder(given["statuses"]),
        impression=options.read_impression(given["impression"]),
        compare=given["compare"],
    )
    return _Wanted(
        files,
        asked,
        lists,
        password=options.read_password(given["password_file"]),
        content=content,
        maker=given["maker"] or "",
        jobs=given["jobs"] or 0,
        saves=bool(given["save"]),
    )


_FIXED = (
    "trust",
    "at",
    "expect_uscc",
    "partners",
    "expect_person",
    "require",
    "statuses",
    "maker",
    "impression",
    "save",
)


def _read_replay(files: tuple[Path, ...], given: dict[str, Any]) -> _Wanted:
    """Take the question from the evidence; only the policy may be another."""
    for name in _FIXED:
        if given[name]:
            raise click.BadParameter("重新核验按证据中保存的问题进行，不能另行给出。", param_hint=name)
    evidence = options.read_evidence(given["replay"])
    policy = "" if given["policy"] == "default" else given["policy"]
    known = isinstance(evidence, Evidence)
    asked = Asked(
        at=evidence.at if isinstance(evidence, Evidence) else _instant(None),
        evidence=str(given["replay"].resolve()),
        policy=options.read_policy(policy),
        impression=evidence.impression if isinstance(evidence, Evidence) else b"",
        compare=known and isinstance(evidence, Evidence) and evidence.compare,
    )
    password = options.read_password(given["password_file"])
    return _Wanted(files, asked, [], password, content=given["content"], jobs=given["jobs"] or 0, evidence=evidence)


def _judge(wanted: _Wanted, scratch: Path) -> list[Judged]:
    evidence = wanted.evidence
    trust = evidence.trust_anchors() if isinstance(evidence, Evidence) else options.join_lists(wanted.lists)
    try:
        items = _with_content(expand(wanted.files, scratch), wanted.content)
    except VerificationInputError as error:
        raise click.UsageError(f"{error}。") from error
    if isinstance(evidence, str):
        return refuse_all(items, trust, "evidence", f"{evidence}。")
    if wanted.saves:  # children and file then have the very same bytes
        _freeze(wanted, scratch)
    pool = WorkerPool(max(1, min(wanted.jobs or cores(), len(items))))
    progress = Progress(len(items) if wanted.progress else 0)
    try:
        engine = Engine(pool, trust, evidence)
        return _ask(engine, items, wanted, lambda one: progress(one.answer), scratch)
    finally:
        pool.close()


def _ask(
    engine: Engine, items: Sequence[Item], wanted: _Wanted, each: Callable[[Judged], None], scratch: Path
) -> list[Judged]:
    """Judge; when the seal platform may be asked, judge once more with what it answered."""
    if not wanted.maker:
        return judge_side_by_side(engine, items, wanted.asked, wanted.password, each=each)
    first = judge_side_by_side(engine, items, wanted.asked, wanted.password)
    answers = [one.answer for one in first]
    wanted.asked = replace(wanted.asked, statuses=(*wanted.asked.statuses, *_fetch(wanted, answers)))
    if wanted.saves:
        _freeze(wanted, scratch)
    return judge_side_by_side(engine, items, wanted.asked, wanted.password, each=each)


def _freeze(wanted: _Wanted, scratch: Path) -> None:
    path = scratch / "evidence.json"
    write_whole(path, encode_evidence(make_evidence(wanted.asked, wanted.lists)))
    wanted.asked = replace(wanted.asked, evidence=str(path))


def _fetch(wanted: _Wanted, answers: list[dict[str, Any]]) -> tuple[Any, ...]:
    from bidding.wiring.statuses import open_seal_platform

    if not wanted.maker.startswith(("http://", "https://")):
        raise click.BadParameter("应为 http 或 https 地址。", param_hint="--maker")
    with open_seal_platform(wanted.maker) as platform:
        return ask_statuses(platform, answers, wanted.asked.at)


def _with_content(items: list[Item], content: Path | None) -> list[Item]:
    if content is None:
        return items
    given = {"file": str(content), "name": content.name, "given": True}
    return [with_fields(item, content=given) for item in items]


@click.group()
def receipt() -> None:
    """回执。"""


@receipt.command("verify")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--trust", required=True, multiple=True, type=options.FOLDER)
@click.option("--bundle", type=options.FILE, help="同时核对这个投标文件包就是回执所记的那个。")
@click.option("--json", "as_json", is_flag=True)
def receipt_verify(files: tuple[Path, ...], trust: tuple[Path, ...], bundle: Path | None, *, as_json: bool) -> int:
    """验证回执或拒收凭证，不需要任何服务。."""
    at: datetime = _instant(None)
    digest = _digest(bundle) if bundle else ""
    asked = Asked(at=at, trust=tuple(str(folder) for folder in trust), bundle_sm3=digest)
    with tempfile.TemporaryDirectory(prefix="yizhao-verify-") as scratch:
        judged = _judge(_Wanted(files, asked, options.load_lists(trust)), Path(scratch))
    for answer in (one.answer for one in judged):
        if answer["format"] != "receipt" and answer["indication"] != "REFUSED":
            answer |= {"indication": "REFUSED", "reason": "这不是回执。"}
        tell(answer, as_json=as_json)
    return worst([CODES[Indication(one.answer["indication"])] for one in judged] or [USAGE])


def _digest(path: Path) -> str:
    state = Sm3()
    try:
        with path.open("rb") as stream:
            for chunk in read_chunks(stream):
                state.update(chunk)
    except OSError as error:
        raise click.BadParameter("投标文件包无法读取。", param_hint="--bundle") from error
    return state.hexdigest()
