# ruff: noqa: F403
from django.contrib.admin.options import *
