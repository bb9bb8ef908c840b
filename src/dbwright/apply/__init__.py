"""Carrying changes out on a live database, and taking them back: planned, refused where they do not fit, journaled, resumable.

``plan`` is what is to be done as data, ``estimates`` what it will cost, ``session`` the one connection that changes anything, ``engine``
one step after the other, ``journal`` what makes a run survive the death of whoever carries it out.
"""
