"""Says to fphost who a visitor is, and whether the visitor may do what it is about to do."""

from urllib.parse import quote

from django.conf import settings
from django.utils.module_loading import import_string
from rest_framework.authentication import SessionAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView


class VisitorsSession(SessionAuthentication):
    """Django's session. The framework checks the CSRF token with it, wherever the method changes something."""

    def authenticate_header(self, request):
        # Whoever is not logged in gets 401 for it, not 403.
        return 'Session realm="django"'


class ForwardAuthView(APIView):
    """Asked by fphost with a GET that has the cookies of the visitor's request.

    It stands for that request: authentication, CSRF check and permission classes see the visitor's own method.
    """

    authentication_classes = [VisitorsSession]

    def initialize_request(self, request, *args, **kwargs):
        request.method = request.headers.get("X-Forwarded-Method", request.method)
        return super().initialize_request(request, *args, **kwargs)

    def get_permissions(self):
        endpoint = self.request.headers.get("X-FPHost-Permission")
        names = settings.FPHOST_PERMISSION_CLASSES.get(endpoint)
        return super().get_permissions() if names is None else [import_string(name)() for name in names]

    def get(self, request):
        # A header field holds ASCII alone, a user name may be in any script.
        return Response(status=204, headers={"X-FPHost-Owner": quote(request.user.get_username(), safe="@.+-_")})

    head = options = post = put = patch = delete = get
