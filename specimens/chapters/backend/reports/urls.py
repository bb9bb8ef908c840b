from django.urls import path

from reports import views

urlpatterns = [
    path("chapters/<int:chapter>/reports/", views.ReportListView.as_view(), name="report-list"),
    path("chapters/<int:chapter>/reports/<str:period>/", views.ReportDetailView.as_view(), name="report-detail"),
    path("chapters/<int:chapter>/reports/<str:period>/build/", views.ReportBuildView.as_view(), name="report-build"),
    path("chapters/<int:chapter>/reports/<str:period>/close/", views.ReportCloseView.as_view(), name="report-close"),
    path("reports/busy/", views.BusyChaptersView.as_view(), name="reports-busy"),
    path("reports/weak-attendance/", views.WeakAttendanceView.as_view(), name="reports-weak"),
    path("reports/totals/", views.PeriodTotalsView.as_view(), name="reports-totals"),
    path("reports/highlights/", views.HighlightsView.as_view(), name="reports-highlights"),
    path("reports/latest/", views.LatestReportsView.as_view(), name="reports-latest"),
    path("reports/table/", views.ReportTableView.as_view(), name="reports-table"),
    path("reports/find/", views.ReportFindView.as_view(), name="reports-find"),
    path("reports/send/", views.SendReportsView.as_view(), name="reports-send"),
    path("sheets/statements/<str:period>/", views.StatementSheetView.as_view(), name="sheet-statements"),
    path("sheets/chapters/<str:period>/", views.ChapterSheetView.as_view(), name="sheet-chapters"),
    path("sheets/regions/<int:region>/<int:year>/", views.RegionSheetView.as_view(), name="sheet-region"),
    path("sheets/people/<str:period>/", views.PeopleSheetView.as_view(), name="sheet-people"),
    path("sheets/deliveries/<str:period>/", views.DeliverySheetView.as_view(), name="sheet-deliveries"),
    path("sheets/directors/<int:region>/<str:period>/", views.DirectorSheetView.as_view(), name="sheet-director"),
    path("statements/averages/<str:period>/", views.StatementAveragesView.as_view(), name="statement-averages"),
]
