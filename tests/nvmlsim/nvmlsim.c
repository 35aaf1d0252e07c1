/* A stand-in for libnvidia-ml.so.1: GPUs that draw a scripted power and sensors that see it as real ones do.
 *
 * NVMLSIM_SCENARIO names the script (one statement per line, see scenario.py), NVMLSIM_CLOCK a mapped file with the time
 * and the moments at which load was switched. Without a script the library answers as if it were not installed.
 *
 *   power(t) = idle(t) + level * load(t - t_on), after it idle(t) + rest(t - t_off)
 *              every waveform has an antiderivative in closed form
 *   counter  = sum over its ticks of (mean power of the tick's last `window` seconds) * tick
 *   sensor   = mean power of the `window` seconds before its last update
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7,
    LIBRARY_NOT_FOUND = 12, UNKNOWN = 999
};
enum { FIELD_ENERGY = 83, FIELD_AVERAGE = 185, FIELD_INSTANT = 186, TYPE_UNSIGNED = 1, TYPE_LONG_LONG = 3 };
enum { MAX_GPUS = 16, MAX_TERMS = 256, MAX_ITEMS = 64, MAX_TRACKS = 256, MAX_SWITCHES = 16384 };

typedef struct { char kind[8]; double watts, a, b, c; } Term;
typedef struct { int there; double period, phase, window, gain; } Sensor;
typedef struct { char quantity[24]; double from, value; } Track;
typedef struct { unsigned pid; double memory_mb; int graphics; double from, to; } Process;
typedef struct { int power; double from, to; } Freeze;
typedef struct { char function[64]; int gpu, code; double seconds, from, to; long every, calls; } Fault;

typedef struct {
    char uuid[96], pci[32], name[96];
    int architecture, major, minor, persistence, ecc, usage_is_average, ring;
    double memory_mb, limit_mw, default_limit_mw, start_j, reset_at;
    Sensor counter, instant, average;
    Term idle[MAX_TERMS], load[MAX_TERMS], rest[MAX_TERMS];
    Track tracks[MAX_TRACKS];
    Process processes[MAX_ITEMS];
    Freeze freezes[MAX_ITEMS];
    char migs[8][96];
    int n_idle, n_load, n_rest, n_tracks, n_processes, n_freezes, n_migs;
    long summed_tick;
    double summed_j;
} Gpu;

/* A handle: a whole GPU (mig < 0) or one of its instances. */
typedef struct { int gpu, mig; } Device;

typedef struct { double time, gpu, level; } Switch;
typedef struct {
    uint64_t is_virtual, n_switches;
    double now, origin, utc_offset, reserved[3];
    Switch switches[MAX_SWITCHES];
} Clock;

static Gpu gpus[MAX_GPUS];
static Device devices[MAX_GPUS][9];
static Fault faults[MAX_ITEMS], stalls[MAX_ITEMS];
static int n_gpus, n_faults, n_stalls, users, cuda_version;
static double call_cost;
static char driver[80], loaded[4096];
static Clock *mapped;
static double own_origin;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- time ---- */

static double seconds_of(clockid_t id)
{
    struct timespec time;
    clock_gettime(id, &time);
    return time.tv_sec + 1e-9 * time.tv_nsec;
}

static double now(void)
{
    if (mapped && mapped->is_virtual) return mapped->now;
    return seconds_of(CLOCK_MONOTONIC) - (mapped ? mapped->origin : own_origin);
}

static double utc_offset(void)
{
    return mapped && mapped->is_virtual ? mapped->utc_offset : seconds_of(CLOCK_REALTIME) - now();
}

static void spend(double seconds)
{
    if (seconds <= 0) return;
    if (mapped && mapped->is_virtual) { mapped->now += seconds; return; }
    struct timespec left = { (time_t)seconds, (long)(1e9 * (seconds - floor(seconds))) };
    while (nanosleep(&left, &left)) { }
}

/* ---- power ---- */

static double within(double time, double from, double to) { return fmax(0, fmin(time, to) - from); }

/* Joules of a term from a fixed moment until t. */
static double antiderivative(const Term *term, double t)
{
    if (!strcmp(term->kind, "const")) return term->watts * t;
    if (!strcmp(term->kind, "box")) return term->watts * within(t, term->a, term->b);
    if (!strcmp(term->kind, "ramp")) {
        double rising = within(t, term->a, term->b), span = term->b - term->a;
        return term->watts * (rising * rising / (2 * span) + fmax(0, t - term->b));
    }
    /* pulses: a = period, b = share of the period that is on, c = start of one of them */
    double turns = floor((t - term->c) / term->a), on = term->a * term->b;
    return term->watts * (turns * on + fmin(t - term->c - turns * term->a, on));
}

static double joules_of(const Term *terms, int count, double from, double to)
{
    double total = 0;
    for (int i = 0; i < count; i++) total += antiderivative(&terms[i], to) - antiderivative(&terms[i], from);
    return total;
}

/* Joules that a GPU drew from time 0 to t (negative before 0). */
static double energy(const Gpu *gpu, double t)
{
    double total = joules_of(gpu->idle, gpu->n_idle, 0, t), level = 0, since = 0;
    uint64_t count = mapped ? __atomic_load_n(&mapped->n_switches, __ATOMIC_ACQUIRE) : 0;
    for (uint64_t i = 0; i <= count; i++) {
        const Switch *one = i < count ? &mapped->switches[i] : NULL;
        if (one && one->gpu >= 0 && one->gpu != gpu - gpus) continue;
        double until = one ? fmin(one->time, t) : t;
        if (level != 0 && until > since) total += level * joules_of(gpu->load, gpu->n_load, 0, until - since);
        if (level == 0 && since > 0 && until > since) total += joules_of(gpu->rest, gpu->n_rest, 0, until - since);
        if (!one || one->time >= t) break;
        level = one->level;
        since = one->time;
    }
    return total;
}

static double last_tick(const Sensor *sensor, double t)
{
    return floor((t - sensor->phase) / sensor->period) * sensor->period + sensor->phase;
}

static double frozen(const Gpu *gpu, int power, double t)
{
    for (int i = 0; i < gpu->n_freezes; i++) {
        const Freeze *one = &gpu->freezes[i];
        if (one->power == power && one->from <= t && t < one->to) return one->from;
    }
    return t;
}

static double sensor_mw(const Gpu *gpu, const Sensor *sensor, double t)
{
    double tick = last_tick(sensor, t);
    return 1e3 * sensor->gain * (energy(gpu, tick) - energy(gpu, tick - sensor->window)) / sensor->window;
}

/* A counter that looks at a part of each period: the looks since time 0, each standing for its whole period. */
static double summed_looks(Gpu *gpu, long tick)
{
    const Sensor *counter = &gpu->counter;
    if (tick < gpu->summed_tick) gpu->summed_tick = 0, gpu->summed_j = 0;
    while (gpu->summed_tick < tick) {
        double t = ++gpu->summed_tick * counter->period + counter->phase;
        gpu->summed_j += (energy(gpu, t) - energy(gpu, t - counter->window)) * counter->period / counter->window;
    }
    return gpu->summed_j;
}

static double counted_j(Gpu *gpu, double t)
{
    const Sensor *counter = &gpu->counter;
    if (counter->window >= counter->period) return counter->gain * energy(gpu, last_tick(counter, t));
    return counter->gain * summed_looks(gpu, (long)floor((t - counter->phase) / counter->period));
}

static unsigned long long counter_mj(Gpu *gpu, double t)
{
    pthread_mutex_lock(&lock);
    double shown = frozen(gpu, 0, t), joules = counted_j(gpu, shown) + gpu->start_j;
    if (shown >= gpu->reset_at) joules = counted_j(gpu, shown) - counted_j(gpu, gpu->reset_at);
    pthread_mutex_unlock(&lock);
    return (unsigned long long)llround(fmax(0, 1e3 * joules));
}

static unsigned power_mw(const Gpu *gpu, const Sensor *sensor, double t)
{
    return (unsigned)llround(fmax(0, sensor_mw(gpu, sensor, frozen(gpu, 1, t))));
}

/* ---- the script ---- */

static Gpu *numbered(int index) { return index >= 0 && index < n_gpus ? &gpus[index] : NULL; }

static Sensor *sensor_named(Gpu *gpu, const char *name)
{
    if (!strcmp(name, "counter")) return &gpu->counter;
    return !strcmp(name, "instant") ? &gpu->instant : &gpu->average;
}

static int read_gpu(const char *line)
{
    Gpu *gpu = &gpus[n_gpus];
    memset(gpu, 0, sizeof *gpu);
    gpu->reset_at = INFINITY;
    for (int mig = 0; mig < 9; mig++) devices[n_gpus][mig] = (Device){ n_gpus, mig - 1 };
    int fields = sscanf(line, "gpu %95s %31s %d %d %d %lf %lf %lf %d %d %d %d %lf %95[^\n]", gpu->uuid, gpu->pci,
        &gpu->architecture, &gpu->major, &gpu->minor, &gpu->memory_mb, &gpu->limit_mw, &gpu->default_limit_mw,
        &gpu->persistence, &gpu->ecc, &gpu->usage_is_average, &gpu->ring, &gpu->start_j, gpu->name);
    return fields == 14 && ++n_gpus <= MAX_GPUS;
}

static int read_fault(const char *line)
{
    Fault one = { .calls = 0 };
    if (sscanf(line, "fault %63s %d %d %lf %lf %ld", one.function, &one.gpu, &one.code, &one.from, &one.to, &one.every) == 6)
        return n_faults < MAX_ITEMS && (faults[n_faults++] = one, 1);
    if (sscanf(line, "stall %63s %d %lf %lf %lf %ld", one.function, &one.gpu, &one.seconds, &one.from, &one.to, &one.every) == 6)
        return n_stalls < MAX_ITEMS && (stalls[n_stalls++] = one, 1);
    return 0;
}

static int read_wave(const char *line)
{
    Term term;
    char which[8];
    int index;
    if (sscanf(line, "wave %d %7s %7s %lf %lf %lf %lf", &index, which, term.kind, &term.watts, &term.a, &term.b, &term.c) != 7) return 0;
    Gpu *gpu = numbered(index);
    if (!gpu) return 0;
    int idle = !strcmp(which, "idle"), load = !strcmp(which, "load");
    int *count = idle ? &gpu->n_idle : load ? &gpu->n_load : &gpu->n_rest;
    Term *terms = idle ? gpu->idle : load ? gpu->load : gpu->rest;
    return *count < MAX_TERMS && (terms[(*count)++] = term, 1);
}

static int read_sensor(const char *line)
{
    Sensor sensor = { .there = 1 };
    char which[16];
    int index;
    if (sscanf(line, "sensor %d %15s %lf %lf %lf %lf", &index, which, &sensor.period, &sensor.phase, &sensor.window, &sensor.gain) != 6) return 0;
    return numbered(index) && (*sensor_named(numbered(index), which) = sensor, 1);
}

static int read_state(const char *line)
{
    Track track;
    Process process;
    Freeze freeze;
    char text[96];
    int index;
    double time;
    if (sscanf(line, "track %d %23s %lf %lf", &index, track.quantity, &track.from, &track.value) == 4 && numbered(index))
        return gpus[index].n_tracks < MAX_TRACKS && (gpus[index].tracks[gpus[index].n_tracks++] = track, 1);
    if (sscanf(line, "process %d %u %lf %d %lf %lf", &index, &process.pid, &process.memory_mb, &process.graphics, &process.from, &process.to) == 6 && numbered(index))
        return gpus[index].n_processes < MAX_ITEMS && (gpus[index].processes[gpus[index].n_processes++] = process, 1);
    if (sscanf(line, "freeze %d %d %lf %lf", &index, &freeze.power, &freeze.from, &freeze.to) == 4 && numbered(index))
        return gpus[index].n_freezes < MAX_ITEMS && (gpus[index].freezes[gpus[index].n_freezes++] = freeze, 1);
    if (sscanf(line, "reset %d %lf", &index, &time) == 2 && numbered(index)) return gpus[index].reset_at = time, 1;
    if (sscanf(line, "mig %d %95s", &index, text) == 2 && numbered(index) && gpus[index].n_migs < 8)
        return strcpy(gpus[index].migs[gpus[index].n_migs++], text), 1;
    return 0;
}

static int read_line(const char *line)
{
    static int (*const readers[])(const char *) = { read_gpu, read_sensor, read_wave, read_state, read_fault };
    if (line[0] == '\n' || line[0] == '#') return 1;
    if (sscanf(line, "driver %79s %d %lf", driver, &cuda_version, &call_cost) == 3) return 1;
    for (unsigned i = 0; i < sizeof readers / sizeof *readers; i++)
        if ((i || !strncmp(line, "gpu ", 4)) && readers[i](line)) return 1;
    fprintf(stderr, "nvmlsim: cannot read: %s", line);
    return 0;
}

static void map_clock(void)
{
    const char *path = getenv("NVMLSIM_CLOCK");
    int file = path ? open(path, O_RDWR) : -1;
    if (mapped) munmap(mapped, sizeof *mapped);
    mapped = NULL;
    if (file < 0) { own_origin = seconds_of(CLOCK_MONOTONIC); return; }
    void *found = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    mapped = found == MAP_FAILED ? NULL : found;
    close(file);
}

/* The script named by the environment, read when it is another than before. */
static int load_script(void)
{
    const char *path = getenv("NVMLSIM_SCENARIO");
    char line[512];
    if (!path) return LIBRARY_NOT_FOUND;
    if (!strcmp(path, loaded)) return SUCCESS;
    FILE *file = fopen(path, "r");
    if (!file) return LIBRARY_NOT_FOUND;
    n_gpus = n_faults = n_stalls = 0;
    call_cost = 0;
    map_clock();
    int understood = 1;
    while (understood && fgets(line, sizeof line, file)) understood = read_line(line);
    fclose(file);
    snprintf(loaded, sizeof loaded, "%s", understood ? path : "");
    return understood ? SUCCESS : UNKNOWN;
}

/* ---- every call begins here ---- */

static int concerns(Fault *fault, const char *function, const Device *device, double t)
{
    if (strcmp(fault->function, function) && !(device && !strcmp(fault->function, "*"))) return 0;
    if (fault->gpu >= 0 && (!device || device->gpu != fault->gpu)) return 0;
    if (t < fault->from || t >= fault->to) return 0;
    return ++fault->calls % fault->every == 0;
}

static int fault_of(const char *function, const Device *device, double t)
{
    int code = SUCCESS;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_faults && code == SUCCESS; i++)
        if (concerns(&faults[i], function, device, t)) code = faults[i].code;
    pthread_mutex_unlock(&lock);
    return code;
}

static int known(const Device *device)
{
    return (const void *)device >= (const void *)devices && (const void *)device < (const void *)(devices + n_gpus);
}

/* The time that the call costs, then the code that it must return. */
static int enter(const char *function, const Device *device)
{
    double wait = call_cost * (mapped && mapped->is_virtual);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_stalls; i++)
        if (concerns(&stalls[i], function, device, now())) wait += stalls[i].seconds;
    pthread_mutex_unlock(&lock);
    spend(wait);
    return users > 0 ? fault_of(function, device, now()) : UNINITIALIZED;
}

#define CALL(function) \
    do { int code = enter(function, NULL); if (code) return code; } while (0)
#define ON_DEVICE(function) \
    if (!known(device)) return INVALID_ARGUMENT; \
    Gpu *gpu = &gpus[device->gpu]; \
    (void)gpu; \
    do { int code = enter(function, device); if (code) return code; } while (0)
#define WHOLE_GPU_ONLY() do { if (device->mig >= 0) return NOT_SUPPORTED; } while (0)
#define API __attribute__((visibility("default")))

static int text(char *to, unsigned length, const char *from)
{
    if (strlen(from) + 1 > length) return INSUFFICIENT_SIZE;
    strcpy(to, from);
    return SUCCESS;
}

static int told(unsigned *to, int value) { return value < 0 ? NOT_SUPPORTED : (*to = (unsigned)value, SUCCESS); }

static double tracked(const Gpu *gpu, const char *quantity)
{
    double value = NAN, t = now();
    for (int i = 0; i < gpu->n_tracks; i++)
        if (!strcmp(gpu->tracks[i].quantity, quantity) && gpu->tracks[i].from <= t) value = gpu->tracks[i].value;
    return value;
}

static int tracked_unsigned(const Gpu *gpu, const char *quantity, unsigned *to)
{
    double value = tracked(gpu, quantity);
    return isnan(value) ? NOT_SUPPORTED : (*to = (unsigned)value, SUCCESS);
}

/* ---- the library and the machine ---- */

API int nvmlInitWithFlags(unsigned flags)
{
    (void)flags;
    int code = load_script();
    if (code) return code;
    code = fault_of("nvmlInit", NULL, now());
    if (!code) users++;
    return code;
}
API int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
API int nvmlInit(void) { return nvmlInitWithFlags(0); }
API int nvmlShutdown(void) { return users > 0 ? (users--, SUCCESS) : UNINITIALIZED; }

API const char *nvmlErrorString(int code)
{
    switch (code) {
    case 0: return "Success";
    case 1: return "Uninitialized";
    case 2: return "Invalid Argument";
    case 3: return "Not Supported";
    case 4: return "Insufficient Permissions";
    case 6: return "Not Found";
    case 7: return "Insufficient Size";
    case 9: return "Driver Not Loaded";
    case 10: return "Timeout";
    case 12: return "NVML Shared Library Not Found";
    case 13: return "Function Not Found";
    case 15: return "GPU is lost";
    case 16: return "GPU requires reset";
    case 18: return "Driver/library version mismatch";
    default: return "Unknown Error";
    }
}

API int nvmlSystemGetDriverVersion(char *to, unsigned length) { CALL("nvmlSystemGetDriverVersion"); return text(to, length, driver); }
API int nvmlSystemGetNVMLVersion(char *to, unsigned length) { CALL("nvmlSystemGetNVMLVersion"); return text(to, length, "13.simulated"); }
API int nvmlSystemGetCudaDriverVersion(int *to) { CALL("nvmlSystemGetCudaDriverVersion"); return *to = cuda_version, SUCCESS; }
API int nvmlSystemGetCudaDriverVersion_v2(int *to) { return nvmlSystemGetCudaDriverVersion(to); }

/* Tells whoever loaded it that this is not the real one. */
API int nvmlsim_is_simulated(void) { return 1; }

/* ---- handles ---- */

API int nvmlDeviceGetCount_v2(unsigned *count) { CALL("nvmlDeviceGetCount"); return *count = (unsigned)n_gpus, SUCCESS; }

API int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **to)
{
    CALL("nvmlDeviceGetHandleByIndex");
    return (int)index < n_gpus ? (*to = &devices[index][0], SUCCESS) : INVALID_ARGUMENT;
}

API int nvmlDeviceGetHandleByUUID(const char *uuid, Device **to)
{
    CALL("nvmlDeviceGetHandleByUUID");
    for (int i = 0; i < n_gpus; i++) {
        if (!strcmp(gpus[i].uuid, uuid)) return *to = &devices[i][0], SUCCESS;
        for (int mig = 0; mig < gpus[i].n_migs; mig++)
            if (!strcmp(gpus[i].migs[mig], uuid)) return *to = &devices[i][mig + 1], SUCCESS;
    }
    return NOT_FOUND;
}

API int nvmlDeviceGetHandleByPciBusId_v2(const char *pci, Device **to)
{
    CALL("nvmlDeviceGetHandleByPciBusId");
    for (int i = 0; i < n_gpus; i++)
        if (!strcasecmp(gpus[i].pci, pci) || !strcasecmp(gpus[i].pci + 4, pci)) return *to = &devices[i][0], SUCCESS;
    return NOT_FOUND;
}

API int nvmlDeviceGetIndex(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceGetIndex"); return *to = (unsigned)device->gpu, SUCCESS; }

API int nvmlDeviceGetMigMode(Device *device, unsigned *current, unsigned *pending)
{
    ON_DEVICE("nvmlDeviceGetMigMode");
    if (gpu->major < 8) return NOT_SUPPORTED;
    return *current = *pending = gpu->n_migs > 0, SUCCESS;
}

API int nvmlDeviceGetMaxMigDeviceCount(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceGetMaxMigDeviceCount"); return *to = (unsigned)gpu->n_migs, SUCCESS; }

API int nvmlDeviceIsMigDeviceHandle(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceIsMigDeviceHandle"); return *to = device->mig >= 0, SUCCESS; }

API int nvmlDeviceGetMigDeviceHandleByIndex(Device *device, unsigned index, Device **to)
{
    ON_DEVICE("nvmlDeviceGetMigDeviceHandleByIndex");
    return (int)index < gpu->n_migs ? (*to = &devices[device->gpu][index + 1], SUCCESS) : NOT_FOUND;
}

API int nvmlDeviceGetDeviceHandleFromMigDeviceHandle(Device *device, Device **to)
{
    ON_DEVICE("nvmlDeviceGetDeviceHandleFromMigDeviceHandle");
    return device->mig >= 0 ? (*to = &devices[device->gpu][0], SUCCESS) : INVALID_ARGUMENT;
}

/* ---- what a GPU is ---- */

API int nvmlDeviceGetName(Device *device, char *to, unsigned length) { ON_DEVICE("nvmlDeviceGetName"); return text(to, length, gpu->name); }

API int nvmlDeviceGetUUID(Device *device, char *to, unsigned length)
{
    ON_DEVICE("nvmlDeviceGetUUID");
    return text(to, length, device->mig >= 0 ? gpu->migs[device->mig] : gpu->uuid);
}

typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } Pci;

API int nvmlDeviceGetPciInfo_v3(Device *device, Pci *to)
{
    ON_DEVICE("nvmlDeviceGetPciInfo");
    memset(to, 0, sizeof *to);
    sscanf(gpu->pci, "%x:%x:%x", &to->domain, &to->bus, &to->device);
    snprintf(to->legacy, sizeof to->legacy, "%04x:%02x:%02x.0", to->domain & 0xffff, to->bus & 0xff, to->device & 0xff);
    return text(to->bus_id, sizeof to->bus_id, gpu->pci);
}

API int nvmlDeviceGetArchitecture(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceGetArchitecture"); return told(to, gpu->architecture); }

API int nvmlDeviceGetCudaComputeCapability(Device *device, int *major, int *minor)
{
    ON_DEVICE("nvmlDeviceGetCudaComputeCapability");
    return *major = gpu->major, *minor = gpu->minor, SUCCESS;
}

API int nvmlDeviceGetEnforcedPowerLimit(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceGetEnforcedPowerLimit"); WHOLE_GPU_ONLY(); return *to = (unsigned)gpu->limit_mw, SUCCESS; }
API int nvmlDeviceGetPowerManagementLimit(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceGetPowerManagementLimit"); WHOLE_GPU_ONLY(); return *to = (unsigned)gpu->limit_mw, SUCCESS; }
API int nvmlDeviceGetPowerManagementDefaultLimit(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceGetPowerManagementDefaultLimit"); WHOLE_GPU_ONLY(); return *to = (unsigned)gpu->default_limit_mw, SUCCESS; }

API int nvmlDeviceGetPowerManagementLimitConstraints(Device *device, unsigned *lowest, unsigned *highest)
{
    ON_DEVICE("nvmlDeviceGetPowerManagementLimitConstraints");
    WHOLE_GPU_ONLY();
    return *lowest = (unsigned)(gpu->default_limit_mw / 4), *highest = (unsigned)gpu->default_limit_mw, SUCCESS;
}

API int nvmlDeviceGetPersistenceMode(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceGetPersistenceMode"); return told(to, gpu->persistence); }
API int nvmlDeviceGetComputeMode(Device *device, unsigned *to) { ON_DEVICE("nvmlDeviceGetComputeMode"); return *to = 0, SUCCESS; }

API int nvmlDeviceGetEccMode(Device *device, unsigned *current, unsigned *pending)
{
    ON_DEVICE("nvmlDeviceGetEccMode");
    return told(pending, gpu->ecc) ? NOT_SUPPORTED : told(current, gpu->ecc);
}

API int nvmlDeviceGetC2cModeInfoV(Device *device, unsigned *enabled)
{
    (void)enabled;
    ON_DEVICE("nvmlDeviceGetC2cModeInfoV");
    return NOT_SUPPORTED;
}

/* ---- what a GPU does ---- */

typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } Memory2;

API int nvmlDeviceGetMemoryInfo(Device *device, Memory *to)
{
    ON_DEVICE("nvmlDeviceGetMemoryInfo");
    double used = tracked(gpu, "memory_used_mb");
    to->total = (unsigned long long)(1e6 * gpu->memory_mb);
    to->used = isnan(used) ? 0 : (unsigned long long)(1e6 * used);
    return to->free = to->total - to->used, SUCCESS;
}

API int nvmlDeviceGetMemoryInfo_v2(Device *device, Memory2 *to)
{
    Memory found;
    int code = nvmlDeviceGetMemoryInfo(device, &found);
    if (code) return code;
    return to->total = found.total, to->free = found.free, to->used = found.used, to->reserved = 0, SUCCESS;
}

API int nvmlDeviceGetTemperature(Device *device, int sensor, unsigned *to)
{
    (void)sensor;
    ON_DEVICE("nvmlDeviceGetTemperature");
    return tracked_unsigned(gpu, "temperature_c", to);
}

typedef struct { unsigned version; int sensor, temperature; } Temperature;

API int nvmlDeviceGetTemperatureV(Device *device, Temperature *to)
{
    return nvmlDeviceGetTemperature(device, to->sensor, (unsigned *)&to->temperature);
}

API int nvmlDeviceGetUtilizationRates(Device *device, unsigned to[2])
{
    ON_DEVICE("nvmlDeviceGetUtilizationRates");
    WHOLE_GPU_ONLY();
    return to[1] = 0, tracked_unsigned(gpu, "utilisation_pct", to);
}

API int nvmlDeviceGetClockInfo(Device *device, int kind, unsigned *to)
{
    (void)kind;
    ON_DEVICE("nvmlDeviceGetClockInfo");
    return tracked_unsigned(gpu, "clock_mhz", to);
}

API int nvmlDeviceGetCurrentClocksEventReasons(Device *device, unsigned long long *to)
{
    unsigned reasons = 0;
    ON_DEVICE("nvmlDeviceGetCurrentClocksEventReasons");
    int code = tracked_unsigned(gpu, "reasons", &reasons);
    return *to = reasons, code;
}

API int nvmlDeviceGetCurrentClocksThrottleReasons(Device *device, unsigned long long *to)
{
    unsigned reasons = 0;
    ON_DEVICE("nvmlDeviceGetCurrentClocksThrottleReasons");
    int code = tracked_unsigned(gpu, "reasons", &reasons);
    return *to = reasons, code;
}

typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } ProcessInfo;

static int processes(const Gpu *gpu, int graphics, unsigned *count, ProcessInfo *to)
{
    unsigned found = 0, room = to ? *count : 0;
    double t = now();
    for (int i = 0; i < gpu->n_processes; i++) {
        const Process *one = &gpu->processes[i];
        if (one->graphics != graphics || t < one->from || t >= one->to) continue;
        if (found < room)
            to[found] = (ProcessInfo){ one->pid ? one->pid : (unsigned)getpid(), (unsigned long long)(1e6 * one->memory_mb), ~0u, ~0u };
        found++;
    }
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

API int nvmlDeviceGetComputeRunningProcesses_v3(Device *device, unsigned *count, ProcessInfo *to)
{
    ON_DEVICE("nvmlDeviceGetComputeRunningProcesses");
    return processes(gpu, 0, count, to);
}

API int nvmlDeviceGetGraphicsRunningProcesses_v3(Device *device, unsigned *count, ProcessInfo *to)
{
    ON_DEVICE("nvmlDeviceGetGraphicsRunningProcesses");
    return processes(gpu, 1, count, to);
}

/* ---- what a GPU draws ---- */

API int nvmlDeviceGetTotalEnergyConsumption(Device *device, unsigned long long *to)
{
    ON_DEVICE("nvmlDeviceGetTotalEnergyConsumption");
    WHOLE_GPU_ONLY();
    if (!gpu->counter.there) return NOT_SUPPORTED;
    return *to = counter_mj(gpu, now()), SUCCESS;
}

API int nvmlDeviceGetPowerUsage(Device *device, unsigned *to)
{
    ON_DEVICE("nvmlDeviceGetPowerUsage");
    WHOLE_GPU_ONLY();
    const Sensor *sensor = gpu->usage_is_average ? &gpu->average : &gpu->instant;
    if (!sensor->there) return NOT_SUPPORTED;
    return *to = power_mw(gpu, sensor, now()), SUCCESS;
}

typedef union { double real; unsigned number; unsigned long long big; } Value;
typedef struct { uint32_t field, scope; int64_t timestamp, latency; uint32_t type; int32_t code; Value value; } Field;

static int fill(Gpu *gpu, const Device *device, Field *field)
{
    char name[24];
    double t = now();
    snprintf(name, sizeof name, "field:%u", field->field);
    int code = fault_of(name, device, t);
    if (code) return code;
    if (field->scope) return NOT_SUPPORTED;
    field->timestamp = (int64_t)(1e6 * (t + utc_offset()));
    if (field->field == FIELD_ENERGY && gpu->counter.there)
        return field->type = TYPE_LONG_LONG, field->value.big = counter_mj(gpu, t), SUCCESS;
    const Sensor *sensor = field->field == FIELD_AVERAGE ? &gpu->average : &gpu->instant;
    if ((field->field != FIELD_AVERAGE && field->field != FIELD_INSTANT) || !sensor->there) return NOT_SUPPORTED;
    return field->type = TYPE_UNSIGNED, field->value.number = power_mw(gpu, sensor, t), SUCCESS;
}

API int nvmlDeviceGetFieldValues(Device *device, int count, Field *fields)
{
    ON_DEVICE("nvmlDeviceGetFieldValues");
    WHOLE_GPU_ONLY();
    for (int i = 0; i < count; i++) fields[i].code = fill(gpu, device, &fields[i]);
    return SUCCESS;
}

typedef struct { unsigned long long timestamp; Value value; } Sample;

/* The driver's own record of the power sensor: its last `ring` updates, oldest first. */
API int nvmlDeviceGetSamples(Device *device, int kind, unsigned long long since, unsigned *type, unsigned *count, Sample *to)
{
    ON_DEVICE("nvmlDeviceGetSamples");
    WHOLE_GPU_ONLY();
    if (kind != 0 || !gpu->ring || !gpu->instant.there) return NOT_SUPPORTED;
    *type = TYPE_UNSIGNED;
    if (!to) return *count = (unsigned)gpu->ring, SUCCESS;
    unsigned found = 0;
    double newest = last_tick(&gpu->instant, now());
    for (int back = gpu->ring - 1; back >= 0 && found < *count; back--) {
        double tick = newest - back * gpu->instant.period;
        unsigned long long stamp = (unsigned long long)llround(1e6 * (tick + utc_offset()));
        if (stamp <= since) continue;
        to[found++] = (Sample){ stamp, { .number = power_mw(gpu, &gpu->instant, tick + 1e-9) } };
    }
    *count = found;
    return found ? SUCCESS : NOT_FOUND;
}
