"""A Django project as it may be anywhere. What it has for fphost is at the end."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# For a try on one's own machine only.
DEBUG = True
SECRET_KEY = "not-a-secret-since-this-is-an-example"
ALLOWED_HOSTS = ["127.0.0.1"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "uploads",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]
ROOT_URLCONF = "project.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "page"
LOGOUT_REDIRECT_URL = "login"

STATIC_URL = "static/"
# Where filepond.min.js and filepond.min.css are.
STATICFILES_DIRS = [os.environ.get("FILEPOND_CLIENT", BASE_DIR / "client")]

# --- For fphost ---

# Where browsers reach it.
FPHOST = os.environ.get("FPHOST", "http://127.0.0.1:8080")

# Who may use which of its endpoints, as with DJANGO_DRF_FILEPOND_PERMISSION_CLASSES. Those that are not here have the
# default of the REST framework.
FPHOST_PERMISSION_CLASSES = {
    "GET_FETCH": ["rest_framework.permissions.IsAdminUser"],
}

REST_FRAMEWORK = {"DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"]}
