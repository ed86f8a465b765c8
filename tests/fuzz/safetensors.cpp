// Fuzz target: any bytes as a safetensors file give tensors or an Error, and tensors no larger than the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include <taper/core/io.h>
#include <taper/core/memory.h>
#include <taper/formats/error.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const int descriptor = ::memfd_create("input", 0);
    if (descriptor < 0 || ::write(descriptor, data, size) != static_cast<ssize_t>(size)) std::abort();
    taper::reset_peak_memory();
    try {
        const taper::Loaded loaded = taper::load("/proc/self/fd/" + std::to_string(descriptor));
        for (const auto& [name, tensor] : loaded.tensors) (void)tensor.codes();
    } catch (const taper::Error&) {
    }
    ::close(descriptor);
    if (taper::memory_statistics().peak_total > static_cast<std::int64_t>(size)) std::abort();
    return 0;
}
