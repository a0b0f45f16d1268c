"""Other servers that take uploads, from PyPI, each set up as its documentation advises for production."""

import os
import subprocess

from client import Failed
from loader import load
from servers import Server, free_port
from settings import ROOT

PROGRAMS = ROOT / ".build/peers/bin"


def program(name, directory=PROGRAMS):
    path = directory / name
    if not path.exists():
        raise Failed("not installed")
    return path


class Django(Server):
    """django-drf-filepond with SQLite under gunicorn."""

    probe = "/up"
    upload = ("--form", "/fp/process/")
    chunks = ("--form", "/fp/process/", "--patch", "/fp/patch/%s")

    SETTINGS = """
import pathlib

BASE_DIR = pathlib.Path(__file__).resolve().parent
ALLOWED_HOSTS = ["*"]
SECRET_KEY = "benchmark"
ROOT_URLCONF = "bench_urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "django_drf_filepond"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db"}}
MEDIA_ROOT = str(BASE_DIR / "media")
# On the file system of the uploads, so that a large one is renamed and not copied.
FILE_UPLOAD_TEMP_DIR = str(BASE_DIR / "temporary")
DJANGO_DRF_FILEPOND_UPLOAD_TMP = str(BASE_DIR / "media" / "uploads")
DJANGO_DRF_FILEPOND_FILE_STORE_PATH = str(BASE_DIR / "stored")
"""
    URLS = """
from django.http import HttpResponse
from django.urls import include, path
from django_drf_filepond.api import store_upload


def up(request):
    return HttpResponse("up")


def store(request, id, name):
    store_upload(id, name)
    return HttpResponse("stored")


urlpatterns = [path("up", up), path("store/<str:id>/<str:name>", store), path("fp/", include("django_drf_filepond.urls"))]
"""

    def __init__(self, directory):
        gunicorn, django = program("gunicorn"), program("django-admin")
        for name in ("media/uploads", "temporary", "stored"):
            (directory / name).mkdir(parents=True)
        (directory / "bench_settings.py").write_text(self.SETTINGS)
        (directory / "bench_urls.py").write_text(self.URLS)
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "bench_settings", "PYTHONPATH": str(directory)}
        done = subprocess.run([django, "migrate"], env=environment, cwd=directory, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"migrate: {done.stderr[-500:]}")
        port = free_port()
        self._files = {}
        super().__init__(
            directory,
            [gunicorn, "--bind", f"127.0.0.1:{port}", "--workers", "2", "--worker-class", "gthread", "--threads", "4",
             "--keep-alive", "75", "--timeout", "600", "--no-control-socket", "django.core.wsgi:get_wsgi_application()"], port, environment)

    def file(self, size, number):
        if number not in self._files:
            id = load("large", self.port, *self.upload, "--size", size)["id"]
            self._files[number] = f"/fp/restore/?id={id}"
        return self._files[number]

    def remove(self, answer, number):
        load("call", self.port, "--method", "DELETE", "--path", "/fp/revert/", "--header", "Content-Type: text/plain",
             "--body", answer["id"])

    def claim(self, id, path):
        return "--path", f"/store/{id}/{path}"


class TusPyServer(Server):
    """tuspyserver under uvicorn."""

    probe = "/up"
    upload = ("--tus", "/files")
    chunks = ("--tus", "/files")

    APPLICATION = """
import pathlib
from fastapi import FastAPI
from tuspyserver import create_tus_router

app = FastAPI()
app.include_router(create_tus_router(prefix="files", files_dir=str(pathlib.Path(__file__).resolve().parent / "files")))


@app.get("/up")
def up():
    return "up"
"""

    def __init__(self, directory):
        uvicorn = program("uvicorn")
        (directory / "files").mkdir(parents=True)
        (directory / "application.py").write_text(self.APPLICATION)
        port = free_port()
        super().__init__(
            directory,
            [uvicorn, "--app-dir", directory, "--port", str(port), "--workers", "2", "--no-access-log", "--log-level",
             "warning", "application:app"], port)

    def remove(self, answer, number):
        for path in (self.directory / "files").iterdir():
            if path.is_file():
                path.unlink()


class Rclone(Server):
    """rclone as a WebDAV server."""

    upload = ("--put", "/%d")

    def __init__(self, directory):
        rclone = program("rclone", ROOT / ".venv/bin")
        (directory / "files").mkdir(parents=True)
        port = free_port()
        super().__init__(
            directory,
            [rclone, "--config", "/dev/null", "serve", "webdav", directory / "files", "--addr", f"127.0.0.1:{port}"],
            port)

    def file(self, size, number):
        if not (self.directory / f"files/file-{number}").exists():
            load("large", self.port, "--put", f"/file-{number}", "--size", size)
        return f"/file-{number}"

    def remove(self, answer, number):
        load("call", self.port, "--method", "DELETE", "--path", f"/{number}")
