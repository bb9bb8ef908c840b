from django.dbwright import declared, follow, has, of_a_row, rows, unknown


class Field:
    def __init__(self, attr=None, call=False, label=None, required=True):
        self.attr = attr
        self.call = call

    def to_value(self, value):
        return value

    def read(self, row, name):
        value = follow(row, self.attr or name)
        return self.to_value(value() if self.call else value)


class StrField(Field):
    pass


class IntField(Field):
    pass


class FloatField(Field):
    pass


class BoolField(Field):
    pass


class MethodField(Field):
    method_name_of = True

    def __init__(self, method=None, **kwargs):
        self.method = method


class Serializer(Field):
    def __init__(self, instance=None, many=False, data=None, context=None, attr=None, call=False, **kwargs):
        self.instance = instance
        self.many = many
        self.context = context
        self.attr = attr
        self.call = call

    @property
    def data(self):
        return self.to_value(self.instance)

    def to_value(self, instance):
        if self.many:
            for row in rows(instance):
                self._shown(row)
            return [unknown("a row as data")]
        return self._shown(instance)

    def _shown(self, row):
        for name, field in declared(self, Field).items():
            if has(field, "method_name_of"):
                getattr(self, field.method or "get_" + name)(row)
            else:
                field.read(row, name)
        return {unknown("a field"): of_a_row("a row as data")}


class DictSerializer(Serializer):
    pass
