#define _GNU_SOURCE
#include "denial.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int deny_system_call(const char *name, int number)
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
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -1 : 0;
    }
    return -1;
}

int become_user(int id)
{
    uid_t user = (uid_t)id;
    return setresgid(user, user, user) || setresuid(user, user, user) ? -1 : 0;
}
