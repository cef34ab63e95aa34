"""A store of many customers, made up: rows of the read models, loaded by COPY through the projections' own tables."""

import random
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from domain.value import average
from eventstore.postgres.connection import Connection
from projections.models.customers import CUSTOMERS, CustomerRow
from projections.models.figures import FIGURES, FiguresRow
from projections.models.labels import LABELS, LabelRow
from projections.models.orders import ORDERS
from projections.tables.projection import Projection

FIRST_NAMES = """Ada Ágnes Ahmed Aiko Åsa Björn Carlos Chloé Dario Elena Émile Fatima Giulia Hanna Ines Ivan Jamal João
    Jürgen Kofi Lena Luca Łukasz Maja Marek Mei Nadia Noor Olga Omar Paula Pedro Priya Quentin Rosa Sami Søren Tariq
    Uma Vera Wei Xavier Yara Yusuf Zoë Zuzana"""
LAST_NAMES = """Almeida Andersson Bianchi Bergström Castro Conti Dubois Dvořák Eriksen Fischer García Haddad Hansen
    Horváth Ibrahim Jansen Kaya Kowalski Kumar Lefèvre Lindqvist Martin Mbeki Moreau Müller Nakamura Nielsen Novák
    Okafor Oliveira Petrov Popescu Quist Ricci Rossi Sato Schäfer Silva Singh Suzuki Takács Tanaka Urban Vargas
    Virtanen Weber Yilmaz Zhang Zieliński"""
FIRST, LAST = FIRST_NAMES.split(), LAST_NAMES.split()
PLACES = (
    ("US", "NY", "New York"), ("US", "CA", "San José"), ("DE", "BE", "Berlin"), ("FR", None, "Orléans"),
    ("IT", "TO", "Torino"), ("BR", "SP", "São Paulo"), ("JP", "JP13", "Tokyo"), ("GB", None, "Leeds"),
)  # fmt: skip
STATUSES = ("active",) * 90 + ("inactive",) * 9 + ("archived",)
LABEL_COUNT = 20
BEGAN = datetime(2024, 1, 1)  # noqa: DTZ001 - rows hold UTC without a zone
SECONDS = 2 * 365 * 86_400


class Person(NamedTuple):
    customer: CustomerRow
    figures: FiguresRow


def people(count: int, seed: int = 1) -> Iterator[Person]:
    chance = random.Random(seed)
    for id_ in range(1, count + 1):
        yield Person(_customer(id_, chance), _figures(id_, chance))


def _customer(id_: int, chance: random.Random) -> CustomerRow:
    first, last = chance.choice(FIRST), chance.choice(LAST)
    country, state, city = chance.choice(PLACES)
    created = BEGAN + timedelta(seconds=chance.randrange(SECONDS))
    labels = tuple(sorted(chance.sample(range(1, LABEL_COUNT + 1), 2))) if chance.random() < 0.1 else ()
    return CustomerRow(
        id=id_,
        user_id=id_ if chance.random() < 0.3 else None,
        contact_id=None,
        email=f"{first}.{last}{id_}@example.com",
        first_name=first,
        last_name=last,
        status=chance.choice(STATUSES),
        notes="",
        uuid=f"{chance.getrandbits(128):032x}",
        country=country,
        city=city,
        state=state,
        postcode=f"{chance.randrange(100_000):05}",
        created_at=created,
        updated_at=created + timedelta(seconds=chance.randrange(86_400 * 100)),
        labels=labels,
    )


def _figures(id_: int, chance: random.Random) -> FiguresRow:
    count = min(200, int(chance.expovariate(0.4)))
    ltv = sum(chance.randrange(500, 20_000) for _ in range(min(count, 20)))
    first = BEGAN + timedelta(seconds=chance.randrange(SECONDS)) if count else None
    return FiguresRow(
        id=id_,
        version=1 + count,
        ltv=ltv,
        purchase_count=count,
        aov=average(ltv, count),
        first_purchase_date=first,
        last_purchase_date=first and first + timedelta(seconds=chance.randrange(86_400 * 300)),
        purchase_value={"USD": ltv} if count else {},
    )


async def load(connection: Connection, count: int) -> None:
    """Into an empty, migrated store; indexes are made afterwards, as a replay does."""
    everybody = list(people(count))
    await _refill(connection, CUSTOMERS, [person.customer for person in everybody])
    await _refill(connection, FIGURES, [person.figures for person in everybody])
    await LABELS.table.copy(connection, [LabelRow(n, f"label {n}", BEGAN, BEGAN) for n in range(1, LABEL_COUNT + 1)])
    for table in (CUSTOMERS, FIGURES, LABELS, ORDERS):
        await connection.execute(f"VACUUM (ANALYZE) {table.name}")


async def _refill(connection: Connection, projection: Projection[Any], rows: Iterable[msgspec.Struct]) -> None:
    await connection.execute(f"DROP TABLE {projection.name}")
    await connection.execute(projection.table.create)
    await projection.table.copy(connection, rows)
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for statement in projection.table.index:
        await connection.execute(statement)
