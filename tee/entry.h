/* SPDX-License-Identifier: Apache-2.0
 *
 * What a TEE tells a thread in rdx when it enters it: the one thing of tee.h that the runtime
 * knows.
 */
#ifndef TEE_ENTRY_H
#define TEE_ENTRY_H

enum tee_entry_flags {
    TEE_ENTRY_DEBUG = 1u << 0, /* attributes.DEBUG: the runtime may say what went wrong */
};

#endif
