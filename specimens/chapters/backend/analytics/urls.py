from django.urls import path

from analytics import views

urlpatterns = [
    path("events/", views.EventCreateView.as_view(), name="event-create"),
    path("activity/", views.ActivityByKindView.as_view(), name="activity-by-kind"),
    path("activity/logins/", views.LoginsByWeekView.as_view(), name="logins-by-week"),
    path("activity/quiet/", views.QuietMembersView.as_view(), name="quiet-members"),
    path("activity/members/<int:member>/", views.MemberActivityView.as_view(), name="member-activity"),
    path("growth/", views.GrowthView.as_view(), name="growth"),
    path("chapters/top/", views.TopChaptersView.as_view(), name="top-chapters"),
    path("chapters/<int:chapter>/", views.ChapterMetricsView.as_view(), name="chapter-metrics"),
    path("scores/members/<int:member>/", views.ScoreCurveView.as_view(), name="score-curve"),
    path("scores/movers/", views.ScoreMoversView.as_view(), name="score-movers"),
]
