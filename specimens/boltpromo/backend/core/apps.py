"""The application that holds all of BoltPromo's models."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "BoltPromo"
