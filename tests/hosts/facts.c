/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints what a host offers a vsm enclave, one "name: value" a line. Static, needs no library.
 * Each line is what the kernel answered when it was asked or tried, never what a version implies;
 * a missing or refused thing is printed as such, with the kernel's error.
 */
#include <assert.h>
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

/* Linux's include/uapi/linux/kvm.h; Debian 12's headers are older. */
#define CAP_MEMORY_FAULT_INFO  232
#define CAP_MEMORY_ATTRIBUTES  233
#define CAP_GUEST_MEMFD        234
#define CAP_VM_TYPES           235
#define CAP_GUEST_MEMFD_FLAGS  244
#define GUEST_MEMFD_MMAP       1u
#define GUEST_MEMFD_INIT_SHARE 2u

struct create_guest_memfd {
    uint64_t size;
    uint64_t flags;
    uint64_t reserved[6];
};
static_assert(sizeof(struct create_guest_memfd) == 64, "the kernel's layout");
#define CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct create_guest_memfd)

#define SIZE               4096
#define CPUID_LEAVES       256

static void print_result(const char *name, int result)
{
    printf("%s: %s\n", name, result < 0 ? strerror(errno) : "yes");
}

static void print_file(const char *path)
{
    char text[256];
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

    if (size < 0) {
        printf("%s: %s\n", path, strerror(errno));
    } else {
        text[size] = '\0';
        text[strcspn(text, "\n")] = '\0';
        printf("%s: %s\n", path, text);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static void print_open(const char *path, int flags)
{
    int fd = open(path, flags);

    printf("open %s: %s\n", path, fd < 0 ? strerror(errno) : "yes");
    if (fd >= 0) {
        close(fd);
    }
}

static void print_svm_features(const char *whose, uint32_t edx)
{
    printf("%s: 0x%08x nested-paging=%u next-rip-save=%u decode-assists=%u\n", whose, edx, edx & 1,
           edx >> 3 & 1, edx >> 7 & 1);
}

static void print_cpu(void)
{
    uint32_t a, b, c, d;
    char vendor[13] = "";

    __cpuid(0, a, b, c, d);
    memcpy(vendor, &b, 4);
    memcpy(vendor + 4, &d, 4);
    memcpy(vendor + 8, &c, 4);
    printf("cpu vendor: %s\n", vendor);

    c = d = 0;
    __get_cpuid(0x80000001, &a, &b, &c, &d);
    printf("cpu svm: %s\n", c >> 2 & 1 ? "yes" : "no");
    d = 0;
    __get_cpuid(0x8000000a, &a, &b, &c, &d);
    print_svm_features("cpu svm features", d);
}

/* Creates guest memory, maps it, fills it: what a launch does before it unmaps it again. */
static void try_guest_memfd(int vm, uint64_t flags)
{
    struct create_guest_memfd create = {.size = SIZE, .flags = flags};
    int fd = ioctl(vm, CREATE_GUEST_MEMFD, &create);
    char name[64];
    void *map;

    snprintf(name, sizeof name, "guest_memfd with flags %u", (unsigned)flags);
    print_result(name, fd);
    if (fd < 0) {
        return;
    }
    map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    snprintf(name, sizeof name, "guest_memfd with flags %u, mapped", (unsigned)flags);
    print_result(name, map == MAP_FAILED ? -1 : 0);
    if (map != MAP_FAILED) {
        memset(map, 0x5a, SIZE);
        munmap(map, SIZE);
    }
    close(fd);
}

static void print_supported_cpuid(int kvm)
{
    static union {
        struct kvm_cpuid2 head;
        char room[sizeof(struct kvm_cpuid2) + CPUID_LEAVES * sizeof(struct kvm_cpuid_entry2)];
    } cpuid;

    cpuid.head.nent = CPUID_LEAVES;
    if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0) {
        printf("KVM_GET_SUPPORTED_CPUID: %s\n", strerror(errno));
        return;
    }
    for (uint32_t i = 0; i < cpuid.head.nent; i++) {
        const struct kvm_cpuid_entry2 *leaf = &cpuid.head.entries[i];

        if (leaf->function == 7 && leaf->index == 0) {
            printf("guest fsgsbase: %u\n", leaf->ebx & 1);
        } else if (leaf->function == 0xd && leaf->index == 0) {
            printf("guest xcr0 bits: 0x%x\n", leaf->eax);
        } else if (leaf->function == 0x8000000a) {
            print_svm_features("guest svm features", leaf->edx);
        }
    }
}

static void print_kvm(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int vm;

    print_result("open /dev/kvm", kvm);
    if (kvm < 0) {
        return;
    }
    printf("KVM_GET_API_VERSION: %d\n", ioctl(kvm, KVM_GET_API_VERSION, 0));
    print_file("/sys/module/kvm_amd/parameters/npt");
    print_file("/sys/module/kvm_amd/parameters/nrips");
    print_supported_cpuid(kvm);

    vm = ioctl(kvm, KVM_CREATE_VM, 0);
    print_result("KVM_CREATE_VM", vm);
    if (vm >= 0) {
        printf("KVM_CAP_MEMORY_FAULT_INFO: %d\n",
               ioctl(vm, KVM_CHECK_EXTENSION, CAP_MEMORY_FAULT_INFO));
        printf("KVM_CAP_MEMORY_ATTRIBUTES: %d\n",
               ioctl(vm, KVM_CHECK_EXTENSION, CAP_MEMORY_ATTRIBUTES));
        printf("KVM_CAP_VM_TYPES: 0x%x\n", ioctl(vm, KVM_CHECK_EXTENSION, CAP_VM_TYPES));
        printf("KVM_CAP_GUEST_MEMFD: %d\n", ioctl(vm, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD));
        printf("KVM_CAP_GUEST_MEMFD_FLAGS: 0x%x\n",
               ioctl(vm, KVM_CHECK_EXTENSION, CAP_GUEST_MEMFD_FLAGS));
        try_guest_memfd(vm, 0);
        try_guest_memfd(vm, GUEST_MEMFD_MMAP | GUEST_MEMFD_INIT_SHARE);
        close(vm);
    }
    close(kvm);
}

static void print_memfd_secret(void)
{
    int fd = (int)syscall(SYS_memfd_secret, 0);
    void *map = MAP_FAILED;

    print_result("memfd_secret", fd);
    if (fd >= 0 && ftruncate(fd, SIZE) == 0) {
        map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        print_result("memfd_secret, mapped", map == MAP_FAILED ? -1 : 0);
        close(fd);
    }
}

/* A child is what Yama's milder scopes still let its parent open. */
static void print_child_memory(void)
{
    char path[32];
    pid_t child = fork();

    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pause();
        _exit(0);
    }
    if (child < 0) {
        printf("fork: %s\n", strerror(errno));
        return;
    }
    snprintf(path, sizeof path, "/proc/%d/mem", (int)child);
    int fd = open(path, O_RDWR);

    print_result("open a child's /proc/PID/mem", fd);
    if (fd >= 0) {
        close(fd);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

int main(void)
{
    struct utsname name;

    uname(&name);
    printf("kernel: %s %s\n", name.release, name.version);
    printf("effective user: %d\n", (int)geteuid());
    print_cpu();
    print_kvm();
    print_memfd_secret();
    print_file("/sys/kernel/security/lsm");
    print_file("/sys/kernel/security/lockdown");
    print_file("/proc/sys/kernel/yama/ptrace_scope");
    print_file("/sys/kernel/security/ima/runtime_measurements_count");
    print_file("/sys/module/module/parameters/sig_enforce");
    print_child_memory();
    print_open("/dev/mem", O_RDWR);
    print_open("/proc/kcore", O_RDONLY);
    return 0;
}
