/* A client that costs next to nothing: bodies are sent out of one block of memory, answers are read and dropped. One
 * thread; all times are from the monotonic clock. What it measured is one line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: load COMMAND --port PORT [options]      one line of JSON on standard output; times in ms\n"
    "\n"
    "commands\n"
    "  small   --count uploads of --size bytes over --conn connections, each one's next as soon as the last is done\n"
    "  large   one upload of --size bytes, or --count of them one after the other\n"
    "  chunks  one upload of --size bytes, announced and then sent in PATCHes of --chunk bytes on one connection\n"
    "  crowd   --count uploads of --size bytes, all open with 64 KiB sent before any goes on\n"
    "  get     --count downloads of --path over one connection: first byte (p50_ms: whole), bytes are dropped\n"
    "  touch   nothing is sent: --size bytes of memory are used once (no --port), so that the machine has them\n"
    "  call    one request as it stands: --method --path [--body TEXT]; prints its answer too\n"
    "\n"
    "where uploads go (small, large, crowd, chunks)\n"
    "  --put PATH     PUT of the bytes; %d in PATH is the upload's number\n"
    "  --form PATH    POST as FilePond sends it: multipart with the metadata and the file, field `filepond`\n"
    "  --tus PATH     POST that creates, then PATCH to its Location (not crowd)\n"
    "  --patch PATH   where FilePond's chunks go; %s is the id that the announcing --form answered (/fp/patch/%s)\n"
    "\n"
    "options\n"
    "  --size N, --chunk N   bytes; KiB, MiB and GiB may follow (10KiB, 5000000)\n"
    "  --count N (1)  --conn N (1)  --first N (0), the first upload's number\n"
    "  --header 'Name: value'   as often as needed\n"
    "  --expect       send Expect: 100-continue and wait for the answer (large)\n"
    "  --range A-B    bytes A to B (get)\n"
    "  --trunc        let the kernel drop what is received, uncopied (get)\n"
    "  --times        the time of each request in the output, in the order of their ends\n";

#define BLOCK ((size_t)16 << 20)
#define AHEAD ((size_t)64 << 10)
#define BOUNDARY "----fphost-benchmark"
#define OCTETS "application/octet-stream"

static struct {
    const char *command, *put, *form, *tus, *patch, *method, *path, *body, *range;
    int port;
    size_t size, chunk;
    long count, connections, first;
    bool expect, drop, times;
    char headers[4096];
} options = {.patch = "/fp/patch/%s", .method = "GET", .body = "", .count = 1, .connections = 1, .size = 10 << 10,
             .chunk = 5000000};

static char *block;

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

/* --- A request: a head, bytes of the block from `start` on, round and round, and a tail ------------------------- */

struct request {
    char head[8192], tail[64];
    size_t head_size, start, body_size, tail_size;
    size_t sent;
};

static size_t whole(const struct request *request)
{
    return request->head_size + request->body_size + request->tail_size;
}

__attribute__((format(printf, 2, 3))) static void add(struct request *request, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = sizeof request->head - request->head_size;
    int count = vsnprintf(request->head + request->head_size, room, format, arguments);
    if (count < 0 || (size_t)count >= room) fail("the request's head is too long");
    request->head_size += count;
}

static void begin(struct request *request, const char *method, const char *path)
{
    request->head_size = request->start = request->body_size = request->tail_size = request->sent = 0;
    add(request, "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s", method, path, options.port, options.headers);
}

static void put(struct request *request, long number, size_t size)
{
    char path[1024];
    snprintf(path, sizeof path, options.put, (int)number);
    begin(request, "PUT", path);
    add(request, "Content-Type: " OCTETS "\r\n%sContent-Length: %zu\r\n\r\n",
        options.expect ? "Expect: 100-continue\r\n" : "", size);
    request->start = (size_t)number * 4096 % BLOCK;
    request->body_size = size;
}

#define PART "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"filepond\""

static void form(struct request *request, long number, size_t size)
{
    char opening[512];
    int count = snprintf(opening, sizeof opening,
                         PART "\r\n\r\n{}\r\n" PART "; filename=\"benchmark-%ld.bin\"\r\nContent-Type: " OCTETS
                              "\r\n\r\n", number);
    begin(request, "POST", options.form);
    request->tail_size = sprintf(request->tail, "\r\n--" BOUNDARY "--\r\n");
    add(request, "Content-Type: multipart/form-data; boundary=" BOUNDARY "\r\n%sContent-Length: %zu\r\n\r\n",
        options.expect ? "Expect: 100-continue\r\n" : "", count + size + request->tail_size);
    add(request, "%s", opening);
    request->start = (size_t)number * 4096 % BLOCK;
    request->body_size = size;
}

static void announce(struct request *request, size_t size)
{
    static const char body[] = PART "\r\n\r\n{}\r\n--" BOUNDARY "--\r\n";
    begin(request, "POST", options.form);
    add(request, "Content-Type: multipart/form-data; boundary=" BOUNDARY "\r\nUpload-Length: %zu\r\n"
                 "Content-Length: %zu\r\n\r\n%s", size, sizeof body - 1, body);
}

static void create_tus(struct request *request, size_t size)
{
    begin(request, "POST", options.tus);
    /* The name is `benchmark.bin`. */
    add(request, "Tus-Resumable: 1.0.0\r\nUpload-Length: %zu\r\nUpload-Metadata: filename YmVuY2htYXJrLmJpbg==\r\n"
                 "Content-Length: 0\r\n\r\n", size);
}

static void patch(struct request *request, const char *path, size_t offset, size_t count, size_t size)
{
    begin(request, "PATCH", path);
    add(request, "Content-Type: application/offset+octet-stream\r\nUpload-Offset: %zu\r\n%sContent-Length: %zu\r\n", offset,
        options.tus ? "Tus-Resumable: 1.0.0\r\n" : "", count);
    if (!options.tus) add(request, "Upload-Length: %zu\r\nUpload-Name: benchmark.bin\r\n", size);
    add(request, "\r\n");
    request->start = offset % BLOCK;
    request->body_size = count;
}

static void upload(struct request *request, long number)
{
    if (options.put) put(request, number, options.size);
    else if (options.form) form(request, number, options.size);
    else if (options.tus) create_tus(request, options.size);
    else fail("--put, --form or --tus is missing");
}

/* Sends what fits up to the position `end`; false if the socket takes no more. */
static bool send_some(int socket, struct request *request, size_t end)
{
    while (request->sent < end) {
        struct iovec pieces[8];
        int count = 0;
        size_t position = request->sent;
        while (position < end && count < 8) {
            const char *base;
            size_t length;
            size_t body_end = request->head_size + request->body_size;
            if (position < request->head_size) {
                base = request->head + position, length = request->head_size - position;
            } else if (position < body_end) {
                size_t at = (request->start + position - request->head_size) % BLOCK;
                base = block + at, length = BLOCK - at;
                if (length > body_end - position) length = body_end - position;
            } else {
                base = request->tail + (position - body_end), length = whole(request) - position;
            }
            if (length > end - position) length = end - position;
            pieces[count++] = (struct iovec){(void *)base, length};
            position += length;
        }
        ssize_t sent = writev(socket, pieces, count);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return false;
        if (sent < 0) fail("sending: %s", strerror(errno));
        request->sent += sent;
    }
    return true;
}

/* --- An answer, fed with bytes as they come ---------------------------------------------------------------------- */

struct answer {
    char head[16384], body[1024], location[1024];
    size_t head_size, kept;
    int status;
    bool has_head, is_chunked, until_end, closes, done;
    uint64_t length, received;      /* of the body */
    uint64_t chunk_left;
    enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER } chunk_state;
    char line[64];
    size_t line_size;
};

static void clear(struct answer *answer)
{
    answer->head_size = answer->kept = answer->line_size = 0;
    answer->location[0] = 0;
    answer->status = 0;
    answer->has_head = answer->is_chunked = answer->until_end = answer->closes = answer->done = false;
    answer->length = answer->received = 0;
    answer->chunk_state = CHUNK_SIZE;
}

static void read_head(struct answer *answer, bool has_body)
{
    bool has_length = false;
    if (sscanf(answer->head, "HTTP/1.%*d %d", &answer->status) != 1) fail("no answer of HTTP: %.100s", answer->head);
    for (char *line = strstr(answer->head, "\r\n") + 2; *line; line = strstr(line, "\r\n") + 2) {
        char *value = strchr(line, ':'), *end = strstr(line, "\r\n");
        if (value == NULL || value > end) continue;
        size_t name = value - line;
        for (value++; *value == ' '; value++) {}
        if (name == 14 && !strncasecmp(line, "content-length", name)) {
            answer->length = strtoull(value, NULL, 10), has_length = true;
        } else if (name == 17 && !strncasecmp(line, "transfer-encoding", name)) {
            answer->is_chunked = !strncasecmp(value, "chunked", 7);
        } else if (name == 10 && !strncasecmp(line, "connection", name)) {
            answer->closes = !strncasecmp(value, "close", 5);
        } else if (name == 8 && !strncasecmp(line, "location", name)) {
            snprintf(answer->location, sizeof answer->location, "%.*s", (int)(end - value), value);
        }
    }
    answer->has_head = true;
    if (!has_body || answer->status == 204 || answer->status == 304) answer->length = 0, answer->is_chunked = false;
    else if (!has_length && !answer->is_chunked) answer->until_end = true;
    answer->done = !answer->is_chunked && !answer->until_end && answer->length == 0;
}

static void take_body(struct answer *answer, const char *bytes, size_t count)
{
    size_t room = sizeof answer->body - 1 - answer->kept, keep = count < room ? count : room;
    memcpy(answer->body + answer->kept, bytes, keep);
    answer->body[answer->kept += keep] = 0;
    answer->received += count;
}

static void take_chunked(struct answer *answer, const char *bytes, size_t count)
{
    while (count > 0 && !answer->done) {
        if (answer->chunk_state == CHUNK_DATA) {
            size_t taken = count < answer->chunk_left ? count : answer->chunk_left;
            take_body(answer, bytes, taken);
            bytes += taken, count -= taken;
            if ((answer->chunk_left -= taken) == 0) answer->chunk_state = CHUNK_END;
            continue;
        }
        char byte = *bytes++;
        count--;
        if (byte != '\n') {
            if (byte != '\r' && answer->line_size < sizeof answer->line - 1) answer->line[answer->line_size++] = byte;
            continue;
        }
        answer->line[answer->line_size] = 0;
        if (answer->chunk_state == CHUNK_SIZE) {
            answer->chunk_left = strtoull(answer->line, NULL, 16);
            answer->chunk_state = answer->chunk_left > 0 ? CHUNK_DATA : TRAILER;
        } else if (answer->chunk_state == CHUNK_END) {
            answer->chunk_state = CHUNK_SIZE;
        } else if (answer->line_size == 0) {
            answer->done = true;
        }
        answer->line_size = 0;
    }
}

static void take(struct answer *answer, const char *bytes, size_t count, bool has_body)
{
    while (!answer->has_head && count > 0) {
        size_t room = sizeof answer->head - 1 - answer->head_size, taken = count < room ? count : room;
        size_t before = answer->head_size;
        if (taken == 0) fail("the answer's head is too long");
        memcpy(answer->head + before, bytes, taken);
        answer->head[before + taken] = 0;
        char *end = strstr(answer->head + (before < 3 ? 0 : before - 3), "\r\n\r\n");
        if (end == NULL) {
            answer->head_size += taken, bytes += taken, count -= taken;
            continue;
        }
        size_t used = end + 4 - answer->head - before;
        end[2] = 0;
        bytes += used, count -= used;
        read_head(answer, has_body);
        if (answer->status / 100 == 1) clear(answer);
    }
    if (answer->done || !answer->has_head) return;
    if (answer->is_chunked) {
        take_chunked(answer, bytes, count);
    } else {
        take_body(answer, bytes, count);
        answer->done = !answer->until_end && answer->received >= answer->length;
    }
}

/* What of a Location a request wants. */
static const char *path_of(const char *location)
{
    const char *authority = strstr(location, "://"), *path = authority ? strchr(authority + 3, '/') : location;
    return path ? path : "/";
}

static void check(const struct answer *answer)
{
    if (answer->status / 100 != 2) fail("answered with %d: %.300s", answer->status, answer->body);
}

/* --- Connections -------------------------------------------------------------------------------------------------- */

static int open_connection(bool is_blocking)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) != 0)
        fail("connecting to port %d: %s", options.port, strerror(errno));
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (!is_blocking) fcntl(connection, F_SETFL, O_NONBLOCK);
    return connection;
}

static char received[1 << 18];

/* Reads one answer; the time of its first byte goes to `first`. */
static void receive(int connection, struct answer *answer, bool has_body, double *first)
{
    clear(answer);
    bool is_first = true;
    while (!answer->done) {
        bool in_body = answer->has_head && !answer->is_chunked && !answer->until_end;
        ssize_t count;
        if (in_body && options.drop) {
            count = recv(connection, NULL, answer->length - answer->received, MSG_TRUNC);
            if (count > 0) {
                answer->received += count, answer->done = answer->received >= answer->length;
                continue;
            }
        } else {
            count = recv(connection, received, sizeof received, 0);
        }
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail("receiving: %s", strerror(errno));
        if (count == 0 && answer->until_end) break;
        if (count == 0) fail("the server closed the connection inside an answer");
        if (is_first && first != NULL) *first = now();
        is_first = false;
        take(answer, received, count, has_body);
    }
    check(answer);
}

/* Sends a request and reads its answer on a blocking connection, which is made anew if the server wants it so. */
static void exchange(int *connection, struct request *request, struct answer *answer, double *first)
{
    if (options.expect) {
        size_t head = strstr(request->head, "\r\n\r\n") + 4 - request->head;
        send_some(*connection, request, head);
        ssize_t count = recv(*connection, received, sizeof received - 1, 0);
        received[count > 0 ? count : 0] = 0;
        if (strncmp(received, "HTTP/1.1 100", 12)) fail("expected 100 Continue: %.200s", received);
    }
    send_some(*connection, request, whole(request));
    receive(*connection, answer, strncmp(request->head, "HEAD ", 5) != 0, first);
    if (answer->closes || answer->until_end) close(*connection), *connection = open_connection(true);
}

/* --- What is printed ---------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(const double *sorted, long count, double share)
{
    long index = (long)(share * count);
    return sorted[index < count ? index : count - 1];
}

static void text(const char *name, const char *value)
{
    printf(", \"%s\": \"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\') printf("\\%c", *value);
        else if ((unsigned char)*value < 32) printf("\\u%04x", *value);
        else putchar(*value);
    }
    putchar('"');
}

/* `times` are those of the requests, in ms; `bytes` all that went one way. */
static void report(double milliseconds, double *times, long count, double bytes)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    double last = times[count - 1];
    printf("{\"command\": \"%s\", \"count\": %ld, \"seconds\": %.6f, \"rate\": %.2f, \"mb_per_second\": %.2f, "
           "\"last_ms\": %.4f, \"client_cpu\": %.3f", options.command, count, milliseconds / 1e3,
           count / milliseconds * 1e3, bytes / milliseconds / 1e3, last, cpu);
    if (options.times) {
        printf(", \"times_ms\": [");
        for (long i = 0; i < count; i++) printf("%s%.3f", i ? ", " : "", times[i]);
        printf("]");
    }
    qsort(times, count, sizeof *times, ascending);
    printf(", \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f", at(times, count, 0.5), at(times, count, 0.99),
           times[count - 1]);
}

/* --- Many connections at once ------------------------------------------------------------------------------------- */

struct client {
    struct request request;
    struct answer answer;
    int socket;
    double began;
    bool is_second, waits_to_write;
};

static struct {
    int poll;
    long started, finished, ahead;
    double *times;
    bool holds; /* the crowd, until everybody has sent its first piece */
} run;

static void watch(struct client *client, bool writes, bool is_new)
{
    if (!is_new && client->waits_to_write == writes) return;
    struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.ptr = client};
    if (epoll_ctl(run.poll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, client->socket, &event) != 0)
        fail("epoll: %s", strerror(errno));
    client->waits_to_write = writes;
}

static void proceed(struct client *client)
{
    size_t end = whole(&client->request);
    if (run.holds && end > AHEAD) {
        if (client->request.sent >= AHEAD) return;
        end = AHEAD;
    }
    bool is_sent = send_some(client->socket, &client->request, end);
    watch(client, !is_sent, false);
    if (run.holds && is_sent) run.ahead++;
}

static void start(struct client *client)
{
    if (run.started == options.count) return;
    upload(&client->request, options.first + run.started++);
    clear(&client->answer);
    client->is_second = false;
    client->began = now();
    proceed(client);
}

static void reopen(struct client *client)
{
    close(client->socket);
    client->socket = open_connection(false);
    watch(client, false, true);
}

static void finish(struct client *client)
{
    check(&client->answer);
    bool closes = client->answer.closes || client->answer.until_end;
    if (closes) reopen(client);
    if (options.tus && !client->is_second) {
        patch(&client->request, path_of(client->answer.location), 0, options.size, options.size);
        clear(&client->answer);
        client->is_second = true;
        proceed(client);
        return;
    }
    run.times[run.finished++] = now() - client->began;
    start(client);
}

static void read_some(struct client *client)
{
    ssize_t count = recv(client->socket, received, sizeof received, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) fail("receiving: %s", strerror(errno));
    if (count == 0) {
        if (client->answer.until_end) {
            finish(client);
        } else if (run.started - run.finished > 0 && client->request.sent > 0 && !client->answer.has_head &&
                   client->answer.head_size == 0) {
            /* It closed an idle connection just as this request went out; as every client does, once more. */
            reopen(client);
            client->request.sent = 0;
            proceed(client);
        } else {
            fail("the server closed the connection inside an answer");
        }
        return;
    }
    take(&client->answer, received, count, true);
    if (client->answer.done) finish(client);
}

static void turn(void)
{
    struct epoll_event events[256];
    int count = epoll_wait(run.poll, events, 256, -1);
    for (int i = 0; i < count; i++) {
        struct client *client = events[i].data.ptr;
        if (events[i].events & EPOLLOUT) proceed(client);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_some(client);
    }
}

static void many(bool is_crowd)
{
    if (is_crowd) options.connections = options.count;
    if (is_crowd && options.tus) fail("a crowd does not speak tus");
    if (options.connections > options.count) options.connections = options.count;
    struct client *clients = calloc(options.connections, sizeof *clients);
    run.times = calloc(options.count, sizeof *run.times);
    run.poll = epoll_create1(EPOLL_CLOEXEC);
    run.holds = is_crowd;
    for (long i = 0; i < options.connections; i++) {
        clients[i].socket = open_connection(false);
        watch(&clients[i], false, true);
    }
    double began = now();
    for (long i = 0; i < options.connections; i++) start(&clients[i]);
    if (is_crowd) {
        while (run.ahead < options.count) turn();
        run.holds = false;
        for (long i = 0; i < options.count; i++) proceed(&clients[i]);
    }
    while (run.finished < options.count) turn();
    report(now() - began, run.times, options.count, (double)options.count * options.size);
}

/* --- One connection ----------------------------------------------------------------------------------------------- */

static struct request request;
static struct answer answer;

static void large(void)
{
    double times[options.count], began = now();
    int connection = open_connection(true);
    for (long i = 0; i < options.count; i++) {
        double start = now();
        upload(&request, options.first + i);
        exchange(&connection, &request, &answer, NULL);
        if (options.tus) {
            patch(&request, path_of(answer.location), 0, options.size, options.size);
            exchange(&connection, &request, &answer, NULL);
        }
        times[i] = now() - start;
    }
    report(now() - began, times, options.count, (double)options.count * options.size);
    text("id", answer.body);
}

static void chunks(void)
{
    char path[1024];
    int connection = open_connection(true);
    double *times = calloc(options.size / options.chunk + 1, sizeof *times), began = now();
    long count = 0;
    if (options.tus) create_tus(&request, options.size);
    else announce(&request, options.size);
    exchange(&connection, &request, &answer, NULL);
    if (options.tus) {
        snprintf(path, sizeof path, "%s", path_of(answer.location));
    } else {
        snprintf(path, sizeof path, options.patch, answer.body[0] == '"' ? strtok(answer.body, "\"") : answer.body);
    }
    for (size_t offset = 0; offset < options.size; offset += options.chunk) {
        size_t left = options.size - offset;
        double start = now();
        patch(&request, path, offset, left < options.chunk ? left : options.chunk, options.size);
        exchange(&connection, &request, &answer, NULL);
        times[count++] = now() - start;
    }
    report(now() - began, times, count, options.size);
    text("id", strrchr(path, '/') + 1);
    text("path", path);
}

static void get(void)
{
    double times[options.count], firsts[options.count], bytes = 0, began = now();
    int connection = open_connection(true);
    for (long i = 0; i < options.count; i++) {
        double start = now(), first = start;
        begin(&request, "GET", options.path);
        if (options.range) add(&request, "Range: bytes=%s\r\n", options.range);
        add(&request, "\r\n");
        exchange(&connection, &request, &answer, &first);
        times[i] = now() - start;
        firsts[i] = first - start;
        bytes += answer.received;
    }
    report(now() - began, times, options.count, bytes);
    qsort(firsts, options.count, sizeof *firsts, ascending);
    printf(", \"first_byte_p50_ms\": %.4f, \"bytes\": %.0f", at(firsts, options.count, 0.5), bytes);
}

static void call(void)
{
    double times[1], began;
    int connection = open_connection(true);
    begin(&request, options.method, options.path);
    add(&request, "Content-Length: %zu\r\n\r\n%s", strlen(options.body), options.body);
    began = now();
    exchange(&connection, &request, &answer, NULL);
    times[0] = now() - began;
    report(times[0], times, 1, strlen(options.body));
    printf(", \"status\": %d", answer.status);
    text("answer", answer.body);
}

/* --- The command line --------------------------------------------------------------------------------------------- */

static size_t bytes_of(const char *value)
{
    char *unit;
    double number = strtod(value, &unit);
    if (!strcmp(unit, "KiB")) number *= 1 << 10;
    else if (!strcmp(unit, "MiB")) number *= 1 << 20;
    else if (!strcmp(unit, "GiB")) number *= 1 << 30;
    else if (*unit) fail("%s is no size", value);
    return (size_t)number;
}

static int touch(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    return mmap(NULL, options.size, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED;
}

int main(int count, char **words)
{
    enum { PORT = 256, SIZE, CHUNK, COUNT, CONN, FIRST, PUT, FORM, TUS, PATCH, METHOD, PATH, BODY, RANGE, HEADER, EXPECT,
           TRUNC, TIMES, HELP };
    static const struct option known[] = {
        {"port", 1, 0, PORT},     {"size", 1, 0, SIZE},     {"chunk", 1, 0, CHUNK},   {"count", 1, 0, COUNT},
        {"conn", 1, 0, CONN},     {"first", 1, 0, FIRST},   {"put", 1, 0, PUT},       {"form", 1, 0, FORM},
        {"tus", 1, 0, TUS},       {"patch", 1, 0, PATCH},   {"method", 1, 0, METHOD}, {"path", 1, 0, PATH},
        {"body", 1, 0, BODY},     {"range", 1, 0, RANGE},   {"header", 1, 0, HEADER}, {"expect", 0, 0, EXPECT},
        {"trunc", 0, 0, TRUNC},   {"times", 0, 0, TIMES},   {"help", 0, 0, HELP},     {0, 0, 0, 0}};
    for (int option; (option = getopt_long(count, words, "h", known, NULL)) != -1;) {
        switch (option) {
        case PORT: options.port = atoi(optarg); break;
        case SIZE: options.size = bytes_of(optarg); break;
        case CHUNK: options.chunk = bytes_of(optarg); break;
        case COUNT: options.count = atol(optarg); break;
        case CONN: options.connections = atol(optarg); break;
        case FIRST: options.first = atol(optarg); break;
        case PUT: options.put = optarg; break;
        case FORM: options.form = optarg; break;
        case TUS: options.tus = optarg; break;
        case PATCH: options.patch = optarg; break;
        case METHOD: options.method = optarg; break;
        case PATH: options.path = optarg; break;
        case BODY: options.body = optarg; break;
        case RANGE: options.range = optarg; break;
        case EXPECT: options.expect = true; break;
        case TRUNC: options.drop = true; break;
        case TIMES: options.times = true; break;
        case HEADER:
            if (strlen(options.headers) + strlen(optarg) + 3 > sizeof options.headers) fail("too many headers");
            strcat(strcat(options.headers, optarg), "\r\n");
            break;
        case 'h':
        case HELP: fputs(usage, stdout); return 0;
        default: fputs(usage, stderr); return 64;
        }
    }
    options.command = words[optind] ? words[optind] : "";
    bool touches = !strcmp(options.command, "touch");
    if (optind + 1 != count || (options.port == 0 && !touches) || options.count < 1 || options.connections < 1 || options.chunk < 1) {
        fputs(usage, stderr);
        return 64;
    }
    if (touches) return touch();
    signal(SIGPIPE, SIG_IGN);
    if ((block = malloc(BLOCK)) == NULL) fail("no memory");
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < BLOCK; i += 8) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        memcpy(block + i, &random, 8);
    }
    if (!strcmp(options.command, "small")) many(false);
    else if (!strcmp(options.command, "crowd")) many(true);
    else if (!strcmp(options.command, "large")) large();
    else if (!strcmp(options.command, "chunks")) chunks();
    else if (!strcmp(options.command, "get") && options.path) get();
    else if (!strcmp(options.command, "call") && options.path) call();
    else {
        fputs(usage, stderr);
        return 64;
    }
    puts("}");
    return 0;
}
