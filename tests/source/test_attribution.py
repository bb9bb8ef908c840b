"""Recorded statements led back to lines; near misses stay without one, or with the right one of several."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from dbwright.model.activity import Statement, Workload
from dbwright.model.attribution import Attribution, StatementOrigin
from dbwright.model.source import Place, Source, SourceColumn, SourceQuery, SourceTable
from dbwright.source.attribution import attribute, tags_of
from dbwright.source.sql import take_apart

ORDERS = (
    'SELECT "shop_order"."id", "shop_order"."total" FROM "shop_order" WHERE "shop_order"."customer_id" = %s '
    'ORDER BY "shop_order"."placed" DESC LIMIT 21'
)
COUNT = 'SELECT COUNT(*) AS "__count" FROM "shop_order" WHERE "shop_order"."customer_id" = %s'
SAVE = 'UPDATE "shop_order" SET "total" = %s WHERE "shop_order"."id" = %s'
JOINED = (
    'SELECT "shop_order"."id" FROM "shop_order" INNER JOIN "shop_customer" ON ("shop_order"."customer_id" = "shop_customer"."id") '
    'WHERE ("shop_customer"."email" = %s AND "shop_order"."paid")'
)


def table(name: str, owned: bool = True, *columns: str) -> SourceTable:
    made = tuple(SourceColumn(c, c, "text", True) for c in columns)
    return SourceTable(
        name, None, f"shop.models.{name}", Place("shop/models.py", 1), "django", columns=made, owned=owned
    )


def sent(line: int, sql: str, function: str = "", **more: Any) -> SourceQuery:
    place = Place("shop/views.py", line, function)
    return SourceQuery("django", "rows", place, place, sql=sql, query=take_apart(sql), **more)


def statement(query_id: int, sql: str, milliseconds: float = 10.0) -> Statement:
    values: dict[str, Any] = {field.name: 0 for field in fields(Statement)}
    values |= {"query_id": query_id, "query": sql, "user": "app", "calls": 5, "total_milliseconds": milliseconds}
    return Statement(**values)


def attributed(
    sql: str, *queries: SourceQuery, tables: tuple[SourceTable, ...] = (table("shop_order"),)
) -> StatementOrigin:
    source = Source(tables=tables, queries=queries)
    (origin,) = attribute(Workload(True, (statement(1, sql),)), source).statements
    return origin


def lines(origin: StatementOrigin) -> list[int]:
    return [place.line for place in origin.issued]


def test_the_same_text_with_other_constants_has_the_same_fingerprint():
    text = ORDERS.replace("%s", "$1").replace("LIMIT 21", "LIMIT $2")
    origin = attributed(text, sent(3, ORDERS), sent(4, COUNT))
    assert (origin.match, lines(origin)) == ("fingerprint", [3])


def test_another_select_list_and_longer_in_lists_do_not_count():
    one = 'SELECT "a" FROM "shop_order" WHERE "shop_order"."id" IN ($1, $2, $3) ORDER BY "a"'
    origin = attributed(one, sent(3, 'SELECT "a", "b" FROM "shop_order" WHERE "shop_order"."id" IN (%s) ORDER BY "a"'))
    assert (origin.match, lines(origin)) == ("structure", [3])


def test_a_count_is_not_the_list_that_it_counts():
    origin = attributed(COUNT.replace("%s", "$1"), sent(3, ORDERS))
    assert (origin.match, lines(origin)) == ("", [])


def test_a_query_with_another_column_is_another_query():
    origin = attributed(SAVE.replace("%s", "$1").replace('"id"', '"number"'), sent(3, SAVE))
    assert lines(origin) == []


def test_conditions_made_at_run_time_may_be_more_than_the_source_tells():
    text = JOINED.replace("%s", "$1") + " LIMIT 5"
    known = 'SELECT "shop_order"."id" FROM "shop_order" INNER JOIN "shop_customer" ON ("shop_order"."customer_id" = "shop_customer"."id")'
    assert lines(attributed(text, sent(3, known, partial="filter_queryset"))) == [3]
    assert lines(attributed(text, sent(3, known))) == []


def test_a_page_of_a_query_whose_limit_is_not_known():
    text = JOINED.replace("%s", "$1") + " ORDER BY shop_order.id LIMIT $2 OFFSET $3"
    origin = attributed(text, sent(3, JOINED))
    assert (origin.match, lines(origin)) == ("similar", [3])


def test_all_lines_that_send_the_same_query_are_named():
    origin = attributed(ORDERS.replace("%s", "$1"), sent(3, ORDERS), sent(9, ORDERS))
    assert lines(origin) == [3, 9]


def test_a_comment_tells_which_of_them_it_was():
    text = ORDERS.replace("%s", "$1") + " /*action='history',framework='django%3A5.2'*/"
    queries = (sent(3, ORDERS, "Account.get"), sent(9, ORDERS, "history"))
    assert lines(attributed(text, *queries)) == [9]
    assert lines(attributed(text.replace("history", "other"), *queries)) == [3, 9]


def test_a_comment_with_a_line_is_believed():
    text = "SELECT 1 FROM shop_order /*code_filepath='%2Fapp%2Fshop%2Fviews.py',code_lineno='77',code_function='late'*/"
    origin = attributed(text, sent(3, ORDERS))
    assert (origin.match, origin.issued) == ("tag", (Place("shop/views.py", 77, "late"),))


def test_a_comment_with_a_file_of_another_project_is_not():
    text = "SELECT 1 FROM shop_order /*file='%2Fapp%2Fother%2Fcache.py',line='7'*/"
    assert lines(attributed(text, sent(3, ORDERS))) == []


def test_a_comment_of_words_has_no_tags():
    assert tags_of("SELECT 1 /* the user's own orders */") == {}
    assert tags_of("SELECT '/*a=''1''*/'") == {}


def test_tables_of_libraries_are_sent_by_libraries():
    session = 'SELECT "session_key" FROM "django_session" WHERE "session_key" = $1'
    origin = attributed(session, sent(3, ORDERS), tables=(table("django_session", False), table("shop_order")))
    assert (origin.match, lines(origin)) == ("library", [])


def test_a_text_that_cannot_be_read_says_why():
    origin = attributed("SELECT FROM WHERE shop_order", sent(3, ORDERS))
    assert origin.query is None
    assert "cannot be read" in origin.reason


def test_the_share_counts_time_and_costs_go_to_lines():
    source = Source(tables=(table("shop_order"),), queries=(sent(3, ORDERS), sent(9, ORDERS), sent(5, COUNT)))
    rows = (
        statement(1, ORDERS.replace("%s", "$1"), 60),
        statement(2, COUNT.replace("%s", "$1"), 20),
        statement(3, "SELECT 1 FROM x", 20),
    )
    result = attribute(Workload(True, rows), source)
    assert result.share == 0.8
    assert [(place.line, cost) for place, cost in result.by_place] == [(3, 30), (9, 30), (5, 20)]
    assert result.by_query_id[3].reason
    assert Attribution().share is None


def test_monitoring_is_not_the_applications():
    source = Source(queries=(sent(3, ORDERS),))
    rows = (statement(1, "SELECT conname FROM pg_constraint"), replace(statement(2, "BEGIN"), query="BEGIN"))
    assert attribute(Workload(True, rows), source).statements == ()
