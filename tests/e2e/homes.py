"""Which tests are for every home."""

import pytest

on_both_homes = pytest.mark.parametrize("product", ["local", "aws"], indirect=True)
"""Same pages, same results: over SQLite and folders, and over an emulated AWS."""
