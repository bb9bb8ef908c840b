"""How many statements a second are taken apart: texts as ORMs write them, each seen for the first time.

.venv/bin/python benchmarks/statements.py [COUNT]
"""

from __future__ import annotations

import sys
import time

from dbwright.source import sql

SHAPES = (
    'SELECT "t{n}"."id", "t{n}"."name", "t{n}"."created_at", "t{n}"."owner_id" FROM "t{n}" WHERE "t{n}"."id" = %s LIMIT 21',
    'SELECT COUNT(*) AS "__count" FROM "t{n}" INNER JOIN "u{n}" ON ("t{n}"."owner_id" = "u{n}"."id") '
    'WHERE ("u{n}"."is_active" AND "t{n}"."status" IN (%s, %s, %s))',
    'SELECT "t{n}"."id", "t{n}"."owner_id", "t{n}"."created_at", "t{n}"."status", "u{n}"."id", "u{n}"."name", "u{n}"."email" '
    'FROM "t{n}" INNER JOIN "u{n}" ON ("t{n}"."owner_id" = "u{n}"."id") WHERE ("t{n}"."status" = %s AND UPPER("u{n}"."email"::text) '
    'LIKE UPPER(%s) AND NOT (EXISTS(SELECT 1 AS "a" FROM "v{n}" U1 WHERE (U1."kind" = %s AND U1."t_id" = ("t{n}"."id")) LIMIT 1))) '
    'ORDER BY "t{n}"."created_at" DESC, "t{n}"."id" ASC LIMIT 50 OFFSET 100',
    'UPDATE "t{n}" SET "stock" = ("t{n}"."stock" - %s), "seen_at" = %s WHERE "t{n}"."id" = %s',
    'INSERT INTO "t{n}" ("a", "b", "c", "d") VALUES (%s, %s, %s, %s) RETURNING "t{n}"."id"',
    "SELECT t{n}.id, t{n}.title, count(v{n}.id) AS n FROM t{n} LEFT OUTER JOIN v{n} ON v{n}.t_id = t{n}.id "
    "WHERE t{n}.deleted_at IS NULL AND t{n}.created_at >= %(since)s GROUP BY t{n}.id, t{n}.title ORDER BY n DESC LIMIT %(limit)s",
    'DELETE FROM "t{n}" WHERE "t{n}"."expires" < %s',
)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 7000
    texts = [shape.format(n=n) for n in range(count // len(SHAPES)) for shape in SHAPES]
    for text in texts[: len(SHAPES)]:
        sql.take_apart(text)
    began, worked = time.perf_counter(), time.process_time()
    for text in texts[len(SHAPES) :]:
        sql.take_apart(text)
    seconds, work = time.perf_counter() - began, time.process_time() - worked
    done = len(texts) - len(SHAPES)
    characters = sum(map(len, texts)) / len(texts)
    print(
        f"{done} different statements of {characters:.0f} characters: {done / seconds:,.0f} a second, {done / work:,.0f} a CPU second"
    )
    began = time.perf_counter()
    for text in texts:
        sql.take_apart(text)
    print(f"the same again: {len(texts) / (time.perf_counter() - began):,.0f} a second")


if __name__ == "__main__":
    main()
