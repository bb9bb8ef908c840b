# ruff: noqa: F401
from django.views.generic.base import View
