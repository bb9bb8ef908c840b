from django.dbwright import declared, follow, has, queryset_of


class SearchField:
    def __init__(self, model_attr=None, **kwargs):
        self.model_attr = model_attr

    def read(self, row):
        if isinstance(self.model_attr, str):
            follow(row, self.model_attr)


class CharField(SearchField):
    pass


class LocationField(SearchField):
    pass


class NgramField(SearchField):
    pass


class EdgeNgramField(SearchField):
    pass


class IntegerField(SearchField):
    pass


class FloatField(SearchField):
    pass


class DecimalField(SearchField):
    pass


class BooleanField(SearchField):
    pass


class DateField(SearchField):
    pass


class DateTimeField(SearchField):
    pass


class MultiValueField(SearchField):
    pass


class FacetField(SearchField):
    pass


class FacetCharField(SearchField):
    pass


class FacetIntegerField(SearchField):
    pass


class FacetFloatField(SearchField):
    pass


class FacetBooleanField(SearchField):
    pass


class FacetDateField(SearchField):
    pass


class FacetDateTimeField(SearchField):
    pass


class FacetMultiValueField(SearchField):
    pass


class Indexable:
    pass


class SearchIndex:
    entry_points = ("indexed",)

    def get_model(self):
        return None

    def index_queryset(self, using=None):
        return queryset_of(self.get_model())

    def build_queryset(self, using=None, start_date=None, end_date=None):
        return self.index_queryset(using)

    def indexed(self):
        for row in self.build_queryset():
            self.prepare(row)

    def prepare(self, obj):
        for name, field in declared(self, SearchField).items():
            if has(self, "prepare_" + name):
                getattr(self, "prepare_" + name)(obj)
            else:
                field.read(obj)
        return {}
