from django.dbwright import one_of, unknown
from django.forms.models import ModelChoiceField


class Filter:
    lookup = "exact"

    def __init__(
        self,
        field_name=None,
        lookup_expr=None,
        *,
        method=None,
        distinct=False,
        exclude=False,
        queryset=None,
        name=None,
        **kwargs,
    ):
        self.field_name = field_name or name
        self.lookup_expr = lookup_expr
        self.method = method
        self.distinct = distinct
        self.exclude = exclude
        self.queryset = queryset

    def filter(self, qs, value):
        return self.applied(qs, self.field_name)

    def shown(self):
        return None

    def applied(self, qs, name):
        return self.restricted(
            qs, (self.field_name or name) + "__" + (self.lookup_expr or self.lookup), unknown("a filter")
        )

    def restricted(self, qs, path, value):
        if self.distinct:
            qs = qs.distinct()
        if self.exclude:
            return qs.exclude(**{path: value})
        return qs.filter(**{path: value})

    def by_name(self, filterset, qs, name):
        if isinstance(self.method, str):
            return getattr(filterset, self.method)(qs, self.field_name or name, unknown("a filter"))
        if self.method is not None:
            return self.method(qs, self.field_name or name, unknown("a filter"))
        if self.field_name is None:
            self.field_name = name
        return self.filter(qs, unknown("a filter"))


class RangeFilter(Filter):
    def applied(self, qs, name):
        path = self.field_name or name
        return qs.filter(**{path + "__gte": unknown("a filter"), path + "__lte": unknown("a filter")})


class DateFromToRangeFilter(RangeFilter):
    pass


class DateTimeFromToRangeFilter(RangeFilter):
    pass


class IsoDateTimeFromToRangeFilter(RangeFilter):
    pass


class TimeRangeFilter(RangeFilter):
    pass


class NumericRangeFilter(RangeFilter):
    pass


class BaseCSVFilter(Filter):
    pass


class BaseInFilter(Filter):
    lookup = "in"


class BaseRangeFilter(Filter):
    lookup = "range"


class ModelChoiceFilter(Filter):
    def shown(self):
        ModelChoiceField(self.queryset).shown()

    def applied(self, qs, name):
        ModelChoiceField(self.queryset).clean(unknown("a choice"))
        return super().applied(qs, name)


class ModelMultipleChoiceFilter(ModelChoiceFilter):
    lookup = "in"

    def applied(self, qs, name):
        return self.restricted(qs, (self.field_name or name) + "__in", [unknown("a choice")])


class AllValuesFilter(Filter):
    pass


class OrderingFilter(Filter):
    def __init__(self, *args, fields=(), field_name=None, **kwargs):
        self.fields = fields
        self.method = None
        self.field_name = "ordering"

    def filter(self, qs, value):
        return one_of([qs.order_by(field) for field in self.columns()])

    def columns(self):
        found = []
        for field in self.fields:
            if isinstance(field, str):
                found.append(field)
            else:
                found.append(field[0])
        return found


class LookupChoiceFilter(Filter):
    pass


class CharFilter(Filter):
    pass


class BooleanFilter(Filter):
    pass


class ChoiceFilter(Filter):
    pass


class TypedChoiceFilter(Filter):
    pass


class UUIDFilter(Filter):
    pass


class MultipleChoiceFilter(Filter):
    lookup = "in"


class TypedMultipleChoiceFilter(Filter):
    pass


class DateFilter(Filter):
    pass


class DateTimeFilter(Filter):
    pass


class IsoDateTimeFilter(Filter):
    pass


class TimeFilter(Filter):
    pass


class DurationFilter(Filter):
    pass


class NumberFilter(Filter):
    pass


class DateRangeFilter(RangeFilter):
    pass
