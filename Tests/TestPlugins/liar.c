/* A store in one directory that keeps the whole contract, also across processes, or breaks one promise of it: the one
 * that the option `lie` names.  Lies of the table itself are chosen when it is compiled: -DTABLE_LIE=...
 *
 * An object is a file below o/, a session one below s/.  A file is a header of HEADER bytes and then the object's bytes.
 * A commit gives the session's file its name below o/ in one step. */
#define _GNU_SOURCE
#define FP_HELPERS
#include "fp_plugin.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NO_LIE 0
#define EXTRA_SYMBOL 1
#define MOVING_TABLE 2
#define BAD_VERSION 3
#define MISSING_SLOT 4
#define BAD_OPTION 5
#define MISSING_PENDING 6
#define BUSY_ENTRY 7
#ifndef TABLE_LIE
#define TABLE_LIE NO_LIE
#endif

enum { HEADER = 2048, UNIT = 1, PATH_ROOM = 5000 };

typedef struct header {
    char key[1040], type[256], id[40];
    uint32_t flags;
} header;

struct fp_instance {
    const fp_host *host;
    char root[1024], lie[64], secret[128];
    const char *kept;
    int caps_calls, extension_calls;
    uint16_t port;
    pthread_t noisy;
};

struct fp_reader {
    fp_instance *in;
    int fd;
    uint64_t at, left, given;
    pid_t owner;
    char path[PATH_ROOM];
};

struct fp_writer {
    fp_instance *in;
    int fd, is_done, fails;
    header head;
    uint64_t size, synced;
    char *held;
    size_t held_size;
};

static int lies(const fp_instance *in, const char *lie) { return strcmp(in->lie, lie) == 0; }

#define KNOWN_FLAGS(given, known) \
    if ((given) & ~(uint32_t)(known)) return fp_fail(call, FP_E_UNSUPPORTED, 0, 0, "unknown flags")

static void put_buf(fp_buf *b, const void *bytes, size_t len)
{
    if (b->cap < len) return;
    memcpy(b->ptr, bytes, len);
    b->len = len;
}

static fp_status failed(const fp_instance *in, const fp_call *call, fp_status status, const char *what)
{
    if (lies(in, "message-of-two-lines")) return fp_fail(call, status, 0, 0, "%s\nfailed", what);
    if (lies(in, "message-with-secret")) return fp_fail(call, status, 0, 0, "%s failed with %s", what, in->secret);
    if (lies(in, "message-too-long")) {
        fp_buf *m = &call->error->message;
        if (m->ptr) memset(m->ptr, 'x', m->cap + 1);
        m->len = m->cap + 1;
        return status;
    }
    return fp_fail(call, status, 0, 0, "%s failed", what);
}

/* With the option `port`, every call that a remote back-end would take a round trip for asks a peer on this machine
 * first, and waits for its answer. */
static fp_status contact(const fp_instance *in, const fp_call *call)
{
    if (!in->port) return FP_OK;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(in->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fp_status status = FP_E_TRANSIENT;
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int64_t left = call->deadline_ns / 1000000 - (now.tv_sec * 1000ll + now.tv_nsec / 1000000);
        if (lies(in, "deadline-ignored") || left > INT_MAX) left = INT_MAX;
        struct pollfd fds[] = {{fd, POLLIN, 0}, {lies(in, "cancel-ignored") ? -1 : call->cancel_fd, POLLIN, 0}};
        int ready = poll(fds, 2, left < 0 ? 0 : (int)left);
        status = !ready ? FP_E_TIMEOUT : fds[1].revents ? FP_E_CANCELLED : FP_E_TRANSIENT;
    }
    if (fd >= 0) close(fd);
    if (lies(in, "away-is-absent")) status = FP_E_NOT_FOUND;
    return fp_fail(call, status, 0, 0, "the peer does not answer");
}

#define CONTACT(in)                                \
    do {                                           \
        fp_status reached = contact(in, call);     \
        if (reached != FP_OK) return reached;      \
    } while (0)

/* ---- names */

/* The path of an object: its key, escaped, in directories of 200 letters whose names end in '+'. */
static void object_path(const fp_instance *in, fp_str key, char *path)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t length = key.len, n = (size_t)sprintf(path, "%s/o/", lies(in, "options-kept") ? in->kept : in->root);
    size_t segment = 0;
    if (lies(in, "keys-cut") && length > 300) length = 300;
    while (lies(in, "keys-trimmed") && length && key.ptr[length - 1] == ' ') length--;
    if (lies(in, "keys-escape") && key.ptr[0] == '/') {
        strcpy(path, key.ptr);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)key.ptr[i];
        if (lies(in, "keys-fold")) c = (unsigned char)tolower(c);
        if (segment > 200) {
            path[n++] = '+';
            path[n++] = '/';
            segment = 0;
        }
        if (isalnum(c) || c == '-' || c == '_') path[n++] = (char)c, segment++;
        else path[n++] = '%', path[n++] = hex[c >> 4], path[n++] = hex[c & 15], segment += 3;
    }
    path[n] = 0;
}

static void make_parents(const fp_instance *in, char *path)
{
    for (char *slash = path + strlen(in->root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
}

static void session_path(const fp_instance *in, const char *id, char *path) { sprintf(path, "%s/s/%s", in->root, id); }

static void new_id(char *id)
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) abort();
    for (int i = 0; i < 16; i++) sprintf(id + 2 * i, "%02x", bytes[i]);
}

static int open_file(const fp_instance *in, const char *path, int flags)
{
    int fd = open(path, flags | (lies(in, "files-inherited") ? 0 : O_CLOEXEC), 0600);
    if (lies(in, "handles-leak") && flags == O_RDONLY && fd >= 0) dup3(fd, open("/dev/null", O_RDONLY | O_CLOEXEC), O_CLOEXEC);
    return fd;
}

static int read_header(int fd, header *head)
{
    char room[HEADER];
    if (pread(fd, room, HEADER, 0) != HEADER) return -1;
    memcpy(head, room, sizeof *head);
    return 0;
}

static void write_header(int fd, const header *head)
{
    char room[HEADER] = {0};
    memcpy(room, head, sizeof *head);
    if (pwrite(fd, room, HEADER, 0) != HEADER) abort();
}

static fp_status fill_info(const fp_instance *in, int fd, fp_info *info)
{
    header head;
    struct stat st;
    if (read_header(fd, &head) || fstat(fd, &st)) return FP_E_INTERNAL;
    info->size = (uint64_t)st.st_size - HEADER;
    info->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (lies(in, "etag-constant")) put_buf(&info->etag, "v1", 2);
    else put_buf(&info->etag, head.id, strlen(head.id));
    if (!lies(in, "type-lost")) put_buf(&info->content_type, head.type, strlen(head.type));
    return FP_OK;
}

/* ---- life cycle */

static void *sleep_for_ever(void *unused)
{
    for (;;) pause();
    return unused;
}

static void misbehave(fp_instance *in)
{
    if (lies(in, "changes-directory") && chdir("/")) abort();
    if (lies(in, "changes-umask")) umask(0123);
    if (lies(in, "changes-locale")) setlocale(LC_ALL, "C.UTF-8");
    if (lies(in, "changes-environment")) setenv("LIAR", "1", 1);
    if (lies(in, "handles-signals")) signal(SIGUSR1, SIG_IGN);
    if (lies(in, "prints")) puts("hello"), fflush(stdout);
    if (lies(in, "forks") && fork() == 0) _exit(0);
    if (lies(in, "leaks-files")) open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (lies(in, "leaks-memory")) memset(malloc(1 << 19), 1, 1 << 19);
    if (lies(in, "leaks-allocator")) in->host->alloc(in->host, 100);
    if (lies(in, "leaks-threads") || lies(in, "threads-take-signals")) {
        sigset_t none, before;
        sigemptyset(&none);
        if (lies(in, "threads-take-signals")) pthread_sigmask(SIG_SETMASK, &none, &before);
        pthread_create(&in->noisy, NULL, sleep_for_ever, NULL);
        if (lies(in, "threads-take-signals")) pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
}

static fp_status create(const fp_host *host, const fp_node *config, const fp_call *call, fp_instance **out)
{
    char path[2000];
    const fp_node *location = fp_find(config, "location"), *lie = fp_find(config, "lie"), *secret = fp_find(config, "secret"),
                  *port = fp_find(config, "port");
    if (!location) return fp_fail(call, FP_E_CONFIG, 0, 0, "location is missing");
    fp_instance *in = calloc(1, sizeof *in);
    in->host = host;
    in->port = port ? (uint16_t)port->i64 : 0;
    if (in->port && strcmp(lie ? lie->text.ptr : "", "create-connects") == 0 && contact(in, call)) {
        free(in);
        return FP_E_TRANSIENT;
    }
    in->kept = location->text.ptr;
    snprintf(in->root, sizeof in->root, "%s", location->text.ptr);
    snprintf(in->lie, sizeof in->lie, "%s", lie ? lie->text.ptr : "");
    snprintf(in->secret, sizeof in->secret, "%s", secret ? secret->text.ptr : "");
    mkdir(in->root, 0700);
    sprintf(path, "%s/o", in->root);
    mkdir(path, 0700);
    sprintf(path, "%s/s", in->root);
    mkdir(path, 0700);
    misbehave(in);
    *out = in;
    return FP_OK;
}

static fp_status validate(const fp_host *host, const fp_node *config, const fp_call *call)
{
    (void)host;
    const fp_node *lie = fp_find(config, "lie");
    if (lie && strcmp(lie->text.ptr, "validates-nothing") == 0) return fp_fail(call, FP_E_CONFIG, 0, 0, "no");
    return FP_OK;
}

static void destroy(fp_instance *in)
{
    if (lies(in, "threads-take-signals")) {
        pthread_cancel(in->noisy);
        pthread_join(in->noisy, NULL);
    }
    if (lies(in, "destroy-crashes")) *(volatile char *)8 = 1;
    free(in);
}

static fp_status caps(fp_instance *in, fp_caps *out)
{
    const uint64_t flags =
        FP_CAP_RESUMABLE | FP_CAP_DURABLE_TAIL | FP_CAP_ATOMIC_REPLACE | FP_CAP_ATOMIC_CREATE | FP_CAP_POWER_DURABLE |
        FP_CAP_READ_AFTER_WRITE | FP_CAP_LIST | FP_CAP_LIST_ORDERED | FP_CAP_LIST_PENDING | FP_CAP_COPY | FP_CAP_MOVE |
        FP_CAP_MOVE_ATOMIC | FP_CAP_PRESIGN | FP_CAP_IF_MATCH | FP_CAP_CONTENT_TYPE | FP_CAP_SPACE | FP_CAP_FENCED |
        FP_CAP_REWIND;
    if (lies(in, "structs-assigned")) *out = (fp_caps){.threading = FP_THREADS_PARALLEL, .max_key_bytes = 1024};
    out->threading = lies(in, "threads-looser") ? 7 : FP_THREADS_PARALLEL;
    out->flags = flags | (lies(in, "caps-unknown") ? 1ull << 60 : 0);
    if (lies(in, "caps-inconsistent")) out->flags &= ~FP_CAP_MOVE;
    if (lies(in, "caps-change")) out->flags ^= in->caps_calls++ & 1 ? FP_CAP_SPACE : 0;
    out->max_key_bytes = lies(in, "keys-too-long") ? 4096 : 1024;
    out->max_object_size = FP_SIZE_UNKNOWN;
    out->durable_unit = UNIT;
    out->rewind_unit = lies(in, "rewind-without-unit") ? 0 : 1;
    out->digests = FP_DIGEST_BIT(FP_DIGEST_CRC32C);
    out->presign_ttl_max_s = 3600;
    return FP_OK;
}

static fp_status health(fp_instance *in, const fp_call *call, uint32_t flags, fp_health *out)
{
    struct statvfs st;
    KNOWN_FLAGS(flags, FP_HEALTHF_DEEP);
    if (!lies(in, "health-blind")) CONTACT(in);
    if (statvfs(in->root, &st)) return fp_fail(call, FP_E_TRANSIENT, errno, 0, "statvfs");
    out->state = lies(in, "health-down") ? FP_HEALTH_DOWN : FP_HEALTH_OK;
    out->total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    out->free_bytes = lies(in, "space-nonsense") ? out->total_bytes + 1 : (uint64_t)st.f_bfree * st.f_frsize;
    out->used_bytes = out->total_bytes - (uint64_t)st.f_bfree * st.f_frsize;
    if (lies(in, "buffer-overrun") && out->detail.cap) memset(out->detail.ptr, 'x', out->detail.cap + 8);
    else put_buf(&out->detail, "well", 4);
    return FP_OK;
}

/* ---- reading */

static fp_status stat_object(fp_instance *in, const fp_call *call, fp_str key, uint32_t flags, fp_info *out)
{
    char path[PATH_ROOM];
    if (!lies(in, "flags-ignored")) KNOWN_FLAGS(flags, 0);
    if (lies(in, "deaf") && call->is_cancelled(call)) sleep(60);
    if (lies(in, "hangs")) for (;;) pause();
    CONTACT(in);
    object_path(in, key, path);
    int fd = open_file(in, path, O_RDONLY);
    struct stat st;
    if (fd >= 0 && lies(in, "keys-escape") && key.ptr[0] == '/') {
        fstat(fd, &st);
        out->size = (uint64_t)st.st_size;
        close(fd);
        return FP_OK;
    }
    if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) close(fd), fd = -1;
    if (fd < 0) return lies(in, "absent-is-error") ? FP_E_INTERNAL : failed(in, call, FP_E_NOT_FOUND, "stat");
    fp_status status = fill_info(in, fd, out);
    if (lies(in, "size-with-header")) out->size += HEADER;
    close(fd);
    return status;
}

static fp_status read_open(fp_instance *in, const fp_call *call, const fp_read_req *req, fp_reader **out, fp_info *info)
{
    KNOWN_FLAGS(req->flags, 0);
    CONTACT(in);
    if (lies(in, "reads-past-structs")) info->mtime_ns = ((const volatile int64_t *)(req + 1))[0];
    fp_reader *r = calloc(1, sizeof *r);
    struct stat st;
    header head;
    fp_status status = FP_OK;
    object_path(in, req->key, r->path);
    r->in = in;
    r->owner = gettid();
    r->fd = open_file(in, r->path, O_RDONLY);
    if (r->fd >= 0 && (fstat(r->fd, &st) || !S_ISREG(st.st_mode))) close(r->fd), r->fd = -1;
    if (r->fd < 0) {
        if (lies(in, "out-on-error")) *out = (fp_reader *)r->path;
        else free(r);
        return failed(in, call, FP_E_NOT_FOUND, "read_open");
    }
    uint64_t size = (uint64_t)st.st_size - HEADER;
    read_header(r->fd, &head);
    if (req->if_match.len && strcmp(req->if_match.ptr, head.id) && !lies(in, "if-match-ignored")) status = FP_E_PRECONDITION;
    else if (req->offset > size) status = FP_E_RANGE;
    else if (req->offset == size && req->length && size && !lies(in, "range-lax")) status = FP_E_RANGE;
    else if (lies(in, "range-strict") && req->length != FP_SIZE_UNKNOWN && req->length > size - req->offset) status = FP_E_RANGE;
    if (status) {
        close(r->fd);
        free(r);
        return failed(in, call, status, "read_open");
    }
    r->at = req->offset + (lies(in, "range-shifted") && req->offset ? 1 : 0);
    r->left = size - req->offset < req->length ? size - req->offset : req->length;
    if (lies(in, "range-whole")) r->left = size - req->offset;
    *out = r;
    return fill_info(in, r->fd, info);
}

static fp_status read_some(fp_reader *r, const fp_call *call, void *buf, size_t cap, size_t *n)
{
    fp_instance *in = r->in;
    if (lies(in, "thread-bound") && r->owner != gettid()) return failed(in, call, FP_E_INTERNAL, "read");
    if (lies(in, "reader-mixes")) {
        close(r->fd);
        r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
    }
    size_t want = r->left < cap ? (size_t)r->left : cap;
    if (lies(in, "body-short") && r->given >= 4096) want = 0;
    ssize_t got = want ? pread(r->fd, buf, want, (off_t)(HEADER + r->at)) : 0;
    if (got < 0) return failed(in, call, FP_E_TRANSIENT, "read");
    if (lies(in, "read-overrun")) memset((char *)buf + cap, 0, 1);
    if (lies(in, "bytes-flipped") && got > 100) ((char *)buf)[100] ^= 1;
    r->at += (uint64_t)got;
    r->left -= (uint64_t)got;
    r->given += (uint64_t)got;
    *n = (size_t)got;
    return FP_OK;
}

static fp_status read_fd(fp_reader *r, const fp_call *call, fp_file_piece *out)
{
    fp_instance *in = r->in;
    uint64_t at = r->at, left = r->left;
    int fd = fcntl(r->fd, lies(in, "fd-inherited") ? F_DUPFD : F_DUPFD_CLOEXEC, 0);
    if (lies(in, "fd-borrowed")) close(fd), fd = r->fd;
    if (lies(in, "fd-device")) close(fd), fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (lies(in, "fd-newest")) close(fd), fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return failed(in, call, FP_E_TRANSIENT, "read_fd");
    if (lies(in, "fd-leaks")) fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (lies(in, "fd-first")) at -= r->given, left += r->given;
    if (lies(in, "fd-header")) at -= HEADER;
    if (lies(in, "fd-to-the-end")) {
        struct stat st;
        fstat(fd, &st);
        left = (uint64_t)st.st_size - HEADER - at;
    }
    if (lies(in, "fd-consumes")) r->left = 0;
    out->fd = fd;
    out->offset = HEADER + at;
    out->length = left;
    return FP_OK;
}

static void read_close(fp_reader *r)
{
    close(r->fd);
    free(r);
}

/* ---- writing */

static void put_token(const fp_instance *in, const fp_writer *w, fp_buf *token)
{
    char text[FP_TOKEN_MAX];
    int pid = lies(in, "token-of-process") ? getpid() : 0;
    int n = snprintf(text, sizeof text, "1.%s.%d.%s%s", w->head.id, pid, lies(in, "token-with-secret") ? in->secret : "", w->head.key);
    put_buf(token, text, (size_t)n);
}

static int parse_token(const fp_instance *in, fp_str token, header *head)
{
    int pid = 0, n = 0;
    memset(head, 0, sizeof *head);
    if (lies(in, "token-crashes") && token.len > 5 && token.ptr[1] != '.') *(volatile char *)8 = 1;
    if (token.len < 36 || sscanf(token.ptr, "1.%32[0-9a-f].%d.%n", head->id, &pid, &n) != 2 || !n) return -1;
    if (strlen(head->id) != 32 || (size_t)n >= token.len || token.len - (size_t)n >= sizeof head->key) return -1;
    if (pid && pid != getpid()) return -1;
    memcpy(head->key, token.ptr + n, token.len - (size_t)n);
    return 0;
}

static fp_status write_begin(fp_instance *in, const fp_call *call, const fp_write_req *req, fp_writer **out, fp_write_state *st)
{
    char path[PATH_ROOM];
    KNOWN_FLAGS(req->flags, FP_W_RESUMABLE | FP_W_IF_NOT_EXISTS);
    CONTACT(in);
    fp_writer *w = calloc(1, sizeof *w);
    w->in = in;
    w->head.flags = req->flags;
    memcpy(w->head.key, req->key.ptr, req->key.len);
    snprintf(w->head.type, sizeof w->head.type, "%s", req->content_type.ptr ? req->content_type.ptr : "");
    new_id(w->head.id);
    session_path(in, w->head.id, path);
    if (lies(in, "visible-early")) {
        object_path(in, req->key, path);
        make_parents(in, path);
    }
    w->fd = open_file(in, path, O_RDWR | O_CREAT);
    if (w->fd < 0) {
        free(w);
        return fp_fail(call, FP_E_TRANSIENT, errno, 0, "begin");
    }
    flock(w->fd, LOCK_EX | LOCK_NB);
    write_header(w->fd, &w->head);
    if (req->flags & FP_W_RESUMABLE && !lies(in, "token-missing")) put_token(in, w, &st->token);
    *out = w;
    return FP_OK;
}

static int is_committed(const fp_instance *in, const header *token)
{
    char path[PATH_ROOM];
    header head;
    object_path(in, (fp_str){token->key, strlen(token->key)}, path);
    int fd = open_file(in, path, O_RDONLY);
    if (fd < 0) return 0;
    int found = !read_header(fd, &head) && strcmp(head.id, token->id) == 0;
    close(fd);
    return found || lies(in, "committed-guessed");
}

static fp_status write_resume(fp_instance *in, const fp_call *call, const fp_resume_req *req, fp_writer **out, fp_write_state *st)
{
    char path[PATH_ROOM];
    header token;
    struct stat info;
    KNOWN_FLAGS(req->flags, 0);
    if (parse_token(in, req->token, &token)) return failed(in, call, FP_E_GONE, "resume");
    session_path(in, token.id, path);
    int fd = open_file(in, path, O_RDWR);
    if (fd < 0) {
        if (!is_committed(in, &token) || lies(in, "commit-forgotten")) return failed(in, call, FP_E_GONE, "resume");
        st->state = FP_WS_COMMITTED;
        return FP_OK;
    }
    if (!lies(in, "unfenced") && flock(fd, LOCK_EX | LOCK_NB)) {
        close(fd);
        return failed(in, call, FP_E_CONFLICT, "resume");
    }
    if (fstat(fd, &info) || !info.st_nlink || info.st_nlink > 1) {
        /* Dropped or committed while we waited, or killed between the two steps of a commit. */
        close(fd);
        if (!is_committed(in, &token)) return failed(in, call, FP_E_GONE, "resume");
        unlink(path);
        st->state = FP_WS_COMMITTED;
        return FP_OK;
    }
    uint64_t size = info.st_size > HEADER ? (uint64_t)info.st_size - HEADER : 0;
    if (req->offset != FP_SIZE_UNKNOWN && req->offset > size && !lies(in, "rewind-beyond")) {
        close(fd);
        return failed(in, call, FP_E_RANGE, "resume");
    }
    fp_writer *w = calloc(1, sizeof *w);
    if (read_header(fd, &w->head)) {
        close(fd);
        free(w);
        return failed(in, call, FP_E_GONE, "resume");
    }
    w->in = in;
    w->fd = fd;
    w->size = req->offset == FP_SIZE_UNKNOWN || lies(in, "rewind-ignored") ? size : req->offset;
    if (!lies(in, "rewind-keeps")) ftruncate(fd, (off_t)(HEADER + w->size));
    if (lies(in, "resume-forgets")) w->size = 0;
    st->durable_offset = w->size + (lies(in, "resume-boasts") ? 1 : 0);
    *out = w;
    return FP_OK;
}

static char shared_room[1 << 17];

static fp_status write_some(fp_writer *w, const fp_call *call, uint64_t offset, const void *buf, size_t len)
{
    fp_instance *in = w->in;
    if (offset != w->size && !lies(in, "offset-ignored")) {
        w->fails = 1;
        return failed(in, call, FP_E_INVALID, "write");
    }
    if (lies(in, "buffer-changed") && len) *(char *)(uintptr_t)buf ^= 1;
    if (lies(in, "sync-boasts")) {
        w->held = realloc(w->held, w->held_size + len + 1);
        memcpy(w->held + w->held_size, buf, len);
        w->held_size += len;
        w->size += len;
        return FP_OK;
    }
    const void *from = buf;
    if (lies(in, "not-reentrant") && len <= sizeof shared_room) {
        memcpy(shared_room, buf, len);
        usleep(200);
        from = shared_room;
    }
    if (pwrite(w->fd, from, len, (off_t)(HEADER + w->size)) != (ssize_t)len) return failed(in, call, FP_E_NO_SPACE, "write");
    w->size += len;
    return FP_OK;
}

static void flush_held(fp_writer *w)
{
    if (!w->held) return;
    if (pwrite(w->fd, w->held, w->held_size, (off_t)(HEADER + w->size - w->held_size)) < 0) abort();
    free(w->held);
    w->held = NULL;
    w->held_size = 0;
}

static fp_status write_sync(fp_writer *w, const fp_call *call, uint32_t flags, fp_write_state *st)
{
    fp_instance *in = w->in;
    char from[PATH_ROOM], to[PATH_ROOM];
    KNOWN_FLAGS(flags, FP_SYNC_POWER | FP_SYNC_SUSPEND);
    if (!lies(in, "sync-boasts")) flush_held(w);
    if (flags & FP_SYNC_POWER) fdatasync(w->fd);
    if (lies(in, "token-renewed")) {
        session_path(in, w->head.id, from);
        new_id(w->head.id);
        session_path(in, w->head.id, to);
        rename(from, to);
        write_header(w->fd, &w->head);
    }
    st->durable_offset = lies(in, "durable-back") && w->synced++ % 2 ? 0 : w->size;
    if (lies(in, "durable-ahead")) st->durable_offset++;
    if (lies(in, "tail-left")) st->durable_offset = w->size / 4096 * 4096;
    put_token(in, w, &st->token);
    return FP_OK;
}

static uint32_t crc32c(int fd, uint64_t size)
{
    unsigned char room[65536];
    uint32_t sum = 0xFFFFFFFFu;
    for (uint64_t at = 0; at < size;) {
        ssize_t got = pread(fd, room, size - at < sizeof room ? (size_t)(size - at) : sizeof room, (off_t)(HEADER + at));
        if (got <= 0) break;
        for (ssize_t i = 0; i < got; i++) {
            sum ^= room[i];
            for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0x82F63B78u : sum >> 1;
        }
        at += (uint64_t)got;
    }
    return ~sum;
}

/* Gives a file the name of an object, in one step: FP_E_EXISTS if the name is taken and must not be. */
static fp_status publish(const fp_instance *in, const char *from, const char *key, int is_new)
{
    char path[PATH_ROOM];
    object_path(in, (fp_str){key, strlen(key)}, path);
    make_parents(in, path);
    if (is_new && lies(in, "create-races")) {
        if (access(path, F_OK) == 0) return FP_E_EXISTS;
        usleep(3000);
        return rename(from, path) ? FP_E_TRANSIENT : FP_OK;
    }
    if (is_new && !lies(in, "exists-ignored")) {
        if (link(from, path)) return errno == EEXIST ? FP_E_EXISTS : FP_E_TRANSIENT;
        unlink(from);
        return FP_OK;
    }
    if (lies(in, "replace-has-gap")) {
        unlink(path);
        usleep(3000);
    }
    return rename(from, path) ? FP_E_TRANSIENT : FP_OK;
}

static fp_status write_commit(fp_writer *w, const fp_call *call, const fp_commit_req *req, fp_info *info)
{
    fp_instance *in = w->in;
    char path[PATH_ROOM];
    KNOWN_FLAGS(req->flags, FP_SYNC_POWER);
    if (req->digest_alg != FP_DIGEST_NONE && req->digest_alg != FP_DIGEST_CRC32C && !lies(in, "digest-ignored"))
        return failed(in, call, FP_E_UNSUPPORTED, "commit");
    if (lies(in, "exits") && req->size != w->size) exit(3);
    if (req->size != w->size && !lies(in, "size-ignored")) return failed(in, call, FP_E_INVALID, "commit");
    flush_held(w);
    if (req->digest_alg == FP_DIGEST_CRC32C && !lies(in, "digest-ignored")) {
        uint32_t sum = crc32c(w->fd, w->size);
        unsigned char bytes[4] = {(unsigned char)(sum >> 24), (unsigned char)(sum >> 16), (unsigned char)(sum >> 8), (unsigned char)sum};
        if (req->digest.len != 4 || memcmp(bytes, req->digest.ptr, 4)) return failed(in, call, FP_E_CHECKSUM, "commit");
    }
    if (req->flags & FP_SYNC_POWER) fsync(w->fd);
    session_path(in, w->head.id, path);
    fp_status status = lies(in, "visible-early") ? FP_OK : publish(in, path, w->head.key, w->head.flags & FP_W_IF_NOT_EXISTS);
    if (status) return failed(in, call, status, "commit");
    w->is_done = 1;
    fill_info(in, w->fd, info);
    if (lies(in, "commit-info")) info->size++;
    return FP_OK;
}

static fp_status write_abort(fp_writer *w, const fp_call *call)
{
    char path[PATH_ROOM];
    if (lies(w->in, "abort-once") && w->is_done) return failed(w->in, call, FP_E_INVALID, "abort");
    session_path(w->in, w->head.id, path);
    if (!lies(w->in, "abort-keeps")) unlink(path);
    w->is_done = 1;
    return FP_OK;
}

static void write_close(fp_writer *w)
{
    char path[PATH_ROOM];
    session_path(w->in, w->head.id, path);
    if (!lies(w->in, "sync-boasts")) flush_held(w);
    if (!w->is_done && !(w->head.flags & FP_W_RESUMABLE)) {
        if (lies(w->in, "close-publishes")) publish(w->in, path, w->head.key, 0);
        else if (!lies(w->in, "pending-one-shot")) unlink(path);
    }
    if (!w->is_done && lies(w->in, "close-discards")) unlink(path);
    free(w->held);
    close(w->fd);
    free(w);
}

static fp_status write_discard(fp_instance *in, const fp_call *call, fp_str token)
{
    char path[PATH_ROOM];
    header head;
    if (parse_token(in, token, &head)) return lies(in, "discard-strict") ? failed(in, call, FP_E_GONE, "discard") : FP_OK;
    session_path(in, head.id, path);
    int fd = open_file(in, path, O_RDWR);
    if (fd < 0) {
        if (lies(in, "discard-removes")) object_path(in, (fp_str){head.key, strlen(head.key)}, path), unlink(path);
        return FP_OK;
    }
    fp_status status = flock(fd, LOCK_EX | LOCK_NB) ? failed(in, call, FP_E_CONFLICT, "discard") : FP_OK;
    if (!status && !lies(in, "discard-keeps")) unlink(path);
    close(fd);
    return status;
}

/* ---- housekeeping */

static int collect(const fp_instance *in, const char *directory, const char *escaped, char ***keys, size_t *count);

static fp_status remove_object(fp_instance *in, const fp_call *call, fp_str key, uint32_t flags)
{
    char path[PATH_ROOM];
    object_path(in, key, path);
    if (lies(in, "flags-half-ignored") && flags) unlink(path);
    KNOWN_FLAGS(flags, 0);
    CONTACT(in);
    if (lies(in, "remove-wipes")) truncate(path, HEADER);
    if (unlink(path) && lies(in, "remove-strict")) return failed(in, call, FP_E_NOT_FOUND, "remove");
    if (lies(in, "remove-keeps")) close(open_file(in, path, O_RDWR | O_CREAT));
    if (lies(in, "remove-below")) {
        char **keys = NULL;
        size_t count = 0;
        char root[1100];
        sprintf(root, "%s/o", in->root);
        collect(in, root, "", &keys, &count);
        for (size_t i = 0; i < count; i++) {
            object_path(in, (fp_str){keys[i], strlen(keys[i])}, path);
            if (strncmp(keys[i], key.ptr, key.len) == 0) unlink(path);
            free(keys[i]);
        }
        free(keys);
    }
    return FP_OK;
}

static fp_status hand_over(fp_instance *dst, fp_instance *src, const fp_call *call, const fp_copy_req *req, uint32_t *res, fp_info *info)
{
    char from[PATH_ROOM], to[PATH_ROOM], staged[PATH_ROOM], room[65536];
    header head;
    fp_status status = FP_OK;
    KNOWN_FLAGS(req->flags, FP_COPY_MOVE | FP_COPY_IF_NOT_EXISTS | FP_COPY_REQUIRE_ATOMIC | FP_COPY_ALLOW_STREAM | FP_COPY_POWER);
    object_path(src, req->src, from);
    object_path(dst, req->dst, to);
    int fd = open_file(src, from, O_RDONLY);
    struct stat st;
    if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode) || read_header(fd, &head))) close(fd), fd = -1;
    if (fd < 0) return failed(dst, call, FP_E_NOT_FOUND, "copy");
    if (req->if_match.len && strcmp(req->if_match.ptr, head.id) && !lies(dst, "copy-if-match-ignored")) status = FP_E_PRECONDITION;
    int is_new = req->flags & FP_COPY_IF_NOT_EXISTS && !lies(dst, "copy-overwrites");
    *res = lies(dst, "copy-not-atomic") ? 0 : FP_COPYR_ATOMIC;
    if (!status && req->flags & FP_COPY_MOVE && !lies(dst, "move-keeps")) {
        make_parents(dst, to);
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, is_new ? RENAME_NOREPLACE : 0))
            status = errno == EEXIST ? FP_E_EXISTS : errno == ENOENT ? FP_E_NOT_FOUND : FP_E_TRANSIENT;
        else status = fill_info(dst, fd, info);
    } else if (!status) {
        new_id(head.id);
        if (dst == src ? lies(dst, "copy-type-lost") : lies(dst, "transfer-type-lost")) head.type[0] = 0;
        session_path(dst, head.id, staged);
        strcat(staged, ".copy");
        int copy = open_file(dst, staged, O_RDWR | O_CREAT);
        write_header(copy, &head);
        off_t at = HEADER, end = lies(dst, "copy-cuts") && st.st_size > HEADER + 100 ? st.st_size - 1 : st.st_size;
        while (at < end) {
            ssize_t got = pread(fd, room, (size_t)(end - at) < sizeof room ? (size_t)(end - at) : sizeof room, at);
            if (got <= 0 || pwrite(copy, room, (size_t)got, at) != got) abort();
            at += got;
        }
        char key[1040] = {0};
        memcpy(key, req->dst.ptr, req->dst.len);
        status = publish(dst, staged, key, is_new);
        if (status) unlink(staged);
        else fill_info(dst, copy, info);
        close(copy);
    }
    close(fd);
    return status ? failed(dst, call, status, "copy") : FP_OK;
}

static fp_status copy(fp_instance *in, const fp_call *call, const fp_copy_req *req, uint32_t *res, fp_info *info)
{
    return hand_over(in, in, call, req, res, info);
}

static fp_status transfer(fp_instance *dst, const fp_call *call, fp_instance *src, const fp_copy_req *req, uint32_t *res, fp_info *info)
{
    fp_status status = hand_over(dst, src, call, req, res, info);
    if (lies(dst, "transfer-keeps") && !status && req->flags & FP_COPY_MOVE) {
        fp_copy_req back = *req;
        back.flags = 0;
        back.src = req->dst;
        back.dst = req->src;
        hand_over(src, dst, call, &back, res, info);
    }
    return status;
}

/* ---- lists */

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int collect(const fp_instance *in, const char *directory, const char *escaped, char ***keys, size_t *count)
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    if (!stream) return -1;
    while ((entry = readdir(stream))) {
        char path[PATH_ROOM], name[PATH_ROOM];
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        snprintf(name, sizeof name, "%s%s", escaped, entry->d_name);
        if (entry->d_name[length - 1] == '+') {
            name[strlen(name) - 1] = 0;
            collect(in, path, name, keys, count);
            continue;
        }
        char *key = malloc(strlen(name) + 1), *end = key;
        for (const char *c = name; *c; c++) {
            unsigned int value;
            if (*c == '%' && sscanf(c + 1, "%2x", &value) == 1) *end++ = (char)value, c += 2;
            else *end++ = *c;
        }
        *end = 0;
        *keys = realloc(*keys, (*count + 1) * sizeof **keys);
        (*keys)[(*count)++] = key;
    }
    closedir(stream);
    return 0;
}

static int matches(const fp_instance *in, const char *key, fp_str prefix)
{
    if (strncmp(key, prefix.ptr ? prefix.ptr : "", prefix.len)) return 0;
    return !lies(in, "prefix-at-slash") || !prefix.len || prefix.ptr[prefix.len - 1] == '/' || !key[prefix.len] ||
           key[prefix.len] == '/';
}

/* Emits what comes after the cursor, and says where to go on. `make` turns a name into an entry, or says no. */
static void emit_page(fp_instance *in, const fp_list_req *req, char **names, size_t count, fp_entry_fn fn, void *ctx,
                      fp_list_res *res, int (*make)(fp_instance *, const char *, const fp_list_req *, fp_entry *, header *))
{
    uint32_t given = 0;
    qsort(names, count, sizeof *names, by_bytes);
    const char *cursor = req->cursor.len ? req->cursor.ptr : "";
    for (size_t i = 0; i < count; i++) {
        const char *name = names[lies(in, "list-unordered") ? count - 1 - i : i];
        header head;
        fp_entry entry = {.struct_size = sizeof entry, .mtime_ns = FP_TIME_UNKNOWN};
        if (*cursor && strcmp(name, cursor) <= 0 && !lies(in, "list-unordered")) continue;
        if (req->start_after.len && strcmp(name, req->start_after.ptr) < (lies(in, "start-included") ? 0 : 1)) continue;
        if (!make(in, name, req, &entry, &head)) continue;
        if (given == req->max_entries && !lies(in, "page-too-long")) {
            res->more = !lies(in, "list-ends-early");
            break;
        }
        given++;
        if (lies(in, "list-skips") && given % 5 == 4) continue;
        if (!lies(in, "cursor-missing")) put_buf(&res->cursor, name, strlen(name));
        if (fn(ctx, &entry) && !lies(in, "stop-ignored")) {
            res->more = i + 1 < count && !lies(in, "stop-forgets");
            break;
        }
    }
    if (lies(in, "list-endless")) {
        res->more = 1;
        put_buf(&res->cursor, "~", 1);
    }
}

static int object_entry(fp_instance *in, const char *name, const fp_list_req *req, fp_entry *entry, header *head)
{
    char path[PATH_ROOM];
    struct stat st;
    if (!matches(in, name, req->prefix)) return 0;
    object_path(in, (fp_str){name, strlen(name)}, path);
    int fd = open_file(in, path, O_RDONLY);
    if (fd < 0) return 0;
    int bad = fstat(fd, &st) || read_header(fd, head);
    close(fd);
    if (bad) return 0;
    entry->key = (fp_str){name, strlen(name)};
    entry->size = (uint64_t)st.st_size - (lies(in, "list-sizes") ? 0 : HEADER);
    entry->etag = (fp_str){head->id, lies(in, "etag-constant") ? 0 : strlen(head->id)};
    return 1;
}

static int session_entry(fp_instance *in, const char *name, const fp_list_req *req, fp_entry *entry, header *head)
{
    static _Thread_local char token[FP_TOKEN_MAX];
    char path[PATH_ROOM];
    struct stat st;
    if (lies(in, "pending-hidden") || strlen(name) != 32) return 0;
    session_path(in, name, path);
    int fd = open_file(in, path, O_RDONLY);
    if (fd < 0) return 0;
    int bad = fstat(fd, &st) || read_header(fd, head) || !matches(in, head->key, req->prefix) || st.st_nlink != 1;
    close(fd);
    if (bad || (!(head->flags & FP_W_RESUMABLE) && !lies(in, "pending-one-shot"))) return 0;
    fp_writer w = {.in = in, .head = *head};
    fp_buf room = {token, sizeof token, 0};
    put_token(in, &w, &room);
    if (lies(in, "pending-wrong-token")) token[2] = token[2] == 'a' ? 'b' : 'a';
    entry->flags = lies(in, "pending-unmarked") ? 0 : FP_EF_PENDING;
    entry->key = (fp_str){head->key, strlen(head->key)};
    entry->size = (uint64_t)st.st_size - HEADER;
    entry->token = (fp_str){token, room.len};
    return 1;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) free(names[i]);
    free(names);
}

static fp_status list(fp_instance *in, const fp_call *call, const fp_list_req *req, fp_entry_fn fn, void *ctx, fp_list_res *res)
{
    char root[1100], **names = NULL;
    size_t count = 0;
    KNOWN_FLAGS(req->flags, 0);
    CONTACT(in);
    sprintf(root, "%s/o", in->root);
    collect(in, root, "", &names, &count);
    if (lies(in, "private-listed")) {
        fp_entry own = {.struct_size = sizeof own, .key = {".fp/x", 5}, .mtime_ns = FP_TIME_UNKNOWN};
        fn(ctx, &own);
    }
    emit_page(in, req, names, count, fn, ctx, res, object_entry);
    free_names(names, count);
    return FP_OK;
}

static fp_status list_pending(fp_instance *in, const fp_call *call, const fp_list_req *req, fp_entry_fn fn, void *ctx, fp_list_res *res)
{
    char root[1100], **names = NULL;
    size_t count = 0;
    KNOWN_FLAGS(req->flags, 0);
    sprintf(root, "%s/s", in->root);
    collect(in, root, "", &names, &count);
    emit_page(in, req, names, count, fn, ctx, res, session_entry);
    free_names(names, count);
    return FP_OK;
}

static fp_status presign(fp_instance *in, const fp_call *call, const fp_presign_req *req, fp_presign_res *res)
{
    char path[PATH_ROOM], url[FP_URL_MAX];
    KNOWN_FLAGS(req->flags, 0);
    if (req->method != FP_PRESIGN_GET && req->method != FP_PRESIGN_HEAD) return failed(in, call, FP_E_UNSUPPORTED, "presign");
    if (req->ttl_s > 3600) return failed(in, call, FP_E_INVALID, "presign");
    object_path(in, req->key, path);
    const char *name = path + strlen(in->root) + 3;
    int n = snprintf(url, sizeof url, "%s%s?ttl=%u", lies(in, "link-relative") ? "/" : "https://store.example/",
                     lies(in, "link-shared") ? "x" : name, req->ttl_s);
    if (req->content_type.len && !lies(in, "link-plain")) n += snprintf(url + n, sizeof url - (size_t)n, "&typed=1");
    put_buf(&res->url, url, (size_t)n);
    res->expires_ms = ((int64_t)time(NULL) + req->ttl_s * (lies(in, "link-too-long") ? 10 : 1)) * 1000;
    return FP_OK;
}

static const fp_ext_transfer transfer_extension = {sizeof(fp_ext_transfer), 0, transfer};
static const fp_ext_read_fd read_fd_extension = {sizeof(fp_ext_read_fd), 0, read_fd};
static const fp_ext_read_fd other_read_fd_extension = {sizeof(fp_ext_read_fd), 0, read_fd};

static const void *get_extension(fp_instance *in, const char *id)
{
    if (in && lies(in, "extensions-invented")) return &transfer_extension;
    if (strcmp(id, FP_EXT_READ_FD) == 0) {
        if (in && lies(in, "fd-extension-moves") && in->extension_calls++ & 1) return &other_read_fd_extension;
        return &read_fd_extension;
    }
    return strcmp(id, FP_EXT_TRANSFER) == 0 ? &transfer_extension : NULL;
}

static const fp_option options[] = {
    {"location", FP_T_PATH, FP_OPT_REQUIRED, NULL, NULL, 0, 0, "The directory."},
    {"lie", FP_T_STRING, 0, NULL, NULL, 0, 0, "The promise to break."},
    {"secret", FP_T_STRING, FP_OPT_SECRET, NULL, NULL, 0, 0, "Something to keep quiet about."},
    {"port", FP_T_INT, 0, "0", NULL, 0, 65535, "A peer on this machine to wait for."},
    {"unused", FP_T_BOOL, 0, TABLE_LIE == BAD_OPTION ? "perhaps" : "false", NULL, 0, 0, "Nothing."},
};

static void unload(void) {}

static void dump(void (*emit)(void *ctx, fp_str key, fp_str value), void *ctx)
{
    emit(ctx, (fp_str){"allocator", 9}, (fp_str){"malloc", 6});
}

#define TABLE                                                                                                     \
    {                                                                                                             \
        .head = FP_HEAD_INIT(0), .name = "Liar", .version = TABLE_LIE == BAD_VERSION ? "one" : "1.0.0",           \
        .threading_max = FP_THREADS_PARALLEL, .n_options = sizeof options / sizeof *options, .options = options,  \
        .option_size = sizeof(fp_option), .unload = unload, .dump = dump, .validate = validate, .create = create, .destroy = destroy, \
        .caps = caps, .health = health, .stat = stat_object, .read_open = read_open, .read = read_some,           \
        .read_close = read_close, .write_begin = write_begin, .write_resume = write_resume, .write = write_some,  \
        .write_sync = write_sync, .write_commit = write_commit,                                                   \
        .write_abort = TABLE_LIE == MISSING_SLOT ? NULL : write_abort, .write_close = write_close,                \
        .write_discard = write_discard, .remove = remove_object, .copy = copy, .list = list,                      \
        .list_pending = TABLE_LIE == MISSING_PENDING ? NULL : list_pending, .presign = presign,                   \
        .get_extension = get_extension,                                                                           \
    }

static const fp_plugin table = TABLE;
static const fp_plugin other_table = TABLE;
#if TABLE_LIE == EXTRA_SYMBOL
FP_EXPORT int helper_of_liar;
#endif

FP_EXPORT const fp_plugin *fp_plugin_entry_v1(const fp_host *host)
{
    static int calls;
    if (host->abi_major != FP_ABI_MAJOR) return NULL;
    if (TABLE_LIE == BUSY_ENTRY) open("/dev/null", O_RDONLY | O_CLOEXEC);
    return TABLE_LIE == MOVING_TABLE && calls++ % 2 ? &other_table : &table;
}
