CREATE SCHEMA IF NOT EXISTS archive
-- then
-- Without indexes and constraints: it is only added to. Drop or dump it when nobody needs it any more.
CREATE TABLE IF NOT EXISTS {{ archive }} (LIKE {{ source }}, archived_at timestamptz NOT NULL DEFAULT now())
