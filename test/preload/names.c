/* Which names in each directory are un-synced, and what they meant before. See unsynced.h for the
 * model. */
#define _GNU_SOURCE
#include "unsynced.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct directory {
  dev_t device;
  ino_t inode;
  int fd; /* our own; finds the directory after it was renamed */
  struct directory* next;
};

enum durable { ABSENT, A_FILE, A_DIRECTORY };

/* A name whose meaning differs, or may differ, from what the disk holds. */
struct name {
  struct directory* in;
  char* text;
  enum durable durable;
  unsigned held;               /* A_FILE: the file under this number in the trash */
  struct directory* directory; /* A_DIRECTORY: which */
  unsigned group;              /* names of one group share their fate */
  bool dropped;
  struct name* next;
};

static struct directory* directories;
static struct name* names;
static unsigned last_number; /* of groups and of files in the trash */
static int trash = -1;

static const char* trash_path(void) {
  static char path[PATH_MAX];
  snprintf(path, sizeof path, "%s.unsynced", root_path());
  return path;
}

static int open_trash(void) {
  if (trash < 0) {
    syscall(SYS_mkdirat, AT_FDCWD, trash_path(), 0700);
    trash = (int)syscall(SYS_openat, AT_FDCWD, trash_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (trash < 0)
      give_up("cannot create the directory beside the root that keeps unlinked files");
  }
  return trash;
}

static int remove_one(const char* path, const struct stat* status, int type, struct FTW* where) {
  (void)status;
  (void)where;
  syscall(SYS_unlinkat, AT_FDCWD, path, type == FTW_DP ? AT_REMOVEDIR : 0);
  return 0;
}

void remove_trash(void) {
  if (trash >= 0)
    nftw(trash_path(), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool path_of(int fd, char path[PATH_MAX]) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0)
    return false;
  path[length] = 0;
  return true;
}

bool fd_is_below_root(int fd) {
  char path[PATH_MAX];
  size_t length = strlen(root_path());
  return path_of(fd, path) && strncmp(path, root_path(), length) == 0
         && (path[length] == '/' || path[length] == 0);
}

struct directory* directory_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode))
    return NULL;
  for (struct directory* known = directories; known != NULL; known = known->next)
    if (known->inode == status.st_ino && known->device == status.st_dev)
      return known;
  if (!fd_is_below_root(fd))
    return NULL;
  struct directory* directory = calloc(1, sizeof *directory);
  if (directory == NULL)
    give_up("out of memory");
  directory->device = status.st_dev;
  directory->inode = status.st_ino;
  directory->fd = (int)syscall(SYS_openat, fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory->fd < 0)
    give_up("cannot open a directory below the root");
  directory->next = directories;
  return directories = directory;
}

struct place place_of(int at, const char* path) {
  struct place place = {.directory = NULL};
  size_t length = strlen(path);
  while (length > 1 && path[length - 1] == '/')
    --length;
  size_t start = length;
  while (start > 0 && path[start - 1] != '/')
    --start;
  if (length == 0 || length >= PATH_MAX || length - start >= sizeof place.name)
    return place;
  char parent[PATH_MAX] = ".";
  if (start > 0) {
    memcpy(parent, path, start);
    parent[start] = 0;
  }
  memcpy(place.name, path + start, length - start);
  place.name[length - start] = 0;
  int fd = (int)syscall(SYS_openat, at, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd < 0)
    return place;
  place.directory = directory_of(fd);
  syscall(SYS_close, fd);
  return place;
}

static struct name* find(const struct place* place) {
  for (struct name* name = names; name != NULL; name = name->next)
    if (name->in == place->directory && strcmp(name->text, place->name) == 0)
      return name;
  return NULL;
}

static void number_text(char text[32], unsigned number) {
  snprintf(text, 32, "%u", number);
}

static void forget(struct name** link) {
  struct name* name = *link;
  if (name->durable == A_FILE) {
    char held[32];
    number_text(held, name->held);
    syscall(SYS_unlinkat, open_trash(), held, 0);
  }
  *link = name->next;
  free(name->text);
  free(name);
}

static void hold_current(struct name* name) {
  struct stat status;
  if (fstatat(name->in->fd, name->text, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    name->durable = ABSENT;
    return;
  }
  if (S_ISDIR(status.st_mode)) {
    int fd =
      (int)syscall(SYS_openat, name->in->fd, name->text, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    name->directory = fd < 0 ? NULL : directory_of(fd);
    if (name->directory == NULL)
      give_up("cannot open a directory below the root");
    syscall(SYS_close, fd);
    name->durable = A_DIRECTORY;
    return;
  }
  char held[32];
  name->held = ++last_number;
  number_text(held, name->held);
  syscall(SYS_unlinkat, open_trash(), held, 0); /* of an earlier process */
  if (syscall(SYS_linkat, name->in->fd, name->text, open_trash(), held, 0) != 0)
    give_up("cannot link a file into the directory beside the root");
  name->durable = A_FILE;
}

void name_will_change(const struct place* place) {
  if (find(place) != NULL)
    return;
  struct name* name = calloc(1, sizeof *name);
  if (name == NULL || (name->text = strdup(place->name)) == NULL)
    give_up("out of memory");
  name->in = place->directory;
  name->group = ++last_number;
  hold_current(name);
  name->next = names;
  names = name;
}

static bool means_what_is_durable(const struct name* name) {
  struct stat status, durable;
  if (fstatat(name->in->fd, name->text, &status, AT_SYMLINK_NOFOLLOW) != 0)
    return name->durable == ABSENT;
  if (name->durable == ABSENT)
    return false;
  char held[32];
  number_text(held, name->held);
  int failed = name->durable == A_FILE ? fstatat(open_trash(), held, &durable, AT_SYMLINK_NOFOLLOW)
                                       : fstat(name->directory->fd, &durable);
  return failed == 0 && durable.st_ino == status.st_ino && durable.st_dev == status.st_dev;
}

void name_has_changed(const struct place* place) {
  for (struct name** link = &names; *link != NULL; link = &(*link)->next)
    if ((*link)->in == place->directory && strcmp((*link)->text, place->name) == 0) {
      if (means_what_is_durable(*link))
        forget(link);
      return;
    }
}

void names_share_fate(const struct place* a, const struct place* b) {
  struct name *first = find(a), *second = find(b);
  if (first == NULL || second == NULL)
    return;
  unsigned from = second->group;
  for (struct name* name = names; name != NULL; name = name->next)
    if (name->group == from)
      name->group = first->group;
}

void directory_synced(struct directory* directory) {
  for (struct name** link = &names; *link != NULL;) {
    if ((*link)->in == directory)
      forget(link);
    else
      link = &(*link)->next;
  }
}

void all_directories_synced(void) {
  while (names != NULL)
    forget(&names);
}

static void take_away(const struct name* name) {
  if (syscall(SYS_unlinkat, name->in->fd, name->text, 0) == 0 || errno == ENOENT)
    return;
  char place[32];
  number_text(place, ++last_number);
  if (syscall(SYS_renameat2, name->in->fd, name->text, open_trash(), place, 0) != 0)
    give_up("cannot take an un-synced directory away");
}

static void put_back(const struct name* name) {
  char held[PATH_MAX];
  if (name->durable == A_FILE) {
    number_text(held, name->held);
    syscall(SYS_linkat, open_trash(), held, name->in->fd, name->text, 0);
  } else if (name->durable == A_DIRECTORY) {
    if (!path_of(name->directory->fd, held))
      give_up("lost a directory");
    size_t length = strlen(held);
    bool was_removed = length > 10 && strcmp(held + length - 10, " (deleted)") == 0;
    if (!was_removed) {
      syscall(SYS_renameat2, AT_FDCWD, held, name->in->fd, name->text, 0);
      return;
    }
    syscall(SYS_mkdirat, name->in->fd, name->text, 0700);
    int fd =
      (int)syscall(SYS_openat, name->in->fd, name->text, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
      give_up("cannot restore a directory");
    syscall(SYS_dup3, fd, name->directory->fd,
            O_CLOEXEC); /* older names, put back later, go into the new one */
  }
}

static bool draw_drop(void) {
  int percent = 50;
  switch (draw_fate(&percent)) {
  case KEEP_ALL:
    return false;
  case DROP_ALL:
    return true;
  default:
    return draw(100) >= (uint64_t)percent;
  }
}

void cut_names(struct counts* counts) {
  for (struct name* name = names; name != NULL; name = name->next) {
    struct name* first = names; /* the first of a group draws for all */
    while (first->group != name->group)
      first = first->next;
    name->dropped = first == name ? draw_drop() : first->dropped;
    ++*(name->dropped ? &counts->names_dropped : &counts->names_kept);
  }
  for (struct name* name = names; name != NULL; name = name->next)
    if (name->dropped)
      take_away(name);
  for (struct name* name = names; name != NULL; name = name->next)
    if (name->dropped)
      put_back(name);
}
