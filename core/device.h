// Device: where a tensor's codes lie.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace taper {

struct Device {
    enum class Kind : std::uint8_t { cpu, cuda };
    Kind kind = Kind::cpu;
    int index = 0;

    static Device cpu() { return {}; }
    static Device cuda(int index = 0) { return {Kind::cuda, index}; }
    static Device parse(std::string_view text);  // "cpu", "cuda", "cuda:1"; throws Error
    std::string name() const;
    friend bool operator==(const Device&, const Device&) = default;
};

// Where tensors are made that name no device, in this process: the CPU until it is set.
Device default_device();
void set_default_device(const Device& device);  // throws Error where the device does not answer

}  // namespace taper
