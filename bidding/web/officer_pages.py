"""The officer's local page: what would be opened, checked on this machine, and one button."""

from typing import Annotated, Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, SkipValidation, URLEncodedBody
from litestar.response import Template
from msgspec import Struct

from bidding.errors import BiddingError
from bidding.officer_desk import OfficerDesk, fingerprint
from bidding.web.errors import notice_of
from bidding.web.site import Site, beijing
from signing.errors import KeystoreError, SigningError

_WRONG_PASSPHRASE: Final = {
    "kind": "bad",
    "text": "口令不对，或密钥文件已损坏。没有交出任何密钥，请核对口令后再试。",
    "code": "keystore",
}


class OpenForm(Struct):
    """What the page sends: which stage of which section, and the passphrase of the local key file."""

    section: str
    stage: int
    passphrase: str


@get("/", sync_to_thread=True, include_in_schema=False)
def desk_page(
    request: Request[Any, Any, Any],
    desk: NamedDependency[SkipValidation[OfficerDesk]],
    site: NamedDependency[SkipValidation[Site]],
    section: FromQuery[str] = "",
) -> Template:
    """开标人首页：输入标段编号，核对参数、封签与解密集合."""
    return _show(request, desk, site, section)


def _show(request: Request[Any, Any, Any], desk: OfficerDesk, site: Site, section: str, **more: Any) -> Template:
    """Show what there is to know of a section on this machine."""
    context: dict[str, Any] = {"section": section, "t": beijing}
    if section:
        try:
            context["params"] = params = desk.fetch_params(section)
            context["keys"] = [
                (s.id, s.name, fingerprint(s.opening_key)) for s in params.stages if s.id in desk.stages()
            ]
            context["release"] = desk.fetch_release_set(section)
        except (BiddingError, SigningError) as error:
            context["waiting"] = notice_of(error)
    return site.page(request, "officer.html", **context, **more)


@post("/open", sync_to_thread=True, include_in_schema=False, status_code=200)
def open_stage(
    request: Request[Any, Any, Any],
    data: URLEncodedBody[OpenForm],
    desk: NamedDependency[SkipValidation[OfficerDesk]],
    site: NamedDependency[SkipValidation[Site]],
) -> Template:
    """核验并交出：结果显示在页面上."""
    try:
        answer = desk.open(data.section, data.stage, data.passphrase)
    except KeystoreError:
        return _show(request, desk, site, data.section, notice=_WRONG_PASSPHRASE, status=409)
    except (BiddingError, SigningError) as error:
        return _show(request, desk, site, data.section, notice=notice_of(error), status=409)
    return _show(request, desk, site, data.section, answer=answer)


OFFICER_ROUTES: Annotated[list[Any], "local pages"] = [desk_page, open_stage]
