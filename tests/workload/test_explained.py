"""Plans that auto_explain logged, in both forms; what is none is left out."""

import json

import pytest

from dbwright.workload.explained import plan_of, rows_of

TEXT = """Query Text: SELECT a
  FROM "T t"
Nested Loop Left Join  (cost=0.29..35.80 rows=7 width=12) (actual time=0.039..0.120 rows=12.50 loops=2)
  ->  Parallel Seq Scan on "T t" x  (cost=0.00..1.10 rows=10 width=4) (actual time=0.005..0.006 rows=10 loops=2)
        Filter: ((a = 1) AND (b = 'x: y'::text))
        Rows Removed by Filter: 3
  ->  HashAggregate  (cost=1.00..2.00 rows=3 width=4) (actual rows=4 loops=20)
        Group Key: u.a, u.b
        Worker 0:  actual time=0.1..0.2 rows=1 loops=1
        ->  Index Scan Backward using u_idx on s.u  (cost=0.29..3.00 rows=1 width=4) (never executed)
              Index Cond: (a = x.a)
"""


def test_the_text_form() -> None:
    plan = plan_of(TEXT)
    assert plan is not None
    assert rows_of(plan) == 25
    root, scan, groups, index = plan.nodes()
    assert root["Node Type"] == "Nested Loop Left Join"
    assert (scan["Relation Name"], scan["Alias"], scan["Parallel Aware"]) == ("T t", "x", True)
    assert (scan["Plan Rows"], scan["Actual Rows"], scan["Actual Loops"]) == (10, 10, 2)
    assert scan["Filter"] == "((a = 1) AND (b = 'x: y'::text))"
    assert groups["Group Key"] == ["u.a", "u.b"]
    assert (index["Relation Name"], index["Alias"], index["Index Name"]) == ("u", "u", "u_idx")
    assert index["Actual Loops"] == 0


def test_a_plan_that_was_not_executed_has_no_rows() -> None:
    plan = plan_of("Query Text: SELECT 1\nResult  (cost=0.00..0.01 rows=1 width=4)")
    assert plan is not None
    assert rows_of(plan) is None


def test_of_json_only_what_explain_writes_is_kept() -> None:
    node = {"Node Type": "Seq Scan", "Plan Rows": 5, "Total Cost": 1.0, "Alias": ["t"], "Actual Rows": 7}
    root = {
        "Node Type": "Limit",
        "Plan Rows": 5,
        "Total Cost": 1.5,
        "Plans": [node, {"Node Type": 5}, "x"],
        "Group Key": [1],
    }
    plan = plan_of(json.dumps({"Plan": root}))
    assert plan is not None
    limit, scan = plan.nodes()
    assert "Group Key" not in limit
    assert "Alias" not in scan
    assert "Actual Rows" not in scan, "rows without loops tell nothing"


@pytest.mark.parametrize(
    "text", ["", "{", "{}", "[]", '{"Plan": []}', '{"Plan": {"Node Type": "Result"}}', "Query Text: SELECT 1"]
)
def test_what_is_no_plan(text: str) -> None:
    assert plan_of(text) is None
