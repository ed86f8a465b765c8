// Skips a test where the machine lacks the CPU level that TAPER_CPU_LEVEL asks for; CTest runs the array tests once per level.
#pragma once

#include <gtest/gtest.h>

#include <taper/formats/cpu_level.h>
#include <taper/formats/error.h>

namespace taper::tests {

class EveryLevel : public ::testing::Test {
  protected:
    void SetUp() override {
        try {
            cpu_level();
        } catch (const Error& e) {
            GTEST_SKIP() << e.what();
        }
    }
};

}  // namespace taper::tests
