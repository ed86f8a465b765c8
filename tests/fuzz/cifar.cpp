// Fuzz target: any bytes as a CIFAR file give records or an Error, and memory in proportion to them.
#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include <taper/formats/error.h>
#include <taper/nn/data/cifar.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const taper::nn::Cifar kind : {taper::nn::Cifar::ten, taper::nn::Cifar::hundred}) {
        std::istringstream stream(std::string(reinterpret_cast<const char*>(data), size));
        taper::nn::ImageClassification images;
        try {
            taper::nn::read_cifar(stream, "input", kind, images);
            images.check();
        } catch (const taper::Error&) {
        }
    }
    return 0;
}
