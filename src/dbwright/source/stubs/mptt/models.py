from django.db import models

from mptt.fields import TreeForeignKey as TreeForeignKey
from mptt.fields import TreeManyToManyField as TreeManyToManyField
from mptt.fields import TreeOneToOneField as TreeOneToOneField
from mptt.managers import TreeManager


class MPTTModel(models.Model):
    lft = models.PositiveIntegerField(editable=False)
    rght = models.PositiveIntegerField(editable=False)
    tree_id = models.PositiveIntegerField(db_index=True, editable=False)
    level = models.PositiveIntegerField(editable=False)
    objects = TreeManager()

    class Meta:
        abstract = True

    def get_children(self):
        return self._tree_manager.filter(parent=self)

    def get_ancestors(self, ascending=False, include_self=False):
        return type(self).objects.filter(lft__lte=self.lft, rght__gte=self.rght, tree_id=self.tree_id)

    def get_descendants(self, include_self=False):
        return type(self).objects.filter(tree_id=self.tree_id, lft__gte=self.lft, lft__lte=self.rght)
