/* A store in memory that keeps the whole contract, and breaks any part of it on request: see control.h. */
#define _GNU_SOURCE
#define FP_HELPERS
#include "fp_plugin.h"

#include "control.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef NAME
#define NAME "Memory"
#endif

typedef struct object {
    struct object *next;
    char key[1025];
    unsigned char *bytes;
    uint64_t size, version;
    int references;
} object;

typedef struct session {
    struct session *next;
    char key[1025];
    unsigned char *bytes;
    uint64_t size, room, durable, expected, id;
    uint32_t flags;
    int attached, committed;
} session;

struct fp_instance {
    const fp_host *host;
    pthread_mutex_t lock;
    object *objects;
    session *sessions;
    int64_t *control;
    int files;
    uint64_t next_id;
    uint64_t caps;
    uint32_t threading, concurrency;
    int discards;
    char secret[256];
};

struct fp_reader {
    fp_instance *in;
    object *of;
    uint64_t at, left;
};

struct fp_writer {
    fp_instance *in;
    session *of;
    int poisoned;
};

static const uint64_t all_caps =
    FP_CAP_RESUMABLE | FP_CAP_DURABLE_TAIL | FP_CAP_ATOMIC_REPLACE | FP_CAP_ATOMIC_CREATE | FP_CAP_READ_AFTER_WRITE |
    FP_CAP_LIST | FP_CAP_LIST_PENDING | FP_CAP_COPY | FP_CAP_MOVE | FP_CAP_IF_MATCH | FP_CAP_PRESIGN | FP_CAP_REWIND;

/* ---- faults */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void leave(fp_instance *in, int op)
{
    control_add(in->control, op, IN_FLIGHT, -1);
    control_add(in->control, OP_ALL, IN_FLIGHT, -1);
}

static fp_status sleep_for(const fp_call *call, int64_t ms)
{
    int64_t end = now_ns() + ms * 1000000;
    for (;;) {
        int64_t now = now_ns();
        if (now >= end) return FP_OK;
        if (call->is_cancelled(call)) return now >= call->deadline_ns ? FP_E_TIMEOUT : FP_E_CANCELLED;
        int64_t until = end < call->deadline_ns ? end : call->deadline_ns;
        struct pollfd fd = {.fd = call->cancel_fd, .events = POLLIN};
        int64_t wait = (until - now) / 1000000 + 1;
        poll(&fd, 1, wait > 1000000 ? 1000000 : (int)wait);
    }
}

/* FP_OK, or the status that the test wants. */
static fp_status fault(fp_instance *in, int op, const fp_call *call)
{
    int64_t *c = in->control;
    int64_t left = control_get(c, op, FAULTS_LEFT);
    if (left > 0) left = control_add(c, op, FAULTS_LEFT, -1) + 1;
    if (left == 0) return FP_OK;
    if (control_get(c, op, SPARED) > 0) {
        control_add(c, op, SPARED, -1);
        if (left > 0) control_add(c, op, FAULTS_LEFT, 1);
        return FP_OK;
    }
    fp_status status = (fp_status)control_get(c, op, FAULT);
    int number = (int)control_get(c, op, OS_ERRNO);
    call->error->retry_after_ms = (uint32_t)control_get(c, op, RETRY_AFTER);
    call->error->flags = (uint32_t)control_get(c, op, ERROR_FLAGS);
    return fp_fail(call, status, number ? number : EIO, 599, "asked to fail,\n with %s", in->secret);
}

static fp_status fault_after(fp_instance *in, int op, const fp_call *call, fp_status status)
{
    return status == FP_OK && control_get(in->control, op, AFTER) ? fault(in, op, call) : status;
}

static int is_refused(fp_instance *in, int op, fp_str key)
{
    return control_get(in->control, op, REFUSAL) && strncmp(key.ptr, "refused", 7) == 0;
}

/* FNV-1a, 64 bits. */
static int64_t fingerprint(fp_str text)
{
    if (!text.len) return 0;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < text.len; i++) hash = (hash ^ (unsigned char)text.ptr[i]) * 0x100000001b3u;
    return (int64_t)hash;
}

static fp_status enter(fp_instance *in, int op, const fp_call *call)
{
    int64_t *c = in->control;
    control_add(c, op, CALLS, 1);
    control_add(c, OP_ALL, CALLS, 1);
    control_peak(c, op, control_add(c, op, IN_FLIGHT, 1));
    control_peak(c, OP_ALL, control_add(c, OP_ALL, IN_FLIGHT, 1));
    while (control_get(c, op, GATE)) usleep(500);
    if (!call) return FP_OK;
    control_set(c, op, TRACE, fingerprint(call->trace_id));
    fp_status status = FP_OK;
    int64_t ms = control_get(c, op, SLEEP_MS);
    if (ms) status = sleep_for(call, ms);
    if (status == FP_OK && !control_get(c, op, AFTER)) status = fault(in, op, call);
    if (status != FP_OK) leave(in, op);
    return status;
}

#define ENTER(in, op, call)                       \
    do {                                          \
        fp_status entered = enter(in, op, call);  \
        if (entered != FP_OK) return entered;     \
    } while (0)
#define LEAVE(in, op, status)                                   \
    do {                                                        \
        fp_status left_with = fault_after(in, op, call, status); \
        leave(in, op);                                          \
        return left_with;                                       \
    } while (0)
/* A server that takes no such key, and says so by a failure that means nothing. */
#define REFUSE(in, op, call, key)                                                                       \
    do {                                                                                                \
        if (is_refused(in, op, key)) {                                                                  \
            leave(in, op);                                                                              \
            return fp_fail(call, (fp_status)control_get((in)->control, op, REFUSAL), 0, 4, "Failure"); \
        }                                                                                               \
    } while (0)
#define LIES(in, op, n) (control_get((in)->control, op, LIE) == (n))

/* ---- objects */

static void put_buf(fp_buf *b, const void *bytes, size_t len)
{
    if (b->cap < len) return;
    memcpy(b->ptr, bytes, len);
    b->len = len;
}

static object *find(fp_instance *in, const char *key)
{
    for (object *o = in->objects; o; o = o->next)
        if (strcmp(o->key, key) == 0) return o;
    return NULL;
}

static void drop(object *o)
{
    if (--o->references) return;
    free(o->bytes);
    free(o);
}

static void unlink_object(fp_instance *in, object *o)
{
    for (object **p = &in->objects; *p; p = &(*p)->next)
        if (*p == o) {
            *p = o->next;
            drop(o);
            return;
        }
}

static void fill_info(const object *o, fp_info *info)
{
    char etag[32];
    info->size = o->size;
    info->mtime_ns = 1700000000000000000ll + (int64_t)o->version;
    put_buf(&info->etag, etag, (size_t)snprintf(etag, sizeof etag, "v%llu", (unsigned long long)o->version));
}

static object *publish(fp_instance *in, const char *key, const unsigned char *bytes, uint64_t size)
{
    object *old = find(in, key), *o = calloc(1, sizeof *o);
    if (old) unlink_object(in, old);
    strcpy(o->key, key);
    o->bytes = malloc(size ? size : 1);
    memcpy(o->bytes, bytes, size);
    o->size = size;
    o->version = ++in->next_id;
    o->references = 1;
    o->next = in->objects;
    in->objects = o;
    return o;
}

/* ---- life cycle */

static fp_status validate(const fp_host *host, const fp_node *config, const fp_call *call)
{
    (void)host;
    const fp_node *n = fp_find(config, "group.number");
    if (n && n->i64 == 13) return fp_fail(call, FP_E_CONFIG, 0, 0, "group.number must not be 13");
    return FP_OK;
}

static fp_status create(const fp_host *host, const fp_node *config, const fp_call *call, fp_instance **out)
{
    fp_instance *in = calloc(1, sizeof *in);
    const fp_node *n;
    in->host = host;
    pthread_mutex_init(&in->lock, NULL);
    in->caps = all_caps;
    in->threading = FP_THREADS_PARALLEL;
    if ((n = fp_find(config, "files"))) in->files = (int)n->i64;
    if ((n = fp_find(config, "control"))) in->control = (int64_t *)(intptr_t)n->i64;
    if ((n = fp_find(config, "caps"))) in->caps = (uint64_t)n->i64;
    if ((n = fp_find(config, "concurrency"))) in->concurrency = (uint32_t)n->i64;
    if ((n = fp_find(config, "discard"))) in->discards = (int)n->i64;
    if ((n = fp_find(config, "threading")))
        in->threading = strcmp(n->text.ptr, "library") == 0    ? FP_THREADS_SERIAL_LIBRARY
                        : strcmp(n->text.ptr, "instance") == 0 ? FP_THREADS_SERIAL_INSTANCE
                                                               : FP_THREADS_PARALLEL;
    if ((n = fp_find(config, "secret"))) snprintf(in->secret, sizeof in->secret, "%s", n->text.ptr);
    fp_status status = enter(in, OP_CREATE, call);
    if (status != FP_OK) {
        free(in);
        return status;
    }
    char line[512];
    fp_kv field = {{"secret", 6}, {in->secret, strlen(in->secret)}};
    int len = snprintf(line, sizeof line, "opened with %s\nby trace %.*s", in->secret, (int)call->trace_id.len,
                       call->trace_id.ptr ? call->trace_id.ptr : "");
    host->log(host, FP_LOG_INFO, (fp_str){line, (size_t)len}, &field, 1);
    *out = LIES(in, OP_CREATE, 1) ? NULL : in;
    LEAVE(in, OP_CREATE, FP_OK);
}

static void destroy(fp_instance *in)
{
    enter(in, OP_DESTROY, NULL);
    while (in->objects) unlink_object(in, in->objects);
    while (in->sessions) {
        session *s = in->sessions;
        in->sessions = s->next;
        free(s->bytes);
        free(s);
    }
    leave(in, OP_DESTROY);
    free(in);
}

static fp_status caps(fp_instance *in, fp_caps *out)
{
    out->threading = in->threading;
    out->flags = in->caps;
    out->max_concurrency = in->concurrency;
    out->max_key_bytes = LIES(in, OP_CREATE, 2) ? 4096 : 1024;
    out->max_object_size = FP_SIZE_UNKNOWN;
    out->durable_unit = 1;
    out->rewind_unit = 1;
    /* Learnt on first contact, as SFTP learns its extensions. */
    if (control_get(in->control, OP_HEALTH, CALLS)) out->flags |= FP_CAP_SPACE;
    return FP_OK;
}

static fp_status health(fp_instance *in, const fp_call *call, uint32_t flags, fp_health *out)
{
    ENTER(in, OP_HEALTH, call);
    if (flags & FP_HEALTHF_DEEP)
        for (int op = OP_WRITE_BEGIN; op <= OP_WRITE_COMMIT; op++) {
            fp_status status = control_get(in->control, op, AFTER) ? FP_OK : fault(in, op, call);
            if (status != FP_OK) LEAVE(in, OP_HEALTH, status);
        }
    out->limits = (uint32_t)control_get(in->control, OP_HEALTH, LIMITS);
    out->state = LIES(in, OP_HEALTH, 1) ? 9 : LIES(in, OP_HEALTH, 2) ? FP_HEALTH_DOWN
                 : out->limits           ? FP_HEALTH_DEGRADED
                                         : FP_HEALTH_OK;
    out->total_bytes = 1000;
    int64_t free_bytes = control_get(in->control, OP_HEALTH, FREE);
    out->free_bytes = free_bytes < 0 ? FP_SIZE_UNKNOWN : free_bytes ? (uint64_t)free_bytes : 400;
    put_buf(&out->detail, "in memory", 9);
    LEAVE(in, OP_HEALTH, FP_OK);
}

/* ---- reading */

static fp_status stat_object(fp_instance *in, const fp_call *call, fp_str key, uint32_t flags, fp_info *out)
{
    ENTER(in, OP_STAT, call);
    REFUSE(in, OP_STAT, call, key);
    if (flags) LEAVE(in, OP_STAT, FP_E_UNSUPPORTED);
    if (key.ptr[key.len] != '\0') LEAVE(in, OP_STAT, FP_E_INTERNAL);
    if (LIES(in, OP_STAT, 1)) LEAVE(in, OP_STAT, FP_OK);
    if (LIES(in, OP_STAT, 2)) {
        out->size = 1;
        out->etag.len = 100000;
        LEAVE(in, OP_STAT, FP_OK);
    }
    if (strcmp(key.ptr, "probe/signals") == 0) {
        sigset_t blocked;
        pthread_sigmask(SIG_SETMASK, NULL, &blocked);
        out->size = (uint64_t)(sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGINT) &&
                               sigismember(&blocked, SIGUSR1) && sigismember(&blocked, SIGCHLD));
        LEAVE(in, OP_STAT, FP_OK);
    }
    if (strcmp(key.ptr, "probe/stack") == 0) {
        pthread_attr_t attributes;
        size_t size = 0;
        pthread_getattr_np(pthread_self(), &attributes);
        pthread_attr_getstacksize(&attributes, &size);
        pthread_attr_destroy(&attributes);
        out->size = size;
        LEAVE(in, OP_STAT, FP_OK);
    }
    if (strcmp(key.ptr, "probe/thread") == 0) {
        out->size = (uint64_t)gettid();
        LEAVE(in, OP_STAT, FP_OK);
    }
    if (strncmp(key.ptr, "log/", 4) == 0) {
        for (int i = atoi(key.ptr + 4); i > 0; i--) in->host->log(in->host, FP_LOG_INFO, key, NULL, 0);
        out->size = 0;
        LEAVE(in, OP_STAT, FP_OK);
    }
    if (strncmp(key.ptr, "alloc/", 6) == 0) {
        void *p = in->host->alloc(in->host, (size_t)atoi(key.ptr + 6));
        p = in->host->realloc(in->host, p, 2 * (size_t)atoi(key.ptr + 6));
        if (!strstr(key.ptr, "leak")) in->host->free(in->host, p);
        out->size = 0;
        LEAVE(in, OP_STAT, FP_OK);
    }
    pthread_mutex_lock(&in->lock);
    object *o = find(in, key.ptr);
    if (o) fill_info(o, out);
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_STAT, o ? FP_OK : FP_E_NOT_FOUND);
}

static fp_status read_open(fp_instance *in, const fp_call *call, const fp_read_req *req, fp_reader **out, fp_info *info)
{
    ENTER(in, OP_READ_OPEN, call);
    fp_status status = FP_OK;
    char etag[32];
    pthread_mutex_lock(&in->lock);
    object *o = find(in, req->key.ptr);
    if (!o) status = FP_E_NOT_FOUND;
    else if (req->offset > o->size || (req->offset == o->size && req->length && o->size)) status = FP_E_RANGE;
    else if (req->if_match.len) {
        snprintf(etag, sizeof etag, "v%llu", (unsigned long long)o->version);
        if (strcmp(etag, req->if_match.ptr) != 0) status = FP_E_PRECONDITION;
    }
    if (status == FP_OK && !LIES(in, OP_READ_OPEN, 1)) {
        fp_reader *r = calloc(1, sizeof *r);
        r->in = in;
        r->of = o;
        o->references++;
        r->at = req->offset;
        r->left = o->size - req->offset < req->length ? o->size - req->offset : req->length;
        *out = r;
        fill_info(o, info);
    }
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_READ_OPEN, status);
}

static fp_status read_some(fp_reader *r, const fp_call *call, void *buf, size_t cap, size_t *n)
{
    fp_instance *in = r->in;
    ENTER(in, OP_READ, call);
    size_t count = r->left < cap ? (size_t)r->left : cap;
    if (LIES(in, OP_READ, 1) && count > 1) count = 1;
    if (LIES(in, OP_READ, 2)) {
        *n = cap + 100;
        LEAVE(in, OP_READ, FP_OK);
    }
    if (LIES(in, OP_READ, 3)) {
        *n = 0;
        LEAVE(in, OP_READ, FP_OK);
    }
    if (LIES(in, OP_READ, 4) && count > 100000) count = 100000;
    memcpy(buf, r->of->bytes + r->at, count);
    r->at += count;
    r->left -= count;
    *n = count;
    LEAVE(in, OP_READ, FP_OK);
}

/* LIE 1: FP_OK and no descriptor; 2: more bytes than are left. */
static fp_status read_fd(fp_reader *r, const fp_call *call, fp_file_piece *out)
{
    fp_instance *in = r->in;
    ENTER(in, OP_READ_FD, call);
    if (LIES(in, OP_READ_FD, 1)) LEAVE(in, OP_READ_FD, FP_OK);
    int fd = memfd_create("object", MFD_CLOEXEC);
    if (fd < 0 || pwrite(fd, r->of->bytes + r->at, r->left, 100) != (ssize_t)r->left) {
        if (fd >= 0) close(fd);
        LEAVE(in, OP_READ_FD, fp_fail(call, FP_E_INTERNAL, 0, 0, "memfd"));
    }
    out->fd = fd;
    out->offset = 100;
    out->length = r->left + LIES(in, OP_READ_FD, 2);
    LEAVE(in, OP_READ_FD, FP_OK);
}

static void read_close(fp_reader *r)
{
    fp_instance *in = r->in;
    enter(in, OP_READ_CLOSE, NULL);
    pthread_mutex_lock(&in->lock);
    drop(r->of);
    pthread_mutex_unlock(&in->lock);
    free(r);
    leave(in, OP_READ_CLOSE);
}

/* ---- writing */

static void put_token(const session *s, fp_buf *b)
{
    char token[32];
    put_buf(b, token, (size_t)snprintf(token, sizeof token, "session-%llu", (unsigned long long)s->id));
}

static void free_session(fp_instance *in, session *s)
{
    for (session **p = &in->sessions; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            free(s->bytes);
            free(s);
            return;
        }
}

static session *find_session(fp_instance *in, fp_str token)
{
    for (session *s = in->sessions; s; s = s->next) {
        char name[32];
        snprintf(name, sizeof name, "session-%llu", (unsigned long long)s->id);
        if (strcmp(name, token.ptr) == 0) return s;
    }
    return NULL;
}

static fp_status write_begin(fp_instance *in, const fp_call *call, const fp_write_req *req, fp_writer **out,
                             fp_write_state *st)
{
    ENTER(in, OP_WRITE_BEGIN, call);
    REFUSE(in, OP_WRITE_BEGIN, call, req->key);
    if (req->flags & ~(FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS)) LEAVE(in, OP_WRITE_BEGIN, FP_E_UNSUPPORTED);
    if (LIES(in, OP_WRITE_BEGIN, 1)) LEAVE(in, OP_WRITE_BEGIN, FP_OK);
    for (size_t i = 0; i < req->n_metadata; i++)
        if (req->metadata[i].key.ptr[req->metadata[i].key.len] || req->metadata[i].value.ptr[req->metadata[i].value.len])
            LEAVE(in, OP_WRITE_BEGIN, FP_E_INTERNAL);
    session *s = calloc(1, sizeof *s);
    fp_writer *w = calloc(1, sizeof *w);
    strcpy(s->key, req->key.ptr);
    s->flags = req->flags;
    s->attached = 1;
    w->in = in;
    w->of = s;
    pthread_mutex_lock(&in->lock);
    s->id = ++in->next_id;
    s->next = in->sessions;
    in->sessions = s;
    pthread_mutex_unlock(&in->lock);
    if (req->flags & FP_W_RESUMABLE && !LIES(in, OP_WRITE_BEGIN, 2)) put_token(s, &st->token);
    if (LIES(in, OP_WRITE_BEGIN, 3)) st->token.len = 1000000;
    *out = w;
    LEAVE(in, OP_WRITE_BEGIN, FP_OK);
}

static fp_status write_resume(fp_instance *in, const fp_call *call, const fp_resume_req *req, fp_writer **out,
                              fp_write_state *st)
{
    ENTER(in, OP_WRITE_RESUME, call);
    fp_status status = FP_OK;
    pthread_mutex_lock(&in->lock);
    session *s = find_session(in, req->token);
    if (!s) status = FP_E_GONE;
    else if (s->committed) st->state = FP_WS_COMMITTED;
    else if (s->attached) status = FP_E_CONFLICT;
    else if (req->offset != FP_SIZE_UNKNOWN && req->offset > s->durable) status = FP_E_RANGE;
    else {
        fp_writer *w = calloc(1, sizeof *w);
        if (req->offset != FP_SIZE_UNKNOWN) s->durable = req->offset;
        s->size = s->durable;
        s->attached = 1;
        w->in = in;
        w->of = s;
        st->durable_offset = LIES(in, OP_WRITE_RESUME, 1) ? s->durable + 1 : s->durable;
        *out = w;
    }
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_WRITE_RESUME, status);
}

static fp_status write_some(fp_writer *w, const fp_call *call, uint64_t offset, const void *buf, size_t len)
{
    fp_instance *in = w->in;
    session *s = w->of;
    fp_status entered = enter(in, OP_WRITE, call);
    if (entered != FP_OK) {
        w->poisoned = 1;
        return entered;
    }
    if (w->poisoned || offset != s->size) LEAVE(in, OP_WRITE, FP_E_INVALID);
    if (!in->discards) {
        if (s->size + len > s->room) {
            s->room = 2 * (s->size + len);
            s->bytes = realloc(s->bytes, s->room);
        }
        memcpy(s->bytes + s->size, buf, len);
    }
    s->size += len;
    LEAVE(in, OP_WRITE, FP_OK);
}

static fp_status write_sync(fp_writer *w, const fp_call *call, uint32_t flags, fp_write_state *st)
{
    fp_instance *in = w->in;
    ENTER(in, OP_WRITE_SYNC, call);
    if (flags & FP_SYNC_POWER) control_add(in->control, OP_WRITE_SYNC, POWER, 1);
    w->of->durable = w->of->size;
    st->durable_offset = LIES(in, OP_WRITE_SYNC, 1)   ? w->of->size + 1
                         : LIES(in, OP_WRITE_SYNC, 2) ? 0
                                                      : w->of->size;
    put_token(w->of, &st->token);
    LEAVE(in, OP_WRITE_SYNC, FP_OK);
}

static fp_status write_commit(fp_writer *w, const fp_call *call, const fp_commit_req *req, fp_info *info)
{
    fp_instance *in = w->in;
    session *s = w->of;
    fp_status status = FP_OK;
    ENTER(in, OP_WRITE_COMMIT, call);
    if (req->flags & FP_SYNC_POWER) control_add(in->control, OP_WRITE_COMMIT, POWER, 1);
    pthread_mutex_lock(&in->lock);
    if (req->size != s->size) status = FP_E_INVALID;
    else if (s->flags & FP_W_IF_NOT_EXISTS && find(in, s->key)) status = FP_E_EXISTS;
    else {
        fill_info(publish(in, s->key, s->bytes ? s->bytes : (const unsigned char *)"", in->discards ? 0 : s->size), info);
        if (in->discards) info->size = s->size;
        s->committed = 1;
        if (LIES(in, OP_WRITE_COMMIT, 1)) info->size++;
    }
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_WRITE_COMMIT, status);
}

static fp_status write_abort(fp_writer *w, const fp_call *call)
{
    fp_instance *in = w->in;
    ENTER(in, OP_WRITE_ABORT, call);
    w->of->flags &= ~FP_W_RESUMABLE;
    LEAVE(in, OP_WRITE_ABORT, FP_OK);
}

static void write_close(fp_writer *w)
{
    fp_instance *in = w->in;
    enter(in, OP_WRITE_CLOSE, NULL);
    pthread_mutex_lock(&in->lock);
    w->of->attached = 0;
    w->of->size = w->of->durable;
    if (!(w->of->flags & FP_W_RESUMABLE)) free_session(in, w->of);
    pthread_mutex_unlock(&in->lock);
    free(w);
    leave(in, OP_WRITE_CLOSE);
}

static fp_status write_discard(fp_instance *in, const fp_call *call, fp_str token)
{
    ENTER(in, OP_WRITE_DISCARD, call);
    pthread_mutex_lock(&in->lock);
    session *s = find_session(in, token);
    if (s) free_session(in, s);
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_WRITE_DISCARD, FP_OK);
}

/* ---- housekeeping */

static fp_status remove_object(fp_instance *in, const fp_call *call, fp_str key, uint32_t flags)
{
    (void)flags;
    ENTER(in, OP_REMOVE, call);
    pthread_mutex_lock(&in->lock);
    object *o = find(in, key.ptr);
    if (o) unlink_object(in, o);
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_REMOVE, FP_OK);
}

static fp_status hand_over(fp_instance *dst, fp_instance *src, const fp_copy_req *req, uint32_t *res, fp_info *info)
{
    object *o = find(src, req->src.ptr);
    if (!o) return FP_E_NOT_FOUND;
    if (req->flags & FP_COPY_IF_NOT_EXISTS && find(dst, req->dst.ptr)) return FP_E_EXISTS;
    fill_info(publish(dst, req->dst.ptr, o->bytes, o->size), info);
    if (req->flags & FP_COPY_MOVE) unlink_object(src, o);
    *res = FP_COPYR_ATOMIC;
    return FP_OK;
}

static fp_status copy(fp_instance *in, const fp_call *call, const fp_copy_req *req, uint32_t *res, fp_info *info)
{
    ENTER(in, OP_COPY, call);
    REFUSE(in, OP_COPY, call, req->dst);
    if (req->flags & FP_COPY_POWER) control_add(in->control, OP_COPY, POWER, 1);
    pthread_mutex_lock(&in->lock);
    fp_status status = hand_over(in, in, req, res, info);
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_COPY, status);
}

static fp_status transfer(fp_instance *dst, const fp_call *call, fp_instance *src, const fp_copy_req *req, uint32_t *res,
                          fp_info *info)
{
    ENTER(dst, OP_TRANSFER, call);
    REFUSE(dst, OP_TRANSFER, call, req->dst);
    if (req->flags & FP_COPY_POWER) control_add(dst->control, OP_TRANSFER, POWER, 1);
    fp_instance *first = dst < src ? dst : src, *second = dst < src ? src : dst;
    pthread_mutex_lock(&first->lock);
    pthread_mutex_lock(&second->lock);
    fp_status status = hand_over(dst, src, req, res, info);
    pthread_mutex_unlock(&second->lock);
    pthread_mutex_unlock(&first->lock);
    LEAVE(dst, OP_TRANSFER, status);
}

/* A plugin of an earlier minor version, whose entries end before the tag, or of a later one, whose go on. What lies
 * behind an earlier one's end must not be looked at. */
#if defined(PAST)
#define ENTRY_SIZE offsetof(fp_entry, etag)
#define ENTRY_ETAG {(const char *)1, 5}
#elif defined(FUTURE)
#define ENTRY_SIZE (sizeof(fp_entry) + 64)
#define ENTRY_ETAG {"tag", 3}
#else
#define ENTRY_SIZE sizeof(fp_entry)
#define ENTRY_ETAG {"tag", 3}
#endif

/* A cursor is the number of entries to skip; good enough while a test changes nothing in between. */
static fp_status list(fp_instance *in, const fp_call *call, const fp_list_req *req, fp_entry_fn fn, void *ctx,
                      fp_list_res *res)
{
    ENTER(in, OP_LIST, call);
    uint64_t skip = req->cursor.len ? strtoull(req->cursor.ptr, NULL, 10) : 0, seen = 0, given = 0;
    pthread_mutex_lock(&in->lock);
    for (object *o = in->objects; o; o = o->next) {
        if (strncmp(o->key, req->prefix.ptr ? req->prefix.ptr : "", req->prefix.len) != 0 || seen++ < skip) continue;
        if (given == req->max_entries && !LIES(in, OP_LIST, 1)) {
            char cursor[32];
            put_buf(&res->cursor, cursor, (size_t)snprintf(cursor, sizeof cursor, "%llu", (unsigned long long)(skip + given)));
            res->more = 1;
            break;
        }
        struct { fp_entry now; char later[64]; } e = {{.struct_size = ENTRY_SIZE, .key = {o->key, strlen(o->key)},
            .size = o->size, .mtime_ns = 1700000000000000000ll + (int64_t)o->version, .etag = ENTRY_ETAG}, ""};
        given++;
        if (fn(ctx, &e.now)) break;
    }
    if (LIES(in, OP_LIST, 2)) {
        res->more = 1;
        res->cursor.len = 0;
    }
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_LIST, FP_OK);
}

static fp_status list_pending(fp_instance *in, const fp_call *call, const fp_list_req *req, fp_entry_fn fn, void *ctx,
                              fp_list_res *res)
{
    (void)req;
    (void)res;
    ENTER(in, OP_LIST_PENDING, call);
    pthread_mutex_lock(&in->lock);
    for (session *s = in->sessions; s; s = s->next) {
        char room[32];
        fp_buf token = {room, sizeof room, 0};
        if (s->committed || !(s->flags & FP_W_RESUMABLE)) continue;
        put_token(s, &token);
        fp_entry e = {.struct_size = sizeof e, .flags = FP_EF_PENDING, .key = {s->key, strlen(s->key)}, .size = s->durable,
                      .mtime_ns = FP_TIME_UNKNOWN, .token = {room, token.len}};
        if (fn(ctx, &e)) break;
    }
    pthread_mutex_unlock(&in->lock);
    LEAVE(in, OP_LIST_PENDING, FP_OK);
}

static fp_status presign(fp_instance *in, const fp_call *call, const fp_presign_req *req, fp_presign_res *res)
{
    char url[2048];
    ENTER(in, OP_PRESIGN, call);
    put_buf(&res->url, url, (size_t)snprintf(url, sizeof url, "https://store.example/%s?ttl=%u&type=%s", req->key.ptr,
                                             req->ttl_s, req->content_type.ptr ? req->content_type.ptr : ""));
    res->expires_ms = 1000 * (int64_t)req->ttl_s;
    LEAVE(in, OP_PRESIGN, FP_OK);
}

static const fp_ext_transfer transfer_extension = {sizeof(fp_ext_transfer), 0, transfer};

static const fp_ext_read_fd read_fd_extension = {sizeof(fp_ext_read_fd), 0, read_fd};

static const void *get_extension(fp_instance *in, const char *id)
{
    if (in && in->files && strcmp(id, FP_EXT_READ_FD) == 0) return &read_fd_extension;
    return strcmp(id, FP_EXT_TRANSFER) == 0 ? &transfer_extension : NULL;
}

static void dump(void (*emit)(void *ctx, fp_str key, fp_str value), void *ctx)
{
    emit(ctx, (fp_str){"allocator", 9}, (fp_str){"malloc", 6});
}

static int loads;

static fp_status load(const fp_host *host, const fp_call *call)
{
    (void)host;
    return ++loads == 1 ? FP_OK : fp_fail(call, FP_E_INTERNAL, 0, 0, "loaded twice");
}

static const fp_option options[] = {
    {"control", FP_T_INT, FP_OPT_ADVANCED, "0", NULL, 0, 0, "Address of the words in control.h."},
    {"caps", FP_T_INT, FP_OPT_ADVANCED, NULL, NULL, 0, 0,
     "Capabilities to declare. Temporary uploads (uploads.staging) need RESUMABLE and REWIND."},
    {"concurrency", FP_T_INT, 0, "0", NULL, 0, 1000, "Calls at once."},
    {"threading", FP_T_ENUM, 0, "parallel", "library|instance|parallel", 0, 0, "Threading to declare."},
    {"discard", FP_T_BOOL, 0, "false", NULL, 0, 0, "Forget the bytes."},
    {"files", FP_T_BOOL, 0, "false", NULL, 0, 0, "Hand out files."},
    {"secret", FP_T_STRING, FP_OPT_SECRET, NULL, NULL, 0, 0, "Something to keep quiet about."},
    {"group.number", FP_T_INT, 0, "7", NULL, 0, 100, "Anything but 13."},
};

static const fp_plugin table = {
    .head = FP_HEAD_INIT(0),
    .name = NAME,
    .version = "1.2.3",
    .vendor = "fphost tests",
    .license = "0BSD",
    .url = "https://example.org/",
    .description = "objects in memory",
    .threading_max = FP_THREADS_PARALLEL,
    .n_options = sizeof options / sizeof *options,
    .options = options,
    .option_size = sizeof(fp_option),
    .load = load,
    .dump = dump,
    .validate = validate,
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
    .copy = copy,
    .list = list,
    .list_pending = list_pending,
    .presign = presign,
    .get_extension = get_extension,
};

FP_PLUGIN_REGISTER(table)
