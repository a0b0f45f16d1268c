#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

const int32_t cl_o_path = O_PATH;
const int32_t cl_o_tmpfile = O_TMPFILE;

static int32_t result(long value) { return value < 0 ? -errno : (int32_t)value; }

int32_t cl_open_beneath(int32_t dir, const char *path, int32_t flags, uint32_t mode)
{
    struct open_how how = {
        .flags = (uint64_t)(uint32_t)flags,
        .mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    return result(syscall(SYS_openat2, dir, path, &how, sizeof how));
}

int32_t cl_open(int32_t dir, const char *name, int32_t flags, uint32_t mode)
{
    return result(openat(dir, name, flags, (mode_t)mode));
}

int32_t cl_link_fd(int32_t fd, int32_t dir, const char *name)
{
    int32_t linked = result(linkat(fd, "", dir, name, AT_EMPTY_PATH));
    if (linked != -ENOENT) return linked;
    /* Kernels before 6.10 say this where a capability is missing. The way through /proc takes twice as long. */
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return result(linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW));
}

int32_t cl_rename(int32_t from_dir, const char *from, int32_t to_dir, const char *to, int32_t no_replace)
{
    return result(renameat2(from_dir, from, to_dir, to, no_replace ? RENAME_NOREPLACE : 0));
}

int32_t cl_clone(int32_t to, int32_t from) { return result(ioctl(to, FICLONE, from)); }

int64_t cl_copy_range(int32_t to, int32_t from, size_t count)
{
    ssize_t copied = copy_file_range(from, NULL, to, NULL, count, 0);
    return copied < 0 ? -errno : copied;
}

int64_t cl_birth_time(int32_t fd)
{
    struct statx found;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &found) < 0)
        return -errno;
    if (!(found.stx_mask & STATX_BTIME))
        return -ENODATA;
    return (int64_t)found.stx_btime.tv_sec * 1000000000 + found.stx_btime.tv_nsec;
}

int64_t cl_get_attribute(int32_t fd, const char *name, void *value, size_t capacity)
{
    ssize_t count = fgetxattr(fd, name, value, capacity);
    return count < 0 ? -errno : count;
}

int32_t cl_set_attribute(int32_t fd, const char *name, const void *value, size_t count)
{
    return result(fsetxattr(fd, name, value, count, 0));
}

int32_t cl_start_writeback(int32_t fd, int64_t offset, int64_t count)
{
    return result(sync_file_range(fd, offset, count, SYNC_FILE_RANGE_WRITE));
}

int32_t cl_pipe(int32_t ends[2])
{
    return result(pipe2(ends, O_CLOEXEC));
}

void cl_keep_freed_memory(int32_t mapped, int32_t kept)
{
    mallopt(M_MMAP_THRESHOLD, mapped);
    mallopt(M_TRIM_THRESHOLD, kept);
}
