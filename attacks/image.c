/* SPDX-License-Identifier: Apache-2.0
 *
 * Attacks on the image before it runs: exchanged while it is opened, another under the same name,
 * altered. On an unprotected program, where nothing says which program it is, the same goes
 * unnoticed.
 */
#include "attack.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RACES 150 /* at most so many are opened, */
#define RUNS  12  /* and so many run */
#define PIECE 65536u
#define FLIPS 200

struct bytes {
    uint8_t *at;
    size_t size;
    uint8_t digest[32];
};

static struct bytes read_bytes(const char *name)
{
    struct bytes bytes = {0};
    struct stat status;
    int fd = open(work_path(name), O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &status) == 0 && (bytes.at = malloc((size_t)status.st_size)) &&
        read(fd, bytes.at, (size_t)status.st_size) == status.st_size)
        bytes.size = (size_t)status.st_size;
    if (fd >= 0)
        close(fd);
    SHA256(bytes.at, bytes.size, bytes.digest);
    return bytes;
}

/* In pieces, so that whoever reads meanwhile sees a mixture. */
static bool write_bytes(const char *name, const uint8_t *bytes, size_t size)
{
    int fd = open(work_path(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
    bool written = fd >= 0;
    for (size_t at = 0; at < size && written; at += PIECE) {
        size_t piece = size - at < PIECE ? size - at : PIECE;
        written = write(fd, bytes + at, piece) == (ssize_t)piece;
    }
    written = written && ftruncate(fd, (off_t)size) == 0;
    if (fd >= 0)
        close(fd);
    return written;
}

bool pack(const char *program, const char *argument, const char *name, uint8_t mrenclave[32])
{
    char path[PATH_MAX + 32], output[PATH_MAX], manifest[PATH_MAX];
    cella_image *image;
    cella_identity identity;
    snprintf(path, sizeof(path), "%s/%s", setup.programs, program);
    snprintf(output, sizeof(output), "%s", work_path(name));
    snprintf(manifest, sizeof(manifest), "%s", work_path("manifest.json"));
    char *arguments[] = {path, (char *)(uintptr_t)argument, NULL};
    cella_error error;
    if (!write_file(manifest, "{\"cella\": 1, \"heap_size\": \"16M\"}") ||
        cella_image_pack(path, manifest, arguments, &image, &error)) {
        fprintf(stderr, "attacks: %s\n", error.sentence);
        return false;
    }
    cella_image_identity(image, &identity, NULL);
    memcpy(mrenclave, identity.mrenclave, 32);
    bool written = cella_image_write(image, output, NULL) == CELLA_OK;
    cella_image_close(image);
    return written;
}

cella_tee target_tee(enum target_kind kind)
{
    return kind == TARGET_VSM ? CELLA_TEE_VSM : CELLA_TEE_PROCESS;
}

/* What a program says first. */
static bool announced(const char *name, char *line, size_t size)
{
    int input, output;
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s", work_path(name));
    pid_t pid = spawn((char *[]){path, "--announce", NULL}, &input, &output);
    bool said = read_line(output, line, size, 20);
    close(input);
    close(output);
    waitpid(pid, NULL, 0);
    return said;
}

static bool place(const char *program)
{
    char from[PATH_MAX + 32];
    snprintf(from, sizeof(from), "%s/%s", setup.programs, program);
    unlink(work_path("program"));
    return copy_file(from, work_path("program"));
}

/* ---- exchanged while it is opened ---- */

struct race {
    struct bytes images[2];
    _Atomic bool over;
};

/* By renaming, then by overwriting in place, again and again. */
static void *exchange(void *context)
{
    struct race *race = context;
    char from[PATH_MAX];
    snprintf(from, sizeof(from), "%s", work_path("next.sgxs"));
    for (unsigned turn = 0; !atomic_load(&race->over); turn++) {
        const struct bytes *image = &race->images[(turn + 1) / 2 % 2];
        if (turn & 1) {
            write_bytes("raced.sgxs", image->at, image->size);
        } else if (write_bytes("next.sgxs", image->at, image->size)) {
            char to[PATH_MAX];
            snprintf(to, sizeof(to), "%s/raced.sgxs", setup.work);
            rename(from, to);
        }
        usleep(200);
    }
    return NULL;
}

/* Runs an opened image: what it says first. */
static bool run_image(const cella_image *image, enum target_kind kind, char *line, size_t size)
{
    int output[2];
    cella_options options;
    cella_enclave *enclave;
    cella_outcome outcome;
    if (pipe2(output, O_CLOEXEC))
        return false;
    cella_options_default(&options);
    options.tee = target_tee(kind);
    options.confine = CELLA_CONFINE_NONE;
    options.streams[0] = options.streams[2] = -1;
    options.streams[1] = output[1];
    bool ran = cella_start(image, &options, &enclave, NULL) == CELLA_OK;
    if (ran) {
        cella_wait(enclave, &outcome, NULL);
        cella_close(enclave);
    }
    close(output[1]);
    ran = ran && read_line(output[0], line, size, 1);
    close(output[0]);
    return ran;
}

static void race_images(enum target_kind kind, struct result *result)
{
    static const char *const names[] = {"victim", "neighbour"};
    struct race race = {0};
    unsigned ran[2] = {0}, refused = 0, mixed = 0, wrong = 0;
    uint8_t mrenclaves[2][32];
    pthread_t thread;
    for (int i = 0; i < 2; i++) {
        if (!pack(names[i], "--announce", "next.sgxs", mrenclaves[i])) {
            conclude(result, SKIPPED, "the images could not be packed");
            return;
        }
        race.images[i] = read_bytes("next.sgxs");
    }
    write_bytes("raced.sgxs", race.images[0].at, race.images[0].size);
    pthread_create(&thread, NULL, exchange, &race);
    for (int i = 0; i < RACES && (ran[0] + ran[1] < RUNS || !ran[0] || !ran[1]); i++) {
        cella_image *image;
        cella_identity identity;
        char line[64];
        if (cella_image_open(work_path("raced.sgxs"), &image, NULL)) {
            refused++;
            continue;
        }
        cella_image_identity(image, &identity, NULL);
        int which = memcmp(identity.mrenclave, mrenclaves[0], 32) == 0   ? 0
                    : memcmp(identity.mrenclave, mrenclaves[1], 32) == 0 ? 1
                                                                         : -1;
        if (which < 0)
            mixed++; /* has an MRENCLAVE that nobody expects */
        else if (run_image(image, kind, line, sizeof(line)))
            ran[which]++, wrong += strcmp(line, names[which]) != 0;
        cella_image_close(image);
    }
    atomic_store(&race.over, true);
    pthread_join(thread, NULL);
    free(race.images[0].at);
    free(race.images[1].at);
    if (!ran[0] || !ran[1])
        conclude(result, SKIPPED, "only one of the two images was ever met");
    else
        conclude(result, wrong ? SUCCEEDS : STOPPED,
                 "ran %u of one and %u of the other, %u not what the MRENCLAVE says; of mixtures "
                 "%u were malformed, %u had another MRENCLAVE",
                 ran[0], ran[1], wrong, refused, mixed);
}

void attack_swap_image(struct target *target, struct result *result)
{
    if (target->kind != TARGET_PLAIN) {
        race_images(target->kind, result);
        return;
    }
    char line[64] = "";
    place("victim");
    struct bytes checked = read_bytes("program"); /* its digest is what was agreed to; then … */
    free(checked.at);
    place("neighbour");
    bool ran = announced("program", line, sizeof(line));
    conclude(result, ran && strcmp(line, "neighbour") == 0 ? SUCCEEDS : STOPPED,
             "checked as 'victim', ran '%s'", line);
}

/* ---- another one under the same name ---- */

void attack_other_image(struct target *target, struct result *result)
{
    if (target->kind == TARGET_PLAIN) {
        char line[64] = "";
        place("neighbour");
        bool ran = announced("program", line, sizeof(line));
        conclude(result, ran ? SUCCEEDS : STOPPED, "the same name, no identity, and it ran '%s'",
                 line);
        return;
    }
    uint8_t mrenclaves[2][32];
    bool packed = pack("victim", NULL, "same.sgxs", mrenclaves[0]);
    struct bytes first = read_bytes("same.sgxs");
    packed = packed && pack("neighbour", NULL, "same.sgxs", mrenclaves[1]);
    struct bytes second = read_bytes("same.sgxs");
    bool told = memcmp(mrenclaves[0], mrenclaves[1], 32) != 0;
    bool digests = memcmp(first.digest, mrenclaves[0], 32) == 0 &&
                   memcmp(second.digest, mrenclaves[1], 32) == 0;
    free(first.at);
    free(second.at);
    if (!packed)
        conclude(result, SKIPPED, "the images could not be packed");
    else
        conclude(result, told && digests ? STOPPED : SUCCEEDS,
                 "MRENCLAVEs %s; sha256 of the file %s", told ? "differ" : "are the same",
                 digests ? "is MRENCLAVE" : "is not MRENCLAVE");
}

/* ---- altered ---- */

/* The last byte of an ELF file belongs to its section headers, which nobody reads. */
static void alter_program(struct result *result)
{
    char line[64] = "";
    place("victim");
    struct bytes program = read_bytes("program");
    if (program.size)
        program.at[program.size - 1] ^= 0x01;
    unlink(work_path("program"));
    bool ran = write_bytes("program", program.at, program.size) &&
               announced("program", line, sizeof(line));
    free(program.at);
    conclude(result, ran ? SUCCEEDS : STOPPED, "altered, and it ran '%s'", line);
}

void attack_flip_image(struct target *target, struct result *result)
{
    uint8_t mrenclave[32];
    unsigned refused = 0, other = 0, same = 0;
    if (target->kind == TARGET_PLAIN) {
        alter_program(result);
        return;
    }
    if (!pack("victim", NULL, "altered.sgxs", mrenclave)) {
        conclude(result, SKIPPED, "the image could not be packed");
        return;
    }
    struct bytes bytes = read_bytes("altered.sgxs");
    for (int i = 0; i < FLIPS; i++) {
        uint64_t random[2];
        cella_image *image;
        cella_identity identity;
        if (getrandom(random, sizeof(random), 0) != sizeof(random))
            break;
        uint8_t *byte = &bytes.at[random[0] % bytes.size], bit = (uint8_t)(1 + random[1] % 255);
        *byte ^= bit;
        bool written = write_bytes("altered.sgxs", bytes.at, bytes.size);
        *byte ^= bit;
        if (written && cella_image_open(work_path("altered.sgxs"), &image, NULL) == CELLA_OK) {
            cella_image_identity(image, &identity, NULL);
            memcmp(identity.mrenclave, mrenclave, 32) == 0 ? same++ : other++;
            cella_image_close(image);
        } else {
            refused++;
        }
    }
    free(bytes.at);
    conclude(result, same ? SUCCEEDS : STOPPED,
             "of %d altered images %u refused, %u with another MRENCLAVE, %u the same", FLIPS,
             refused, other, same);
}
