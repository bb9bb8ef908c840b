from django.dbwright import follow, has, unknown


class empty:
    pass


class Field:
    def __init__(self, *args, source=None, read_only=False, write_only=False, validators=(), **kwargs):
        self.source = source
        self.read_only = read_only
        self.write_only = write_only
        self.validators = validators

    @property
    def context(self):
        from django.dbwright import request

        return {"request": request()}

    def read(self, row, name):
        source = self.source or name
        if source == "*":
            return self.to_representation(row)
        return self.to_representation(follow(row, source))

    def to_representation(self, value):
        return value

    def to_internal_value(self, data):
        return unknown("a field")

    def check(self, name):
        for validator in self.validators:
            if has(validator, "check"):
                validator.check(self.source or name)
        return self.to_internal_value(unknown("a field"))


class ReadOnlyField(Field):
    def check(self, name):
        return None


class HiddenField(Field):
    def read(self, row, name):
        return None


class SerializerMethodField(Field):
    method_name_of = True

    def __init__(self, method_name=None, **kwargs):
        self.method_name = method_name
        self.source = None
        self.write_only = False
        self.read_only = True

    def check(self, name):
        return None


class BooleanField(Field):
    pass


class NullBooleanField(Field):
    pass


class CharField(Field):
    pass


class EmailField(Field):
    pass


class RegexField(Field):
    pass


class SlugField(Field):
    pass


class URLField(Field):
    pass


class UUIDField(Field):
    pass


class IPAddressField(Field):
    pass


class IntegerField(Field):
    pass


class FloatField(Field):
    pass


class DecimalField(Field):
    pass


class DateTimeField(Field):
    pass


class DateField(Field):
    pass


class TimeField(Field):
    pass


class DurationField(Field):
    pass


class ChoiceField(Field):
    pass


class MultipleChoiceField(Field):
    pass


class FilePathField(Field):
    pass


class FileField(Field):
    pass


class ImageField(Field):
    pass


class ListField(Field):
    pass


class DictField(Field):
    pass


class HStoreField(Field):
    pass


class JSONField(Field):
    pass


class ModelField(Field):
    pass
