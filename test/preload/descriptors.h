/*
 * What the stand-ins for libc's calls share: which descriptors are watched. Each stand-in asks the
 * model first, does the real thing by a raw system call (so that none of our own calls comes back
 * here), then tells the model.
 */
#pragma once

#include "unsynced.h"

#pragma GCC visibility push(hidden)

struct descriptor {
  struct file* file; /* one of the two, or neither: not below the root */
  struct directory* directory;
  bool syncs_itself; /* opened with O_DSYNC or O_SYNC */
};

extern struct descriptor descriptors[MAX_DESCRIPTORS];

/* Without the lock; cheap enough for each write to a socket. */
bool is_watched(int fd);
bool is_watched_directory(int fd);
/* Without the lock: whether the path's parent is the root or below it; fills *place. */
bool is_inside(int at, const char* path, struct place* place);

#pragma GCC visibility pop
