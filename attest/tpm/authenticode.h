/* SPDX-License-Identifier: Apache-2.0
 *
 * What firmware, the shim and GRUB measure of a program before they start it: Authenticode's hash
 * of a PE file (Microsoft, "Windows Authenticode Portable Executable Signature Format",
 * "Calculating the PE Image Hash"; TCG PC Client PFP, EV_EFI_BOOT_SERVICES_APPLICATION), SHA-256.
 * It leaves out what signing changes, so that it is the same before and after.
 *
 * PE: "MZ"; at 0x3c (4) where the PE header is: "PE\0\0", sections (2 at 6), size of the optional
 * header (2 at 20), that header at 24: magic (2; 0x10b, 0x20b), size of headers (4 at 60), checksum
 * (4 at 64), directories (8 each) at 96 or 112, their number 4 bytes before; the fifth is where
 * signatures are. After the optional header 40 bytes a section: size (4 at 16), place (4 at 20).
 */
#ifndef TPM_AUTHENTICODE_H
#define TPM_AUTHENTICODE_H

#include <cella/error.h>

#include <stddef.h>
#include <stdint.h>

/* CELLA_INVALID: no PE file. */
cella_status authenticode_digest(const uint8_t *bytes, size_t size, uint8_t sha256[32],
                                 cella_error *error);

#endif
