from django.dbwright import follow, queryset_of


class DEDField:
    def __init__(self, *args, attr=None, **kwargs):
        self.attr = attr

    def read(self, row, name):
        return follow(row, self.attr or name)


class TextField(DEDField):
    pass


class KeywordField(DEDField):
    pass


class IntegerField(DEDField):
    pass


class LongField(DEDField):
    pass


class ShortField(DEDField):
    pass


class ByteField(DEDField):
    pass


class DateField(DEDField):
    pass


class BooleanField(DEDField):
    pass


class FloatField(DEDField):
    pass


class DoubleField(DEDField):
    pass


class ScaledFloatField(DEDField):
    pass


class HalfFloatField(DEDField):
    pass


class CompletionField(DEDField):
    pass


class SearchAsYouTypeField(DEDField):
    pass


class GeoPointField(DEDField):
    pass


class GeoShapeField(DEDField):
    pass


class IpField(DEDField):
    pass


class ListField(DEDField):
    pass


class FileField(DEDField):
    pass


class ObjectField(DEDField):
    def __init__(self, *args, attr=None, properties=None, **kwargs):
        self.attr = attr
        self.properties = properties

    def read(self, row, name):
        value = follow(row, self.attr or name)
        several = queryset_of(value)
        if several is None:
            self.inside(value)
        else:
            for one in several:
                self.inside(one)

    def inside(self, row):
        for name, field in (self.properties or {}).items():
            field.read(row, name)


class NestedField(ObjectField):
    pass
