"""Who signs in by OpenID Connect: issuer and subject, tied to an organisation, and their role."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from kg.errors import NotFound
from kg.ledger.database import Database
from kg.ledger.tables import accounts
from service.core.rights import Principal, Role, as_role
from service.core.settings import ClaimRule
from service.core.tokens import check_label


class Accounts:
    """The accounts of a ledger; a subject that is in none of them has no role."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tie(
        self,
        issuer: str,
        subject: str,
        label: str,
        role: Role = "curator",
        *,
        countries: tuple[str, ...] = (),
        communities: tuple[str, ...] = (),
        organisation: str | None = None,
        source: str = "administrator",
    ) -> None:
        """Tie a subject of an issuer to an organisation's label and a role, or tie it anew."""
        check_label(label)
        row: dict[str, Any] = {
            "label": label,
            "source": source,
            "role": role,
            "countries": sorted({code.upper() for code in countries}),
            "communities": sorted(set(communities)),
            "organisation": organisation,
            "revoked": None,
        }
        same = sa.and_(accounts.c.issuer == issuer, accounts.c.subject == subject)
        with self._database.begin() as connection:
            if not connection.execute(sa.update(accounts).where(same), row).rowcount:
                own = {"id": secrets.token_hex(8), "issuer": issuer, "subject": subject}
                connection.execute(sa.insert(accounts), row | own | {"created": time.time()})

    def untie(self, issuer: str, subject: str) -> None:
        """Take the role of a subject away; raises NotFound for one that has none."""
        same = sa.and_(accounts.c.issuer == issuer, accounts.c.subject == subject)
        taken = sa.update(accounts).where(same, accounts.c.revoked.is_(None))
        with self._database.begin() as connection:
            if not connection.execute(taken, {"revoked": time.time()}).rowcount:
                raise NotFound(f"The subject {subject!r} has no role here.")

    def sign_in(
        self, issuer: str, claims: Mapping[str, Any], rules: Iterable[ClaimRule]
    ) -> Principal | None:
        """Who a subject is here that its issuer has just vouched for; None where it has no role.

        What an administrator tied goes before what the claims give; what claims gave and give no
        more ends.
        """
        subject = str(claims["sub"])
        same = sa.and_(accounts.c.issuer == issuer, accounts.c.subject == subject)
        with self._database.begin(writing=False) as connection:
            row = connection.execute(sa.select(accounts).where(same)).first()
        if row is None or row.source == "claims":
            given = {
                claim: value if isinstance(value, list) else [value]
                for claim, value in claims.items()
            }
            rule = next((r for r in rules if r.value in given.get(r.claim, ())), None)
            if rule:
                countries = tuple(code for code in rule.scope if ":" not in code)
                communities = tuple(iri for iri in rule.scope if ":" in iri)
                self.tie(
                    issuer,
                    subject,
                    rule.label,
                    as_role(rule.role),
                    countries=countries,
                    communities=communities,
                    source="claims",
                )
            elif row and row.revoked is None:
                self.untie(issuer, subject)
        return self._valid(same)

    def still(self, identifier: str) -> Principal | None:
        """What the account of a row may do now; None where it may nothing."""
        return self._valid(accounts.c.id == identifier)

    def _valid(self, which: sa.ColumnElement[bool]) -> Principal | None:
        query = sa.select(accounts).where(which, accounts.c.revoked.is_(None))
        with self._database.begin(writing=False) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Principal(
            name=row.label,
            role=row.role,
            countries=tuple(row.countries),
            communities=tuple(row.communities),
            organisation=row.organisation,
            account=row.id,
        )
