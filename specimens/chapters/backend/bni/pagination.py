"""How long the pages of lists are."""

from rest_framework.pagination import PageNumberPagination


class StandardPagination(PageNumberPagination):
    """Pages of fifty; the front end may ask for up to two hundred."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
