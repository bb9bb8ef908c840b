"""One's own account."""

from django.contrib.auth import get_user_model
from rest_framework import permissions, serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from users.models import Integration, Profile


class ProfileSerializer(serializers.ModelSerializer):
    class Meta:
        model = Profile
        fields = ["display_name", "phone", "birth_date", "about", "timezone", "preferences"]


class IntegrationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Integration
        fields = ["service", "account", "access_token", "refresh_token", "expires_at"]
        extra_kwargs = {"access_token": {"write_only": True}, "refresh_token": {"write_only": True}}


class MeView(APIView):
    def get(self, request):
        profile, _ = Profile.objects.get_or_create(user=request.user)
        return Response({"username": request.user.username, **ProfileSerializer(profile).data})

    def patch(self, request):
        profile, _ = Profile.objects.get_or_create(user=request.user)
        serializer = ProfileSerializer(profile, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        return Response(serializer.data)


class IntegrationListView(APIView):
    def get(self, request):
        return Response(IntegrationSerializer(request.user.integrations.order_by("service"), many=True).data)

    def put(self, request):
        serializer = IntegrationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        service = values.pop("service")
        Integration.objects.update_or_create(user=request.user, service=service, defaults=values)
        return Response(status=status.HTTP_204_NO_CONTENT)


class NameTakenView(APIView):
    """Whether a name or an address is taken: asked while somebody registers."""

    permission_classes = [permissions.AllowAny]

    def get(self, request):
        users = get_user_model().objects
        name, address = request.query_params.get("username"), request.query_params.get("email")
        return Response(
            {
                "username": users.filter(username=name).exists() if name else False,
                "email": users.filter(email=address).exists() if address else False,
            }
        )
