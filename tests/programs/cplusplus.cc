// SPDX-License-Identifier: Apache-2.0
//
// C++: exceptions through frames with destructors, across threads (std::future, exception_ptr),
// containers, strings, streams, std::regex, std::filesystem, std::thread and its locks,
// thread_local objects with destructors, std::chrono, static initialisation and its order of
// destruction.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <regex>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace
{

int alive;
std::atomic<int> local_alive;

struct Counted {
    Counted()
    {
        alive++;
    }
    ~Counted()
    {
        alive--;
    }
};

struct Local {
    Local()
    {
        local_alive++;
    }
    ~Local()
    {
        local_alive--;
    }
    int value = 0;
};

thread_local Local local;

struct AtExit {
    ~AtExit()
    {
        std::cout << "destroyed at exit" << std::endl;
    }
} at_exit;

[[noreturn]] void descend(int depth)
{
    Counted counted;
    if (depth == 0)
        throw std::runtime_error("from below");
    descend(depth - 1);
}

void require(bool condition, const char *what)
{
    if (!condition) {
        std::cout.flush();
        std::cerr << "failed: " << what << std::endl;
        _exit(1);
    }
}

void exceptions()
{
    for (int round = 0; round < 100; round++) {
        try {
            descend(round);
        } catch (const std::exception &error) {
            require(std::string(error.what()) == "from below", "what()");
        }
        require(alive == 0, "every frame was unwound");
    }
    try {
        try {
            std::vector<int>().at(5);
        } catch (...) {
            std::throw_with_nested(std::logic_error("outer"));
        }
    } catch (const std::logic_error &error) {
        try {
            std::rethrow_if_nested(error);
        } catch (const std::out_of_range &) {
            std::cout << "nested exception" << std::endl;
        }
    }
    try {
        volatile std::size_t size = static_cast<std::size_t>(1) << 61;
        std::string memory(size, 'x');
        require(false, "not reached");
    } catch (const std::bad_alloc &) {
        std::cout << "bad_alloc" << std::endl;
    }
}

void threads()
{
    std::vector<std::thread> all;
    std::mutex mutex;
    long sum = 0;
    for (int i = 0; i < 8; i++) {
        all.emplace_back([&, i] {
            for (int j = 0; j < 1000; j++) {
                std::lock_guard<std::mutex> lock(mutex);
                sum += i;
            }
            local.value = i;
            try {
                descend(0);
            } catch (const std::runtime_error &) {
            }
        });
        all.back().join();
    }
    require(alive == 0, "unwound in threads");
    std::cout << "sum " << sum << ", thread-local objects " << local_alive << std::endl;

    std::vector<std::future<int>> futures;
    for (int i = 0; i < 6; i++) {
        futures.push_back(std::async(std::launch::async, [i] {
            if (i == 3)
                throw std::invalid_argument("three");
            return i * i;
        }));
    }
    for (auto &future : futures) {
        try {
            std::cout << future.get() << ' ';
        } catch (const std::invalid_argument &error) {
            std::cout << error.what() << ' ';
        }
    }
    std::cout << std::endl;

    std::condition_variable ready;
    bool set = false;
    std::thread setter([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        std::lock_guard<std::mutex> lock(mutex);
        set = true;
        ready.notify_all();
    });
    {
        std::unique_lock<std::mutex> lock(mutex);
        ready.wait(lock, [&] { return set; });
        require(!ready.wait_for(lock, std::chrono::milliseconds(10), [] { return false; }),
                "the wait timed out");
    }
    setter.join();
    std::shared_mutex shared;
    std::shared_lock<std::shared_mutex> reader(shared);
    require(!shared.try_lock(), "a reader holds it");
    std::cout << "condition variable and shared mutex" << std::endl;
}

void library()
{
    std::map<std::string, int> counts;
    std::istringstream words("the quick brown fox and the lazy dog and the cat");
    for (std::string word; words >> word;)
        counts[word]++;
    for (const auto &[word, count] : counts)
        std::cout << word << '=' << count << ' ';
    std::cout << std::endl;

    std::vector<int> numbers(100000);
    std::iota(numbers.begin(), numbers.end(), 0);
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937(7));
    std::sort(numbers.begin(), numbers.end());
    require(std::is_sorted(numbers.begin(), numbers.end()), "sorted");
    std::unordered_map<int, std::string> texts;
    for (int i = 0; i < 20000; i++)
        texts[i] = std::to_string(i);
    require(texts.size() == 20000 && texts[777] == "777", "unordered_map");

    std::regex date(R"((\d{4})-(\d{2})-(\d{2}))");
    std::smatch match;
    const std::string text = "signed on 2026-11-23 at noon";
    require(std::regex_search(text, match, date), "regex");
    std::cout << match[1] << '/' << match[2] << '/' << match[3] << std::endl;

    std::random_device device;
    require(device() != device() || device() != device(), "random_device");
    auto start = std::chrono::steady_clock::now();
    require(std::chrono::steady_clock::now() >= start, "steady_clock");
    std::ostringstream formatted;
    formatted.precision(12);
    formatted << std::hex << 255 << ' ' << std::boolalpha << true << ' ' << 3.14159265358979;
    std::cout << formatted.str() << std::endl;
}

void files()
{
    namespace fs = std::filesystem;
    fs::path top = "/tmp/cella-cplusplus-" + std::to_string(getpid());
    require(fs::create_directories(top / "a" / "b"), "create_directories");
    std::ofstream(top / "a" / "file.txt") << "one\ntwo\nthree\n";
    std::ifstream in(top / "a" / "file.txt");
    int lines = 0;
    for (std::string line; std::getline(in, line);)
        lines++;
    in.close();
    fs::rename(top / "a" / "file.txt", top / "a" / "b" / "renamed.txt");
    std::vector<std::string> names;
    for (const auto &entry : fs::recursive_directory_iterator(top))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    std::cout << lines << " lines:";
    for (const auto &name : names)
        std::cout << ' ' << name;
    std::cout << ", " << fs::file_size(top / "a" / "b" / "renamed.txt") << " bytes, "
              << fs::remove_all(top) << " removed" << std::endl;
    try {
        (void)fs::file_size(top);
    } catch (const fs::filesystem_error &error) {
        std::cout << "filesystem_error " << error.code().value() << std::endl;
    }
}

} // namespace

int main()
{
    exceptions();
    threads();
    library();
    files();
    return 0;
}
