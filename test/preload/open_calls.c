/* Stands in for the libc calls that open, close and copy descriptors. See descriptors.h. */
#define _GNU_SOURCE
#include "descriptors.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* fortify's names are declared nowhere */
int __open_2(const char* path, int flags);
int __open64_2(const char* path, int flags);
int __openat_2(int at, const char* path, int flags);
int __openat64_2(int at, const char* path, int flags);

struct descriptor descriptors[MAX_DESCRIPTORS];

bool is_watched(int fd) {
  return fd >= 0 && fd < MAX_DESCRIPTORS && watching()
         && __atomic_load_n(&descriptors[fd].file, __ATOMIC_ACQUIRE) != NULL;
}

bool is_watched_directory(int fd) {
  return fd >= 0 && fd < MAX_DESCRIPTORS && watching() && descriptors[fd].directory != NULL;
}

/* With the lock held: starts to watch a new descriptor if what it opened lies below the root. */
static void adopt(int fd, bool syncs_itself) {
  if (!fd_is_below_root(fd))
    return;
  if (fd >= MAX_DESCRIPTORS)
    give_up("too many descriptors");
  struct file* file = file_of(fd);
  if (file != NULL)
    file_add_user(file);
  descriptors[fd].directory = file == NULL ? directory_of(fd) : NULL;
  descriptors[fd].syncs_itself = syncs_itself;
  __atomic_store_n(&descriptors[fd].file, file, __ATOMIC_RELEASE);
}

/* With the lock held. */
static void release(int fd) {
  if (fd < 0 || fd >= MAX_DESCRIPTORS)
    return;
  if (descriptors[fd].file != NULL)
    file_drop_user(descriptors[fd].file);
  memset(&descriptors[fd], 0, sizeof descriptors[fd]);
}

static bool needs_mode(int flags) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

bool is_inside(int at, const char* path, struct place* place) {
  model_lock();
  *place = place_of(at, path);
  model_unlock();
  return place->directory != NULL;
}

static int watched_open(int at, const char* path, int flags, mode_t mode) {
  if (!watching())
    return (int)syscall(SYS_openat, at, path, flags, mode);
  struct place place;
  bool inside = is_inside(at, path, &place);
  if (inside && (flags & O_TMPFILE) == O_TMPFILE) {
    errno = EOPNOTSUPP;
    return -1;
  }
  if (inside && arrive(KIND_OPEN) != GO_ON)
    return -1;
  model_lock();
  bool creates = inside && (flags & O_CREAT) != 0;
  if (creates)
    name_will_change(&place);
  int real_flags = inside ? flags & ~(O_TRUNC | O_SYNC) : flags;
  int fd = (int)syscall(SYS_openat, at, path, real_flags, mode);
  int error = errno;
  if (creates)
    name_has_changed(&place);
  if (fd >= 0) {
    adopt(fd, (flags & O_DSYNC) != 0);
    struct file* file = fd < MAX_DESCRIPTORS ? descriptors[fd].file : NULL;
    if (inside && (flags & O_TRUNC) != 0) {
      if (file != NULL)
        file_will_resize(file, 0);
      syscall(SYS_ftruncate, fd, 0);
    }
  }
  model_unlock();
  errno = error;
  return fd;
}

#define MODE_ARGUMENT(flags, last, mode)                                                           \
  mode_t mode = 0;                                                                                 \
  if (needs_mode(flags)) {                                                                         \
    va_list arguments;                                                                             \
    va_start(arguments, last);                                                                     \
    mode = (mode_t)va_arg(arguments, int);                                                         \
    va_end(arguments);                                                                             \
  }

int open(const char* path, int flags, ...) {
  MODE_ARGUMENT(flags, flags, mode)
  return watched_open(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  MODE_ARGUMENT(flags, flags, mode)
  return watched_open(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char* path, int flags, ...) {
  MODE_ARGUMENT(flags, flags, mode)
  return watched_open(at, path, flags, mode);
}

int openat64(int at, const char* path, int flags, ...) {
  MODE_ARGUMENT(flags, flags, mode)
  return watched_open(at, path, flags, mode);
}

int __open_2(const char* path, int flags) {
  return watched_open(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char* path, int flags) {
  return watched_open(AT_FDCWD, path, flags, 0);
}

int __openat_2(int at, const char* path, int flags) {
  return watched_open(at, path, flags, 0);
}

int __openat64_2(int at, const char* path, int flags) {
  return watched_open(at, path, flags, 0);
}

int creat(const char* path, mode_t mode) {
  return watched_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

int creat64(const char* path, mode_t mode) {
  return creat(path, mode);
}

/* stdio opens, writes and closes inside libc. Its appends count as un-synced because the file grew
 * beyond what is durable; here the name and a truncation are watched. */
static FILE* watched_fopen(const char* symbol, const char* path, const char* mode) {
  FILE* (*real)(const char*, const char*) =
    (FILE * (*)(const char*, const char*)) dlsym(RTLD_NEXT, symbol);
  if (!watching() || mode[0] == 'r')
    return real(path, mode);
  struct place place;
  if (!is_inside(AT_FDCWD, path, &place))
    return real(path, mode);
  if (mode[0] == 'w') { /* creates and truncates under our eyes first */
    int fd = watched_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
      return NULL;
    close(fd);
  }
  model_lock();
  name_will_change(&place);
  FILE* stream = real(path, mode);
  int error = errno;
  name_has_changed(&place);
  if (stream != NULL)
    adopt(fileno(stream), false);
  model_unlock();
  errno = error;
  return stream;
}

FILE* fopen(const char* restrict path, const char* restrict mode) {
  return watched_fopen("fopen", path, mode);
}

FILE* fopen64(const char* restrict path, const char* restrict mode) {
  return watched_fopen("fopen64", path, mode);
}

int fclose(FILE* stream) {
  int (*real)(FILE*) = (int (*)(FILE*))dlsym(RTLD_NEXT, "fclose");
  int fd = fileno(stream);
  if (!is_watched(fd))
    return real(stream);
  fflush(stream);
  model_lock();
  release(fd);
  int result = real(stream);
  int error = errno;
  model_unlock();
  errno = error;
  return result;
}

int close(int fd) {
  if (!is_watched(fd) && !is_watched_directory(fd))
    return (int)syscall(SYS_close, fd);
  model_lock();
  release(fd);
  int result = (int)syscall(SYS_close, fd);
  int error = errno;
  model_unlock();
  errno = error;
  return result;
}

static void share(int from, int to) {
  release(to);
  if (from < 0 || from >= MAX_DESCRIPTORS || to >= MAX_DESCRIPTORS)
    return;
  if (descriptors[from].file != NULL)
    file_add_user(descriptors[from].file);
  descriptors[to] = descriptors[from];
}

static int watched_dup(int fd, int to, int flags) {
  if (!watching())
    return (int)(to < 0 ? syscall(SYS_dup, fd) : syscall(SYS_dup3, fd, to, flags));
  model_lock();
  int result = (int)(to < 0 ? syscall(SYS_dup, fd) : syscall(SYS_dup3, fd, to, flags));
  int error = errno;
  if (result >= 0 && result != fd)
    share(fd, result);
  model_unlock();
  errno = error;
  return result;
}

int dup(int fd) {
  return watched_dup(fd, -1, 0);
}

int dup2(int fd, int to) {
  return fd == to ? fd : watched_dup(fd, to, 0);
}

int dup3(int fd, int to, int flags) {
  return watched_dup(fd, to, flags);
}
