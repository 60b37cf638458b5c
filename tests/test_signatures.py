"""The table of default arguments against the frameworks that are installed."""

from converter.emitters import signatures


def test_table_is_what_the_frameworks_say():
    assert signatures.table() == signatures.measure()
