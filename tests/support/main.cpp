// main of every test: TAPER_TEST_DEVICE names the device that tensors are made on.  "cuda": a missing GPU is a failure; "cuda,optional": the
// tests are skipped, with exit code 77, which CTest shows as such.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include <taper/core/device.h>
#include <taper/formats/error.h>

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    const char* const named = std::getenv("TAPER_TEST_DEVICE");
    std::string device = named == nullptr ? "cpu" : named;
    const std::string suffix = ",optional";
    const bool optional = device.ends_with(suffix);
    if (optional) device.resize(device.size() - suffix.size());
    try {
        taper::set_default_device(taper::Device::parse(device));
    } catch (const taper::Error& error) {
        std::printf("%s: %s\n", optional ? "skipped" : "failed", error.what());
        return optional ? 77 : 1;
    }
    return RUN_ALL_TESTS();
}
