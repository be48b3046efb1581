"""One table: error class → HTTP status, stable code, Chinese words (what happened, whose it is, what to do).

Pure data, so that the command line says the same words as the pages. A test walks all subclasses of the error
trees to see that each is here or inherits from one that is.
"""

import re
from dataclasses import dataclass
from typing import Final

from bidding import errors as bidding
from bidding import faults, isolation, settings
from bidding.web.identity_words import IDENTITY_WORDS
from bidding.web.signings_words import SIGNINGS_WORDS
from bidding.web.workbench_words import WORKBENCH_WORDS
from identity.errors import IdentityError, LicencePlatformUnavailableError, code_of
from sealing import errors as sealing
from signing import errors as signing
from signing import pdf_reading
from storage import errors as storage


@dataclass(frozen=True)
class Words:
    """How one refusal is told."""

    status: int
    code: str
    text: str


_CHINESE: Final = re.compile("[一-鿿]")
_RETRY: Final = "您的数据没有改变，请稍后再试。"

_BIDDING: Final[dict[type[Exception], Words]] = {
    bidding.TooManyToSealError: Words(422, "seal_too_many", "一次确认最多 200 个文件。请分几次办理。"),
    bidding.SameFileTwiceError: Words(422, "seal_same_file", "有两个文件内容完全相同。请去掉重复的文件。"),
    bidding.EvidenceError: Words(422, "evidence", "证据文件不能使用：被改动、损坏，或不是证据文件。"),
    bidding.VerificationInputError: Words(422, "verification_input", "核验的要求填写不正确。请改正后重试。"),
    bidding.TooMuchError: Words(413, "verification_too_much", "一次给出的文件过多或过大。请分几次核验，或使用命令行。"),
    bidding.NoSuchVerificationError: Words(
        404, "verification_unknown", "没有这次核验，或结果已过保留时间（半小时）。请重新上传文件核验。"
    ),
    bidding.BusyVerifierError: Words(503, "verification_busy", "正在进行的核验过多。请稍后再试。"),
    bidding.SealChoiceError: Words(422, "seal_choice", "这种文件不能用所选的签章格式或封闭方式。请改选后重试。"),
    bidding.BiddingError: Words(400, "bidding_refused", "系统拒绝了这项操作，您的数据没有改变。"),
    bidding.MalformedParamsError: Words(422, "params_malformed", "标段参数格式不正确，请由招标人重新生成并签署。"),
    bidding.MalformedBundleError: Words(
        422, "bundle_malformed", "这不是格式正确的投标文件包，可能已损坏或被改动。请在工作台重新封装后再递交。"
    ),
    bidding.WrongSectionError: Words(
        422, "wrong_section", "投标文件包或授权不是为本标段的现行参数制作的。请核对标段后重新封装。"
    ),
    bidding.DeadlinePassedError: Words(422, "deadline_passed", "已过投标截止时间，不再接收。请保存拒收凭证。"),
    bidding.InvalidAmountError: Words(422, "amount_invalid", "金额填写不正确：应为人民币元，最多两位小数。"),
    bidding.DocumentError: Words(422, "document_unfit", "这个文件不能用于投标文件，请更换文件。"),
    bidding.NotAPdfError: Words(422, "not_a_pdf", "这不是 PDF 文件。请导出为 PDF 后再添加。"),
    bidding.DamagedDocumentError: Words(422, "document_damaged", "PDF 文件已损坏或过于复杂，无法读取。请重新导出。"),
    bidding.EncryptedDocumentError: Words(422, "document_encrypted", "PDF 文件设有密码。请去除密码后再添加。"),
    bidding.DocumentTooLargeError: Words(413, "document_too_large", "PDF 文件超过大小或页数上限。请压缩或拆分。"),
    bidding.EmptyDocumentError: Words(422, "document_empty", "PDF 文件没有页面。请检查后重新添加。"),
    bidding.ActiveContentError: Words(
        422, "document_active", "PDF 文件含有脚本、表单程序、内嵌文件或自动动作。请打印为普通 PDF 后再添加。"
    ),
    bidding.SignedDocumentError: Words(
        422, "document_signed", "这个 PDF 已有签名或签章，不能合并改动。请作为附件原样加入。"
    ),
    bidding.ReportError: Words(422, "report_refused", "验证报告没有生成，您的文件没有改变。"),
    bidding.ReportAnswerError: Words(422, "report_answer", "这不是一份核验答复，不能据以生成报告。请重新核验。"),
    bidding.ReportFormatError: Words(
        422,
        "report_format",
        "报告只能写成 .html、.pdf、.json 或 .xml，汇总表只能写成 .csv、.xlsx 或 .html。请更换文件名。",
    ),
    bidding.PictureError: Words(422, "report_picture", "报告所需的页面图像无法绘制，结论不受影响。"),
    bidding.MissingGlyphError: Words(422, "glyph_missing", "有字符没有可用的字形，无法印出。请改用其他写法。"),
    settings.SettingsError: Words(500, "settings_invalid", "设置不正确，服务没有启动。请按详情改正后重新启动。"),
    faults.IncompleteBidError: Words(422, "bid_incomplete", "投标文件不完整或填写不合要求。请按提示补齐。"),
    faults.ChangedDocumentError: Words(409, "document_changed", "封装期间文件被改动，没有生成投标文件包。请重新封装。"),
    faults.RecipientError: Words(422, "recipient_invalid", "解密密钥的接收方缺失或不能证明属于本单位。请重新登记。"),
    faults.RehearsalError: Words(422, "rehearsal_failed", "解密演练没有通过，没有生成投标文件包。请检查设备或恢复码。"),
    faults.RecoveryCodeError: Words(422, "recovery_code_wrong", "恢复码不正确，或不属于这个投标文件包。请核对后重试。"),
    faults.OfficerRefusedError: Words(409, "officer_refused", "开标人客户端核验未通过，没有交出开标密钥。"),
    faults.KeyFolderError: Words(409, "key_folder", "开标密钥文件夹不可用。请检查所选文件夹。"),
    faults.StageFaultError: Words(422, "stage_not_opened", "这一阶段没有打开，原因和责任已记录。"),
    isolation.WorkerDiedError: Words(422, "document_exhausting", "文件耗尽了允许的内存或时间，无法处理。请重新导出。"),
}

_CENTRE: Final[dict[type[Exception], Words]] = {
    bidding.MalformedReceiptError: Words(422, "receipt_malformed", "这不是格式正确的回执或拒收凭证，可能已被改动。"),
    bidding.NoSuchPublicationError: Words(
        404, "publication_unknown", "没有这次发布申请，或它不属于您的单位。请从标段列表重新开始。"
    ),
    bidding.CentreError: Words(409, "centre_refused", "交易中心拒绝了这项操作，状态没有改变。"),
    bidding.UnknownSectionError: Words(404, "section_unknown", "没有这个标段。请核对标段编号。"),
    bidding.SectionExistsError: Words(409, "section_exists", "这个编号的标段已用另一套参数发布。请更换标段编号。"),
    bidding.NotTheTendererError: Words(403, "not_the_tenderer", "标段参数不是由其中写明的招标人有效签署的。"),
    bidding.WrongCentreError: Words(422, "wrong_centre", "标段参数写明的是另一家交易中心。请到该中心发布。"),
    bidding.DeadlineTooNearError: Words(422, "deadline_too_near", "投标截止时间已过，或不满足规则要求的最短期限。"),
    bidding.MalformedActError: Words(400, "act_malformed", "提交的签署行为格式不正确。请在工作台重新发起。"),
    bidding.UntrustedActError: Words(
        403, "act_untrusted", "签名、证书、授权或本人确认未通过核验。请用电子营业执照重新确认。"
    ),
    bidding.WrongBidderError: Words(422, "wrong_bidder", "投标文件包不是由递交单位制作的。请使用本单位的投标文件包。"),
    bidding.WrongDigestError: Words(
        422, "wrong_digest", "上传的内容与签署递交时的摘要不一致，没有接收。请重新上传原文件。"
    ),
    bidding.PlainBundleError: Words(
        422, "bundle_not_encrypted", "这是未加密的压缩包，未按要求加密的投标文件不予接收。请在工作台封装后递交。"
    ),
    bidding.UntrustedBundleError: Words(
        422, "bundle_untrusted", "投标文件包的签名或封装未通过核验，没有接收。请重新封装。"
    ),
    bidding.CopiedEnvelopeError: Words(
        409, "envelope_copied", "包中的密文已在另一份投标文件中出现，没有接收。请重新封装。"
    ),
    bidding.BundleTooLargeError: Words(
        413, "bundle_too_large", "投标文件包超过本标段的大小上限。请压缩文件后重新封装。"
    ),
    bidding.UploadMissingError: Words(404, "upload_missing", "没有这次上传，或已过期。请重新上传。"),
    bidding.UploadConflictError: Words(409, "upload_conflict", "这次上传属于另一项递交，或已经完成。请重新开始上传。"),
    bidding.TooManyUploadsError: Words(
        429, "too_many_uploads", "同一递交已开始了多次上传。请继续先前的上传，或放弃其中的一次。"
    ),
    bidding.IdempotencyConflictError: Words(
        409, "idempotency_conflict", "同一递交编号已用于另一份内容。请重新发起递交。"
    ),
    bidding.ReplacedBidError: Words(
        409, "bid_moved", "要替换或撤回的不是当前有效的投标文件。请刷新后按最新回执重新操作。"
    ),
    bidding.NoSuchReceiptError: Words(404, "receipt_unknown", "没有找到对应的回执。"),
    bidding.SectionClosedError: Words(409, "section_closed", "标段已截止关闭，不再接收。"),
    bidding.SealedUntilOpeningError: Words(
        403, "sealed_until_opening", "开标前，投标人的名称和数量对任何人保密。请在投标截止后查看。"
    ),
    bidding.NotYetClosedError: Words(409, "not_yet_closed", "投标尚未截止，还不能开标。"),
    bidding.WindowNotOpenError: Words(409, "window_not_open", "这一阶段的解密尚未开始。"),
    bidding.WindowOverError: Words(409, "window_over", "解密时限已过，或解密名单已冻结，不再接收解密密钥。"),
    bidding.WindowStillOpenError: Words(409, "window_still_open", "解密时限未到，仍有投标人可以解密，还不能冻结名单。"),
    bidding.NotFrozenError: Words(409, "not_frozen", "解密名单尚未冻结。请等待主持人冻结名单。"),
    bidding.NoLiveBidError: Words(404, "no_live_bid", "截止时没有这份有效的投标文件。"),
    bidding.WrongHalfError: Words(
        422, "wrong_half", "交出的解密密钥与投标文件包中承诺的不一致。请换用另一份解密密钥。"
    ),
    bidding.OfficerReleaseError: Words(409, "officer_release_refused", "开标人交出的内容与冻结的名单不符，没有接收。"),
    bidding.OpeningNotFinishedError: Words(409, "opening_not_finished", "开标还有未完成或未认定的事项。请先处理。"),
    bidding.UnknownStageError: Words(404, "stage_unknown", "标段没有这个开标阶段。"),
    bidding.NotAllowedError: Words(403, "not_allowed", "您所代表的单位不能办理这项操作。"),
    bidding.NoRecordError: Words(404, "record_missing", "开标记录尚未生成。"),
    bidding.RecordMovedError: Words(412, "record_moved", "开标记录已有更新的版本。请取得最新版本后重新加盖。"),
    bidding.BadRecordVersionError: Words(
        422, "record_version_bad", "提交的开标记录不是在上一版上只加盖一枚本单位印章的结果。"
    ),
    bidding.DuplicateDecisionError: Words(409, "already_decided", "没有待认定的事项，或已经认定。"),
    bidding.TimestampPendingError: Words(425, "timestamp_pending", "封签正在等待时间戳。请稍候再取。"),
}

_SEALING: Final[dict[type[Exception], Words]] = {
    sealing.SealingError: Words(422, "seal_refused", "无法加盖或核验印章。"),
    sealing.SealFormatError: Words(422, "seal_malformed", "印章或签章数据格式不正确。"),
    sealing.SealLimitError: Words(422, "seal_too_large", "印章或签章数据超过大小上限。"),
    sealing.MissingGlyphError: Words(422, "seal_glyph_missing", "印章字体没有这个字的字形，无法制章。"),
    sealing.SealTextError: Words(422, "seal_text", "印章文字不符合要求。"),
    sealing.EmptySignatureError: Words(422, "signature_empty", "没有签名笔迹。请重新手写签名。"),
    sealing.SignatureTooLargeError: Words(422, "signature_too_large", "签名笔迹过多或尺寸不合适。请清除后重新手写。"),
    sealing.SealCertificateError: Words(422, "seal_certificate", "签章人证书不在该印章的授权名单内。请重新制章。"),
    sealing.SealStateError: Words(409, "seal_state", "印章不在可用状态或有效期内。请联系制章机构。"),
    sealing.ConsentWindowError: Words(409, "consent_window", "签章时间不在本人确认的有效期内。请重新确认。"),
    sealing.StatementMismatchError: Words(
        409, "statement_mismatch", "返回的签名不是对所准备内容的签名，文件没有改变。"
    ),
    sealing.SignatureRejectedError: Words(502, "signature_rejected", "返回的签名或时间戳未通过核验，文件没有改变。"),
    sealing.PlaceholderTooSmallError: Words(500, "placeholder_too_small", "预留的签章位置不足，文件没有改变。"),
    sealing.UnsealablePdfError: Words(422, "pdf_unsealable", "这个 PDF 不能加盖印章。请打印为普通 PDF 后重试。"),
    sealing.NoPagesError: Words(422, "pdf_empty", "PDF 文件没有页面。"),
    sealing.XfaPdfError: Words(422, "pdf_xfa", "PDF 含有动态表单（XFA）。请打印为普通 PDF。"),
    sealing.ActivePdfError: Words(422, "pdf_active", "PDF 含有脚本或自动动作。请打印为普通 PDF。"),
    sealing.FieldError: Words(409, "pdf_field", "签章域不存在、已加盖，或超出页面。"),
    sealing.ClosedPdfError: Words(422, "pdf_closed", "文件已被声明不允许修改，或签名域已锁定，不能再盖章。"),
    sealing.StampsNotPreparedError: Words(
        409,
        "stamps_not_prepared",
        "文件已有签章，且没有为这些印模预留位置；现在添加会破坏已有签章。请在首次盖章前一次规划全部印章。",
    ),
    sealing.UnreadableOfdError: Words(422, "ofd_unreadable", "这个文件无法作为 OFD 读取，可能已损坏。"),
    sealing.EncryptedOfdError: Words(422, "ofd_encrypted", "OFD 文件已加密。请解除加密后重试。"),
    sealing.UnsealableOfdError: Words(422, "ofd_unsealable", "这个 OFD 不能加盖印章：部件缺失、损坏或无法受签章保护。"),
    sealing.ClosedOfdError: Words(422, "ofd_closed", "文件已被签章封闭，或声明不允许签名，不能再盖章。"),
    sealing.NoOfdPagesError: Words(422, "ofd_empty", "OFD 文件没有页面。"),
    sealing.SealExpiredError: Words(409, "seal_expired", "印章已过有效期。"),
    sealing.SealNotYetValidError: Words(409, "seal_not_yet_valid", "印章尚未到启用时间。"),
    sealing.SealSuspendedError: Words(409, "seal_suspended", "印章已暂停使用。"),
    sealing.SealHolderError: Words(403, "seal_other_holder", "这枚印章不是您单位的。"),
    sealing.RehearsalError: Words(422, "seal_rehearsal_failed", "盖章预演未通过，未向任何人请求确认，原文件未变。"),
    sealing.PlanError: Words(422, "stamp_plan", "盖章位置无法确定。请核对页码、坐标或关键词。"),
    sealing.PageRangeError: Words(422, "page_range", "页码范围写法有误或超出文件页数。请按 1-3,5,8 的形式填写。"),
    sealing.StampOutsideError: Words(422, "stamp_outside", "印章会超出页面。请调整位置。"),
    sealing.StraddleError: Words(422, "straddle", "这些页不能加盖骑缝章。请核对页数、页面尺寸与每页最小宽度。"),
    sealing.KeywordError: Words(422, "keyword", "关键词无法查找。请缩短关键词，或改用坐标。"),
    sealing.KeywordNotFoundError: Words(422, "keyword_not_found", "文件中没有找到关键词。请核对写法，或改用坐标。"),
    sealing.ScannedPictureError: Words(
        422, "scan_unusable", "印模扫描件无法使用。请提供 PNG、JPEG、BMP 或 TIFF 图片。"
    ),
    sealing.ScanWorkerDiedError: Words(
        422, "scan_not_processed", "图像无法处理：所需的内存或时间超过限度。请另存后重试。"
    ),
    sealing.NoImpressionError: Words(422, "scan_no_impression", "图中没有找到红、蓝或黑色印模。请重新扫描。"),
    sealing.UnknownScanSizeError: Words(422, "scan_size_unknown", "无法得知印模实际尺寸。请填写宽度（毫米）。"),
    sealing.UnknownSealError: Words(404, "seal_unknown", "没有这枚印章。"),
    sealing.SealRegistryUnavailableError: Words(503, "seal_registry_unavailable", f"印章平台没有应答。{_RETRY}"),
    sealing.SealRegistryRefusedError: Words(409, "seal_registry_refused", "印章平台拒绝了请求。"),
}

_SIGNING: Final[dict[type[Exception], Words]] = {
    signing.SigningError: Words(422, "signing_refused", "签名或密钥处理没有成功，数据没有改变。"),
    signing.MalformedError: Words(422, "malformed", "数据格式不正确，可能已损坏或被改动。"),
    signing.NotCanonicalError: Words(422, "not_canonical", "数据不是规定的唯一编码形式。"),
    signing.LimitError: Words(413, "limit", "数据超过大小上限。"),
    signing.InvalidKeyError: Words(422, "key_invalid", "密钥无效或不能用于此用途。"),
    signing.BadSignatureError: Words(422, "signature_bad", "签名值不正确。"),
    signing.DecryptionError: Words(422, "decryption_failed", "无法解密。"),
    signing.UnsupportedAlgorithmError: Words(422, "algorithm_unsupported", "使用了不支持的算法。"),
    signing.SelfTestError: Words(503, "self_test_failed", "密码模块自检未通过，已停止签名。请联系系统管理员。"),
    signing.KeystoreError: Words(503, "keystore", "密钥文件不可用。请联系系统管理员。"),
    signing.UnavailableError: Words(503, "service_unavailable", f"外部服务没有应答。{_RETRY}"),
    signing.TimestampError: Words(502, "timestamp_bad", f"时间戳服务的应答不可用。{_RETRY}"),
    signing.TimestampRefusedError: Words(502, "timestamp_refused", f"时间戳服务拒绝签发。{_RETRY}"),
    signing.NoTimestampError: Words(
        503, "no_timestamp", f"所有时间戳服务都没有给出可用的时间戳，本次操作没有生效。{_RETRY}"
    ),
    signing.TrustUpdateError: Words(422, "trust_update", "这不是本信任名单可以接受的更新，名单没有改变。"),
    signing.PadesError: Words(422, "pades", "这个 PDF 不能签名或补充验证数据。"),
    signing.SignatureFieldError: Words(409, "signature_field", "签名域不存在、已被占用或位置不对。"),
    signing.UnsignablePdfError: Words(
        422, "pdf_unsignable", "这个 PDF 不能签名：没有页面、含动态表单，或声明不得再改。"
    ),
    signing.RoomError: Words(422, "signature_room", "预留的签名空间不够，文件没有改变。请重新准备。"),
    signing.PreparedFileError: Words(409, "prepared_file_changed", "文件与准备签名时不一致，没有写入。请重新准备。"),
    signing.NotSignedError: Words(409, "not_signed", "文件中没有可补充或续期的签名。"),
    signing.TokenError: Words(503, "device", "密码设备没有完成操作。请联系系统管理员。"),
    signing.TokenNotFoundError: Words(503, "device_not_found", "找不到密码设备或其中的密钥。请联系系统管理员。"),
    signing.TokenPinError: Words(503, "device_pin", "密码设备拒绝了口令。请联系系统管理员，不要反复尝试。"),
    signing.TokenMechanismError: Words(503, "device_mechanism", "密码设备不支持这种算法。请联系系统管理员。"),
    signing.KeyServiceRefusedError: Words(409, "key_service_refused", "电子营业执照签名服务拒绝签名。请重新确认。"),
    signing.VerdictError: Words(422, "verification_failed", "核验未通过。"),
    pdf_reading.PdfError: Words(422, "pdf_unreadable", "这个 PDF 无法读取，可能已损坏。请重新导出。"),
    pdf_reading.NotAPdfError: Words(422, "not_a_pdf_file", "这不是 PDF 文件。"),
    pdf_reading.EncryptedPdfError: Words(422, "pdf_encrypted", "PDF 文件设有密码，不能核验。请去除密码后重试。"),
    pdf_reading.PasswordNeededError: Words(422, "pdf_password_needed", "PDF 文件设有打开密码，请输入密码后再核验。"),
    pdf_reading.WrongPasswordError: Words(422, "pdf_password_wrong", "打开密码不正确，请重新输入。"),
    pdf_reading.TooLargePdfError: Words(422, "pdf_too_large", "PDF 文件超过 2 GB，不能核验。"),
}

_STORAGE: Final[dict[type[Exception], Words]] = {
    storage.StorageError: Words(503, "storage", f"存储出错。{_RETRY}"),
    storage.ObjectMissingError: Words(404, "object_missing", "没有这个文件。"),
    storage.DurabilityError: Words(503, "not_durable", "磁盘没有确认写入，本次操作没有生效。请联系系统管理员。"),
    storage.DamagedObjectError: Words(500, "object_damaged", "存储的内容与存入时不一致。请联系系统管理员。"),
    storage.BusyError: Words(423, "busy", "另一个请求正在写入。请稍候重试。"),
    storage.OffsetError: Words(409, "offset_conflict", "续传位置不一致。请重新查询已接收的长度后继续。"),
    storage.SchemaError: Words(503, "schema", "数据库版本与程序不一致。请先运行 yizhao migrate。"),
}

_IDENTITY: Final[dict[type[Exception], Words]] = {
    IdentityError: Words(403, "identity_refused", "身份或授权核验没有通过。"),
    **{kind: Words(status, code_of(kind), text) for kind, (status, text) in IDENTITY_WORDS.items()},
    LicencePlatformUnavailableError: Words(503, "licence_platform_unavailable", f"电子营业执照平台没有应答。{_RETRY}"),
}

_WORKBENCH: Final = {kind: Words(*row) for kind, row in (*WORKBENCH_WORDS.items(), *SIGNINGS_WORDS.items())}

WORDS: Final[dict[type[Exception], Words]] = {
    **_BIDDING,
    **_CENTRE,
    **_WORKBENCH,
    **_SEALING,
    **_SIGNING,
    **_STORAGE,
    **_IDENTITY,
}


def knows(error: Exception) -> bool:
    """Whether the error is a refusal of ours, not a fault."""
    return any(kind in WORDS for kind in type(error).__mro__)


def readable(particulars: str) -> str:
    """Answer particulars that people here can read, and nothing for those that only a log can use."""
    return particulars if _CHINESE.search(particulars) else ""


def notice_of(error: Exception) -> dict[str, str]:
    """Answer the notice for a refusal: what happened and what to do, its code, and particulars that people can read."""
    words, more = words_of(error), readable(str(error))
    return {"kind": "bad", "text": f"{words.text}（{more}）" if more else words.text, "code": words.code}


def words_of(error: Exception) -> Words:
    """Answer the row of this error's class, or of the nearest base class that has one."""
    for kind in type(error).__mro__:
        if kind in WORDS:
            return WORDS[kind]
    return Words(
        500, "internal_error", "系统内部出错，您的数据没有改变。请稍后再试；仍不成功请把此代码和时间告诉系统管理员。"
    )
