/* Records what a process does to files: an LD_PRELOAD library for the tests of power cuts (tests/power.rs).
 *
 * It does not replace functions of the C library, because not everybody calls them: a seccomp filter stops each system call
 * that changes a file or a directory, whoever makes it, and the handler of the signal makes it in the caller's stead and
 * writes a record of it to RECORD_FILE_CHANGES. Only the one instruction in `raw` passes the filter.
 *
 * fsync and fdatasync are recorded and not done: what they promise is the replay's to judge.
 *
 * It fails as disks do, too (tests/power/failing.rs), as long as the file FAIL_FILE_CHANGES says so: `struct plan`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

__attribute__((visibility("hidden"))) long raw(long number, long a, long b, long c, long d, long e, long f);
extern __attribute__((visibility("hidden"))) const char raw_after[];

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
__asm__(".text\n.globl raw\n.globl raw_after\n.type raw,@function\nraw:\n"
        "mov %rdi,%rax\nmov %rsi,%rdi\nmov %rdx,%rsi\nmov %rcx,%rdx\nmov %r8,%r10\nmov %r9,%r8\nmov 8(%rsp),%r9\n"
        "syscall\nraw_after:\nret\n");
#define NUMBER(u) ((u)->uc_mcontext.gregs[REG_RAX])
#define RESULT(u) ((u)->uc_mcontext.gregs[REG_RAX])
static long argument(ucontext_t *u, int i) {
  static const int at[] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
  return u->uc_mcontext.gregs[at[i]];
}
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
__asm__(".text\n.globl raw\n.globl raw_after\n.type raw,%function\nraw:\n"
        "mov x8,x0\nmov x0,x1\nmov x1,x2\nmov x2,x3\nmov x3,x4\nmov x4,x5\nmov x5,x6\nsvc #0\nraw_after:\nret\n");
#define NUMBER(u) ((u)->uc_mcontext.regs[8])
#define RESULT(u) ((u)->uc_mcontext.regs[0])
static long argument(ucontext_t *u, int i) { return u->uc_mcontext.regs[i]; }
#else
#error "no recorder for this processor"
#endif

/* What tests/power/journal.rs reads: this head, then `bytes` of data or names. Numbers in the machine's order. */
struct head {
  uint32_t bytes;
  uint8_t kind;
  uint8_t flags;
  uint16_t first; /* of two names, the length of the first */
  uint64_t inode; /* the file, or the directory of the name */
  uint64_t other; /* the new inode, or the directory of the second name */
  uint64_t at;    /* an offset, or a length */
};

/* Which calls fail: every so-manieth of a kind, on files below a directory named `data`. */
struct plan {
  uint32_t kind;
  uint32_t every;
  uint32_t seen;
  uint32_t failed;
};
enum { SYNC_FAILS = 1, WRITE_FAILS, WRITE_IS_SHORT, READ_FAILS };

static int journal = -1;
static int held;
static struct plan *plan;

static void lock(void) {
  while (__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE)) raw(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}
static void unlock(void) { __atomic_store_n(&held, 0, __ATOMIC_RELEASE); }

static void put(const void *bytes, size_t length) {
  const char *next = bytes;
  while (length > 0) {
    long n = raw(SYS_write, journal, (long)next, length, 0, 0, 0);
    if (n == -EINTR) continue;
    if (n <= 0) _exit(97); /* a record that is not whole proves nothing */
    next += n, length -= n;
  }
}

static void record(struct head head, const void *a, size_t na, const void *b, size_t nb) {
  head.bytes = na + nb;
  head.first = b ? na : 0;
  put(&head, sizeof head);
  put(a, na);
  if (b) put(b, nb);
}

/* The directory that a path's last name is in, and that name. */
struct place {
  uint64_t directory;
  char name[256];
  size_t length;
};

static int inode_at(int at, const char *path, struct stat *found) {
  return raw(SYS_newfstatat, at, (long)path, (long)found, AT_SYMLINK_NOFOLLOW, 0, 0);
}

static int locate(int at, const char *path, struct place *place) {
  char parent[4096];
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/') length--;
  size_t start = length;
  while (start > 0 && path[start - 1] != '/') start--;
  if (length >= sizeof parent || length - start >= sizeof place->name) return -ENAMETOOLONG;
  memcpy(parent, path, start);
  memcpy(parent + start, ".", 2);
  place->length = length - start;
  memcpy(place->name, path + start, place->length);
  struct stat found;
  int error = raw(SYS_newfstatat, at, (long)parent, (long)&found, 0, 0, 0);
  place->directory = found.st_ino;
  return error;
}

static int regular(int fd, struct stat *found) {
  return raw(SYS_fstat, fd, (long)found, 0, 0, 0, 0) == 0 && (S_ISREG(found->st_mode) || S_ISDIR(found->st_mode));
}

static int fails(uint32_t kind, int fd) {
  char link[64], path[4096];
  if (!plan || plan->kind != kind || plan->every == 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  long n = raw(SYS_readlinkat, AT_FDCWD, (long)link, (long)path, sizeof path - 1, 0, 0);
  if (n <= 0) return 0;
  path[n] = 0;
  if (!strstr(path, "/data/") || ++plan->seen % plan->every != 0) return 0;
  plan->failed++;
  return 1;
}

static long read_from(int fd, void *to, size_t length, long offset) {
  return fails(READ_FAILS, fd) ? -EIO : raw(SYS_pread64, fd, (long)to, length, offset, 0, 0);
}

static long written(int fd, const struct iovec *parts, int count, long offset) {
  struct stat before;
  int watched = regular(fd, &before);
  struct iovec half = {parts->iov_base, parts->iov_len / 2};
  if (watched && fails(WRITE_FAILS, fd)) return -EIO;
  if (watched && half.iov_len > 0 && fails(WRITE_IS_SHORT, fd)) parts = &half, count = 1;
  if (watched && offset < 0) {
    long flags = raw(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0);
    offset = flags & O_APPEND ? before.st_size : raw(SYS_lseek, fd, 0, SEEK_CUR, 0, 0, 0);
    long n = raw(SYS_writev, fd, (long)parts, count, 0, 0, 0);
    if (n <= 0) return n;
    for (long left = n; left > 0; parts++) {
      long part = (long)parts->iov_len < left ? (long)parts->iov_len : left;
      if (part == 0) continue;
      record((struct head){.kind = 'W', .inode = before.st_ino, .at = offset}, parts->iov_base, part, 0, 0);
      offset += part, left -= part;
    }
    return n;
  }
  if (!watched) return offset < 0 ? raw(SYS_writev, fd, (long)parts, count, 0, 0, 0) : -ESPIPE;
  long n = raw(SYS_pwrite64, fd, (long)parts->iov_base, parts->iov_len, offset, 0, 0);
  if (n > 0) record((struct head){.kind = 'W', .inode = before.st_ino, .at = offset}, parts->iov_base, n, 0, 0);
  return n;
}

static long opened(int at, const char *path, long flags, long mode) {
  if ((flags & O_TMPFILE) == O_TMPFILE) return -EOPNOTSUPP;
  struct place place;
  struct stat before, after;
  int there = inode_at(at, path, &before) == 0;
  int placed = !there && locate(at, path, &place) == 0;
  long fd = raw(SYS_openat, at, (long)path, flags, mode, 0, 0);
  if (fd < 0 || !regular(fd, &after)) return fd;
  if (placed)
    record((struct head){.kind = 'C', .inode = place.directory, .other = after.st_ino}, place.name, place.length, 0, 0);
  else if (flags & O_TRUNC)
    record((struct head){.kind = 'T', .inode = after.st_ino}, 0, 0, 0, 0);
  return fd;
}

static long resized(int fd, long length) {
  struct stat found;
  int watched = regular(fd, &found);
  long error = raw(SYS_ftruncate, fd, length, 0, 0, 0, 0);
  if (watched && error == 0) record((struct head){.kind = 'T', .inode = found.st_ino, .at = length}, 0, 0, 0, 0);
  return error;
}

/* Only what lengthens a file is understood; whoever wants more does without, as on a file system that cannot. */
static long allocated(int fd, long mode, long offset, long length) {
  struct stat found;
  if (mode != 0 || !regular(fd, &found)) return -EOPNOTSUPP;
  return offset + length > found.st_size ? resized(fd, offset + length) : 0;
}

static long synced(int fd) {
  struct stat found;
  if (!regular(fd, &found)) return -EINVAL;
  /* What could not be written is dropped, and no later sync tells: the next one only speaks of what came after. Of names,
   * file systems keep what they could not write, or take no writes at all any more. */
  int failed = S_ISREG(found.st_mode) && fails(SYNC_FAILS, fd);
  record((struct head){.kind = failed ? 'X' : 'F', .inode = found.st_ino}, 0, 0, 0, 0);
  return failed ? -EIO : 0;
}

static long made(int at, const char *path, long mode) {
  struct place place;
  struct stat after;
  int placed = locate(at, path, &place) == 0;
  long error = raw(SYS_mkdirat, at, (long)path, mode, 0, 0, 0);
  if (error == 0 && placed && inode_at(at, path, &after) == 0)
    record((struct head){.kind = 'D', .inode = place.directory, .other = after.st_ino}, place.name, place.length, 0, 0);
  return error;
}

static long removed(int at, const char *path, long flags) {
  struct place place;
  int placed = locate(at, path, &place) == 0;
  long error = raw(SYS_unlinkat, at, (long)path, flags, 0, 0, 0);
  if (error == 0 && placed) record((struct head){.kind = 'U', .inode = place.directory}, place.name, place.length, 0, 0);
  return error;
}

static long renamed(int at, const char *from, int to_at, const char *to, long flags) {
  struct place a, b;
  int placed = locate(at, from, &a) == 0 && locate(to_at, to, &b) == 0;
  long error = raw(SYS_renameat2, at, (long)from, to_at, (long)to, flags, 0);
  if (error == 0 && placed)
    record((struct head){.kind = 'M', .flags = flags, .inode = a.directory, .other = b.directory}, a.name, a.length, b.name, b.length);
  return error;
}

static long linked(int at, const char *from, int to_at, const char *to, long flags) {
  struct place place;
  struct stat found;
  int placed = locate(to_at, to, &place) == 0;
  long error = raw(SYS_linkat, at, (long)from, to_at, (long)to, flags, 0);
  if (error == 0 && placed && inode_at(to_at, to, &found) == 0)
    record((struct head){.kind = 'L', .inode = place.directory, .other = found.st_ino}, place.name, place.length, 0, 0);
  return error;
}

static long perform(ucontext_t *u) {
  long a = argument(u, 0), b = argument(u, 1), c = argument(u, 2), d = argument(u, 3), e = argument(u, 4);
  struct iovec one = {(void *)b, c};
  switch (NUMBER(u)) {
    case SYS_write: return written(a, &one, 1, -1);
    case SYS_writev: return written(a, (void *)b, c, -1);
    case SYS_pwrite64: return written(a, &one, 1, d);
    case SYS_pread64: return read_from(a, (void *)b, c, d);
    case SYS_openat: return opened(a, (void *)b, c, d);
    case SYS_ftruncate: return resized(a, b);
    case SYS_fallocate: return allocated(a, b, c, d);
    case SYS_fsync: case SYS_fdatasync: return synced(a);
    case SYS_mkdirat: return made(a, (void *)b, c);
    case SYS_unlinkat: return removed(a, (void *)b, c);
    case SYS_renameat: return renamed(a, (void *)b, c, (void *)d, 0);
    case SYS_renameat2: return renamed(a, (void *)b, c, (void *)d, e);
    case SYS_linkat: return linked(a, (void *)b, c, (void *)d, e);
#ifdef SYS_open
    case SYS_open: return opened(AT_FDCWD, (void *)a, b, c);
    case SYS_creat: return opened(AT_FDCWD, (void *)a, O_CREAT | O_WRONLY | O_TRUNC, b);
    case SYS_mkdir: return made(AT_FDCWD, (void *)a, b);
    case SYS_rmdir: return removed(AT_FDCWD, (void *)a, AT_REMOVEDIR);
    case SYS_unlink: return removed(AT_FDCWD, (void *)a, 0);
    case SYS_rename: return renamed(AT_FDCWD, (void *)a, AT_FDCWD, (void *)b, 0);
    case SYS_link: return linked(AT_FDCWD, (void *)a, AT_FDCWD, (void *)b, 0);
#endif
    /* Callers fall back to what is recorded. */
    case SYS_sendfile: return -EINVAL;
    default: return -ENOSYS;
  }
}

static void trapped(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info;
  ucontext_t *u = context;
  lock();
  long result = perform(u);
  unlock();
  RESULT(u) = result;
}

static const int WATCHED[] = {
    SYS_write, SYS_writev, SYS_pwrite64, SYS_pread64, SYS_pwritev, SYS_pwritev2, SYS_ftruncate, SYS_truncate, SYS_fallocate, SYS_fsync,
    SYS_fdatasync, SYS_mkdirat, SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_linkat, SYS_symlinkat, SYS_copy_file_range,
    SYS_sendfile, SYS_splice, SYS_openat2, SYS_io_uring_setup,
#ifdef SYS_open
    SYS_creat, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_rename, SYS_link, SYS_symlink,
#endif
};
#define COUNT (sizeof WATCHED / sizeof *WATCHED)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, field)
#define IP offsetof(struct seccomp_data, instruction_pointer)

static int install(void) {
  uint64_t pass = (uint64_t)(uintptr_t)raw_after;
  struct sock_filter filter[32 + 2 * COUNT];
  int n = 0;
#define ADD(...) filter[n++] = (struct sock_filter)__VA_ARGS__
  ADD(LOAD(offsetof(struct seccomp_data, arch)));
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  ADD(LOAD(IP));
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)pass, 0, 3));
  ADD(LOAD(IP + 4));
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(pass >> 32), 0, 1));
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  ADD(LOAD(offsetof(struct seccomp_data, nr)));
  for (size_t i = 0; i < COUNT; i++) {
    ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WATCHED[i], 0, 1));
    ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));
  }
  /* Opening changes something only when it makes or empties. */
#define OPENING(number, argument)                                                              \
  ADD(LOAD(offsetof(struct seccomp_data, nr)));                                                \
  ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4));                                      \
  ADD(LOAD(offsetof(struct seccomp_data, args[argument])));                                    \
  ADD(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY), 0, 1)); \
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP));                                            \
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW))
  OPENING(SYS_openat, 2);
#ifdef SYS_open
  OPENING(SYS_open, 1);
#endif
  ADD(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  struct sock_fprog program = {n, filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("RECORD_FILE_CHANGES");
  if (!path) return;
  journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const char *failures = getenv("FAIL_FILE_CHANGES");
  if (failures) {
    int file = open(failures, O_RDWR | O_CLOEXEC);
    plan = mmap(0, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file < 0 || plan == MAP_FAILED) _exit(96);
  }
  struct sigaction action = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};
  /* A handler of another signal that writes would wait for the lock for ever. */
  sigfillset(&action.sa_mask);
  if (journal < 0 || sigaction(SIGSYS, &action, 0) || install()) _exit(98);
}
