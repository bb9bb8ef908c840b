from django.urls import include, path
from rest_framework.routers import SimpleRouter

from journal import views

router = SimpleRouter()
router.register("entries", views.JournalEntryViewSet, basename="entry")
router.register("tags", views.TagViewSet, basename="tag")

urlpatterns = [
    path("entries/recent/", views.RecentEntriesView.as_view(), name="entries-recent"),
    path("entries/edited/", views.RecentlyEditedView.as_view(), name="entries-edited"),
    path("entries/page/", views.EntryPageView.as_view(), name="entries-page"),
    path("entries/export/", views.EntryExportView.as_view(), name="entries-export"),
    path("entries/archive/", views.EntryArchiveView.as_view(), name="entries-archive"),
    path("entries/on-this-day/", views.OnThisDayView.as_view(), name="entries-on-this-day"),
    path("entries/delete/", views.EntryBulkDeleteView.as_view(), name="entries-delete"),
    path("entries/calendar/<int:year>/<int:month>/", views.CalendarView.as_view(), name="entries-calendar"),
    path("entries/blocks/<str:kind>/", views.BlockKindView.as_view(), name="entries-blocks"),
    path("entries/<uuid:entry>/comments/", views.CommentListView.as_view(), name="entry-comments"),
    path("attachments/", views.AttachmentListView.as_view(), name="attachments"),
    path("prompts/", views.PromptView.as_view(), name="prompts"),
    path("tags/merge/", views.TagMergeView.as_view(), name="tags-merge"),
    path("tags/names/", views.tag_names, name="tags-names"),
    path("notices/", views.CommentNoticesView.as_view(), name="comment-notices"),
    path("public/", views.PublicFeedView.as_view(), name="public-feed"),
    path("public/latest/", views.LatestPublicView.as_view(), name="public-latest"),
    path("public/<uuid:share_token>/", views.PublicEntryView.as_view(), name="public-entry"),
    path("", include(router.urls)),
]
