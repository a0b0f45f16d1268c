/* fp_plugin.h - C ABI for storage back-ends.  ABI 1.1.  Plain C99, no dependency but
 * libc types.  One file, no generated parts.  Under 0BSD, so that anyone may vendor it.
 *
 * ================================ THE CONTRACT (read this first) ================================
 * R1 GROWTH   Every struct that starts with `struct_size` may grow at its END only; its OWNER (the side
 *             whose memory it is) sets struct_size = its own sizeof.  The other side neither reads nor
 *             WRITES past struct_size (FP_HAS); missing fields read as 0.  So output structs, which the
 *             host sizes and fills with 0 or "not known", are filled field by field: never by struct
 *             assignment or memset.
 *             Structs marked FROZEN never change.  Vtable slots are never reordered, retyped or reused.
 *             Reserved fields are 0.
 *             `flags` = must-understand: an unknown bit => FP_E_UNSUPPORTED, no side effect.
 *             `hints` = may be ignored.  Unknown status codes are handled by their class (code / 100).
 * R2 MEMORY   No allocation ever changes owner.  Inputs are borrowed until the call returns; outputs go
 *             into caller buffers (fp_buf) or through a callback that copies.  Handles (instance,
 *             reader, writer) are created and destroyed by the plugin, opaque to the host.  Strings are
 *             UTF-8; each fp_str FROM the host also has ptr[len] == '\0'.  fp_str from a plugin need not.
 * R3 THREADS  Tags: [control] one call at a time per library.  [pool] any host pool thread, concurrency
 *             as declared by fp_caps.threading.  [handle] like [pool] but never two calls at once on one
 *             reader/writer.  [any] any thread, plugin-made ones included.  NO call has thread affinity:
 *             consecutive calls on one handle may come from different threads, so no state in TLS.
 *             Host threads have >= 1 MiB of stack and all signals blocked, but for those that a thread's own
 *             fault raises (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT); SIGPIPE is ignored.
 * R4 BLOCKING All [pool]/[handle] calls MAY block on the BACK-END.  None ever waits for an HTTP client:
 *             the host pulls reads, pushes writes, and may let minutes pass between two calls on a handle
 *             (if the back-end dropped the connection meanwhile, reconnect or return E_TRANSIENT: the host
 *             re-opens or resumes).  Every call obeys call->deadline_ns and call->cancel_fd within 1 s,
 *             where the OS permits.
 * R5 ERRORS   Functions return fp_status; details go to *call->error.  errno is never consulted.
 *             On error, output pointers are NULL and outputs other than *call->error are undefined.
 *             No C++ exception / Swift error / Rust panic may cross this boundary.
 *             Plugins do not retry, bar ONE transparent retry on a stale pooled connection; the host
 *             owns retry, back-off and circuit breaking.  The one exception is what only the plugin can
 *             repeat: bytes that an earlier write() accepted and that are not durable yet.  It may send
 *             those again, with back-off and inside the deadline of the call that waits for them.
 * R6 KEYS     Host guarantees: 1..caps.max_key_bytes bytes (<= 1024) of valid UTF-8, NFC, no control
 *             characters, no '\\', no leading, trailing or double '/', no "." or ".." segment, no segment
 *             > 255 bytes, first segment not ".fp" (that namespace is the plugin's).  Plugins still
 *             confine (openat2 RESOLVE_BENEATH or equal).  Keys are case-sensitive and flat; '/' is a
 *             convention, directories are not objects, parents are made on demand.
 * R7 ATOMIC   An object is visible whole or not at all.  Bytes written are invisible to stat/read_open/
 *             list until write_commit succeeds.  A reader sees ONE version of an object from first byte
 *             to last, or fails; never a mixture.
 * R8 GUEST    A plugin must not: exit, abort, fork, daemonise, install signal handlers, change cwd, umask,
 *             locale or environment, write to fd 0-2, export symbols beyond the entry point, or leave an
 *             fd without O_CLOEXEC.  Its threads block all signals.  It is NEVER dlclose()d.
 * ================================================================================================= */
#ifndef FP_PLUGIN_H
#define FP_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define FP_EXTERN_C extern "C"
extern "C" {
#else
#define FP_EXTERN_C
#endif

#if defined(__GNUC__) || defined(__clang__)
#define FP_EXPORT __attribute__((visibility("default")))
#else
#define FP_EXPORT
#endif

#define FP_ABI_MAJOR 1u
#define FP_ABI_MINOR 1u
#define FP_MAGIC 0x31535046u /* "FPS1", little endian */
#define FP_ENTRY_SYMBOL "fp_plugin_entry_v1" /* major N exports fp_plugin_entry_vN; a .so may export several */

/* True if *p is new enough to contain `field`.  Use before touching anything newer than ABI 1.0. */
#define FP_HAS(p, field) \
    ((p)->struct_size >= (size_t)((const char *)&(p)->field - (const char *)(p)) + sizeof((p)->field))

/* ---- minimum capacities the host guarantees for fp_buf outputs it asks for (cap is 0 or >= these) ---- */
#define FP_TOKEN_MAX 2048u
#define FP_CURSOR_MAX 2048u
#define FP_ETAG_MAX 256u
#define FP_CTYPE_MAX 256u
#define FP_DIGEST_MAX 64u
#define FP_URL_MAX 8192u
#define FP_SIZE_UNKNOWN 0xFFFFFFFFFFFFFFFFull
#define FP_TIME_UNKNOWN (-1ll)

/* ------------------------------------------------------------------ frozen leaf types (FROZEN) */
typedef struct fp_str { const char *ptr; size_t len; } fp_str;          /* borrowed; {NULL,0} = absent */
typedef struct fp_buf { void *ptr; size_t cap; size_t len; } fp_buf;    /* caller-owned output; cap 0 = "not wanted" */
typedef struct fp_kv { fp_str key; fp_str value; } fp_kv;

typedef struct fp_instance fp_instance; /* one configured back-end       */
typedef struct fp_reader fp_reader;     /* one open ranged read          */
typedef struct fp_writer fp_writer;     /* one open (maybe resumed) write */

/* ------------------------------------------------------------------ status codes
 * Never use a C enum in the ABI.  Column 2: default HTTP status (host policy may override).          */
typedef int32_t fp_status;
#define FP_OK 0
/* 1xx permanent: retrying the same call cannot help */
#define FP_E_INVALID 100      /* 400 bad argument, wrong offset, size mismatch at commit              */
#define FP_E_UNSUPPORTED 101  /* 501 or host emulation; guaranteed no side effect                     */
#define FP_E_NOT_FOUND 110    /* 404                                                                  */
#define FP_E_EXISTS 111       /* 409 (412 if the client sent If-None-Match)                           */
#define FP_E_PRECONDITION 112 /* 412 if_match failed: object replaced meanwhile                       */
#define FP_E_RANGE 113        /* 416 offset beyond the object                                         */
#define FP_E_GONE 114         /* 410 write token unknown: discarded or expired                        */
#define FP_E_CONFLICT 115     /* 409 another live writer holds this session                           */
#define FP_E_DENIED 120       /* 403 back-end policy forbids this key or operation                    */
#define FP_E_TOO_LARGE 121    /* 413                                                                  */
#define FP_E_NO_SPACE 122     /* 507 disk full or quota                                               */
#define FP_E_CHECKSUM 123     /* 400 (tus: 460) staged bytes do not match the digest given            */
/* 2xx retryable */
#define FP_E_TRANSIENT 200    /* 503 network, 5xx, connection lost                                    */
#define FP_E_THROTTLED 201    /* 503 + Retry-After from error->retry_after_ms                         */
#define FP_E_TIMEOUT 202      /* 504 deadline passed                                                  */
/* 3xx control flow */
#define FP_E_CANCELLED 300    /* no response (499 in logs)                                            */
/* 4xx the back-end or its configuration is at fault, not this request */
#define FP_E_CONFIG 400       /* startup failure / 500                                                */
#define FP_E_AUTH 401         /* 502 credentials or host key rejected; host marks the instance DOWN   */
#define FP_E_CORRUPT 402      /* 500 stored data failed verification; alert, never retry              */
#define FP_E_READ_ONLY 403    /* 503 the back-end takes no writes at all: mounted read-only, no right to
                                 write anywhere.  For one key it is E_DENIED.  Since 1.1              */
/* 9xx defects */
#define FP_E_INTERNAL 900     /* 500 plugin bug (a caught panic/exception included)                   */
#define FP_E_NO_MEMORY 901    /* 503                                                                  */
#define FP_CLASS(s) ((s) / 100)

#define FP_ERRF_OUTCOME_UNKNOWN 1u /* the effect may or may not have happened: re-query before retrying */

typedef struct fp_error { /* host-owned; plugin fills on failure only */
    uint32_t struct_size;
    uint32_t flags;          /* FP_ERRF_*                                                             */
    int32_t os_errno;        /* 0 if none                                                              */
    int32_t native_code;     /* HTTP status, SSH_FX_*, CURLE_* ...; 0 if none                          */
    uint32_t retry_after_ms; /* 0 = no advice                                                          */
    uint32_t reserved;
    fp_buf message;         /* one line for the operator's log; no secrets; truncate to cap           */
    fp_buf request_id;      /* back-end request id, e.g. x-amz-request-id                             */
} fp_error;

/* Per-call context.  Valid for the duration of the call only. */
typedef struct fp_call {
    uint32_t struct_size;
    int32_t cancel_fd;       /* becomes readable (poll/curl_multi_poll extra_fds) on cancel; -1 = none.
                                Never read, write or close it.                                         */
    int64_t deadline_ns;     /* absolute CLOCK_MONOTONIC nanoseconds; INT64_MAX = none                 */
    int32_t (*is_cancelled)(const struct fp_call *); /* [any] 1 once cancelled or past deadline; cheap */
    fp_str trace_id;        /* put it in log lines and, where possible, in the back-end's user agent  */
    fp_error *error;        /* never NULL, zeroed by the host before the call                         */
    void *host_data;
} fp_call;

/* ------------------------------------------------------------------ what the host offers */
#define FP_LOG_TRACE 0
#define FP_LOG_DEBUG 1
#define FP_LOG_INFO 2
#define FP_LOG_WARN 3
#define FP_LOG_ERROR 4

/* Each instance gets its own fp_host (log attribution); valid until destroy() returns.  The one given to
 * the entry point and load() is valid for the life of the process.  All members are [any]. */
typedef struct fp_host {
    uint32_t struct_size;
    uint32_t abi_major, abi_minor;
    uint32_t log_level;  /* lowest level that is recorded at create() time; a hint                     */
    const char *name;    /* "fphost" */
    const char *version; /* "2.3.1"        */
    void *host_data;
    /* msg need not be NUL-terminated.  Host copies, rate-limits, and masks all SECRET config values.
     * fields may be NULL if n_fields is 0.  Non-variadic so that every language can call it. */
    void (*log)(const struct fp_host *, int32_t level, fp_str msg, const fp_kv *fields, size_t n_fields);
    /* OPTIONAL accounted allocator (16-byte aligned, NULL on failure).  For the plugin's own buffers, so
     * that the host can meter and cap them.  Never used to hand memory across the boundary (R2). */
    void *(*alloc)(const struct fp_host *, size_t size);
    void *(*realloc)(const struct fp_host *, void *p, size_t size);
    void (*free)(const struct fp_host *, void *p);
    /* Host extension by id "<name>/<rev>", NULL if absent.  Same lifetime as this struct. */
    const void *(*get_extension)(const struct fp_host *, const char *id);
} fp_host;

/* ------------------------------------------------------------------ configuration
 * The YAML mapping below `stores.<name>.options`, already parsed, checked against the plugin's option
 * table (unknown key, type, range, enum, required => startup error with file:line), defaults filled in,
 * relative PATHs made absolute, secrets resolved (file:, env:).  Host-owned; valid during create() and
 * validate() only: copy what you keep, wipe secrets when done. */
#define FP_N_NULL 0u
#define FP_N_SCALAR 1u
#define FP_N_LIST 2u
#define FP_N_MAP 3u
#define FP_NF_SECRET 1u    /* never log */
#define FP_NF_DEFAULTED 2u /* not in the file; from option->default_text */

typedef struct fp_node {
    uint32_t struct_size;
    uint32_t type;  /* FP_N_*                                                                         */
    uint32_t flags; /* FP_NF_*                                                                        */
    uint32_t line;  /* 1-based line in the config file; 0 = none                                       */
    fp_str key;    /* member name; absent for the root and for list items                             */
    fp_str text;   /* scalar, as text: "8MiB", "true", "https://..."                                  */
    int64_t i64;    /* BOOL 0/1, INT value, SIZE in bytes, DURATION in milliseconds; else 0            */
    double f64;
    const struct fp_node *child; /* first member; linked so that the struct can grow                  */
    const struct fp_node *next;  /* next sibling                                                      */
} fp_node;

#define FP_T_STRING 1u
#define FP_T_BOOL 2u
#define FP_T_INT 3u
#define FP_T_FLOAT 4u
#define FP_T_SIZE 5u     /* "8MiB" -> bytes      */
#define FP_T_DURATION 6u /* "30s"  -> ms         */
#define FP_T_ENUM 7u     /* one of `choices`     */
#define FP_T_PATH 8u     /* made absolute        */
#define FP_T_URL 9u
#define FP_T_STRING_LIST 10u
#define FP_T_STRING_MAP 11u
#define FP_OPT_REQUIRED 1u
#define FP_OPT_SECRET 2u
#define FP_OPT_ADVANCED 4u
#define FP_OPT_DEPRECATED 8u

typedef struct fp_option { /* an ARRAY of these is walked with fp_plugin.option_size as stride */
    const char *key;          /* dotted path of letters, digits, '_' and '-': "bucket", "tls.ca_file"  */
    uint32_t type, flags;     /* FP_T_*, FP_OPT_*                                                    */
    const char *default_text; /* NULL = none; of a STRING_LIST: its items, with commas between         */
    const char *choices;      /* "a|b|c" for ENUM                                                      */
    int64_t min, max;         /* inclusive, for INT/SIZE(bytes)/DURATION(ms); both 0 = no bound        */
    const char *help;         /* first sentence = summary line                                         */
} fp_option;

/* ------------------------------------------------------------------ capabilities (per instance) */
#define FP_THREADS_SERIAL_LIBRARY 0u  /* one call at a time in the whole .so (non-reentrant library)    */
#define FP_THREADS_SERIAL_INSTANCE 1u /* one call at a time per instance, its handles included          */
#define FP_THREADS_PARALLEL 2u        /* any calls at once; handles still one call at a time            */

#define FP_CAP_RESUMABLE (1ull << 0)        /* write tokens survive the process                        */
#define FP_CAP_DURABLE_TAIL (1ull << 1)     /* write_sync persists ANY byte count (durable_unit == 1)  */
#define FP_CAP_ATOMIC_REPLACE (1ull << 2)   /* commit over an existing key is atomic.  Without it a plugin
                                               may also refuse to replace: E_EXISTS at commit          */
#define FP_CAP_ATOMIC_CREATE (1ull << 3)    /* FP_W_IF_NOT_EXISTS has no race, across processes       */
#define FP_CAP_POWER_DURABLE (1ull << 4)    /* with FP_SYNC_POWER, what was synced or committed survives
                                               power loss; without it, what the flag can do is done    */
#define FP_CAP_READ_AFTER_WRITE (1ull << 5) /* stat/read see a commit at once, from any process        */
#define FP_CAP_SHARED (1ull << 6)           /* other machines see the same objects and tokens          */
#define FP_CAP_LIST (1ull << 7)
#define FP_CAP_LIST_ORDERED (1ull << 8)     /* byte order; start_after works                           */
#define FP_CAP_LIST_PENDING (1ull << 9)
#define FP_CAP_COPY (1ull << 10)            /* no object bytes pass through this machine               */
#define FP_CAP_MOVE (1ull << 11)            /* ditto                                                   */
#define FP_CAP_MOVE_ATOMIC (1ull << 12)
#define FP_CAP_PRESIGN (1ull << 13)
#define FP_CAP_IF_MATCH (1ull << 14)        /* read_open honours if_match                              */
#define FP_CAP_CONTENT_TYPE (1ull << 15)    /* stored and returned                                     */
#define FP_CAP_METADATA (1ull << 16)        /* user key/values stored (not returned in 1.0)            */
#define FP_CAP_SPACE (1ull << 17)           /* health reports byte counts                              */
#define FP_CAP_FENCED (1ull << 18)          /* resume of a session with a live writer => E_CONFLICT    */
#define FP_CAP_REWIND (1ull << 19)          /* fp_resume_req.offset takes a session back               */

#define FP_DIGEST_NONE 0u
#define FP_DIGEST_MD5 1u
#define FP_DIGEST_SHA256 2u
#define FP_DIGEST_CRC32C 3u
#define FP_DIGEST_BIT(a) (1u << (a))

typedef struct fp_caps {
    uint32_t struct_size;
    uint32_t threading;       /* FP_THREADS_*; no looser than fp_plugin.threading_max                 */
    uint64_t flags;           /* FP_CAP_*                                                              */
    uint32_t max_concurrency; /* calls in flight that still help (e.g. connection pool size); 0 = host default 16 */
    uint32_t max_key_bytes;   /* 1 to 1024; the host never passes a longer key                         */
    uint32_t list_page_max;   /* entries per list() call; 0 = any                                       */
    uint32_t token_ttl_s;     /* idle life of a write token, seconds; 0 = unlimited                     */
    uint64_t max_object_size; /* bytes; FP_SIZE_UNKNOWN = no known limit                               */
    uint64_t read_size;       /* preferred read() capacity, bytes;  host clamps to 64 KiB..4 MiB        */
    uint64_t write_size;      /* preferred write() length, bytes;   host clamps likewise                */
    uint64_t durable_unit;    /* granularity at which durable_offset advances: 1 local, part size on S3 */
    uint64_t writer_memory;   /* peak heap of one open writer, bytes: admission control                 */
    uint64_t reader_memory;
    uint32_t digests;         /* FP_DIGEST_BIT()s verified at commit by the back-end                   */
    uint32_t presign_ttl_max_s;
    /* With REWIND, a session can be resumed at: any offset from the durable_offset that its last write_sync
     * returned up to what is durable now, and at any multiple of rewind_unit below.  1 = anywhere.        */
    uint64_t rewind_unit;
} fp_caps;

#define FP_HEALTH_OK 0u
#define FP_HEALTH_DEGRADED 1u
#define FP_HEALTH_DOWN 2u
/* What a store that is not well cannot do, as bits: since 1.1. */
#define FP_HEALTH_CANNOT_WRITE 1u /* reads work, writes do not: read-only, or no right to write            */
#define FP_HEALTH_NO_SPACE 2u     /* reads work, and removes; there is no room for writes                  */
#define FP_HEALTHF_DEEP 1u /* flag: also write, read back and remove a probe object under ".fp/"         */

typedef struct fp_health {
    uint32_t struct_size;
    uint32_t state;                               /* FP_HEALTH_*                                       */
    uint64_t total_bytes, used_bytes, free_bytes; /* FP_SIZE_UNKNOWN if not known                      */
    fp_buf detail;                               /* one line                                           */
    uint32_t limits;                             /* FP_HEALTH_CANNOT_WRITE, FP_HEALTH_NO_SPACE.  Since 1.1 */
    uint32_t reserved;
} fp_health;

/* ------------------------------------------------------------------ objects */
typedef struct fp_info { /* host sets struct_size and the fp_bufs' ptr/cap; plugin fills the rest */
    uint32_t struct_size;
    uint32_t digest_alg; /* FP_DIGEST_*, of the WHOLE object; NONE if not known                        */
    uint64_t size;       /* whole object, bytes                                                         */
    int64_t mtime_ns;    /* Unix time, nanoseconds; FP_TIME_UNKNOWN                                    */
    fp_buf etag;        /* opaque version tag, changes whenever content does; len 0 = none             */
    fp_buf content_type;
    fp_buf digest;      /* raw bytes                                                                   */
} fp_info;

typedef struct fp_read_req {
    uint32_t struct_size, flags; /* flags: 0                                                            */
    fp_str key;
    uint64_t offset;  /* first byte                                                                     */
    uint64_t length;  /* bytes; FP_SIZE_UNKNOWN = to the end; clipped to the end                       */
    fp_str if_match; /* etag; absent = any                                                             */
} fp_read_req;

#define FP_W_RESUMABLE 1u     /* begin must return a token; E_UNSUPPORTED without FP_CAP_RESUMABLE       */
#define FP_W_IF_NOT_EXISTS 2u /* commit fails with E_EXISTS if the key exists then (begin MAY fail early) */

typedef struct fp_write_req {
    uint32_t struct_size, flags; /* FP_W_*                                                             */
    fp_str key;
    uint64_t size;          /* exact final size in bytes if known, else FP_SIZE_UNKNOWN                */
    fp_str content_type;   /* hint unless FP_CAP_CONTENT_TYPE                                         */
    const fp_kv *metadata; /* hint unless FP_CAP_METADATA                                             */
    size_t n_metadata;
} fp_write_req;

#define FP_WS_OPEN 0u
#define FP_WS_COMMITTED 1u

typedef struct fp_write_state { /* host sets struct_size and token.ptr/cap (>= FP_TOKEN_MAX or 0) */
    uint32_t struct_size;
    uint32_t state;          /* FP_WS_*                                                                */
    uint64_t durable_offset; /* bytes [0, durable_offset) survive SIGKILL of this process; never more
                                than were accepted.  Of no meaning with COMMITTED                      */
    fp_buf token;           /* opaque bytes; see write_begin                                           */
} fp_write_state;

typedef struct fp_resume_req {
    uint32_t struct_size, flags; /* flags: 0                                                            */
    fp_str token;           /* any token this session ever produced                                    */
    uint64_t expected_size;  /* final size if known: lets a plugin recognise its own finished commit    */
    uint64_t offset;         /* FP_SIZE_UNKNOWN = as far as durable.  Else, REWIND only: take the session back to
                                exactly this offset; E_RANGE beyond what is durable, E_UNSUPPORTED where caps
                                .rewind_unit does not allow it (a plugin may allow more).  Bytes past it are
                                dropped for good.                                                              */
} fp_resume_req;

#define FP_SYNC_POWER 1u   /* durable against power loss, not merely SIGKILL                            */
#define FP_SYNC_SUSPEND 2u /* no more bytes soon: flush short tails if FP_CAP_DURABLE_TAIL, drop connections */

typedef struct fp_commit_req {
    uint32_t struct_size, flags; /* flags: FP_SYNC_POWER                                               */
    uint64_t size;        /* total bytes; MUST equal what is staged, else E_INVALID and nothing published */
    uint32_t digest_alg;  /* FP_DIGEST_NONE, or one from caps.digests                                  */
    uint32_t reserved;
    fp_str digest;       /* raw bytes                                                                  */
} fp_commit_req;

#define FP_COPY_MOVE 1u           /* remove src after dst is published                                  */
#define FP_COPY_IF_NOT_EXISTS 2u
#define FP_COPY_REQUIRE_ATOMIC 4u /* else E_UNSUPPORTED                                                 */
#define FP_COPY_ALLOW_STREAM 8u   /* FALLBACK: plugin may move the bytes through itself; without it a plugin
                                      that cannot do it server-side returns E_UNSUPPORTED and the HOST emulates */
#define FP_COPY_POWER 16u         /* durable against power loss before it returns, as FP_SYNC_POWER          */
#define FP_COPYR_STREAMED 1u      /* result: bytes went through this machine                            */
#define FP_COPYR_ATOMIC 2u        /* result: no moment with both or neither (move) / partial dst        */

typedef struct fp_copy_req {
    uint32_t struct_size, flags;
    fp_str src, dst;      /* same instance.  src == dst is like any taken dst: E_EXISTS if IF_NOT_EXISTS
                             or where nothing may be replaced, else FP_OK and nothing changes          */
    fp_str if_match;      /* etag of src; absent = any                                                 */
    fp_str content_type;  /* dst's, a hint; absent = that of src.  Since 1.1                           */
} fp_copy_req;

#define FP_EF_PENDING 1u
typedef struct fp_entry { /* plugin-owned; valid inside the callback only */
    uint32_t struct_size, flags;
    fp_str key;           /* full key                                                                  */
    uint64_t size;         /* bytes; of a pending session: durable bytes or FP_SIZE_UNKNOWN             */
    int64_t mtime_ns;      /* pending: time of last activity, or of creation                            */
    fp_str etag;
    fp_str token;         /* pending only: good for write_resume / write_discard                       */
} fp_entry;
/* Return 0 to go on, else list() stops early, still returning FP_OK and a cursor after this entry. */
typedef int32_t (*fp_entry_fn)(void *ctx, const fp_entry *entry);

typedef struct fp_list_req {
    uint32_t struct_size, flags; /* flags: 0                                                            */
    fp_str prefix;        /* byte prefix of the key, any length; absent = everything                   */
    fp_str cursor;        /* from a previous result (any process, any time < 24 h); absent = start     */
    fp_str start_after;   /* key; only list() with FP_CAP_LIST_ORDERED                                */
    uint32_t max_entries;  /* >= 1                                                                      */
    uint32_t reserved;
} fp_list_req;
typedef struct fp_list_res {
    uint32_t struct_size;
    uint32_t more;         /* 1: call again with `cursor`.  Pages may be short or even empty            */
    fp_buf cursor;
} fp_list_res;

#define FP_PRESIGN_GET 1u
#define FP_PRESIGN_HEAD 2u
typedef struct fp_presign_req {
    uint32_t struct_size, flags; /* flags: 0                                                            */
    uint32_t method, ttl_s;      /* FP_PRESIGN_*, seconds                                              */
    fp_str key;
    fp_str content_type, content_disposition, cache_control; /* response overrides; absent = none      */
} fp_presign_req;
typedef struct fp_presign_res {
    uint32_t struct_size, reserved;
    int64_t expires_ms; /* Unix time, milliseconds; may be sooner than asked                            */
    fp_buf url;        /* a bearer secret: never log.  Usable with no extra header                     */
} fp_presign_res;

/* ------------------------------------------------------------------ the plugin */
typedef struct fp_head { /* FROZEN; checked before anything else is read */
    uint32_t magic;          /* FP_MAGIC                                                               */
    uint32_t struct_size;    /* sizeof(fp_plugin) at the plugin's compile time                         */
    uint32_t abi_major;      /* FP_ABI_MAJOR                                                           */
    uint32_t abi_minor;      /* FP_ABI_MINOR at compile time                                           */
    uint32_t min_host_minor; /* refuse hosts older than this; normally 0                                */
    uint32_t reserved;
} fp_head;
#define FP_HEAD_INIT(min_host) \
    { FP_MAGIC, (uint32_t)sizeof(fp_plugin), FP_ABI_MAJOR, FP_ABI_MINOR, (min_host), 0 }

/* Static, const, lives as long as the process.  Slots marked * are REQUIRED, the others may be NULL
 * (NULL = FP_E_UNSUPPORTED; the matching capability bit must then be clear).  No flag is defined for the
 * `flags` of stat and remove: they are 0. */
typedef struct fp_plugin {
    fp_head head;
    const char *name;          /* * [A-Za-z][A-Za-z0-9_-]*; also the file name: lib<name>.so           */
    const char *version;       /* * semver of the plugin                                                */
    const char *vendor, *license, *url, *description;
    uint32_t threading_max;    /* FP_THREADS_*: the loosest any instance will declare                  */
    uint32_t n_options;
    const fp_option *options; /* the schema; also feeds `fphost plugin schema`: JSON Schema, docs      */
    uint32_t option_size;      /* sizeof(fp_option): stride                                            */
    uint32_t reserved0;

    /* ---- library life cycle [control] ---- */
    /* Once per process, before anything else; global inits go here (curl_global_init).  <= 1 s, no I/O. */
    fp_status (*load)(const fp_host *host, const fp_call *call);
    /* At orderly exit only, all instances gone; for leak checkers.  May never be called. */
    void (*unload)(void);
    /* Extra lines for `fphost plugin probe` (library versions, TLS back-end...).  No secrets. */
    void (*dump)(void (*emit)(void *ctx, fp_str key, fp_str value), void *ctx);

    /* ---- instance life cycle [control] ---- */
    /* Offline check of cross-field rules, for `fphost check` and before each create.  No network, no
     * side effect. */
    fp_status (*validate)(const fp_host *host, const fp_node *config, const fp_call *call);
    /* * Must succeed while the back-end is unreachable (connect lazily), so that the server can start and
     * report DOWN; fail only for E_CONFIG/E_NO_MEMORY/E_INTERNAL.  Config reload = create new, drain and
     * destroy old; both live side by side meanwhile.  A store IS its back-end: instances with the same config
     * see the same objects and sessions, side by side, in other processes and after a restart. */
    fp_status (*create)(const fp_host *host, const fp_node *config, const fp_call *call, fp_instance **out);
    /* * No call is in flight and all handles are closed.  Never fails; <= 5 s; wipes secrets. */
    void (*destroy)(fp_instance *);
    /* * Non-blocking.  Constant for the life of the instance, EXCEPT that bits unknown until first contact
     * (SFTP extensions) may be cleared by create() and set by the first successful health(): the host
     * re-reads after each health(). */
    fp_status (*caps)(fp_instance *, fp_caps *out);

    /* ---- [pool] ---- */
    /* * Shallow: one cheap round trip.  FP_OK with state DOWN = reached, unusable; an error = not reached. */
    fp_status (*health)(fp_instance *, const fp_call *, uint32_t flags, fp_health *out);
    /* * E_NOT_FOUND for absent, pending, or directory-like keys. */
    fp_status (*stat)(fp_instance *, const fp_call *, fp_str key, uint32_t flags, fp_info *out);

    /* ---- streaming read: the host pulls ---- */
    /* * [pool] info describes the WHOLE object.  E_NOT_FOUND, E_RANGE if offset > size or (offset == size and
     * length != 0 and size != 0), E_PRECONDITION.  Exactly min(length, size - offset) bytes follow. */
    fp_status (*read_open)(fp_instance *, const fp_call *, const fp_read_req *, fp_reader **out, fp_info *info);
    /* * [handle] cap >= 1.  Blocks for >= 1 byte; *n <= cap; *n == 0 with FP_OK only after the last promised
     * byte.  A short body is E_TRANSIENT, never EOF.  After an error only read_close is legal; the host re-opens
     * at its offset with if_match. */
    fp_status (*read)(fp_reader *, const fp_call *, void *buf, size_t cap, size_t *n);
    /* * [handle] Exactly once per successful read_open, at any point.  Does not block on the back-end. */
    void (*read_close)(fp_reader *);

    /* ---- streaming write: the host pushes.  One-shot puts and resumable sessions share one path ---- */
    /* * [pool] Without RESUMABLE: a one-shot put, st->token unused.  With it: st->token is a durable name
     * for the session.  The host stores it BEFORE it acknowledges anything to a client.  Token rules:
     * (1) any token the session ever produced stays good until commit/discard/expiry: newer ones only
     * resume faster; (2) it suffices, with the same config, on any process (any machine if CAP_SHARED);
     * (3) self-describing and versioned by the plugin: a newer plugin release accepts it;
     * (4) contains no credentials.  Back-end side effects of a begin whose reply is lost show up in
     * list_pending. */
    fp_status (*write_begin)(fp_instance *, const fp_call *, const fp_write_req *, fp_writer **out, fp_write_state *st);
    /* [pool] Re-attach after a crash, restart or suspend.  OPEN: *out is a writer positioned at
     * st->durable_offset; staged bytes past it are dropped.  COMMITTED: *out = NULL, a former commit had
     * succeeded.  E_GONE: unknown token.  The host never runs two writers of one session on purpose; plugins
     * should detect it (flock, lease) and return E_CONFLICT. */
    fp_status (*write_resume)(fp_instance *, const fp_call *, const fp_resume_req *, fp_writer **out, fp_write_state *st);
    /* * [handle] Append.  offset must equal the bytes accepted so far (E_INVALID otherwise: catches host bugs);
     * len may be 0.  FP_OK = ALL len bytes accepted (buffered, not necessarily durable); buf is free on return.
     * After an error the writer is poisoned: only write_close, write_abort are legal; resume to go on. */
    fp_status (*write)(fp_writer *, const fp_call *, uint64_t offset, const void *buf, size_t len);
    /* [handle] Push out what can be pushed out and report durable_offset (never decreases; rounds down to
     * durable_unit unless DURABLE_TAIL) and, optionally, a fresher token.  RESUMABLE writers only. */
    fp_status (*write_sync)(fp_writer *, const fp_call *, uint32_t flags, fp_write_state *st);
    /* * [handle] Verify size (and digest), then publish atomically: one instant at which the key goes from
     * old/absent to new, for every observer.  Zero bytes written = an empty object.  Fails => nothing
     * published, session still open: write_commit may be tried again, or the session resumed, but no write
     * follows.  Unless ERRF_OUTCOME_UNKNOWN: then write_resume tells.  A digest_alg not in caps.digests is
     * E_UNSUPPORTED, never ignored. */
    fp_status (*write_commit)(fp_writer *, const fp_call *, const fp_commit_req *, fp_info *info);
    /* * [handle] Drop all staged bytes; tokens become E_GONE.  Idempotent; E_INVALID after a commit. */
    fp_status (*write_abort)(fp_writer *, const fp_call *);
    /* * [handle] Free the handle, exactly once per non-NULL *out.  Without commit/abort before it, this is
     * EQUIVALENT TO A CRASH: a RESUMABLE session stays resumable, a one-shot put leaves nothing visible.
     * Does not block on the back-end. */
    void (*write_close)(fp_writer *);
    /* [pool] Abort by token, no writer needed (garbage collection).  Unknown token: FP_OK.  The object of a
     * committed session stays.  FENCED and a live writer: E_CONFLICT. */
    fp_status (*write_discard)(fp_instance *, const fp_call *, fp_str token);

    /* ---- [pool] housekeeping ---- */
    /* * Idempotent: absent key = FP_OK.  Open readers keep working or fail cleanly. */
    fp_status (*remove)(fp_instance *, const fp_call *, fp_str key, uint32_t flags);
    /* *res_flags = FP_COPYR_*.  E_UNSUPPORTED also means "not for this pair" (cross-device, too big):
     * the host then emulates by read + write (+ remove). */
    fp_status (*copy)(fp_instance *, const fp_call *, const fp_copy_req *, uint32_t *res_flags, fp_info *info);
    /* Committed objects.  Any object present throughout all pages is delivered at least once; duplicates and
     * concurrent changes allowed.  ".fp/" is never delivered.  An unknown prefix is an empty list. */
    fp_status (*list)(fp_instance *, const fp_call *, const fp_list_req *, fp_entry_fn, void *ctx, fp_list_res *res);
    /* Unfinished RESUMABLE sessions (S3 ListMultipartUploads, staging directory), for orphan collection. */
    fp_status (*list_pending)(fp_instance *, const fp_call *, const fp_list_req *, fp_entry_fn, void *ctx, fp_list_res *res);
    /* Direct client access.  Pure computation wherever possible.  Existence is NOT checked. */
    fp_status (*presign)(fp_instance *, const fp_call *, const fp_presign_req *, fp_presign_res *res);

    /* [any] Optional interfaces by id "<name>/<rev>" ("fp.read_fd/1", "com.example.tier/2").  instance may be
     * NULL (library-wide question).  Static lifetime.  NULL = not offered. */
    const void *(*get_extension)(fp_instance *, const char *id);
    /* ABI 1.0 ends here.  Append only. */
} fp_plugin;

/* ------------------------------------------------------------------ extensions known to the host
 * fp.transfer/1: copy or move an object between two instances of this library without its bytes passing
 * through the host (rename on one file system, server-side copy between buckets).  [pool] of dst.  dst and
 * src differ.  Same rules as copy(); E_UNSUPPORTED = not for this pair, the host streams instead.  Offered
 * by PARALLEL libraries only, because the call touches both instances. */
#define FP_EXT_TRANSFER "fp.transfer/1"
typedef struct fp_ext_transfer {
    uint32_t struct_size, reserved;
    fp_status (*transfer)(fp_instance *dst, const fp_call *, fp_instance *src, const fp_copy_req *, uint32_t *res_flags,
                          fp_info *info);
} fp_ext_transfer;

/* fp.read_fd/1: the rest of an open read as a piece of a file, for a host that has the kernel send it.  [handle]
 * Fills *out with a descriptor of a regular file, and where in it the bytes are that this reader has not brought yet:
 * all of them, in one piece (length 0 if none are left).  The descriptor is the HOST's from then on, who closes it:
 * the one thing that changes owner (R2).  So it is new (F_DUPFD_CLOEXEC), and at most FP_OK hands one out.  The host
 * reads it at offsets of its own (pread, sendfile) and does nothing else with it: no write, no lseek, no lock.
 * What it reads is the version that the reader was opened for (R7), after read_close too, and after destroy(),
 * whatever replaces or removes the object.  The reader is as before: read() goes on where it was.
 * E_UNSUPPORTED = not for this reader, which stays good: the host reads.  Any other error is like one of read().
 * Does not block on the back-end.  Since 1.1 */
#define FP_EXT_READ_FD "fp.read_fd/1"
typedef struct fp_file_piece { /* host sets struct_size, and fd to -1 */
    uint32_t struct_size;
    int32_t fd;
    uint64_t offset; /* in the file, of the first byte                                                  */
    uint64_t length; /* bytes                                                                           */
} fp_file_piece;
typedef struct fp_ext_read_fd {
    uint32_t struct_size, reserved;
    fp_status (*read_fd)(fp_reader *, const fp_call *, fp_file_piece *out);
} fp_ext_read_fd;

/* THE ONLY EXPORTED SYMBOL.  [control] May be called more than once, in a probe process too: no side effects,
 * no threads, no I/O; returns the same static table, or NULL to refuse this host. */
typedef const fp_plugin *(*fp_plugin_entry_fn)(const fp_host *host);
#define FP_PLUGIN_REGISTER(table)                                                    \
    FP_EXTERN_C FP_EXPORT const fp_plugin *fp_plugin_entry_v1(const fp_host *host); \
    FP_EXTERN_C FP_EXPORT const fp_plugin *fp_plugin_entry_v1(const fp_host *host)  \
    {                                                                                 \
        if (host->abi_major != FP_ABI_MAJOR || host->abi_minor < (table).head.min_host_minor) return NULL; \
        return &(table);                                                              \
    }

/* Layout locks (LP64).  A diff here is an ABI break. */
#if defined(__LP64__) && !defined(__cplusplus) && defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
_Static_assert(sizeof(fp_str) == 16 && sizeof(fp_buf) == 24 && sizeof(fp_head) == 24, "fp leaf layout");
_Static_assert(offsetof(fp_plugin, load) == 96 && offsetof(fp_plugin, read_open) == 168 &&
               offsetof(fp_plugin, get_extension) == 296, "fp_plugin slot order");
#endif

#ifdef __cplusplus
}
#endif

/* ------------------------------------------------------------------ optional helpers for C plugins */
#ifdef FP_HELPERS
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* return fp_fail(call, FP_E_TRANSIENT, errno, http_status, "GET %s: %s", key, why); */
static inline fp_status fp_fail(const fp_call *c, fp_status code, int os_errno, int native, const char *fmt, ...)
{
    fp_buf *m = &c->error->message;
    c->error->os_errno = os_errno;
    c->error->native_code = native;
    if (m->cap) {
        va_list ap;
        int n;
        va_start(ap, fmt);
        n = vsnprintf((char *)m->ptr, m->cap, fmt, ap);
        va_end(ap);
        m->len = n < 0 ? 0 : (size_t)n < m->cap ? (size_t)n : m->cap - 1;
    }
    return code;
}
/* fp_find(config, "tls.ca_file"): NULL if absent */
static inline const fp_node *fp_find(const fp_node *n, const char *path)
{
    while (n && *path) {
        size_t len = strcspn(path, ".");
        for (n = n->child; n; n = n->next)
            if (n->key.len == len && memcmp(n->key.ptr, path, len) == 0) break;
        path += len + (path[len] == '.');
    }
    return n;
}
#endif
#endif /* FP_PLUGIN_H */
