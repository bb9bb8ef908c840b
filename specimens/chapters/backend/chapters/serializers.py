from rest_framework import serializers

from chapters.models import Announcement, Chapter, Region


class RegionSerializer(serializers.ModelSerializer):
    chapter_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Region
        fields = ["id", "name", "country", "timezone", "chapter_count"]


class ChapterSerializer(serializers.ModelSerializer):
    region = serializers.CharField(source="region.name", read_only=True)
    member_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Chapter
        fields = ["id", "name", "location", "slug", "region", "meeting_day", "meeting_time", "member_count"]


class ChapterWriteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Chapter
        fields = ["id", "region", "name", "location", "slug", "meeting_day", "meeting_time", "founded_on"]

    def validate(self, attrs):
        twins = Chapter.objects.filter(name=attrs["name"], location=attrs["location"])
        if self.instance is not None:
            twins = twins.exclude(pk=self.instance.pk)
        if twins.exists():
            raise serializers.ValidationError("There is a chapter of this name at this place already.")
        if len(attrs["name"].strip()) < 3:
            raise serializers.ValidationError("The name is too short.")
        return attrs


class AnnouncementSerializer(serializers.ModelSerializer):
    class Meta:
        model = Announcement
        fields = ["id", "title", "body", "published_at", "expires_at"]
