/* The least that a plugin may be: the required slots and nothing else, one call at a time.  Objects are files. */
#define _GNU_SOURCE
#define FP_HELPERS
#include "fp_plugin.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fp_instance {
    char root[1024];
    unsigned long writers;
};

struct fp_reader {
    int fd;
    uint64_t at, left;
};

struct fp_writer {
    int fd;
    uint64_t size;
    char staged[1200], path[2100];
    size_t root;
};

static fp_status refuse_flags(const fp_call *call, uint32_t flags)
{
    return flags ? fp_fail(call, FP_E_UNSUPPORTED, 0, 0, "unknown flags %x", flags) : FP_OK;
}

/* The host promises sound keys; what would leave the directory is refused all the same. */
static fp_status object_path(const fp_instance *in, const fp_call *call, fp_str key, char *path)
{
    int n = snprintf(path, 2100, "%s/%.*s/", in->root, (int)key.len, key.ptr);
    if (n >= 2100 || key.ptr[0] == '/' || strstr(path, "/../") || strstr(path, "/./"))
        return fp_fail(call, FP_E_INVALID, 0, 0, "the key cannot be a path");
    path[n - 1] = 0;
    return FP_OK;
}

static fp_status create(const fp_host *host, const fp_node *config, const fp_call *call, fp_instance **out)
{
    char path[1200];
    (void)host;
    const fp_node *location = fp_find(config, "location");
    fp_instance *in = calloc(1, sizeof *in);
    if (!in) return FP_E_NO_MEMORY;
    snprintf(in->root, sizeof in->root, "%.*s", (int)location->text.len, location->text.ptr);
    mkdir(in->root, 0700);
    snprintf(path, sizeof path, "%s/.fp", in->root);
    mkdir(path, 0700);
    (void)call;
    *out = in;
    return FP_OK;
}

static void destroy(fp_instance *in) { free(in); }

static fp_status caps(fp_instance *in, fp_caps *out)
{
    (void)in;
    out->threading = FP_THREADS_SERIAL_INSTANCE;
    out->max_key_bytes = 1024;
    out->max_object_size = FP_SIZE_UNKNOWN;
    return FP_OK;
}

static fp_status health(fp_instance *in, const fp_call *call, uint32_t flags, fp_health *out)
{
    fp_status status = refuse_flags(call, flags & ~FP_HEALTHF_DEEP);
    if (status) return status;
    out->state = access(in->root, R_OK | W_OK | X_OK) ? FP_HEALTH_DOWN : FP_HEALTH_OK;
    out->total_bytes = out->used_bytes = out->free_bytes = FP_SIZE_UNKNOWN;
    return FP_OK;
}

static fp_status open_object(fp_instance *in, const fp_call *call, fp_str key, int *fd, struct stat *st)
{
    char path[2100];
    fp_status status = object_path(in, call, key, path);
    if (status) return status;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd >= 0 && fstat(*fd, st) == 0 && S_ISREG(st->st_mode)) return FP_OK;
    if (*fd >= 0) close(*fd);
    return fp_fail(call, FP_E_NOT_FOUND, 0, 0, "there is no such object");
}

static void fill_info(const struct stat *st, fp_info *info)
{
    info->size = (uint64_t)st->st_size;
    info->mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

static fp_status stat_object(fp_instance *in, const fp_call *call, fp_str key, uint32_t flags, fp_info *out)
{
    struct stat st;
    int fd;
    fp_status status = refuse_flags(call, flags);
    if (!status) status = open_object(in, call, key, &fd, &st);
    if (status) return status;
    close(fd);
    fill_info(&st, out);
    return FP_OK;
}

static fp_status read_open(fp_instance *in, const fp_call *call, const fp_read_req *req, fp_reader **out, fp_info *info)
{
    struct stat st;
    int fd;
    fp_status status = refuse_flags(call, req->flags);
    if (!status) status = open_object(in, call, req->key, &fd, &st);
    if (status) return status;
    uint64_t size = (uint64_t)st.st_size;
    fp_reader *r = NULL;
    if (req->offset > size || (req->offset == size && req->length && size))
        status = fp_fail(call, FP_E_RANGE, 0, 0, "the object ends before");
    else if (!(r = calloc(1, sizeof *r)))
        status = FP_E_NO_MEMORY;
    if (status) {
        close(fd);
        return status;
    }
    r->fd = fd;
    r->at = req->offset;
    r->left = size - req->offset < req->length ? size - req->offset : req->length;
    fill_info(&st, info);
    *out = r;
    return FP_OK;
}

static fp_status read_some(fp_reader *r, const fp_call *call, void *buf, size_t cap, size_t *n)
{
    ssize_t got = r->left ? pread(r->fd, buf, r->left < cap ? (size_t)r->left : cap, (off_t)r->at) : 0;
    if (got < 0 || (got == 0 && r->left)) return fp_fail(call, FP_E_TRANSIENT, got ? errno : 0, 0, "the object cannot be read");
    r->at += (uint64_t)got;
    r->left -= (uint64_t)got;
    *n = (size_t)got;
    return FP_OK;
}

static void read_close(fp_reader *r)
{
    close(r->fd);
    free(r);
}

static fp_status write_begin(fp_instance *in, const fp_call *call, const fp_write_req *req, fp_writer **out, fp_write_state *st)
{
    (void)st;
    fp_status status = refuse_flags(call, req->flags);
    if (status) return status;
    fp_writer *w = calloc(1, sizeof *w);
    if (!w) return FP_E_NO_MEMORY;
    w->root = strlen(in->root);
    status = object_path(in, call, req->key, w->path);
    snprintf(w->staged, sizeof w->staged, "%s/.fp/%d-%lu-XXXXXX", in->root, getpid(), ++in->writers);
    if (!status && (w->fd = mkostemp(w->staged, O_CLOEXEC)) < 0) status = fp_fail(call, FP_E_TRANSIENT, errno, 0, "no room to write");
    if (status) free(w);
    else *out = w;
    return status;
}

static fp_status write_some(fp_writer *w, const fp_call *call, uint64_t offset, const void *buf, size_t len)
{
    if (offset != w->size) return fp_fail(call, FP_E_INVALID, 0, 0, "the next byte is %llu", (unsigned long long)w->size);
    for (size_t done = 0; done < len;) {
        ssize_t got = pwrite(w->fd, (const char *)buf + done, len - done, (off_t)(offset + done));
        if (got < 0) return fp_fail(call, errno == ENOSPC ? FP_E_NO_SPACE : FP_E_TRANSIENT, errno, 0, "the bytes cannot be written");
        done += (size_t)got;
    }
    w->size += len;
    return FP_OK;
}

static fp_status write_commit(fp_writer *w, const fp_call *call, const fp_commit_req *req, fp_info *info)
{
    struct stat st;
    fp_status status = refuse_flags(call, req->flags);
    if (status) return status;
    if (req->digest_alg != FP_DIGEST_NONE) return fp_fail(call, FP_E_UNSUPPORTED, 0, 0, "no digest is verified");
    if (req->size != w->size) return fp_fail(call, FP_E_INVALID, 0, 0, "%llu bytes were written", (unsigned long long)w->size);
    for (char *slash = w->path + w->root + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(w->path, 0700);
        *slash = '/';
    }
    if (fstat(w->fd, &st) || rename(w->staged, w->path)) {
        int is_below = errno == ENOTDIR || errno == EISDIR || errno == EEXIST || errno == ENOTEMPTY;
        return fp_fail(call, is_below ? FP_E_EXISTS : FP_E_TRANSIENT, errno, 0, "the object cannot be published");
    }
    fill_info(&st, info);
    return FP_OK;
}

static fp_status write_abort(fp_writer *w, const fp_call *call)
{
    (void)call;
    unlink(w->staged);
    return FP_OK;
}

static void write_close(fp_writer *w)
{
    unlink(w->staged);
    close(w->fd);
    free(w);
}

static fp_status remove_object(fp_instance *in, const fp_call *call, fp_str key, uint32_t flags)
{
    char path[2100];
    fp_status status = refuse_flags(call, flags);
    if (!status) status = object_path(in, call, key, path);
    if (!status && unlink(path) && errno != ENOENT && errno != ENOTDIR && errno != EISDIR && errno != EPERM)
        status = fp_fail(call, FP_E_TRANSIENT, errno, 0, "the object cannot be removed");
    return status;
}

static const fp_option options[] = {{"location", FP_T_PATH, FP_OPT_REQUIRED, NULL, NULL, 0, 0, "The directory."}};

static const fp_plugin table = {
    .head = FP_HEAD_INIT(0), .name = "Minimal", .version = "0.1.0", .threading_max = FP_THREADS_SERIAL_INSTANCE,
    .n_options = 1, .options = options, .option_size = sizeof(fp_option), .create = create, .destroy = destroy,
    .caps = caps, .health = health, .stat = stat_object, .read_open = read_open, .read = read_some,
    .read_close = read_close, .write_begin = write_begin, .write = write_some, .write_commit = write_commit,
    .write_abort = write_abort, .write_close = write_close, .remove = remove_object,
};

FP_PLUGIN_REGISTER(table)
