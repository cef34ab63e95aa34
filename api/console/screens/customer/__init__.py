"""A customer: who it is and was, its value and why, its orders and addresses, and what can be changed."""

from api.console.screens.customer import addresses, edit, orders, page, value

ROUTES = [route for part in (page, edit, value, orders, addresses) for route in part.ROUTES]
