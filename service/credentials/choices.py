"""Roles and permissions by the names that typed clients give them. Apart from `roles`, which the command line reads."""

from typing import get_args

from service.credentials.roles import Permission, Role
from service.fields.kinds import Words

ROLE = Words("Role", get_args(Role))
PERMISSION = Words("Permission", get_args(Permission))
