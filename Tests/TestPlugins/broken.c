/* The smallest plugin that loads. Macros, set on the compiler's command line, break one thing each. */
#define FP_HELPERS
#include "fp_plugin.h"

#ifndef NAME
#define NAME "Broken"
#endif
#ifndef VERSION
#define VERSION "1.0.0"
#endif
#ifndef MAGIC
#define MAGIC FP_MAGIC
#endif
#ifndef SIZE
#define SIZE sizeof(table_type)
#endif
#ifndef MAJOR
#define MAJOR FP_ABI_MAJOR
#endif
#ifndef MINOR
#define MINOR FP_ABI_MINOR
#endif
#ifndef MIN_HOST
#define MIN_HOST 0
#endif
#ifndef THREADING
#define THREADING FP_THREADS_PARALLEL
#endif
#ifndef CAPS_THREADING
#define CAPS_THREADING FP_THREADS_PARALLEL
#endif
#ifndef CAPS
#define CAPS 0
#endif
#ifndef OPTIONS
#define OPTIONS
#define NO_OPTIONS
#endif
#ifndef DROP
#define DROP
#endif

#ifdef FUTURE
/* What a table of ABI 1.99 may look like: more slots at its end, and wider options. */
typedef struct { fp_plugin now; void *later[8]; } table_type;
typedef struct { fp_option now; uint64_t later[2]; } option_type;
#define TABLE(...) {.now = {__VA_ARGS__}, .later = {0}}
#define OPTION(...) {.now = {__VA_ARGS__}, .later = {0}}
#else
typedef fp_plugin table_type;
typedef fp_option option_type;
#define TABLE(...) {__VA_ARGS__}
#define OPTION(...) {__VA_ARGS__}
#endif
#ifndef OPTION_SIZE
#define OPTION_SIZE sizeof(option_type)
#endif

#ifdef NEEDS_MISSING_FUNCTION
extern void no_library_has_this(void);
#endif
#ifdef CONSTRUCTOR_CRASHES
__attribute__((constructor)) static void crash(void) { __builtin_trap(); }
#endif
#ifdef CONSTRUCTOR_EXITS
#include <unistd.h>
#ifndef EXIT_STATUS
#define EXIT_STATUS 3
#endif
__attribute__((constructor)) static void leave(void)
{
    static const char words[] = "no licence, no work\n";
    if (write(2, words, sizeof words - 1) < 0) _exit(4);
    _exit(EXIT_STATUS);
}
#endif
#ifdef CONSTRUCTOR_FORKS
/* Leaves a child behind, which holds what its parent had open, and whose number is in the file CONSTRUCTOR_FORKS. */
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void leave_behind(void)
{
    pid_t child = fork();
    if (child == 0)
        for (;;) pause();
    FILE *file = fopen(CONSTRUCTOR_FORKS, "w");
    fprintf(file, "%d", child);
    fclose(file);
    __builtin_trap();
}
#endif
#ifdef CONSTRUCTOR_PRINTS
#include <stdio.h>
__attribute__((constructor)) static void greet(void) { puts("hello from the plugin"); }
#endif
#ifdef CONSTRUCTOR_HANGS
__attribute__((constructor)) static void hang(void) { for (;;) { } }
#endif

/* What ends the process in the calls that are told to. */
#include <stdlib.h>
#ifndef DOOM
#define DOOM __builtin_trap()
#endif
static int use_up_stack(volatile int depth)
{
    volatile char room[4096];
    room[0] = (char)depth;
    return use_up_stack(depth + 1) + room[0];
}
#ifdef VALIDATE_DOOM
static fp_status validate(const fp_host *h, const fp_node *n, const fp_call *c)
{ (void)h; (void)n; (void)c; DOOM; return FP_OK; }
#endif

static fp_status load(const fp_host *h, const fp_call *c)
{
    (void)h;
#ifdef LOAD_FAILS
    return fp_fail(c, FP_E_INTERNAL, 0, 0, "no luck today");
#elif defined(LOAD_CRASHES)
    __builtin_trap();
#else
    (void)c;
    return FP_OK;
#endif
}
static fp_status create(const fp_host *h, const fp_node *n, const fp_call *c, fp_instance **out)
{
    (void)h; (void)n; (void)c;
#ifdef NEEDS_MISSING_FUNCTION
    no_library_has_this();
#endif
#ifdef CREATE_DOOM
    DOOM;
#endif
    *out = (fp_instance *)"instance";
    return FP_OK;
}
static void destroy(fp_instance *i) { (void)i; }
static fp_status caps(fp_instance *i, fp_caps *out)
{
    (void)i;
    out->threading = CAPS_THREADING;
    out->flags = CAPS;
    out->max_key_bytes = 1024;
    return FP_OK;
}
static fp_status health(fp_instance *i, const fp_call *c, uint32_t f, fp_health *o)
{
    (void)i; (void)c; (void)f; (void)o;
#ifdef HEALTH_DOOM
    DOOM;
#endif
    return FP_OK;
}
static fp_status stat_object(fp_instance *i, const fp_call *c, fp_str k, uint32_t f, fp_info *o)
{ (void)i; (void)c; (void)k; (void)f; (void)o; return FP_E_NOT_FOUND; }
static fp_status read_open(fp_instance *i, const fp_call *c, const fp_read_req *r, fp_reader **o, fp_info *info)
{ (void)i; (void)c; (void)r; (void)o; (void)info; return FP_E_NOT_FOUND; }
static fp_status read_some(fp_reader *r, const fp_call *c, void *b, size_t cap, size_t *n)
{ (void)r; (void)c; (void)b; (void)cap; (void)n; return FP_E_INTERNAL; }
static void read_close(fp_reader *r) { (void)r; }
static fp_status write_begin(fp_instance *i, const fp_call *c, const fp_write_req *r, fp_writer **o, fp_write_state *s)
{ (void)i; (void)c; (void)r; (void)o; (void)s; return FP_E_DENIED; }
static fp_status write_some(fp_writer *w, const fp_call *c, uint64_t o, const void *b, size_t n)
{ (void)w; (void)c; (void)o; (void)b; (void)n; return FP_E_INTERNAL; }
static fp_status write_commit(fp_writer *w, const fp_call *c, const fp_commit_req *r, fp_info *i)
{ (void)w; (void)c; (void)r; (void)i; return FP_E_INTERNAL; }
static fp_status write_abort(fp_writer *w, const fp_call *c) { (void)w; (void)c; return FP_OK; }
static void write_close(fp_writer *w) { (void)w; }
static fp_status remove_object(fp_instance *i, const fp_call *c, fp_str k, uint32_t f)
{ (void)i; (void)c; (void)k; (void)f; return FP_OK; }

#ifndef NO_OPTIONS
static const option_type options[] = {OPTIONS};
#endif

#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Woverride-init"
#pragma GCC diagnostic ignored "-Winitializer-overrides"
static const table_type table = TABLE(
    .head = {MAGIC, (uint32_t)(SIZE), MAJOR, MINOR, MIN_HOST, 0},
    .name = NAME, .version = VERSION, .threading_max = THREADING,
#ifndef NO_OPTIONS
    .n_options = sizeof options / sizeof *options, .options = (const fp_option *)options,
    .option_size = OPTION_SIZE,
#endif
#ifdef VALIDATE_DOOM
    .validate = validate,
#endif
    .load = load, .create = create, .destroy = destroy, .caps = caps, .health = health, .stat = stat_object,
    .read_open = read_open, .read = read_some, .read_close = read_close, .write_begin = write_begin,
    .write = write_some, .write_commit = write_commit, .write_abort = write_abort, .write_close = write_close,
    .remove = remove_object, DROP);

#ifndef ENTRY
#define ENTRY fp_plugin_entry_v1
#endif
FP_EXPORT const fp_plugin *ENTRY(const fp_host *host);
const fp_plugin *ENTRY(const fp_host *host)
{
    (void)host;
#ifdef REFUSES
    return NULL;
#elif defined(ENTRY_CRASHES)
    __builtin_trap();
#else
    return (const fp_plugin *)&table;
#endif
}
