"""What a person or a file of advice writes as CREATE INDEX is read as it is meant."""

from typing import Any

import psycopg
import pytest

from dbwright.advise.sizing import NoIndex, definition_of
from dbwright.fixes.sql import create_index

WRITTEN = [
    "CREATE INDEX i ON public.item (product) WHERE price > 5 AND amount = 3",
    "CREATE INDEX i ON public.item (product) WHERE price IN (5, 6) OR NOT amount = 3",
    "CREATE INDEX i ON public.item (product) WHERE price BETWEEN 5 AND 6 AND words IS NOT NULL",
    "CREATE INDEX i ON public.orders (customer_id, created DESC NULLS LAST) INCLUDE (total) WHERE status = ANY (ARRAY['open', 'sent'])",
    "CREATE INDEX i ON public.customer (lower(city) text_pattern_ops, (data ->> 'kind')) WHERE note ~ '^a' AND length(note) > 3",
    "CREATE INDEX i ON public.customer ((CASE WHEN born IS NULL THEN 1 ELSE 2 END))",
    "CREATE INDEX i ON public.item USING brin (shipped) WITH (pages_per_range = 16)",
    "CREATE INDEX i ON public.item (product) WITH (fillfactor = 70, deduplicate_items = off) WHERE price IS NULL",
    "CREATE UNIQUE INDEX i ON public.customer (city, id) WHERE (city)::text <> 'x'::text",
]


def _as_the_server_has_it(connection: psycopg.Connection[Any], statement: str) -> str:
    with connection.transaction(force_rollback=True):
        connection.execute(statement.encode())
        row = connection.execute("SELECT pg_get_indexdef('i'::regclass)").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("text", WRITTEN)
def test_what_is_read_makes_the_same_index(shop: Any, text: str) -> None:
    read = create_index(definition_of(shop.snapshot, text), online=False)
    with psycopg.connect(shop.conninfo, autocommit=True) as connection:
        assert _as_the_server_has_it(connection, read) == _as_the_server_has_it(connection, text)


@pytest.mark.parametrize("text", ["CREATE INDEX", "SELECT 1", "CREATE INDEX ON nowhere (a)", "CREATE INDEX ON item ("])
def test_what_is_no_index_is_said(shop: Any, text: str) -> None:
    with pytest.raises(NoIndex):
        definition_of(shop.snapshot, text)
