/* What a process can take from itself: system calls and rights.  In C, because Swift imports neither the macros of
 * seccomp filters nor setresuid(2). */
#ifndef DENIAL_H
#define DENIAL_H

/* Makes a system call fail with an errno from here on, for this thread and those that it starts.  A name may stand for
 * one use of the call only: "tmpfile" is openat with O_TMPFILE.  Returns 0, or -1 if that cannot be done. */
int deny_system_call(const char *name, int number);

/* Gives up the user's rights for those of another user.  Returns 0, or -1 if that cannot be done. */
int become_user(int id);

#endif
