from django.db import models


class InheritanceQuerySet(models.QuerySet):
    def select_subclasses(self, *subclasses):
        return self.all()

    def instance_of(self, *models):
        return self.all()


class InheritanceManager(models.Manager.from_queryset(InheritanceQuerySet)):
    pass


class SoftDeletableQuerySet(models.QuerySet):
    def delete(self):
        return self.update(is_removed=True)


class SoftDeletableManager(models.Manager.from_queryset(SoftDeletableQuerySet)):
    def get_queryset(self):
        return super().get_queryset().filter(is_removed=False)
