"""Edits of code tried by the project's own tests: the same tests before and after, in copies, with what they send and what comes out."""
