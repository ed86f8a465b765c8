// Fuzz target: any bytes as an idx file give a result or an Error, and memory in proportion to them.
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include <taper/formats/error.h>
#include <taper/nn/data/idx.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const int rank : {1, 3}) {
        std::istringstream stream(std::string(reinterpret_cast<const char*>(data), size));
        try {
            taper::nn::read_idx(stream, "input", rank);
        } catch (const taper::Error&) {
        }
    }
    return 0;
}
