/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys for Nitro enclaves: the challenge is the document's nonce; its user data bind nothing.
 */
#include "attest_nitro.h"
#include "keyd_evidence.h"

static char in_nonce[80], in_user_data[160];

static uint8_t *make(size_t *size)
{
    nitro.signature_size = 0;
    write_document();
    *size = nitro.size;
    return nitro.bytes;
}

static uint8_t *make_nitro(const struct binding *binding, size_t *size)
{
    strcpy(in_nonce, "5820"); /* a string of 32 bytes */
    if (binding)
        hex_write(binding->nonce, 32, in_nonce + 4);
    nitro.nonce = binding ? in_nonce : NULL;
    nitro.user_data = NULL;
    return make(size);
}

/* Whoever binds by user data alone. */
static uint8_t *make_with_user_data(const struct binding *binding, size_t *size)
{
    strcpy(in_user_data, "5840");
    if (binding)
        hex_write(binding->report_data, 64, in_user_data + 4);
    nitro.nonce = NULL;
    nitro.user_data = binding ? in_user_data : NULL;
    return make(size);
}

static const struct kind kind = {"nitro", "{'claim':'nitro_module_id','equals':'i'}", CLASS_NONCE,
                                 make_nitro};

static void prepare(void)
{
    default_nitro();
    make_nodes();
    trust("nitro", nitro.nodes[ROOT].certificate);
}

static int begin(void **state)
{
    (void)state;
    return set_up_evidence(prepare);
}

static int end(void **state)
{
    for (int i = 0; i < NODES; i++)
        pki_free(&nitro.nodes[i]);
    return tear_down_evidence(state);
}

static void test_nitro(void **state)
{
    (void)state;
    check_kind(&kind);
}

static void test_user_data(void **state)
{
    char digest[65];
    struct kind other = kind;
    (void)state;
    other.make = make_with_user_data;
    begin_service(60);
    char *nonce = challenge();
    struct binding binding = bound_to(nonce, x25519, kind.name);
    char *request = request_of(&other, nonce, x25519, &binding, digest);
    expect_refusal(request, nonce, CLASS_NONCE);
    free(request);
    free(nonce);
    service_free(service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nitro),
        cmocka_unit_test(test_user_data),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
