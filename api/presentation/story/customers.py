"""Customers, with their addresses and what their orders say about them."""

from collections.abc import Iterable, Mapping

from api.presentation.story.words import (
    because,
    from_to,
    listed,
    many,
    moved,
    one_line,
    otherwise,
    quoted,
    value_before,
)
from domain.address import (
    AddressAdded,
    AddressChanged,
    AddressDetails,
    AddressRemoved,
    AddressRetyped,
    PrimaryAddressSet,
)
from domain.customer import (
    LOCATION,
    CustomerEmailChanged,
    CustomerErased,
    CustomerMoved,
    CustomerNotesChanged,
    CustomerRegistered,
    CustomerRelabelled,
    CustomerRenamed,
    CustomerStatusChanged,
    OrderDetailsRecorded,
    UserAttached,
    UserDetached,
)
from domain.event import Event
from domain.terms import OrderDetails
from projections.history.changes import Changes

NAMES = ("first_name", "last_name")
PLACE = ("company_name", "address_1", "address_2", "postcode", "city", "state", "country")


def customer_sentence(event: Event, changes: Changes, labels: Mapping[int, str]) -> str:
    match event:
        case CustomerRegistered(profile=profile, user_id=user_id):
            name = _joined(profile.first_name, profile.last_name)
            user = f", with user {user_id}" if user_id is not None else ""
            return f"{name} <{one_line(profile.email)}> was registered{user}."
        case CustomerRenamed(first_name=first_name, last_name=last_name):
            former = (changes.get(name, (now,))[0] for name, now in zip(NAMES, (first_name, last_name), strict=True))
            before = _joined(*map(str, former)) if changes else ""
            return f"The name went {from_to(before, _joined(first_name, last_name))}."
        case CustomerEmailChanged(email=email):
            return f"The email went {from_to(value_before(changes, 'email'), email)}."
        case CustomerMoved():
            return f"The location changed: {moved(changes, LOCATION)}."
        case CustomerNotesChanged(notes=notes):
            return f"The notes became {quoted(notes)}." if notes else "The notes were removed."
        case CustomerStatusChanged(status=status):
            return f"The status went {from_to(value_before(changes, 'status'), status)}."
        case CustomerRelabelled(labels=after):
            return _relabelled(value_before(changes, "labels"), after, labels)
        case UserAttached(user_id=user_id):
            return f"User {user_id} was attached."
        case UserDetached(user_id=user_id):
            return f"User {user_id} was detached."
        case OrderDetailsRecorded(order_id=order_id, details=details):
            return f"Order {order_id} got {_details(details)}."
        case CustomerErased():
            return _erased(event)
        case _:
            return _address_sentence(event, changes)


def _address_sentence(event: Event, changes: Changes) -> str:
    match event:
        case AddressAdded(address_id=id_, type=type_, details=details):
            return f"{type_.capitalize()} address {id_} was added: {_place(details)}."
        case AddressChanged(address_id=id_):
            return f"Address {id_} changed: {moved(changes, AddressDetails.__struct_fields__)}."
        case AddressRetyped(address_id=id_, type=type_):
            return f"Address {id_} became a {type_} address."
        case PrimaryAddressSet(address_id=id_, former=former):
            instead = f", instead of address {former}" if former is not None else ""
            return f"Address {id_} became the primary one of its type{instead}."
        case AddressRemoved(address_id=id_):
            return f"Address {id_} was removed."
        case _:
            return otherwise(event, changes)


def _relabelled(before: object, after: Iterable[int], labels: Mapping[int, str]) -> str:
    had, has = set(before) if isinstance(before, list | tuple) else set(), set(after)
    changed = (("got", sorted(has - had)), ("lost", sorted(had - has)))
    done = [f"{word} the label{'s' * (len(ids) > 1)} {_labels(ids, labels)}" for word, ids in changed if ids]
    return f"It {' and '.join(done)}." if done else "Its labels stayed as they were."


def _labels(ids: Iterable[int], labels: Mapping[int, str]) -> str:
    """One that has been deleted since has no name any more."""
    return listed(quoted(labels[id_]) if id_ in labels else str(id_) for id_ in ids)


def _details(details: OrderDetails) -> str:
    got = [
        f"the note {quoted(details.note)}" if details.note else "",
        f"the IP address {one_line(details.ip_address)}" if details.ip_address else "",
        f"the billing address {_place(details.billing_address)}" if details.billing_address else "",
        f"the shipping address {_place(details.shipping_address)}" if details.shipping_address else "",
    ]
    return listed(filter(None, got)) or "details that say nothing"


def _place(details: AddressDetails) -> str:
    return _joined(details.name, *(getattr(details, name) for name in PLACE), between=", ")


def _joined(*parts: str, between: str = " ") -> str:
    return one_line(between.join(filter(None, parts)))


def _erased(event: CustomerErased) -> str:
    counted = (
        (len(event.addresses), "address", "addresses"),
        (len(event.orders), "order", "orders"),
        (len(event.users), "user", "users"),
    )
    went = listed(many(*each) for each in counted if each[0])
    with_ = f", with all that {went} held" if went else ""
    return f"The customer was erased for good{with_}{because(event.reason)}."
