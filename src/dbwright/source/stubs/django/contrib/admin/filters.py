from django.contrib.admin.options import *  # noqa: F403
