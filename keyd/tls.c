/* SPDX-License-Identifier: Apache-2.0
 *
 * A self-signed server certificate (RFC 5280).
 */
#include "tls.h"

#include "attest/certificate.h"

#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A host's name that is none of DNS's is left out. */
static bool add_hosts(X509 *certificate)
{
    static const char always[] = "DNS:localhost,IP:127.0.0.1,IP:::1";
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
    char host[64] = "", names[sizeof(always) + sizeof(host) + 8];
    if (gethostname(host, sizeof(host) - 1) != 0 || !*host || host[strspn(host, letters)])
        return certificate_add(certificate, certificate, NID_subject_alt_name, always);
    snprintf(names, sizeof(names), "DNS:%s,%s", host, always);
    return certificate_add(certificate, certificate, NID_subject_alt_name, names);
}

X509 *tls_certificate(EVP_PKEY *key)
{
    X509 *certificate = certificate_make_tls(key, "cella keyd", "serverAuth");
    if (certificate &&
        certificate_add(certificate, certificate, NID_subject_key_identifier, "hash") &&
        add_hosts(certificate) && X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}
