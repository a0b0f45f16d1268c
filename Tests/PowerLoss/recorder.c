/* Writes down what a program does to files, so that a loss of power at any moment of it can be played afterwards.
 *
 * Preloaded into the program (LD_PRELOAD). Each change of a regular file's bytes, of its length and of a directory's
 * names is appended to the file POWER_LOSS_LOG, in the order in which the changes were made: one lock is held over each
 * call and its line. So are fsync and fdatasync. replay.py reads it.
 *
 * A program that runs on what such a loss left must not take the machine for one that never lost power: it reads
 * POWER_LOSS_BOOT in the place of the kernel's boot id.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { OP_WRITE = 1, OP_TRUNCATE, OP_SYNC, OP_CREATE, OP_NAMELESS, OP_LINK, OP_RENAME, OP_UNLINK, OP_ATTRIBUTE };

struct entry { /* followed by `first` and `second` bytes */
    uint32_t op, flags;
    uint64_t inode, number, directory, target;
    uint32_t first, second;
};

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int log_file = -1;
static const char *boot;

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void start(void)
{
    boot = getenv("POWER_LOSS_BOOT");
    const char *path = getenv("POWER_LOSS_LOG");
    if (path) log_file = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void record(struct entry entry, const void *first, size_t n_first, const void *second, size_t n_second)
{
    if (log_file < 0) return;
    entry.first = (uint32_t)n_first;
    entry.second = (uint32_t)n_second;
    struct iovec pieces[] = {{&entry, sizeof entry}, {(void *)first, n_first}, {(void *)second, n_second}};
    size_t all = sizeof entry + n_first + n_second;
    if (REAL(writev)(log_file, pieces, 3) != (ssize_t)all) abort();
}

static void record_named(struct entry entry, const char *first, const char *second)
{
    record(entry, first, first ? strlen(first) : 0, second, second ? strlen(second) : 0);
}

/* The inode of a regular file or a directory; 0 for anything else. */
static uint64_t inode_of(int fd)
{
    struct stat found;
    if (log_file < 0 || fd == log_file || fstat(fd, &found) != 0) return 0;
    return S_ISREG(found.st_mode) || S_ISDIR(found.st_mode) ? found.st_ino : 0;
}

/* A name, and the directory that has it. */
struct place { uint64_t directory; char name[256]; };

static struct place place_of(int dir, const char *path)
{
    struct place place = {0};
    struct stat found;
    char parent[4096];
    const char *slash = strrchr(path, '/');
    snprintf(place.name, sizeof place.name, "%s", slash ? slash + 1 : path);
    if (!slash) strcpy(parent, ".");
    else if (slash == path) strcpy(parent, "/");
    else snprintf(parent, sizeof parent, "%.*s", (int)(slash - path), path);
    if (fstatat(dir, parent, &found, 0) == 0) place.directory = found.st_ino;
    return place;
}

static int exists(int dir, const char *path)
{
    struct stat found;
    return fstatat(dir, path, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

/* --- Names ------------------------------------------------------------------------------------------------------ */

static int is_boot_id(const char *path) { return boot && strcmp(path, "/proc/sys/kernel/random/boot_id") == 0; }

/* What an open has made, if anything. */
static void opened(int fd, int dir, const char *path, int flags, int was_there)
{
    struct stat found;
    int saved = errno;
    if (log_file >= 0 && fd >= 0 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) {
        if ((flags & O_TMPFILE) == O_TMPFILE) {
            record((struct entry){.op = OP_NAMELESS, .inode = found.st_ino}, NULL, 0, NULL, 0);
        } else if ((flags & O_CREAT) && !was_there) {
            struct place place = place_of(dir, path);
            record_named(
                (struct entry){.op = OP_CREATE, .inode = found.st_ino, .directory = place.directory}, place.name, NULL);
        } else if (flags & O_TRUNC) {
            record((struct entry){.op = OP_TRUNCATE, .inode = found.st_ino}, NULL, 0, NULL, 0);
        }
    }
    errno = saved;
}

static int open_recorded(int dir, const char *path, int flags, mode_t mode)
{
    if (is_boot_id(path)) path = boot;
    if (!(flags & (O_CREAT | O_TRUNC)) && (flags & O_TMPFILE) != O_TMPFILE) return REAL(openat)(dir, path, flags, mode);
    pthread_mutex_lock(&lock);
    int was_there = exists(dir, path);
    int fd = REAL(openat)(dir, path, flags, mode);
    opened(fd, dir, path, flags, was_there);
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_ARGUMENT(last)                               \
    mode_t mode = 0;                                      \
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { \
        va_list more;                                     \
        va_start(more, last);                             \
        mode = va_arg(more, mode_t);                      \
        va_end(more);                                     \
    }

int open(const char *path, int flags, ...) { MODE_ARGUMENT(flags) return open_recorded(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE_ARGUMENT(flags) return open_recorded(AT_FDCWD, path, flags, mode); }
int openat(int dir, const char *path, int flags, ...)
{
    MODE_ARGUMENT(flags)
    return open_recorded(dir, path, flags, mode);
}
int openat64(int dir, const char *path, int flags, ...)
{
    MODE_ARGUMENT(flags)
    return open_recorded(dir, path, flags, mode);
}
int creat(const char *path, mode_t mode) { return open_recorded(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* openat2 has no function in the C library. */
long syscall(long number, ...)
{
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(arguments, long);
    va_end(arguments);
    if (number != SYS_openat2) return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    const struct open_how *how = (const struct open_how *)a[2];
    pthread_mutex_lock(&lock);
    int was_there = exists((int)a[0], (const char *)a[1]);
    long fd = REAL(syscall)(number, a[0], a[1], a[2], a[3]);
    opened((int)fd, (int)a[0], (const char *)a[1], (int)how->flags, was_there);
    pthread_mutex_unlock(&lock);
    return fd;
}

int mkdirat(int dir, const char *path, mode_t mode)
{
    struct stat found;
    pthread_mutex_lock(&lock);
    int result = REAL(mkdirat)(dir, path, mode), saved = errno;
    if (result == 0 && fstatat(dir, path, &found, 0) == 0) {
        struct place place = place_of(dir, path);
        record_named(
            (struct entry){.op = OP_CREATE, .flags = 1, .inode = found.st_ino, .directory = place.directory},
            place.name, NULL);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    struct stat found;
    pthread_mutex_lock(&lock);
    int result = REAL(linkat)(from_dir, from, to_dir, to, flags), saved = errno;
    if (result == 0 && fstatat(to_dir, to, &found, AT_SYMLINK_NOFOLLOW) == 0) {
        struct place place = place_of(to_dir, to);
        record_named(
            (struct entry){.op = OP_LINK, .inode = found.st_ino, .directory = place.directory}, place.name, NULL);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
    pthread_mutex_lock(&lock);
    struct place source = place_of(from_dir, from), target = place_of(to_dir, to);
    int result = REAL(renameat2)(from_dir, from, to_dir, to, flags), saved = errno;
    if (result == 0) {
        if (flags & RENAME_EXCHANGE) abort();
        record_named(
            (struct entry){.op = OP_RENAME, .directory = source.directory, .target = target.directory},
            source.name, target.name);
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}
int renameat(int a, const char *from, int b, const char *to) { return renameat2(a, from, b, to, 0); }
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int dir, const char *path, int flags)
{
    pthread_mutex_lock(&lock);
    struct place place = place_of(dir, path);
    int result = REAL(unlinkat)(dir, path, flags), saved = errno;
    if (result == 0)
        record_named((struct entry){.op = OP_UNLINK, .directory = place.directory}, place.name, NULL);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

/* --- Bytes ------------------------------------------------------------------------------------------------------ */

static void wrote(uint64_t inode, off_t offset, const void *bytes, ssize_t count)
{
    int saved = errno;
    if (inode && count > 0)
        record((struct entry){.op = OP_WRITE, .inode = inode, .number = (uint64_t)offset}, bytes, (size_t)count, NULL, 0);
    errno = saved;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    pthread_mutex_lock(&lock);
    ssize_t written = REAL(pwrite)(fd, bytes, count, offset);
    wrote(inode_of(fd), offset, bytes, written);
    pthread_mutex_unlock(&lock);
    return written;
}
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) { return pwrite(fd, bytes, count, offset); }

/* The pieces of a vector, behind one another from `offset` on. */
static void wrote_vector(uint64_t inode, off_t offset, const struct iovec *pieces, int count, ssize_t written)
{
    for (int i = 0; i < count && written > 0; i++) {
        ssize_t length = written < (ssize_t)pieces[i].iov_len ? written : (ssize_t)pieces[i].iov_len;
        wrote(inode, offset, pieces[i].iov_base, length);
        offset += length;
        written -= length;
    }
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    pthread_mutex_lock(&lock);
    ssize_t written = REAL(pwritev)(fd, pieces, count, offset);
    wrote_vector(inode_of(fd), offset, pieces, count, written);
    pthread_mutex_unlock(&lock);
    return written;
}
ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off_t offset) { return pwritev(fd, pieces, count, offset); }

/* Sockets and pipes too come this way, and are not to wait for the lock. */
ssize_t write(int fd, const void *bytes, size_t count)
{
    uint64_t inode = inode_of(fd);
    if (!inode) return REAL(write)(fd, bytes, count);
    pthread_mutex_lock(&lock);
    ssize_t written = REAL(write)(fd, bytes, count);
    if (written > 0) wrote(inode, lseek(fd, 0, SEEK_CUR) - written, bytes, written);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    uint64_t inode = inode_of(fd);
    if (!inode) return REAL(writev)(fd, pieces, count);
    pthread_mutex_lock(&lock);
    ssize_t written = REAL(writev)(fd, pieces, count);
    if (written > 0) wrote_vector(inode, lseek(fd, 0, SEEK_CUR) - written, pieces, count, written);
    pthread_mutex_unlock(&lock);
    return written;
}

/* What the kernel has copied into a file is read back from there. */
static void copied(int fd, off_t offset, ssize_t count)
{
    uint64_t inode = inode_of(fd);
    char bytes[1 << 16];
    if (!inode) return;
    int readable = -1;
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    while (count > 0) {
        if (readable < 0) readable = REAL(open)(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = pread(readable, bytes, (size_t)count < sizeof bytes ? (size_t)count : sizeof bytes, offset);
        if (got <= 0) abort();
        wrote(inode, offset, bytes, got);
        offset += got;
        count -= got;
    }
    if (readable >= 0) close(readable);
}

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t count, unsigned int flags)
{
    pthread_mutex_lock(&lock);
    off_t at = to_at ? *to_at : lseek(to, 0, SEEK_CUR);
    ssize_t done = REAL(copy_file_range)(from, from_at, to, to_at, count, flags);
    int saved = errno;
    copied(to, at, done);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return done;
}

static int truncated(int fd, off_t length, int result)
{
    int saved = errno;
    uint64_t inode = inode_of(fd);
    if (result == 0 && inode)
        record((struct entry){.op = OP_TRUNCATE, .inode = inode, .number = (uint64_t)length}, NULL, 0, NULL, 0);
    errno = saved;
    return result;
}

int ftruncate(int fd, off_t length)
{
    pthread_mutex_lock(&lock);
    int result = truncated(fd, length, REAL(ftruncate)(fd, length));
    pthread_mutex_unlock(&lock);
    return result;
}
int ftruncate64(int fd, off_t length) { return ftruncate(fd, length); }

int fsetxattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    pthread_mutex_lock(&lock);
    int result = REAL(fsetxattr)(fd, name, value, size, flags), saved = errno;
    uint64_t inode = inode_of(fd);
    if (result == 0 && inode)
        record((struct entry){.op = OP_ATTRIBUTE, .inode = inode}, name, strlen(name), value, size);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return result;
}

/* --- Flushes: written down after they have succeeded, so that nothing counts as flushed too early ----------------- */

static int synced(int fd, int result)
{
    int saved = errno;
    uint64_t inode = inode_of(fd);
    if (result == 0 && inode) record((struct entry){.op = OP_SYNC, .inode = inode}, NULL, 0, NULL, 0);
    errno = saved;
    return result;
}

int fsync(int fd)
{
    pthread_mutex_lock(&lock);
    int result = synced(fd, REAL(fsync)(fd));
    pthread_mutex_unlock(&lock);
    return result;
}

int fdatasync(int fd)
{
    pthread_mutex_lock(&lock);
    int result = synced(fd, REAL(fdatasync)(fd));
    pthread_mutex_unlock(&lock);
    return result;
}

/* --- Room, and what nothing here writes down ----------------------------------------------------------------------- */

int posix_fallocate(int fd, off_t offset, off_t length)
{
    struct stat found;
    pthread_mutex_lock(&lock);
    int result = REAL(posix_fallocate)(fd, offset, length);
    if (result == 0 && fstat(fd, &found) == 0) truncated(fd, found.st_size, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int posix_fallocate64(int fd, off_t offset, off_t length) { return posix_fallocate(fd, offset, length); }

/* Whoever begins to change files in one of these ways is told. */
int fallocate(int fd, int mode, off_t offset, off_t length) { (void)fd, (void)mode, (void)offset, (void)length; abort(); }
int fallocate64(int fd, int mode, off_t offset, off_t length) { return fallocate(fd, mode, offset, length); }
int truncate(const char *path, off_t length) { (void)path, (void)length; abort(); }
int truncate64(const char *path, off_t length) { return truncate(path, length); }

/* A file system that can share the bytes of two files would do so without a line here. */
int ioctl(int fd, unsigned long request, ...)
{
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    if (request != FICLONE) return REAL(ioctl)(fd, request, argument);
    errno = EOPNOTSUPP;
    return -1;
}
