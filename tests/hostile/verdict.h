/* SPDX-License-Identifier: Apache-2.0
 *
 * What a victim says by its exit status, the one word that the hostile host does not change.
 */
#ifndef HOSTILE_VERDICT_H
#define HOSTILE_VERDICT_H

#define VERDICT_GOOD     0  /* every result was one that Linux can give, and memory is whole */
#define VERDICT_LEAST    64 /* from here on: an impossible result, or damaged memory */
#define VERDICT_MEMORY   64 /* a canary or the private data changed */
#define VERDICT_RESULT   65 /* a result out of range, or an errno that does not exist */
#define VERDICT_BEYOND   66 /* bytes of a buffer beyond the result were written */
#define VERDICT_STATUS   67 /* a struct stat that cannot be */
#define VERDICT_LIST     68 /* directory entries that cannot be */
#define VERDICT_CLOCK    69 /* time went back, or slept too short */
#define VERDICT_THREAD   70 /* threads lost an update or saw a wait end too early */
#define VERDICT_ARGUMENT 71 /* argv or envp malformed */
#define VERDICT_POLL     72 /* poll's answer does not fit itself */
#define VERDICT_SOCKET   73 /* an address that cannot be */
#define VERDICT_SERVE    74 /* a request that cannot be */
#define VERDICT_BOX      75 /* a box gave bytes that were never put there */
#define VERDICT_LOST     76 /* what fsync had acknowledged is gone */

/* A folder in /plain: while it is there, the host is honest. */
#define VERDICT_TRUCE "truce"

#endif
