/* SPDX-License-Identifier: Apache-2.0
 *
 * libcella, outside: open an image, know its identity, run it in a TEE, serve it, wait for it. The
 * cella command is made of these calls. docs/api.md and examples/embed.c show them in use; the
 * other side, for a program inside that serves calls, is <cella/enclave.h>.
 *
 * Every function that can fail returns a cella_status and fills `error` (which may be NULL) with
 * one sentence. Functions are thread-safe for different objects; for the same cella_enclave all but
 * cella_close may be called by several threads at once.
 *
 * libcella uses the signal SIGRTMAX-3 (it installs a handler that does nothing), and makes threads
 * of its own in which every other signal is blocked.
 */
#ifndef CELLA_CELLA_H
#define CELLA_CELLA_H

#include <cella/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CELLA_API __attribute__((visibility("default")))

/* ---- images ---- */

typedef struct cella_image cella_image;

/* SGX's vocabulary, for every TEE. */
typedef struct cella_identity {
    uint8_t mrenclave[32]; /* SHA-256 of the image's bytes */
    uint8_t mrsigner[32];  /* zero: not signed */
    uint16_t isv_prod_id;
    uint16_t isv_svn;
    uint64_t elrange_size;  /* bytes */
    uint64_t heap_size;     /* bytes */
    uint32_t threads;       /* most threads at once */
    bool takes_arguments;   /* the manifest says "arguments": "host" */
    bool takes_environment; /* ... "environment": "host" */
    bool takes_evidence;    /* ... "attestation": true */
    char program[256]; /* file name of the program that was packed; other than printable ASCII: '?'
                        */
} cella_identity;

/* Opens an SGXS image: the file is read once, checked whole, and never read again. */
CELLA_API cella_status cella_image_open(const char *path, cella_image **image, cella_error *error);

/* Packs a static ELF program. `manifest` is the path of a manifest, or NULL; `arguments` (argv,
 * NULL-terminated, argv[0] included) is used where the manifest has none, and may be NULL. */
CELLA_API cella_status cella_image_pack(const char *program, const char *manifest,
                                        char *const arguments[], cella_image **image,
                                        cella_error *error);

/* True when a file is an SGXS image rather than anything else. */
CELLA_API bool cella_image_is_image(const char *path);

/* Writes the image: to a temporary name in the same folder, then renamed. Signals wait meanwhile.
 */
CELLA_API cella_status cella_image_write(const cella_image *image, const char *path,
                                         cella_error *error);

/* Hashes the image: `error` is filled where that fails. */
CELLA_API cella_status cella_image_identity(const cella_image *image, cella_identity *identity,
                                            cella_error *error);
CELLA_API bool cella_image_takes_arguments(const cella_image *image);
CELLA_API bool cella_image_takes_environment(const cella_image *image);
CELLA_API bool cella_image_takes_evidence(const cella_image *image);

/* The page map, the rewritten sites and the manifest as text for a person, or as JSON. The result
 * is the caller's to free(). */
CELLA_API cella_status cella_image_inspect(const cella_image *image, bool json, char **text,
                                           cella_error *error);

CELLA_API void cella_image_close(cella_image *image);

/* ---- what this machine can do ---- */

/* The best that a TEE can do here. */
typedef enum cella_finding {
    CELLA_FOUND_SEALED = 0, /* one runs enclaves in memory that the host's processes cannot read */
    CELLA_FOUND_UNSEALED = 1, /* one runs enclaves, but in memory that others can read */
    CELLA_FOUND_NONE = 2,
} cella_finding;

/* A report on each TEE and on the host's posture, for a person or as JSON; found by trying. The
 * text is the caller's to free(); `finding` may be NULL. */
CELLA_API cella_status cella_doctor(bool json, char **text, cella_finding *finding,
                                    cella_error *error);

/* ---- running ---- */

typedef struct cella_enclave cella_enclave;

typedef enum cella_tee {
    CELLA_TEE_AUTO = 0, /* vsm where it is sealed, else process, and the log says so */
    CELLA_TEE_VSM = 1,
    CELLA_TEE_PROCESS = 2,
} cella_tee;

/* What libcella forbids to the host's process once the enclave is initialised (seccomp). */
typedef enum cella_confine {
    CELLA_CONFINE_THREADS = 0, /* libcella's own threads may only serve the enclave */
    CELLA_CONFINE_PROCESS = 1, /* the whole process, and it can be neither traced nor dumped */
    CELLA_CONFINE_NONE = 2,
} cella_confine;

/* Makes evidence: signs what is said of an enclave that runs in `tee` ("vsm", "process"). `report`
 * is SGX's report body (Intel SDM vol. 3D, REPORT), with the program's report data in its last 64
 * bytes. *bytes is malloc'ed, and becomes libcella's; at most 64 KiB. Called by threads of
 * libcella's own, several at once, which may then neither open files nor make memory executable:
 * what that takes has to be done before cella_start. */
#define CELLA_REPORT_BYTES 384
typedef cella_status cella_evidence(void *context, const uint8_t report[CELLA_REPORT_BYTES],
                                    const char *tee, uint8_t **bytes, size_t *size,
                                    cella_error *error);

typedef struct cella_options {
    size_t size; /* sizeof(cella_options) */
    cella_tee tee;
    cella_confine confine;
    int streams[3];           /* descriptors of stdin, stdout, stderr; -1: /dev/null */
    const char *folder;       /* where the manifest's relative host paths start; NULL: here */
    char *const *arguments;   /* argv, used where the manifest says "host"; or NULL */
    char *const *environment; /* likewise */
    bool insecure_debug;      /* the DEBUG attribute: faults are explained */
    void (*log)(void *context, const char *sentence); /* NULL: nothing is logged */
    void *log_context;
    cella_evidence *evidence; /* asked when the program wants some; NULL: there is none */
    void *evidence_context;
} cella_options;

/* Fills the defaults: TEE_AUTO, the process's own streams. */
CELLA_API void cella_options_default(cella_options *options);

/* Starts the image. Options are copied; the streams stay the caller's, and must stay open. */
CELLA_API cella_status cella_start(const cella_image *image, const cella_options *options,
                                   cella_enclave **enclave, cella_error *error);

typedef enum cella_end {
    CELLA_END_EXITED = 1,    /* the program ended by itself, with `status` */
    CELLA_END_SIGNALLED = 2, /* a signal that it sent itself ended it: `status` is its number */
    CELLA_END_STOPPED = 3,   /* the enclave stopped: `sentence` says what may be said */
} cella_end;

typedef struct cella_outcome {
    cella_end end;
    int status;
    char sentence[500];
} cella_outcome;

/* Waits until the program has ended. May be called again: the answer stays the same. */
CELLA_API cella_status cella_wait(cella_enclave *enclave, cella_outcome *outcome,
                                  cella_error *error);

/* Stops the enclave, whatever it does; cella_wait then says CELLA_END_STOPPED. */
CELLA_API void cella_stop(cella_enclave *enclave);

/* "vsm" or "process", and one line on what memory it has and who can read it. */
CELLA_API const char *cella_tee_name(const cella_enclave *enclave);
CELLA_API const char *cella_tee_description(const cella_enclave *enclave);

#define CELLA_SYSCALLS 512

typedef struct cella_statistics {
    uint64_t exits;    /* times that a thread left the enclave through the gate */
    uint64_t polled;   /* requests served without leaving */
    uint64_t bytes_in; /* copied into the enclave for files and streams */
    uint64_t bytes_out;
    uint64_t threads;       /* TCSs entered */
    uint64_t pages_added;   /* 4 KiB pages of the image */
    uint64_t pages_touched; /* of the heap, at its peak, by the runtime's count */
    uint64_t start_ns;      /* from cella_start to the first instruction */
    uint64_t run_ns;        /* from there to the end */
    bool has_syscalls;      /* the manifest let the enclave tell, and it has ended by itself */
    uint64_t inside[CELLA_SYSCALLS];    /* by number: answered inside */
    uint64_t forwarded[CELLA_SYSCALLS]; /* asked of the host */
} cella_statistics;

CELLA_API void cella_get_statistics(const cella_enclave *enclave, cella_statistics *statistics);
/* The kernel's name of a system call, or NULL. */
CELLA_API const char *cella_syscall_name(unsigned number);

/* Stops the enclave if it runs, and frees everything. */
CELLA_API void cella_close(cella_enclave *enclave);

/* ---- calling a program that serves (cella_serve, <cella/enclave.h>) ---- */

#define CELLA_CALL_MOST 65536 /* most bytes of a request or of a reply */

/* Calls operation with `in`, and waits for the reply: at most *out_size bytes into `out`, *out_size
 * is set to its length. `result` is the handler's (0 or -errno). Any number of threads may call. */
CELLA_API cella_status cella_call(cella_enclave *enclave, uint32_t operation, const void *in,
                                  size_t in_size, void *out, size_t *out_size, int *result,
                                  cella_error *error);

/* The asynchronous form. A call belongs to the enclave until it is waited for. */
typedef struct cella_pending {
    uint32_t entry;
    uint32_t generation;
} cella_pending;

/* Queues a call; CELLA_BUSY when all RING_CALLS places are taken. */
CELLA_API cella_status cella_call_start(cella_enclave *enclave, uint32_t operation, const void *in,
                                        size_t in_size, size_t out_capacity, cella_pending *pending,
                                        cella_error *error);
/* Waits for one call and takes its reply; `out` has room for its out_capacity bytes. */
CELLA_API cella_status cella_call_finish(cella_enclave *enclave, cella_pending pending, void *out,
                                         size_t *out_size, int *result, cella_error *error);
/* No more calls: those under way are answered still, then cella_serve returns 0 inside and the
 * program may end by itself. */
CELLA_API void cella_call_close(cella_enclave *enclave);

#ifdef __cplusplus
}
#endif
#endif
