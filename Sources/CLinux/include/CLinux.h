/* Calls that Swift's Glibc module does not show: they are behind _GNU_SOURCE, are macros, or have no
 * wrapper in glibc.  Every function returns what the call returns, or -errno. */
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

extern const int32_t cl_o_path;
extern const int32_t cl_o_tmpfile;

/* openat2 that follows no symlink and never leaves `dir`. */
int32_t cl_open_beneath(int32_t dir, const char *path, int32_t flags, uint32_t mode);
/* openat: `name` is one segment. */
int32_t cl_open(int32_t dir, const char *name, int32_t flags, uint32_t mode);
/* Gives the open, perhaps nameless, file a name; -EEXIST if it is taken. */
int32_t cl_link_fd(int32_t fd, int32_t dir, const char *name);
/* renameat2; -EEXIST if `no_replace` and the target exists. */
int32_t cl_rename(int32_t from_dir, const char *from, int32_t to_dir, const char *to, int32_t no_replace);
/* FICLONE: shares the source's blocks with the empty target. */
int32_t cl_clone(int32_t to, int32_t from);
/* copy_file_range at both files' own positions. */
int64_t cl_copy_range(int32_t to, int32_t from, size_t count);
/* Birth time in nanoseconds since 1970; -ENODATA if the file system keeps none. */
int64_t cl_birth_time(int32_t fd);
/* fgetxattr and fsetxattr. */
int64_t cl_get_attribute(int32_t fd, const char *name, void *value, size_t capacity);
int32_t cl_set_attribute(int32_t fd, const char *name, const void *value, size_t count);
/* sync_file_range: starts to write dirty pages back, without waiting for them. */
int32_t cl_start_writeback(int32_t fd, int64_t offset, int64_t count);

/* A pipe whose ends no child inherits: the one to read from, then the one to write to. */
int32_t cl_pipe(int32_t ends[2]);

/* mallopt: freed blocks below `mapped` bytes stay with the process, up to `kept` bytes at the end of a heap. */
void cl_keep_freed_memory(int32_t mapped, int32_t kept);

#endif
