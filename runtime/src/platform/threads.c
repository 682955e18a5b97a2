/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * A team of threads that runs one step of a model together, and the scratch memory of a step.
 * In: an entry point of the generated code and its step. Out: the entry has run on every thread.
 * A wait is short in the middle of a step (tens of microseconds), so waiters first spin, giving way now and then to
 * whoever wants their CPU, then sleep on a futex; whoever finishes a wait makes a system call only when somebody
 * sleeps. Steps of one team run one after another. Cost: one wake-up and one closing barrier for each step. Tested by
 * test/unit/runtime, also under ThreadSanitizer.
 */
#include "runtime/src/platform/threads.h"

#include "runtime/src/platform/host.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

_Static_assert((int)LMOPT_PROFILE_WAIT == (int)LMOPT_MARK_WAIT && (int)LMOPT_PROFILE_BEGIN == (int)LMOPT_MARK_BEGIN &&
                   (int)LMOPT_PROFILE_END == (int)LMOPT_MARK_END,
               "the public names are those of the ABI");

enum { CACHE_LINE = 64, DEFAULT_SPIN_US = 100 };

// Time stamp ticks in a microsecond, about: counters of today's machines run at 2 to 4 GHz.
enum { TICKS_PER_US = 3000 };

// Waits at the barriers of SmolLM2's decode take 1 us on two free CPUs, where no limit from 3 to 30 us makes a
// difference. With a stranger on one of them: 3 us: 185 tokens/s, 10: 150, 30: 105, never: 70.
enum { YIELD_US = 5 };

// The rounding and exception state that every thread computes under, whatever the caller has set (round to nearest, all
// exceptions masked, denormals kept): else results would depend on which thread computes what.
enum { DEFAULT_MXCSR = 0x1f80 };

// Spins are halved at most this often: to a hundredth of their time.
enum { MOST_SPIN_SAVED = 7 };

// A number that threads wait on, with the count of those who sleep; alone on its cache line.
typedef struct {
  _Alignas(CACHE_LINE) atomic_uint value;
  atomic_uint sleepers;
  atomic_uint_fast64_t spin_saved; // how often the time to spin is halved at present
} event_t;

typedef struct {
  lmoptp_threads_t *team;
  int32_t index;
  pthread_t handle;
} worker_t;

struct lmoptp_threads {
  event_t start;                            // one more for each step
  event_t generation;                       // one more for each barrier
  _Alignas(CACHE_LINE) atomic_uint arrived; // threads that wait at the barrier
  _Alignas(CACHE_LINE) int32_t threads;
  int32_t started; // workers that exist
  uint64_t spin_ticks;
  worker_t *workers;
  pthread_mutex_t lock; // held during a step
  bool stop;
  lmopt_entry_fn entry;
  const lmopt_step_t *step;
  lmopt_profile_fn profile; // told what each thread does, or NULL
  void *profile_user;
  void *arena, *scratch;
  uint64_t arena_size, scratch_size;
};

static bool has_changed(event_t *event, unsigned old) {
  return atomic_load_explicit(&event->value, memory_order_acquire) != old;
}

// Spins for a while; false when nothing came. A wait longer than those between two threads at equal work may mean that
// the partner waits for this very CPU, because a stranger has the other one: then it gets it.
static bool spin(event_t *event, unsigned old, uint64_t begin, uint64_t ticks) {
  uint64_t now = begin, yield = begin + YIELD_US * TICKS_PER_US;
  do {
    if (has_changed(event, old))
      return true;
    _mm_pause();
    now = __rdtsc();
    if (now > yield) {
      sched_yield();
      yield = __rdtsc() + YIELD_US * TICKS_PER_US;
    }
  } while (now - begin < ticks);
  return false;
}

static void sleep_until(event_t *event, unsigned old) {
  // Sequentially consistent on both sides: either the signaller sees the sleeper, or the futex sees the new value.
  atomic_fetch_add(&event->sleepers, 1);
  while (atomic_load(&event->value) == old)
    syscall(SYS_futex, &event->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
  atomic_fetch_sub(&event->sleepers, 1);
}

// Returns when the value is no longer `old`. Spinning pays when the wait is short; on a busy machine, where the partner
// may not even run, it takes the very CPU that the partner needs. So a spin in vain halves the next one, and a wait
// that a full spin would have covered restores it.
static void event_wait(event_t *event, unsigned old, uint64_t full) {
  if (full == 0) {
    sleep_until(event, old);
    return;
  }
  uint64_t begin = __rdtsc(), saved = atomic_load_explicit(&event->spin_saved, memory_order_relaxed);
  if (spin(event, old, begin, full >> saved))
    return;
  sleep_until(event, old);
  bool was_short = __rdtsc() - begin < full;
  if (was_short ? saved > 0 : saved < MOST_SPIN_SAVED)
    atomic_store_explicit(&event->spin_saved, was_short ? 0 : saved + 1, memory_order_relaxed);
}

static void event_signal(event_t *event) {
  atomic_fetch_add(&event->value, 1);
  if (atomic_load(&event->sleepers))
    syscall(SYS_futex, &event->value, FUTEX_WAKE_PRIVATE, LMOPTP_MAX_THREADS, NULL, NULL, 0);
}

static void barrier_wait(void *opaque) {
  lmoptp_threads_t *team = opaque;
  unsigned generation = atomic_load_explicit(&team->generation.value, memory_order_relaxed);
  if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) + 1 == (unsigned)team->threads) {
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    event_signal(&team->generation);
    return;
  }
  event_wait(&team->generation, generation, team->spin_ticks);
}

// What every thread does in one step.
static void run_entry(lmoptp_threads_t *team, int32_t thread) {
  const lmopt_step_t *step = team->step;
  if (step->mark)
    step->mark(step->mark_user, thread, LMOPT_MARK_BEGIN);
  team->entry(step, thread, team->threads);
  if (step->mark)
    step->mark(step->mark_user, thread, LMOPT_MARK_END);
}

static void *work(void *opaque) {
  worker_t *self = opaque;
  lmoptp_threads_t *team = self->team;
  _mm_setcsr(DEFAULT_MXCSR);
  for (unsigned step = 0;; ++step) {
    event_wait(&team->start, step, team->spin_ticks);
    if (team->stop)
      return NULL;
    run_entry(team, self->index);
    barrier_wait(team);
  }
}

/*===--- Making and unmaking ---===*/

static int start_worker(worker_t *worker, const int32_t *cpu) {
  pthread_attr_t attributes;
  int code = pthread_attr_init(&attributes);
  if (code)
    return code;
  if (cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(*cpu, &set);
    code = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
  }
  if (!code)
    code = pthread_create(&worker->handle, &attributes, work, worker);
  pthread_attr_destroy(&attributes);
  return code;
}

static lmopt_status_t start_workers(lmoptp_threads_t *team, const int32_t *cpus, lmopt_error_t *error) {
  // Signals belong to the threads of the host: workers are born with all of them blocked.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int code = 0;
  for (int32_t i = 1; i < team->threads && !code; ++i) {
    worker_t *worker = &team->workers[i];
    *worker = (worker_t){.team = team, .index = i};
    code = start_worker(worker, cpus ? &cpus[i] : NULL);
    team->started += code == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (code == EINVAL && cpus)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "team: cpus[%d] = %d is not a CPU this process may use",
                       team->started + 1, cpus[team->started + 1]);
  if (code)
    return lmoptp_fail(error, LMOPT_ERROR_RESOURCE, "team: cannot start thread %d of %d: %s", team->started + 1,
                       team->threads, strerrordesc_np(code));
  return LMOPT_OK;
}

static lmopt_status_t check_options(const lmopt_team_options_t *options, lmopt_error_t *error) {
  if (options->threads < 0 || options->threads > LMOPTP_MAX_THREADS)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE,
                       "team: %d threads; expected 1 to %d, or 0 for as many as suit this host", options->threads,
                       LMOPTP_MAX_THREADS);
  if (options->spin_us < -1 || options->spin_us > 1000000)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "team: spin_us is %d; expected -1 to 1000000", options->spin_us);
  if (options->cpus && options->threads == 0)
    return lmoptp_fail(error, LMOPT_ERROR_USAGE, "team: cpus is given, but not the number of threads");
  for (int32_t i = 1; options->cpus && i < options->threads; ++i)
    if (options->cpus[i] < 0 || options->cpus[i] >= CPU_SETSIZE)
      return lmoptp_fail(error, LMOPT_ERROR_USAGE, "team: cpus[%d] = %d is not a CPU number", i, options->cpus[i]);
  return LMOPT_OK;
}

static int32_t choose_threads(const lmopt_team_options_t *options) {
  if (options->threads)
    return options->threads;
  lmoptp_host_t host = lmoptp_host();
  return lmoptp_host_threads(&host);
}

// Who spins on a CPU that its partner needs, or spends the CPU time that both are granted, only delays it.
static bool may_spin(const lmopt_team_options_t *options, int32_t threads) {
  if (!options->threads || threads == 1) // chosen to fit; nobody to wait for
    return true;
  lmoptp_host_t host = lmoptp_host();
  return lmoptp_host_fits(&host, threads);
}

static uint64_t choose_spin(const lmopt_team_options_t *options, int32_t threads) {
  if (options->spin_us < 0 || !may_spin(options, threads))
    return 0;
  return (uint64_t)(options->spin_us ? options->spin_us : DEFAULT_SPIN_US) * TICKS_PER_US;
}

void lmoptp_threads_destroy(lmoptp_threads_t *team) {
  if (!team)
    return;
  team->stop = true;
  event_signal(&team->start);
  for (int32_t i = 1; i <= team->started; ++i)
    pthread_join(team->workers[i].handle, NULL);
  lmoptp_unreserve(team->arena, team->arena_size);
  lmoptp_unreserve(team->scratch, team->scratch_size);
  pthread_mutex_destroy(&team->lock);
  free(team->workers);
  free(team);
}

lmopt_status_t lmoptp_threads_create(const lmopt_team_options_t *options, lmoptp_threads_t **out,
                                     lmopt_error_t *error) {
  lmopt_status_t status = check_options(options, error);
  if (status)
    return status;
  int32_t threads = choose_threads(options);
  lmoptp_threads_t *team = aligned_alloc(CACHE_LINE, lmoptp_round_up(sizeof *team, CACHE_LINE));
  worker_t *workers = calloc((size_t)threads, sizeof *workers);
  if (!team || !workers) {
    free(team);
    free(workers);
    return lmoptp_fail_memory(error, sizeof *team + (uint64_t)threads * sizeof *workers, "a team");
  }
  memset(team, 0, sizeof *team);
  team->workers = workers;
  team->threads = threads;
  team->spin_ticks = choose_spin(options, threads);
  pthread_mutex_init(&team->lock, NULL);
  status = start_workers(team, options->cpus, error);
  if (status)
    lmoptp_threads_destroy(team);
  else
    *out = team;
  return status;
}

int32_t lmoptp_threads_count(const lmoptp_threads_t *team) { return team->threads; }

void lmoptp_threads_set_profile(lmoptp_threads_t *team, lmopt_profile_fn profile, void *user) {
  pthread_mutex_lock(&team->lock);
  team->profile = profile;
  team->profile_user = user;
  pthread_mutex_unlock(&team->lock);
}

/*===--- Steps ---===*/

// Scratch keeps nothing between steps, so growing is: give back, take anew.
static lmopt_status_t grow(void **memory, uint64_t *size, uint64_t wanted, const char *what, lmopt_error_t *error) {
  if (*memory && *size >= wanted)
    return LMOPT_OK;
  lmoptp_unreserve(*memory, *size);
  *size = 0;
  *memory = lmoptp_reserve(wanted);
  if (!*memory)
    return lmoptp_fail_memory(error, wanted, what);
  *size = wanted;
  return LMOPT_OK;
}

static lmopt_status_t fit_arena(lmoptp_threads_t *team, const lmopt_code_table_t *table, lmopt_error_t *error) {
  uint64_t bytes;
  if (__builtin_mul_overflow(table->arena_bytes_per_thread, (uint64_t)team->threads, &bytes) ||
      __builtin_add_overflow(bytes, table->arena_bytes, &bytes))
    bytes = UINT64_MAX;
  return grow(&team->arena, &team->arena_size, bytes, "the scratch memory of the model's steps", error);
}

lmopt_status_t lmoptp_threads_fit(lmoptp_threads_t *team, const lmopt_code_table_t *table, lmopt_error_t *error) {
  pthread_mutex_lock(&team->lock);
  lmopt_status_t status = fit_arena(team, table, error);
  pthread_mutex_unlock(&team->lock);
  return status;
}

static void run(lmoptp_threads_t *team, lmopt_entry_fn entry, const lmopt_step_t *step) {
  unsigned mxcsr = _mm_getcsr();
  _mm_setcsr(DEFAULT_MXCSR);
  team->entry = entry;
  team->step = step;
  if (team->threads > 1)
    event_signal(&team->start);
  run_entry(team, 0);
  if (team->threads > 1)
    barrier_wait(team); // all have finished: the step may go
  _mm_setcsr(mxcsr);
}

lmopt_status_t lmoptp_threads_step(lmoptp_threads_t *team, const lmopt_code_table_t *table, const lmopt_entry_t *entry,
                                   lmopt_step_t *step, uint64_t scratch_bytes, lmoptp_prepare_fn prepare, void *user,
                                   lmopt_error_t *error) {
  pthread_mutex_lock(&team->lock);
  lmopt_status_t status = fit_arena(team, table, error);
  if (!status && prepare)
    status =
        grow(&team->scratch, &team->scratch_size, scratch_bytes, "the scratch memory of a pack of sequences", error);
  if (!status) {
    if (prepare)
      prepare(step, team->scratch, user);
    step->struct_size = sizeof *step;
    step->segment_size = sizeof *step->segments;
    step->arena = team->arena;
    step->barrier = barrier_wait;
    step->team = team;
    step->mark = team->profile;
    step->mark_user = team->profile_user;
    run(team, entry->run, step);
  }
  pthread_mutex_unlock(&team->lock);
  return status;
}
