/* FolderStore: objects as files of one folder. A complete storage plugin for fphost in one file of C11, which needs
 * fp_plugin.h and nothing else; good enough to hold temporary uploads, too.
 *
 *     <location>/objects/<key>        one file for each object; a '/' of the key is a '\' here, which no key has
 *     <location>/staging/<id>         the bytes of an unfinished write
 *     <location>/staging/<id>.key     of a resumable one: what it will be called, and whether that must be free
 *
 * Nothing is ever changed in place: an object is published by giving its staged file a second name, so a reader has
 * one version from the first byte to the last (R7).
 *
 * This file is in the public domain (0BSD): take what you like. */
#define _GNU_SOURCE
#define FP_HELPERS
#include <fp_plugin.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum {
    ID_LENGTH = 32,
    KEY_MAX = 255,               /* one file name */
    TOKEN_LENGTH = ID_LENGTH + 1 /* the version of the token's form, then the id */
};
#define TOKEN_VERSION '1'
#define KEEP_SECONDS (7 * 24 * 3600)
#define NANOSECONDS 1000000000ll

struct fp_instance {
    const fp_host *host;
    char *location;
};

struct fp_reader {
    int file;
    uint64_t offset, left;
};

struct fp_writer {
    int file, staging, objects;
    uint64_t offset;
    bool resumable, if_free, ended, committed;
    char id[ID_LENGTH + 1];
    char name[KEY_MAX + 1];
};

/* ---------------------------------------------------------------------------------------------- small helpers */

/* region: errors */
/* Errors are return values, with a line for the operator's log; errno stays on this side (R5). */
static fp_status failed(const fp_call *call, const char *doing)
{
    int error = errno;
    fp_status status = FP_E_TRANSIENT;
    switch (error) {
    case ENOENT: status = FP_E_NOT_FOUND; break;
    case EEXIST: status = FP_E_EXISTS; break;
    case EFBIG: status = FP_E_TOO_LARGE; break;
    case ENOMEM: status = FP_E_NO_MEMORY; break;
    case ENOSPC: case EDQUOT: status = FP_E_NO_SPACE; break;
    case EACCES: case EPERM: status = FP_E_DENIED; break;
    case EROFS: status = FP_E_READ_ONLY; break;
    }
    return fp_fail(call, status, error, 0, "%s: %s", doing, strerror(error));
}
/* endregion */

static int64_t now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * NANOSECONDS + time.tv_nsec;
}

/* region: deadline */
/* Every call begins with this. Whoever waits for a network also waits for call->cancel_fd, with poll (R4). */
static fp_status wanted(const fp_call *call)
{
    if (!call->is_cancelled(call)) return FP_OK;
    if (now(CLOCK_MONOTONIC) >= call->deadline_ns) return fp_fail(call, FP_E_TIMEOUT, 0, 0, "the deadline has passed");
    return fp_fail(call, FP_E_CANCELLED, 0, 0, "the host cancelled the call");
}
/* endregion */

static fp_status check(const fp_call *call, uint32_t flags, uint32_t known)
{
    fp_status status = wanted(call);
    if (status == FP_OK && flags & ~known)
        status = fp_fail(call, FP_E_UNSUPPORTED, 0, 0, "unknown flags 0x%x", (unsigned)(flags & ~known));
    return status;
}

/* region: buffers */
/* The buffer is the host's; a capacity of 0 says that it does not want the text (R2). */
static void put(fp_buf *out, const void *bytes, size_t count)
{
    out->len = count <= out->cap ? count : 0;
    if (out->len) memcpy(out->ptr, bytes, out->len);
}
/* endregion */

/* One of the folders, made where it is missing: opened anew for each call, so that a disk which comes back is found. */
static int open_folder(const fp_instance *store, const char *name)
{
    int location = open(store->location, O_DIRECTORY | O_CLOEXEC);
    if (location < 0 && errno == ENOENT && (mkdir(store->location, 0755) == 0 || errno == EEXIST))
        location = open(store->location, O_DIRECTORY | O_CLOEXEC);
    if (location < 0) return -1;
    int folder = openat(location, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0 && errno == ENOENT && (mkdirat(location, name, 0755) == 0 || errno == EEXIST))
        folder = openat(location, name, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;
    close(location);
    errno = error;
    return folder;
}

static fp_status folder(const fp_instance *store, const fp_call *call, const char *name, int *out)
{
    *out = open_folder(store, name);
    if (*out >= 0) return FP_OK;
    failed(call, "opening the location");
    /* The request is not to blame for a location that is away: it may come back. */
    return FP_E_TRANSIENT;
}

static void swap(char *text, char from, char to)
{
    for (; *text; text++)
        if (*text == from) *text = to;
}

/* The host has checked the key (R6); what this plugin cannot bear it checks once more. */
static fp_status file_name(const fp_call *call, fp_str key, char name[KEY_MAX + 1])
{
    if (key.len == 0 || key.len > KEY_MAX || memchr(key.ptr, '\\', key.len) || memchr(key.ptr, '\0', key.len))
        return fp_fail(call, FP_E_INVALID, 0, 0, "the key does not fit a file name of %d bytes", KEY_MAX);
    memcpy(name, key.ptr, key.len);
    name[key.len] = '\0';
    swap(name, '/', '\\');
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, ".fp") == 0 || strncmp(name, ".fp\\", 4) == 0)
        return fp_fail(call, FP_E_INVALID, 0, 0, "the key is not an object's");
    return FP_OK;
}

static int64_t modified(const struct stat *status)
{
    return status->st_mtim.tv_sec * NANOSECONDS + status->st_mtim.tv_nsec;
}

static void describe(const struct stat *status, fp_info *info)
{
    char etag[64];
    int length = snprintf(etag, sizeof etag, "%" PRIxMAX "-%" PRIx64, (uintmax_t)status->st_ino, modified(status));
    info->digest_alg = FP_DIGEST_NONE;
    info->size = (uint64_t)status->st_size;
    info->mtime_ns = modified(status);
    put(&info->etag, etag, (size_t)length);
    info->content_type.len = 0;
    info->digest.len = 0;
}

/* ---------------------------------------------------------------------------------------------- life cycle */

/* region: options */
static const fp_option options[] = {
    {"location", FP_T_PATH, FP_OPT_REQUIRED, NULL, NULL, 0, 0, "The folder that holds everything."},
};
/* endregion */

/* region: create */
/* Must succeed while the folder is away: the host starts all the same, and health tells when it is back. */
static fp_status create(const fp_host *host, const fp_node *config, const fp_call *call, fp_instance **out)
{
    *out = NULL;
    const fp_node *location = fp_find(config, "location");
    if (!location || location->text.len == 0 || location->text.ptr[0] != '/')
        return fp_fail(call, FP_E_CONFIG, 0, 0, "location must be the absolute path of a folder");
    fp_instance *store = calloc(1, sizeof *store);
    char *copy = store ? strndup(location->text.ptr, location->text.len) : NULL;
    if (!copy) {
        free(store);
        return fp_fail(call, FP_E_NO_MEMORY, 0, 0, "no memory for the store");
    }
    store->host = host;
    store->location = copy;
    *out = store;
    return FP_OK;
}

static void destroy(fp_instance *store)
{
    free(store->location);
    free(store);
}
/* endregion */

/* region: caps */
/* Output structs are filled field by field: the host's may be shorter or longer than ours (R1). */
static fp_status caps(fp_instance *store, fp_caps *out)
{
    (void)store;
    out->threading = FP_THREADS_PARALLEL;
    out->flags = FP_CAP_RESUMABLE | FP_CAP_DURABLE_TAIL | FP_CAP_ATOMIC_REPLACE | FP_CAP_ATOMIC_CREATE |
                 FP_CAP_POWER_DURABLE | FP_CAP_READ_AFTER_WRITE | FP_CAP_LIST | FP_CAP_LIST_ORDERED |
                 FP_CAP_LIST_PENDING | FP_CAP_IF_MATCH | FP_CAP_SPACE | FP_CAP_FENCED | FP_CAP_REWIND;
    out->max_key_bytes = KEY_MAX;
    out->token_ttl_s = KEEP_SECONDS;
    out->max_object_size = FP_SIZE_UNKNOWN;
    out->read_size = out->write_size = 256 << 10;
    out->durable_unit = out->rewind_unit = 1;
    out->writer_memory = sizeof(fp_writer);
    out->reader_memory = sizeof(fp_reader);
    return FP_OK;
}
/* endregion */

static fp_status probe(const fp_call *call, int staging)
{
    char seen = 0;
    int file = openat(staging, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0) return failed(call, "making a probe");
    bool good = pwrite(file, "p", 1, 0) == 1 && pread(file, &seen, 1, 0) == 1 && seen == 'p';
    fp_status status = good ? FP_OK : failed(call, "writing a probe and reading it back");
    close(file);
    return status;
}

/* region: health */
static fp_status health(fp_instance *store, const fp_call *call, uint32_t flags, fp_health *out)
{
    fp_status status = check(call, flags, FP_HEALTHF_DEEP);
    if (status != FP_OK) return status;
    int staging;
    if ((status = folder(store, call, "staging", &staging)) != FP_OK) return status;
    struct statvfs space;
    if (fstatvfs(staging, &space) != 0) status = failed(call, "asking for the space left");
    if (status == FP_OK && flags & FP_HEALTHF_DEEP) status = probe(call, staging);
    close(staging);
    if (status != FP_OK) return status;
    out->state = FP_HEALTH_OK;
    out->total_bytes = (uint64_t)space.f_blocks * space.f_frsize;
    out->used_bytes = (uint64_t)(space.f_blocks - space.f_bfree) * space.f_frsize;
    out->free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
    out->detail.len = 0;
    return FP_OK;
}
/* endregion */

/* ---------------------------------------------------------------------------------------------- reading */

/* region: stat */
static fp_status stat_object(fp_instance *store, const fp_call *call, fp_str key, uint32_t flags, fp_info *out)
{
    fp_status status = check(call, flags, 0);
    char name[KEY_MAX + 1];
    if (status == FP_OK) status = file_name(call, key, name);
    int objects;
    if (status != FP_OK || (status = folder(store, call, "objects", &objects)) != FP_OK) return status;
    struct stat found;
    if (fstatat(objects, name, &found, AT_SYMLINK_NOFOLLOW) != 0) status = failed(call, "looking for the object");
    else if (!S_ISREG(found.st_mode)) status = fp_fail(call, FP_E_NOT_FOUND, 0, 0, "it is not a file");
    else describe(&found, out);
    close(objects);
    return status;
}
/* endregion */

/* region: read_open */
static fp_status open_object(fp_instance *store, const fp_call *call, fp_str key, int *file, struct stat *found)
{
    char name[KEY_MAX + 1];
    fp_status status = file_name(call, key, name);
    int objects;
    if (status != FP_OK || (status = folder(store, call, "objects", &objects)) != FP_OK) return status;
    *file = openat(objects, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*file < 0 || fstat(*file, found) != 0) status = failed(call, "opening the object");
    else if (!S_ISREG(found->st_mode)) status = fp_fail(call, FP_E_NOT_FOUND, 0, 0, "it is not a file");
    close(objects);
    if (status != FP_OK && *file >= 0) close(*file);
    return status;
}

static fp_status read_open(fp_instance *store, const fp_call *call, const fp_read_req *request, fp_reader **out,
                           fp_info *info)
{
    *out = NULL;
    fp_status status = check(call, request->flags, 0);
    int file;
    struct stat found;
    if (status != FP_OK || (status = open_object(store, call, request->key, &file, &found)) != FP_OK) return status;

    char etag[FP_ETAG_MAX];
    fp_info own = {.struct_size = sizeof own, .etag = {etag, sizeof etag, 0}};
    describe(&found, &own);
    uint64_t size = own.size, offset = request->offset;
    fp_reader *reader = NULL;
    if (request->if_match.ptr &&
        (request->if_match.len != own.etag.len || memcmp(request->if_match.ptr, etag, own.etag.len) != 0))
        status = fp_fail(call, FP_E_PRECONDITION, 0, 0, "the object has been replaced");
    else if (offset > size || (offset == size && request->length != 0 && size != 0))
        status = fp_fail(call, FP_E_RANGE, 0, 0, "offset %" PRIu64 " of %" PRIu64 " bytes", offset, size);
    else if (!(reader = malloc(sizeof *reader)))
        status = fp_fail(call, FP_E_NO_MEMORY, 0, 0, "no memory for a reader");
    if (status != FP_OK) {
        close(file);
        return status;
    }
    uint64_t rest = size - offset;
    *reader = (fp_reader){file, offset, request->length < rest ? request->length : rest};
    describe(&found, info);
    *out = reader;
    return FP_OK;
}
/* endregion */

/* region: read */
static fp_status read_some(fp_reader *reader, const fp_call *call, void *buffer, size_t capacity, size_t *count)
{
    *count = 0;
    fp_status status = wanted(call);
    if (status != FP_OK || reader->left == 0 || capacity == 0) return status;
    size_t most = capacity < reader->left ? capacity : (size_t)reader->left;
    ssize_t got = pread(reader->file, buffer, most, (off_t)reader->offset);
    if (got < 0) return failed(call, "reading the object");
    /* Fewer bytes than promised are an error, never an end. */
    if (got == 0) return fp_fail(call, FP_E_TRANSIENT, 0, 0, "the file ends early");
    reader->offset += (uint64_t)got;
    reader->left -= (uint64_t)got;
    *count = (size_t)got;
    return FP_OK;
}

static void read_close(fp_reader *reader)
{
    close(reader->file);
    free(reader);
}
/* endregion */

/* ---------------------------------------------------------------------------------------------- writing */

static void key_file_name(const char *id, char name[ID_LENGTH + 5])
{
    memcpy(name, id, ID_LENGTH);
    memcpy(name + ID_LENGTH, ".key", 5);
}

static bool make_id(char id[ID_LENGTH + 1])
{
    unsigned char random[ID_LENGTH / 2];
    if (getrandom(random, sizeof random, 0) != sizeof random) return false;
    for (size_t i = 0; i < sizeof random; i++) snprintf(id + 2 * i, 3, "%02x", random[i]);
    return true;
}

/* What a session is for outlives this process: one byte for "must be free", then the object's file name. */
static bool write_key_file(const fp_writer *writer)
{
    char name[ID_LENGTH + 5], text[KEY_MAX + 2];
    key_file_name(writer->id, name);
    int length = snprintf(text, sizeof text, "%c%s", writer->if_free ? '!' : '=', writer->name);
    int file = openat(writer->staging, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) return false;
    bool good = write(file, text, (size_t)length) == length;
    close(file);
    return good;
}

static bool read_key_file(int staging, const char *id, bool *if_free, char object[KEY_MAX + 1])
{
    char name[ID_LENGTH + 5], text[KEY_MAX + 2];
    key_file_name(id, name);
    int file = openat(staging, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    if (length < 2) return false;
    text[length] = '\0';
    *if_free = text[0] == '!';
    strcpy(object, text + 1);
    return true;
}

/* The key first: bytes without a key are nobody's, whereas a key without bytes means "committed". */
static void drop(int staging, const char *id)
{
    char name[ID_LENGTH + 5];
    key_file_name(id, name);
    unlinkat(staging, name, 0);
    unlinkat(staging, id, 0);
}

static void free_writer(fp_writer *writer)
{
    if (writer->file >= 0) close(writer->file);
    if (writer->staging >= 0) close(writer->staging);
    if (writer->objects >= 0) close(writer->objects);
    free(writer);
}

static fp_status make_writer(fp_instance *store, const fp_call *call, fp_writer **out)
{
    fp_writer *writer = calloc(1, sizeof *writer);
    if (!writer) return fp_fail(call, FP_E_NO_MEMORY, 0, 0, "no memory for a writer");
    writer->file = writer->staging = writer->objects = -1;
    fp_status status = folder(store, call, "staging", &writer->staging);
    if (status == FP_OK) status = folder(store, call, "objects", &writer->objects);
    if (status == FP_OK) *out = writer;
    else free_writer(writer);
    return status;
}

static void put_token(const fp_writer *writer, fp_write_state *state)
{
    char token[TOKEN_LENGTH];
    token[0] = TOKEN_VERSION;
    memcpy(token + 1, writer->id, ID_LENGTH);
    put(&state->token, token, TOKEN_LENGTH);
}

/* region: write_begin */
static fp_status write_begin(fp_instance *store, const fp_call *call, const fp_write_req *request, fp_writer **out,
                             fp_write_state *state)
{
    *out = NULL;
    fp_status status = check(call, request->flags, FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS);
    fp_writer *writer;
    if (status != FP_OK || (status = make_writer(store, call, &writer)) != FP_OK) return status;
    writer->resumable = request->flags & FP_W_RESUMABLE;
    writer->if_free = request->flags & FP_W_IF_NOT_EXISTS;
    status = file_name(call, request->key, writer->name);
    if (status == FP_OK) {
        bool named = make_id(writer->id) && (!writer->resumable || write_key_file(writer));
        if (named) writer->file = openat(writer->staging, writer->id, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        /* The lock lives as long as the open file: a killed process gives it up, a live one keeps it. */
        if (writer->file < 0 || flock(writer->file, LOCK_EX | LOCK_NB) != 0) {
            status = failed(call, "staging a write");
            if (named) drop(writer->staging, writer->id);
        }
    }
    if (status != FP_OK) {
        free_writer(writer);
        return status;
    }
    state->state = FP_WS_OPEN;
    state->durable_offset = 0;
    if (writer->resumable) put_token(writer, state);
    *out = writer;
    return FP_OK;
}
/* endregion */

static bool token_id(fp_str token, char id[ID_LENGTH + 1])
{
    if (token.len != TOKEN_LENGTH || token.ptr[0] != TOKEN_VERSION) return false;
    for (size_t i = 1; i < TOKEN_LENGTH; i++)
        if (!strchr("0123456789abcdef", token.ptr[i]) || !token.ptr[i]) return false;
    memcpy(id, token.ptr + 1, ID_LENGTH);
    id[ID_LENGTH] = '\0';
    return true;
}

/* A commit that was cut short between publishing and tidying up has left one file with both names. */
static bool is_published(const fp_writer *writer, const struct stat *staged)
{
    struct stat object;
    return fstatat(writer->objects, writer->name, &object, AT_SYMLINK_NOFOLLOW) == 0 &&
           object.st_ino == staged->st_ino && object.st_dev == staged->st_dev;
}

/* Opens the session's bytes and makes this writer the only one. FP_OK with file -1: it is committed. */
static fp_status take_over(const fp_call *call, fp_writer *writer, struct stat *staged)
{
    if (!read_key_file(writer->staging, writer->id, &writer->if_free, writer->name))
        return fp_fail(call, FP_E_GONE, 0, 0, "there is no such session");
    int file = openat(writer->staging, writer->id, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0) return errno == ENOENT ? FP_OK : failed(call, "opening a session");
    writer->file = file;
    if (flock(file, LOCK_EX | LOCK_NB) != 0)
        return fp_fail(call, FP_E_CONFLICT, errno, 0, "another writer holds the session");
    /* Between opening and locking, its former writer may have committed or dropped it. */
    struct stat again;
    if (fstat(file, staged) != 0) return failed(call, "looking at a session");
    if (fstatat(writer->staging, writer->id, &again, AT_SYMLINK_NOFOLLOW) == 0 && !is_published(writer, staged))
        return FP_OK;
    bool is_committed = read_key_file(writer->staging, writer->id, &writer->if_free, writer->name);
    if (!is_committed) return fp_fail(call, FP_E_GONE, 0, 0, "the session was dropped meanwhile");
    unlinkat(writer->staging, writer->id, 0);
    close(file);
    writer->file = -1;
    return FP_OK;
}

/* region: write_resume */
static fp_status write_resume(fp_instance *store, const fp_call *call, const fp_resume_req *request, fp_writer **out,
                              fp_write_state *state)
{
    *out = NULL;
    fp_status status = check(call, request->flags, 0);
    fp_writer *writer;
    if (status != FP_OK || (status = make_writer(store, call, &writer)) != FP_OK) return status;
    writer->resumable = true;
    struct stat staged = {0};
    if (token_id(request->token, writer->id)) status = take_over(call, writer, &staged);
    else status = fp_fail(call, FP_E_GONE, 0, 0, "the token is not one of this plugin's");
    if (status == FP_OK && writer->file < 0) {
        state->state = FP_WS_COMMITTED;
        state->durable_offset = 0;
        state->token.len = 0;
        free_writer(writer);
        return FP_OK;
    }
    uint64_t size = (uint64_t)staged.st_size;
    uint64_t offset = request->offset == FP_SIZE_UNKNOWN ? size : request->offset;
    if (status == FP_OK && offset > size)
        status = fp_fail(call, FP_E_RANGE, 0, 0, "%" PRIu64 " bytes are there, not %" PRIu64, size, offset);
    if (status == FP_OK && offset < size && ftruncate(writer->file, (off_t)offset) != 0)
        status = failed(call, "taking a session back");
    if (status != FP_OK) {
        free_writer(writer);
        return status;
    }
    writer->offset = offset;
    state->state = FP_WS_OPEN;
    state->durable_offset = offset;
    put_token(writer, state);
    *out = writer;
    return FP_OK;
}
/* endregion */

/* region: write */
static fp_status write_some(fp_writer *writer, const fp_call *call, uint64_t offset, const void *bytes, size_t count)
{
    fp_status status = wanted(call);
    if (status == FP_OK && (writer->ended || offset != writer->offset))
        status = fp_fail(call, FP_E_INVALID, 0, 0, "offset %" PRIu64 " where %" PRIu64 " is next", offset,
                         writer->offset);
    while (status == FP_OK && count > 0) {
        ssize_t taken = pwrite(writer->file, bytes, count, (off_t)writer->offset);
        if (taken < 0) {
            status = failed(call, "writing");
            break;
        }
        bytes = (const char *)bytes + taken;
        count -= (size_t)taken;
        writer->offset += (uint64_t)taken;
    }
    /* After an error only closing and aborting are left: a resume finds out how far the bytes came. */
    if (status != FP_OK) writer->ended = true;
    return status;
}
/* endregion */

/* region: write_sync */
/* What pwrite took survives the end of this process, so there is nothing to push out but for a loss of power. */
static fp_status write_sync(fp_writer *writer, const fp_call *call, uint32_t flags, fp_write_state *state)
{
    fp_status status = check(call, flags, FP_SYNC_POWER | FP_SYNC_SUSPEND);
    if (status == FP_OK && (!writer->resumable || writer->ended))
        status = fp_fail(call, FP_E_INVALID, 0, 0, "only an open resumable write can be synced");
    if (status == FP_OK && flags & FP_SYNC_POWER && (fsync(writer->file) != 0 || fsync(writer->staging) != 0))
        status = failed(call, "flushing to disk");
    if (status != FP_OK) return status;
    state->state = FP_WS_OPEN;
    state->durable_offset = writer->offset;
    put_token(writer, state);
    return FP_OK;
}
/* endregion */

/* region: publish */
/* A second name for the staged file, in one step of the kernel. The first name stays until the commit is over: as long
 * as a file has both, a resume knows that it was published. */
static bool publish(const fp_writer *writer)
{
    if (writer->if_free) return linkat(writer->staging, writer->id, writer->objects, writer->name, 0) == 0;
    char passing[ID_LENGTH + 5];
    snprintf(passing, sizeof passing, "%s.new", writer->id);
    unlinkat(writer->staging, passing, 0);
    return linkat(writer->staging, writer->id, writer->staging, passing, 0) == 0 &&
           renameat(writer->staging, passing, writer->objects, writer->name) == 0;
}
/* endregion */

/* region: write_commit */
static fp_status write_commit(fp_writer *writer, const fp_call *call, const fp_commit_req *request, fp_info *info)
{
    fp_status status = check(call, request->flags, FP_SYNC_POWER);
    if (status != FP_OK) return status;
    if (writer->ended) return fp_fail(call, FP_E_INVALID, 0, 0, "the write is over");
    if (request->size != writer->offset)
        return fp_fail(call, FP_E_INVALID, 0, 0, "%" PRIu64 " bytes are staged, not %" PRIu64, writer->offset,
                       request->size);
    if (request->digest_alg != FP_DIGEST_NONE)
        return fp_fail(call, FP_E_UNSUPPORTED, 0, 0, "caps.digests names no digest");
    bool power = request->flags & FP_SYNC_POWER;
    /* The kernel's own time stamps are coarse; this one makes the entity tag differ from that of any other version. */
    int64_t time = now(CLOCK_REALTIME);
    struct timespec stamp = {time / NANOSECONDS, time % NANOSECONDS};
    struct stat staged;
    if (futimens(writer->file, (struct timespec[]){stamp, stamp}) != 0 || (power && fsync(writer->file) != 0))
        return failed(call, "flushing to disk");
    if (!publish(writer))
        return errno == ENOENT ? fp_fail(call, FP_E_GONE, errno, 0, "the session was dropped meanwhile")
                               : failed(call, "publishing");
    /* From here on it is published: what fails now may only say that nobody knows how durable it is. */
    writer->ended = writer->committed = true;
    if ((power && fsync(writer->objects) != 0) || fstat(writer->file, &staged) != 0) {
        call->error->flags |= FP_ERRF_OUTCOME_UNKNOWN;
        return failed(call, "flushing to disk");
    }
    unlinkat(writer->staging, writer->id, 0);
    describe(&staged, info);
    return FP_OK;
}
/* endregion */

/* region: write_abort */
static fp_status write_abort(fp_writer *writer, const fp_call *call)
{
    fp_status status = wanted(call);
    if (status != FP_OK) return status;
    if (writer->committed) return fp_fail(call, FP_E_INVALID, 0, 0, "the write is committed");
    drop(writer->staging, writer->id);
    writer->ended = true;
    return FP_OK;
}
/* endregion */

/* region: write_close */
/* Without a commit before it this equals a crash: a resumable session stays, a one-shot write leaves nothing. */
static void write_close(fp_writer *writer)
{
    if (!writer->resumable) unlinkat(writer->staging, writer->id, 0);
    free_writer(writer);
}
/* endregion */

/* region: write_discard */
static fp_status write_discard(fp_instance *store, const fp_call *call, fp_str token)
{
    fp_status status = wanted(call);
    char id[ID_LENGTH + 1];
    int staging;
    if (status != FP_OK || !token_id(token, id)) return status;
    if ((status = folder(store, call, "staging", &staging)) != FP_OK) return status;
    drop(staging, id);
    close(staging);
    return FP_OK;
}
/* endregion */

/* region: remove */
/* Open readers keep the file that they have. An object that is not there counts as removed. */
static fp_status remove_object(fp_instance *store, const fp_call *call, fp_str key, uint32_t flags)
{
    fp_status status = check(call, flags, 0);
    char name[KEY_MAX + 1];
    if (status == FP_OK) status = file_name(call, key, name);
    int objects;
    if (status != FP_OK || (status = folder(store, call, "objects", &objects)) != FP_OK) return status;
    if (unlinkat(objects, name, 0) != 0 && errno != ENOENT) status = failed(call, "removing");
    close(objects);
    return status;
}
/* endregion */

/* ---------------------------------------------------------------------------------------------- lists */

struct names {
    char **list;
    size_t count, room;
};

static void free_names(struct names *names)
{
    while (names->count) free(names->list[--names->count]);
    free(names->list);
}

static int by_bytes(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The keys in a folder, in the order of their bytes; `suffix` is taken off, and what does not have it left out. */
static fp_status read_names(const fp_call *call, int folder, const char *suffix, struct names *names)
{
    int again = openat(folder, ".", O_DIRECTORY | O_CLOEXEC);
    DIR *stream = again < 0 ? NULL : fdopendir(again);
    if (!stream) {
        if (again >= 0) close(again);
        return failed(call, "listing");
    }
    fp_status status = FP_OK;
    for (struct dirent *entry; status == FP_OK && (entry = readdir(stream));) {
        size_t length = strlen(entry->d_name), tail = strlen(suffix);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 || length < tail ||
            strcmp(entry->d_name + length - tail, suffix) != 0)
            continue;
        if (names->count == names->room) {
            size_t room = names->room ? 2 * names->room : 64;
            char **grown = realloc(names->list, room * sizeof *grown);
            if (!grown) {
                status = FP_E_NO_MEMORY;
                break;
            }
            names->list = grown;
            names->room = room;
        }
        char *name = strndup(entry->d_name, length - tail);
        if (name) {
            swap(name, '\\', '/');
            names->list[names->count++] = name;
        } else status = FP_E_NO_MEMORY;
    }
    closedir(stream);
    if (names->count) qsort(names->list, names->count, sizeof *names->list, by_bytes);
    return status;
}

static bool begins(const char *text, fp_str prefix)
{
    return !prefix.ptr || strncmp(text, prefix.ptr, prefix.len) == 0;
}

static bool is_after(const char *text, fp_str other)
{
    if (!other.ptr || other.len == 0) return true;
    size_t length = strlen(text), shared = length < other.len ? length : other.len;
    int order = memcmp(text, other.ptr, shared);
    return order > 0 || (order == 0 && length > other.len);
}

static fp_str str(const char *text)
{
    return (fp_str){text, strlen(text)};
}

/* region: list */
static fp_status list(fp_instance *store, const fp_call *call, const fp_list_req *request, fp_entry_fn emit,
                      void *context, fp_list_res *result)
{
    result->more = 0;
    result->cursor.len = 0;
    fp_status status = check(call, request->flags, 0);
    int objects;
    if (status != FP_OK || (status = folder(store, call, "objects", &objects)) != FP_OK) return status;
    struct names names = {0};
    status = read_names(call, objects, "", &names);
    uint32_t sent = 0;
    const char *last = NULL;
    bool stopped = false;
    for (size_t i = 0; status == FP_OK && i < names.count; i++) {
        const char *key = names.list[i];
        if (!begins(key, request->prefix) || !is_after(key, request->cursor) || !is_after(key, request->start_after))
            continue;
        if (stopped || sent == request->max_entries) {
            result->more = 1;
            put(&result->cursor, last, strlen(last));
            break;
        }
        char name[KEY_MAX + 1], etag[FP_ETAG_MAX];
        struct stat found;
        if ((status = file_name(call, str(key), name)) != FP_OK) break;
        /* Removed since the folder was read. */
        if (fstatat(objects, name, &found, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(found.st_mode)) continue;
        fp_info info = {.struct_size = sizeof info, .etag = {etag, sizeof etag, 0}};
        describe(&found, &info);
        fp_entry entry = {.struct_size = sizeof entry, .key = str(key), .size = info.size, .mtime_ns = info.mtime_ns,
                          .etag = {etag, info.etag.len}};
        stopped = emit(context, &entry) != 0;
        sent++;
        last = key;
    }
    free_names(&names);
    close(objects);
    return status;
}
/* endregion */

/* What nobody can ask for any more: sessions without a sign of life, bytes of one-shot writes whose process died, and
 * the memory of commits that are long past. */
static void sweep(int staging, const char *name)
{
    struct stat status, bytes;
    if (fstatat(staging, name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        status.st_mtim.tv_sec + KEEP_SECONDS > now(CLOCK_REALTIME) / NANOSECONDS)
        return;
    char id[ID_LENGTH + 1];
    snprintf(id, sizeof id, "%s", name);
    if (strlen(name) != ID_LENGTH) {
        if (fstatat(staging, id, &bytes, AT_SYMLINK_NOFOLLOW) != 0) unlinkat(staging, name, 0);
        return;
    }
    int file = openat(staging, id, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) == 0) drop(staging, id);
    if (file >= 0) close(file);
}

/* region: list_pending */
static fp_status list_pending(fp_instance *store, const fp_call *call, const fp_list_req *request, fp_entry_fn emit,
                              void *context, fp_list_res *result)
{
    result->more = 0;
    result->cursor.len = 0;
    fp_status status = check(call, request->flags, 0);
    int staging;
    if (status != FP_OK || (status = folder(store, call, "staging", &staging)) != FP_OK) return status;
    struct names names = {0};
    status = read_names(call, staging, "", &names);
    uint32_t sent = 0;
    const char *last = NULL;
    bool stopped = false;
    for (size_t i = 0; status == FP_OK && i < names.count; i++) {
        const char *id = names.list[i];
        char key[KEY_MAX + 1], token[TOKEN_LENGTH + 1];
        bool if_free;
        struct stat found;
        sweep(staging, id);
        if (strlen(id) != ID_LENGTH || !is_after(id, request->cursor) ||
            fstatat(staging, id, &found, AT_SYMLINK_NOFOLLOW) != 0 || !read_key_file(staging, id, &if_free, key))
            continue;
        swap(key, '\\', '/');
        if (!begins(key, request->prefix)) continue;
        if (stopped || sent == request->max_entries) {
            result->more = 1;
            put(&result->cursor, last, strlen(last));
            break;
        }
        snprintf(token, sizeof token, "%c%s", TOKEN_VERSION, id);
        fp_entry entry = {.struct_size = sizeof entry, .flags = FP_EF_PENDING, .key = str(key),
                          .size = (uint64_t)found.st_size, .mtime_ns = modified(&found), .token = str(token)};
        stopped = emit(context, &entry) != 0;
        sent++;
        last = id;
    }
    free_names(&names);
    close(staging);
    return status;
}
/* endregion */

/* ---------------------------------------------------------------------------------------------- the table */

/* region: table */
static const fp_plugin table = {
    .head = FP_HEAD_INIT(0),
    .name = "FolderStore",
    .version = "0.1.0",
    .vendor = "fphost",
    .license = "0BSD",
    .description = "Keeps objects in one folder.",
    .threading_max = FP_THREADS_PARALLEL,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .option_size = sizeof(fp_option),
    .create = create,
    .destroy = destroy,
    .caps = caps,
    .health = health,
    .stat = stat_object,
    .read_open = read_open,
    .read = read_some,
    .read_close = read_close,
    .write_begin = write_begin,
    .write_resume = write_resume,
    .write = write_some,
    .write_sync = write_sync,
    .write_commit = write_commit,
    .write_abort = write_abort,
    .write_close = write_close,
    .write_discard = write_discard,
    .remove = remove_object,
    .list = list,
    .list_pending = list_pending,
};

FP_PLUGIN_REGISTER(table)
/* endregion */
