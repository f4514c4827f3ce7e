/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a policy, evaluated on fixed claims. A verdict always has its trace; a denial has a
 * reason; the same policy says the same again.
 */
#include "attest/policy/policy.h"

#include <stdbool.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const json_t *claims(void)
{
    static json_t *made;
    if (!made)
        made = json_loads(
            "{\"iss\":\"https://a\",\"debug\":false,\"svn\":7,\"real\":1.5,"
            "\"x-ms-attestation-type\":\"sgx\",\"list\":[1,\"b\",true],"
            "\"x-ms-isolation-tee\":{\"b.c\":\"d\",\"e\":true},\"none\":null}",
            0, NULL);
    return made;
}

static void check(const json_t *trace, cella_status status)
{
    bool denied = status == CELLA_REFUSED;
    if (!trace || (status != CELLA_OK && !denied) ||
        denied != (json_array_size(json_object_get(trace, "reasons")) > 0) ||
        (denied && json_object_size(json_object_get(trace, "issued")) > 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cella_error error = {0};
    struct policy *policy;
    json_t *trace, *again;
    cella_status status = policy_read(data, size, "fuzz", &policy, &error);
    if (status) {
        if (policy || error.sentence[0] == 0)
            abort();
        return 0;
    }
    policy_check(policy, &error);
    status = policy_evaluate(policy, claims(), &trace);
    check(trace, status);
    if (policy_evaluate(policy, claims(), &again) != status || !json_equal(trace, again))
        abort();
    json_decref(again);
    json_decref(trace);
    policy_free(policy);
    return 0;
}
