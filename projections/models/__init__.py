"""The read models: one file each."""

from typing import Any

from projections.models.addresses import ADDRESSES
from projections.models.customers import CUSTOMERS
from projections.models.figures import FIGURES
from projections.models.labels import LABELS
from projections.models.orders import ORDERS
from projections.models.users import USERS
from projections.models.webhooks import WEBHOOKS
from projections.tables.projection import Projection

# Locked in this order, always, so that no two writers wait for each other.
PROJECTIONS: tuple[Projection[Any], ...] = (FIGURES, CUSTOMERS, ORDERS, ADDRESSES, USERS, LABELS, WEBHOOKS)
