"""Relations of third-party fields that Django has no class for: tags and their like, which lead through a table with a generic key."""

from __future__ import annotations

from typing import Any

from django.contrib.contenttypes.fields import GenericRelation
from django.db.models import ForeignKey


class ThroughRelation(GenericRelation):  # type: ignore[misc]
    """From a model to the tags of its rows: by content type and object id (or a plain key named ``content_object``) to the table in
    between, and from there by its ``tag``. It has no column of its own."""

    def __init__(self, through: Any) -> None:
        super().__init__(through)

    def clone(self) -> ThroughRelation:
        return ThroughRelation(self.remote_field.model)

    def get_path_info(self, filtered_relation: Any = None) -> list[Any]:
        between = self.remote_field.model._meta
        direct = next((f for f in between.fields if f.name == "content_object" and isinstance(f, ForeignKey)), None)
        path = direct.reverse_path_infos if direct is not None else super().get_path_info(filtered_relation)
        return [*path, *between.get_field("tag").path_infos]
