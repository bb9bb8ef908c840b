from django.dbwright import declared, has, option, queryset_of

from django_elasticsearch_dsl.fields import DEDField


class Document:
    entry_points = ("indexed",)

    @property
    def django(self):
        return option(self, "Django")

    def get_queryset(self):
        return queryset_of(option(self.django, "model"))

    def get_indexing_queryset(self):
        return self.get_queryset()

    def indexed(self):
        for row in self.get_indexing_queryset():
            self.prepare(row)

    def prepare(self, instance):
        for name, field in declared(self, DEDField).items():
            if has(self, "prepare_" + name):
                getattr(self, "prepare_" + name)(instance)
            else:
                field.read(instance, name)
