from rest_framework import serializers

from reports.models import MemberStatement, MonthlyReport


class MonthlyReportSerializer(serializers.ModelSerializer):
    chapter = serializers.CharField(source="chapter.name", read_only=True)

    class Meta:
        model = MonthlyReport
        fields = ["id", "chapter", "period", "status", "data"]


class ReportRowSerializer(serializers.ModelSerializer):
    """A report in a list: the two figures that everybody looks for."""

    total_referrals = serializers.SerializerMethodField()
    tyfcb = serializers.SerializerMethodField()

    class Meta:
        model = MonthlyReport
        fields = ["id", "chapter_id", "period", "status", "total_referrals", "tyfcb"]

    def get_total_referrals(self, report):
        return report.data.get("total_referrals", 0)

    def get_tyfcb(self, report):
        return report.data.get("tyfcb", 0)


class StatementSerializer(serializers.ModelSerializer):
    member = serializers.CharField(source="member.name", read_only=True)

    class Meta:
        model = MemberStatement
        fields = ["member", "referrals_given", "referrals_received", "tyfcb", "attendance_rate"]
