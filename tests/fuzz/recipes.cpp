// Fuzz target: any bytes as a recipe give a recipe or an Error; a recipe that is read prints and reads back.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <taper/formats/error.h>
#include <taper/nn/recipe.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const taper::nn::Recipe recipe = taper::nn::parse_recipe({reinterpret_cast<const char*>(data), size});
        if (!(taper::nn::parse_recipe(taper::nn::print(recipe)) == recipe)) std::abort();
    } catch (const taper::Error&) {
    }
    return 0;
}
