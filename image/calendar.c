/* SPDX-License-Identifier: Apache-2.0
 */
#include "calendar.h"

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from the first of March of the year 0 on, so that a leap day ends a year. */
static int64_t day_number(int year, int month, int day)
{
    int64_t from_march = (month + 9) % 12, years = year - (month < 3);
    return 365 * years + years / 4 - years / 100 + years / 400 + (153 * from_march + 2) / 5 + day -
           1;
}

bool calendar_seconds(const struct calendar_time *time, int64_t *seconds)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (time->year < 1 || time->year > 9999 || time->month < 1 || time->month > 12 ||
        time->day < 1 ||
        time->day > days[time->month - 1] + (time->month == 2 && is_leap(time->year)) ||
        time->hour < 0 || time->hour > 23 || time->minute < 0 || time->minute > 59 ||
        time->second < 0 || time->second > 59)
        return false;
    int64_t day = day_number(time->year, time->month, time->day) - day_number(1970, 1, 1);
    *seconds = ((day * 24 + time->hour) * 60 + time->minute) * 60 + time->second;
    return true;
}

int calendar_digits(const char *text, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = 10 * number + text[i] - '0';
    }
    return number;
}

bool calendar_read(const char *text, size_t size, int64_t *seconds)
{
    if (size != CALENDAR_TEXT || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':' || text[19] != 'Z')
        return false;
    const struct calendar_time time = {
        .year = calendar_digits(text, 4),
        .month = calendar_digits(text + 5, 2),
        .day = calendar_digits(text + 8, 2),
        .hour = calendar_digits(text + 11, 2),
        .minute = calendar_digits(text + 14, 2),
        .second = calendar_digits(text + 17, 2),
    };
    return calendar_seconds(&time, seconds);
}
