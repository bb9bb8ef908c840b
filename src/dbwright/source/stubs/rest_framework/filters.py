from django.db.models import Q
from django.dbwright import one_of, option, unknown


class BaseFilterBackend:
    def filter_queryset(self, request, queryset, view):
        return queryset


class SearchFilter(BaseFilterBackend):
    lookup_prefixes = {"^": "istartswith", "=": "iexact", "@": "search", "$": "iregex"}

    def get_search_fields(self, view, request):
        return option(view, "search_fields")

    def get_search_terms(self, request):
        return [unknown("a word of the search")]

    def filter_queryset(self, request, queryset, view):
        fields = self.get_search_fields(view, request)
        if not fields:
            return queryset
        condition = Q()
        for field in fields:
            lookup = self.lookup_prefixes.get(field[0])
            if lookup is not None:
                condition = condition | Q(**{field[1:] + "__" + lookup: unknown("a word of the search")})
            else:
                condition = condition | Q(**{field + "__icontains": unknown("a word of the search")})
        return one_of([queryset, queryset.filter(condition)])


class OrderingFilter(BaseFilterBackend):
    def get_default_ordering(self, view):
        ordering = option(view, "ordering")
        if isinstance(ordering, str):
            return (ordering,)
        return ordering

    def get_ordering(self, request, queryset, view):
        return self.get_default_ordering(view)

    def filter_queryset(self, request, queryset, view):
        ordering = self.get_ordering(request, queryset, view)
        base = queryset
        if ordering:
            base = queryset.order_by(*ordering)
        found = [base]
        fields = option(view, "ordering_fields")
        if fields and fields != "__all__":
            for field in fields:
                found.append(queryset.order_by(field))
        return one_of(found)


class DjangoObjectPermissionsFilter(BaseFilterBackend):
    pass
