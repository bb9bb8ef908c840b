from django.contrib import admin
from django.urls import include, path

import journal.views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("journal.urls")),
    path("api/", include("users.urls")),
    path("api/insights/", include("insights.urls")),
    path("api/reminders/", include("reminders.urls")),
    path("journal/", journal.views.timeline, name="timeline"),
    path("journal/printed/", journal.views.printed, name="printed"),
]
