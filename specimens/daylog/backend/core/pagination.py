"""How long lists are cut into pages."""

from rest_framework.pagination import CursorPagination, PageNumberPagination


class StandardPagination(PageNumberPagination):
    """Pages of twenty; the app may ask for up to a hundred."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100


class NewestFirst(CursorPagination):
    """Pages that go on after the last row of the one before."""

    page_size = 30
    ordering = ("-created_at", "-id")
