/* SPDX-License-Identifier: Apache-2.0
 *
 * The platform: who signs evidence on this machine. Making evidence opens no file and needs no
 * system call that a confined launcher may not make: all is read when the platform is opened, and
 * one piece of evidence is made then, judged, and thrown away.
 */
#include "certificate.h"
#include "evidence.h"
#include "image/fail.h"
#include "image/file.h"
#include "platform_files.h"
#include "platform_tpm.h"
#include "refusal.h"
#include "x509.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct cella_platform {
    char folder[PATH_MAX];
    char subject[256];
    EVP_PKEY *key; /* signs evidence: platform.key, or a session key that the TPM quoted */
    uint8_t *tpm;  /* what evidence carries of that; NULL: no TPM */
    size_t tpm_size;
    uint8_t tpm_key[32];
    uint8_t *certificates[2]; /* DER: the platform's, the root's */
    struct cose_chain chain;
    uint8_t root[32];
    uint8_t launcher[32];
    struct posture posture;
};

/* ---- making a platform ---- */

/* The folders above `path`, 0755 as the umask lets. */
static cella_status make_above(char *path, cella_error *error)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return CELLA_OK;
    *slash = 0;
    cella_status status = file_folder(path, 0755, error);
    *slash = '/';
    return status;
}

struct wanted {
    const cella_platform_tpm *tpm; /* NULL: the key is in a file */
    bool root_alone;               /* an issuer's */
};

/* The platform's key, in a file or in the TPM. */
static cella_status make_key(int folder, const char *path, const cella_platform_tpm *tpm,
                             EVP_PKEY **key, cella_error *error)
{
    if (tpm)
        return platform_tpm_make(folder, tpm, key, error);
    if (!(*key = EVP_EC_gen("P-256")))
        return fail(error, CELLA_SYSTEM, "OpenSSL makes no P-256 key");
    return platform_write_key(folder, "platform.key", *key)
               ? CELLA_OK
               : fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
}

static cella_status fill_platform(int folder, const char *path, const cella_platform_tpm *tpm,
                                  X509 *root, EVP_PKEY *root_key, cella_error *error)
{
    EVP_PKEY *key = NULL;
    X509 *platform = NULL;
    cella_status status = make_key(folder, path, tpm, &key, error);
    if (status)
        return status;
    platform = tpm ? certificate_make_attestation(key, root, root_key)
                   : certificate_make(key, root, root_key);
    if (!platform)
        status = fail(error, CELLA_SYSTEM, "OpenSSL makes no certificate");
    else if (!platform_write_certificate(folder, "platform.pem", platform))
        status = fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
    X509_free(platform);
    EVP_PKEY_free(key);
    return status;
}

static cella_status fill(int folder, const char *path, const struct wanted *wanted,
                         cella_error *error)
{
    EVP_PKEY *root_key = EVP_EC_gen("P-256");
    X509 *root = root_key ? certificate_make(root_key, NULL, NULL) : NULL;
    cella_status status = root ? CELLA_OK : fail(error, CELLA_SYSTEM, "OpenSSL makes no P-256 key");
    if (status == CELLA_OK && !wanted->root_alone)
        status = fill_platform(folder, path, wanted->tpm, root, root_key, error);
    if (status == CELLA_OK &&
        (!platform_write_key(folder, "root.key", root_key) ||
         !platform_write_certificate(folder, "root.pem", root) || fsync(folder)))
        status = fail(error, CELLA_SYSTEM, "%s: cannot be written: %s", path, strerror(errno));
    X509_free(root);
    EVP_PKEY_free(root_key);
    return status;
}

static void remove_all(int folder, const char *path)
{
    static const char *const names[] = {"root.key", "root.pem", "platform.key", "platform.pem"};
    platform_tpm_unmake(folder);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlinkat(folder, names[i], 0);
    rmdir(path);
}

/* A new folder under a temporary name beside it; then it gets its name, unless there is something
 * under that (but an empty folder). */
static cella_status init(const char *given, const struct wanted *wanted, cella_error *error)
{
    char folder[PATH_MAX], path[PATH_MAX];
    cella_status status = platform_folder(given, folder, error);
    if (status)
        return status;
    snprintf(path, sizeof(path), "%.*s.new-XXXXXX", PATH_MAX - 16, folder);
    status = make_above(folder, error);
    if (status)
        return status;
    if (!mkdtemp(path))
        return fail(error, CELLA_SYSTEM, "%s: cannot be made: %s", folder, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    status = fd < 0 ? fail(error, CELLA_SYSTEM, "%s: cannot be opened: %s", path, strerror(errno))
                    : fill(fd, path, wanted, error);
    if (status == CELLA_OK && rename(path, folder))
        status = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
                     ? fail(error, CELLA_REFUSED,
                            "%s: is there already, and is not overwritten: a platform's key that "
                            "is lost does not come back",
                            folder)
                     : fail(error, CELLA_SYSTEM, "%s: cannot be made: %s", folder, strerror(errno));
    if (status)
        remove_all(fd, path);
    if (fd >= 0)
        close(fd);
    ERR_clear_error();
    return status;
}

cella_status cella_platform_init(const char *folder, cella_error *error)
{
    return init(folder, &(struct wanted){0}, error);
}

cella_status cella_platform_init_issuer(const char *folder, cella_error *error)
{
    return init(folder, &(struct wanted){.root_alone = true}, error);
}

cella_status cella_platform_init_tpm(const char *folder, const cella_platform_tpm *tpm,
                                     cella_error *error)
{
    static const cella_platform_tpm own;
    return init(folder, &(struct wanted){.tpm = tpm ? tpm : &own}, error);
}

/* ---- opening one ---- */

static bool add_to_chain(struct cella_platform *platform, X509 *certificate)
{
    size_t index = platform->chain.count;
    int length = i2d_X509(certificate, &platform->certificates[index]);
    if (length <= 0)
        return false;
    platform->chain.certificates[index] =
        (struct cose_certificate){platform->certificates[index], (size_t)length};
    platform->chain.count++;
    return true;
}

static bool read_subject(struct cella_platform *platform, X509 *certificate)
{
    BIO *text = BIO_new(BIO_s_mem());
    bool good =
        text &&
        X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) > 0 &&
        BIO_read(text, platform->subject, sizeof(platform->subject) - 1) > 0;
    BIO_free(text);
    return good;
}

static cella_status use_certificates(struct cella_platform *platform, X509 *own, X509 *root,
                                     cella_error *error)
{
    if (!add_to_chain(platform, own) || !add_to_chain(platform, root) ||
        !read_subject(platform, own) || !certificate_key_hash(root, platform->root))
        return fail(error, CELLA_INVALID, "%s: OpenSSL cannot use its certificates",
                    platform->folder);
    if (platform->key)
        return CELLA_OK;
    if (!certificate_key_hash(own, platform->tpm_key))
        return fail(error, CELLA_MEMORY, "no memory for the platform");
    return platform_tpm_open(platform->folder, X509_get0_pubkey(own), platform->launcher,
                             &platform->key, &platform->tpm, &platform->tpm_size, error);
}

static cella_status read_certificates(struct cella_platform *platform, cella_error *error)
{
    X509 *own = NULL, *root = NULL;
    cella_status status = platform_read_certificate(platform->folder, "platform.pem", &own, error);
    if (status == CELLA_OK)
        status = platform_read_certificate(platform->folder, "root.pem", &root, error);
    if (status == CELLA_OK)
        status = use_certificates(platform, own, root, error);
    X509_free(own);
    X509_free(root);
    return status;
}

/* What the kernel says (a core pattern) may be any bytes; evidence has text. */
static void read_posture(struct posture *posture)
{
    posture_read("/", posture);
    for (size_t i = 0; i < posture->count; i++)
        for (char *at = posture->rows[i].value; *at; at++)
            if (*at < ' ' || *at > '~')
                *at = '?';
}

/* Evidence of nothing is made and judged: it shows that the files go together, and what OpenSSL
 * reads at its first signature is read now. */
static cella_status try_out(struct cella_platform *platform, cella_error *error)
{
    uint8_t report[REPORT_SIZE] = {0};
    uint8_t *bytes;
    size_t size;
    cella_verify_options options;
    cella_verify_options_default(&options);
    options.at = time(NULL);
    options.roots = (const uint8_t(*)[32]) & platform->root;
    options.root_count = 1;
    options.insecure_any_report_data = true;
    report[REPORT_ATTRIBUTES] = 5; /* INIT, MODE64 */
    cella_claims *claims = malloc(sizeof(*claims));
    cella_error why = {CELLA_MEMORY, "no memory"};
    cella_status status = CELLA_MEMORY;
    if (claims)
        status = cella_platform_evidence(platform, report, "process", &bytes, &size, &why);
    if (status == CELLA_OK) {
        status = cella_evidence_verify(bytes, size, &options, claims, NULL, &why);
        free(bytes);
    }
    free(claims);
    if (status)
        return fail(error, status, "%s: this platform's evidence would be refused: %s",
                    platform->folder, why.sentence);
    return CELLA_OK;
}

cella_status cella_platform_open(const char *given, cella_platform **result, cella_error *error)
{
    uint64_t size;
    struct cella_platform *platform = calloc(1, sizeof(*platform));
    if (!platform)
        return fail(error, CELLA_MEMORY, "no memory for the platform");
    cella_status status = platform_folder(given, platform->folder, error);
    if (status == CELLA_OK)
        status = file_digest("/proc/self/exe", platform->launcher, &size, error);
    if (status == CELLA_OK && !platform_tpm_is(platform->folder))
        status = platform_read_key(platform->folder, "platform.key", &platform->key, error);
    if (status == CELLA_OK) {
        read_posture(&platform->posture); /* before the logs, which have more by then, never less */
        status = read_certificates(platform, error);
    }
    if (status == CELLA_OK)
        status = try_out(platform, error);
    ERR_clear_error();
    if (status)
        cella_platform_close(platform);
    else
        *result = platform;
    return status;
}

void cella_platform_close(cella_platform *platform)
{
    if (!platform)
        return;
    EVP_PKEY_free(platform->key);
    OPENSSL_free(platform->certificates[0]);
    OPENSSL_free(platform->certificates[1]);
    free(platform->tpm);
    free(platform);
}

const char *cella_platform_subject(const cella_platform *platform)
{
    return platform->subject;
}

const char *cella_platform_folder(const cella_platform *platform)
{
    return platform->folder;
}

const uint8_t *cella_platform_tpm_key(const cella_platform *platform)
{
    return platform->tpm ? platform->tpm_key : NULL;
}

const uint8_t *cella_platform_root(const cella_platform *platform)
{
    return platform->root;
}

/* ---- evidence ---- */

static void put_payload(struct cbor_writer *to, const struct cella_platform *platform,
                        const uint8_t report[REPORT_SIZE], const char *tee)
{
    size_t map = cbor_map_begin(to);
    cbor_put_text(to, "version");
    cbor_put_unsigned(to, EVIDENCE_VERSION);
    cbor_put_text(to, "tee");
    cbor_put_text(to, tee);
    cbor_put_text(to, "report");
    cbor_put_bytes(to, report, REPORT_SIZE);
    cbor_put_text(to, "time");
    cbor_put_integer(to, time(NULL));
    cbor_put_text(to, "launcher");
    cbor_put_bytes(to, platform->launcher, sizeof(platform->launcher));
    cbor_put_text(to, "posture");
    size_t rows = cbor_map_begin(to);
    for (size_t i = 0; i < platform->posture.count; i++) {
        cbor_put_text(to, platform->posture.rows[i].name);
        cbor_put_text(to, platform->posture.rows[i].value);
    }
    cbor_map_end(to, rows);
    if (platform->tpm) {
        cbor_put_text(to, "tpm");
        cbor_put_bytes(to, platform->tpm, platform->tpm_size);
    }
    cbor_map_end(to, map);
}

cella_status cella_platform_evidence(void *context, const uint8_t report[REPORT_SIZE],
                                     const char *tee, uint8_t **bytes, size_t *size,
                                     cella_error *error)
{
    const struct cella_platform *platform = context;
    struct cbor_writer payload = {0};
    cella_status status;
    put_payload(&payload, platform, report, tee);
    if (payload.failed)
        status = fail(error, CELLA_MEMORY, "no memory for evidence");
    else
        status = cose_sign(platform->key, EVIDENCE_CONTENT_TYPE, &platform->chain, payload.bytes,
                           payload.size, bytes, size, error);
    cbor_drop(&payload);
    return status;
}
