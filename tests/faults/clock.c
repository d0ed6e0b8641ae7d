/* A clock that goes faster (CLOCK_RATE, from CLOCK_FROM on, in seconds) or is ahead by as many seconds as the file
   CLOCK_FILE says. Only the time of day: waits and timeouts take as long as ever, which libfaketime shortens too,
   and what sleeps by the other clock goes on sleeping. Preloaded by tests/faults. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real)(clockid_t, struct timespec *);
static double from, rate;
static const char *file;

static long ahead(void) {
  char text[32] = {0};
  int opened = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
  if (opened < 0) return 0;
  if (read(opened, text, sizeof text - 1) < 0) text[0] = 0;
  close(opened);
  return atol(text);
}

__attribute__((constructor)) static void begin(void) {
  real = dlsym(RTLD_NEXT, "clock_gettime");
  from = atof(getenv("CLOCK_FROM") ? getenv("CLOCK_FROM") : "0");
  rate = atof(getenv("CLOCK_RATE") ? getenv("CLOCK_RATE") : "1");
  file = getenv("CLOCK_FILE");
}

int clock_gettime(clockid_t which, struct timespec *found) {
  if (!real) begin();
  int code = real(which, found);
  if (code || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE)) return code;
  if (file) {
    found->tv_sec += ahead();
    return 0;
  }
  double since = (found->tv_sec - from) + found->tv_nsec / 1e9, now = since * rate;
  if (since <= 0) return code;
  found->tv_sec = (time_t)from + (time_t)now;
  found->tv_nsec = (long)((now - (time_t)now) * 1e9);
  return 0;
}

int gettimeofday(struct timeval *restrict found, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  found->tv_sec = now.tv_sec;
  found->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *found) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (found) *found = now.tv_sec;
  return now.tv_sec;
}
