/* SPDX-License-Identifier: Apache-2.0
 *
 * For the tests of attest/tpm.
 */
#ifndef UNIT_TPM_TEST_H
#define UNIT_TPM_TEST_H

#include "attest_vectors.h"

#endif
