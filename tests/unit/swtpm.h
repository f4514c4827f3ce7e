/* SPDX-License-Identifier: Apache-2.0
 *
 * A TPM in a process (swtpm), for tests: powered on and off as often as they like.
 */
#ifndef UNIT_SWTPM_H
#define UNIT_SWTPM_H

#include "attest_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct swtpm {
    const char *folder; /* its state, and the sockets "tpm" and "control" */
    char where[128];    /* for tpm_device_open */
    pid_t process;      /* 0: off */
};

static inline int swtpm_connect(const struct swtpm *tpm)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/tpm", tpm->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* What a machine's TPM does at power on: PCRs are zeros, the reset count is one more. False: swtpm
 * is not installed. */
static inline bool swtpm_on(struct swtpm *tpm)
{
    char state[160], server[160], control[160];
    snprintf(tpm->where, sizeof(tpm->where), "swtpm:path=%s/tpm", tpm->folder);
    snprintf(state, sizeof(state), "dir=%s", tpm->folder);
    snprintf(server, sizeof(server), "type=unixio,path=%s/tpm", tpm->folder);
    snprintf(control, sizeof(control), "type=unixio,path=%s/control", tpm->folder);
    tpm->process = fork();
    if (tpm->process == 0) {
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server,
               "--ctrl", control, "--flags", "not-need-init,startup-clear", NULL);
        _exit(127);
    }
    for (size_t i = 0; i < 3000; i++) {
        int fd = swtpm_connect(tpm);
        if (fd >= 0) {
            close(fd);
            return true;
        }
        if (waitpid(tpm->process, NULL, WNOHANG) != 0)
            break;
        usleep(10000);
    }
    tpm->process = 0;
    return false;
}

static inline void swtpm_off(struct swtpm *tpm)
{
    static const char *const names[] = {"tpm", "control"};
    char path[160];
    if (tpm->process > 0) {
        kill(tpm->process, SIGTERM);
        waitpid(tpm->process, NULL, 0);
    }
    tpm->process = 0;
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", tpm->folder, names[i]);
        unlink(path);
    }
}

static inline void swtpm_needed(const struct swtpm *tpm)
{
    if (tpm->process <= 0) {
        print_message("swtpm is not installed: apt-get install swtpm\n");
        skip();
    }
}

#endif
