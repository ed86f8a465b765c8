#include <taper/core/device.h>

#include <atomic>
#include <charconv>

#include <taper/core/backend.h>
#include <taper/formats/error.h>

namespace taper {

namespace {

std::atomic<Device> chosen = Device::cpu();

}  // namespace

Device default_device() { return chosen; }

void set_default_device(const Device& device) {
    backend(device);
    chosen = device;
}

Device Device::parse(std::string_view text) {
    if (text == "cpu") return cpu();
    if (text == "cuda") return cuda();
    constexpr std::string_view prefix = "cuda:";
    if (text.starts_with(prefix)) {
        int index = -1;
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + prefix.size(), end, index);
        if (error == std::errc() && stop == end && index >= 0) return cuda(index);
    }
    throw Error("device: unknown name: \"" + std::string(text) + "\" (want cpu, cuda or cuda:INDEX)");
}

std::string Device::name() const {
    if (kind == Kind::cpu) return "cpu";
    return index == 0 ? "cuda" : "cuda:" + std::to_string(index);
}

}  // namespace taper
