/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a platform's folder, and of an issuer's: keys and certificates in PEM.
 */
#ifndef ATTEST_PLATFORM_FILES_H
#define ATTEST_PLATFORM_FILES_H

#include <cella/error.h>

#include <limits.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* Where the platform is, as cella_platform_init has it. */
cella_status platform_folder(const char *given, char folder[PATH_MAX], cella_error *error);

/* Makes a file that was not there. False: errno, or OpenSSL failed. */
bool platform_write_key(int folder, const char *name, EVP_PKEY *key);
bool platform_write_certificate(int folder, const char *name, X509 *certificate);

/* What they read is the caller's to free. A key that others may read is refused. */
cella_status platform_read_key(const char *folder, const char *name, EVP_PKEY **key,
                               cella_error *error);
cella_status platform_read_certificate(const char *folder, const char *name, X509 **certificate,
                                       cella_error *error);

#endif
