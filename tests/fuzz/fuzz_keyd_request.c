/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a request for a key, or, by the first byte, as a recipient's key, as a sealed file,
 * or as an issuer's token in a request. What is refused has a sentence, and nothing is kept.
 */
#include "keyd/fields.h"
#include "keyd/request.h"
#include "keyd/sealed.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
    if (!good)
        abort();
}

static void read_request(const char *text, size_t size)
{
    struct request request;
    cella_error error = {0};
    if (request_read(text, size, &request, &error) == CELLA_OK) {
        must(*request.key && strlen(request.key) < sizeof(request.key));
        must(request.recipient.key && (request.evidence == NULL) != (request.token == NULL));
        must(request.format < FORMATS && (request.size > 0 || request.token));
    } else {
        must(*error.sentence);
    }
    request_drop(&request);
}

/* A key that is read writes what is read as the same key. */
static void read_recipient(const char *text, size_t size)
{
    struct recipient recipient, again;
    cella_error error = {0};
    json_t *jwk;
    if (fields_parse(text, size, "fuzz", &jwk, &error))
        return;
    if (recipient_read(jwk, &recipient, &error) == CELLA_OK) {
        must(recipient_of(recipient.key, &again, &error) == CELLA_OK);
        must(again.kind == recipient.kind && memcmp(again.sha256, recipient.sha256, 32) == 0);
        recipient_drop(&again);
    } else {
        must(*error.sentence);
    }
    recipient_drop(&recipient);
    json_decref(jwk);
}

static void read_sealed(const char *text, size_t size)
{
    static const uint8_t master[BOX_KEY];
    struct sealed sealed;
    cella_error error = {0};
    cella_status status = sealed_parse(text, size, "fuzz", NULL, &sealed, &error);
    must(status != CELLA_OK || (sealed.policy && !sealed.secret));
    sealed_drop(&sealed);
    if (status)
        must(*error.sentence);
    else
        must(sealed_parse(text, size, "fuzz", master, &sealed, &error) != CELLA_OK);
    sealed_drop(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    if (data[0] % 3 == 0)
        read_request(text, size - 1);
    else if (data[0] % 3 == 1)
        read_recipient(text, size - 1);
    else
        read_sealed(text, size - 1);
    return 0;
}
