"""Users, labels and customers of a FluentCart export, as facts."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from msgspec.structs import asdict
from msgspec.structs import fields as struct_fields

from domain.address import ADDRESS_TYPES, AddAddress, AddressAdded, AddressDetails, AddressType
from domain.customer import (
    ACTIVE,
    CUSTOMER,
    CUSTOMER_STATUSES,
    CustomerProfile,
    CustomerRegistered,
    CustomerRelabelled,
    RegisterCustomer,
    RelabelCustomer,
)
from domain.label import LABEL, CreateLabel, LabelCreated
from domain.user import USER, RegisterUser, UserProfile, UserRegistered
from service.fields.reader import Fields
from service.importing.facts import Entry, Fact
from service.importing.fields import document, nullable_text
from service.importing.fluentcart.export import Export, by

ADDRESS_TEXTS = (
    "name", "email", "address_1", "address_2", "city", "state", "postcode", "country", "phone", "label",
)  # fmt: skip
LABELLED_CUSTOMER = "Customer"
LONG_TEXT = 65_535
# Of a profile, what is read as any text: a field that is new there is read here.
READ_OTHERWISE = {"email", "status", "notes"}
NULLABLE = [field.name for field in struct_fields(CustomerProfile) if field.default is None]
TEXTS = [name for name in CustomerProfile.__struct_fields__ if name not in {*READ_OTHERWISE, *NULLABLE}]


def users(export: Export) -> Iterator[Entry]:
    return export.read("wp_users", _user)


def _user(called: str, fields: Fields) -> Entry:
    id_ = fields.required.id("ID" if "ID" in fields else "id")
    said = fields.optional(absent="", empty="")
    profile = UserProfile(
        user_login=fields.required.text("user_login", max_length=60),
        user_email=said.text("user_email", max_length=100),
        **{name: said.text(name) for name in ("display_name", "first_name", "last_name", "user_url", "user_nicename")},
    )
    at = fields.optional(absent=None, empty=None).moment("user_registered") or datetime.now(UTC)
    event, command = UserRegistered(profile=profile), RegisterUser(profile=profile)
    return Entry("users", called, [Fact(decider=USER, id=id_, event=event, command=command, at=at)])


def labels(export: Export) -> Iterator[Entry]:
    return export.read("labels", _label)


def _label(called: str, fields: Fields) -> Entry:
    id_, value = fields.required.id("id"), fields.required.text("value", max_length=192)
    event, command = LabelCreated(value=value), CreateLabel(value=value)
    return Entry("labels", called, [Fact(decider=LABEL, id=id_, event=event, command=command, at=_at(fields))])


def customers(export: Export, user_ids: set[int]) -> Iterator[Entry]:
    """`user_ids` are those that are known; another's link is kept, and said."""

    def read(called: str, fields: Fields) -> Entry:
        none = fields.optional(absent=None, empty=None)
        id_, profile = fields.required.id("id"), _profile(fields)
        command = RegisterCustomer(
            profile=profile,
            uuid=none.text("uuid", max_length=100) or _made_up_uuid(id_, profile.email),
            user_id=none.integer("user_id", minimum=0) or None,
            contact_id=none.integer("contact_id", minimum=0),
            updated_at=none.moment("updated_at"),
        )
        event = CustomerRegistered(**asdict(command))
        stranger = command.user_id is not None and command.user_id not in user_ids
        note = f"It is linked to user {command.user_id}, who is not here; the link is kept."
        fact = Fact(decider=CUSTOMER, id=id_, event=event, command=command, at=_at(fields))
        return Entry("customers", called, [fact], [note] if stranger else [])

    return export.read("customers", read)


def _made_up_uuid(id_: int, email: str) -> str:
    """The same whenever the file is imported, because a customer is known by it."""
    return blake2b(f"{id_} {email}".encode(), digest_size=16).hexdigest()


def _profile(fields: Fields) -> CustomerProfile:
    said = fields.optional(absent="", empty="")
    texts: dict[str, Any] = {name: said.text(name) for name in TEXTS}
    texts |= {name: nullable_text(fields, name) for name in NULLABLE}
    return CustomerProfile(
        email=fields.required.email("email"),
        status=fields.optional(absent=ACTIVE, empty=ACTIVE).choice("status", CUSTOMER_STATUSES),
        notes=said.text("notes", max_length=LONG_TEXT, lines=True),
        **texts,
    )


class _Address(NamedTuple):
    called: str
    id: int
    customer_id: int
    type: AddressType
    details: AddressDetails
    is_primary: bool
    at: datetime


def addresses(export: Export) -> Iterator[Entry]:
    """Primary ones first, so that no other is it for a moment. The first by id of several is, as in FluentCart."""
    read = sorted(export.read("addresses", _address), key=lambda address: (not address.is_primary, address.id))
    seen: set[int] = set()
    places: set[tuple[int, AddressType]] = set()
    for address in read:
        place = (address.customer_id, address.type)
        if address.id in seen:
            export.refuse(address.called, "Another address in the export has this id.")
            continue
        yield _address_entry(address, is_first=place not in places)
        seen.add(address.id)
        places.add(place)


def _address(called: str, fields: Fields) -> _Address:
    return _Address(
        called,
        fields.required.id("id"),
        fields.required.id("customer_id"),
        fields.required.choice("type", ADDRESS_TYPES),
        read_details(fields),
        fields.optional(absent=False, empty=False).flag("is_primary"),
        _at(fields),
    )


def read_details(fields: Fields) -> AddressDetails:
    said = fields.optional(absent="", empty="")
    other = document(fields, "meta").get("other_data")
    company = Fields(other if isinstance(other, dict) else {}).optional(absent="", empty="").text("company_name")
    return AddressDetails(
        status=said.text("status") or "active",
        company_name=company,
        **{name: said.text(name) for name in ADDRESS_TEXTS},
    )


def _address_entry(address: _Address, *, is_first: bool) -> Entry:
    id_, type_, details = address.id, address.type, address.details
    fact = Fact(
        decider=CUSTOMER,
        id=address.customer_id,
        event=AddressAdded(address_id=id_, type=type_, details=details),
        command=AddAddress(address_id=id_, type=type_, details=details, is_primary=address.is_primary and is_first),
        at=address.at,
        customer_id=address.customer_id,
    )
    notes: list[str] = []
    if address.is_primary and not is_first:
        notes.append(f"The customer has another primary {type_} address before it; that one is primary.")
    elif is_first and not address.is_primary:
        notes.append(f"None of the customer's {type_} addresses is primary in the export; this one is.")
    return Entry("addresses", address.called, [fact], notes)


class _Labelling(NamedTuple):
    called: str
    kind: str
    id: int
    label_id: int
    at: datetime


def labellings(export: Export) -> Iterator[Entry]:
    """All labels of a customer at once. Those of orders are left out: orders carry none here."""

    def read(called: str, fields: Fields) -> _Labelling:
        kind = fields.required.text("labelable_type").rpartition("\\")[2]
        return _Labelling(called, kind, fields.required.id("labelable_id"), fields.required.id("label_id"), _at(fields))

    found = list(export.read("label_relationships", read))
    for labelling in found:
        if labelling.kind != LABELLED_CUSTOMER:
            whose = f"{labelling.kind} {labelling.id}"
            message = f"Label {labelling.label_id} of {whose} is left out: only customers have labels."
            export.note(labelling.called, message)
    for customer_id, group in by((each.id, each) for each in found if each.kind == LABELLED_CUSTOMER).items():
        ids = frozenset(each.label_id for each in group)
        fact = Fact(
            decider=CUSTOMER,
            id=customer_id,
            event=CustomerRelabelled(labels=tuple(sorted(ids))),
            command=RelabelCustomer(labels=ids, existing=ids),
            at=max(each.at for each in group),
            customer_id=customer_id,
        )
        yield Entry("labelled customers", f"label_relationships of customer {customer_id}", [fact])


def _at(fields: Fields) -> datetime:
    """The date of creation; now where there is none."""
    return fields.optional(absent=None, empty=None).moment("created_at") or datetime.now(UTC)
