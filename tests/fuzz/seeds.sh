#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes seeds for the fuzz targets in FOLDER/elf, FOLDER/sgxs and FOLDER/manifest: small programs in
# many shapes, rather than files kept in the repository.
# Usage: seeds.sh FOLDER
set -eu
folder=$1
mkdir -p "$folder/elf" "$folder/sgxs" "$folder/manifest"

source=$(mktemp --suffix=.S)
trap 'rm -f "$source"' EXIT
cat > "$source" <<'END'
    .text
    .globl _start
    .type _start, @function
_start:
    mov $39, %eax
    syscall
    mov %eax, -8(%rsp)
    mov $39, %eax
    syscall
    cmp $-4096, %rax
    ja 1f
    push %rbp
    mov %rsp, %rbp
    and $-32, %rsp
    sub %rax, %rsp
    leave
1:  jmp *table(,%rax,8)
2:  mov $60, %eax
    syscall
    ret
    .size _start, . - _start
    .section .rodata
table:
    .quad 1b, 2b
    .section .note.GNU-stack,"",@progbits
END
gcc -nostdlib -static -no-pie "$source" -o "$folder/elf/small"
gcc -nostdlib -static -no-pie -s "$source" -o "$folder/elf/stripped"
gcc -nostdlib -static -no-pie -Wl,-z,noseparate-code "$source" -o "$folder/elf/together"
printf 'int main(void){return 0;}' | musl-gcc -static -Os -x c - -o "$folder/elf/musl"
strip -o "$folder/elf/musl-stripped" "$folder/elf/musl"

printf '\000\020\000\000\001\000\000\000' > "$folder/sgxs/change"
printf 'ECREATE\000\001\000\000\000' > "$folder/sgxs/start"

printf '{"cella":1}' > "$folder/manifest/least"
cat > "$folder/manifest/most" <<'END'
{"cella": 1, "arguments": ["program", "-x"], "environment": {"NAME": "VALUE"},
 "working_directory": "/work", "heap_size": "1G", "threads": 16, "clock": true,
 "network": false, "statistics": true,
 "files": [{"path": "/etc/x", "kind": "measured", "source": "x"},
           {"path": "/big", "kind": "measured", "source": "/big", "carry": false},
           {"path": "/work", "kind": "memory", "size": "256M"},
           {"path": "/data", "kind": "plain", "source": "dir", "directory": true,
            "writable": true}]}
END
printf '{"cella":1,"arguments":"host","environment":"host","files":[]}' > "$folder/manifest/host"
