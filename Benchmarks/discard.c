/* Discard: takes bytes and forgets them, gives bytes without touching them. Against it `fphost plugin bench` measures the
 * boundary and the host's pool, and nothing else. Not a store: it keeps only one object's size. */
#define FP_HELPERS
#include <fp_plugin.h>

#include <stdatomic.h>
#include <stdlib.h>

struct fp_instance {
    _Atomic uint64_t size; /* of the one object, FP_SIZE_UNKNOWN if there is none */
};
struct fp_reader {
    uint64_t left;
};
struct fp_writer {
    fp_instance *store;
    uint64_t offset;
};

static fp_status create(const fp_host *host, const fp_node *config, const fp_call *call, fp_instance **out)
{
    (void)host, (void)config;
    if (!(*out = malloc(sizeof **out))) return fp_fail(call, FP_E_NO_MEMORY, 0, 0, "no memory for the store");
    atomic_init(&(*out)->size, FP_SIZE_UNKNOWN);
    return FP_OK;
}

static void destroy(fp_instance *store) { free(store); }

static fp_status caps(fp_instance *store, fp_caps *out)
{
    (void)store;
    out->threading = FP_THREADS_PARALLEL;
    out->max_key_bytes = 1024;
    out->max_object_size = FP_SIZE_UNKNOWN;
    out->read_size = out->write_size = 256 << 10;
    out->durable_unit = out->rewind_unit = 1;
    return FP_OK;
}

static fp_status health(fp_instance *store, const fp_call *call, uint32_t flags, fp_health *out)
{
    (void)store, (void)call, (void)flags;
    out->state = FP_HEALTH_OK;
    return FP_OK;
}

static fp_status stat_object(fp_instance *store, const fp_call *call, fp_str key, uint32_t flags, fp_info *out)
{
    (void)key, (void)flags;
    out->size = atomic_load(&store->size);
    out->mtime_ns = FP_TIME_UNKNOWN;
    return out->size == FP_SIZE_UNKNOWN ? fp_fail(call, FP_E_NOT_FOUND, 0, 0, "nothing is kept") : FP_OK;
}

static fp_status read_open(fp_instance *store, const fp_call *call, const fp_read_req *request, fp_reader **out,
                           fp_info *info)
{
    *out = NULL;
    fp_status status = stat_object(store, call, request->key, 0, info);
    if (status != FP_OK) return status;
    if (request->offset > info->size) return fp_fail(call, FP_E_RANGE, 0, 0, "beyond the end");
    if (!(*out = malloc(sizeof **out))) return fp_fail(call, FP_E_NO_MEMORY, 0, 0, "no memory for a reader");
    uint64_t rest = info->size - request->offset;
    (*out)->left = request->length < rest ? request->length : rest;
    return FP_OK;
}

static fp_status read_some(fp_reader *reader, const fp_call *call, void *buffer, size_t capacity, size_t *count)
{
    (void)call, (void)buffer;
    *count = capacity < reader->left ? capacity : (size_t)reader->left;
    reader->left -= *count;
    return FP_OK;
}

static void read_close(fp_reader *reader) { free(reader); }

static fp_status write_begin(fp_instance *store, const fp_call *call, const fp_write_req *request, fp_writer **out,
                             fp_write_state *state)
{
    *out = NULL;
    (void)state;
    if (request->flags & FP_W_RESUMABLE) return fp_fail(call, FP_E_UNSUPPORTED, 0, 0, "nothing is kept");
    if (!(*out = malloc(sizeof **out))) return fp_fail(call, FP_E_NO_MEMORY, 0, 0, "no memory for a writer");
    **out = (fp_writer){store, 0};
    return FP_OK;
}

static fp_status write_some(fp_writer *writer, const fp_call *call, uint64_t offset, const void *bytes, size_t count)
{
    (void)bytes;
    if (offset != writer->offset) return fp_fail(call, FP_E_INVALID, 0, 0, "not the next offset");
    writer->offset += count;
    return FP_OK;
}

static fp_status write_commit(fp_writer *writer, const fp_call *call, const fp_commit_req *request, fp_info *info)
{
    if (request->size != writer->offset) return fp_fail(call, FP_E_INVALID, 0, 0, "not the size that was written");
    atomic_store(&writer->store->size, request->size);
    info->size = request->size;
    info->mtime_ns = FP_TIME_UNKNOWN;
    return FP_OK;
}

static fp_status write_abort(fp_writer *writer, const fp_call *call)
{
    (void)writer, (void)call;
    return FP_OK;
}

static void write_close(fp_writer *writer) { free(writer); }

static fp_status remove_object(fp_instance *store, const fp_call *call, fp_str key, uint32_t flags)
{
    (void)call, (void)key, (void)flags;
    atomic_store(&store->size, FP_SIZE_UNKNOWN);
    return FP_OK;
}

static const fp_plugin table = {
    .head = FP_HEAD_INIT(0),
    .name = "Discard",
    .version = "1.0.0",
    .description = "Takes bytes and forgets them.",
    .threading_max = FP_THREADS_PARALLEL,
    .create = create,
    .destroy = destroy,
    .caps = caps,
    .health = health,
    .stat = stat_object,
    .read_open = read_open,
    .read = read_some,
    .read_close = read_close,
    .write_begin = write_begin,
    .write = write_some,
    .write_commit = write_commit,
    .write_abort = write_abort,
    .write_close = write_close,
    .remove = remove_object,
};

FP_PLUGIN_REGISTER(table)
