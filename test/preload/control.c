/* Configuration from the environment, faults and delays, and the cut itself. See unsynced.h. */
#define _GNU_SOURCE
#include "unsynced.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RULES = 32, CUT = -1, HALF = -2 };

struct fault {
  enum kind kind;
  uint64_t nth;
  bool and_later;
  int action; /* an errno, CUT or HALF */
};

struct delay {
  enum kind kind;
  long min, max; /* microseconds */
};

static const char* const kind_names[KIND_COUNT] = {
  "open", "write", "truncate", "fallocate", "rename",          "unlink",
  "link", "mkdir", "fsync",    "fdatasync", "sync_file_range", "sync"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool active;
static char root[PATH_MAX];
static const char* report_path;
static int keep_percent = -1;
static bool ignore_sync;
static bool ordered;
static uint64_t random_state;
static uint64_t arrivals[KIND_COUNT];
static struct fault faults[MAX_RULES];
static struct delay delays[MAX_RULES];
static int fault_count, delay_count;
static sem_t cut_wanted;

void give_up(const char* why) {
  fprintf(stderr, "libunsynced: %s: %s\n", why, strerror(errno));
  abort();
}

static void reject(const char* variable, const char* text) {
  fprintf(stderr, "libunsynced: %s=%s is not understood\n", variable, text);
  _exit(2);
}

void model_lock(void) {
  pthread_mutex_lock(&lock);
}

void model_unlock(void) {
  pthread_mutex_unlock(&lock);
}

const char* root_path(void) {
  return root;
}

bool syncs_are_ignored(void) {
  return ignore_sync;
}

bool appends_are_ordered(void) {
  return ordered;
}

uint64_t draw(uint64_t bound) { /* splitmix64 */
  uint64_t z = random_state += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return (z ^ (z >> 31)) % bound;
}

enum fate draw_fate(int* percent) {
  *percent = keep_percent < 0 ? (int)draw(101) : keep_percent;
  if (keep_percent >= 0)
    return keep_percent == 0 ? DROP_ALL : keep_percent == 100 ? KEEP_ALL : BY_SECTOR;
  return (enum fate)draw(4);
}

/* Never returns. The lock stays taken: no other watched call goes on. */
static void cut_the_power(void) {
  struct counts counts = {0};
  cut_files(&counts);
  cut_names(&counts);
  remove_trash();
  if (report_path != NULL) {
    char line[256];
    int length =
      snprintf(line, sizeof line,
               "files=%lu sectors_kept=%lu sectors_dropped=%lu names_kept=%lu names_dropped=%lu\n",
               counts.files, counts.sectors_kept, counts.sectors_dropped, counts.names_kept,
               counts.names_dropped);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, report_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || syscall(SYS_write, fd, line, length) != length)
      give_up("cannot write the report");
  }
  kill(getpid(), SIGKILL);
  for (;;)
    pause();
}

void sleep_microseconds(long microseconds) {
  struct timespec left = {microseconds / 1000000, microseconds % 1000000 * 1000};
  while (microseconds > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
    ;
}

static bool matches(enum kind of_rule, enum kind kind) {
  return of_rule == kind
         || (of_rule == KIND_SYNC && (kind == KIND_FSYNC || kind == KIND_FDATASYNC));
}

static enum action act(const struct fault* fault) {
  if (fault->action == CUT)
    cut_the_power();
  if (fault->action == HALF)
    return SHORT;
  errno = fault->action;
  return FAIL;
}

enum action arrive_sync(enum kind kind, long* microseconds) {
  enum action action = GO_ON;
  *microseconds = 0;
  model_lock();
  ++arrivals[kind];
  if (kind == KIND_FSYNC || kind == KIND_FDATASYNC)
    ++arrivals[KIND_SYNC];
  for (int i = 0; i < delay_count; ++i)
    if (matches(delays[i].kind, kind))
      *microseconds += delays[i].min + (long)draw((uint64_t)(delays[i].max - delays[i].min) + 1);
  for (int i = 0; i < fault_count && action == GO_ON; ++i) {
    uint64_t count = arrivals[faults[i].kind];
    bool due = count == faults[i].nth || (faults[i].and_later && count > faults[i].nth);
    if (matches(faults[i].kind, kind) && due)
      action = act(&faults[i]);
  }
  int error = errno;
  model_unlock();
  errno = error;
  return action;
}

enum action arrive(enum kind kind) {
  long microseconds;
  enum action action = arrive_sync(kind, &microseconds);
  int error = errno;
  sleep_microseconds(microseconds);
  errno = error;
  return action;
}

static enum kind kind_named(const char* variable, const char* text) {
  for (int i = 0; i < KIND_COUNT; ++i)
    if (strcmp(kind_names[i], text) == 0)
      return (enum kind)i;
  reject(variable, text);
  return KIND_COUNT;
}

static int action_named(const char* text) {
  static const struct {
    const char* name;
    int action;
  } actions[] = {{"CUT", CUT},       {"SHORT", HALF},  {"EIO", EIO},       {"ENOSPC", ENOSPC},
                 {"EDQUOT", EDQUOT}, {"EINTR", EINTR}, {"EACCES", EACCES}, {"EMFILE", EMFILE}};
  for (size_t i = 0; i < sizeof actions / sizeof *actions; ++i)
    if (strcmp(actions[i].name, text) == 0)
      return actions[i].action;
  reject("UNSYNCED_FAIL", text);
  return 0;
}

/* Calls add(part) for each part of a comma list. */
static void each_part(const char* list, void (*add)(const char* part)) {
  char copy[1024], *save = NULL;
  snprintf(copy, sizeof copy, "%s", list == NULL ? "" : list);
  for (char* part = strtok_r(copy, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save))
    add(part);
}

static void add_fault(const char* part) {
  char kind[32], action[32], plus[2] = "";
  unsigned long nth = 0;
  if (sscanf(part, "%31[^:]:%lu%1[+]:%31s", kind, &nth, plus, action) != 4
      && sscanf(part, "%31[^:]:%lu:%31s", kind, &nth, action) != 3)
    reject("UNSYNCED_FAIL", part);
  if (nth == 0 || fault_count == MAX_RULES)
    reject("UNSYNCED_FAIL", part);
  struct fault fault = {kind_named("UNSYNCED_FAIL", kind), nth, plus[0] == '+',
                        action_named(action)};
  if (fault.action == HALF && fault.kind != KIND_WRITE)
    reject("UNSYNCED_FAIL", part);
  faults[fault_count++] = fault;
}

static void add_delay(const char* part) {
  char kind[32];
  long min = 0, max = 0;
  int read = sscanf(part, "%31[^:]:%ld-%ld", kind, &min, &max);
  if (read == 2)
    max = min;
  if (read < 2 || min < 0 || max < min || delay_count == MAX_RULES)
    reject("UNSYNCED_DELAY", part);
  delays[delay_count++] = (struct delay){kind_named("UNSYNCED_DELAY", kind), min, max};
}

static long number_from(const char* variable, long otherwise) {
  const char* text = getenv(variable);
  if (text == NULL || *text == 0)
    return otherwise;
  char* end;
  long number = strtol(text, &end, 10);
  if (*end != 0)
    reject(variable, text);
  return number;
}

/* The root need not exist yet, its parent must. */
static void find_root(const char* text) {
  char copy[PATH_MAX], parent[PATH_MAX];
  if (realpath(text, root) != NULL)
    return;
  snprintf(copy, sizeof copy, "%s", text);
  for (size_t length = strlen(copy); length > 1 && copy[length - 1] == '/'; --length)
    copy[length - 1] = 0;
  char* slash = strrchr(copy, '/');
  const char* name = slash == NULL ? copy : slash + 1;
  if (slash != NULL)
    *slash = 0;
  if (realpath(slash == NULL ? "." : copy, parent) == NULL
      || (size_t)snprintf(root, sizeof root, "%s/%s", parent, name) >= sizeof root)
    reject("UNSYNCED_ROOT", text);
}

static void want_cut(int number) {
  (void)number;
  sem_post(&cut_wanted);
}

static void* wait_for_cut(void* unused) {
  (void)unused;
  while (sem_wait(&cut_wanted) != 0)
    ;
  model_lock();
  cut_the_power();
  return NULL;
}

static void stop_watching(void) {
  active = false;
}

static void start(void) {
  const char* text = getenv("UNSYNCED_ROOT");
  if (text == NULL || *text == 0)
    return;
  find_root(text);
  report_path = getenv("UNSYNCED_REPORT");
  random_state = (uint64_t)number_from("UNSYNCED_SEED", 1);
  keep_percent = (int)number_from("UNSYNCED_KEEP", -1);
  ordered = number_from("UNSYNCED_ORDERED", 0) != 0;
  ignore_sync = number_from("UNSYNCED_IGNORE_SYNC", 0) != 0;
  each_part(getenv("UNSYNCED_FAIL"), add_fault);
  each_part(getenv("UNSYNCED_DELAY"), add_delay);
  sem_init(&cut_wanted, 0, 0);
  struct sigaction action = {.sa_handler = want_cut, .sa_flags = SA_RESTART};
  sigaction((int)number_from("UNSYNCED_SIGNAL", SIGUSR2), &action, NULL);
  sigset_t all, before; /* signals are for the program's own threads, which may wait for them */
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  if (pthread_create(&thread, NULL, wait_for_cut, NULL) != 0)
    give_up("cannot start a thread");
  pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_atfork(NULL, NULL, stop_watching);
  active = true;
}

bool watching(void) {
  pthread_once(&once, start);
  return active;
}

__attribute__((constructor)) static void start_early(void) {
  watching();
}

__attribute__((destructor)) static void end_cleanly(void) {
  if (active) {
    model_lock();
    remove_trash();
    model_unlock();
  }
}
