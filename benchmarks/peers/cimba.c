/* Cimba from C: one queue and its workers, after the benchmark in Cimba's own sources.
 *
 * Usage: cimba RATE WORKERS INSIDE REQUESTS SEED; INSIDE 0 is no bound, mean service 1. Prints a line of JSON.
 * Bare, it adds up the times inside. With -DSTATISTICS it keeps each time inside and each wait in a dataset and
 * the history of the queue's length, and summarizes all three.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cimba.h>

#include "cmi_mempool.h"

static CMB_THREAD_LOCAL struct cmi_mempool customers = CMI_MEMPOOL_STATIC_INIT(sizeof(double), 512u);

struct station {
    double gap;
    uint64_t workers;
    uint64_t most; /* who finds so many inside is lost */
    uint64_t jobs;
    uint64_t inside;
    struct cmb_objectqueue *line;
#ifdef STATISTICS
    struct cmb_dataset *waits;
    struct cmb_dataset *sojourns;
#else
    uint64_t served;
    double total;
#endif
};

static void *arrivals(struct cmb_process *me, void *context)
{
    cmb_unused(me);
    struct station *s = context;
    const double gap = s->gap;
    const uint64_t jobs = s->jobs;
    for (uint64_t job = 0u; job < jobs; job++) {
        cmb_process_hold(cmb_random_exponential(gap));
        if (s->inside < s->most) {
            s->inside++;
            double *arrived = cmi_mempool_alloc(&customers);
            *arrived = cmb_time();
            cmb_objectqueue_put(s->line, arrived);
        }
    }
    return NULL;
}

static void *worker(struct cmb_process *me, void *context)
{
    cmb_unused(me);
    struct station *s = context;
    while (true) {
        void *customer = NULL;
        cmb_objectqueue_get(s->line, &customer);
        const double *arrived = customer;
#ifdef STATISTICS
        cmb_dataset_add(s->waits, cmb_time() - *arrived);
#endif
        cmb_process_hold(cmb_random_exponential(1.0));
#ifdef STATISTICS
        cmb_dataset_add(s->sojourns, cmb_time() - *arrived);
#else
        s->total += cmb_time() - *arrived;
        s->served++;
#endif
        s->inside--;
        cmi_mempool_free(&customers, customer);
    }
    return NULL;
}

#ifdef STATISTICS
static struct cmb_dataset *dataset(void)
{
    struct cmb_dataset *made = cmb_dataset_create();
    cmb_dataset_initialize(made);
    return made;
}

static double mean_of(struct cmb_dataset *samples)
{
    struct cmb_datasummary summary;
    cmb_datasummary_initialize(&summary);
    cmb_dataset_summarize(samples, &summary);
    const double mean = cmb_datasummary_mean(&summary);
    cmb_datasummary_terminate(&summary);
    cmb_dataset_terminate(samples);
    cmb_dataset_destroy(samples);
    return mean;
}

static double mean_length(struct cmb_objectqueue *line)
{
    struct cmb_wtdsummary summary;
    cmb_objectqueue_recording_stop(line);
    cmb_wtdsummary_initialize(&summary);
    cmb_timeseries_summarize(cmb_objectqueue_history(line), &summary);
    const double mean = cmb_wtdsummary_mean(&summary);
    cmb_wtdsummary_terminate(&summary);
    return mean;
}
#endif

static double run(struct station *s, uint64_t seed)
{
    cmb_logger_flags_off(CMB_LOGGER_INFO);
    cmb_random_initialize(seed);
    cmb_event_queue_initialize(0.0);
    s->line = cmb_objectqueue_create();
    cmb_objectqueue_initialize(s->line, "Line", CMB_UNLIMITED);
#ifdef STATISTICS
    s->waits = dataset();
    s->sojourns = dataset();
    cmb_objectqueue_recording_start(s->line);
#endif
    struct cmb_process *source = cmb_process_create();
    cmb_process_initialize(source, "Arrivals", arrivals, s, 0);
    cmb_process_start(source);
    struct cmb_process **workers = malloc(s->workers * sizeof(*workers));
    for (uint64_t one = 0u; one < s->workers; one++) {
        workers[one] = cmb_process_create();
        cmb_process_initialize(workers[one], "Worker", worker, s, 0);
        cmb_process_start(workers[one]);
    }

    cmb_event_queue_execute();

#ifdef STATISTICS
    const double sojourn = mean_of(s->sojourns), wait = mean_of(s->waits), length = mean_length(s->line);
    if (!(wait <= sojourn) || !(length >= 0.0)) {
        abort();
    }
#else
    const double sojourn = s->total / (double)s->served;
#endif
    cmb_process_terminate(source);
    cmb_process_destroy(source);
    for (uint64_t one = 0u; one < s->workers; one++) {
        cmb_process_stop(workers[one], NULL);
        cmb_process_terminate(workers[one]);
        cmb_process_destroy(workers[one]);
    }
    free(workers);
    cmb_objectqueue_terminate(s->line);
    cmb_objectqueue_destroy(s->line);
    cmb_event_queue_terminate();
    cmb_random_terminate();
    return sojourn;
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(int count, char **words)
{
    if (count != 6) {
        fputs("usage: cimba RATE WORKERS INSIDE REQUESTS SEED\n", stderr);
        return 2;
    }
    struct station s = {
        .gap = 1.0 / strtod(words[1], NULL),
        .workers = strtoull(words[2], NULL, 10),
        .most = strtoull(words[3], NULL, 10),
        .jobs = strtoull(words[4], NULL, 10),
    };
    if (s.most == 0u) {
        s.most = UINT64_MAX;
    }
    const double began = cpu_seconds();
    const double sojourn = run(&s, strtoull(words[5], NULL, 10));
    const double spent = cpu_seconds() - began;
    printf("{\"requests\": %" PRIu64 ", \"cpu\": %.9f, \"sojourn\": %.9f, \"version\": \"%s\"}\n",
           s.jobs, spent, sojourn, cimba_version());
    return 0;
}
