"""A real server that speaks S3, and what it holds as the tools of others see it."""

import os
import pathlib
import subprocess
import sys

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[3]
ACCESS_KEY = "testkey"
SECRET_KEY = "testsecret123"


class S3Server:
    def __init__(self, kind="seaweedfs"):
        # The script ends with its standard input, and so with this process.
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "scripts/s3-server", kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        word, _, self.url = self.process.stdout.readline().strip().partition(" ")
        if word != "ready":
            raise RuntimeError(f"{kind} does not start")
        self.client = boto3.client(
            "s3", endpoint_url=self.url, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY,
            region_name="us-east-1", config=Config(s3={"addressing_style": "path"}))

    def store(self, location, **more):
        """A store of the host's configuration."""
        options = {
            "bucket_name": "browser", "endpoint_url": self.url, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY,
            "auto_create_bucket": True, "location": location, "part_size": "5MiB",
        }
        return {"plugin": "S3Store", "options": options} | more

    def keys(self, prefix=""):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket="browser", Prefix=prefix)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))

    def uploads(self):
        return self.client.list_multipart_uploads(Bucket="browser").get("Uploads", [])

    def aws(self, *arguments):
        """Runs the AWS command line."""
        environment = os.environ | {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        command = [pathlib.Path(sys.executable).parent / "aws", "--endpoint-url", self.url, *arguments]
        return subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120).stdout

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
