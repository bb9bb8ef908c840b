# ruff: noqa: F401
from django.core.management.base import BaseCommand
