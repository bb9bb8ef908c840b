"""The statements that cost the most, as every report tells them."""

import pytest

from dbwright.report.workload import abridged

MANY = ", ".join(f'"orders"."column{n}"' for n in range(9))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        (f'SELECT {MANY} FROM "orders" WHERE x = $1', 'SELECT … FROM "orders" WHERE x = $1'),
        (f"select extract(day from placed), (SELECT 1 FROM t), {MANY} from orders", "SELECT … from orders"),
        ("SELECT id, name FROM orders", "SELECT id, name FROM orders"),
        (f"UPDATE orders SET a = 1 WHERE b IN (SELECT {MANY} FROM t)", None),
        (f"SELECT ({MANY}", None),
    ],
)
def test_a_long_select_list_is_left_out(text: str, short: str | None) -> None:
    assert abridged(text) == (short or text)
