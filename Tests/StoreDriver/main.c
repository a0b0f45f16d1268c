/* Drives one store from another process, by commands on stdin, so that tests can kill it at any moment, race several
 * of them, and make system calls fail that nothing else can make fail.  Every command is answered by one line:
 * "ok ..." or "error STATUS ERRNO FLAGS MESSAGE".
 *
 *   store-driver LIBRARY [deny:CALL=ERRNO...] KEY=VALUE...
 */
#define _GNU_SOURCE
#define FP_HELPERS
#include <fp_plugin.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const fp_plugin *plugin;
static fp_instance *store;
static fp_writer *writer;
static uint64_t written;
static char message[512];
static fp_error record;
static fp_call call;

static void ignore_log(const fp_host *host, int32_t level, fp_str text, const fp_kv *fields, size_t count)
{
    (void)host, (void)level, (void)text, (void)fields, (void)count;
}

static fp_host host = {
    .struct_size = sizeof(fp_host), .abi_major = FP_ABI_MAJOR, .abi_minor = FP_ABI_MINOR,
    .name = "store-driver", .version = "1", .log = ignore_log,
};

static const fp_call *fresh_call(void)
{
    record = (fp_error){.struct_size = sizeof record, .message = {message, sizeof message - 1, 0}};
    call = (fp_call){.struct_size = sizeof call, .cancel_fd = -1, .deadline_ns = INT64_MAX, .error = &record};
    return &call;
}

static int failed(fp_status status)
{
    if (status == FP_OK)
        return 0;
    printf("error %d %d %u %.*s\n", status, record.os_errno, record.flags, (int)record.message.len, message);
    return 1;
}

static fp_str borrow(const char *text) { return (fp_str){text, strlen(text)}; }

/* The same bytes as PluginTestKit's Pattern. */
static unsigned char pattern(uint64_t place, uint64_t seed)
{
    uint64_t word = (place >> 3) + seed * 0x9E3779B97F4A7C15u;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    word ^= word >> 31;
    return (unsigned char)(word >> ((place & 7) * 8));
}

static void print_hex(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%02x", bytes[i]);
}

static size_t parse_hex(const char *text, unsigned char *bytes, size_t capacity)
{
    size_t count = 0;
    unsigned int value;
    while (count < capacity && sscanf(text + 2 * count, "%2x", &value) == 1)
        bytes[count++] = (unsigned char)value;
    bytes[count] = 0;
    return count;
}

/* begin KEY FLAGS -> ok TOKEN */
static void begin(const char *key, uint32_t flags)
{
    unsigned char token[FP_TOKEN_MAX];
    fp_write_req request = {.struct_size = sizeof request, .flags = flags, .key = borrow(key), .size = FP_SIZE_UNKNOWN};
    fp_write_state state = {.struct_size = sizeof state, .token = {token, sizeof token, 0}};
    written = 0;
    if (failed(plugin->write_begin(store, fresh_call(), &request, &writer, &state)))
        return;
    printf("ok ");
    print_hex(token, state.token.len);
    printf("\n");
}

/* resume TOKEN OFFSET -> ok open OFFSET | ok committed; OFFSET -1 = as far as durable */
static void resume(const char *text, long long offset)
{
    unsigned char token[FP_TOKEN_MAX + 1];
    size_t count = parse_hex(text, token, FP_TOKEN_MAX);
    fp_resume_req request = {
        .struct_size = sizeof request, .token = {(const char *)token, count}, .expected_size = FP_SIZE_UNKNOWN,
        .offset = offset < 0 ? FP_SIZE_UNKNOWN : (uint64_t)offset,
    };
    fp_write_state state = {.struct_size = sizeof state};
    if (failed(plugin->write_resume(store, fresh_call(), &request, &writer, &state)))
        return;
    written = state.durable_offset;
    if (state.state == FP_WS_COMMITTED)
        printf("ok committed\n");
    else
        printf("ok open %llu\n", (unsigned long long)written);
}

/* write COUNT SEED -> ok WRITTEN */
static void push(size_t count, uint64_t seed)
{
    unsigned char *bytes = malloc(count ? count : 1);
    for (size_t i = 0; i < count; i++)
        bytes[i] = pattern(written + i, seed);
    fp_status status = plugin->write(writer, fresh_call(), written, bytes, count);
    free(bytes);
    if (failed(status))
        return;
    written += count;
    printf("ok %llu\n", (unsigned long long)written);
}

/* pour COUNT SEED: writes in steps of COUNT and prints each new offset, until it fails or is killed */
static void pour(size_t count, uint64_t seed)
{
    unsigned char *bytes = malloc(count);
    for (;;) {
        for (size_t i = 0; i < count; i++)
            bytes[i] = pattern(written + i, seed);
        if (failed(plugin->write(writer, fresh_call(), written, bytes, count)))
            break;
        written += count;
        printf("ok %llu\n", (unsigned long long)written);
        fflush(stdout);
    }
    free(bytes);
}

static void sync_writer(uint32_t flags)
{
    fp_write_state state = {.struct_size = sizeof state};
    if (!failed(plugin->write_sync(writer, fresh_call(), flags, &state)))
        printf("ok %llu\n", (unsigned long long)state.durable_offset);
}

static void commit(uint32_t flags)
{
    fp_info info = {.struct_size = sizeof info};
    fp_commit_req request = {.struct_size = sizeof request, .flags = flags, .size = written};
    if (!failed(plugin->write_commit(writer, fresh_call(), &request, &info)))
        printf("ok %llu\n", (unsigned long long)info.size);
}

static void close_writer(void)
{
    if (writer)
        plugin->write_close(writer);
    writer = NULL;
    printf("ok\n");
}

static void copy(const char *from, const char *to, uint32_t flags)
{
    uint32_t result = 0;
    fp_info info = {.struct_size = sizeof info};
    fp_copy_req request = {.struct_size = sizeof request, .flags = flags, .src = borrow(from), .dst = borrow(to)};
    if (!failed(plugin->copy(store, fresh_call(), &request, &result, &info)))
        printf("ok %u\n", result);
}

/* health FLAGS -> ok STATE LIMITS */
static void look(uint32_t flags)
{
    fp_health health = {.struct_size = sizeof health};
    if (!failed(plugin->health(store, fresh_call(), flags, &health)))
        printf("ok %u %u\n", health.state, health.limits);
}

/* storm KEY COUNT: COUNT times put with IF_NOT_EXISTS, then remove what was won -> ok WINS */
static void storm(const char *key, int rounds)
{
    int wins = 0;
    for (int i = 0; i < rounds; i++) {
        fp_write_req request = {.struct_size = sizeof request, .flags = FP_W_IF_NOT_EXISTS, .key = borrow(key), .size = 1};
        fp_write_state state = {.struct_size = sizeof state};
        fp_commit_req end = {.struct_size = sizeof end, .size = 1};
        fp_info info = {.struct_size = sizeof info};
        fp_writer *one = NULL;
        fp_status status = plugin->write_begin(store, fresh_call(), &request, &one, &state);
        if (!status)
            status = plugin->write(one, fresh_call(), 0, "x", 1);
        if (!status)
            status = plugin->write_commit(one, fresh_call(), &end, &info);
        if (one)
            plugin->write_close(one);
        if (!status) {
            wins++;
            status = plugin->remove(store, fresh_call(), borrow(key), 0);
        }
        if (status && status != FP_E_EXISTS) {
            failed(status);
            return;
        }
    }
    printf("ok %d\n", wins);
}

/* Makes a system call fail with an errno from here on. */
static int deny(const char *name, int number)
{
    static const struct { const char *name; uint32_t call; int argument; uint32_t mask; } calls[] = {
        {"openat2", SYS_openat2, -1, 0},     {"renameat2", SYS_renameat2, -1, 0}, {"linkat", SYS_linkat, -1, 0},
        {"fsetxattr", SYS_fsetxattr, -1, 0}, {"statx", SYS_statx, -1, 0},         {"fsync", SYS_fsync, -1, 0},
        {"fdatasync", SYS_fdatasync, -1, 0}, {"pwrite", SYS_pwrite64, -1, 0},     {"pread", SYS_pread64, -1, 0},
        {"copy_file_range", SYS_copy_file_range, -1, 0}, {"mkdirat", SYS_mkdirat, -1, 0},
        {"unlinkat", SYS_unlinkat, -1, 0},
        {"rename-no-replace", SYS_renameat2, 4, 1}, {"tmpfile", SYS_openat, 2, O_TMPFILE & ~O_DIRECTORY},
        {"create", SYS_openat, 2, O_CREAT},
        {"directory-fsync", SYS_openat, 2, O_DIRECTORY},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(calls[i].name, name))
            continue;
        uint32_t argument = calls[i].argument < 0 ? 0 : (uint32_t)calls[i].argument;
        struct sock_filter code[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].call, 0, 3),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args) + 8 * argument),
            BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, calls[i].mask, 0, calls[i].mask ? 1 : 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)number),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = {sizeof code / sizeof *code, code};
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
    }
    return -1;
}

static int run(char *line)
{
    static char one[2 * FP_TOKEN_MAX + 1], two[1100];
    unsigned long long first = 0, second = 0;
    long long position;
    uint32_t flags;
    int number;
    if (sscanf(line, "begin %1099s %u", one, &flags) == 2)
        begin(one, flags);
    else if (sscanf(line, "resume %4096s %lld", one, &position) == 2)
        resume(one, position);
    else if (sscanf(line, "write %llu %llu", &first, &second) == 2)
        push(first, second);
    else if (sscanf(line, "pour %llu %llu", &first, &second) == 2)
        pour(first, second);
    else if (sscanf(line, "sync %u", &flags) == 1)
        sync_writer(flags);
    else if (sscanf(line, "commit %u", &flags) == 1)
        commit(flags);
    else if (!strncmp(line, "abort", 5)) {
        if (!failed(plugin->write_abort(writer, fresh_call())))
            printf("ok\n");
    } else if (!strncmp(line, "close", 5))
        close_writer();
    else if (sscanf(line, "health %u", &flags) == 1)
        look(flags);
    else if (sscanf(line, "copy %1099s %1099s %u", one, two, &flags) == 3)
        copy(one, two, flags);
    else if (sscanf(line, "remove %1099s", one) == 1) {
        if (!failed(plugin->remove(store, fresh_call(), borrow(one), 0)))
            printf("ok\n");
    } else if (sscanf(line, "stat %1099s", one) == 1) {
        fp_info info = {.struct_size = sizeof info};
        if (!failed(plugin->stat(store, fresh_call(), borrow(one), 0, &info)))
            printf("ok %llu\n", (unsigned long long)info.size);
    } else if (sscanf(line, "storm %1099s %d", one, &number) == 2)
        storm(one, number);
    else if (sscanf(line, "deny %1099s %d", one, &number) == 2)
        printf(deny(one, number) ? "error -1 0 0 cannot install the filter\n" : "ok\n");
    else if (sscanf(line, "user %d", &number) == 1) {
        uid_t id = (uid_t)number;
        printf(setresgid(id, id, id) || setresuid(id, id, id) ? "error -1 0 0 cannot change the user\n" : "ok\n");
    } else if (sscanf(line, "files %d", &number) == 1) {
        struct rlimit limit;
        getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = (rlim_t)number;
        printf(setrlimit(RLIMIT_NOFILE, &limit) ? "error -1 0 0 setrlimit\n" : "ok\n");
    } else
        return -1;
    return 0;
}

int main(int count, char **arguments)
{
    static char line[3 * FP_TOKEN_MAX];
    fp_node nodes[64];
    fp_plugin_entry_fn entry;
    void *library = count < 2 ? NULL : dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    if (!library || count > 63) {
        fprintf(stderr, "store-driver: %s\n", library ? "too many options" : dlerror());
        return 2;
    }
    *(void **)&entry = dlsym(library, FP_ENTRY_SYMBOL);
    plugin = entry ? entry(&host) : NULL;
    if (!plugin)
        return 2;
    memset(nodes, 0, sizeof nodes);
    nodes[0] = (fp_node){.struct_size = sizeof *nodes, .type = FP_N_MAP};
    const fp_node **last = &nodes[0].child;
    for (int i = 2; i < count; i++) {
        char *equals = strchr(arguments[i], '=');
        if (!equals)
            return 2;
        *equals = 0;
        if (!strncmp(arguments[i], "deny:", 5)) {
            if (deny(arguments[i] + 5, atoi(equals + 1)))
                return 2;
            continue;
        }
        nodes[i - 1] = (fp_node){
            .struct_size = sizeof *nodes, .type = FP_N_SCALAR, .key = borrow(arguments[i]), .text = borrow(equals + 1),
            .i64 = strcmp(equals + 1, "true") ? atoll(equals + 1) : 1,
        };
        *last = &nodes[i - 1];
        last = &nodes[i - 1].next;
    }
    if (failed(plugin->create(&host, nodes, fresh_call(), &store)))
        return 1;
    printf("ok ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        if (run(line)) {
            fprintf(stderr, "store-driver: unknown command %s", line);
            return 2;
        }
        fflush(stdout);
    }
    return 0;
}
