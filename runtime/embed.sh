#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes assembly ($2) that carries the runtime's ELF file ($1) as bytes, without what depends on the
# folder it was built in: the ELF header, which says where the sections' table lies, is measured.
set -eu
objcopy --strip-debug "$1" "$2.elf"
cat > "$2" <<END
    .section .rodata
    .balign 4096
    .globl runtime_blob, runtime_blob_end
    .hidden runtime_blob, runtime_blob_end
runtime_blob:
    .incbin "$(realpath "$2.elf")"
runtime_blob_end:
    .section .note.GNU-stack,"",@progbits
END
