from django.contrib import admin
from django.urls import include, path

import chapters.views
import meetings.views
import members.views
import reports.views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/", include("chapters.urls")),
    path("api/", include("members.urls")),
    path("api/", include("meetings.urls")),
    path("api/", include("reports.urls")),
    path("api/analytics/", include("analytics.urls")),
    path("c/<slug:slug>/", chapters.views.chapter_page, name="chapter-page"),
    path("office/members/", members.views.member_table, name="member-table"),
    path("office/members/export/", members.views.member_export, name="member-export"),
    path("office/wall/", members.views.member_wall, name="member-wall"),
    path("office/meetings/", meetings.views.meeting_board, name="meeting-board"),
    path("office/referrals/<int:chapter>/", meetings.views.referral_page, name="referral-page"),
    path("office/reports/<int:pk>/", reports.views.report_page, name="report-page"),
    path("office/archive/<str:period>/", reports.views.report_archive, name="report-archive"),
    path("join/taken/", members.views.email_taken, name="email-taken"),
]
