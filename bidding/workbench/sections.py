"""The sections that a workbench follows: each version of their parameters, as the tenderer signed it (标段参数)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select

from bidding.errors import NoSuchDraftError
from bidding.params import SectionParams, params_sm3, parse_params
from bidding.workbench.centre_answers import SectionLine
from bidding.workbench.desk import Desk
from bidding.workbench.submitting import CentreClient
from signing import canonical
from signing.statement import SignedStatement
from storage.database import reading, writing
from storage.models import workbench as tables

_MOST: Final = 500


@dataclass(frozen=True)
class Section:
    """One version of a section's parameters, verified when it was taken in."""

    centre: str
    params_sm3: str
    params: SectionParams
    signed: SignedStatement
    at: datetime


@dataclass(frozen=True)
class Sections:
    """The sections of all centres that this workbench can submit to (一照通投), by the centre's address."""

    desk: Desk
    centres: Mapping[str, CentreClient]

    def centre(self, url: str) -> CentreClient:
        """Answer a centre that is in the settings; NoSuchDraftError for another."""
        try:
            return self.centres[url]
        except KeyError:
            raise NoSuchDraftError("this workbench does not know the trading centre") from None

    def offered(self, centre: str) -> tuple[SectionLine, ...]:
        """Answer what a centre offers now. CentreUnavailableError."""
        return self.centre(centre).fetch_sections()

    def follow(self, centre: str, code: str) -> Section:
        """Fetch a section's parameters now, verify the tenderer's signature, and keep the version.

        UntrustedParamsError, CentreUnavailableError, CentreRefusedError.
        """
        signed = self.centre(centre).fetch_params(code)
        params, digest = parse_params(signed.statement), params_sm3(signed.statement)
        table = tables.sections
        with writing(self.desk.engine) as tx:
            if tx.execute(select(table.c.params_sm3).where(table.c.params_sm3 == digest)).first() is None:
                tx.execute(
                    insert(table).values(
                        params_sm3=digest,
                        centre=centre,
                        code=code,
                        version=params.version,
                        signed=canonical.encode(signed),
                        at=self.desk.now(),
                    )
                )
        return self.get(digest)

    def get(self, digest: str) -> Section:
        """Answer a version by its SM3 (hex); NoSuchDraftError."""
        table = tables.sections
        with reading(self.desk.engine) as tx:
            row = tx.execute(select(table).where(table.c.params_sm3 == digest)).mappings().one_or_none()
        if row is None:
            raise NoSuchDraftError("no such section here")
        signed = canonical.decode(row["signed"], SignedStatement)
        return Section(row["centre"], digest, parse_params(signed.statement), signed, row["at"])

    def newest(self, centre: str, code: str) -> Section:
        """Answer the newest version that was taken in; NoSuchDraftError."""
        table = tables.sections
        query = (
            select(table.c.params_sm3)
            .where(table.c.centre == centre, table.c.code == code)
            .order_by(table.c.version.desc(), table.c.at.desc())
            .limit(1)
        )
        with reading(self.desk.engine) as tx:
            digest = tx.execute(query).scalar_one_or_none()
        if digest is None:
            raise NoSuchDraftError("no such section here")
        return self.get(digest)

    def followed(self) -> tuple[Section, ...]:
        """Answer the newest version of every section that was taken in, the nearest deadline last."""
        table = tables.sections
        query = select(table.c.centre, table.c.code).distinct().limit(_MOST)
        with reading(self.desk.engine) as tx:
            names = [(row.centre, row.code) for row in tx.execute(query)]
        found = [self.newest(centre, code) for centre, code in names]
        return tuple(sorted(found, key=lambda section: section.params.deadline, reverse=True))
