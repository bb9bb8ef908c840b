from django.dbwright import queryset_of, unknown


class UniqueValidator:
    def __init__(self, queryset, message=None, lookup="exact"):
        self.queryset = queryset
        self.lookup = lookup

    def check(self, name):
        queryset_of(self.queryset).filter(**{name + "__" + self.lookup: unknown("a field")}).exists()


class UniqueTogetherValidator:
    def __init__(self, queryset, fields, message=None, **kwargs):
        self.queryset = queryset
        self.fields = fields

    def check(self, name):
        conditions = {}
        for field in self.fields:
            conditions[field] = unknown("a field")
        queryset_of(self.queryset).filter(**conditions).exists()
