/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a keyd's folder, by the first byte: any bytes as the audit log, as an issuer, as
 * something sealed, as the master key's file; and as the claims of an issuer's token. What is
 * sealed here is not encrypted, and any tag is right.
 */
#include "attest/token/jose.h"
#include "box/aead.h"
#include "box/key.h"
#include "image/base64.h"
#include "keyd/audit.h"
#include "keyd/issuers.h"
#include "keyd/keystore.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/ec.h>
#include <string.h>
#include <sys/stat.h>

static bool take_open(EVP_CIPHER_CTX *cipher, const uint8_t *nonce, const void *more,
                      size_t more_size, const uint8_t *from, size_t size, uint8_t *to,
                      const uint8_t *tag)
{
    memcpy(to, from, size);
    return cipher && nonce && more && more_size && tag;
}

/* Argon2id would take all the time. */
static cella_status no_passphrase(const struct cella_passphrase *passphrase, const uint8_t *salt,
                                  const struct passphrase_cost *cost, uint8_t key[BOX_KEY],
                                  cella_error *error)
{
    (void)passphrase, (void)error;
    memset(key, 0, BOX_KEY);
    return salt && cost ? CELLA_OK : CELLA_MEMORY;
}

#define aead_open      take_open
#define passphrase_key no_passphrase
#include "keyd/sealed.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/cella-fuzz-XXXXXX", one[64], issuer[64];
static EVP_PKEY *key;
static struct issuers *trusted;
static cella_verifier *verifier;

static void must(bool good)
{
    if (!good)
        abort();
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

static void clean_up(void)
{
    unlink(one);
    unlink(issuer);
    *strrchr(issuer, '/') = 0;
    rmdir(issuer);
    rmdir(folder);
}

static void set_up(void)
{
    cella_error error;
    must(mkdtemp(folder));
    atexit(clean_up);
    snprintf(one, sizeof(one), "%s/one", folder);
    snprintf(issuer, sizeof(issuer), "%s/issuers", folder);
    must(mkdir(issuer, 0700) == 0);
    strcat(issuer, "/issuer");
    key = EVP_EC_gen("P-256");
    json_t *set = json_pack("{s:s, s:o}", "issuer", "i", "jwks", jwks_write(key));
    char *text = json_dumps(set, 0);
    must(text);
    write_file(issuer, text, strlen(text));
    must(issuers_read(folder, &trusted, &error) == CELLA_OK);
    must(cella_verifier_new(&verifier, &error) == CELLA_OK);
    free(text);
    json_decref(set);
}

/* The files that were put aside. */
static void clear_parts(void)
{
    char name[PATH_MAX];
    uint64_t *numbers;
    size_t count;
    cella_error error;
    must(audit_parts(one, &numbers, &count, &error) == CELLA_OK);
    for (size_t i = 0; i < count; i++)
        must(audit_part(one, numbers[i], name) && unlink(name) == 0);
    free(numbers);
}

/* Of a log that is opened only the end is checked; it goes on from there, in the same file or in a
 * new one. */
static void read_log(size_t most)
{
    struct audit *audit;
    struct audit_head before, head;
    size_t torn, cut;
    uint64_t first;
    cella_error error = {0};
    cella_status checked = audit_check(one, NULL, NULL, &before, &torn, &error);
    must(checked == CELLA_OK || *error.sentence);
    error = (cella_error){0};
    must(audit_first(one, &first, &error) == CELLA_OK || *error.sentence);
    cella_status opened = audit_open(one, most, &audit, &cut, &error);
    must(opened == CELLA_OK || (*error.sentence && !audit));
    if (opened)
        return;
    must(checked || cut == torn);
    cella_status added = audit_add(audit, "event", json_object(), &head, &error);
    must(added == CELLA_OK || *error.sentence);
    must(checked || added || head.lines > before.lines);
    cella_status synced = audit_sync(audit, head.lines, &error);
    audit_close(audit);
    if (checked == CELLA_OK && added == CELLA_OK && synced == CELLA_OK)
        must(audit_check(one, NULL, NULL, &before, &torn, &error) == CELLA_OK && !torn &&
             before.lines == head.lines);
    clear_parts();
}

static void read_issuer_file(void)
{
    struct issuers *issuers;
    cella_error error = {0};
    if (issuers_read(folder, &issuers, &error))
        must(!issuers && *error.sentence);
    issuers_free(issuers);
}

static void read_sealed(const char *text, size_t size)
{
    static const uint8_t master[BOX_KEY];
    struct sealed sealed;
    cella_error error = {0};
    cella_status status = sealed_parse(text, size, "fuzz", master, &sealed, &error);
    must(status == CELLA_OK ? sealed.policy && sealed.secret : *error.sentence);
    sealed_drop(&sealed);
}

static void read_master(void)
{
    uint8_t master[BOX_KEY];
    cella_error error = {0};
    must(master_open(one, NULL, master, &error) == CELLA_OK || *error.sentence);
}

/* The token is the issuer's; what it says is anybody's. Report data of zeros is wanted. */
static void judge_token(const uint8_t *data, size_t size)
{
    struct request request = {0};
    cella_demands demands;
    cella_error error = {0};
    char *input = NULL, *claims = jose_encode(data, size), *signature = NULL;
    uint8_t *bytes = NULL;
    size_t length = 0;
    must(claims && asprintf(&input, "eyJhbGciOiJFUzI1NiJ9.%s", claims) > 0 &&
         jose_sign(jose_algorithm("ES256"), key, input, strlen(input), &bytes, &length));
    must((signature = jose_encode(bytes, length)) &&
         asprintf(&request.token, "%s.%s", input, signature) > 0);
    request.size = strlen(request.token);
    cella_demands_default(&demands);
    demands.at = 1700000000;
    struct appraisal appraisal = {verifier, &demands, appraisal_result(demands.at), &error};
    cella_status status = issuers_judge(trusted, &appraisal, &request);
    must(status == CELLA_OK || *error.sentence);
    must(status || memmem(data, size, "\"iss\"", 5) || memchr(data, '\\', size));
    cella_result_free(appraisal.result);
    free(request.token);
    free(signature);
    free(bytes);
    free(claims);
    free(input);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (!key)
        set_up();
    unsigned mode = data[0] % 5;
    data++;
    size--;
    if (mode < 3)
        write_file(mode == 1 ? issuer : one, data, size);
    if (mode == 0)
        read_log(size % 2 ? 1 : SIZE_MAX);
    else if (mode == 1)
        read_issuer_file();
    else if (mode == 2)
        read_master();
    else if (mode == 3)
        read_sealed((const char *)data, size);
    else
        judge_token(data, size);
    return 0;
}
