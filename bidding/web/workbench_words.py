"""What the workbench's refusals are called (投标人工作台): error class → HTTP status, stable code, Chinese words.

A piece of the table of `bidding.web.errors`; pure data.
"""

from typing import Final

from bidding import errors as bidding

_SAME: Final = "您的数据没有改变。"

WORKBENCH_WORDS: Final[dict[type[Exception], tuple[int, str, str]]] = {
    bidding.WorkbenchError: (409, "workbench_refused", f"工作台没有办理这项操作，{_SAME}"),
    bidding.NotLoggedInError: (401, "not_logged_in", "尚未登录，或登录已过期。请用电子营业执照登录。"),
    bidding.LoginFailedError: (403, "login_failed", "这次登录不存在、已结束，或属于另一个浏览器。请重新登录。"),
    bidding.NotStaffError: (403, "not_staff", "这里只供本中心的工作人员登录。请用本中心的执照登录。"),
    bidding.FormTokenError: (403, "form_token", "请求不是从本系统的页面发出的，或页面已过期。请刷新页面后重试。"),
    bidding.NoSuchDraftError: (404, "draft_unknown", "没有这份投标草稿或标段，或不属于本单位。请从“我的项目”进入。"),
    bidding.NoSuchItemError: (404, "item_unknown", "招标文件没有要求这一项，或草稿中没有这个文件。请刷新页面。"),
    bidding.NoSuchConsentError: (404, "request_unknown", "没有这项办理，或不属于本单位。请从“我的项目”进入。"),
    bidding.NoSuchPlanError: (404, "seal_plan_unknown", "没有这次用章。请从盖章页重新发起。"),
    bidding.DraftClosedError: (
        409, "draft_closed", "这份草稿已封装或已删除，不能再改。如要改动，请重新开始投标，新的投标会替换先前的。",
    ),
    bidding.TooManyDocumentsError: (422, "too_many_documents", "文件个数超过上限，或顺序不完整。请合并或减少文件。"),
    bidding.FormIncompleteError: (422, "form_incomplete", "填写不完整或格式不正确。请按提示补充后再组装。"),
    bidding.PartOutdatedError: (409, "part_outdated", "内容在组装后有改动。请重新组装后再盖章。"),
    bidding.SealMissingError: (409, "seal_missing", "本单位没有可用的这种印章。请联系制章机构。"),
    bidding.SealOrderError: (409, "seal_order", "先盖法定代表人章，再盖公章；已盖章的文件要改须重新组装。"),
    bidding.SealingRunningError: (
        409, "sealing_running", "正在盖章或封装，暂时不能改动。请先完成，或取消、拒绝正在等待的确认。",
    ),
    bidding.NothingToSealError: (409, "nothing_to_seal", "没有需要盖章的文件，或已全部盖好。"),
    bidding.SealPlanError: (409, "seal_plan", f"用章计划自相矛盾，没有盖章，{_SAME}请重新组装后再试。"),
    bidding.NotReadyError: (422, "not_ready", "还没有齐备。请按检查单补齐。"),
    bidding.CentreUnavailableError: (503, "centre_unavailable", f"交易中心没有应答，{_SAME}请稍后再试。"),
    bidding.CentreRefusedError: (409, "centre_declined", "交易中心没有接受。请按说明处理。"),
    bidding.UntrustedParamsError: (
        422, "params_untrusted", "标段参数不是招标人有效签署的，没有采用。请联系招标人和交易中心。",
    ),
    bidding.UntrustedReceiptError: (
        422, "receipt_untrusted", "交易中心的答复没有通过核验，递交不算成功。请保存记录并联系交易中心。",
    ),
    bidding.SubmissionRefusedError: (422, "submission_refused", "交易中心没有接收，并签署了拒收凭证。请保存凭证。"),
    bidding.SubmissionPendingError: (503, "submission_pending", "交易中心已收到，还没有决定。请稍后查看结果。"),
    bidding.UploadInterruptedError: (503, "upload_interrupted", "上传中断，已上传的部分不会丢失。请稍后继续。"),
    bidding.BidFolderError: (422, "bid_folder", "待封装文件夹不完整或被改动。请重新从工作台下载。"),
    bidding.TraceError: (409, "trace", f"用章记录没有办成，{_SAME}"),
    bidding.MalformedTraceError: (422, "trace_malformed", "这不是用章记录的导出文件，或已损坏、被改动。"),
    bidding.TraceTooLargeError: (413, "trace_too_large", "用章记录超过单个导出文件的上限。请按编号分段导出。"),
    bidding.NoTraceKeyError: (503, "trace_no_key", "本工作台没有签名密钥，不能导出用章记录。请联系系统管理员。"),
    bidding.TraceQueryError: (422, "trace_query", "筛选条件不正确，没有列出记录。"),
    bidding.NoSuchEntryError: (404, "trace_entry_unknown", "没有这条用章记录，或不属于本单位。"),
}  # fmt: skip
