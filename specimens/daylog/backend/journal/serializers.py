from rest_framework import serializers

from core import editorjs
from journal.models import Comment, JournalEntry, Tag

# How far a preview goes (words).
PREVIEW = 30


class TagSerializer(serializers.ModelSerializer):
    entry_count = serializers.IntegerField(read_only=True, default=0)

    class Meta:
        model = Tag
        fields = ["id", "name", "entry_count"]


class EntryListSerializer(serializers.ModelSerializer):
    tags = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    preview = serializers.SerializerMethodField()

    class Meta:
        model = JournalEntry
        fields = ["id", "title", "preview", "tags", "is_public", "is_pinned", "created_at", "updated_at"]

    def get_preview(self, entry):
        return " ".join(editorjs.text_of(entry.content).split()[:PREVIEW])


class EntrySerializer(serializers.ModelSerializer):
    """An entry as the editor needs it; `tag_names` replaces its tags."""

    tags = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)
    tag_names = serializers.ListField(child=serializers.CharField(max_length=100), write_only=True, required=False)

    class Meta:
        model = JournalEntry
        fields = ["id", "title", "content", "tags", "tag_names", "prompt", "is_public", "is_pinned", "created_at"]

    def validate_content(self, content):
        if problem := editorjs.check(content):
            raise serializers.ValidationError(problem)
        return content

    def create(self, validated_data):
        names = validated_data.pop("tag_names", [])
        entry = super().create(validated_data)
        self.set_tags(entry, names)
        return entry

    def update(self, instance, validated_data):
        names = validated_data.pop("tag_names", None)
        entry = super().update(instance, validated_data)
        if names is not None:
            self.set_tags(entry, names)
        return entry

    @staticmethod
    def set_tags(entry, names):
        names = list(dict.fromkeys(names))
        Tag.objects.bulk_create([Tag(user=entry.user, name=name) for name in names], ignore_conflicts=True)
        entry.tags.set(Tag.objects.filter(user=entry.user, name__in=names))


class PublicEntrySerializer(serializers.ModelSerializer):
    author = serializers.CharField(source="user.username", read_only=True)
    tags = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)

    class Meta:
        model = JournalEntry
        fields = ["id", "title", "author", "tags", "content", "share_token", "created_at"]


class CommentSerializer(serializers.ModelSerializer):
    author = serializers.CharField(source="author.username", read_only=True)

    class Meta:
        model = Comment
        fields = ["id", "author", "body", "created_at"]
