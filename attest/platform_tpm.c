/* SPDX-License-Identifier: Apache-2.0
 *
 * A platform whose key is in a TPM: made, and opened. What is in tpm.json is where to find things;
 * nothing of it is believed.
 */
#include "platform_tpm.h"

#include "cbor.h"
#include "evidence.h"
#include "image/fail.h"
#include "image/file.h"
#include "tpm_device.h"
#include "vsm_tpm.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <openssl/ec.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME        "tpm.json"
#define EVENTS      "/sys/kernel/security/tpm0/binary_bios_measurements"
#define IMA         "/sys/kernel/security/ima/binary_runtime_measurements"
#define OTHERS_MOST (12u << 10) /* bytes of evidence that are not "tpm" */
#define QUOTES_MOST 5           /* a PCR may change between being read and being quoted */

struct place {
    json_t *json; /* holds the texts */
    const char *tcti, *events, *ima;
    uint32_t handle;
};

static const char *or_default(const char *given, const char *otherwise)
{
    return given ? given : otherwise;
}

cella_status platform_tpm_public(struct tpm_device *device, uint32_t handle,
                                 struct tpm_answer *area, EVP_PKEY **key, cella_error *error)
{
    struct tpm_public public;
    cella_status status = tpm_device_read_key(device, handle, area, error);
    if (status == CELLA_OK)
        status = tpm_public_read(area->bytes, area->size, &public, error);
    if (status)
        return status;
    if (!tpm_is_attestation_key(public.attributes)) {
        EVP_PKEY_free(public.key);
        return fail(error, CELLA_INVALID, "the TPM's key 0x%x is no attestation key", handle);
    }
    *key = public.key;
    return CELLA_OK;
}

static cella_status read_public(struct tpm_device *device, uint32_t handle, EVP_PKEY **key,
                                cella_error *error)
{
    struct tpm_answer area;
    return platform_tpm_public(device, handle, &area, key, error);
}

/* ---- making ---- */

static bool write_place(int folder, const cella_platform_tpm *where, uint32_t handle)
{
    char text[16];
    snprintf(text, sizeof(text), "0x%08x", handle);
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:s}", "tcti", or_default(where->tcti, "device:/dev/tpmrm0"), "events",
        or_default(where->events, EVENTS), "ima", or_default(where->ima, IMA), "handle", text);
    int fd = openat(folder, NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool good = json && fd >= 0 && json_dumpfd(json, fd, JSON_INDENT(2)) == 0 && fsync(fd) == 0;
    if (fd >= 0)
        good = close(fd) == 0 && good;
    json_decref(json);
    return good;
}

cella_status platform_tpm_make(int folder, const cella_platform_tpm *where, EVP_PKEY **key,
                               cella_error *error)
{
    struct tpm_device *device;
    uint32_t handle;
    cella_status status = tpm_device_open(where->tcti, &device, error);
    if (status)
        return status;
    status = tpm_device_make_key(device, &handle, error);
    if (status == CELLA_OK) {
        status = read_public(device, handle, key, error);
        if (status == CELLA_OK && !write_place(folder, where, handle)) {
            EVP_PKEY_free(*key);
            *key = NULL;
            status = fail(error, CELLA_SYSTEM, NAME ": cannot be written");
        }
        if (status)
            tpm_device_remove_key(device, handle, NULL);
    }
    tpm_device_close(device);
    return status;
}

/* ---- tpm.json ---- */

static cella_status read_place(json_t *json, struct place *place, cella_error *error)
{
    json_error_t why;
    const char *handle;
    char *end;
    *place = (struct place){.json = json};
    if (json &&
        json_unpack_ex(json, &why, JSON_STRICT, "{s:s, s:s, s:s, s:s}", "tcti", &place->tcti,
                       "events", &place->events, "ima", &place->ima, "handle", &handle) == 0) {
        place->handle = (uint32_t)strtoul(handle, &end, 16);
        if (strncmp(handle, "0x", 2) == 0 && strlen(handle) == 10 && !*end)
            return CELLA_OK;
    }
    json_decref(json);
    return fail(error, CELLA_INVALID,
                NAME ": is not as `cella platform init --tpm` writes it; make a new platform");
}

void platform_tpm_unmake(int folder)
{
    struct place place;
    struct tpm_device *device;
    int fd = openat(folder, NAME, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (read_place(json_loadfd(fd, 0, NULL), &place, NULL) == CELLA_OK) {
        if (tpm_device_open(place.tcti, &device, NULL) == CELLA_OK) {
            tpm_device_remove_key(device, place.handle, NULL);
            tpm_device_close(device);
        }
        json_decref(place.json);
    }
    close(fd);
    unlinkat(folder, NAME, 0);
}

static void name_file(const char *folder, char path[PATH_MAX + 16])
{
    snprintf(path, PATH_MAX + 16, "%s/" NAME, folder);
}

bool platform_tpm_is(const char *folder)
{
    char path[PATH_MAX + 16];
    name_file(folder, path);
    return access(path, F_OK) == 0;
}

cella_status platform_tpm_reach(const char *folder, struct tpm_device **device, uint32_t *handle,
                                cella_error *error)
{
    char path[PATH_MAX + 16];
    struct place place;
    name_file(folder, path);
    if (access(path, F_OK))
        return fail(error, CELLA_INVALID,
                    "%s: there is no platform with a TPM here; `cella platform init --tpm` makes "
                    "one",
                    path);
    cella_status status = read_place(json_load_file(path, 0, NULL), &place, error);
    if (status)
        return status;
    status = tpm_device_open(place.tcti, device, error);
    *handle = place.handle;
    json_decref(place.json);
    return status;
}

/* ---- opening ---- */

struct quoted {
    struct tpm_answer quote, signature;
    uint8_t values[TPM_DEVICE_PCRS][TPM_PCR_SIZE];
};

/* Whether the quote is of these values. */
static cella_status check_quote(const struct quoted *quoted, cella_error *error)
{
    struct tpm_attest attest;
    struct tpm_pcrs pcrs = {0};
    struct tpm_bank *bank = tpm_bank_add(&pcrs, tpm_hash(TPM_SHA256));
    bank->given = VSM_TPM_PCRS;
    for (size_t i = 0; i < TPM_PCRS; i++)
        memcpy(bank->values[i], quoted->values[i], TPM_PCR_SIZE);
    cella_status status = tpm_attest_read(quoted->quote.bytes, quoted->quote.size, &attest, error);
    return status ? status : tpm_quote_pcrs(&attest, bank->hash, &pcrs, error);
}

static cella_status quote(struct tpm_device *device, uint32_t handle, const uint8_t qualifying[32],
                          struct quoted *quoted, cella_error *error)
{
    cella_status status = CELLA_REFUSED;
    for (size_t i = 0; i < QUOTES_MOST && status == CELLA_REFUSED; i++) {
        status = tpm_device_read_pcrs(device, VSM_TPM_PCRS, quoted->values, error);
        if (status == CELLA_OK)
            status = tpm_device_quote(device, handle, VSM_TPM_PCRS, qualifying, &quoted->quote,
                                      &quoted->signature, error);
        if (status == CELLA_OK)
            status = check_quote(quoted, error);
    }
    return status;
}

static void put_map(struct cbor_writer *to, const struct quoted *quoted, const uint8_t *key,
                    size_t key_size, const struct platform_log *events,
                    const struct platform_log *ima)
{
    uint8_t values[VSM_TPM_COUNT * TPM_PCR_SIZE], *at = values;
    for (size_t i = 0; i < TPM_PCRS; i++)
        if (VSM_TPM_PCRS >> i & 1) {
            memcpy(at, quoted->values[i], TPM_PCR_SIZE);
            at += TPM_PCR_SIZE;
        }
    size_t map = cbor_map_begin(to);
    cbor_put_text(to, "quote");
    cbor_put_bytes(to, quoted->quote.bytes, quoted->quote.size);
    cbor_put_text(to, "signature");
    cbor_put_bytes(to, quoted->signature.bytes, quoted->signature.size);
    cbor_put_text(to, "key");
    cbor_put_bytes(to, key, key_size);
    cbor_put_text(to, "pcrs");
    cbor_put_bytes(to, values, sizeof(values));
    cbor_put_text(to, "events");
    cbor_put_bytes(to, events->bytes, events->size);
    cbor_put_text(to, "ima");
    cbor_put_bytes(to, ima->bytes, ima->size);
    cbor_put_text(to, "ima_digests");
    cbor_put_bytes(to, ima->digests, ima->digests_size);
    cbor_map_end(to, map);
}

/* The logs, in what room evidence has for them: what was booted first. */
static cella_status gather(const struct place *place, const struct quoted *quoted,
                           const uint8_t *key, size_t key_size, const uint8_t launcher[32],
                           uint8_t **bytes, size_t *size, cella_error *error)
{
    struct platform_log events = {0}, ima = {0};
    struct cbor_writer map = {0};
    const size_t most = EVIDENCE_MOST - OTHERS_MOST - sizeof(quoted->values) - quoted->quote.size -
                        quoted->signature.size - key_size;
    cella_status status = platform_log_events(place->events, most, &events, error);
    if (status == CELLA_OK)
        status = platform_log_ima(place->ima, quoted->values[10], launcher, most - events.size,
                                  &ima, error);
    if (status == CELLA_OK) {
        put_map(&map, quoted, key, key_size, &events, &ima);
        status = cbor_finish(&map, bytes, size, error);
    }
    cbor_drop(&map);
    free(events.bytes);
    free(ima.bytes);
    free(ima.digests);
    return status;
}

static cella_status check_certified(struct tpm_device *device, uint32_t handle, EVP_PKEY *certified,
                                    cella_error *error)
{
    EVP_PKEY *own = NULL;
    cella_status status = read_public(device, handle, &own, error);
    if (status)
        return status;
    if (EVP_PKEY_eq(own, certified) != 1)
        status = fail(error, CELLA_INVALID,
                      "platform.pem: is not of the key that is in the TPM; make a new platform");
    EVP_PKEY_free(own);
    return status;
}

static cella_status open_place(const struct place *place, EVP_PKEY *certified,
                               const uint8_t launcher[32], EVP_PKEY **session, uint8_t **bytes,
                               size_t *size, cella_error *error)
{
    struct tpm_device *device;
    struct quoted quoted;
    uint8_t *key = NULL, qualifying[32];
    cella_status status = tpm_device_open(place->tcti, &device, error);
    if (status)
        return status;
    EVP_PKEY *made = EVP_EC_gen("P-256");
    int key_size = made ? i2d_PUBKEY(made, &key) : 0;
    status = key_size <= 0 ? fail(error, CELLA_SYSTEM, "OpenSSL makes no P-256 key")
                           : check_certified(device, place->handle, certified, error);
    if (status == CELLA_OK)
        status = vsm_tpm_qualify(key, (size_t)key_size, qualifying, error);
    if (status == CELLA_OK)
        status = quote(device, place->handle, qualifying, &quoted, error);
    if (status == CELLA_OK)
        status = gather(place, &quoted, key, (size_t)key_size, launcher, bytes, size, error);
    tpm_device_close(device);
    OPENSSL_free(key);
    if (status)
        EVP_PKEY_free(made);
    else
        *session = made;
    return status;
}

cella_status platform_tpm_open(const char *folder, EVP_PKEY *certified, const uint8_t launcher[32],
                               EVP_PKEY **session, uint8_t **bytes, size_t *size,
                               cella_error *error)
{
    char path[PATH_MAX + 16];
    struct place place;
    name_file(folder, path);
    cella_status status = read_place(json_load_file(path, 0, NULL), &place, error);
    if (status)
        return status;
    status = open_place(&place, certified, launcher, session, bytes, size, error);
    json_decref(place.json);
    return status;
}
