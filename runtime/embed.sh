#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Writes assembly ($2) that carries the runtime's ELF file ($1) as bytes.
set -eu
cat > "$2" <<END
    .section .rodata
    .balign 4096
    .globl runtime_blob, runtime_blob_end
    .hidden runtime_blob, runtime_blob_end
runtime_blob:
    .incbin "$(realpath "$1")"
runtime_blob_end:
    .section .note.GNU-stack,"",@progbits
END
