"""What happened to a PDF after a signature: every later revision must be explained, or the signature fails.

The rules are pyHanko's difference rules through their public interface, put together here as an own whitelist:
what no rule explains is denied. For seals the whitelist is shorter still: a later revision may fill a signature
field that was prepared before, and add validation data, nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

from signing.pdf import Coverage, FilledSignature, end_of_revision, unexplained_bytes
from signing.pdf_filling import only_fills_field
from signing.pdf_impressions import SUFFIX, is_filled, is_impressions
from signing.pdf_keeping import adds_validation_data, keeps_form
from signing.pdf_reading import OpenPdf, entry, items, page_references

MAX_REVISIONS: Final = 200
_MAX_LISTED: Final = 50
_MAX_NUMBERS: Final = 12

_Found = tuple[int | None, str]


@dataclass(frozen=True)
class Change:
    """One thing that a later revision did. `page` counts from 1, None means the document as a whole.

    `vouched_by` names the first later signature that covers the revision, if any; whether that one is itself
    intact is for the judge to say.
    """

    page: int | None
    what: str
    allowed: bool
    revision: int
    vouched_by: str | None = None


def find_changes(
    pdf: OpenPdf, signature: FilledSignature, everything: Sequence[FilledSignature], *, strict: bool
) -> tuple[Change, ...]:
    """List what was done after a signature. `strict` is the whitelist of seals."""
    if signature.covers is not Coverage.REVISION:
        return ()
    changes = list[Change]()
    if pdf.revisions - signature.revision > MAX_REVISIONS:
        return (Change(None, "签名之后的版本过多，无法逐一核对。", allowed=False, revision=pdf.revisions - 1),)
    for revision in range(signature.revision + 1, pdf.revisions):
        changes += _review(pdf, signature, everything, revision, strict=strict)
    extra = unexplained_bytes(pdf, signature.end, signature.revision)
    if extra:
        what = f"签名范围之后有 {extra} 字节不属于任何版本的数据"
        changes.append(Change(None, what, allowed=False, revision=pdf.revisions - 1))
    return tuple(changes[:_MAX_LISTED])


def _review(
    pdf: OpenPdf, signature: FilledSignature, everything: Sequence[FilledSignature], revision: int, *, strict: bool
) -> Iterator[Change]:
    # the library costs a second; only who opens a PDF pays
    from pyhanko.sign.diff_analysis import ModificationLevel, SuspiciousModification  # noqa: PLC0415
    from pyhanko.sign.fields import MDPPerm  # noqa: PLC0415

    old, new = (pdf.reader.get_historical_resolver(r) for r in (signature.revision, revision))
    filled = [s for s in everything if s.revision == revision]
    witness = next((s.name for s in everything if s.revision >= revision and _sound(s)), None)
    if strict and signature.doc_mdp is None and _only_fills(pdf, new):
        yield from _signatures(filled, revision, witness)
        return
    metadata = list[Any]()
    level = MDPPerm(signature.doc_mdp) if signature.doc_mdp in {1, 2, 3} else None
    try:
        result = _policy(metadata, strict=strict).apply(old, new, field_mdp_spec=_locked(pdf, signature), doc_mdp=level)
    except SuspiciousModification:
        yield from (Change(page, what, allowed=False, revision=revision) for page, what in _locate(pdf, old, new))
        return
    except Exception as error:  # noqa: BLE001 - the library may raise anything at all; what is not explained is denied
        what = f"这一版本无法读取（{type(error).__name__}）"
        yield Change(None, what, allowed=False, revision=revision)
        return
    if signature.doc_mdp == 1 and result.modification_level > ModificationLevel.LTA_UPDATES:
        yield Change(None, "文件被声明为“不允许修改”，签名后仍被修改", allowed=False, revision=revision)
        return
    if strict and not keeps_form(old, new):
        yield Change(None, "表单被改动（增减了域，或改了显示方式）", allowed=False, revision=revision)
        return
    yield from _signatures(filled, revision, witness)
    names = {s.name for s in everything if signature.revision < s.revision <= revision}
    changed = sorted(result.changed_form_fields - names)
    for name in changed:
        yield Change(None, f"填写了表单域“{name}”", allowed=True, revision=revision, vouched_by=witness)
    if metadata:
        yield Change(None, "更新了文档信息（标题、作者等）", allowed=True, revision=revision, vouched_by=witness)
    validation = adds_validation_data(new)
    if strict and validation:
        yield Change(None, "追加了验证数据（证书、撤销列表）", allowed=True, revision=revision, vouched_by=witness)
    if not (filled or changed or metadata or validation):
        what = "追加了一个版本，其中没有新的签名"
        yield Change(None, what, allowed=not strict, revision=revision, vouched_by=witness)


def _only_fills(pdf: OpenPdf, new: Any) -> bool:
    """Give the quick answer for seals, against the revision just before; errors included, the rest is for others.

    Step by step it says the same of the signed revision: nothing but prepared fields was filled in between.
    """
    try:
        previous = pdf.reader.get_historical_resolver(new.revision - 1)
        return only_fills_field(pdf, previous, new, end_of_revision(pdf, previous.revision))
    except Exception:  # noqa: BLE001 - the library may raise anything at all on hostile bytes
        return False


def _signatures(filled: Sequence[FilledSignature], revision: int, witness: str | None) -> Iterator[Change]:
    for added in filled:
        what = f"新增签名“{added.name}”"
        yield Change(added.page, what, allowed=True, revision=revision, vouched_by=witness)


def _sound(signature: FilledSignature) -> bool:
    return signature.covers is not Coverage.PARTIAL and not signature.defects


def _policy(metadata: list[Any], *, strict: bool) -> Any:
    rules: Any = import_module("pyhanko.sign.diff_analysis")  # untyped in part, and only needed here

    class Noted(rules.WhitelistRule):  # type: ignore[misc]
        """A rule that remembers what it let pass."""

        def __init__(self, rule: Any) -> None:
            self.rule = rule

        def apply(self, old: Any, new: Any) -> Iterator[Any]:
            for update in self.rule.apply(old, new):
                if update.updated_ref in new.explicit_refs_in_revision():
                    metadata.append(update)
                yield update

    lasting = rules.ModificationLevel.LTA_UPDATES
    noted = (Noted(rules.DocInfoRule()), Noted(rules.MetadataUpdateRule()))
    plain = (rules.XrefStreamRule(), rules.ObjectStreamRule(), rules.DSSCompareRule())
    fields = [rules.SigFieldModificationRule(allow_in_place_appearance_stream_changes=not strict)]
    if strict:
        fields.append(_impression_rule(rules))
    else:
        fields = [rules.SigFieldCreationRule(), *fields, rules.GenericFieldModificationRule()]
    return rules.StandardDiffPolicy(
        global_rules=[rules.CatalogModificationRule(), *(rule.as_qualified(lasting) for rule in (*plain, *noted))],
        form_rule=rules.FormUpdatingRule(field_rules=fields),
    )


def _impression_rule(rules: Any) -> Any:
    """Answer the rule by which places prepared for a signature get pictures when it is filled, and never else."""

    class Impressions(rules.GenericFieldModificationRule):  # type: ignore[misc]
        """The library's rule for fields, for these only."""

        def apply(self, context: Any) -> Iterator[Any]:
            for name, spec in context.field_specs.items():
                parent, dot, _ = name.rpartition(".")
                if dot and parent.endswith(SUFFIX) and self._is_filled_now(context, parent, spec):
                    yield from self.check_form_field(name, spec, context)

        def _is_filled_now(self, context: Any, parent: str, spec: Any) -> bool:
            field, form = (context.field_specs.get(one) for one in (parent.removesuffix(SUFFIX), parent))
            if not (field and form and field.field_type == "/Sig" and field.old_field and field.new_field):
                return False
            signed = "/V" not in field.old_field and "/V" in field.new_field
            last = context.new.reader.xrefs.get_last_change
            together = last(field.new_field_ref) == last(spec.new_field_ref)
            return signed and together and is_impressions(form.old_field) and is_filled(spec.old_field, spec.new_field)

    return Impressions(allow_in_place_appearance_stream_changes=False)


def _locked(pdf: OpenPdf, signature: FilledSignature) -> Any:
    """Answer the /FieldMDP of a signature, if it has one."""
    from pyhanko.sign.fields import FieldMDPSpec, enumerate_sig_fields  # noqa: PLC0415 - see _review

    for name, value, _ in enumerate_sig_fields(pdf.reader, filled_status=True):
        if name != signature.name:
            continue
        for item in items(entry(value.get_object(), "/Reference")):
            reference = item.get_object()
            if str(entry(reference, "/TransformMethod")) == "/FieldMDP":
                return FieldMDPSpec.from_pdf_object(entry(reference, "/TransformParams"))
    return None


def _locate(pdf: OpenPdf, old: Any, new: Any) -> list[_Found]:
    """Say, page by page, where a revision that no rule explains differs."""
    touched = {ref.idnum for ref in new.explicit_refs_in_revision()}
    found = list[_Found]()
    for number, page in enumerate(page_references(pdf), 1):
        found += [(number, what) for what in _page_changes(old, new, page, touched)]
        if len(found) >= _MAX_LISTED:
            return found
    if not found:
        numbers = "、".join(str(n) for n in sorted(touched)[:_MAX_NUMBERS]) or "无"
        found.append((None, f"有规则不能解释的改动（对象 {numbers}）"))
    return found


def _page_changes(old: Any, new: Any, page: int, touched: set[int]) -> Iterator[str]:
    before, after = _page(old, page), _page(new, page)
    if before is None or after is None:
        yield "页面是新增的或被替换"
        return
    if _refs(before, "/Contents") != _refs(after, "/Contents") or touched & set(_refs(after, "/Contents")):
        yield "页面内容被改动"
    was, now = _refs(before, "/Annots"), _refs(after, "/Annots")
    added, removed = len(set(now) - set(was)), len(set(was) - set(now))
    if added:
        yield f"新增批注或域 {added} 处"
    if removed:
        yield f"删除批注或域 {removed} 处"
    if touched & set(was) & set(now):
        yield "批注或签名域被改动"
    if touched & _resources(after):
        yield "页面所用的资源被改动"


def _page(resolver: Any, number: int) -> Any:
    from pyhanko.pdf_utils.generic import Reference  # noqa: PLC0415 - see _review

    try:
        node = resolver(Reference(number, 0, pdf=resolver))
    except Exception:  # noqa: BLE001 - a page that cannot be read in one of the revisions has changed
        return None
    return node if isinstance(node, dict) and str(entry(node, "/Type") or "") in {"/Page", ""} else None


def _refs(page: Any, key: str) -> tuple[int, ...]:
    """Object numbers behind a key that holds a reference or an array of them."""
    raw: Any = page.raw_get(key) if key in page else None
    value = raw.get_object() if raw is not None else None
    own = (raw.idnum,) if hasattr(raw, "idnum") else ()
    items = tuple(item.idnum for item in value if hasattr(item, "idnum")) if isinstance(value, list) else ()
    return (*own, *items)


def _resources(page: Any) -> set[int]:
    """Object numbers of the resources that a page names, two levels deep."""
    numbers, waiting = set[int](), [(page.raw_get("/Resources"), 0)] if "/Resources" in page else []
    while waiting:
        raw, depth = waiting.pop()
        if hasattr(raw, "idnum"):
            numbers.add(raw.idnum)
        node = raw.get_object() if hasattr(raw, "get_object") else raw
        if isinstance(node, dict) and hasattr(node, "raw_get") and depth < 2:  # noqa: PLR2004
            waiting += [(node.raw_get(key), depth + 1) for key in node]
    return numbers
