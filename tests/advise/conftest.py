"""A shop with rows in it, as a snapshot, and the database that it was read from."""

from collections.abc import Iterator

import pytest
from loaded import Loaded, loaded

from dbwright.embedded import EmbeddedServer

SHOP = r"""
CREATE TABLE customer (
    id bigint PRIMARY KEY, email varchar(80) NOT NULL, city text, joined timestamptz NOT NULL, tags text[], data jsonb, note text,
    born timestamp
);
CREATE UNIQUE INDEX customer_email ON customer (email);
CREATE TABLE orders (
    id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, status text NOT NULL, is_deleted boolean NOT NULL,
    created timestamptz NOT NULL, total numeric NOT NULL, paid timestamptz, during tstzrange, address inet
);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_address_sent ON orders (address) WHERE status IN ('sent', 'open') AND NOT is_deleted;
CREATE INDEX orders_total_unpaid ON orders (total) INCLUDE (id) WHERE paid IS NULL;
CREATE TABLE item (
    order_id bigint NOT NULL REFERENCES orders, line int NOT NULL, product int NOT NULL, amount int NOT NULL, price numeric NOT NULL,
    words tsvector, shipped date NOT NULL, PRIMARY KEY (order_id, line)
);
CREATE TABLE tiny (id int PRIMARY KEY, name text);
CREATE VIEW open_orders AS SELECT id, customer_id AS buyer, created FROM orders WHERE NOT is_deleted;
CREATE SCHEMA "We""ird";
CREATE TABLE "We""ird"."Or der" ("user" int, "a""b" int, "Ünï" text, plain int);
CREATE TABLE event (at timestamptz NOT NULL, kind int NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE event_old PARTITION OF event FOR VALUES FROM ('2000-01-01') TO ('2025-01-01');
CREATE TABLE event_new PARTITION OF event FOR VALUES FROM ('2025-01-01') TO ('2030-01-01');
INSERT INTO customer
    SELECT g, 'c' || g || '@example.org', 'city' || g % 50, '2024-01-01'::timestamptz + g * interval '1 hour', ARRAY['t' || g % 9],
        jsonb_build_object('kind', g % 7), repeat('words ', 60), '1990-01-01'::timestamp + g * interval '1 day'
    FROM generate_series(1, 3000) g;
INSERT INTO orders
    SELECT g, 1 + g * 7919 % 3000, (ARRAY['open', 'done', 'done', 'done', 'done', 'done', 'done', 'sent'])[1 + g % 8], g % 50 = 0,
        '2024-01-01'::timestamptz + g * interval '10 minutes', g % 977, CASE WHEN g % 10 > 0 THEN now() END,
        tstzrange('2024-01-01'::timestamptz + g * interval '1 hour', NULL), '10.0.0.1'
    FROM generate_series(1, 20000) g;
INSERT INTO item SELECT g / 3 + 1, g % 3, g * 31 % 500, g % 9, g % 83, to_tsvector('simple', 'w' || g % 100), '2024-01-01'::date + g / 100
    FROM generate_series(0, 59990) g;
INSERT INTO tiny SELECT g, 'n' || g FROM generate_series(1, 20) g;
INSERT INTO "We""ird"."Or der" SELECT g, g % 100, 'x' || g, g % 10 FROM generate_series(1, 20000) g;
INSERT INTO event SELECT '2024-01-01'::timestamptz + g * interval '1 hour', g % 30 FROM generate_series(1, 20000) g;
"""


@pytest.fixture(scope="session")
def shop(server: EmbeddedServer) -> Iterator[Loaded]:
    with loaded(server, "advise_shop", SHOP) as shop:
        yield shop
