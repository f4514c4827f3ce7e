/* SPDX-License-Identifier: Apache-2.0
 *
 * The posture of hosts that are made up in a folder, what doctor makes of what was found, and what
 * inspect shows of an image.
 */
#include "image_test.h"

#include "host/api.h"
#include "host/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define EFI_SECURE_BOOT "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"

static char root[] = "/tmp/host_doctor.XXXXXX";

static void put_bytes(const char *path, const void *bytes, size_t size)
{
    char full[512];
    int length = snprintf(full, sizeof(full), "%s/%s", root, path);
    for (char *at = full + strlen(root) + 1; at < full + length; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
        *at = '/';
    }
    int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static void put(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

/* A host with proc, sys, dev and securityfs, and nothing in them. */
static int setup(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    if (!mkdtemp(root))
        return -1;
    put("proc/version", "");
    put("proc/filesystems", "nodev\tsecurityfs\n");
    put("sys/kernel/security/lsm", "");
    put("dev/null", "");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void expect(const char *name, enum posture_class class, const char *value)
{
    struct posture posture;
    posture_read(root, &posture);
    const struct posture_row *row = posture_find(&posture, name);
    if (!row)
        fail_msg("there is no row %s", name);
    if (row->class != class || strcmp(row->value, value) != 0)
        fail_msg("%s is %s, \"%s\"; expected %s, \"%s\"", name, posture_class_name(row->class),
                 row->value, posture_class_name(class), value);
}

static void test_rows_are_whole(void **state)
{
    (void)state;
    struct posture posture;
    posture_read("/", &posture);
    assert_true(posture.count > 15);
    for (size_t i = 0; i < posture.count; i++) {
        const struct posture_row *row = &posture.rows[i];
        assert_true(*row->name && *row->value && row->meaning && *row->meaning);
        assert_ptr_equal(posture_find(&posture, row->name), row);
        assert_int_equal(row->class == POSTURE_UNKNOWN, strstr(row->value, "unknown") != NULL);
    }
    assert_null(posture_find(&posture, "no_such_row"));
}

/* Without proc, sys and dev nothing that is looked for in them is said to be well. */
static void test_nothing_to_see(void **state)
{
    (void)state;
    static const char *const names[] = {
        "kvm",          "lockdown",
        "yama",         "module_signatures",
        "kexec",        "dev_mem",
        "kcore",        "secure_boot",
        "tpm",          "ima",
        "swap",         "hugepages",
        "core_pattern", "vulnerabilities",
    };
    char empty[600];
    struct posture posture;
    snprintf(empty, sizeof(empty), "%s/empty", root);
    assert_int_equal(mkdir(empty, 0700), 0);
    for (int missing = 0; missing < 2; missing++) {
        posture_read(empty, &posture);
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            const struct posture_row *row = posture_find(&posture, names[i]);
            if (row->class != POSTURE_UNKNOWN)
                fail_msg("%s is %s, \"%s\"", names[i], posture_class_name(row->class), row->value);
        }
        rmdir(empty);
    }
}

static void test_lockdown(void **state)
{
    (void)state;
    expect("lockdown", POSTURE_WARN, "not in this kernel, or not among its lsm=");
    put("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    expect("lockdown", POSTURE_WARN, "none");
    put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    expect("lockdown", POSTURE_WARN, "integrity");
    put("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    expect("lockdown", POSTURE_OK, "confidentiality");
    put("sys/kernel/security/lockdown", "none integrity confidentiality\n");
    expect("lockdown", POSTURE_UNKNOWN, "unknown: it says something new");
}

static void test_securityfs_not_mounted(void **state)
{
    (void)state;
    char path[600];
    snprintf(path, sizeof(path), "%s/sys/kernel/security/lsm", root);
    assert_int_equal(unlink(path), 0);
    expect("lockdown", POSTURE_UNKNOWN, "unknown: securityfs is not mounted");
    expect("ima", POSTURE_UNKNOWN, "unknown: securityfs is not mounted");
    put("proc/filesystems", "nodev\tproc\n");
    expect("lockdown", POSTURE_UNKNOWN, "unknown: this kernel has no securityfs");
}

static void test_yama(void **state)
{
    (void)state;
    expect("yama", POSTURE_WARN, "not there");
    put("proc/sys/kernel/yama/ptrace_scope", "1\n");
    expect("yama", POSTURE_WARN, "ptrace_scope 1");
    put("proc/sys/kernel/yama/ptrace_scope", "3\n");
    expect("yama", POSTURE_OK, "ptrace_scope 3");
}

static void test_modules(void **state)
{
    (void)state;
    expect("module_signatures", POSTURE_OK, "no loadable modules");
    put("proc/modules", "");
    put("sys/module/module/parameters/sig_enforce", "N\n");
    expect("module_signatures", POSTURE_UNKNOWN,
           "unknown: not by itself, and lockdown is not known");
    put("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    expect("module_signatures", POSTURE_WARN, "not enforced");
    put("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    expect("module_signatures", POSTURE_OK, "enforced by lockdown");
    put("sys/module/module/parameters/sig_enforce", "Y\n");
    expect("module_signatures", POSTURE_OK, "enforced");
    put("proc/sys/kernel/modules_disabled", "1\n");
    expect("module_signatures", POSTURE_OK, "loading is disabled");
}

static void test_kexec(void **state)
{
    (void)state;
    expect("kexec", POSTURE_OK, "not in this kernel");
    put("proc/sys/kernel/kexec_load_disabled", "0\n");
    expect("kexec", POSTURE_UNKNOWN, "unknown: possible, and lockdown is not known");
    put("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    expect("kexec", POSTURE_WARN, "possible");
    put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    expect("kexec", POSTURE_OK, "signed kernels only, by lockdown");
    put("proc/sys/kernel/kexec_load_disabled", "1\n");
    expect("kexec", POSTURE_OK, "disabled");
}

/* Lockdown closes /dev/mem from integrity on, /proc/kcore only with confidentiality. */
static void test_memory_files(void **state)
{
    (void)state;
    expect("dev_mem", POSTURE_OK, "not in this kernel");
    expect("kcore", POSTURE_OK, "not in this kernel");
    put("sys/class/mem/mem/dev", "1:1\n");
    put("proc/kcore", "");
    expect("dev_mem", POSTURE_UNKNOWN, "unknown: there, and lockdown is not known");
    put("sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
    expect("dev_mem", POSTURE_WARN, "there");
    expect("kcore", POSTURE_WARN, "there");
    put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n");
    expect("dev_mem", POSTURE_OK, "closed by lockdown");
    expect("kcore", POSTURE_WARN, "there");
    put("sys/kernel/security/lockdown", "none integrity [confidentiality]\n");
    expect("kcore", POSTURE_OK, "closed by lockdown");
}

static void test_secure_boot(void **state)
{
    (void)state;
    expect("secure_boot", POSTURE_WARN, "not booted by UEFI");
    put("sys/firmware/efi/systab", "");
    expect("secure_boot", POSTURE_UNKNOWN,
           "unknown: no SecureBoot variable, or efivarfs is not mounted");
    put_bytes(EFI_SECURE_BOOT, "\x06\0\0\0\1", 5);
    expect("secure_boot", POSTURE_OK, "on");
    put_bytes(EFI_SECURE_BOOT, "\x06\0\0\0\0", 5);
    expect("secure_boot", POSTURE_WARN, "off");
    put_bytes(EFI_SECURE_BOOT, "\x06\0\0\0", 4);
    expect("secure_boot", POSTURE_UNKNOWN, "unknown: the variable has a wrong size");
}

static void test_tpm_and_ima(void **state)
{
    (void)state;
    expect("tpm", POSTURE_WARN, "none");
    put("sys/class/tpm/tpm0/uevent", "");
    expect("tpm", POSTURE_UNKNOWN, "unknown: there is one of an unknown version");
    put("sys/class/tpm/tpm0/tpm_version_major", "1\n");
    expect("tpm", POSTURE_WARN, "version 1");
    put("sys/class/tpm/tpm0/tpm_version_major", "2\n");
    expect("tpm", POSTURE_OK, "version 2");
    expect("ima", POSTURE_WARN, "not in this kernel");
    put("sys/kernel/security/ima/runtime_measurements_count", "1\n");
    expect("ima", POSTURE_WARN, "no policy: 1 measurement");
    put("sys/kernel/security/ima/runtime_measurements_count", "812\n");
    expect("ima", POSTURE_OK, "812 measurements");
}

static void test_kvm(void **state)
{
    (void)state;
    expect("kvm", POSTURE_WARN, "none: /dev/kvm: No such file or directory");
    put("dev/kvm", "");
    expect("kvm", POSTURE_UNKNOWN, "unknown: none of kvm_intel, kvm_amd, kvm_pvm");
    put("sys/module/kvm_pvm/parameters/x", "");
    expect("kvm", POSTURE_OK, "PVM (without the CPU's virtualisation), shadow paging");
    put("sys/module/kvm_amd/parameters/npt", "0\n");
    expect("kvm", POSTURE_OK, "AMD, shadow paging");
    put("sys/module/kvm_amd/parameters/npt", "Y\n");
    expect("kvm", POSTURE_OK, "AMD, nested paging");
    put("sys/module/kvm_intel/uevent", "");
    expect("kvm", POSTURE_UNKNOWN, "Intel, paging unknown: No such file or directory");
    put("sys/module/kvm_intel/parameters/ept", "Y\n");
    expect("kvm", POSTURE_OK, "Intel, nested paging");
}

static void test_memory_rows(void **state)
{
    (void)state;
    expect("swap", POSTURE_OK, "not in this kernel");
    put("proc/swaps", "Filename\tType\n");
    expect("swap", POSTURE_OK, "none");
    put("proc/swaps", "Filename\tType\n/dev/sda2 partition 1\n/swap\x1b[2J file 2\n");
    expect("swap", POSTURE_WARN, "2 active: /dev/sda2 and others");
    put("proc/swaps", "Filename\tType\n/swap\x1b[2J file 2\n");
    expect("swap", POSTURE_WARN, "1 active: /swap?[2J");
    expect("hugepages", POSTURE_OK, "not in this kernel");
    put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    expect("hugepages", POSTURE_OK, "transparent: madvise");
    put("proc/sys/kernel/core_pattern", "|/usr/bin/dump %p\n");
    expect("core_pattern", POSTURE_OK, "|/usr/bin/dump %p");
    put("proc/sys/kernel/core_pattern", "\n");
    expect("core_pattern", POSTURE_OK, "empty");
}

static void test_vulnerabilities(void **state)
{
    (void)state;
    put("sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
    put("sys/devices/system/cpu/vulnerabilities/spectre_v1", "Mitigation: Vulnerable no more\n");
    expect("vulnerabilities", POSTURE_OK, "all 2 mitigated or absent");
    put("sys/devices/system/cpu/vulnerabilities/mds", "Vulnerable: no microcode\n");
    expect("vulnerabilities", POSTURE_WARN, "vulnerable: mds");
    for (int i = 0; i < 40; i++) {
        char path[128];
        snprintf(path, sizeof(path), "sys/devices/system/cpu/vulnerabilities/number_%d", i);
        put(path, "Vulnerable\n");
    }
    struct posture posture;
    posture_read(root, &posture);
    assert_int_equal(posture_find(&posture, "vulnerabilities")->class, POSTURE_WARN);
}

/* What was found: vsm and process as told, and two rows of posture. */
static struct doctor found(bool vsm, bool process)
{
    struct doctor doctor = {
        .tees = {{"vsm", {.works = vsm, .sealed = vsm, .summary = "sum", .count = 1}},
                 {"sgx", {.summary = "not in this version of cella"}},
                 {"process", {.works = process, .summary = "sum"}}},
        .posture = {.count = 2,
                    .rows = {{"yama", "trace it", "not there", POSTURE_WARN, "meaning"},
                             {"lockdown", "read it", "unknown: x", POSTURE_UNKNOWN, "meaning"}}},
    };
    doctor.tees[0].probe.capabilities[0] =
        (struct tee_capability){"KVM", vsm, "found \"it\"", "do this"};
    return doctor;
}

static void test_findings(void **state)
{
    (void)state;
    struct doctor doctor = found(true, true);
    assert_int_equal(doctor_finding(&doctor), CELLA_FOUND_SEALED);
    doctor = found(true, false);
    assert_int_equal(doctor_finding(&doctor), CELLA_FOUND_SEALED);
    doctor = found(false, true);
    assert_int_equal(doctor_finding(&doctor), CELLA_FOUND_UNSEALED);
    doctor = found(false, false);
    assert_int_equal(doctor_finding(&doctor), CELLA_FOUND_NONE);
    /* Sealed but not working is nothing. */
    doctor.tees[0].probe.sealed = true;
    assert_int_equal(doctor_finding(&doctor), CELLA_FOUND_NONE);
}

static void assert_holds(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text ? text : "(nothing)");
}

static void test_text(void **state)
{
    (void)state;
    struct doctor doctor = found(true, true);
    char *text = doctor_text(&doctor);
    assert_holds(text, "works, sealed: sum");
    assert_holds(text, "to do: do this");
    assert_holds(text,
                 "\nvsm works and is sealed; root on this host can still trace it (yama); not "
                 "seen, whether root can read it (lockdown)\n");
    free(text);
    doctor = found(false, true);
    doctor.posture.rows[0].class = doctor.posture.rows[1].class = POSTURE_OK;
    text = doctor_text(&doctor);
    assert_holds(text, "works, not sealed: sum");
    assert_holds(text, "\nno sealed TEE works here: enclaves run, unprotected, for development\n");
    free(text);
    doctor = found(false, false);
    text = doctor_text(&doctor);
    assert_holds(text, "\nno TEE works here; root");
    free(text);
}

static void test_json(void **state)
{
    (void)state;
    struct doctor doctor = found(true, false);
    char *text = doctor_json(&doctor);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    json_t *tee = json_array_get(json_object_get(json, "tees"), 0);
    json_t *row = json_array_get(json_object_get(tee, "capabilities"), 0);
    assert_string_equal(json_string_value(json_object_get(tee, "name")), "vsm");
    assert_true(json_is_true(json_object_get(tee, "works")));
    assert_true(json_is_true(json_object_get(tee, "sealed")));
    assert_string_equal(json_string_value(json_object_get(tee, "summary")), "sum");
    assert_string_equal(json_string_value(json_object_get(row, "name")), "KVM");
    assert_true(json_is_true(json_object_get(row, "works")));
    assert_string_equal(json_string_value(json_object_get(row, "found")), "found \"it\"");
    assert_string_equal(json_string_value(json_object_get(row, "remedy")), "do this");
    assert_int_equal(json_array_size(json_object_get(json, "tees")), DOCTOR_TEES);
    row = json_array_get(json_object_get(json, "posture"), 1);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "lockdown");
    assert_string_equal(json_string_value(json_object_get(row, "value")), "unknown: x");
    assert_string_equal(json_string_value(json_object_get(row, "class")), "unknown");
    assert_string_equal(json_string_value(json_object_get(row, "meaning")), "meaning");
    assert_non_null(json_string_value(json_object_get(json, "summary")));
    json_decref(json);
    free(text);
}

/* An image with a carried, a memory and a plain file, whose argument tries to drive a terminal. */
static struct image *inspected(void)
{
    static const char manifest_json[] =
        "{\"cella\":1,\"threads\":2,\"arguments\":[\"p\",\"a\\u001b[2J\\n\\\\b\"],"
        "\"environment\":{\"A\":\"1\"},\"files\":["
        "{\"path\":\"/work\",\"kind\":\"memory\",\"size\":\"1M\"},"
        "{\"path\":\"/data\",\"kind\":\"plain\",\"source\":\"d\",\"directory\":true}]}";
    struct small small = small_program(small_code, sizeof(small_code));
    struct manifest *manifest = NULL;
    struct image *image = NULL;
    cella_error error;
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (manifest_parse(manifest_json, strlen(manifest_json), "/", "test", &manifest, &error) ||
        pack_bytes((const uint8_t *)&small, sizeof(small), "small", manifest, 1 << 26, &bytes,
                   &size, &error) ||
        image_parse(bytes, size, "small", &image, &error))
        fail_msg("%s", error.sentence);
    manifest_free(manifest);
    free(bytes);
    return image;
}

static void test_inspect(void **state)
{
    (void)state;
    char name[] = "small", *text;
    struct image *inner = inspected();
    struct cella_image image = {.image = inner, .name = name};
    cella_error error;
    assert_int_equal(cella_image_inspect(&image, true, &text, &error), CELLA_OK);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    json_t *boot = json_object_get(json, "boot"), *file;
    assert_string_equal(json_string_value(json_array_get(json_object_get(boot, "arguments"), 1)),
                        "a\\x1b[2J\\x0a\\\\b");
    assert_string_equal(json_string_value(json_array_get(json_object_get(boot, "environment"), 0)),
                        "A=1");
    file = json_array_get(json_object_get(boot, "files"), 0);
    assert_string_equal(json_string_value(json_object_get(file, "path")), "/data");
    assert_true(json_is_true(json_object_get(file, "directory")));
    assert_true(json_is_false(json_object_get(file, "writable")));
    json_t *notes = json_object_get(json, "notes");
    json_t *sites = json_object_get(notes, "sites");
    assert_true(json_is_object(json_object_get(notes, "manifest")));
    assert_int_equal(json_integer_value(json_object_get(sites, "calls")) +
                         json_integer_value(json_object_get(sites, "stubs")),
                     1);
    /* Every page that was added is in one range, and ranges rise without overlap. */
    size_t i;
    json_t *range;
    json_int_t at = 0, pages = 0;
    json_array_foreach(json_object_get(json, "pages"), i, range)
    {
        const char *what = json_string_value(json_object_get(range, "what"));
        json_int_t address = json_integer_value(json_object_get(range, "address"));
        json_int_t size = json_integer_value(json_object_get(range, "size"));
        assert_true(address >= at && size > 0 && size % 4096 == 0);
        at = address + size;
        if (!strstr(what, "not added"))
            pages += size / 4096;
    }
    assert_int_equal(pages, inner->page_count);
    assert_int_equal(at, inner->boot.heap.offset + inner->boot.heap.size);
    json_decref(json);
    free(text);

    assert_int_equal(cella_image_inspect(&image, false, &text, &error), CELLA_OK);
    assert_holds(text, "thread 1: TCS");
    assert_holds(text, "R-X  trampoline");
    assert_holds(text, "heap, not added");
    assert_holds(text, "In the blob");
    for (const char *byte = text; *byte; byte++)
        assert_true((*byte >= ' ' && *byte <= '~') || *byte == '\n');
    free(text);
    image_free(inner);
}

/* Notes that are not what notes are: an error that names the image, and no text. */
static void test_inspect_refuses(void **state)
{
    (void)state;
    char name[] = "small", *text = name;
    struct image *inner = inspected();
    struct cella_image image = {.image = inner, .name = name};
    cella_error error = {0};
    inner->boot.notes.size -= 1;
    assert_int_equal(cella_image_inspect(&image, false, &text, &error), CELLA_INVALID);
    assert_null(text);
    assert_sentence(&error, "small: notes:");
    image_free(inner);
}

int main(void)
{
#define HOST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_whole),
        HOST_TEST(test_nothing_to_see),
        HOST_TEST(test_lockdown),
        HOST_TEST(test_securityfs_not_mounted),
        HOST_TEST(test_yama),
        HOST_TEST(test_modules),
        HOST_TEST(test_kexec),
        HOST_TEST(test_memory_files),
        HOST_TEST(test_secure_boot),
        HOST_TEST(test_tpm_and_ima),
        HOST_TEST(test_kvm),
        HOST_TEST(test_memory_rows),
        HOST_TEST(test_vulnerabilities),
        cmocka_unit_test(test_findings),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_inspect),
        cmocka_unit_test(test_inspect_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
