"""The sandbox's registrar (登记机关): its JSON routes. docs/format/consent.md 9."""

import httpx
from litestar import Router, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, JSONBody

from identity import wire
from identity.sandbox.person_pages import ROUTES
from identity.sandbox.platform import LicencePlatform
from identity.sandbox.problems import EXCEPTION_HANDLERS
from identity.sandbox.registrar import Registrar
from identity.sandbox.registrar_changes import NameChange, RepresentativeChange
from signing.sandbox.authority import CertificateAuthority


@post("/companies", sync_to_thread=True)
def register_company(
    data: JSONBody[wire.RegistrationRequest], registrar: NamedDependency[Registrar]
) -> wire.RegistrationAnswer:
    """设立登记."""
    return registrar.register(data)


@get("/companies", sync_to_thread=True)
def list_companies(registrar: NamedDependency[Registrar]) -> list[wire.CompanyAnswer]:
    """单位列表."""
    return registrar.companies()


@get("/licences/{uscc:str}", sync_to_thread=True)
def fetch_licence(uscc: FromPath[str], registrar: NamedDependency[Registrar]) -> wire.LicenceStateAnswer:
    """查询执照."""
    return registrar.licence(uscc)


@post("/licences/{uscc:str}/state", status_code=200, sync_to_thread=True)
def change_state(
    uscc: FromPath[str], data: JSONBody[wire.StateChange], registrar: NamedDependency[Registrar]
) -> wire.LicenceStateAnswer:
    """变更登记状态."""
    return registrar.change_state(uscc, data.state, data.reason)


@post("/licences/{uscc:str}/representative", status_code=200, sync_to_thread=True)
def change_representative(
    uscc: FromPath[str], data: JSONBody[RepresentativeChange], registrar: NamedDependency[Registrar]
) -> wire.LicenceStateAnswer:
    """变更法定代表人."""
    return registrar.change_representative(uscc, data)


@post("/licences/{uscc:str}/name", status_code=200, sync_to_thread=True)
def rename(
    uscc: FromPath[str], data: JSONBody[NameChange], registrar: NamedDependency[Registrar]
) -> wire.LicenceStateAnswer:
    """变更名称."""
    return registrar.rename(uscc, data)


@post("/authorisations", sync_to_thread=True)
def authorise(data: JSONBody[wire.GrantRequest], registrar: NamedDependency[Registrar]) -> wire.GrantAnswer:
    """授权."""
    return registrar.authorise(data)


@get("/authorisations/{authorisation:str}", sync_to_thread=True)
def fetch_authorisation(authorisation: FromPath[str], registrar: NamedDependency[Registrar]) -> wire.GrantStateAnswer:
    """查询授权."""
    return registrar.grant(authorisation)


@post("/authorisations/{authorisation:str}/cancel", status_code=200, sync_to_thread=True)
def cancel_authorisation(
    authorisation: FromPath[str], data: JSONBody[wire.CancelRequest], registrar: NamedDependency[Registrar]
) -> wire.GrantStateAnswer:
    """取消授权."""
    return registrar.cancel(authorisation, data.pin)


@post("/persons", sync_to_thread=True)
def enrol_person(data: JSONBody[wire.EnrolRequest], registrar: NamedDependency[Registrar]) -> wire.PersonStateAnswer:
    """自然人登记."""
    return registrar.persons.enrol(data)


@get("/persons/{person:str}", sync_to_thread=True)
def fetch_person(person: FromPath[str], registrar: NamedDependency[Registrar]) -> wire.PersonStateAnswer:
    """查询自然人."""
    return registrar.persons.answer(person)


@post("/persons/{person:str}/revoke", status_code=200, sync_to_thread=True)
def revoke_person(
    person: FromPath[str], data: JSONBody[wire.PersonRevocation], registrar: NamedDependency[Registrar]
) -> wire.PersonStateAnswer:
    """吊销个人证书."""
    return registrar.persons.revoke(person, data)


@post("/persons/{person:str}/renew", status_code=200, sync_to_thread=True)
def renew_person(
    person: FromPath[str], data: JSONBody[wire.PersonRenewal], registrar: NamedDependency[Registrar]
) -> wire.PersonStateAnswer:
    """更新个人证书."""
    return registrar.persons.renew(person, data)


@post("/persons/{person:str}/seals", sync_to_thread=True)
def make_person_seal(
    person: FromPath[str], data: JSONBody[wire.PersonSealRequest], registrar: NamedDependency[Registrar]
) -> wire.PersonStateAnswer:
    """制作个人签名章."""
    return registrar.persons.make_seal(person, data)


def create_router(
    platform: LicencePlatform,
    *,
    authority: CertificateAuthority,
    maker: httpx.Client,
    maker_url: str,
    maker_token: str = "",
) -> Router:
    """Mount the registrar at /registrar; it asks the seal maker at `maker_url` over HTTP, with its token."""
    registrar = Registrar(platform, authority, maker, maker_url, maker_token)

    def provide() -> Registrar:
        return registrar

    return Router(
        path="/registrar",
        route_handlers=[
            register_company,
            list_companies,
            fetch_licence,
            change_state,
            change_representative,
            rename,
            authorise,
            fetch_authorisation,
            cancel_authorisation,
            enrol_person,
            fetch_person,
            revoke_person,
            renew_person,
            make_person_seal,
            *ROUTES,
        ],
        dependencies={"registrar": Provide(provide, sync_to_thread=False)},
        exception_handlers=EXCEPTION_HANDLERS,
        tags=["registrar"],
    )
