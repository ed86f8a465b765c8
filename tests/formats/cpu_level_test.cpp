// TAPER_CPU_LEVEL: the chosen level, and the error on a word that is none.  Each choice is made once, hence in a child process.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include <taper/formats/cpu_level.h>
#include <taper/formats/error.h>

namespace taper::tests {
namespace {

[[noreturn]] void exit_by_level(const char* wish, const char* want) {
    ::setenv("TAPER_CPU_LEVEL", wish, 1);
    try {
        std::exit(std::strcmp(name(cpu_level()), want) == 0 ? 0 : 1);
    } catch (const Error& e) {
        std::exit(std::strstr(e.what(), want) != nullptr ? 2 : 3);
    }
}

TEST(CpuLevel, PlainIsEverywhere) { EXPECT_EXIT(exit_by_level("plain", "plain"), ::testing::ExitedWithCode(0), ""); }

TEST(CpuLevel, UnknownWordIsAnError) {
    EXPECT_EXIT(exit_by_level("sse9", "TAPER_CPU_LEVEL: unknown level: \"sse9\" (want plain, avx2 or avx512)"), ::testing::ExitedWithCode(2), "");
}

TEST(CpuLevel, Names) {
    EXPECT_STREQ(name(CpuLevel::plain), "plain");
    EXPECT_STREQ(name(CpuLevel::avx2), "avx2");
    EXPECT_STREQ(name(CpuLevel::avx512), "avx512");
}

}  // namespace
}  // namespace taper::tests
