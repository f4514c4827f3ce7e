/* SPDX-License-Identifier: Apache-2.0
 */
#include "status.h"

#include <string.h>

static const char *const names[] = {
    [TCB_UP_TO_DATE] = "UpToDate",
    [TCB_SW_HARDENING_NEEDED] = "SWHardeningNeeded",
    [TCB_CONFIGURATION_NEEDED] = "ConfigurationNeeded",
    [TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED] = "ConfigurationAndSWHardeningNeeded",
    [TCB_TD_RELAUNCH_ADVISED] = "TDRelaunchAdvised",
    [TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] = "TDRelaunchAdvisedConfigurationNeeded",
    [TCB_OUT_OF_DATE] = "OutOfDate",
    [TCB_OUT_OF_DATE_CONFIGURATION_NEEDED] = "OutOfDateConfigurationNeeded",
    [TCB_REVOKED] = "Revoked",
    [TCB_NOT_SUPPORTED] = "NotSupported (no matching level)",
};

const char *tcb_status_name(enum tcb_status status)
{
    return names[status];
}

bool tcb_status_read(const char *name, enum tcb_status *status)
{
    for (size_t i = 0; i < TCB_NOT_SUPPORTED; i++)
        if (i != TCB_TD_RELAUNCH_ADVISED && i != TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED &&
            strcmp(names[i], name) == 0) {
            *status = (enum tcb_status)i;
            return true;
        }
    return false;
}

bool tcb_status_of_part(enum tcb_status status)
{
    return status == TCB_UP_TO_DATE || status == TCB_OUT_OF_DATE || status == TCB_REVOKED;
}

enum tcb_status tcb_status_merge(enum tcb_status platform, enum tcb_status part)
{
    if (platform == TCB_NOT_SUPPORTED || !tcb_status_of_part(part))
        return TCB_NOT_SUPPORTED;
    if (platform == TCB_REVOKED || part == TCB_REVOKED)
        return TCB_REVOKED;
    if (part == TCB_UP_TO_DATE)
        return platform;
    switch (platform) {
    case TCB_UP_TO_DATE:
    case TCB_SW_HARDENING_NEEDED:
    case TCB_TD_RELAUNCH_ADVISED:
        return TCB_OUT_OF_DATE;
    case TCB_CONFIGURATION_NEEDED:
    case TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED:
    case TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED:
        return TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
    default:
        return platform;
    }
}

static bool needs_configuration(enum tcb_status status)
{
    return status == TCB_CONFIGURATION_NEEDED ||
           status == TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED ||
           status == TCB_OUT_OF_DATE_CONFIGURATION_NEEDED;
}

enum tcb_status tcb_status_relaunch(enum tcb_status launch, enum tcb_status current)
{
    if (launch < TCB_REVOKED && current >= TCB_REVOKED)
        return current;
    if ((launch != TCB_OUT_OF_DATE && launch != TCB_OUT_OF_DATE_CONFIGURATION_NEEDED) ||
        current > TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED)
        return launch;
    return needs_configuration(launch) || needs_configuration(current)
               ? TCB_TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED
               : TCB_TD_RELAUNCH_ADVISED;
}
