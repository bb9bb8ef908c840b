"""A shop with rows, as a database that may be copied, and as the snapshot that rows are made from."""

import itertools
from collections.abc import Iterator

import psycopg
import pytest

from dbwright.embedded import EmbeddedServer
from dbwright.model.snapshot import Snapshot
from dbwright.prove.reversing import snapshot_of
from servers import analyze

SHOP = """
CREATE TABLE store (id int PRIMARY KEY, slug varchar(40) NOT NULL UNIQUE, city text);
CREATE TABLE customer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email varchar(60) NOT NULL UNIQUE, level int NOT NULL CHECK (level BETWEEN 1 AND 5),
    key uuid NOT NULL, tags text[], data jsonb, joined date, score numeric(6,2), parent_id bigint REFERENCES customer,
    shown text GENERATED ALWAYS AS (upper(email)) STORED
);
CREATE TABLE orders (
    id serial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, store_id int REFERENCES store, status text NOT NULL
        CHECK (status IN ('new', 'paid', 'sent', 'gone')), placed timestamptz NOT NULL, address inet, note text
);
CREATE TABLE line (
    order_id int NOT NULL REFERENCES orders, number int NOT NULL, amount int NOT NULL, PRIMARY KEY (order_id, number)
);
CREATE TABLE parcel (order_id int NOT NULL, number int NOT NULL, weight float8, FOREIGN KEY (order_id, number) REFERENCES line);
CREATE TABLE detail (customer_id bigint PRIMARY KEY REFERENCES customer, text text NOT NULL);
INSERT INTO store SELECT g, 'store-' || g, 'city' || g % 7 FROM generate_series(1, 40) g;
INSERT INTO customer (email, level, key, tags, data, joined, score, parent_id)
    SELECT 'c' || g || '@mail.example', 1 + g % 5, md5(g::text)::uuid, ARRAY['t' || g % 4], jsonb_build_object('n', g),
        '2020-01-01'::date + g % 900,
        g % 1000 / 10.0, CASE WHEN g > 100 AND g % 3 = 0 THEN g % 100 + 1 END
    FROM generate_series(1, 2000) g;
INSERT INTO orders (customer_id, store_id, status, placed, address, note)
    SELECT 1 + (g::bigint * g) % 997, CASE WHEN g % 9 > 0 THEN 1 + (g % 6) * (g % 7) END,
        (ARRAY['new', 'paid', 'sent', 'sent', 'sent', 'gone'])[1 + g % 6],
        '2024-01-01'::timestamptz + g * interval '13 minutes', ('10.0.' || g % 200 || '.' || g % 250)::inet, repeat('word ', 10) || g
    FROM generate_series(1, 30000) g;
INSERT INTO line SELECT g / 3 + 1, g % 3, g % 17 FROM generate_series(0, 59999) g;
INSERT INTO parcel SELECT g / 3 + 1, g % 3, g FROM generate_series(0, 20000, 3) g;
INSERT INTO detail SELECT g, 'about ' || g FROM generate_series(1, 500) g;
"""
_numbers = itertools.count()


@pytest.fixture(scope="session")
def shop_template(server: EmbeddedServer) -> Iterator[str]:
    conninfo = server.create_database("prove_shop")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(SHOP.encode())
        analyze(connection)
    yield "prove_shop"
    server.drop_database("prove_shop")


@pytest.fixture(scope="session")
def shop(server: EmbeddedServer, shop_template: str) -> str:
    """The shop's conninfo, for tests that leave it as it is, as proofs do."""
    return server.conninfo(shop_template)


@pytest.fixture
def own_shop(server: EmbeddedServer, shop_template: str) -> Iterator[str]:
    """A shop that the test may change."""
    name = f"prove_{next(_numbers)}"
    yield server.create_database(name, shop_template)
    server.drop_database(name)


@pytest.fixture(scope="session")
def snapshot(server: EmbeddedServer, shop_template: str) -> Snapshot:
    return snapshot_of(server.conninfo(shop_template))
