/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's side of the ring, with an enclave that asks for anything: each request is a slot and
 * a buffer from the input.
 *
 * What must hold: whatever is asked, nothing outside the folder that the enclave was given is
 * changed, and a file outside it is not read. Links in the folder lead out of it.
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET 32u

static struct cella_enclave *enclave;
static char parent[64];
static uint8_t secret[SECRET]; /* random: nothing of the input can hold it by chance */
static unsigned rounds;
static const uint8_t *input;
static size_t left;

static uint64_t fake_clock(struct tee *tee, uint64_t *now)
{
    (void)tee;
    *now = 1;
    return 1000;
}

static cella_status fake_grow(struct tee *tee, uint64_t chunk, cella_error *error)
{
    (void)tee;
    (void)error;
    return chunk < 4 ? CELLA_OK : chunk < 8 ? CELLA_SYSTEM : CELLA_INVALID;
}

static const struct tee_operations operations = {
    .clock = fake_clock, .grow = fake_grow, .name = "fuzz"};

static void must_hold(bool holds, int line)
{
    if (!holds) {
        fprintf(stderr, "fuzz_ring_host.c:%d does not hold\n", line);
        abort();
    }
}
#define must(holds) must_hold(holds, __LINE__)

/* By bytes and by hand: libFuzzer learns from memcmp what it is to put in. */
static bool is_secret(const uint8_t *bytes)
{
    uint32_t same = 0;
    while (same < SECRET && bytes[same] == secret[same])
        same++;
    return same == SECRET;
}

static bool holds_secret(const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + SECRET <= size; at++)
        if (is_secret(bytes + at))
            return true;
    return false;
}

static uint64_t next(uint32_t bytes)
{
    uint64_t value = 0;
    for (; bytes && left; bytes--, left--)
        value = value << 8 | *input++;
    return value;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    return where->level ? remove(path) : 0;
}

static int in_parent(const char *name, int flags)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", parent, name);
    return open(path, flags | O_CLOEXEC, 0600);
}

/* parent/secret, parent/file (may be read), parent/inside/ (may be written) */
static void make_folder(void)
{
    char path[128];
    for (uint32_t i = 3; i < HOST_HANDLES; i++) {
        if (enclave->handles[i].fd >= 0)
            close(enclave->handles[i].fd);
        enclave->handles[i].fd = -1;
    }
    snprintf(path, sizeof(path), "%s/inside", parent);
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    must(chmod(path, 0700) == 0);
    int inside = in_parent("inside", O_RDONLY | O_DIRECTORY);
    must(inside >= 0 && mkdirat(inside, "d", 0700) == 0 &&
         symlinkat("../secret", inside, "l") == 0);
    must(symlinkat(parent, inside, "p") == 0 && symlinkat("d", inside, "s") == 0);
    int file = openat(inside, "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    must(file >= 0 && write(file, "abc", 3) == 3);
    close(file);
    close(inside);
}

static void release(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", parent);
    must(system(command) == 0);
}

static void start(void)
{
    uint32_t threads = 2;
    strcpy(parent, "/tmp/cella-fuzz-XXXXXX");
    enclave = calloc(1, sizeof(*enclave));
    must(enclave && mkdtemp(parent));
    atexit(release);
    char inside[128];
    snprintf(inside, sizeof(inside), "%s/inside", parent);
    must(mkdir(inside, 0700) == 0);
    int fd = in_parent("secret", O_WRONLY | O_CREAT);
    must(getrandom(secret, SECRET, 0) == SECRET);
    must(fd >= 0 && write(fd, secret, SECRET) == SECRET);
    close(fd);
    close(in_parent("file", O_WRONLY | O_CREAT));

    enclave->operations = &operations;
    enclave->thread_count = enclave->boot.thread_count = threads;
    enclave->shared = aligned_alloc(4096, ring_size(threads));
    enclave->calls = host_calls_new();
    must(enclave->shared && enclave->calls);
    pthread_mutex_init(&enclave->lock, NULL);
    pthread_mutex_init(&enclave->handles_lock, NULL);
    pthread_cond_init(&enclave->changed, NULL);
    for (uint32_t i = 0; i < HOST_HANDLES; i++)
        enclave->handles[i].fd = -1;
    for (int i = 0; i < 3; i++)
        must((enclave->handles[i].fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0);
    enclave->mount_count = 4;
    enclave->mounts = calloc(4, sizeof(*enclave->mounts));
    int folder = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    must(folder >= 0);
    enclave->mounts[0] =
        (struct host_mount){.directory = in_parent("inside", O_PATH), .writable = true};
    enclave->mounts[1] = (struct host_mount){.directory = in_parent("inside", O_PATH)};
    enclave->mounts[2] = (struct host_mount){.directory = folder, .name = strdup("file")};
    enclave->mounts[3].directory = -1;
    for (uint32_t i = 0; i < threads; i++) {
        enclave->threads[i].enclave = enclave;
        enclave->threads[i].created = true; /* none is to be made */
    }
}

static void check_outside(void)
{
    uint8_t found[64];
    int fd = in_parent("secret", O_RDONLY);
    must(fd >= 0 && read(fd, found, sizeof(found)) == SECRET);
    must(is_secret(found));
    close(fd);
    struct stat status;
    fd = in_parent("file", O_RDONLY);
    must(fd >= 0 && fstat(fd, &status) == 0 && status.st_size == 0);
    close(fd);
    fd = in_parent(".", O_RDONLY | O_DIRECTORY);
    must(fd >= 0 && fstat(fd, &status) == 0 && status.st_nlink == 3);
    close(fd);
}

static void request(void)
{
    static const uint16_t operation[] = {
        0,  3,  4,  5,  6,  7,  16, 17, 18, 19, 20, 32, 33, 34, 35, 36, 36, 36, 36, 37, 38, 39, 40,
        41, 42, 43, 44, 45, 46, 47, 48, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 96, 97, 98};
    static const char *const paths[] = {
        "f",         "d",     "l",  "p",    "p/secret", "s",   "s/../..",
        "../secret", "d/new", "..", "/tmp", "d/../../", "new", "s/../../secret"};
    uint32_t thread = (uint32_t)next(1) % enclave->thread_count;
    struct ring_slot *slot = host_slot(enclave, thread);
    uint8_t *buffer = host_buffer(enclave, thread);
    uint64_t choice = next(1);
    slot->operation = choice < 240 ? operation[choice % (sizeof(operation) / sizeof(operation[0]))]
                                   : (uint32_t)next(4);
    for (int i = 0; i < 6; i++) {
        uint64_t width = next(1);
        slot->arguments[i] = next(width % 4 == 3 ? 8 : (uint32_t)(width % 4));
    }
    /* The end of the enclave and sleeps are not what is looked for. */
    if (slot->operation == RING_EXIT || slot->operation == RING_STOP)
        slot->operation = RING_LOG;
    if (slot->operation == RING_PARK || slot->operation == RING_CALL_WAIT ||
        slot->operation == RING_POLL)
        slot->arguments[1] %= 1000;
    if (slot->operation == RING_THREAD_IDLE)
        atomic_fetch_add(&enclave->threads[thread].starts, 1);
    uint64_t count = next(1);
    if (count & 1) {
        const char *first = paths[next(1) % 14], *second = paths[next(1) % 14];
        slot->arguments[0] %= 4;
        slot->arguments[3] = strlen(first);
        if (slot->operation == RING_RENAME)
            slot->arguments[1] = strlen(second);
        snprintf((char *)buffer, 128, "%s%s", first, second);
    } else {
        for (uint64_t i = 0; i < count; i++)
            buffer[i] = (uint8_t)next(1);
    }
    atomic_store(&slot->state, RING_TAKEN);
    host_serve(enclave, slot, thread);
    must(atomic_load(&slot->state) == RING_DONE);
    if ((slot->operation == RING_READ || slot->operation == RING_PREAD) && slot->result > 0)
        must(!holds_secret(buffer, (size_t)slot->result));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input = data;
    left = size;
    if (!enclave)
        start();
    if (rounds++ % 16 == 0)
        make_folder();
    while (left)
        request();
    check_outside();
    return 0;
}
