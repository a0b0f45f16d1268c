/* Made by scripts/abi from the header of this version. Compiles only while the header on its way keeps them. */
#include <fp_plugin.h>

#define FIELD(s, f, at, size, type) \
    _Static_assert(offsetof(s, f) == at && sizeof(((s *)0)->f) == size, #s "." #f " has moved"); \
    _Static_assert(__builtin_types_compatible_p(__typeof__(((s *)0)->f), type), #s "." #f " has another type")
#define SIZE(s, size) _Static_assert(sizeof(s) == size, #s " is frozen and has another size")
#define LEAST(s, size) _Static_assert(sizeof(s) >= size, #s " has lost fields")
#define TYPE(t, type) _Static_assert(__builtin_types_compatible_p(t, type), #t " has another type")
#define VALUE(c, value) _Static_assert((c) == (value), #c " has another value")
#define TEXT(c, value) _Static_assert(__builtin_strcmp(c, value) == 0, #c " has another value")

TYPE(fp_status, __typeof__(int32_t));
TYPE(fp_entry_fn, __typeof__(int32_t (*)(void *, const fp_entry *)));
TYPE(fp_plugin_entry_fn, __typeof__(const fp_plugin *(*)(const fp_host *)));

SIZE(fp_str, 16);
FIELD(fp_str, ptr, 0, 8, __typeof__(const char *));
FIELD(fp_str, len, 8, 8, __typeof__(size_t));

SIZE(fp_buf, 24);
FIELD(fp_buf, ptr, 0, 8, __typeof__(void *));
FIELD(fp_buf, cap, 8, 8, __typeof__(size_t));
FIELD(fp_buf, len, 16, 8, __typeof__(size_t));

SIZE(fp_kv, 32);
FIELD(fp_kv, key, 0, 16, __typeof__(fp_str));
FIELD(fp_kv, value, 16, 16, __typeof__(fp_str));

LEAST(fp_error, 72);
FIELD(fp_error, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_error, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_error, os_errno, 8, 4, __typeof__(int32_t));
FIELD(fp_error, native_code, 12, 4, __typeof__(int32_t));
FIELD(fp_error, retry_after_ms, 16, 4, __typeof__(uint32_t));
FIELD(fp_error, reserved, 20, 4, __typeof__(uint32_t));
FIELD(fp_error, message, 24, 24, __typeof__(fp_buf));
FIELD(fp_error, request_id, 48, 24, __typeof__(fp_buf));

LEAST(fp_call, 56);
FIELD(fp_call, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_call, cancel_fd, 4, 4, __typeof__(int32_t));
FIELD(fp_call, deadline_ns, 8, 8, __typeof__(int64_t));
FIELD(fp_call, is_cancelled, 16, 8, __typeof__(int32_t (*)(const struct fp_call *)));
FIELD(fp_call, trace_id, 24, 16, __typeof__(fp_str));
FIELD(fp_call, error, 40, 8, __typeof__(fp_error *));
FIELD(fp_call, host_data, 48, 8, __typeof__(void *));

LEAST(fp_host, 80);
FIELD(fp_host, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_host, abi_major, 4, 4, __typeof__(uint32_t));
FIELD(fp_host, abi_minor, 8, 4, __typeof__(uint32_t));
FIELD(fp_host, log_level, 12, 4, __typeof__(uint32_t));
FIELD(fp_host, name, 16, 8, __typeof__(const char *));
FIELD(fp_host, version, 24, 8, __typeof__(const char *));
FIELD(fp_host, host_data, 32, 8, __typeof__(void *));
FIELD(fp_host, log, 40, 8, __typeof__(void (*)(const struct fp_host *, int32_t, fp_str, const fp_kv *, size_t)));
FIELD(fp_host, alloc, 48, 8, __typeof__(void *(*)(const struct fp_host *, size_t)));
FIELD(fp_host, realloc, 56, 8, __typeof__(void *(*)(const struct fp_host *, void *, size_t)));
FIELD(fp_host, free, 64, 8, __typeof__(void (*)(const struct fp_host *, void *)));
FIELD(fp_host, get_extension, 72, 8, __typeof__(const void *(*)(const struct fp_host *, const char *)));

LEAST(fp_node, 80);
FIELD(fp_node, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_node, type, 4, 4, __typeof__(uint32_t));
FIELD(fp_node, flags, 8, 4, __typeof__(uint32_t));
FIELD(fp_node, line, 12, 4, __typeof__(uint32_t));
FIELD(fp_node, key, 16, 16, __typeof__(fp_str));
FIELD(fp_node, text, 32, 16, __typeof__(fp_str));
FIELD(fp_node, i64, 48, 8, __typeof__(int64_t));
FIELD(fp_node, f64, 56, 8, __typeof__(double));
FIELD(fp_node, child, 64, 8, __typeof__(const struct fp_node *));
FIELD(fp_node, next, 72, 8, __typeof__(const struct fp_node *));

LEAST(fp_option, 56);
FIELD(fp_option, key, 0, 8, __typeof__(const char *));
FIELD(fp_option, type, 8, 4, __typeof__(uint32_t));
FIELD(fp_option, flags, 12, 4, __typeof__(uint32_t));
FIELD(fp_option, default_text, 16, 8, __typeof__(const char *));
FIELD(fp_option, choices, 24, 8, __typeof__(const char *));
FIELD(fp_option, min, 32, 8, __typeof__(int64_t));
FIELD(fp_option, max, 40, 8, __typeof__(int64_t));
FIELD(fp_option, help, 48, 8, __typeof__(const char *));

LEAST(fp_caps, 96);
FIELD(fp_caps, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_caps, threading, 4, 4, __typeof__(uint32_t));
FIELD(fp_caps, flags, 8, 8, __typeof__(uint64_t));
FIELD(fp_caps, max_concurrency, 16, 4, __typeof__(uint32_t));
FIELD(fp_caps, max_key_bytes, 20, 4, __typeof__(uint32_t));
FIELD(fp_caps, list_page_max, 24, 4, __typeof__(uint32_t));
FIELD(fp_caps, token_ttl_s, 28, 4, __typeof__(uint32_t));
FIELD(fp_caps, max_object_size, 32, 8, __typeof__(uint64_t));
FIELD(fp_caps, read_size, 40, 8, __typeof__(uint64_t));
FIELD(fp_caps, write_size, 48, 8, __typeof__(uint64_t));
FIELD(fp_caps, durable_unit, 56, 8, __typeof__(uint64_t));
FIELD(fp_caps, writer_memory, 64, 8, __typeof__(uint64_t));
FIELD(fp_caps, reader_memory, 72, 8, __typeof__(uint64_t));
FIELD(fp_caps, digests, 80, 4, __typeof__(uint32_t));
FIELD(fp_caps, presign_ttl_max_s, 84, 4, __typeof__(uint32_t));
FIELD(fp_caps, rewind_unit, 88, 8, __typeof__(uint64_t));

LEAST(fp_health, 64);
FIELD(fp_health, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_health, state, 4, 4, __typeof__(uint32_t));
FIELD(fp_health, total_bytes, 8, 8, __typeof__(uint64_t));
FIELD(fp_health, used_bytes, 16, 8, __typeof__(uint64_t));
FIELD(fp_health, free_bytes, 24, 8, __typeof__(uint64_t));
FIELD(fp_health, detail, 32, 24, __typeof__(fp_buf));
FIELD(fp_health, limits, 56, 4, __typeof__(uint32_t));
FIELD(fp_health, reserved, 60, 4, __typeof__(uint32_t));

LEAST(fp_info, 96);
FIELD(fp_info, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_info, digest_alg, 4, 4, __typeof__(uint32_t));
FIELD(fp_info, size, 8, 8, __typeof__(uint64_t));
FIELD(fp_info, mtime_ns, 16, 8, __typeof__(int64_t));
FIELD(fp_info, etag, 24, 24, __typeof__(fp_buf));
FIELD(fp_info, content_type, 48, 24, __typeof__(fp_buf));
FIELD(fp_info, digest, 72, 24, __typeof__(fp_buf));

LEAST(fp_read_req, 56);
FIELD(fp_read_req, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_read_req, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_read_req, key, 8, 16, __typeof__(fp_str));
FIELD(fp_read_req, offset, 24, 8, __typeof__(uint64_t));
FIELD(fp_read_req, length, 32, 8, __typeof__(uint64_t));
FIELD(fp_read_req, if_match, 40, 16, __typeof__(fp_str));

LEAST(fp_write_req, 64);
FIELD(fp_write_req, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_write_req, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_write_req, key, 8, 16, __typeof__(fp_str));
FIELD(fp_write_req, size, 24, 8, __typeof__(uint64_t));
FIELD(fp_write_req, content_type, 32, 16, __typeof__(fp_str));
FIELD(fp_write_req, metadata, 48, 8, __typeof__(const fp_kv *));
FIELD(fp_write_req, n_metadata, 56, 8, __typeof__(size_t));

LEAST(fp_write_state, 40);
FIELD(fp_write_state, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_write_state, state, 4, 4, __typeof__(uint32_t));
FIELD(fp_write_state, durable_offset, 8, 8, __typeof__(uint64_t));
FIELD(fp_write_state, token, 16, 24, __typeof__(fp_buf));

LEAST(fp_resume_req, 40);
FIELD(fp_resume_req, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_resume_req, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_resume_req, token, 8, 16, __typeof__(fp_str));
FIELD(fp_resume_req, expected_size, 24, 8, __typeof__(uint64_t));
FIELD(fp_resume_req, offset, 32, 8, __typeof__(uint64_t));

LEAST(fp_commit_req, 40);
FIELD(fp_commit_req, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_commit_req, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_commit_req, size, 8, 8, __typeof__(uint64_t));
FIELD(fp_commit_req, digest_alg, 16, 4, __typeof__(uint32_t));
FIELD(fp_commit_req, reserved, 20, 4, __typeof__(uint32_t));
FIELD(fp_commit_req, digest, 24, 16, __typeof__(fp_str));

LEAST(fp_copy_req, 72);
FIELD(fp_copy_req, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_copy_req, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_copy_req, src, 8, 16, __typeof__(fp_str));
FIELD(fp_copy_req, dst, 24, 16, __typeof__(fp_str));
FIELD(fp_copy_req, if_match, 40, 16, __typeof__(fp_str));
FIELD(fp_copy_req, content_type, 56, 16, __typeof__(fp_str));

LEAST(fp_entry, 72);
FIELD(fp_entry, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_entry, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_entry, key, 8, 16, __typeof__(fp_str));
FIELD(fp_entry, size, 24, 8, __typeof__(uint64_t));
FIELD(fp_entry, mtime_ns, 32, 8, __typeof__(int64_t));
FIELD(fp_entry, etag, 40, 16, __typeof__(fp_str));
FIELD(fp_entry, token, 56, 16, __typeof__(fp_str));

LEAST(fp_list_req, 64);
FIELD(fp_list_req, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_list_req, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_list_req, prefix, 8, 16, __typeof__(fp_str));
FIELD(fp_list_req, cursor, 24, 16, __typeof__(fp_str));
FIELD(fp_list_req, start_after, 40, 16, __typeof__(fp_str));
FIELD(fp_list_req, max_entries, 56, 4, __typeof__(uint32_t));
FIELD(fp_list_req, reserved, 60, 4, __typeof__(uint32_t));

LEAST(fp_list_res, 32);
FIELD(fp_list_res, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_list_res, more, 4, 4, __typeof__(uint32_t));
FIELD(fp_list_res, cursor, 8, 24, __typeof__(fp_buf));

LEAST(fp_presign_req, 80);
FIELD(fp_presign_req, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_presign_req, flags, 4, 4, __typeof__(uint32_t));
FIELD(fp_presign_req, method, 8, 4, __typeof__(uint32_t));
FIELD(fp_presign_req, ttl_s, 12, 4, __typeof__(uint32_t));
FIELD(fp_presign_req, key, 16, 16, __typeof__(fp_str));
FIELD(fp_presign_req, content_type, 32, 16, __typeof__(fp_str));
FIELD(fp_presign_req, content_disposition, 48, 16, __typeof__(fp_str));
FIELD(fp_presign_req, cache_control, 64, 16, __typeof__(fp_str));

LEAST(fp_presign_res, 40);
FIELD(fp_presign_res, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_presign_res, reserved, 4, 4, __typeof__(uint32_t));
FIELD(fp_presign_res, expires_ms, 8, 8, __typeof__(int64_t));
FIELD(fp_presign_res, url, 16, 24, __typeof__(fp_buf));

SIZE(fp_head, 24);
FIELD(fp_head, magic, 0, 4, __typeof__(uint32_t));
FIELD(fp_head, struct_size, 4, 4, __typeof__(uint32_t));
FIELD(fp_head, abi_major, 8, 4, __typeof__(uint32_t));
FIELD(fp_head, abi_minor, 12, 4, __typeof__(uint32_t));
FIELD(fp_head, min_host_minor, 16, 4, __typeof__(uint32_t));
FIELD(fp_head, reserved, 20, 4, __typeof__(uint32_t));

LEAST(fp_plugin, 304);
FIELD(fp_plugin, head, 0, 24, __typeof__(fp_head));
FIELD(fp_plugin, name, 24, 8, __typeof__(const char *));
FIELD(fp_plugin, version, 32, 8, __typeof__(const char *));
FIELD(fp_plugin, vendor, 40, 8, __typeof__(const char *));
FIELD(fp_plugin, license, 48, 8, __typeof__(const char *));
FIELD(fp_plugin, url, 56, 8, __typeof__(const char *));
FIELD(fp_plugin, description, 64, 8, __typeof__(const char *));
FIELD(fp_plugin, threading_max, 72, 4, __typeof__(uint32_t));
FIELD(fp_plugin, n_options, 76, 4, __typeof__(uint32_t));
FIELD(fp_plugin, options, 80, 8, __typeof__(const fp_option *));
FIELD(fp_plugin, option_size, 88, 4, __typeof__(uint32_t));
FIELD(fp_plugin, reserved0, 92, 4, __typeof__(uint32_t));
FIELD(fp_plugin, load, 96, 8, __typeof__(fp_status (*)(const fp_host *, const fp_call *)));
FIELD(fp_plugin, unload, 104, 8, __typeof__(void (*)(void)));
FIELD(fp_plugin, dump, 112, 8, __typeof__(void (*)(void (*)(void *, fp_str, fp_str), void *)));
FIELD(fp_plugin, validate, 120, 8, __typeof__(fp_status (*)(const fp_host *, const fp_node *, const fp_call *)));
FIELD(fp_plugin, create, 128, 8, __typeof__(fp_status (*)(const fp_host *, const fp_node *, const fp_call *, fp_instance **)));
FIELD(fp_plugin, destroy, 136, 8, __typeof__(void (*)(fp_instance *)));
FIELD(fp_plugin, caps, 144, 8, __typeof__(fp_status (*)(fp_instance *, fp_caps *)));
FIELD(fp_plugin, health, 152, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, uint32_t, fp_health *)));
FIELD(fp_plugin, stat, 160, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, fp_str, uint32_t, fp_info *)));
FIELD(fp_plugin, read_open, 168, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, const fp_read_req *, fp_reader **, fp_info *)));
FIELD(fp_plugin, read, 176, 8, __typeof__(fp_status (*)(fp_reader *, const fp_call *, void *, size_t, size_t *)));
FIELD(fp_plugin, read_close, 184, 8, __typeof__(void (*)(fp_reader *)));
FIELD(fp_plugin, write_begin, 192, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, const fp_write_req *, fp_writer **, fp_write_state *)));
FIELD(fp_plugin, write_resume, 200, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, const fp_resume_req *, fp_writer **, fp_write_state *)));
FIELD(fp_plugin, write, 208, 8, __typeof__(fp_status (*)(fp_writer *, const fp_call *, uint64_t, const void *, size_t)));
FIELD(fp_plugin, write_sync, 216, 8, __typeof__(fp_status (*)(fp_writer *, const fp_call *, uint32_t, fp_write_state *)));
FIELD(fp_plugin, write_commit, 224, 8, __typeof__(fp_status (*)(fp_writer *, const fp_call *, const fp_commit_req *, fp_info *)));
FIELD(fp_plugin, write_abort, 232, 8, __typeof__(fp_status (*)(fp_writer *, const fp_call *)));
FIELD(fp_plugin, write_close, 240, 8, __typeof__(void (*)(fp_writer *)));
FIELD(fp_plugin, write_discard, 248, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, fp_str)));
FIELD(fp_plugin, remove, 256, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, fp_str, uint32_t)));
FIELD(fp_plugin, copy, 264, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, const fp_copy_req *, uint32_t *, fp_info *)));
FIELD(fp_plugin, list, 272, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, const fp_list_req *, fp_entry_fn, void *, fp_list_res *)));
FIELD(fp_plugin, list_pending, 280, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, const fp_list_req *, fp_entry_fn, void *, fp_list_res *)));
FIELD(fp_plugin, presign, 288, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, const fp_presign_req *, fp_presign_res *)));
FIELD(fp_plugin, get_extension, 296, 8, __typeof__(const void *(*)(fp_instance *, const char *)));

LEAST(fp_ext_transfer, 16);
FIELD(fp_ext_transfer, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_ext_transfer, reserved, 4, 4, __typeof__(uint32_t));
FIELD(fp_ext_transfer, transfer, 8, 8, __typeof__(fp_status (*)(fp_instance *, const fp_call *, fp_instance *, const fp_copy_req *, uint32_t *, fp_info *)));

LEAST(fp_file_piece, 24);
FIELD(fp_file_piece, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_file_piece, fd, 4, 4, __typeof__(int32_t));
FIELD(fp_file_piece, offset, 8, 8, __typeof__(uint64_t));
FIELD(fp_file_piece, length, 16, 8, __typeof__(uint64_t));

LEAST(fp_ext_read_fd, 16);
FIELD(fp_ext_read_fd, struct_size, 0, 4, __typeof__(uint32_t));
FIELD(fp_ext_read_fd, reserved, 4, 4, __typeof__(uint32_t));
FIELD(fp_ext_read_fd, read_fd, 8, 8, __typeof__(fp_status (*)(fp_reader *, const fp_call *, fp_file_piece *)));

VALUE(FP_ABI_MAJOR, 1u);
VALUE(FP_MAGIC, 827543622u);
TEXT(FP_ENTRY_SYMBOL, "fp_plugin_entry_v1");
VALUE(FP_TOKEN_MAX, 2048u);
VALUE(FP_CURSOR_MAX, 2048u);
VALUE(FP_ETAG_MAX, 256u);
VALUE(FP_CTYPE_MAX, 256u);
VALUE(FP_DIGEST_MAX, 64u);
VALUE(FP_URL_MAX, 8192u);
VALUE(FP_SIZE_UNKNOWN, 18446744073709551615ull);
VALUE(FP_TIME_UNKNOWN, -1ll);
VALUE(FP_OK, 0);
VALUE(FP_E_INVALID, 100);
VALUE(FP_E_UNSUPPORTED, 101);
VALUE(FP_E_NOT_FOUND, 110);
VALUE(FP_E_EXISTS, 111);
VALUE(FP_E_PRECONDITION, 112);
VALUE(FP_E_RANGE, 113);
VALUE(FP_E_GONE, 114);
VALUE(FP_E_CONFLICT, 115);
VALUE(FP_E_DENIED, 120);
VALUE(FP_E_TOO_LARGE, 121);
VALUE(FP_E_NO_SPACE, 122);
VALUE(FP_E_CHECKSUM, 123);
VALUE(FP_E_TRANSIENT, 200);
VALUE(FP_E_THROTTLED, 201);
VALUE(FP_E_TIMEOUT, 202);
VALUE(FP_E_CANCELLED, 300);
VALUE(FP_E_CONFIG, 400);
VALUE(FP_E_AUTH, 401);
VALUE(FP_E_CORRUPT, 402);
VALUE(FP_E_READ_ONLY, 403);
VALUE(FP_E_INTERNAL, 900);
VALUE(FP_E_NO_MEMORY, 901);
VALUE(FP_ERRF_OUTCOME_UNKNOWN, 1u);
VALUE(FP_LOG_TRACE, 0);
VALUE(FP_LOG_DEBUG, 1);
VALUE(FP_LOG_INFO, 2);
VALUE(FP_LOG_WARN, 3);
VALUE(FP_LOG_ERROR, 4);
VALUE(FP_N_NULL, 0u);
VALUE(FP_N_SCALAR, 1u);
VALUE(FP_N_LIST, 2u);
VALUE(FP_N_MAP, 3u);
VALUE(FP_NF_SECRET, 1u);
VALUE(FP_NF_DEFAULTED, 2u);
VALUE(FP_T_STRING, 1u);
VALUE(FP_T_BOOL, 2u);
VALUE(FP_T_INT, 3u);
VALUE(FP_T_FLOAT, 4u);
VALUE(FP_T_SIZE, 5u);
VALUE(FP_T_DURATION, 6u);
VALUE(FP_T_ENUM, 7u);
VALUE(FP_T_PATH, 8u);
VALUE(FP_T_URL, 9u);
VALUE(FP_T_STRING_LIST, 10u);
VALUE(FP_T_STRING_MAP, 11u);
VALUE(FP_OPT_REQUIRED, 1u);
VALUE(FP_OPT_SECRET, 2u);
VALUE(FP_OPT_ADVANCED, 4u);
VALUE(FP_OPT_DEPRECATED, 8u);
VALUE(FP_THREADS_SERIAL_LIBRARY, 0u);
VALUE(FP_THREADS_SERIAL_INSTANCE, 1u);
VALUE(FP_THREADS_PARALLEL, 2u);
VALUE(FP_CAP_RESUMABLE, 1ull);
VALUE(FP_CAP_DURABLE_TAIL, 2ull);
VALUE(FP_CAP_ATOMIC_REPLACE, 4ull);
VALUE(FP_CAP_ATOMIC_CREATE, 8ull);
VALUE(FP_CAP_POWER_DURABLE, 16ull);
VALUE(FP_CAP_READ_AFTER_WRITE, 32ull);
VALUE(FP_CAP_SHARED, 64ull);
VALUE(FP_CAP_LIST, 128ull);
VALUE(FP_CAP_LIST_ORDERED, 256ull);
VALUE(FP_CAP_LIST_PENDING, 512ull);
VALUE(FP_CAP_COPY, 1024ull);
VALUE(FP_CAP_MOVE, 2048ull);
VALUE(FP_CAP_MOVE_ATOMIC, 4096ull);
VALUE(FP_CAP_PRESIGN, 8192ull);
VALUE(FP_CAP_IF_MATCH, 16384ull);
VALUE(FP_CAP_CONTENT_TYPE, 32768ull);
VALUE(FP_CAP_METADATA, 65536ull);
VALUE(FP_CAP_SPACE, 131072ull);
VALUE(FP_CAP_FENCED, 262144ull);
VALUE(FP_CAP_REWIND, 524288ull);
VALUE(FP_DIGEST_NONE, 0u);
VALUE(FP_DIGEST_MD5, 1u);
VALUE(FP_DIGEST_SHA256, 2u);
VALUE(FP_DIGEST_CRC32C, 3u);
VALUE(FP_HEALTH_OK, 0u);
VALUE(FP_HEALTH_DEGRADED, 1u);
VALUE(FP_HEALTH_DOWN, 2u);
VALUE(FP_HEALTH_CANNOT_WRITE, 1u);
VALUE(FP_HEALTH_NO_SPACE, 2u);
VALUE(FP_HEALTHF_DEEP, 1u);
VALUE(FP_W_RESUMABLE, 1u);
VALUE(FP_W_IF_NOT_EXISTS, 2u);
VALUE(FP_WS_OPEN, 0u);
VALUE(FP_WS_COMMITTED, 1u);
VALUE(FP_SYNC_POWER, 1u);
VALUE(FP_SYNC_SUSPEND, 2u);
VALUE(FP_COPY_MOVE, 1u);
VALUE(FP_COPY_IF_NOT_EXISTS, 2u);
VALUE(FP_COPY_REQUIRE_ATOMIC, 4u);
VALUE(FP_COPY_ALLOW_STREAM, 8u);
VALUE(FP_COPY_POWER, 16u);
VALUE(FP_COPYR_STREAMED, 1u);
VALUE(FP_COPYR_ATOMIC, 2u);
VALUE(FP_EF_PENDING, 1u);
VALUE(FP_PRESIGN_GET, 1u);
VALUE(FP_PRESIGN_HEAD, 2u);
TEXT(FP_EXT_TRANSFER, "fp.transfer/1");
TEXT(FP_EXT_READ_FD, "fp.read_fd/1");
