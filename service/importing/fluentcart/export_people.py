"""Users, labels and customers of a FluentCart export, as facts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Annotated, Any

from msgspec import field
from msgspec.structs import asdict

from domain.address import AddAddress, AddressAdded, AddressDetails, AddressType
from domain.customer import (
    CUSTOMER,
    CustomerProfile,
    CustomerRegistered,
    CustomerRelabelled,
    RegisterCustomer,
    RelabelCustomer,
)
from domain.label import LABEL, CreateLabel, LabelCreated
from domain.user import USER, RegisterUser, UserProfile, UserRegistered
from service.fields.choices import ADDRESS_TYPE
from service.fields.compound import Document
from service.fields.customer import ExportedCustomer, Profile
from service.fields.input import Input
from service.fields.kinds import Flag, Id, Moment, OneOf, Text
from service.fields.reader import Fields
from service.importing.facts import Entry, Fact
from service.importing.fluentcart.export import Export, by

LABELLED_CUSTOMER = "Customer"


class ExportedUser(Profile, kw_only=True, forbid_unknown_fields=False):
    id: Annotated[int, Id()]
    user_email: Annotated[str, Text(100)] = ""
    user_registered: Annotated[datetime | None, Moment()] = None


class ExportedLabel(Input, kw_only=True):
    id: Annotated[int, Id()]
    value: Annotated[str, Text(192)]
    created_at: Annotated[datetime | None, Moment()] = None


class ExportedDetails(Input, kw_only=True):
    """What an address says, a customer's or an order's."""

    type: Annotated[AddressType, OneOf(ADDRESS_TYPE)]
    name: Annotated[str, Text()] = ""
    email: Annotated[str, Text()] = ""
    address_1: Annotated[str, Text()] = ""
    address_2: Annotated[str, Text()] = ""
    city: Annotated[str, Text()] = ""
    state: Annotated[str, Text()] = ""
    postcode: Annotated[str, Text()] = ""
    country: Annotated[str, Text()] = ""
    phone: Annotated[str, Text()] = ""
    label: Annotated[str, Text()] = ""
    status: Annotated[str, Text()] = "active"
    meta: Annotated[dict[str, Any], Document()] = field(default_factory=dict)

    @property
    def details(self) -> AddressDetails:
        other = self.meta.get("other_data")
        company = Text().take(Fields(other if isinstance(other, dict) else {}), "company_name", "")
        return self.fill(AddressDetails, company_name=company)


class ExportedAddress(ExportedDetails, kw_only=True):
    id: Annotated[int, Id()]
    customer_id: Annotated[int, Id()]
    is_primary: Annotated[bool, Flag()] = False
    created_at: Annotated[datetime | None, Moment()] = None


class ExportedLabelling(Input, kw_only=True):
    labelable_type: Annotated[str, Text()]
    labelable_id: Annotated[int, Id()]
    label_id: Annotated[int, Id()]
    created_at: Annotated[datetime | None, Moment()] = None

    @property
    def kind(self) -> str:
        return self.labelable_type.rpartition("\\")[2]


def users(export: Export) -> Iterator[Entry]:
    for called, row in export.read("wp_users", ExportedUser):
        profile = row.fill(UserProfile)
        event, command = UserRegistered(profile=profile), RegisterUser(profile=profile)
        fact = Fact(decider=USER, id=row.id, event=event, command=command, at=_at(row.user_registered))
        yield Entry("users", called, [fact])


def labels(export: Export) -> Iterator[Entry]:
    for called, row in export.read("labels", ExportedLabel):
        event, command = LabelCreated(value=row.value), CreateLabel(value=row.value)
        fact = Fact(decider=LABEL, id=row.id, event=event, command=command, at=_at(row.created_at))
        yield Entry("labels", called, [fact])


def customers(export: Export, user_ids: set[int]) -> Iterator[Entry]:
    """`user_ids` are those that are known; another's link is kept, and said."""
    for called, row in export.read("customers", ExportedCustomer):
        command = row.fill(
            RegisterCustomer,
            profile=row.fill(CustomerProfile),
            uuid=row.uuid or _made_up_uuid(row.id, row.email),
            user_id=row.user_id or None,
        )
        event = CustomerRegistered(**asdict(command))
        fact = Fact(decider=CUSTOMER, id=row.id, event=event, command=command, at=_at(row.created_at))
        stranger = command.user_id is not None and command.user_id not in user_ids
        note = f"It is linked to user {command.user_id}, who is not here; the link is kept."
        yield Entry("customers", called, [fact], [note] if stranger else [])


def _made_up_uuid(id_: int, email: str) -> str:
    """The same whenever the file is imported, because a customer is known by it."""
    return blake2b(f"{id_} {email}".encode(), digest_size=16).hexdigest()


def addresses(export: Export) -> Iterator[Entry]:
    """Primary ones first, so that no other is it for a moment. The first by id of several is, as in FluentCart."""
    read = sorted(export.read("addresses", ExportedAddress), key=lambda each: (not each[1].is_primary, each[1].id))
    seen: set[int] = set()
    places: set[tuple[int, AddressType]] = set()
    for called, row in read:
        place = (row.customer_id, row.type)
        if row.id in seen:
            export.refuse(called, "Another address in the export has this id.")
            continue
        yield _address_entry(called, row, is_first=place not in places)
        seen.add(row.id)
        places.add(place)


def _address_entry(called: str, row: ExportedAddress, *, is_first: bool) -> Entry:
    details, is_primary = row.details, row.is_primary and is_first
    fact = Fact(
        decider=CUSTOMER,
        id=row.customer_id,
        event=AddressAdded(address_id=row.id, type=row.type, details=details),
        command=AddAddress(address_id=row.id, type=row.type, details=details, is_primary=is_primary),
        at=_at(row.created_at),
        customer_id=row.customer_id,
    )
    notes: list[str] = []
    if row.is_primary and not is_first:
        notes.append(f"The customer has another primary {row.type} address before it; that one is primary.")
    elif is_first and not row.is_primary:
        notes.append(f"None of the customer's {row.type} addresses is primary in the export; this one is.")
    return Entry("addresses", called, [fact], notes)


def labellings(export: Export) -> Iterator[Entry]:
    """All labels of a customer at once. Those of orders are left out: orders carry none here."""
    found = list(export.read("label_relationships", ExportedLabelling))
    for called, row in found:
        if row.kind != LABELLED_CUSTOMER:
            whose = f"{row.kind} {row.labelable_id}"
            export.note(called, f"Label {row.label_id} of {whose} is left out: only customers have labels.")
    of_customers = by((row.labelable_id, row) for _called, row in found if row.kind == LABELLED_CUSTOMER)
    for customer_id, group in of_customers.items():
        ids = frozenset(each.label_id for each in group)
        fact = Fact(
            decider=CUSTOMER,
            id=customer_id,
            event=CustomerRelabelled(labels=tuple(sorted(ids))),
            command=RelabelCustomer(labels=ids, existing=ids),
            at=max(_at(each.created_at) for each in group),
            customer_id=customer_id,
        )
        yield Entry("labelled customers", f"label_relationships of customer {customer_id}", [fact])


def _at(given: datetime | None) -> datetime:
    return given or datetime.now(UTC)
