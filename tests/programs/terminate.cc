// SPDX-License-Identifier: Apache-2.0
//
// An exception that nobody catches ends the program by SIGABRT; what was flushed before is there.
#include <iostream>
#include <stdexcept>

int main()
{
    std::cout << "throwing" << std::endl;
    throw std::runtime_error("nobody catches this");
}
