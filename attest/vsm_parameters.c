/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kernel's command line says, where it is known (vsm_boot.c).
 *
 * What always holds: a parameter counts only if each word of the line is one that undoes no proof.
 * There are hundreds of parameters, and some take out what others put in: initcall_blacklist=
 * leaves out a sysctl or IMA, driver_async_probe= has IMA start without a TPM. So those that are
 * known to be harmless are listed here, not those that are not; and a new kernel's new parameter is
 * none of them until somebody has looked at it.
 */
#include "vsm_tpm.h"

#include <string.h>

struct word {
    const char *bytes;
    size_t size;
};

/* Words that undo no proof: judged below, harmless, or for the first process alone, which the
 * kernel starts after it has heeded its own ("rd.", "systemd."). "*": any rest. The kernel takes
 * "-" for "_": a name in another spelling is not in this list, nor is "--". A console may be an
 * address that the kernel writes to (uart,mmio,...): those that are named are not. */
static const char *const listed[] = {
    /* Judged. */
    "ima_policy=*", "lockdown=*", "lsm=*", "module.sig_enforce", "module.sig_enforce=*",
    "security=*", "sysctl.kernel.kexec_load_disabled=*", "sysctl.kernel.yama.ptrace_scope=*",
    /* What is booted, and from where. */
    "BOOT_IMAGE=*", "fsck.mode=*", "fsck.repair=*", "init=/*", "noresume", "resume=*",
    "resume_offset=*", "ro", "root=*", "rootdelay=*", "rootflags=*", "rootfstype=*", "rootwait",
    "rw",
    /* What is shown, and where. */
    "console=hvc*", "console=tty*", "consoleblank=*", "debug", "earlyprintk=ttyS*", "loglevel=*",
    "nomodeset", "plymouth.*", "quiet", "rhgb", "splash", "vt.handoff=*",
    /* For programs. */
    "cloud-init=*", "ds=*", "locale.*", "luks.*", "modprobe.blacklist=*", "network-config=*",
    "rd.*", "systemd.*", "vconsole.*",
    /* Memory, devices, limits. */
    "amd_iommu=on", "biosdevname=*", "cgroup_enable=*", "crashkernel=*", "default_hugepagesz=*",
    "hugepages=*", "hugepagesz=*", "intel_iommu=on", "iommu=pt", "iommu.strict=1", "ipv6.disable=*",
    "kvm_amd.nested=*", "kvm_amd.sev=*", "kvm_amd.sev_es=*", "kvm_amd.sev_snp=*",
    "kvm_intel.nested=*", "kvm_intel.tdx=*", "net.ifnames=*", "no_timer_check",
    "nvme_core.io_timeout=*", "oops=panic", "panic=*", "random.trust_bootloader=*",
    "random.trust_cpu=*", "scsi_mod.use_blk_mq=*", "swapaccount=*", "transparent_hugepage=*",
    /* More protection, or other. */
    "apparmor=*", "audit=*", "audit_backlog_limit=*", "debugfs=off", "enforcing=*", "ima_hash=*",
    "ima_template=*", "init_on_alloc=1", "init_on_free=1", "mitigations=auto",
    "mitigations=auto,nosmt", "nosmt", "page_alloc.shuffle=1", "pti=on",
    "randomize_kstack_offset=on", "selinux=*", "slab_nomerge", "vsyscall=none"};

static bool fits(const char *pattern, const struct word *word)
{
    size_t length = strlen(pattern);
    bool any = pattern[length - 1] == '*';
    length -= any;
    return (any ? word->size >= length : word->size == length) &&
           memcmp(word->bytes, pattern, length) == 0;
}

static bool is_listed(const struct word *word)
{
    for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
        if (fits(listed[i], word))
            return true;
    return false;
}

static bool next_word(const char **at, struct word *word)
{
    *at += strspn(*at, " ");
    *word = (struct word){*at, strcspn(*at, " ")};
    *at += word->size;
    return word->size > 0;
}

bool vsm_boot_unknown(const struct vsm_boot *boot, char *parameter, size_t size)
{
    struct word word;
    for (const char *at = boot->line; next_word(&at, &word);) {
        if (is_listed(&word))
            continue;
        if (word.size > size - 1)
            word.size = size - 1;
        memcpy(parameter, word.bytes, word.size);
        parameter[word.size] = 0;
        return true;
    }
    return false;
}

/* The value of the parameter that is there exactly once, of `count`. */
static bool find_value(const struct vsm_boot *boot, const char *name, size_t length,
                       struct word *value, size_t *count)
{
    struct word word;
    *count = 0;
    for (const char *at = boot->line; next_word(&at, &word);)
        if (word.size > length && memcmp(word.bytes, name, length) == 0 &&
            word.bytes[length] == '=') {
            *value = (struct word){word.bytes + length + 1, word.size - length - 1};
            ++*count;
        }
    return *count == 1;
}

bool vsm_boot_told(const struct vsm_boot *boot, const char *parameter)
{
    struct word value;
    char unknown[2];
    size_t count, length = strcspn(parameter, "=");
    const char *wanted = parameter + length + 1;
    return !vsm_boot_unknown(boot, unknown, sizeof(unknown)) &&
           find_value(boot, parameter, length, &value, &count) && value.size == strlen(wanted) &&
           memcmp(value.bytes, wanted, value.size) == 0;
}

bool vsm_boot_has_module(const struct vsm_boot *boot, const char *module)
{
    struct word value;
    char unknown[2];
    size_t count, length = strlen(module);
    if (vsm_boot_unknown(boot, unknown, sizeof(unknown)))
        return false;
    /* "security=" is the old way to name one, and turns others off. */
    if (find_value(boot, "security", 8, &value, &count) || count)
        return false;
    if (!find_value(boot, "lsm", 3, &value, &count))
        return count == 0 && *boot->line;
    for (size_t at = 0; at + length <= value.size; at++)
        if (memcmp(value.bytes + at, module, length) == 0 &&
            (at == 0 || value.bytes[at - 1] == ',') &&
            (at + length == value.size || value.bytes[at + length] == ','))
            return true;
    return false;
}
