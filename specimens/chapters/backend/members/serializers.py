from rest_framework import serializers

from members.models import Member, Payment


class MemberSerializer(serializers.ModelSerializer):
    chapter_name = serializers.CharField(source="chapter.name", read_only=True)
    region_name = serializers.CharField(read_only=True)
    profession = serializers.CharField(source="profession.name", read_only=True, default=None)

    class Meta:
        model = Member
        fields = ["id", "name", "business_name", "email", "status", "chapter_name", "region_name", "profession"]


class MemberCardSerializer(serializers.ModelSerializer):
    """A member in a list: what fits on a card."""

    chapter = serializers.CharField(source="chapter.name", read_only=True)

    class Meta:
        model = Member
        fields = ["id", "name", "business_name", "chapter"]


class MemberDetailSerializer(serializers.ModelSerializer):
    interests = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)

    class Meta:
        model = Member
        fields = ["id", "name", "email", "phone", "bio", "website", "photo", "score", "joined_on", "interests"]


class MemberWriteSerializer(serializers.ModelSerializer):
    class Meta:
        model = Member
        fields = ["id", "chapter", "profession", "name", "email", "phone", "status", "score", "joined_on"]

    def validate(self, attrs):
        taken = Member.objects.filter(chapter=attrs["chapter"], email=attrs["email"])
        if taken.exists():
            raise serializers.ValidationError("This chapter has a member with this address already.")
        return attrs


class PaymentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Payment
        fields = ["invoice_number", "amount", "currency", "paid_on"]
