/* SPDX-License-Identifier: Apache-2.0
 *
 * Root looks for patients: reads every byte of memory that any process on this host maps (through
 * /proc/PID/mem), or every byte of some files, and counts the patients that are there (needles.py
 * says what they look like).
 *
 *   look NEEDLES [PID...]          in memory: prints patients found, patients looked for, bytes
 *                                  read, processes read; on stderr each PID's share, and each
 *                                  process where there were any
 *   look NEEDLES --files PATH...   in the files under PATH: the same
 *
 * Its own memory is left out.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEEDLE        24u /* bytes, at most */
#define NEEDLE_LEAST  8u
#define NEEDLES_MOST  16384u
#define PATIENTS_MOST 8192u
#define TABLE         131072u
#define BUFFER        (1u << 20)

struct needle {
    uint8_t bytes[NEEDLE];
    uint32_t size, patient;
};

static struct needle needles[NEEDLES_MOST];
static uint32_t needle_count, patient_count;
static uint32_t table[TABLE]; /* by the last four bytes: needle index + 1 */
static bool found[PATIENTS_MOST];

static uint32_t hash(const uint8_t *end)
{
    uint32_t word;
    memcpy(&word, end - sizeof(word), sizeof(word));
    return word * UINT32_C(2654435761) >> 15;
}

static bool read_needles(const char *path)
{
    char hex[2 * NEEDLE + 1];
    uint32_t patient;
    FILE *file = fopen(path, "r");
    while (file && fscanf(file, "%" SCNu32 " %48[0-9a-f]", &patient, hex) == 2) {
        struct needle *needle = &needles[needle_count];
        if (needle_count == NEEDLES_MOST || patient >= PATIENTS_MOST)
            return false;
        for (needle->size = 0;
             sscanf(hex + 2 * needle->size, "%2hhx", &needle->bytes[needle->size]) == 1;)
            needle->size++;
        if (needle->size < NEEDLE_LEAST)
            return false;
        needle->patient = patient;
        patient_count = patient >= patient_count ? patient + 1 : patient_count;
        uint32_t at = hash(needle->bytes + needle->size);
        while (table[at])
            at = (at + 1) % TABLE;
        table[at] = ++needle_count;
    }
    return file && fclose(file) == 0 && needle_count > 0;
}

/* What of the bytes ends behind the first `done`. */
static void search(const uint8_t *bytes, size_t done, size_t size, bool *here)
{
    for (size_t end = done < NEEDLE_LEAST ? NEEDLE_LEAST : done; end <= size; end++) {
        for (uint32_t at = hash(bytes + end); table[at]; at = (at + 1) % TABLE) {
            const struct needle *needle = &needles[table[at] - 1];
            if (needle->size <= end &&
                memcmp(needle->bytes, bytes + end - needle->size, needle->size) == 0)
                found[needle->patient] = here[needle->patient] = true;
        }
    }
}

static uint32_t count(const bool *here)
{
    uint32_t patients = 0;
    for (uint32_t i = 0; i < patient_count; i++)
        patients += here[i];
    return patients;
}

/* The file behind a shared mapping. Its holes are zeros, and reading them would fill memory. */
static int open_mapped(const char *pid, uint64_t start, uint64_t end)
{
    char path[96];
    snprintf(path, sizeof(path), "/proc/%s/map_files/%" PRIx64 "-%" PRIx64, pid, start, end);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static uint64_t next_data(int file, uint64_t offset)
{
    off_t data = lseek(file, (off_t)offset, SEEK_DATA);
    return data >= 0 ? (uint64_t)data & ~UINT64_C(4095) : errno == ENXIO ? UINT64_MAX : offset;
}

/* Reads one process; returns the bytes that could be read. */
static uint64_t read_process(const char *pid, bool *here)
{
    static uint8_t buffer[BUFFER + NEEDLE];
    char path[64], line[512];
    uint64_t total = 0;
    const uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * 4096;
    snprintf(path, sizeof(path), "/proc/%s/maps", pid);
    FILE *maps = fopen(path, "r");
    snprintf(path, sizeof(path), "/proc/%s/mem", pid);
    int memory = open(path, O_RDONLY);
    while (maps && memory >= 0 && fgets(line, sizeof(line), maps)) {
        uint64_t start, end, offset;
        char shared;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*3c%c %" SCNx64, &start, &end, &shared,
                   &offset) != 4)
            continue;
        int file = shared == 's' ? open_mapped(pid, start, end) : -1;
        if (end - start > physical) { /* address space, not memory: sanitizers reserve it so */
            fprintf(stderr,
                    "process %s: passed over a mapping of %" PRIu64
                    " GiB, more than this machine has\n",
                    pid, (end - start) >> 30);
            continue;
        }
        size_t kept = 0; /* the end of one piece is searched with the next */
        for (uint64_t at = start; at < end;) {
            uint64_t data = file >= 0 ? next_data(file, offset + (at - start)) : 0;
            if (data > offset + (at - start)) {
                at = data - offset < end - start ? start + (data - offset) : end;
                kept = 0;
                continue;
            }
            size_t wanted = end - at < BUFFER ? end - at : BUFFER;
            ssize_t size = pread(memory, buffer + kept, wanted, (off_t)at);
            if (size <= 0) {
                kept = 0;
                at += wanted > 4096 ? 4096 : wanted; /* a page that cannot be read; try the next */
                if (errno == EIO && wanted == BUFFER)
                    at += BUFFER - 4096;
                continue;
            }
            if (buffer[0] != 0 || memcmp(buffer, buffer + 1, kept + (size_t)size - 1) != 0)
                search(buffer, kept, kept + (size_t)size, here); /* zeros hold nobody */
            total += (uint64_t)size;
            at += (uint64_t)size;
            size_t all = kept + (size_t)size;
            kept = all < NEEDLE - 1 ? all : NEEDLE - 1;
            memmove(buffer, buffer + all - kept, kept);
        }
        if (file >= 0)
            close(file);
    }
    memset(buffer, 0, sizeof(buffer));
    if (maps)
        fclose(maps);
    if (memory >= 0)
        close(memory);
    return total;
}

static void look_in_memory(char **pids)
{
    uint64_t total = 0;
    uint32_t processes = 0;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; all && (entry = readdir(all));) {
        static bool here[PATIENTS_MOST];
        long pid = atol(entry->d_name);
        if (pid <= 0 || pid == getpid())
            continue;
        memset(here, 0, sizeof(here));
        uint64_t bytes = read_process(entry->d_name, here);
        bool asked = count(here) > 0;
        total += bytes;
        processes += bytes > 0;
        for (char **wanted = pids; *wanted; wanted++)
            asked |= atol(*wanted) == pid;
        if (asked)
            fprintf(stderr, "process %ld: %" PRIu64 " bytes read, %u patients\n", pid, bytes,
                    count(here));
    }
    printf("%u %u %" PRIu64 " %u\n", count(found), patient_count, total, processes);
}

static uint64_t file_bytes;
static uint32_t file_count;

static int look_in_file(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)place;
    static bool here[PATIENTS_MOST];
    uint8_t *bytes = kind == FTW_F ? malloc((size_t)about->st_size + 1) : NULL;
    FILE *file = bytes ? fopen(path, "rb") : NULL;
    size_t size = file ? fread(bytes, 1, (size_t)about->st_size, file) : 0;
    memset(here, 0, sizeof(here));
    search(bytes, 0, size, here);
    if (count(here))
        fprintf(stderr, "%s: %u patients\n", path, count(here));
    file_bytes += size;
    file_count += file != NULL;
    if (file)
        fclose(file);
    free(bytes);
    return 0;
}

int main(int arguments_count, char **arguments)
{
    if (arguments_count < 2 || !read_needles(arguments[1])) {
        fprintf(stderr, "usage: look NEEDLES [PID...] | look NEEDLES --files PATH...\n");
        return 2;
    }
    if (arguments_count < 3 || strcmp(arguments[2], "--files") != 0) {
        look_in_memory(arguments + 2);
        return 0;
    }
    for (int i = 3; i < arguments_count; i++)
        nftw(arguments[i], look_in_file, 16, FTW_PHYS);
    printf("%u %u %" PRIu64 " %u\n", count(found), patient_count, file_bytes, file_count);
    return 0;
}
