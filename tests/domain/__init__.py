"""What the deciders allow, refuse and make of it."""

import pytest

pytest.register_assert_rewrite("tests.domain.specification")
