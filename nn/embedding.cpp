#include <taper/nn/embedding.h>

#include <fmt/format.h>

#include <taper/formats/error.h>
#include <taper/nn/init.h>

namespace taper::nn {
namespace {

Tensor initial_rows(std::int64_t count, std::int64_t width, std::optional<std::int64_t> padding_index, Generator& generator) {
    if (padding_index && (*padding_index < 0 || *padding_index >= count)) {
        throw Error(fmt::format("Embedding: padding_index is out of range: {} (want less than {})", *padding_index, count));
    }
    const Tensor rows = init::normal({count, width}, 1, generator);
    if (!padding_index) return rows;
    const std::vector<Tensor> parts{core::slice(rows, 0, 0, *padding_index), init::zeros({1, width}), core::slice(rows, 0, *padding_index + 1, count)};
    return core::concatenate(parts, 0);
}

}  // namespace

Embedding::Embedding(std::int64_t count, std::int64_t width, std::optional<std::int64_t> padding_index, Generator& generator)
    : padding_index_(padding_index), weight_(add_parameter("weight", initial_rows(count, width, padding_index, generator))) {}

Variable Embedding::forward(const Variable& x) { return activation(embedding(weight_.variable, x.value(), padding_index_)); }

}  // namespace taper::nn
