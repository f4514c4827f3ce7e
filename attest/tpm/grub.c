/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of GRUB's commands start nothing.
 */
#include "grub.h"

#include <string.h>

#define WORD_MOST 64

bool grub_harmless(const char *command, size_t size)
{
    static const char words[] =
        " "
        "[ background_color background_image blscfg boot clear cmp configfile cpuid echo export "
        "false fwsetup gfxmode gptpriority halt hwmatch increment initrd initrdfail insmod "
        "keystatus load_env "
        "load_video loadfont ls menuentry normal play probe reboot recordfail regexp save_env "
        "savedefault search search.file search.fs_label search.fs_uuid serial set setparams sleep "
        "smbios source submenu terminal terminal_input terminal_output test true unset ";
    char word[WORD_MOST] = " ";
    size_t length = 0;
    while (length < size && command[length] != ' ')
        length++;
    if (length == 0 || length > sizeof(word) - 3 || memchr(command, 0, length))
        return false;
    if (memchr(command, '=', length))
        return true;
    memcpy(word + 1, command, length);
    word[length + 1] = ' ';
    return strstr(words, word) != NULL;
}
