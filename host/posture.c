/* SPDX-License-Identifier: Apache-2.0
 *
 * One reader a row; the table at the end is the order in which they are shown.
 */
#include "posture.h"

#include "../tee/vsm/kvm.h"

#include <cpuid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TEXT_MOST 4096
/* The EFI global variable of the UEFI specification, section 3.3. */
#define SECURE_BOOT     "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
#define VULNERABILITIES "sys/devices/system/cpu/vulnerabilities"
#define SECURITYFS      "sys/kernel/security"

/* Where rows look: a descriptor of the folder that holds proc, sys and dev. */
struct source {
    int root;
};

__attribute__((format(printf, 4, 5))) static void settle(struct posture_row *row,
                                                         enum posture_class class,
                                                         const char *meaning, const char *value,
                                                         ...)
{
    va_list arguments;
    row->class = class;
    row->meaning = meaning;
    va_start(arguments, value);
    vsnprintf(row->value, sizeof(row->value), value, arguments);
    va_end(arguments);
    for (char *at = row->value; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

/* Nothing is absent only because proc, sys or dev is not there at all. */
static bool is_mounted(const struct source *source, const char *path)
{
    static const struct {
        const char *tree, *witness;
    } trees[] = {{"proc/", "proc/version"}, {"sys/", "sys/kernel"}, {"dev/", "dev/null"}};
    struct stat status;
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
        if (strncmp(path, trees[i].tree, strlen(trees[i].tree)) == 0)
            return fstatat(source->root, trees[i].witness, &status, 0) == 0;
    return false;
}

/* What a failure means: -ENOENT only where absence was seen, -ENODEV where it could not be. */
static int absence(const struct source *source, const char *path, int number)
{
    return number != ENOENT ? -number : is_mounted(source, path) ? -ENOENT : -ENODEV;
}

/* The first TEXT_MOST - 1 bytes of a file, without a final newline: their number, or -errno. */
static int read_text(const struct source *source, const char *path, char text[TEXT_MOST])
{
    text[0] = 0;
    int fd = openat(source->root, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return absence(source, path, errno);
    ssize_t size = read(fd, text, TEXT_MOST - 1);
    int number = errno;
    close(fd);
    if (size < 0)
        return -number;
    while (size && text[size - 1] == '\n')
        size--;
    text[size] = 0;
    return (int)size;
}

/* 0, or -errno. */
static int look_for(const struct source *source, const char *path)
{
    struct stat status;
    return fstatat(source->root, path, &status, 0) == 0 ? 0 : absence(source, path, errno);
}

static const char *why_not(int result)
{
    return result == -EACCES || result == -EPERM ? "only root may read it"
           : result == -ENODEV                   ? "proc, sys or dev is not mounted here"
                                                 : strerror(-result);
}

/* securityfs is where the kernel's security modules show themselves. */
static bool securityfs_is_missing(const struct source *source, struct posture_row *row,
                                  const char *meaning)
{
    char systems[TEXT_MOST];
    if (look_for(source, SECURITYFS "/lsm") == 0)
        return false;
    if (read_text(source, "proc/filesystems", systems) > 0 && !strstr(systems, "securityfs"))
        settle(row, POSTURE_UNKNOWN, meaning, "unknown: this kernel has no securityfs");
    else
        settle(row, POSTURE_UNKNOWN, meaning, "unknown: securityfs is not mounted");
    return true;
}

enum lockdown { LOCKDOWN_UNKNOWN, LOCKDOWN_NONE, LOCKDOWN_INTEGRITY, LOCKDOWN_CONFIDENTIALITY };

static enum lockdown lockdown_level(const struct source *source)
{
    char text[TEXT_MOST];
    if (read_text(source, SECURITYFS "/lockdown", text) < 0)
        return LOCKDOWN_UNKNOWN;
    return strstr(text, "[confidentiality]") ? LOCKDOWN_CONFIDENTIALITY
           : strstr(text, "[integrity]")     ? LOCKDOWN_INTEGRITY
           : strstr(text, "[none]")          ? LOCKDOWN_NONE
                                             : LOCKDOWN_UNKNOWN;
}

static void read_kernel(const struct source *source, struct posture_row *row)
{
    (void)source;
    struct utsname name;
    uname(&name);
    settle(row, POSTURE_OK, "what it can do was tried; nothing here is judged by its version",
           "%.60s %.60s", name.sysname, name.release);
}

static bool is_guest(char vendor[13])
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 31))
        return false;
    __cpuid(0x40000000, a, b, c, d);
    memcpy(vendor, &b, 4);
    memcpy(vendor + 4, &c, 4);
    memcpy(vendor + 8, &d, 4);
    vendor[12] = 0;
    for (char *at = vendor; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    return true;
}

static void read_hypervisor(const struct source *source, struct posture_row *row)
{
    (void)source;
    char vendor[13];
    if (is_guest(vendor))
        settle(row, POSTURE_WARN,
               "this machine is itself a virtual one: whoever controls the hypervisor below it can "
               "read everything in it, enclaves too",
               "%s", *vendor ? vendor : "one that does not say its name");
    else
        settle(row, POSTURE_OK, "no hypervisor shows itself below this machine", "none");
}

static void read_kvm(const struct source *source, struct posture_row *row)
{
    static const struct {
        const char *module, *kind, *parameter;
    } kinds[] = {
        {"sys/module/kvm_intel", "Intel", "sys/module/kvm_intel/parameters/ept"},
        {"sys/module/kvm_amd", "AMD", "sys/module/kvm_amd/parameters/npt"},
        {"sys/module/kvm_pvm", "PVM (without the CPU's virtualisation)", NULL},
    };
    char text[TEXT_MOST];
    int found = look_for(source, "dev/kvm");
    if (found) {
        settle(row, found == -ENOENT ? POSTURE_WARN : POSTURE_UNKNOWN,
               "vsm needs KVM; without it there is the process TEE, which protects nothing", "%s%s",
               found == -ENOENT ? "none: /dev/kvm: " : "unknown: /dev/kvm: ", why_not(found));
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (look_for(source, kinds[i].module))
            continue;
        int size = kinds[i].parameter ? read_text(source, kinds[i].parameter, text) : 0;
        if (size > 0 && (*text == 'Y' || *text == '1'))
            settle(row, POSTURE_OK, "enclaves run at the CPU's own speed, memory included",
                   "%s, nested paging", kinds[i].kind);
        else if (size < 0)
            settle(row, POSTURE_UNKNOWN,
                   "whether memory is translated by the CPU could not be seen",
                   "%s, paging unknown: %s", kinds[i].kind, why_not(size));
        else
            settle(row, POSTURE_OK,
                   "enclaves compute at the CPU's speed; the first touch of a page, and an exit, "
                   "cost more than with nested paging",
                   "%s, shadow paging", kinds[i].kind);
        return;
    }
    settle(row, POSTURE_UNKNOWN, "a KVM of a kind that this version of cella does not know",
           "unknown: none of kvm_intel, kvm_amd, kvm_pvm");
}

/* Creates a guest_memfd in a new virtual machine; -errno. */
static int try_guest_memfd(int vm, uint64_t flags)
{
    struct kvm_create_guest_memfd argument = {.size = 4096, .flags = flags};
    int memory = ioctl(vm, KVM_CREATE_GUEST_MEMFD, &argument);
    if (memory < 0)
        return -errno;
    int result = 0;
    if (flags & GUEST_MEMFD_FLAG_MMAP) {
        void *where = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
        if (where == MAP_FAILED)
            result = -errno;
        else
            munmap(where, 4096);
    }
    close(memory);
    return result;
}

static void read_guest_memfd(const struct source *source, struct posture_row *row)
{
    (void)source;
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0UL);
    if (vm < 0) {
        settle(row, POSTURE_UNKNOWN, "memory that no process maps could not be tried",
               "unknown: %s: %s", kvm < 0 ? "/dev/kvm" : "no virtual machine", strerror(errno));
    } else if (try_guest_memfd(vm, GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED) == 0) {
        settle(row, POSTURE_OK,
               "vsm keeps an enclave's memory in it: filled, then mapped by no process, and never "
               "swapped",
               "yes, with mmap");
    } else {
        int result = try_guest_memfd(vm, 0);
        settle(row, POSTURE_WARN, "vsm needs a guest_memfd that can be mapped while it is filled",
               "%s%s", result ? "no: " : "yes, without mmap", result ? strerror(-result) : "");
    }
    if (vm >= 0)
        close(vm);
    if (kvm >= 0)
        close(kvm);
}

static void read_memfd_secret(const struct source *source, struct posture_row *row)
{
    (void)source;
    int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    void *where = fd < 0 || ftruncate(fd, 4096)
                      ? MAP_FAILED
                      : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (where == MAP_FAILED)
        settle(row, POSTURE_WARN,
               "the process TEE uses ordinary memory, which other processes of root read and which "
               "can be swapped; vsm does not need it",
               "no: %s", strerror(errno));
    else
        settle(row, POSTURE_OK, "the process TEE keeps writable memory in it, up to RLIMIT_MEMLOCK",
               "yes");
    if (where != MAP_FAILED)
        munmap(where, 4096);
    if (fd >= 0)
        close(fd);
}

static void read_lockdown(const struct source *source, struct posture_row *row)
{
    static const char weak[] =
        "without lockdown=confidentiality root can read the kernel's memory "
        "and, through it, every enclave's";
    char text[TEXT_MOST];
    if (securityfs_is_missing(source, row, weak))
        return;
    switch (lockdown_level(source)) {
    case LOCKDOWN_CONFIDENTIALITY:
        settle(row, POSTURE_OK, "root cannot read the kernel's memory, nor change it",
               "confidentiality");
        return;
    case LOCKDOWN_INTEGRITY:
        settle(row, POSTURE_WARN,
               "root cannot change the kernel, but may still read memory through it; boot with "
               "lockdown=confidentiality",
               "integrity");
        return;
    case LOCKDOWN_NONE:
        settle(row, POSTURE_WARN, weak, "none");
        return;
    default:
        break;
    }
    int result = read_text(source, SECURITYFS "/lockdown", text);
    if (result == -ENOENT)
        settle(row, POSTURE_WARN, weak, "not in this kernel, or not among its lsm=");
    else
        settle(row, POSTURE_UNKNOWN, weak, "unknown: %s",
               result < 0 ? why_not(result) : "it says something new");
}

static void read_yama(const struct source *source, struct posture_row *row)
{
    static const char weak[] =
        "root can trace the process that holds an enclave, take its memory's descriptor and read "
        "its registers; set kernel.yama.ptrace_scope=3";
    char text[TEXT_MOST];
    int size = read_text(source, "proc/sys/kernel/yama/ptrace_scope", text);
    if (size == -ENOENT)
        settle(row, POSTURE_WARN, weak, "not there");
    else if (size < 0)
        settle(row, POSTURE_UNKNOWN, weak, "unknown: %s", why_not(size));
    else if (strcmp(text, "3") == 0)
        settle(row, POSTURE_OK, "no process can be traced, by root neither, until the next boot",
               "ptrace_scope 3");
    else
        settle(row, POSTURE_WARN, weak, "ptrace_scope %.20s", text);
}

/* Under lockdown unsigned modules are refused whatever sig_enforce reads. */
static void read_modules(const struct source *source, struct posture_row *row)
{
    static const char weak[] =
        "root can load code into the kernel; boot with module.sig_enforce=1 "
        "or lockdown=confidentiality";
    char text[TEXT_MOST];
    enum lockdown lockdown = lockdown_level(source);
    if (look_for(source, "proc/modules") == -ENOENT)
        settle(row, POSTURE_OK, "nothing can be loaded into this kernel", "no loadable modules");
    else if (read_text(source, "proc/sys/kernel/modules_disabled", text) > 0 && *text == '1')
        settle(row, POSTURE_OK, "nothing more can be loaded into this kernel until the next boot",
               "loading is disabled");
    else if (read_text(source, "sys/module/module/parameters/sig_enforce", text) > 0 &&
             (*text == 'Y' || *text == '1'))
        settle(row, POSTURE_OK, "only modules that the kernel's builder signed are loaded",
               "enforced");
    else if (lockdown == LOCKDOWN_INTEGRITY || lockdown == LOCKDOWN_CONFIDENTIALITY)
        settle(row, POSTURE_OK, "only modules that the kernel's builder signed are loaded",
               "enforced by lockdown");
    else
        settle(row, lockdown == LOCKDOWN_UNKNOWN ? POSTURE_UNKNOWN : POSTURE_WARN, weak, "%s",
               lockdown == LOCKDOWN_UNKNOWN ? "unknown: not by itself, and lockdown is not known"
                                            : "not enforced");
}

static void read_kexec(const struct source *source, struct posture_row *row)
{
    static const char weak[] =
        "root can start another kernel over this one, and read what memory "
        "still holds; set kernel.kexec_load_disabled=1";
    char text[TEXT_MOST];
    enum lockdown lockdown = lockdown_level(source);
    int size = read_text(source, "proc/sys/kernel/kexec_load_disabled", text);
    if (size == -ENOENT)
        settle(row, POSTURE_OK, "no other kernel can be started over this one",
               "not in this kernel");
    else if (size < 0)
        settle(row, POSTURE_UNKNOWN, weak, "unknown: %s", why_not(size));
    else if (*text == '1')
        settle(row, POSTURE_OK, "no other kernel can be started over this one", "disabled");
    else if (lockdown == LOCKDOWN_INTEGRITY || lockdown == LOCKDOWN_CONFIDENTIALITY)
        settle(row, POSTURE_OK, "only a signed kernel can be started over this one",
               "signed kernels only, by lockdown");
    else
        settle(row, lockdown == LOCKDOWN_UNKNOWN ? POSTURE_UNKNOWN : POSTURE_WARN, weak, "%s",
               lockdown == LOCKDOWN_UNKNOWN ? "unknown: possible, and lockdown is not known"
                                            : "possible");
}

/* A file through which root reads memory, unless lockdown is at least `level`. */
static void read_memory_file(const struct source *source, struct posture_row *row, const char *path,
                             enum lockdown level)
{
    static const char weak[] =
        "root can read physical or kernel memory through it, an enclave's "
        "too; boot with lockdown=confidentiality";
    enum lockdown lockdown = lockdown_level(source);
    int found = look_for(source, path);
    if (found == -ENOENT)
        settle(row, POSTURE_OK, "root has no such way into memory", "not in this kernel");
    else if (lockdown >= level)
        settle(row, POSTURE_OK, "lockdown refuses to open it", "closed by lockdown");
    else if (found)
        settle(row, POSTURE_UNKNOWN, weak, "unknown: %s", why_not(found));
    else
        settle(row, lockdown == LOCKDOWN_UNKNOWN ? POSTURE_UNKNOWN : POSTURE_WARN, weak, "%s",
               lockdown == LOCKDOWN_UNKNOWN ? "unknown: there, and lockdown is not known"
                                            : "there");
}

/* Not /dev/mem itself: root makes that where it is missing. */
static void read_dev_mem(const struct source *source, struct posture_row *row)
{
    read_memory_file(source, row, "sys/class/mem/mem", LOCKDOWN_INTEGRITY);
}

static void read_kcore(const struct source *source, struct posture_row *row)
{
    read_memory_file(source, row, "proc/kcore", LOCKDOWN_CONFIDENTIALITY);
}

static void read_secure_boot(const struct source *source, struct posture_row *row)
{
    static const char weak[] =
        "the firmware starts any kernel, so what the kernel says of itself "
        "is worth no more than the disk it was on";
    char text[TEXT_MOST] = "";
    int found = look_for(source, "sys/firmware/efi");
    if (found) {
        settle(row, found == -ENOENT ? POSTURE_WARN : POSTURE_UNKNOWN, weak, "%s%s",
               found == -ENOENT ? "not booted by UEFI" : "unknown: ",
               found == -ENOENT ? "" : why_not(found));
        return;
    }
    int fd = openat(source->root, SECURE_BOOT, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    /* Four bytes of attributes, then one of value. */
    ssize_t size = fd < 0 ? -1 : read(fd, text, 8);
    int number = errno;
    if (fd >= 0)
        close(fd);
    if (size == 5)
        settle(row, text[4] == 1 ? POSTURE_OK : POSTURE_WARN,
               text[4] == 1 ? "the firmware started only signed code" : weak, "%s",
               text[4] == 1 ? "on" : "off");
    else if (fd < 0 && number == ENOENT)
        settle(row, POSTURE_UNKNOWN, weak,
               "unknown: no SecureBoot variable, or efivarfs is not mounted");
    else
        settle(row, POSTURE_UNKNOWN, weak, "unknown: %s",
               size < 0 ? why_not(-number) : "the variable has a wrong size");
}

static void read_tpm(const struct source *source, struct posture_row *row)
{
    static const char weak[] =
        "nothing but this kernel's own word says what was booted; evidence "
        "for others needs a TPM 2.0";
    char text[TEXT_MOST];
    int found = look_for(source, "sys/class/tpm/tpm0");
    if (found)
        settle(row, found == -ENOENT ? POSTURE_WARN : POSTURE_UNKNOWN, weak, "%s%s",
               found == -ENOENT ? "none" : "unknown: ", found == -ENOENT ? "" : why_not(found));
    else if (read_text(source, "sys/class/tpm/tpm0/tpm_version_major", text) <= 0)
        settle(row, POSTURE_UNKNOWN, weak, "unknown: there is one of an unknown version");
    else
        settle(row, strcmp(text, "2") == 0 ? POSTURE_OK : POSTURE_WARN,
               strcmp(text, "2") == 0 ? "can vouch for what was booted" : weak, "version %.20s",
               text);
}

static void read_ima(const struct source *source, struct posture_row *row)
{
    static const char weak[] =
        "files that were run since boot are not recorded, so evidence cannot "
        "tell of them; boot with ima_policy=tcb";
    char text[TEXT_MOST];
    if (securityfs_is_missing(source, row, weak))
        return;
    int size = read_text(source, SECURITYFS "/ima/runtime_measurements_count", text);
    if (size == -ENOENT)
        settle(row, POSTURE_WARN, weak, "not in this kernel");
    else if (size < 0)
        settle(row, POSTURE_UNKNOWN, weak, "unknown: %s", why_not(size));
    else if (strtoull(text, NULL, 10) > 1) /* the boot aggregate is always there */
        settle(row, POSTURE_OK, "files that are run are recorded", "%.20s measurements", text);
    else
        settle(row, POSTURE_WARN, weak, "no policy: %.20s measurement", text);
}

static void read_swap(const struct source *source, struct posture_row *row)
{
    static const char meaning[] =
        "vsm memory (guest_memfd) is never swapped; the process TEE's is, where it is not "
        "memfd_secret, and so are buffers shared with the host";
    char text[TEXT_MOST];
    int size = read_text(source, "proc/swaps", text);
    if (size < 0) {
        if (size == -ENOENT)
            settle(row, POSTURE_OK, "this kernel does not swap", "not in this kernel");
        else
            settle(row, POSTURE_UNKNOWN, meaning, "unknown: %s", why_not(size));
        return;
    }
    unsigned count = 0;
    char first[100] = "";
    for (char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
        if (count++ == 0)
            snprintf(first, sizeof(first), "%.*s", (int)strcspn(line + 1, " \t"), line + 1);
    }
    if (count == 0)
        settle(row, POSTURE_OK, "no memory is written to disk", "none");
    else
        settle(row, POSTURE_WARN, meaning, "%u active: %s%s", count, first,
               count > 1 ? " and others" : "");
}

static void read_hugepages(const struct source *source, struct posture_row *row)
{
    char text[TEXT_MOST];
    int size = read_text(source, "sys/kernel/mm/transparent_hugepage/enabled", text);
    const char *open = size > 0 ? strchr(text, '[') : NULL;
    static const char meaning[] = "speed only: an enclave's memory comes in pages of 4 KiB";
    if (open)
        settle(row, POSTURE_OK, meaning, "transparent: %.*s", (int)strcspn(open + 1, "]"),
               open + 1);
    else if (size == -ENOENT)
        settle(row, POSTURE_OK, meaning, "not in this kernel");
    else
        settle(row, POSTURE_UNKNOWN, meaning, "unknown: %s",
               size < 0 ? why_not(size) : "it says something new");
}

static void read_core_pattern(const struct source *source, struct posture_row *row)
{
    char text[TEXT_MOST];
    int size = read_text(source, "proc/sys/kernel/core_pattern", text);
    if (size < 0)
        settle(row, POSTURE_UNKNOWN, "where core dumps go could not be seen", "unknown: %s",
               why_not(size));
    else
        settle(row, POSTURE_OK,
               "no core dump holds an enclave's memory; cella run is never dumped, a program that "
               "embeds libcella may be, with what it shares with its enclave",
               "%.100s", *text ? text : "empty");
}

static void read_seccomp(const struct source *source, struct posture_row *row)
{
    (void)source;
    /* A filter at address 0 cannot be read: EFAULT comes from a kernel that would take one. */
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT)
        settle(row, POSTURE_OK,
               "the host's side of an enclave is confined to what serving it needs", "filters");
    else
        settle(row, POSTURE_WARN,
               "the host's side of an enclave cannot be confined, and cella run refuses to go on",
               "no filters: %s", strerror(errno));
}

static void read_memlock(const struct source *source, struct posture_row *row)
{
    (void)source;
    struct rlimit limit;
    if (getrlimit(RLIMIT_MEMLOCK, &limit))
        settle(row, POSTURE_UNKNOWN, "the limit could not be seen", "unknown: %s", strerror(errno));
    else if (limit.rlim_cur == RLIM_INFINITY)
        settle(row, POSTURE_OK, "memfd_secret of any size for the process TEE", "unlimited");
    else
        settle(row, POSTURE_OK,
               "most memfd_secret of the process TEE, unless root runs it; vsm does not count",
               "%llu KiB", (unsigned long long)limit.rlim_cur / 1024);
}

static void read_cpus(const struct source *source, struct posture_row *row)
{
    (void)source;
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    settle(row, count > 1 ? POSTURE_OK : POSTURE_WARN,
           count > 1 ? "requests can be served by polling, without leaving the enclave"
                     : "polling needs two: every request leaves the enclave, which is slower",
           "%ld", count);
}

static void read_vulnerabilities(const struct source *source, struct posture_row *row)
{
    static const char weak[] =
        "a process on the same CPU might learn what an enclave computes on; update the microcode "
        "and the kernel, or allow its mitigations";
    int fd = openat(source->root, VULNERABILITIES, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        settle(row, POSTURE_UNKNOWN, weak, "unknown: %s", why_not(-number));
        return;
    }
    char text[TEXT_MOST], path[512], names[120] = "";
    unsigned looked_at = 0, open = 0;
    size_t at = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", VULNERABILITIES, entry->d_name);
        if (read_text(source, path, text) < 0)
            continue;
        looked_at++;
        if (strncmp(text, "Vulnerable", strlen("Vulnerable")) != 0)
            continue;
        open++;
        int more = snprintf(names + at, sizeof(names) - at, " %s", entry->d_name);
        at = at + (size_t)more < sizeof(names) ? at + (size_t)more : sizeof(names) - 1;
    }
    closedir(folder);
    if (looked_at == 0)
        settle(row, POSTURE_UNKNOWN, weak, "unknown: the kernel tells of none");
    else if (open)
        settle(row, POSTURE_WARN, weak, "vulnerable:%s", names);
    else
        settle(row, POSTURE_OK, "the kernel knows of none that is open",
               "all %u mitigated or absent", looked_at);
}

static const struct {
    const char *name;
    void (*read)(const struct source *source, struct posture_row *row);
    const char *opens;
} table[] = {
    {"kernel", read_kernel, NULL},
    {"hypervisor", read_hypervisor, NULL},
    {"kvm", read_kvm, NULL},
    {"guest_memfd", read_guest_memfd, NULL},
    {"memfd_secret", read_memfd_secret, NULL},
    {"lockdown", read_lockdown, "read the kernel's memory"},
    {"yama", read_yama, "trace the process that holds an enclave"},
    {"module_signatures", read_modules, "load code into the kernel"},
    {"kexec", read_kexec, "start another kernel over this one"},
    {"dev_mem", read_dev_mem, "read /dev/mem"},
    {"kcore", read_kcore, "read /proc/kcore"},
    {"secure_boot", read_secure_boot, "boot another kernel"},
    {"tpm", read_tpm, NULL},
    {"ima", read_ima, NULL},
    {"swap", read_swap, NULL},
    {"hugepages", read_hugepages, NULL},
    {"core_pattern", read_core_pattern, NULL},
    {"seccomp", read_seccomp, NULL},
    {"memlock", read_memlock, NULL},
    {"cpus", read_cpus, NULL},
    {"vulnerabilities", read_vulnerabilities, NULL},
};
static_assert(sizeof(table) / sizeof(table[0]) <= POSTURE_ROWS_MOST, "every row has a place");

void posture_read(const char *root, struct posture *posture)
{
    struct source source = {.root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    memset(posture, 0, sizeof(*posture));
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct posture_row *row = &posture->rows[posture->count++];
        row->name = table[i].name;
        row->opens = table[i].opens;
        table[i].read(&source, row);
    }
    if (source.root >= 0)
        close(source.root);
}

const struct posture_row *posture_find(const struct posture *posture, const char *name)
{
    for (size_t i = 0; i < posture->count; i++)
        if (strcmp(posture->rows[i].name, name) == 0)
            return &posture->rows[i];
    return NULL;
}

const char *posture_class_name(enum posture_class class)
{
    static const char *const names[] = {"ok", "warn", "unknown"};
    return names[class];
}
