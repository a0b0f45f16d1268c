from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from uploads.forward_auth import ForwardAuthView
from uploads.views import page

urlpatterns = [
    path("", page, name="page"),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("fphost/auth/", ForwardAuthView.as_view()),
]
