/* SPDX-License-Identifier: Apache-2.0
 *
 * What matches TCB information.
 */
#include "tcb.h"

#include <string.h>

static bool all_reached(const uint8_t *have, const uint8_t *need, size_t first)
{
    for (size_t i = first; i < TCB_COMPONENTS; i++)
        if (have[i] < need[i])
            return false;
    return true;
}

bool tcb_level_reached(const struct tcb_level *level, const struct tcb_platform *platform)
{
    return all_reached(platform->sgx, level->sgx, 0) && platform->pcesvn >= level->pcesvn &&
           (!platform->tdx ||
            all_reached(platform->tdx, level->tdx, tcb_first_component(platform->tdx)));
}

const struct tcb_level *tcb_info_match(const struct tcb_info *info,
                                       const struct tcb_platform *platform)
{
    for (size_t i = 0; i < info->count; i++)
        if (tcb_level_reached(&info->levels[i], platform))
            return &info->levels[i];
    return NULL;
}

const struct tcb_module *tcb_info_module(const struct tcb_info *info, uint8_t version)
{
    for (size_t i = 0; i < info->module_count; i++)
        if (info->modules[i].version == version)
            return &info->modules[i];
    return NULL;
}

const struct tcb_isv_level *tcb_isv_match(const struct tcb_isv_level *levels, size_t count,
                                          uint16_t isvsvn)
{
    for (size_t i = 0; i < count; i++)
        if (levels[i].isvsvn <= isvsvn)
            return &levels[i];
    return NULL;
}

bool tcb_masked_equal(const uint8_t *bytes, const uint8_t *mask, const uint8_t *value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((bytes[i] & mask[i]) != value[i])
            return false;
    return true;
}
