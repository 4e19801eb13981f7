"""One suite per storage port; an adapter's test module derives `Test...` classes from these and gives the fixtures.

Fixtures: the adapter (`documents`, `queues` or `objects`) and, where time matters, `pass_time(seconds)`, which makes
that much time pass for the adapter without sleeping. What an emulator cannot show is in a class of its own.
"""

import pytest

pytest.register_assert_rewrite("tests.contracts.documents", "tests.contracts.queues", "tests.contracts.objects")
