"""Rules about several aggregates: who must exist, whose a user is, who is erased. Pure functions over loaded states."""

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import chain, count

from msgspec.structs import replace

from domain.customer import Customer, CustomerProfile, RecordOrderDetails
from domain.order import Order, RecordPayment, RecordRefund, move_of
from domain.refusals import (
    CustomerNotFound,
    OrderNotFound,
    TransactionRecorded,
    UnknownLabel,
    UnknownOrder,
    UnknownUser,
)
from domain.terms import OrderDetails
from domain.text import identity
from domain.user import ChangeUserProfile, UserProfile

NOT_IN_LOGINS = re.compile(r"[^a-z0-9_-]")
MAX_LOGIN = 40
# By field of the user, the field of its customer that it follows.
FOLLOWED = {"first_name": "first_name", "last_name": "last_name", "user_email": "email"}


def is_registered(customer: Customer | None) -> bool:
    """Whether the customer exists and is not erased."""
    return customer is not None and not customer.erased


def require_customer(customer: Customer | None) -> Customer:
    """Orders are placed for, and transferred to, customers that are registered and not erased."""
    if customer is None or customer.erased:
        raise CustomerNotFound
    return customer


def require_order(order: Order | None) -> Order:
    if order is None or order.deleted:
        raise OrderNotFound
    return order


def require_user(user_id: int, user: UserProfile | None) -> None:
    """A user that is attached to a customer exists."""
    if user is None:
        raise UnknownUser(user_id)


def require_labels(wanted: Collection[int], existing: Collection[int]) -> None:
    """A customer carries labels that exist."""
    if unknown := set(wanted).difference(existing):
        raise UnknownLabel(min(unknown))


def user_of_registered(free: int | None, named: int | None) -> int | None:
    """The user that a new customer is linked to: the free one with its email, rather than the one that was named."""
    return free or named


def user_made(profile: CustomerProfile, login: str, user_url: str) -> UserProfile:
    """A user for a customer who has none."""
    return UserProfile(
        user_login=login,
        user_email=profile.email,
        display_name=f"{profile.first_name} {profile.last_name}".strip(),
        first_name=profile.first_name,
        last_name=profile.last_name,
        user_url=user_url,
        user_nicename=login,
    )


def logins(email: str, user_id: int) -> Iterator[str]:
    """The email's local part, then with a 2 behind it, then with the user's id, which is hardly ever taken."""
    wanted = NOT_IN_LOGINS.sub("", email.partition("@")[0].lower())[:MAX_LOGIN] or "user"
    yield wanted
    yield from (f"{wanted}{number}" for number in chain((2,), count(user_id)))


def followed(former: CustomerProfile, current: CustomerProfile, sent: ChangeUserProfile) -> ChangeUserProfile:
    """A customer's user gets what has changed of its name and email, and what was sent for the user itself."""
    changed = {
        of_user: value
        for of_user, name in FOLLOWED.items()
        if (value := getattr(current, name)) != getattr(former, name)
    }
    return replace(sent, **changed)


def loses_its_user(customer: Customer | None, user_id: int) -> bool:
    """Whether the customer is left without a user when this one is deleted."""
    return customer is not None and customer.user_id == user_id


def users_erased(
    customers: Mapping[int, Customer], free_with_email: Mapping[str, Collection[int]], known: Mapping[int, bool]
) -> dict[int, tuple[int, ...]]:
    """Users that are erased with each customer: its own, deleted ones that it had, and free ones with its email.

    `known` are users in the store, and whether they are registered: an import leaves links to users that are not there.
    """
    taken: set[int] = set()
    users: dict[int, tuple[int, ...]] = {}
    for id_, customer in customers.items():
        own = {customer.user_id, *free_with_email.get(identity.of_email(customer.profile.email), ())}
        deleted = {user_id for user_id in customer.users if not known.get(user_id)}
        users[id_] = tuple(sorted(user_id for user_id in known if user_id in own | deleted and user_id not in taken))
        taken.update(users[id_])
    return users


def details_recorded(order_id: int, order: Order, details: OrderDetails) -> RecordOrderDetails:
    """The command for the order's customer. A transferred order keeps its details, and may get them again."""
    return RecordOrderDetails(order_id=order_id, details=details, has_moved=order.has_moved)


def address_given(
    customer_id: int, customer: Customer | None, address_id: int, order_id: int, order: Order | None
) -> RecordOrderDetails:
    """An order of the customer gets one of its addresses."""
    if customer is None or order is None or order.deleted or order.customer_id != customer_id:
        raise UnknownOrder(order_id)
    given = customer.addresses[address_id]
    if given.type == "billing":
        details = OrderDetails(billing_address=given.details)
    else:
        details = OrderDetails(shipping_address=given.details)
    return details_recorded(order_id, order, details)


def require_other_transaction(
    order_id: int, command: RecordPayment | RecordRefund, other_id: int, other: Order | None
) -> None:
    """A transaction is recorded once, for one order."""
    transaction_id = command.transaction_id
    if other is not None and other_id != order_id and transaction_id in other.moves:
        recorded = other_id, other.moves[transaction_id][0]
        raise TransactionRecorded(transaction_id, recorded, (order_id, move_of(command)))


def without_words_of_the_erased(
    command: RecordPayment | RecordRefund, customer: Customer | None
) -> RecordPayment | RecordRefund:
    """The command, without its free text if the customer is erased."""
    if isinstance(command, RecordRefund) and command.reason and not is_registered(customer):
        return replace(command, reason="")
    return command
