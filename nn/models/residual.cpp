#include <taper/nn/models/residual.h>

#include <fmt/format.h>

#include <taper/formats/error.h>

namespace taper::nn {

int blocks_of_depth(const char* model, int depth) {
    if (depth < 8 || depth % 6 != 2) throw Error(fmt::format("{}: no such depth: {} (want 6 n + 2, at least 8)", model, depth));
    return (depth - 2) / 6;
}

}  // namespace taper::nn
