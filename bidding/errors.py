"""The one error tree of bidding. `bidding/web/errors.py` maps class → status, code, Chinese words."""


class BiddingError(Exception):
    """Base of everything bidding refuses to do."""


class MalformedParamsError(BiddingError):
    """Section parameters that are not well formed."""


class MalformedBundleError(BiddingError):
    """A file that is not a bundle in the one allowed form (投标文件包格式错误)."""


class WrongSectionError(BiddingError):
    """A bundle, act or consent made for another section or other parameters (标段不符)."""


class DeadlinePassedError(BiddingError):
    """The bid deadline (投标截止时间) has passed."""
