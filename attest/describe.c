/* SPDX-License-Identifier: Apache-2.0
 *
 * What a verifier's collateral is, piece by piece. A description, not a verdict: whether a chain
 * leads to a root that is trusted is judged with evidence alone.
 */
#include "collateral.h"
#include "ecdsa.h"
#include "image/hex.h"
#include "refusal.h"
#include "sgx/pck.h"
#include "sgx/tcb.h"
#include "snp/certificate.h"

#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

struct describing {
    cella_verifier *verifier;
    int64_t at;
    json_t *piece;
    bool failed;
};

static void put(struct describing *describing, const char *name, json_t *value)
{
    if (json_object_set_new(describing->piece, name, value))
        describing->failed = true;
}

static void put_name(struct describing *describing, const char *name, const struct der *of)
{
    char text[128];
    x509_common_name(of, text);
    put(describing, name, json_string(text));
}

static void put_hex(struct describing *describing, const char *name, const uint8_t *bytes,
                    size_t size)
{
    char text[65];
    put(describing, name, json_string(hex_write(bytes, size, text)));
}

static void put_period(struct describing *describing, int64_t from, int64_t until)
{
    char text[32];
    put(describing, "from", json_string(time_text(from, text)));
    put(describing, "until", json_string(time_text(until, text)));
    put(describing, "state",
        json_string(describing->at < from    ? "not yet valid"
                    : describing->at > until ? "expired"
                                             : "valid"));
}

/* ---- whose signature it has ---- */

typedef bool signs(cella_verifier *verifier, const struct collateral *piece,
                   const struct x509 *certificate);

static bool signs_certificate(cella_verifier *verifier, const struct collateral *piece,
                              const struct x509 *certificate)
{
    const struct x509_signed *object = &piece->certificate->is;
    return der_same(&object->issuer, &certificate->subject) &&
           x509_signed_by(verifier, object, certificate);
}

static bool signs_list(cella_verifier *verifier, const struct collateral *piece,
                       const struct x509 *certificate)
{
    const struct x509_signed *object = &piece->list->is;
    return der_same(&object->issuer, &certificate->subject) &&
           x509_signed_by(verifier, object, certificate);
}

static bool signs_document(cella_verifier *verifier, const struct collateral *piece,
                           const struct x509 *certificate)
{
    (void)verifier;
    EVP_PKEY *key = certificate->key;
    return key && ecdsa_is_key(key, ECDSA_P256) &&
           ecdsa_verify(key, EVP_sha256(), piece->document.signature, 32, piece->document.bytes,
                        piece->document.size);
}

/* The name of a certificate of the collateral that signed it, or null. */
static void put_signer(struct describing *describing, const struct collateral *piece, signs *by)
{
    const cella_verifier *verifier = describing->verifier;
    char name[128];
    for (size_t i = 0; i < verifier->count; i++) {
        const struct collateral *one = &verifier->collateral[i];
        if (one->kind == COLLATERAL_CERTIFICATE &&
            by(describing->verifier, piece, one->certificate)) {
            x509_common_name(&one->certificate->subject, name);
            put(describing, "signed_by", json_string(name));
            return;
        }
    }
    put(describing, "signed_by", json_null());
}

/* ---- each kind ---- */

/* Of a VCEK or VLEK: "Milan-B0, chip ..., bootloader 3, tee 0, snp 8, microcode 115". */
static void describe_vek(struct describing *describing, const struct x509 *certificate)
{
    struct snp_certificate vek;
    const char *problem;
    char text[512], hwid[129];
    if (snp_certificate_read(&certificate->is.extensions, &vek, &problem) != CELLA_OK)
        return;
    size_t used = (size_t)snprintf(
        text, sizeof(text), "%s, %s %s", vek.product, vek.hwid_size ? "chip" : "leased to",
        vek.hwid_size ? hex_write(vek.hwid, vek.hwid_size, hwid) : vek.csp);
    for (size_t i = 0; i < SNP_COMPONENTS; i++)
        if (vek.has[i] && snp_components[i].query)
            used += (size_t)snprintf(text + used, sizeof(text) - used, ", %s %u",
                                     snp_components[i].name, vek.components[i]);
    put(describing, "platform", json_string(text));
}

/* Of a PCK certificate: "PCE 0000, PCE SVN 11, components 2 2 ..., by Intel SGX PCK Platform CA";
 * its FMSPC is what TCB information is found by. */
static void describe_pck(struct describing *describing, const struct x509 *certificate)
{
    struct der extension;
    struct pck pck;
    char issuer[128], text[320];
    if (!x509_extension(certificate, PCK_OID, &extension))
        return;
    if (!pck_read(extension.bytes, extension.size, &pck)) {
        put(describing, "platform", json_string("not known: Intel's extension is malformed"));
        return;
    }
    size_t used = (size_t)snprintf(text, sizeof(text), "PCE %02x%02x, PCE SVN %u, components",
                                   pck.pceid[0], pck.pceid[1], pck.pcesvn);
    for (size_t i = 0; i < TCB_COMPONENTS; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, " %u", pck.components[i]);
    x509_common_name(&certificate->is.issuer, issuer);
    snprintf(text + used, sizeof(text) - used, ", by %s", issuer);
    put_hex(describing, "fmspc", pck.fmspc, sizeof(pck.fmspc));
    put(describing, "pcesvn", json_integer(pck.pcesvn));
    put(describing, "platform", json_string(text));
}

static void describe_certificate(struct describing *describing, const struct collateral *piece)
{
    const struct x509 *certificate = piece->certificate;
    put(describing, "kind", json_string("certificate"));
    put_name(describing, "of", &certificate->subject);
    put_name(describing, "issuer", &certificate->is.issuer);
    describe_vek(describing, certificate);
    describe_pck(describing, certificate);
    put_signer(describing, piece, signs_certificate);
    put_period(describing, certificate->from, certificate->until);
}

static void describe_list(struct describing *describing, const struct collateral *piece)
{
    put(describing, "kind", json_string("revocation list"));
    put_name(describing, "of", &piece->list->is.issuer);
    put(describing, "entries", json_integer((json_int_t)piece->list->count));
    put_signer(describing, piece, signs_list);
    put_period(describing, piece->list->from, piece->list->until);
}

static void describe_tcb_info(struct describing *describing, const struct collateral *piece)
{
    const struct tcb_info *info = piece->parsed;
    put(describing, "kind", json_string("TCB information"));
    put(describing, "of", json_string(info->tdx ? "TDX" : "SGX"));
    put_hex(describing, "fmspc", info->fmspc, sizeof(info->fmspc));
    put(describing, "version", json_integer(info->version));
    put(describing, "evaluation", json_integer(info->evaluation));
    put_signer(describing, piece, signs_document);
    put_period(describing, info->issued, info->next_update);
}

static void describe_identity(struct describing *describing, const struct collateral *piece)
{
    const struct tcb_identity *identity = piece->parsed;
    put(describing, "kind", json_string("identity"));
    put(describing, "of", json_string(identity->id));
    put(describing, "evaluation", json_integer(identity->evaluation));
    put_signer(describing, piece, signs_document);
    put_period(describing, identity->issued, identity->next_update);
}

static void describe_log(struct describing *describing, const struct collateral *piece)
{
    put(describing, "kind",
        json_string(piece->kind == COLLATERAL_IMA_LOG ? "IMA log" : "event log"));
    put(describing, "bytes", json_integer((json_int_t)piece->size));
}

static void describe(struct describing *describing, const struct collateral *piece)
{
    switch (piece->kind) {
    case COLLATERAL_CERTIFICATE:
        describe_certificate(describing, piece);
        break;
    case COLLATERAL_CRL:
        describe_list(describing, piece);
        break;
    case COLLATERAL_TCB_INFO:
        describe_tcb_info(describing, piece);
        break;
    case COLLATERAL_IDENTITY:
        describe_identity(describing, piece);
        break;
    case COLLATERAL_EVENT_LOG:
    case COLLATERAL_IMA_LOG:
        describe_log(describing, piece);
        break;
    }
    put(describing, "file", json_string(piece->name));
}

char *cella_verifier_describe(cella_verifier *verifier, int64_t at)
{
    struct describing describing = {.verifier = verifier, .at = at};
    json_t *all = json_array();
    for (size_t i = 0; all && i < verifier->count; i++) {
        describing.piece = json_object();
        describe(&describing, &verifier->collateral[i]);
        if (json_array_append_new(all, describing.piece))
            describing.failed = true;
    }
    char *text = all && !describing.failed ? json_dumps(all, JSON_COMPACT) : NULL;
    json_decref(all);
    return text;
}
