"""What clients send: the body of each write, with the lengths and choices that its handler knows."""

from api.access.auth import LOGIN, MAX_USER_LENGTH
from api.openapi.kinds import (
    Schema,
    anything,
    body,
    cents,
    choice,
    email,
    flag,
    id_,
    ids,
    instant,
    integer,
    lines,
    optional,
    or_null,
    own_body,
    rate,
    ref,
    said,
    text,
)
from api.process.settings import NameMode
from api.rest.addresses import MAX_LABEL
from api.rest.credentials import MAX_NAME
from api.rest.customers import MAX_BULK, MAX_NOTES
from api.rest.labels import MAX_LENGTH
from api.rest.orders import MAX_TRANSACTION_ID
from api.rest.users import MAX_LOGIN
from domain.customer import ACTIVE
from service.fields.order import (
    AMOUNTS,
    ITEM_AMOUNTS,
    MAX_ITEMS,
    MAX_NOTE,
    MAX_QUANTITY,
    TEXTS,
)
from service.fields.replay import NAMES, SWAPS, WHAT_IF
from service.privacy import MAX_REASON

COUNTRY = ref("Country", "US")
IGNORED = said(anything(), "Accepted, and ignored.")
_BY_MODE = said(anything(), "Accepted, and ignored: this store asks for names otherwise (NAME_MODE).")


def customer_body(mode: NameMode, email_: str, **others: Schema) -> Schema:
    """`mode` says whether the store asks for one name or two."""
    if mode == "full_name":
        name = {"full_name": said(text("Jane Smith"), "Split at the last blank.")}
    else:
        name = {"first_name": text("Jane")}
        others = {"last_name": optional(text("Smith")), "full_name": _BY_MODE} | others
    known = {
        "city": optional(text("Boston")),
        "state": optional(text("MA")),
        "postcode": optional(text("02101")),
        "country": optional(COUNTRY),
        "notes": optional(lines(max_length=MAX_NOTES)),
        "status": optional(ref("CustomerStatus")),
        "user_id": optional(id_()),
        "user_url": optional(text()),
        "aov": said(anything(), "Accepted, and ignored: figures come from orders only."),
    }
    return body({"email": email(email_)} | name, **known | others)


def create_customer(mode: NameMode) -> Schema:
    wants_user = said(anything(), "`yes` makes a WordPress user, unless one has this email; anything else does not.")
    status = optional(ref("CustomerStatus")) | {"default": ACTIVE}
    return customer_body(mode, "jane.smith@example.com", wp_user=wants_user, status=status)


def patch_customer(mode: NameMode) -> Schema:
    fields = update_customer(mode)["properties"]
    unknown = {"aov", "username"}
    return own_body({}, **{name: it for name, it in fields.items() if name not in unknown and it is not _BY_MODE})


def update_customer(mode: NameMode) -> Schema:
    of_user = {"username": IGNORED, "user_nicename": optional(text()), "display_name": optional(text())}
    return customer_body(mode, "jane.doe@example.com", **of_user)


_REASON = said(
    text("asked by the customer", max_length=MAX_REASON),
    "Why customers are deleted. It stays, so it must name nobody. It may be left out, but not be blank.",
)
LABELS = body({"labels": said(ids([1]), "All the labels that the customer is to carry; none with [].")})
DELETE_CUSTOMER = own_body({}, reason=_REASON)
BULK_ACTION = body(
    {
        "action": choice(("delete_customers", "change_customer_status"), "change_customer_status"),
        "customer_ids": ids([1, 2, 3], max_items=MAX_BULK),
    },
    new_status=said(ref("CustomerStatus", "active"), "Required to change the status."),
    reason=_REASON,
)

_ADDRESS = {
    "name": text("Jane Smith"),
    "email": email("jane.smith@example.com"),
    "address_1": text("456 Business Ave"),
    "city": text("New York"),
    "country": COUNTRY,
    "type": ref("AddressType", "billing"),
}
_ADDRESS_OPTIONAL = {
    "address_2": optional(text()),
    "state": said(optional(text("NY")), "Required where the country has states; its code or its name."),
    "postcode": said(optional(text("10002")), "Required where the country has postcodes, in their form."),
    "phone": optional(text("+1-555-0200")),
    "label": optional(text("Office", max_length=MAX_LABEL)),
    "status": optional(text(max_length=20)),
    "is_primary": optional(flag()),
    "company_name": optional(text()),
    "order_id": said(optional(id_()), "An order of this customer, which gets this address too."),
}
_NEW_ADDRESS = {
    "status": _ADDRESS_OPTIONAL["status"] | {"default": ACTIVE},
    "is_primary": _ADDRESS_OPTIONAL["is_primary"] | {"default": 0},
}
CREATE_ADDRESS = body(_ADDRESS, **_ADDRESS_OPTIONAL | _NEW_ADDRESS)
UPDATE_ADDRESS = body({"id": id_(1)} | _ADDRESS, **_ADDRESS_OPTIONAL)
DELETE_ADDRESS = body({"address": body({"id": id_(2)})})
MAKE_PRIMARY = body({"addressId": id_(1), "type": ref("AddressType", "billing")})

ATTACH_USER = body({"user_id": id_(1)})
USER = own_body(
    {"user_login": text("jane", max_length=MAX_LOGIN), "user_email": email("jane.smith@example.com")},
    display_name=optional(text("Jane Smith")),
    first_name=optional(text("Jane")),
    last_name=optional(text("Smith")),
    user_url=optional(text()),
    user_nicename=optional(text()),
)

LABEL = own_body({"value": text("VIP", max_length=MAX_LENGTH)})

CREDENTIAL = own_body(
    {
        "login": text("ann", max_length=MAX_USER_LENGTH) | {"pattern": rf"^[ \t\r\n]*{LOGIN}[ \t\r\n]*$"},
        "name": text("phone", max_length=MAX_NAME),
        "role": ref("Role", "worker"),
    },
    permissions={
        "type": ["array", "null"],
        "items": ref("Permission"),
        "examples": [["customers/view"]],
        "description": "Of the role's, only these.",
    },
)

_NOTE = optional(lines(max_length=MAX_NOTE))
DOCUMENT: Schema = {"type": ["object", "null"], "examples": [{"size": "L"}]}
_NEW_ITEM = own_body(
    {},
    object_id=said(optional(id_()), "The product's variation, which filters by items look for."),
    post_id=optional(id_()),
    title=optional(text("Monthly")),
    post_title=optional(text("Coffee")),
    fulfillment_type=optional(text()),
    payment_type=optional(text()),
    other_info=DOCUMENT,
    line_meta=DOCUMENT,
    quantity=optional(integer(2, minimum=1, maximum=MAX_QUANTITY)) | {"default": 1},
    unit_price=optional(cents(2500)),
    **{name: optional(cents()) for name in ITEM_AMOUNTS if name != "unit_price"},
)
PLACE_ORDER = own_body(
    {"customer_id": id_(1), "total_amount": cents(5000)},
    id=said(optional(id_()), "Allocated, if it is not given."),
    currency=said(
        optional({"type": "string", "pattern": "^[A-Za-z]{3}$", "examples": ["USD"]}), "The store's, if not given."
    ),
    total_paid=optional(cents(5000)),
    total_refund=optional(cents()) | {"default": 0},
    payment_status=said(
        optional(ref("PaymentStatus")), "Follows from the amounts, if it is not given: an order of nothing is paid."
    ),
    created_at=optional(instant()),
    status=optional(ref("OrderStatus")) | {"default": "on-hold"},
    rate=said(optional(rate()), "From the order's currency to the store's.") | {"default": 1},
    items={"type": ["array", "null"], "items": ref("NewItem"), "maxItems": MAX_ITEMS},
    parent_id=optional(id_()),
    type=optional(ref("OrderType")) | {"default": "payment"},
    mode=optional(ref("OrderMode")) | {"default": "live"},
    receipt_number=optional(text()),
    note=_NOTE,
    ip_address=optional(text(max_length=45)),
    **{name: optional(text()) for name in (*TEXTS, "payment_method_title")},
    **{name: optional(cents()) for name in AMOUNTS},
)
UPDATE_ORDER = own_body(
    {},
    status=optional(ref("OrderStatus", "completed")),
    payment_status=optional(ref("UnpaidStatus")),
    note=_NOTE,
)
_TRANSACTION_ID = text("ch_1", max_length=MAX_TRANSACTION_ID)
PAYMENT = own_body({"amount": cents(5000, minimum=1), "transaction_id": _TRANSACTION_ID}, paid_at=optional(instant()))
REFUND = own_body(
    {"amount": cents(1000, minimum=1), "transaction_id": _TRANSACTION_ID | {"examples": ["re_1"]}},
    refunded_at=optional(instant()),
    reason=optional(text("Damaged")),
)
TRANSFER = own_body({"customer_id": id_(2)})
REPLAY = own_body(
    {},
    projection=said(optional(choice(NAMES, "figures")), "This one alone, instead of all."),
    customers=said(
        or_null({"type": ["string", "integer"], "pattern": "^[1-9][0-9]*(-[1-9][0-9]*)?$"}),
        "This customer alone, or those from one id to another, such as 5-9.",
    ),
    customer_id=said(or_null(id_()), "As `customers`: this one alone, or the first of some."),
    last_customer_id=or_null(id_()),
    what_if=said(or_null(choice(WHAT_IF)), "Only tell what all customers' figures would be under this rule."),
    swap=said(optional(choice(SWAPS)), "When rebuilt rows take the place of the live ones; never, if not given."),
    **{"from": said(or_null(id_()), "Those of whom something has happened from this position of the log on.")},
)
COMPONENTS: dict[str, Schema] = {"NewItem": _NEW_ITEM}
