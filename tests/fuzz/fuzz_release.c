/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a statement, as a release, or, by the first byte, as what a party signs, or seals
 * and signs. What is not opened is not told of.
 */
#include "attest/cose.h"
#include "attest/release.h"
#include "box/hpke.h"

#include <stdlib.h>
#include <string.h>

#define TYPE "application/vnd.cella.release+cbor"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cella_statement statement = {.party = "north"};
static uint8_t hpke_secret[32], party_key[32];
static EVP_PKEY *key;

static void must(bool good)
{
    if (!good)
        abort();
}

static void set_up(void)
{
    size_t size = sizeof(party_key);
    key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    must(key && EVP_PKEY_get_raw_public_key(key, party_key, &size) == 1);
    must(hpke_generate(hpke_secret, statement.hpke));
}

static void open_release(const uint8_t *bytes, size_t size)
{
    static struct cella_release release;
    static const struct cella_release none;
    cella_error error = {0};
    if (cella_release_open(bytes, size, &statement, hpke_secret, party_key, 0, &release, &error))
        must(*error.sentence && memcmp(&release, &none, sizeof(none)) == 0);
    else
        must(release.input_count <= RELEASE_LIST && release.parameter_count <= RELEASE_LIST);
}

static void read_statement(const uint8_t *bytes, size_t size)
{
    struct cella_statement read;
    uint8_t *again;
    size_t again_size;
    if (cella_statement_read(bytes, size, &read, NULL))
        return;
    must(cella_statement_make(&read, &again, &again_size, NULL) == CELLA_OK);
    must(again_size == size && memcmp(again, bytes, size) == 0);
    free(again);
}

static void put_bytes(struct cbor_writer *to, const char *name, const void *bytes, size_t size)
{
    cbor_put_text(to, name);
    cbor_put_bytes(to, bytes, size);
}

static void put_address(struct cbor_writer *to)
{
    cbor_put_text(to, "type");
    cbor_put_text(to, "cella release 1");
    put_bytes(to, "contract", statement.contract, 32);
    cbor_put_text(to, "party");
    cbor_put_text(to, statement.party);
    put_bytes(to, "nonce", statement.nonce, 32);
    put_bytes(to, "hpke", statement.hpke, 32);
    cbor_put_text(to, "not_after");
    cbor_put_unsigned(to, 1);
}

static void put_sealed(struct cbor_writer *to, const uint8_t *contents, size_t size)
{
    uint8_t info[15 + 32], enc[32], *sealed = malloc(size + HPKE_TAG);
    struct cbor_writer additional = {0};
    memcpy(info, "cella release 1", 15);
    memcpy(info + 15, statement.contract, 32);
    size_t map = cbor_map_begin(&additional);
    put_address(&additional);
    cbor_map_end(&additional, map);
    must(sealed && hpke_seal(statement.hpke, (struct hpke_bytes){info, sizeof(info)},
                             (struct hpke_bytes){additional.bytes, additional.size},
                             (struct hpke_bytes){contents, size}, enc, sealed));
    map = cbor_map_begin(to);
    put_address(to);
    put_bytes(to, "enc", enc, 32);
    put_bytes(to, "sealed", sealed, size + HPKE_TAG);
    cbor_map_end(to, map);
    cbor_drop(&additional);
    free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cbor_writer payload = {0};
    uint8_t *bytes;
    size_t signed_size;
    if (size == 0)
        return 0;
    if (!key)
        set_up();
    if (data[0] % 4 == 0)
        read_statement(data + 1, size - 1);
    if (data[0] % 4 <= 1) {
        open_release(data + 1, size - 1);
        return 0;
    }
    if (data[0] % 4 == 2)
        cbor_put_encoded(&payload, data + 1, size - 1);
    else
        put_sealed(&payload, data + 1, size - 1);
    must(cose_sign(key, TYPE, NULL, payload.bytes, payload.size, &bytes, &signed_size, NULL) ==
         CELLA_OK);
    open_release(bytes, signed_size);
    free(bytes);
    cbor_drop(&payload);
    return 0;
}
