/* Stands in for the libc calls that change names in directories. See descriptors.h. */
#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Before the real call: counts it and tells the model which names may change. True with the lock
 * held; false if the call is to fail, with errno. */
static bool begin(enum kind kind, const struct place* places, int count) {
  if (arrive(kind) != GO_ON)
    return false;
  model_lock();
  for (int i = 0; i < count; ++i)
    if (places[i].directory != NULL)
      name_will_change(&places[i]);
  return true;
}

/* After it: tells the model what came of it and releases the lock. @returns `result`. */
static int finish(const struct place* places, int count, long result) {
  int error = errno;
  if (result == 0 && count == 2)
    names_share_fate(&places[0], &places[1]);
  for (int i = 0; i < count; ++i)
    if (places[i].directory != NULL)
      name_has_changed(&places[i]);
  model_unlock();
  errno = error;
  return (int)result;
}

int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  struct place places[2] = {{.directory = NULL}, {.directory = NULL}};
  bool inside =
    watching()
    && (int)is_inside(from_at, from, &places[0]) + (int)is_inside(to_at, to, &places[1]) > 0;
  if (!inside)
    return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
  if (!begin(KIND_RENAME, places, 2))
    return -1;
  return finish(places, 2, syscall(SYS_renameat2, from_at, from, to_at, to, flags));
}

int renameat(int from_at, const char* from, int to_at, const char* to) {
  return renameat2(from_at, from, to_at, to, 0);
}

int rename(const char* from, const char* to) {
  return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_at, const char* from, int to_at, const char* to, int flags) {
  struct place new;
  if (!watching() || !is_inside(to_at, to, &new))
    return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
  if (!begin(KIND_LINK, &new, 1))
    return -1;
  return finish(&new, 1, syscall(SYS_linkat, from_at, from, to_at, to, flags));
}

int link(const char* from, const char* to) {
  return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int at, const char* path, int flags) {
  struct place place;
  if (!watching() || !is_inside(at, path, &place))
    return (int)syscall(SYS_unlinkat, at, path, flags);
  if (!begin(KIND_UNLINK, &place, 1))
    return -1;
  return finish(&place, 1, syscall(SYS_unlinkat, at, path, flags));
}

int unlink(const char* path) {
  return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char* path) {
  return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char* path) {
  struct stat status;
  bool directory = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
  return unlinkat(AT_FDCWD, path, directory ? AT_REMOVEDIR : 0);
}

int mkdirat(int at, const char* path, mode_t mode) {
  struct place place;
  if (!watching() || !is_inside(at, path, &place))
    return (int)syscall(SYS_mkdirat, at, path, mode);
  if (!begin(KIND_MKDIR, &place, 1))
    return -1;
  return finish(&place, 1, syscall(SYS_mkdirat, at, path, mode));
}

int mkdir(const char* path, mode_t mode) {
  return mkdirat(AT_FDCWD, path, mode);
}
