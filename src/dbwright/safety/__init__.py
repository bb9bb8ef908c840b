"""Migration safety, observed: every statement of a migration is run on a private server, under readers and writers, and judged by what it
did there.

    scripts (SQL files, Django, Alembic) ─▶ prior schema (given, of a snapshot, or invented) ─▶ observed ─▶ judged ─▶ Report

`statements` takes SQL apart, `invented` makes up what a file refers to and nobody gave, `scratch` runs and observes, `checks` judge,
`sequences` write the safe way, `report` is what comes out.
"""
