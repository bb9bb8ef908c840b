from django.urls import path

from chapters import views

urlpatterns = [
    path("regions/", views.RegionListView.as_view(), name="region-list"),
    path("regions/<int:region>/comparison/", views.ChapterComparisonView.as_view(), name="chapter-comparison"),
    path("regions/<int:region>/officers/", views.OfficerListView.as_view(), name="officer-list"),
    path("chapters/", views.ChapterListView.as_view(), name="chapter-list"),
    path("chapters/new/", views.ChapterCreateView.as_view(), name="chapter-create"),
    path("chapters/<slug:slug>/", views.ChapterDetailView.as_view(), name="chapter-detail"),
    path("chapters/<slug:slug>/announcements/", views.ChapterAnnouncementsView.as_view(), name="chapter-announcements"),
]
