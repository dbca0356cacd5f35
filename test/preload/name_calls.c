/* Stands in for the libc calls that change names in directories. See descriptors.h. */
#define _GNU_SOURCE
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Does `call` between telling the model what may change and what has. `second` may be NULL. */
#define WITH_NAMES(kind, first, second, call)                                                      \
  do {                                                                                             \
    if (arrive(kind) != GO_ON)                                                                     \
      return -1;                                                                                   \
    model_lock();                                                                                  \
    struct place* places[2] = {first, second};                                                     \
    for (int i = 0; i < 2; ++i)                                                                    \
      if (places[i] != NULL && places[i]->directory != NULL)                                       \
        name_will_change(places[i]);                                                               \
    int result = (int)(call);                                                                      \
    int error = errno;                                                                             \
    if (result == 0 && places[1] != NULL)                                                          \
      names_share_fate(places[0], places[1]);                                                      \
    for (int i = 0; i < 2; ++i)                                                                    \
      if (places[i] != NULL && places[i]->directory != NULL)                                       \
        name_has_changed(places[i]);                                                               \
    model_unlock();                                                                                \
    errno = error;                                                                                 \
    return result;                                                                                 \
  } while (0)

int renameat2(int from_at, const char* from, int to_at, const char* to, unsigned flags) {
  struct place old = {.directory = NULL}, new = {.directory = NULL};
  bool inside =
    watching() && (int)is_inside(from_at, from, &old) + (int)is_inside(to_at, to, &new) > 0;
  if (!inside)
    return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
  WITH_NAMES(KIND_RENAME, &old, &new, syscall(SYS_renameat2, from_at, from, to_at, to, flags));
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
  WITH_NAMES(KIND_LINK, &new, NULL, syscall(SYS_linkat, from_at, from, to_at, to, flags));
}

int link(const char* from, const char* to) {
  return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int at, const char* path, int flags) {
  struct place place;
  if (!watching() || !is_inside(at, path, &place))
    return (int)syscall(SYS_unlinkat, at, path, flags);
  WITH_NAMES(KIND_UNLINK, &place, NULL, syscall(SYS_unlinkat, at, path, flags));
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
  WITH_NAMES(KIND_MKDIR, &place, NULL, syscall(SYS_mkdirat, at, path, mode));
}

int mkdir(const char* path, mode_t mode) {
  return mkdirat(AT_FDCWD, path, mode);
}
