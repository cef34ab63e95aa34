"""Customers, as people look for them. What orders change of a customer is in `figures`."""

from datetime import datetime

import msgspec
from msgspec.structs import asdict, replace

from domain.customer import (
    PROFILE_EVENTS,
    CustomerErased,
    CustomerRegistered,
    CustomerRelabelled,
    ProfileEvent,
    UserAttached,
    UserDetached,
)
from projections.tables.derived import folded_columns, folded_name, mailbox
from projections.tables.projection import (
    Change,
    Envelope,
    ErasedRows,
    Projection,
    gone,
    index_for_sorting,
    of_stream,
    utc,
)
from projections.tables.table import Table, code_key


class CustomerRow(msgspec.Struct, frozen=True, gc=False):
    id: int
    user_id: int | None
    contact_id: int | None
    email: str
    first_name: str
    last_name: str
    status: str
    notes: str
    uuid: str
    country: str | None
    city: str | None
    state: str | None
    postcode: str | None
    created_at: datetime
    updated_at: datetime
    labels: tuple[int, ...]


def _registered(id_: int, _row: CustomerRow | None, event: CustomerRegistered, envelope: Envelope) -> CustomerRow:
    at, profile = envelope.at, event.profile
    return CustomerRow(
        id=id_,
        user_id=event.user_id,
        contact_id=event.contact_id,
        uuid=event.uuid,
        created_at=at,
        updated_at=utc(event.updated_at) if event.updated_at else at,
        labels=(),
        **asdict(profile),
    )


def _changed(_id: int, row: CustomerRow | None, event: ProfileEvent, envelope: Envelope) -> CustomerRow | None:
    return row and replace(row, updated_at=envelope.at, **asdict(event))


def _relabelled(
    _id: int, row: CustomerRow | None, event: CustomerRelabelled, _envelope: Envelope
) -> CustomerRow | None:
    return row and replace(row, labels=event.labels)


def _attached(_id: int, row: CustomerRow | None, event: UserAttached, envelope: Envelope) -> CustomerRow | None:
    return row and replace(row, updated_at=envelope.at, user_id=event.user_id)


def _detached(_id: int, row: CustomerRow | None, _event: UserDetached, envelope: Envelope) -> CustomerRow | None:
    return row and replace(row, updated_at=envelope.at, user_id=None)


# What searches look into: name, email and id. None has control characters, so a mark ends a part, and what is found
# lies within one.
EMAIL_MARK, ID_MARK = "\n", "\v"
SEARCHED = """btrim(first_name_folded || ' ' || last_name_folded) || chr(10) || email_folded || chr(11) || id"""

FOLDED = ("email", "first_name", "last_name", "state", "city", "postcode")
CODES = ("status", "country", "uuid")  # in ASCII, so that lower() is enough
SORTED = ("created_at", "updated_at", "user_id", "contact_id")


CUSTOMERS: Projection[CustomerRow] = Projection(
    Table(
        "customers",
        CustomerRow,
        [
            # Plain search, and filters by parts of names and emails. One index for all costs a write less than two.
            "CREATE INDEX customers_search_idx ON customers USING gin (searched gin_trgm_ops)",
            # Which users have a customer.
            "CREATE INDEX customers_user_idx ON customers (user_id) WHERE user_id IS NOT NULL",
            # Filters by label. Of all rows: with a condition of its own, few would be expected where there are many.
            "CREATE INDEX customers_labels_idx ON customers USING gin (labels)",
            # Lists sorted by each column, and filters by it. All of them cost a write 50 microseconds; sorting without
            # them reads the whole table, which for a million customers takes seconds.
            *(index_for_sorting("customers", name) for name in SORTED),
            *(index_for_sorting("customers", name, folded_name(name)) for name in FOLDED),
            *(index_for_sorting("customers", name, code_key(name)) for name in CODES),
            # Who has an email.
            "CREATE INDEX customers_email_idx ON customers (email_identity)",
        ],
        derived=[*folded_columns(*FOLDED), mailbox("email")],
        computed=f'searched text COLLATE "C" NOT NULL GENERATED ALWAYS AS ({SEARCHED}) STORED',
    ),
    {
        CustomerRegistered: Change(of_stream, _registered, makes=True),
        **dict.fromkeys(PROFILE_EVENTS, Change(of_stream, _changed)),
        CustomerRelabelled: Change(of_stream, _relabelled),
        UserAttached: Change(of_stream, _attached),
        UserDetached: Change(of_stream, _detached),
        CustomerErased: Change(of_stream, gone),
    },
    erased=ErasedRows("customers"),
    version=2,
)
