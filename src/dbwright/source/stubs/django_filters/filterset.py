from django.dbwright import class_with, declared, lookups, one_of, option, queryset_of, unknown
from django.dbwright import request as _request

from django_filters.filters import Filter


class BaseFilterSet:
    def __init__(self, data=None, queryset=None, *, request=None, prefix=None):
        if queryset is not None:
            self.queryset = queryset

    @property
    def queryset(self):
        return queryset_of(option(option(self, "Meta"), "model"))

    @property
    def request(self):
        return _request()

    @property
    def data(self):
        return unknown("the request's filters")

    @property
    def form(self):
        for name, one in self.filters.items():
            one.shown()
        return unknown("the form of the filters")

    @property
    def filters(self):
        found = {}
        for name, lookup in lookups(option(option(self, "Meta"), "fields", ())):
            found[name + "__" + lookup] = Filter(field_name=name, lookup_expr=lookup)
        for name, one in declared(self, Filter).items():
            found[name + "__exact"] = one
        return found

    @property
    def qs(self):
        return self.filter_queryset(queryset_of(self.queryset).all())

    def is_valid(self):
        return unknown("whether the filters are valid")

    def filter_queryset(self, queryset):
        found = [queryset]
        for name, one in self.filters.items():
            found.append(one.by_name(self, queryset, name[:-7]))
        return one_of(found)


class FilterSet(BaseFilterSet):
    pass


def filterset_factory(model, filterset=FilterSet, fields="__all__", **kwargs):
    return class_with(filterset, Meta={"model": model, "fields": fields})
