/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate that a keyd's TLS server makes for itself; clients are to be given it.
 */
#ifndef KEYD_TLS_H
#define KEYD_TLS_H

#include <openssl/x509.h>

/* Self-signed, for this host's name, localhost, 127.0.0.1 and ::1; for ten years. NULL: OpenSSL
 * failed. */
X509 *tls_certificate(EVP_PKEY *key);

#endif
