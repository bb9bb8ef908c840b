from django.dbwright import follow, queryset_of, rows, show, unknown

from rest_framework.fields import Field


class RelatedField(Field):
    is_key_only = False

    def __init__(self, *args, queryset=None, many=False, source=None, read_only=False, write_only=False, **kwargs):
        self.queryset = queryset
        self.many = many
        self.source = source
        self.read_only = read_only
        self.write_only = write_only
        self.validators = ()

    def get_queryset(self):
        return queryset_of(self.queryset)

    def read(self, row, name):
        source = self.source or name
        if self.many:
            for related in rows(follow(row, source)):
                self.to_representation(related)
            return None
        if self.is_key_only and "." not in source:
            return None
        return self.to_representation(follow(row, source))

    def condition(self):
        return {"pk": unknown("a key")}

    def to_internal_value(self, data):
        return self.get_queryset().get(**self.condition())

    def check(self, name):
        if self.queryset is None:
            return None
        if self.many:
            for one in unknown("keys"):
                self.to_internal_value(one)
            return [unknown("a row")]
        return self.to_internal_value(unknown("a key"))


class StringRelatedField(RelatedField):
    def to_representation(self, value):
        return show(value)


class PrimaryKeyRelatedField(RelatedField):
    is_key_only = True

    def to_representation(self, value):
        return value.pk


class HyperlinkedRelatedField(RelatedField):
    is_key_only = True


class HyperlinkedIdentityField(RelatedField):
    def read(self, row, name):
        return None


class SlugRelatedField(RelatedField):
    def __init__(self, slug_field=None, **kwargs):
        self.slug_field = slug_field
        super().__init__(**kwargs)

    def to_representation(self, value):
        return follow(value, self.slug_field)

    def condition(self):
        return {self.slug_field: unknown("a slug")}


class ManyRelatedField(Field):
    def __init__(self, child_relation=None, **kwargs):
        self.child_relation = child_relation
        super().__init__(**kwargs)
