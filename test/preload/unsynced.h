/*
 * libunsynced.so: what a power cut does to one real process.
 *
 * Loaded by LD_PRELOAD it lets every write through, so that reads just work, and remembers beside
 * it what a disk would still hold: the bytes that each un-synced page had before, the size, and the
 * names in each directory. On SIGUSR2, or at a chosen call, it rolls a random part of the un-synced
 * data back (torn at 512-byte sectors) and ends the process at once. What fsync, fdatasync, O_DSYNC
 * or the fsync of a directory confirmed stays.
 *
 *   LD_PRELOAD=.../libunsynced.so UNSYNCED_ROOT=/tmp/t/data UNSYNCED_SEED=7 troupe --data-dir
 * /tmp/t/data ... & kill -USR2 $!
 *
 * UNSYNCED_ROOT         directory whose content is watched; without it the library does nothing
 * UNSYNCED_SEED         of every random choice (default 1)
 * UNSYNCED_KEEP         percent of un-synced sectors and of un-synced changes of names that
 * survive; without it each file draws one of: everything, nothing, a prefix, each sector by itself
 * UNSYNCED_SIGNAL       number of the signal that cuts the power (default SIGUSR2)
 * UNSYNCED_REPORT       file that gets one line of counts at the cut
 * UNSYNCED_FAIL         comma list of KIND:N:ACTION. At the N-th call of that kind ("N+": and every
 * later one) ACTION is an errno (EIO, ENOSPC, EDQUOT, EINTR, EACCES, EMFILE), SHORT (a write of
 * half the bytes) or CUT (the power cut, before the call). A failed sync loses what it should have
 * saved for good: a later sync of the same pages succeeds and saves nothing, as Linux does.
 * UNSYNCED_DELAY        comma list of KIND:MICROSECONDS or KIND:MIN-MAX, slept before each call of
 * that kind UNSYNCED_IGNORE_SYNC  1: every sync says yes and saves nothing. Proves that a test
 * bites.
 *
 * KIND: open write truncate fallocate rename unlink link mkdir fsync fdatasync sync_file_range, or
 * sync (the two syncs of files and directories together). Only calls on files below the root count.
 *
 * The model. A sector is durable as of its last sync or any later state in which the cut found it.
 * A name in a directory is durable as of the last fsync of that directory; names change one by one,
 * but both names of a rename together. A sync under delay takes effect at its begin or at its end
 * (drawn). No sync reaches the real disk: the machine lives on.
 *
 * Not seen: writes by mmap (refused with ENODEV when shared and writable), io_uring and AIO, and
 * what stdio writes into the middle of a file (appends by stdio are seen). Files that one process
 * shares with another. Programs that make no libc calls, such as Go's. Written in C, because it
 * lives in processes that bring their own C++ runtime or sanitizer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#pragma GCC visibility push(hidden)

enum { PAGE_BYTES = 4096, SECTOR_BYTES = 512, MAX_DESCRIPTORS = 1 << 17 };

enum kind {
  KIND_OPEN,
  KIND_WRITE,
  KIND_TRUNCATE,
  KIND_FALLOCATE,
  KIND_RENAME,
  KIND_UNLINK,
  KIND_LINK,
  KIND_MKDIR,
  KIND_FSYNC,
  KIND_FDATASYNC,
  KIND_SYNC_FILE_RANGE,
  KIND_SYNC, /* FSYNC and FDATASYNC together */
  KIND_COUNT
};

/* ---- control.c: configuration, faults, the cut. Everything below expects `model_lock` held unless
 * it says otherwise. */

/* Whether the library watches anything in this process (never in a forked child). Reads the
 * environment once. */
bool watching(void);
void model_lock(void);
void model_unlock(void);
/* Real path of the root; its length without a slash at the end. */
const char* root_path(void);

enum action { GO_ON, FAIL, SHORT };
/* To be called first in each watched call, without the lock: counts it and sleeps its delay. FAIL
 * leaves the error in errno; may not return (CUT). `kind` is never KIND_SYNC. */
enum action arrive(enum kind kind);
/* As above for the two syncs, which sleep themselves: *microseconds is the delay. */
enum action arrive_sync(enum kind kind, long* microseconds);
void sleep_microseconds(long microseconds);
bool syncs_are_ignored(void);
bool appends_are_ordered(void);

uint64_t draw(uint64_t bound); /* in [0, bound) */
/* How one file or one group of names fares. `percent` only for BY_SECTOR. */
enum fate { KEEP_ALL, DROP_ALL, KEEP_PREFIX, BY_SECTOR };
enum fate draw_fate(int* percent);
void give_up(const char* why)
  __attribute__((noreturn)); /* the library cannot go on truthfully: abort */

struct counts {
  uint64_t files, sectors_kept, sectors_dropped, names_kept, names_dropped;
};

/* ---- files.c: pages and sizes */

struct file;
/* The state of the file behind `fd`; its content so far counts as durable if it was not known. */
struct file* file_of(int fd);
void file_add_user(struct file* file);
/* Forgets a file that nobody has open and that has nothing un-synced. */
void file_drop_user(struct file* file);
/* To be called before [offset, offset + length) changes. */
void file_will_change(struct file* file, off_t offset, off_t length);
/* To be called before the size becomes `size`. */
void file_will_resize(struct file* file, off_t size);
off_t file_size(const struct file* file);
void file_synced(struct file* file);
/* [offset, offset + length) and the size that it needs are durable (a write with O_DSYNC). */
void file_range_synced(struct file* file, off_t offset, off_t length);
/* A sync failed: what was un-synced stays so although later syncs succeed, until it is written
 * again. */
void file_sync_failed(struct file* file);
void all_files_synced(void);
void cut_files(struct counts* counts);

/* ---- names.c: directories */

struct directory;
struct place {
  struct directory* directory; /* NULL: not below the root, nothing to watch */
  char name[256];
};
struct place place_of(int at, const char* path);
/* The directory behind `fd` if it is below the root (or the root), else NULL. */
struct directory* directory_of(int fd);
bool fd_is_below_root(int fd);
/* To be called before the name may change, and after it has (or has not). */
void name_will_change(const struct place* place);
void name_has_changed(const struct place* place);
/* The two names of one rename share their fate. */
void names_share_fate(const struct place* a, const struct place* b);
void directory_synced(struct directory* directory);
void all_directories_synced(void);
void cut_names(struct counts* counts);
void remove_trash(void);

#pragma GCC visibility pop
