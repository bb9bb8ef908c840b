from django.contrib import admin

from reports.models import ImportBatch, MonthlyReport, ReportDelivery


@admin.register(MonthlyReport)
class MonthlyReportAdmin(admin.ModelAdmin):
    list_display = ["chapter", "period", "status", "created_at"]
    list_filter = ["status"]
    raw_id_fields = ["chapter", "generated_by"]
    search_fields = ["period"]


@admin.register(ReportDelivery)
class ReportDeliveryAdmin(admin.ModelAdmin):
    list_display = ["recipient", "what", "queued_at", "sent_at", "attempts"]
    raw_id_fields = ["report"]

    @admin.display(description="report")
    def what(self, delivery):
        return f"{delivery.report.chapter.name} {delivery.report.period}"


@admin.register(ImportBatch)
class ImportBatchAdmin(admin.ModelAdmin):
    list_display = ["filename", "chapter", "kind", "status", "rows", "created_at"]
    list_filter = ["status"]
