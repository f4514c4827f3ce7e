/* SPDX-License-Identifier: Apache-2.0
 *
 * One session for each key, used by one thread at a time: modules and tokens differ in how many
 * they bear.
 */
#include "pkcs11.h"

#include "fields.h"
#include "image/fail.h"
#include "image/hex.h"

#include <dlfcn.h>
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TEXT     256u /* bytes of a label, an id or a PIN, at most */
#define SLOTS    64u
#define RSA_MOST 512u

/* PKCS#11 2.40, section 2.1.21; p11-kit has no declaration of it. */
struct rsa_aes_parameters {
    CK_ULONG aes_bits;
    CK_RSA_PKCS_OAEP_PARAMS *oaep;
};

struct pkcs11 {
    pthread_mutex_t lock;
    char where[128];
    char module[PATH_MAX], token[33], label[TEXT + 1], pin[TEXT + 1];
    uint8_t id[TEXT];
    size_t id_size;
    CK_FUNCTION_LIST *functions;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session; /* 0: none */
    CK_OBJECT_HANDLE key;
    bool has_mechanism; /* CKM_RSA_AES_KEY_WRAP */
    bool pin_refused;   /* it is not tried again: tokens count, and lock themselves */
};

static cella_status failed(const struct pkcs11 *key, const char *call, CK_RV result,
                           cella_error *error)
{
    return fail(error, CELLA_SYSTEM,
                "%s: the PKCS#11 token %s fails: %s of %s says 0x%lx; is it there, and has it "
                "what it needs?",
                key->where, key->token, call, key->module, result);
}

static cella_status kept(const struct pkcs11 *key, cella_error *error)
{
    return fail(error, CELLA_INVALID,
                "%s: the PKCS#11 token %s lets this key out to nobody: make one that may be "
                "wrapped (CKA_EXTRACTABLE; CKA_SENSITIVE hides it all the same)",
                key->where, key->token);
}

/* ---- opening ---- */

static cella_status copy(const struct pkcs11 *key, const json_t *value, const char *name, char *to,
                         size_t room, cella_error *error)
{
    if (!value)
        return CELLA_OK;
    if (json_string_length(value) == 0 || json_string_length(value) >= room)
        return fail(error, CELLA_INVALID, "%s: PKCS#11: %s: must have 1 to %zu bytes", key->where,
                    name, room - 1);
    strcpy(to, json_string_value(value));
    return CELLA_OK;
}

static cella_status read_reference(struct pkcs11 *key, const char *text, size_t size,
                                   cella_error *error)
{
    json_t *object;
    const json_t *module, *token, *label, *id, *pin;
    const struct field fields[] = {
        {"module", JSON_STRING, false, &module}, {"token", JSON_STRING, false, &token},
        {"label", JSON_STRING, true, &label},    {"id", JSON_STRING, true, &id},
        {"pin", JSON_STRING, false, &pin},
    };
    cella_status status = fields_parse(text, size, key->where, &object, error);
    if (status)
        return status;
    if (!(status = FIELDS_READ(object, key->where, fields, error)) &&
        !(status = copy(key, module, "module", key->module, sizeof(key->module), error)) &&
        !(status = copy(key, token, "token", key->token, sizeof(key->token), error)) &&
        !(status = copy(key, label, "label", key->label, sizeof(key->label), error)))
        status = copy(key, pin, "pin", key->pin, sizeof(key->pin), error);
    key->id_size = status || !id ? 0 : json_string_length(id) / 2;
    if (status == CELLA_OK && (label == NULL) == (id == NULL))
        status = fail(error, CELLA_INVALID, "%s: PKCS#11: either a label or an id is wanted",
                      key->where);
    else if (key->id_size > TEXT || (id && !key->id_size && !status))
        status = fail(error, CELLA_INVALID, "%s: PKCS#11: id: must have 1 to %u bytes", key->where,
                      TEXT);
    else if (key->id_size && status == CELLA_OK)
        status = fields_hex(id, key->where, "id", key->id, key->id_size, error);
    if (pin)
        OPENSSL_cleanse((void *)(uintptr_t)json_string_value(pin), json_string_length(pin));
    json_decref(object);
    return status;
}

/* It stays loaded: other keys may be in it, and few modules bear to be loaded twice. */
static cella_status load_module(struct pkcs11 *key, cella_error *error)
{
    void *module = dlopen(key->module, RTLD_NOW | RTLD_LOCAL);
    if (!module)
        return fail(error, CELLA_INVALID,
                    "%s: the PKCS#11 module cannot be loaded: %s; is it installed?", key->where,
                    dlerror());
    CK_C_GetFunctionList get;
    *(void **)&get = dlsym(module, "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    CK_RV result = get ? get(&key->functions) : CKR_FUNCTION_NOT_SUPPORTED;
    if (result == CKR_OK && key->functions)
        result = key->functions->C_Initialize(&arguments);
    return result == CKR_OK || result == CKR_CRYPTOKI_ALREADY_INITIALIZED
               ? CELLA_OK
               : failed(key, "C_Initialize", result, error);
}

static cella_status find_token(struct pkcs11 *key, cella_error *error)
{
    CK_SLOT_ID slots[SLOTS];
    CK_ULONG count = SLOTS;
    size_t size = strlen(key->token);
    CK_RV result = key->functions->C_GetSlotList(CK_TRUE, slots, &count);
    if (result != CKR_OK)
        return failed(key, "C_GetSlotList", result, error);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        char label[32];
        memset(label, ' ', sizeof(label));
        memcpy(label, key->token, size);
        if (key->functions->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
            memcmp(info.label, label, sizeof(label)) == 0) {
            key->slot = slots[i];
            return CELLA_OK;
        }
    }
    return fail(error, CELLA_INVALID,
                "%s: the PKCS#11 module %s has no token labelled %s; is it plugged in, or set up?",
                key->where, key->module, key->token);
}

/* The keys of a class that are meant; at most two are told. */
static CK_RV find_keys(struct pkcs11 *key, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE found[2],
                       CK_ULONG *count)
{
    CK_ATTRIBUTE attributes[] = {{CKA_CLASS, &class, sizeof(class)},
                                 key->id_size
                                     ? (CK_ATTRIBUTE){CKA_ID, key->id, key->id_size}
                                     : (CK_ATTRIBUTE){CKA_LABEL, key->label, strlen(key->label)}};
    CK_RV result = key->functions->C_FindObjectsInit(key->session, attributes, 2);
    if (result != CKR_OK)
        return result;
    result = key->functions->C_FindObjects(key->session, found, 2, count);
    key->functions->C_FindObjectsFinal(key->session);
    return result;
}

static cella_status find_key(struct pkcs11 *key, cella_error *error)
{
    CK_OBJECT_HANDLE secret[2], private[2];
    CK_ULONG secrets = 0, privates = 0;
    CK_RV result = find_keys(key, CKO_SECRET_KEY, secret, &secrets);
    if (result == CKR_OK)
        result = find_keys(key, CKO_PRIVATE_KEY, private, &privates);
    if (result != CKR_OK)
        return failed(key, "C_FindObjects", result, error);
    if (secrets + privates != 1)
        return fail(error, CELLA_INVALID,
                    "%s: the PKCS#11 token %s has %s key of that label or id; one is wanted",
                    key->where, key->token, secrets + privates ? "more than one" : "no");
    key->key = secrets ? secret[0] : private[0];
    return CELLA_OK;
}

/* A key that may not leave its token can be released to nobody: said when it is opened. */
static cella_status check_key(const struct pkcs11 *key, cella_error *error)
{
    CK_BBOOL extractable = CK_FALSE;
    CK_ATTRIBUTE attribute = {CKA_EXTRACTABLE, &extractable, sizeof(extractable)};
    CK_RV result = key->functions->C_GetAttributeValue(key->session, key->key, &attribute, 1);
    if (result != CKR_OK)
        return failed(key, "C_GetAttributeValue", result, error);
    return extractable ? CELLA_OK : kept(key, error);
}

static cella_status refuse_pin(struct pkcs11 *key, cella_error *error)
{
    key->pin_refused = true;
    return fail(error, CELLA_REFUSED,
                "%s: the PKCS#11 token %s refuses the PIN; add the key anew with the right one",
                key->where, key->token);
}

static cella_status login(struct pkcs11 *key, cella_error *error)
{
    CK_RV result = CKR_PIN_INCORRECT;
    if (!key->pin_refused)
        result = key->functions->C_Login(key->session, CKU_USER, (CK_UTF8CHAR *)key->pin,
                                         strlen(key->pin));
    if (result == CKR_PIN_INCORRECT || result == CKR_PIN_INVALID || result == CKR_PIN_LEN_RANGE)
        return refuse_pin(key, error);
    if (result == CKR_PIN_LOCKED || result == CKR_PIN_EXPIRED)
        return fail(error, CELLA_REFUSED,
                    "%s: the PKCS#11 token %s says that its PIN %s; its security officer can set "
                    "another",
                    key->where, key->token, result == CKR_PIN_LOCKED ? "is locked" : "has expired");
    return result == CKR_OK || result == CKR_USER_ALREADY_LOGGED_IN
               ? CELLA_OK
               : failed(key, "C_Login", result, error);
}

static void disconnect(struct pkcs11 *key)
{
    if (key->session)
        key->functions->C_CloseSession(key->session);
    key->session = 0;
}

static cella_status connect(struct pkcs11 *key, cella_error *error)
{
    CK_MECHANISM_INFO info;
    cella_status status = find_token(key, error);
    if (status)
        return status;
    CK_RV result = key->functions->C_OpenSession(key->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                                 NULL, NULL, &key->session);
    if (result != CKR_OK) {
        key->session = 0;
        return failed(key, "C_OpenSession", result, error);
    }
    key->has_mechanism =
        key->functions->C_GetMechanismInfo(key->slot, CKM_RSA_AES_KEY_WRAP, &info) == CKR_OK &&
        info.flags & CKF_WRAP;
    status = login(key, error);
    if (status == CELLA_OK)
        status = find_key(key, error);
    if (status == CELLA_OK)
        status = check_key(key, error);
    if (status)
        disconnect(key);
    return status;
}

cella_status pkcs11_open(const char *reference, size_t size, const char *where,
                         struct pkcs11 **opened, cella_error *error)
{
    struct pkcs11 *key = calloc(1, sizeof(*key));
    *opened = NULL;
    if (!key)
        return fail(error, CELLA_MEMORY, "%s: no memory to open it", where);
    pthread_mutex_init(&key->lock, NULL);
    snprintf(key->where, sizeof(key->where), "%s", where);
    cella_status status = read_reference(key, reference, size, error);
    if (status == CELLA_OK)
        status = load_module(key, error);
    if (status == CELLA_OK)
        status = connect(key, error);
    if (status)
        pkcs11_close(key);
    else
        *opened = key;
    return status;
}

void pkcs11_close(struct pkcs11 *key)
{
    if (!key)
        return;
    disconnect(key);
    pthread_mutex_destroy(&key->lock);
    OPENSSL_cleanse(key, sizeof(*key));
    free(key);
}

/* ---- wrapping ---- */

/* An RSA public key as an object of the session. */
static CK_RV import_rsa(struct pkcs11 *key, EVP_PKEY *rsa, CK_OBJECT_HANDLE *object)
{
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_KEY_TYPE type = CKK_RSA;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    BIGNUM *n = NULL, *e = NULL;
    uint8_t modulus[RSA_MOST], exponent[8];
    CK_RV result = CKR_HOST_MEMORY;
    if (EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
        BN_num_bytes(n) <= (int)sizeof(modulus) && BN_num_bytes(e) <= (int)sizeof(exponent)) {
        CK_ATTRIBUTE attributes[] = {
            {CKA_CLASS, &class, sizeof(class)},
            {CKA_KEY_TYPE, &type, sizeof(type)},
            {CKA_TOKEN, &no, sizeof(no)},
            {CKA_WRAP, &yes, sizeof(yes)},
            {CKA_ENCRYPT, &yes, sizeof(yes)},
            {CKA_MODULUS, modulus, (CK_ULONG)BN_bn2bin(n, modulus)},
            {CKA_PUBLIC_EXPONENT, exponent, (CK_ULONG)BN_bn2bin(e, exponent)},
        };
        result = key->functions->C_CreateObject(key->session, attributes,
                                                sizeof(attributes) / sizeof(attributes[0]), object);
    }
    BN_free(n);
    BN_free(e);
    return result;
}

static CK_RV make_aes(struct pkcs11 *key, CK_OBJECT_HANDLE *object)
{
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG size = 32;
    CK_ATTRIBUTE attributes[] = {
        {CKA_TOKEN, &no, sizeof(no)},         {CKA_WRAP, &yes, sizeof(yes)},
        {CKA_SENSITIVE, &yes, sizeof(yes)},   {CKA_EXTRACTABLE, &yes, sizeof(yes)},
        {CKA_VALUE_LEN, &size, sizeof(size)},
    };
    return key->functions->C_GenerateKey(key->session, &mechanism, attributes,
                                         sizeof(attributes) / sizeof(attributes[0]), object);
}

static CK_RV wrap_key(struct pkcs11 *key, CK_MECHANISM_TYPE type, void *parameter,
                      CK_ULONG parameter_size, CK_OBJECT_HANDLE under, CK_OBJECT_HANDLE object,
                      uint8_t *to, size_t room, size_t *size)
{
    CK_MECHANISM mechanism = {type, parameter, parameter_size};
    CK_ULONG done = room;
    CK_RV result = key->functions->C_WrapKey(key->session, &mechanism, under, object, to, &done);
    *size = done;
    return result;
}

/* The two steps of the mechanism, one by one. */
static CK_RV wrap_by_steps(struct pkcs11 *key, CK_RSA_PKCS_OAEP_PARAMS *oaep, CK_OBJECT_HANDLE rsa,
                           uint8_t *to, size_t room, size_t *size)
{
    CK_OBJECT_HANDLE aes = 0;
    size_t first = 0, second = 0;
    CK_RV result = make_aes(key, &aes);
    if (result != CKR_OK)
        return result;
    result = wrap_key(key, CKM_RSA_PKCS_OAEP, oaep, sizeof(*oaep), rsa, aes, to, room, &first);
    if (result == CKR_OK)
        result = wrap_key(key, CKM_AES_KEY_WRAP_PAD, NULL, 0, aes, key->key, to + first,
                          room - first, &second);
    key->functions->C_DestroyObject(key->session, aes);
    *size = first + second;
    return result;
}

static CK_RV wrap_once(struct pkcs11 *key, EVP_PKEY *rsa, CK_RSA_PKCS_OAEP_PARAMS *oaep,
                       uint8_t *to, size_t room, size_t *size)
{
    CK_OBJECT_HANDLE object = 0;
    CK_RV result = key->session ? import_rsa(key, rsa, &object) : CKR_SESSION_HANDLE_INVALID;
    if (result != CKR_OK)
        return result;
    struct rsa_aes_parameters parameters = {256, oaep};
    result = key->has_mechanism ? wrap_key(key, CKM_RSA_AES_KEY_WRAP, &parameters,
                                           sizeof(parameters), object, key->key, to, room, size)
                                : wrap_by_steps(key, oaep, object, to, room, size);
    key->functions->C_DestroyObject(key->session, object);
    return result;
}

static bool session_is_gone(CK_RV result)
{
    static const CK_RV gone[] = {
        CKR_SESSION_HANDLE_INVALID, CKR_SESSION_CLOSED, CKR_USER_NOT_LOGGED_IN,
        CKR_OBJECT_HANDLE_INVALID,  CKR_DEVICE_REMOVED, CKR_KEY_HANDLE_INVALID,
        CKR_TOKEN_NOT_PRESENT,      CKR_DEVICE_ERROR,   CKR_WRAPPING_KEY_HANDLE_INVALID,
    };
    for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        if (result == gone[i])
            return true;
    return false;
}

static cella_status why(const struct pkcs11 *key, CK_RV result, cella_error *error)
{
    if (result == CKR_KEY_UNEXTRACTABLE || result == CKR_KEY_NOT_WRAPPABLE)
        return kept(key, error);
    if (result == CKR_ARGUMENTS_BAD || result == CKR_MECHANISM_PARAM_INVALID ||
        result == CKR_MECHANISM_INVALID)
        return fail(error, CELLA_UNSUPPORTED,
                    "%s: the PKCS#11 module cannot wrap in this format (0x%lx)", key->where,
                    result);
    return failed(key, "C_WrapKey", result, error);
}

cella_status pkcs11_wrap(struct pkcs11 *key, EVP_PKEY *rsa, const char *hash, uint8_t *to,
                         size_t room, size_t *size, cella_error *error)
{
    static const struct {
        const char *hash;
        CK_MECHANISM_TYPE mechanism;
        CK_RSA_PKCS_MGF_TYPE mask;
    } hashes[] = {{"SHA1", CKM_SHA_1, 1}, {"SHA256", CKM_SHA256, 2}, {"SHA384", CKM_SHA384, 3}};
    CK_RSA_PKCS_OAEP_PARAMS oaep = {.source = 1 /* CKZ_DATA_SPECIFIED */};
    for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
        if (strcmp(hashes[i].hash, hash) == 0) {
            oaep.hash_alg = hashes[i].mechanism;
            oaep.mgf = hashes[i].mask;
        }
    *size = 0;
    pthread_mutex_lock(&key->lock);
    CK_RV result = wrap_once(key, rsa, &oaep, to, room, size);
    cella_status status = CELLA_OK;
    if (session_is_gone(result)) {
        disconnect(key);
        status = connect(key, error) == CELLA_OK ? CELLA_OK : CELLA_SYSTEM; /* not the asker's */
        if (status == CELLA_OK)
            result = wrap_once(key, rsa, &oaep, to, room, size);
    }
    if (status == CELLA_OK && result != CKR_OK)
        status = why(key, result, error);
    pthread_mutex_unlock(&key->lock);
    return status;
}
