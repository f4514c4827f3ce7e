/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers to text and back in the C locale; the floating-point environment at start is the standard
 * one; the mathematics library.
 */
#include "check.h"
#include <fenv.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <wchar.h>

int main(void)
{
    volatile double third = 1.0 / 3.0, zero = 0.0;

    CHECK(fegetround() == FE_TONEAREST);
    printf("%.17g %g %e %f %a\n", third, 1e-300, 12345.678, -0.5, 1.0);
    printf("%Lf %.3Lg\n", 1.25L, 1e4000L);
    printf("%g %g %g\n", 1 / zero, -1 / zero, fabs(zero / zero));
    printf("%d %ld %#llx %08.3f|%-6s|%+d|%5.2s|\n", -1, 1L << 40, 1ULL << 63, 3.14159, "ab", 7,
           "abc");
    printf("%.10f %.10f %.10f %.10f\n", sin(1), exp(1), pow(2, 0.5), log(10));
    printf("%.17g\n", strtod("2.2250738585072014e-308", NULL));
    printf("%lld %llu\n", strtoll("-9223372036854775808", NULL, 10),
           strtoull("18446744073709551615", NULL, 10));
    CHECK(setlocale(LC_ALL, "") != NULL);
    printf("%s %c\n", setlocale(LC_ALL, NULL), localeconv()->decimal_point[0]);
    double parsed;
    int whole;
    CHECK(sscanf("0x10 2.5e3", "%i %lf", &whole, &parsed) == 2);
    printf("%d %g\n", whole, parsed);
    CHECK(fesetround(FE_UPWARD) == 0);
    printf("%.1f\n", rint(third * 9.0 - 0.9));
    return 0;
}
