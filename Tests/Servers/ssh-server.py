"""An SSH server with SFTP that does what OpenSSH's cannot be made to do without changing the machine's accounts: asks for
passwords, at prompts and in several steps, and refuses a write in the middle of a file.

Usage: ssh-server.py PORT HOST_KEY DIRECTORY METHODS [REFUSED_WRITE [HABIT...]]

METHODS are the ways to log in that are all wanted, in this order, joined by commas: "password", "interactive" (two
prompts and then a message without one) or "publickey" (any key will do). The user is "tester", the password "s3cret word".
REFUSED_WRITE is the number of the one write that fails, counted from 1, of those with more than 1000 bytes; 0 is none.
HABITs are those of some servers in the field: "short-reads" answers with fewer bytes than were asked for, "ascii" fails
for every name with other letters without saying why, "sick" for every name, and "no-sftp" has no SFTP. The server
calls itself OpenSSH, whose writes are done in order; so are these.
"""

import os
import socket
import sys
import threading

import paramiko

USER = "tester"
PASSWORD = "s3cret word"
REFUSAL_LOCK = threading.Lock()
HABITS = set()


class Login(paramiko.ServerInterface):
    def __init__(self, methods):
        self._left = list(methods)

    def get_allowed_auths(self, username):
        names = {"interactive": "keyboard-interactive"}
        return names.get(self._left[0], self._left[0])

    def _check(self, method, is_right):
        if not is_right or self._left[0] != method:
            return paramiko.AUTH_FAILED
        if len(self._left) > 1:
            self._left.pop(0)
            return paramiko.AUTH_PARTIALLY_SUCCESSFUL
        return paramiko.AUTH_SUCCESSFUL

    def check_auth_none(self, username):
        return paramiko.AUTH_FAILED

    def check_auth_publickey(self, username, key):
        return self._check("publickey", username == USER)

    def check_auth_password(self, username, password):
        return self._check("password", (username, password) == (USER, PASSWORD))

    def check_auth_interactive(self, username, submethods):
        if self._left[0] != "interactive":
            return paramiko.AUTH_FAILED
        self._greeted = False
        return paramiko.InteractiveQuery("Welcome", "Who are you?", ("Password: ", False), ("Again: ", False))

    def check_auth_interactive_response(self, responses):
        if self._greeted:
            return self._check("interactive", True)
        if responses != [PASSWORD, PASSWORD]:
            return paramiko.AUTH_FAILED
        self._greeted = True
        return paramiko.InteractiveQuery("", "Your password will expire some day.")

    def check_channel_subsystem_request(self, channel, name):
        if "no-sftp" in HABITS:
            return False
        return super().check_channel_subsystem_request(channel, name)

    def check_channel_request(self, kind, channel):
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class File(paramiko.SFTPHandle):
    writes = 0
    refused = 0

    def write(self, offset, data):
        # Not what a client keeps for itself beside the file.
        if len(data) > 1000:
            with REFUSAL_LOCK:
                File.writes += 1
                if File.writes == File.refused:
                    return paramiko.SFTP_FAILURE
        os.pwrite(self.descriptor, data, offset)
        return paramiko.SFTP_OK

    def read(self, offset, length):
        if "short-reads" in HABITS:
            # Never the same, and never as many as a client asks for at a time.
            length = min(length, 1 + (offset * 7 + 11) % 1500)
        return os.pread(self.descriptor, length, offset)

    def stat(self):
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.descriptor))

    def chattr(self, attributes):
        return change(self.descriptor, attributes)

    def close(self):
        os.close(self.descriptor)


def change(target, attributes):
    if attributes.st_size is not None:
        os.truncate(target, attributes.st_size)
    if attributes.st_mode is not None:
        os.chmod(target, attributes.st_mode & 0o7777)
    return paramiko.SFTP_OK


def told(method):
    """What the system refuses is an answer."""

    def wrapper(self, *arguments):
        names = [argument for argument in arguments if isinstance(argument, str)]
        if "ascii" in HABITS and not all(name.isascii() for name in names):
            return paramiko.SFTP_FAILURE
        if "sick" in HABITS and os.path.exists(self.directory + "/../sick"):
            return paramiko.SFTP_FAILURE
        try:
            return method(self, *arguments)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    return wrapper


class Files(paramiko.SFTPServerInterface):
    directory = "/"

    def canonicalize(self, path):
        return os.path.normpath(os.path.join("/", path))

    def _real(self, path):
        return self.directory + self.canonicalize(path)

    @told
    def open(self, path, flags, attributes):
        file = File(flags)
        mode = attributes.st_mode if attributes.st_mode is not None else 0o666
        file.descriptor = os.open(self._real(path), flags, mode & 0o7777)
        return file

    @told
    def list_folder(self, path):
        entries = []
        for entry in os.scandir(self._real(path)):
            entries.append(paramiko.SFTPAttributes.from_stat(entry.stat(follow_symlinks=False), entry.name))
        return entries

    @told
    def stat(self, path):
        return paramiko.SFTPAttributes.from_stat(os.stat(self._real(path)))

    @told
    def lstat(self, path):
        return paramiko.SFTPAttributes.from_stat(os.lstat(self._real(path)))

    @told
    def remove(self, path):
        os.remove(self._real(path))
        return paramiko.SFTP_OK

    @told
    def rename(self, old, new):
        # Version 3 of the protocol never replaces.
        os.link(self._real(old), self._real(new))
        os.remove(self._real(old))
        return paramiko.SFTP_OK

    @told
    def posix_rename(self, old, new):
        os.replace(self._real(old), self._real(new))
        return paramiko.SFTP_OK

    @told
    def mkdir(self, path, attributes):
        os.mkdir(self._real(path))
        return paramiko.SFTP_OK

    @told
    def rmdir(self, path):
        os.rmdir(self._real(path))
        return paramiko.SFTP_OK

    @told
    def chattr(self, path, attributes):
        return change(self._real(path), attributes)


def serve(client, host_key, methods):
    transport = paramiko.Transport(client)
    transport.local_version = "SSH-2.0-OpenSSH_9.2 of the tests"
    transport.add_server_key(host_key)
    transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
    try:
        transport.start_server(server=Login(methods))
    except (paramiko.SSHException, EOFError):
        transport.close()


def main():
    port, key, directory, methods, *refused = sys.argv[1:]
    HABITS.update(refused[1:])
    Files.directory = directory
    File.refused = int(refused[0]) if refused else 0
    host_key = paramiko.Ed25519Key(filename=key)
    listener = socket.create_server(("127.0.0.1", int(port)))
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, host_key, methods.split(",")), daemon=True).start()


if __name__ == "__main__":
    main()
