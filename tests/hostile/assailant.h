/* SPDX-License-Identifier: Apache-2.0
 *
 * What the attacking program and its host's test both know.
 */
#ifndef HOSTILE_ASSAILANT_H
#define HOSTILE_ASSAILANT_H

#define ASSAILANT_MARK "what lies outside of the folder that is served"
#define VERDICT_SEEN   90 /* ... and came in */

#endif
