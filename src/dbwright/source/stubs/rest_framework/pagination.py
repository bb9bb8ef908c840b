from django.core.paginator import Paginator
from django.dbwright import drf_setting, page_of, something


class BasePagination:
    def paginate_queryset(self, queryset, request, view=None):
        return queryset

    def get_paginated_response(self, data):
        return something()

    def get_results(self, data):
        return data


class PageNumberPagination(BasePagination):
    page_size = drf_setting("PAGE_SIZE", None)
    django_paginator_class = Paginator
    page_size_query_param = None
    max_page_size = None

    def get_page_size(self, request):
        return self.page_size

    def paginate_queryset(self, queryset, request, view=None):
        size = self.get_page_size(request)
        if size is None and self.page_size_query_param is None:
            return None
        self.page = self.django_paginator_class(queryset, size).page(something())
        return self.page.object_list


class LimitOffsetPagination(BasePagination):
    default_limit = drf_setting("PAGE_SIZE", None)
    max_limit = None

    def get_limit(self, request):
        return self.default_limit

    def get_offset(self, request):
        return something()

    def get_count(self, queryset):
        return queryset.count()

    def paginate_queryset(self, queryset, request, view=None):
        self.limit = self.get_limit(request)
        self.count = self.get_count(queryset)
        return page_of(queryset, self.limit)


class CursorPagination(BasePagination):
    page_size = drf_setting("PAGE_SIZE", None)
    ordering = "-created"

    def get_page_size(self, request):
        return self.page_size

    def get_ordering(self, request, queryset, view):
        if isinstance(self.ordering, str):
            return (self.ordering,)
        return tuple(self.ordering)

    def paginate_queryset(self, queryset, request, view=None):
        ordered = queryset.order_by(*self.get_ordering(request, queryset, view))
        return page_of(ordered, self.get_page_size(request) + 1, True)
