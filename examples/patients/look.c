/* SPDX-License-Identifier: Apache-2.0
 *
 * Root looks for the patients: reads every byte of memory that any process on this host maps
 * (through /proc/PID/mem), and counts the patients it finds there, as lines of text or as SQLite
 * keeps them.
 *
 *   look FILE.csv [PID...]   prints: patients found, bytes read, processes read, and for each PID
 *                            given how many were found in that process; this process is left out
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NEEDLE       24u /* bytes: three doubles, or the first characters of a line */
#define NEEDLES_MOST 4096u
#define TABLE        65536u
#define BUFFER       (1u << 20)

struct needle {
    uint8_t bytes[NEEDLE];
    uint32_t patient;
};

static struct needle needles[NEEDLES_MOST];
static uint32_t needle_count, patient_count;
static uint32_t table[TABLE]; /* by the first four bytes: needle index + 1 */
static bool found[NEEDLES_MOST];

static uint32_t hash(const uint8_t *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof(word));
    return word * UINT32_C(2654435761) >> 16;
}

static void add_needle(const uint8_t *bytes, uint32_t patient)
{
    if (needle_count == NEEDLES_MOST)
        return;
    uint32_t at = hash(bytes);
    while (table[at])
        at = (at + 1) % TABLE;
    memcpy(needles[needle_count].bytes, bytes, NEEDLE);
    needles[needle_count].patient = patient;
    table[at] = ++needle_count;
}

/* SQLite keeps a REAL as eight bytes, most significant first; one that is a whole number it keeps
 * as an integer. Three neighbours that are not whole numbers are one needle. */
static void add_doubles(char *line, uint32_t patient)
{
    uint8_t bytes[NEEDLE];
    int kept = 0;
    for (char *at = line; *at;) {
        char *end;
        double value = strtod(at, &end);
        if (end == at)
            return;
        uint64_t word;
        memcpy(&word, &value, sizeof(word));
        kept = value == (double)(int64_t)value ? 0 : kept;
        if (value != (double)(int64_t)value) {
            for (int i = 0; i < 8; i++)
                bytes[8 * kept + i] = (uint8_t)(word >> (56 - 8 * i));
            if (++kept == 3) {
                add_needle(bytes, patient);
                return;
            }
        }
        at = *end == ',' ? end + 1 : end;
        if (*at == '\n')
            return;
    }
}

static bool read_needles(const char *path)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof(line), file))
        return false;
    for (; fgets(line, sizeof(line), file); patient_count++) {
        if (strlen(line) > NEEDLE)
            add_needle((const uint8_t *)line, patient_count);
        add_doubles(line, patient_count);
    }
    memset(line, 0, sizeof(line));
    fclose(file);
    return needle_count > 0;
}

static void search(const uint8_t *bytes, size_t size, bool *here)
{
    for (size_t i = 0; i + NEEDLE <= size; i++) {
        for (uint32_t at = hash(bytes + i); table[at]; at = (at + 1) % TABLE) {
            const struct needle *needle = &needles[table[at] - 1];
            if (memcmp(needle->bytes, bytes + i, NEEDLE) == 0)
                found[needle->patient] = here[needle->patient] = true;
        }
    }
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
        uint64_t start, end;
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) != 2)
            continue;
        if (end - start > physical) { /* address space, not memory: sanitizers reserve it so */
            fprintf(stderr,
                    "process %s: passed over a mapping of %" PRIu64
                    " GiB, more than this machine has\n",
                    pid, (end - start) >> 30);
            continue;
        }
        size_t kept = 0; /* the end of one piece is searched with the next */
        for (uint64_t at = start; at < end;) {
            size_t wanted = end - at < BUFFER ? end - at : BUFFER;
            ssize_t size = pread(memory, buffer + kept, wanted, (off_t)at);
            if (size <= 0) {
                kept = 0;
                at += wanted > 4096 ? 4096 : wanted; /* a page that cannot be read; try the next */
                if (errno == EIO && wanted == BUFFER)
                    at += BUFFER - 4096;
                continue;
            }
            search(buffer, kept + (size_t)size, here);
            total += (uint64_t)size;
            at += (uint64_t)size;
            size_t all = kept + (size_t)size;
            kept = all < NEEDLE - 1 ? all : NEEDLE - 1;
            memmove(buffer, buffer + all - kept, kept);
        }
    }
    memset(buffer, 0, sizeof(buffer));
    if (maps)
        fclose(maps);
    if (memory >= 0)
        close(memory);
    return total;
}

static uint32_t count(const bool *here)
{
    uint32_t patients = 0;
    for (uint32_t i = 0; i < patient_count; i++)
        patients += here[i];
    return patients;
}

int main(int arguments_count, char **arguments)
{
    uint64_t total = 0;
    uint32_t processes = 0;
    if (arguments_count < 2 || !read_needles(arguments[1])) {
        fprintf(stderr, "usage: look FILE.csv [PID...]\n");
        return 2;
    }
    DIR *all = opendir("/proc");
    for (struct dirent *entry; all && (entry = readdir(all));) {
        static bool here[NEEDLES_MOST];
        long pid = atol(entry->d_name);
        if (pid <= 0 || pid == getpid())
            continue;
        memset(here, 0, sizeof(here));
        uint64_t bytes = read_process(entry->d_name, here);
        total += bytes;
        processes += bytes > 0;
        for (int i = 2; i < arguments_count; i++)
            if (atol(arguments[i]) == pid)
                fprintf(stderr, "process %ld: %" PRIu64 " bytes read, %u patients\n", pid, bytes,
                        count(here));
    }
    printf("%u %" PRIu64 " %u\n", count(found), total, processes);
    return 0;
}
