/* Which bytes of each file are un-synced, and what was there before. See unsynced.h for the model.
 */
#define _GNU_SOURCE
#include "unsynced.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct page {
  unsigned char* before; /* NULL: clean; else what is durable, `zeroes` where nothing ever was */
  bool doomed;           /* a sync of it failed: no later sync saves it */
};

struct file {
  dev_t device;
  ino_t inode;
  int fd;    /* our own, for reading and writing; keeps the inode number from being used again */
  int users; /* descriptors of the process */
  off_t durable_size;
  struct page* pages;
  size_t page_count;
  size_t first_dirty, end_dirty; /* every page outside [first, end) is clean */
  struct file* next;
};

enum { BUCKETS = 1024 };
static struct file* buckets[BUCKETS];
static unsigned char zeroes[PAGE_BYTES];

static struct file** bucket_of(dev_t device, ino_t inode) {
  return &buckets[(inode ^ device) % BUCKETS];
}

static ssize_t read_at(int fd, void* to, size_t length, off_t offset) {
  size_t done = 0;
  while (done < length) {
    long n = syscall(SYS_pread64, fd, (char*)to + done, length - done, offset + (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      break;
    done += (size_t)n;
  }
  return (ssize_t)done;
}

static void write_at(int fd, const void* from, size_t length, off_t offset) {
  for (size_t done = 0; done < length;) {
    long n =
      syscall(SYS_pwrite64, fd, (const char*)from + done, length - done, offset + (off_t)done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      give_up("cannot restore what was durable");
    done += (size_t)n;
  }
}

struct file* file_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
    return NULL;
  struct file** bucket = bucket_of(status.st_dev, status.st_ino);
  for (struct file* file = *bucket; file != NULL; file = file->next)
    if (file->inode == status.st_ino && file->device == status.st_dev)
      return file;
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int own = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (own < 0)
    return NULL; /* read-only for us: nobody in this process writes it either */
  struct file* file = calloc(1, sizeof *file);
  if (file == NULL)
    give_up("out of memory");
  file->device = status.st_dev;
  file->inode = status.st_ino;
  file->fd = own;
  file->durable_size = status.st_size;
  file->next = *bucket;
  *bucket = file;
  return file;
}

off_t file_size(const struct file* file) {
  struct stat status;
  if (fstat(file->fd, &status) != 0)
    give_up("fstat failed");
  return status.st_size;
}

static void clean(struct page* page) {
  if (page->before != zeroes)
    free(page->before);
  page->before = NULL;
  page->doomed = false;
}

static bool is_deleted(const struct file* file) {
  struct stat status;
  return fstat(file->fd, &status) == 0 && status.st_nlink == 0;
}

static void forget(struct file* file) {
  struct file** link = bucket_of(file->device, file->inode);
  while (*link != file)
    link = &(*link)->next;
  *link = file->next;
  for (size_t i = file->first_dirty; i < file->end_dirty; ++i)
    clean(&file->pages[i]);
  free(file->pages);
  syscall(SYS_close, file->fd);
  free(file);
}

static void forget_if_idle(struct file* file) {
  bool is_clean = file->first_dirty == file->end_dirty && file_size(file) == file->durable_size;
  if (file->users == 0 && (is_clean || is_deleted(file)))
    forget(file);
}

void file_add_user(struct file* file) {
  ++file->users;
}

void file_drop_user(struct file* file) {
  --file->users;
  forget_if_idle(file);
}

static void make_room(struct file* file, size_t count) {
  if (count <= file->page_count)
    return;
  if (count < 2 * file->page_count)
    count = 2 * file->page_count;
  struct page* pages = realloc(file->pages, count * sizeof *pages);
  if (pages == NULL)
    give_up("out of memory");
  memset(pages + file->page_count, 0, (count - file->page_count) * sizeof *pages);
  file->pages = pages;
  file->page_count = count;
}

static unsigned char* read_durable(const struct file* file, size_t page) {
  off_t start = (off_t)page * PAGE_BYTES;
  if (start >= file->durable_size)
    return zeroes;
  unsigned char* before = calloc(1, PAGE_BYTES);
  if (before == NULL)
    give_up("out of memory");
  off_t length = file->durable_size - start;
  read_at(file->fd, before, length < PAGE_BYTES ? (size_t)length : PAGE_BYTES, start);
  return before;
}

void file_will_change(struct file* file, off_t offset, off_t length) {
  if (length <= 0)
    return;
  size_t first = (size_t)offset / PAGE_BYTES, end = (size_t)(offset + length - 1) / PAGE_BYTES + 1;
  make_room(file, end);
  for (size_t i = first; i < end; ++i) {
    if (file->pages[i].before == NULL)
      file->pages[i].before = read_durable(file, i);
    file->pages[i].doomed = false;
  }
  if (file->first_dirty == file->end_dirty) {
    file->first_dirty = first;
    file->end_dirty = end;
    return;
  }
  file->first_dirty = first < file->first_dirty ? first : file->first_dirty;
  file->end_dirty = end > file->end_dirty ? end : file->end_dirty;
}

void file_will_resize(struct file* file, off_t size) {
  if (size < file->durable_size)
    file_will_change(file, size, file->durable_size - size);
}

void file_synced(struct file* file) {
  size_t first_left = file->end_dirty, end_left = file->first_dirty;
  for (size_t i = file->first_dirty; i < file->end_dirty; ++i) {
    if (!file->pages[i].doomed) {
      clean(&file->pages[i]);
      continue;
    }
    first_left = i < first_left ? i : first_left;
    end_left = i + 1;
  }
  bool some_left = first_left < end_left;
  file->first_dirty = some_left ? first_left : 0;
  file->end_dirty = some_left ? end_left : 0;
  file->durable_size = file_size(file);
  forget_if_idle(file);
}

void file_range_synced(struct file* file, off_t offset, off_t length) {
  off_t end = offset + length;
  for (off_t at = offset; at < end;) {
    struct page* page = &file->pages[at / PAGE_BYTES];
    off_t page_end = (at / PAGE_BYTES + 1) * PAGE_BYTES;
    off_t stop = end < page_end ? end : page_end;
    if (stop - at == PAGE_BYTES) {
      clean(page);
    } else {
      if (page->before == zeroes && (page->before = calloc(1, PAGE_BYTES)) == NULL)
        give_up("out of memory");
      read_at(file->fd, page->before + at % PAGE_BYTES, (size_t)(stop - at), at);
    }
    at = stop;
  }
  if (file->durable_size < end)
    file->durable_size = end;
}

void file_sync_failed(struct file* file) {
  for (size_t i = file->first_dirty; i < file->end_dirty; ++i)
    file->pages[i].doomed = file->pages[i].before != NULL;
}

void all_files_synced(void) {
  for (size_t i = 0; i < BUCKETS; ++i)
    for (struct file *file = buckets[i], *next; file != NULL; file = next) {
      next = file->next;
      file_synced(file);
    }
}

/* The size after the cut: any that the disk may have had, on a sector border if between the two. */
static off_t draw_size(const struct file* file, off_t size, enum fate fate) {
  if (fate == KEEP_ALL || size == file->durable_size)
    return size;
  if (fate == DROP_ALL)
    return file->durable_size;
  switch (draw(3)) {
  case 0:
    return size;
  case 1:
    return file->durable_size;
  default:
    break;
  }
  if (size < file->durable_size)
    return size;
  off_t first = (file->durable_size + SECTOR_BYTES - 1) / SECTOR_BYTES, last = size / SECTOR_BYTES;
  return last < first ? file->durable_size
                      : (first + (off_t)draw((uint64_t)(last - first) + 1)) * SECTOR_BYTES;
}

struct cut {
  enum fate fate;
  int percent;
  uint64_t kept_so_far, prefix; /* sectors; for KEEP_PREFIX */
};

static bool survives(struct cut* cut) {
  switch (cut->fate) {
  case KEEP_ALL:
    return true;
  case DROP_ALL:
    return false;
  case KEEP_PREFIX:
    return cut->kept_so_far++ < cut->prefix;
  default:
    return draw(100) < (uint64_t)cut->percent;
  }
}

static void cut_page(const struct file* file, size_t page, off_t old_size, off_t new_size,
                     struct cut* cut, struct counts* counts) {
  bool tracked = page < file->page_count && file->pages[page].before != NULL;
  const unsigned char* before = tracked ? file->pages[page].before : zeroes;
  for (off_t in_page = 0; in_page < PAGE_BYTES; in_page += SECTOR_BYTES) {
    off_t offset = (off_t)page * PAGE_BYTES + in_page;
    if (offset >= new_size)
      return;
    bool was_cut_off = offset >= old_size; /* its truncation did not survive, so its bytes did */
    bool is_appended = offset + SECTOR_BYTES > file->durable_size && new_size > file->durable_size;
    if (!was_cut_off && ((is_appended && appends_are_ordered()) || survives(cut))) {
      ++counts->sectors_kept;
      continue;
    }
    ++counts->sectors_dropped;
    off_t length = new_size - offset < SECTOR_BYTES ? new_size - offset : SECTOR_BYTES;
    write_at(file->fd, before + in_page, (size_t)length, offset);
  }
}

static void cut_file(struct file* file, struct counts* counts) {
  off_t old_size = file_size(file);
  if (is_deleted(file) || (file->first_dirty == file->end_dirty && old_size == file->durable_size))
    return;
  ++counts->files;
  struct cut cut = {.fate = KEEP_ALL};
  cut.fate = draw_fate(&cut.percent);
  off_t new_size = draw_size(file, old_size, cut.fate);
  size_t end = (size_t)((new_size + PAGE_BYTES - 1) / PAGE_BYTES);
  uint64_t dirty_pages = file->end_dirty - file->first_dirty;
  if (old_size > file->durable_size)
    dirty_pages += (uint64_t)(old_size - file->durable_size) / PAGE_BYTES;
  cut.prefix = draw(dirty_pages * (PAGE_BYTES / SECTOR_BYTES) + 1);
  if (syscall(SYS_ftruncate, file->fd, new_size) != 0)
    give_up("ftruncate failed");
  for (size_t i = 0; i < end; ++i) {
    bool tracked = i < file->page_count && file->pages[i].before != NULL;
    bool appended_unseen = (off_t)i * PAGE_BYTES >= file->durable_size;
    if (tracked || appended_unseen)
      cut_page(file, i, old_size, new_size, &cut, counts);
  }
}

void cut_files(struct counts* counts) {
  for (size_t i = 0; i < BUCKETS; ++i)
    for (struct file* file = buckets[i]; file != NULL; file = file->next)
      cut_file(file, counts);
}
